import { outOfRange } from '../input/errors.ts';

/** Most ranges a state keeps. */
export const MOST_RANGES = 2 ** 16;

/** Sample indices from `from` on, before `to`. */
export type Range = readonly [from: number, to: number];

const shown = ([from, to]: Range): string => `[${from}, ${to})`;

function overlapping(name: string, both: Range): RangeError {
  return outOfRange(
    name,
    'samples that have not been counted yet (give each shard the index of its first sample: firstIndex, --first-index)',
    `${shown(both)} again`,
  );
}

/** The sample indices that have been counted: ranges, sorted, apart from one another. */
export class Coverage {
  readonly ranges: Range[];

  constructor(ranges: readonly Range[] = []) {
    this.ranges = [...ranges];
  }

  /**
   * Check that [from, to) can be added.
   *
   * @throws RangeError when part of it has been counted, or when it would be one range too many
   */
  check([from, to]: Range): void {
    if (from === to) return;
    const { ranges } = this;
    const i = this.#after(from);
    const next = ranges[i];
    if (next && next[0] < to) throw overlapping('firstIndex', [Math.max(from, next[0]), Math.min(to, next[1])]);
    const joined = ranges[i - 1]?.[1] === from || next?.[0] === to;
    if (ranges.length >= MOST_RANGES && !joined) {
      throw outOfRange('firstIndex', `at most ${MOST_RANGES} ranges of samples apart from one another`, 'one more');
    }
  }

  /** Add [from, to), which `check` has let pass. */
  add([from, to]: Range): void {
    if (from === to) return;
    const { ranges } = this;
    const i = this.#after(from);
    const before = ranges[i - 1];
    const next = ranges[i];
    const first = before?.[1] === from ? i - 1 : i;
    const last = next?.[0] === to ? i + 1 : i;
    ranges.splice(first, last - first, [first < i ? (before as Range)[0] : from, last > i ? (next as Range)[1] : to]);
  }

  /**
   * The ranges of both.
   *
   * @throws RangeError when they overlap, or are too many together
   */
  union(other: Coverage): Coverage {
    const all = [...this.ranges, ...other.ranges].sort((a, b) => a[0] - b[0]);
    const joined: [number, number][] = [];
    for (const [from, to] of all) {
      const last = joined[joined.length - 1];
      if (last && from < last[1]) throw overlapping('other', [from, Math.min(to, last[1])]);
      if (last && from === last[1]) last[1] = to;
      else joined.push([from, to]);
    }
    if (joined.length > MOST_RANGES) throw outOfRange('other', `at most ${MOST_RANGES} ranges together`, joined.length);
    return new Coverage(joined);
  }

  /**
   * The ranges of this one without those of the other.
   *
   * @throws RangeError when the other has samples that this one has not, or what is left is of too many ranges
   */
  without(other: Coverage): Coverage {
    const left: Range[] = [];
    let i = 0;
    let start = this.ranges[0]?.[0] ?? 0;
    for (const [from, to] of other.ranges) {
      for (let range = this.ranges[i]; range && range[1] <= from; range = this.ranges[i]) {
        if (start < range[1]) left.push([start, range[1]]);
        start = this.ranges[++i]?.[0] ?? 0;
      }
      const range = this.ranges[i];
      if (!range || from < range[0] || to > range[1]) {
        throw outOfRange('other', 'samples that this one has counted', `${shown([from, to])}, not all of them`);
      }
      if (start < from) left.push([start, from]);
      start = to;
    }
    for (; i < this.ranges.length; start = this.ranges[++i]?.[0] ?? 0) {
      const range = this.ranges[i] as Range;
      if (start < range[1]) left.push([start, range[1]]);
    }
    if (left.length > MOST_RANGES) throw outOfRange('other', `at most ${MOST_RANGES} ranges left`, left.length);
    return new Coverage(left);
  }

  /** The holes below the largest index. */
  missing(): Range[] {
    const { ranges } = this;
    return ranges.map(([from], i): Range => [ranges[i - 1]?.[1] ?? 0, from]).filter(([from, to]) => from < to);
  }

  /** How many indices there are. */
  get size(): number {
    return this.ranges.reduce((size, [from, to]) => size + to - from, 0);
  }

  /** Of the first range that ends after `from`. */
  #after(from: number): number {
    let low = 0;
    let high = this.ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.ranges[middle] as Range)[1] <= from) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
