import { common, number } from '../input/checks.ts';
import { outOfRange, wrongType } from '../input/errors.ts';
import type { Logits, Targets } from '../input/tensors.ts';
import { asLabels, survey } from '../losses/survey.ts';
import type { Interval } from '../statistics/index.ts';
import type { MeterState } from './codec.ts';
import { settingsFrom } from './config.ts';
import { logitsOf } from './logits-of.ts';
import { type AnyLoss, Meter, type MeterOptions, type Report } from './meter.ts';

/** Options of a meter, but for those whose results belong to single samples, and `maxGroups`. */
export type SlicedOptions<L> = Omit<MeterOptions<L>, 'hardest' | 'coverage' | 'bootstrap' | 'seed'> & {
  /** Most groups that may occur, so that a column of ids is not taken for one of groups. Default 1000. */
  maxGroups?: number;
};

/** The name of each sample's group: strings or integers, one a sample, ignored ones included. */
export type Groups = ArrayLike<string | number | bigint>;

/** What `SlicedMeter.compute` gives: a report of every group, and which groups are worst for certain. */
export interface SlicedReport<L> {
  /** One report a group, ordered by name: by number where all names are integers. */
  groups: { name: string; report: Report<L> }[];
  /**
   * The groups by how bad they are for certain: by the upper end of the metric's interval (of losses and errors the lower one),
   * widened so that all groups' intervals hold together (Bonferroni); those without an interval come last.
   */
  worst: { name: string; samples: number; value: number | null; interval: Interval | null }[];
}

/** What SlicedMeter's toJSON gives. */
export interface SlicedState {
  readonly format: 'focal-simd/slices';
  readonly version: 1;
  readonly maxGroups: number;
  readonly groups: readonly (readonly [name: string, state: MeterState])[];
}

/** Metrics of which less is better. */
const ERRORS = ['loss', 'crossEntropy', 'brier', 'aurc'];

/** Logits that are collected over all groups before a group's meter gets its own. */
const ROOM = 2 ** 24;
/** Samples that are collected of a group, at most: as many as a tile takes. */
const MOST = 4096;

/** A group: its meter, and samples that wait to be counted. */
interface Group<L extends AnyLoss> {
  readonly meter: Meter<L>;
  logits: Float32Array;
  targets: Int32Array;
  waiting: number;
}

/** A meter a group, fed with one stream of samples. Exact, order-independent and mergeable as the meters are. */
export class Slices<L extends AnyLoss> {
  /** The meter of a group before anything has been counted. */
  readonly #empty: Meter<L>;
  readonly #maxGroups: number;
  readonly #groups = new Map<string, Group<L>>();

  constructor(empty: Meter<L>, maxGroups: unknown = 1000) {
    this.#empty = empty;
    const positive = (x: number): boolean => Number.isInteger(x) && x > 0 && x < 2 ** 31;
    this.#maxGroups = number('maxGroups', maxGroups, 'a positive integer below 2^31', positive);
  }

  /**
   * Count a batch in, each sample in the meter of its group.
   *
   * @param logits as for a meter's `update`
   * @param targets as for a meter's `update`
   * @param options `groups`, one a sample
   * @throws as a meter's `update`, and when `groups` do not fit or are too many; nothing has changed then
   */
  update(logits: Logits, targets: Targets, options: { groups: Groups }): void {
    const { groups } = common('update', options, ['groups']) as { groups?: unknown };
    const list = typeof groups === 'object' && groups !== null ? Array.from(groups as ArrayLike<unknown>) : null;
    if (list === null) throw wrongType('groups', 'an array of strings or integers', groups);
    const empty = this.#empty as unknown as Meter<AnyLoss>;
    const input = Meter.read(empty, logits, targets);
    const { classes } = input;
    const { config } = Meter.stateOf(empty);
    const n = input.batch * input.positions;
    if (list.length !== n) throw outOfRange('groups', `length ${n} as the targets`, list.length);
    if (n === 0) return;
    if (classes !== config.classes) throw outOfRange('logits', `${config.classes} classes`, classes);
    const names = list.map((group, i) => {
      if (typeof group === 'string' || typeof group === 'bigint' || Number.isSafeInteger(group)) return `${group}`;
      throw wrongType(`groups[${i}]`, 'a string or an integer', group);
    });
    const seen = new Set([...this.#groups.keys(), ...names]).size;
    if (seen > this.#maxGroups) throw outOfRange('groups', `at most ${this.#maxGroups} groups (maxGroups)`, seen);
    survey(Meter.backendOf(empty), settingsFrom(config), input, null);
    // refuses what a meter would
    asLabels(input);
    const most = Math.max(64, Math.min(MOST, Math.floor(ROOM / classes / Math.min(seen, 256))));
    for (const [i, name] of names.entries()) {
      const group = this.#group(name);
      if (group.waiting === group.targets.length) this.#grow(group, most, classes);
      const at = group.waiting * classes;
      const logit = logitsOf(input, i);
      for (let c = 0; c < classes; c++) group.logits[at + c] = logit(c);
      group.targets[group.waiting++] = Number(input.targets[i]);
    }
  }

  /**
   * The metrics of every group, and which are worst.
   *
   * @param options `metric` by whose intervals the groups are ordered, default 'accuracy'; `confidence` of all intervals
   *   together, default 0.95; `beta` as for a meter's `compute`
   */
  compute(options: { metric?: string; confidence?: number; beta?: number } = {}): SlicedReport<L> {
    const { metric = 'accuracy', confidence = 0.95, beta } = options;
    const names = this.#names();
    const together = 1 - (1 - confidence) / Math.max(1, names.length);
    const given = beta === undefined ? {} : { beta };
    const groups = names.map((name) => ({ name, report: this.#flushed(name).compute({ confidence, ...given }) }));
    const worst = groups.map(({ name, report }) => {
      const { intervals = {}, samples } = this.#flushed(name).compute({ confidence: together }) as Report<AnyLoss>;
      const value = (report as unknown as Record<string, unknown>)[metric];
      const mean = typeof value === 'object' && value !== null ? (value as { mean: number | null }).mean : value;
      if (mean === undefined) throw outOfRange('metric', 'the name of a metric over all samples', `'${metric}'`);
      return { name, samples, value: mean as number | null, interval: intervals[metric] ?? null };
    });
    const badness = ({ interval }: { interval: Interval | null }): number => {
      if (interval === null) return -Infinity;
      return ERRORS.includes(metric) ? interval[0] : -interval[1];
    };
    return { groups, worst: worst.sort((a, b) => badness(b) - badness(a) || 0) };
  }

  /**
   * Take in what another one has counted, group by group.
   *
   * @throws as a meter's `merge`, and when there are too many groups together; nothing has changed then
   */
  merge(other: Slices<L>): void {
    if (!(typeof other === 'object' && other !== null && #groups in other)) {
      throw wrongType('other', 'a SlicedMeter', other);
    }
    // whether they fit, before anything is merged
    this.#empty.clone().merge(other.#empty);
    const seen = new Set([...this.#groups.keys(), ...other.#groups.keys()]).size;
    if (seen > this.#maxGroups) throw outOfRange('other', `at most ${this.#maxGroups} groups together`, seen);
    for (const name of other.#names()) {
      this.#group(name);
      this.#flushed(name).merge(other.#flushed(name));
    }
  }

  /** The states of all groups, as a plain object that JSON holds exactly. */
  toJSON(): SlicedState {
    const groups = this.#names().map((name) => [name, this.#flushed(name).toJSON()] as const);
    return { format: 'focal-simd/slices', version: 1, maxGroups: this.#maxGroups, groups };
  }

  /** Take the groups of a state, each with its meter. */
  restore(groups: Iterable<readonly [string, Meter<L>]>): this {
    for (const [name, meter] of groups) {
      this.#group(name);
      this.#flushed(name).merge(meter);
    }
    return this;
  }

  #names(): string[] {
    const names = [...this.#groups.keys()];
    const integers = names.every((name) => /^-?\d{1,15}$/.test(name));
    return names.sort((a, b) => (integers ? Number(a) - Number(b) : a < b ? -1 : 1));
  }

  #group(name: string): Group<L> {
    let group = this.#groups.get(name);
    if (!group) {
      group = { meter: this.#empty.clone(), logits: new Float32Array(), targets: new Int32Array(), waiting: 0 };
      this.#groups.set(name, group);
    }
    return group;
  }

  /** Room for more samples of a group: twice as much, or count in those that wait. */
  #grow(group: Group<L>, most: number, classes: number): void {
    if (group.waiting >= most) {
      this.#flush(group);
      return;
    }
    const samples = Math.min(most, Math.max(64, 2 * group.waiting));
    const logits = new Float32Array(samples * classes);
    const targets = new Int32Array(samples);
    logits.set(group.logits);
    targets.set(group.targets);
    Object.assign(group, { logits, targets });
  }

  #flush(group: Group<L>): void {
    const n = group.waiting;
    group.waiting = 0;
    if (n === 0) return;
    const classes = group.logits.length / group.targets.length;
    group.meter.update(group.logits.subarray(0, n * classes), group.targets.subarray(0, n));
  }

  #flushed(name: string): Meter<L> {
    const group = this.#groups.get(name) as Group<L>;
    this.#flush(group);
    return group.meter;
  }
}
