import { SAMPLES } from '../backend/constants.ts';
import { fromHalf } from '../input/half.ts';
import type { Input } from '../input/tensors.ts';

/** Logits that wait over all groups, about; more where so many groups could not wait for their least. */
const ROOM = 2 ** 22;
/** Fewest samples of a group that wait, as they should pay for a call; most are what a tile takes. */
const LEAST = 16;
/** Rows of so many logits are copied as a whole. */
const LONG = 64;

/**
 * Samples that wait to be counted, those of a group together, so that a meter gets many at a time: kernels count a few
 * samples no faster than many.
 */
export class Waiting {
  /** Groups there is room for. */
  readonly groups: number;
  readonly #classes: number;
  /** Samples of a group there is room for. */
  readonly #room: number;
  readonly #logits: Float32Array;
  readonly #targets: Int32Array;
  /** Of each sample its index among all, where asked for. */
  readonly #indices: Float64Array | null;
  /** How many wait of each group. */
  readonly #counts: Int32Array;

  /** @param indexed whether to keep the indices of samples */
  constructor(groups: number, classes: number, indexed: boolean) {
    this.groups = groups <= 1 ? groups : 2 ** Math.ceil(Math.log2(groups));
    this.#classes = classes;
    this.#room = Math.max(LEAST, Math.min(SAMPLES, Math.floor(ROOM / classes / Math.max(1, this.groups))));
    const samples = this.groups * this.#room;
    this.#logits = new Float32Array(samples * classes);
    this.#targets = new Int32Array(samples);
    this.#indices = indexed ? new Float64Array(samples) : null;
    this.#counts = new Int32Array(this.groups);
  }

  /**
   * Take samples of an input.
   *
   * @param ids the group of each
   * @param from sample to begin with
   * @param first index of the input's first sample
   * @returns the sample that found no room in its group, or how many there are
   */
  take(input: Input, ids: Int32Array, from: number, first: number): number {
    const { targets, classes, positions, half } = input;
    const logits = input.logits as Float32Array;
    const out = this.#logits;
    const labels = this.#targets;
    const counts = this.#counts;
    const indices = this.#indices;
    const room = this.#room;
    const rows = positions === 1 && !half && classes < LONG;
    for (let i = from; i < ids.length; i++) {
      const id = ids[i] as number;
      const n = counts[id] as number;
      if (n === room) return i;
      counts[id] = n + 1;
      const slot = id * room + n;
      labels[slot] = Number(targets[i]);
      if (indices !== null) indices[slot] = first + i;
      if (rows) copyRow(logits, i * classes, out, slot * classes, classes);
      else copyAny(input, i, out, slot * classes);
    }
    return ids.length;
  }

  /** The samples of a group, which wait no longer; null where there are none. Valid until the next are taken. */
  give(id: number, scale: Input['scale']): { input: Input; indices: Float64Array | null } | null {
    const batch = this.#counts[id] ?? 0;
    if (batch === 0) return null;
    this.#counts[id] = 0;
    const classes = this.#classes;
    const [from, to] = [id * this.#room, id * this.#room + batch];
    const logits = this.#logits.subarray(from * classes, to * classes);
    const targets = this.#targets.subarray(from, to);
    const input: Input = {
      ...{ logits, half: false, scale, targets, dense: false, given: null, batch, classes, positions: 1 },
    };
    return { input, indices: this.#indices?.subarray(from, to) ?? null };
  }
}

/** Copy a row, four logits at a time: a step of a loop costs as much as one of them. */
function copyRow(logits: Float32Array, from: number, out: Float32Array, to: number, n: number): void {
  let c = 0;
  for (; c + 3 < n; c += 4) {
    out[to + c] = logits[from + c] as number;
    out[to + c + 1] = logits[from + c + 1] as number;
    out[to + c + 2] = logits[from + c + 2] as number;
    out[to + c + 3] = logits[from + c + 3] as number;
  }
  for (; c < n; c++) out[to + c] = logits[from + c] as number;
}

/** Copy the logits of a sample of an input of any layout and type. */
function copyAny({ logits, half, classes, positions }: Input, sample: number, out: Float32Array, to: number): void {
  const start = Math.floor(sample / positions) * classes * positions + (sample % positions);
  if (half) for (let c = 0; c < classes; c++) out[to + c] = fromHalf(logits[start + c * positions] as number);
  else if (positions === 1) out.set(logits.subarray(start, start + classes), to);
  else for (let c = 0; c < classes; c++) out[to + c] = logits[start + c * positions] as number;
}
