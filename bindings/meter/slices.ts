import { staying } from '../backend/alloc.ts';
import { common, firstOf, number } from '../input/checks.ts';
import { counted, outOfRange, wrongType } from '../input/errors.ts';
import type { Logits, Targets } from '../input/tensors.ts';
import type { Settings } from '../losses/options.ts';
import { metered, survey } from '../losses/survey.ts';
import { bonferroni, type Interval } from '../statistics/index.ts';
import { ARITHMETIC, type MeterConfig, settingsFrom } from './config.ts';
import { Coverage, type Range } from './coverage.ts';
import { GroupCounts } from './group-counts.ts';
import { GroupNames } from './group-names.ts';
import { type AnyLoss, Meter, type MeterOptions, type Report } from './meter.ts';
import { ERRORS } from './metrics/overall.ts';
import { COMPUTE_OPTIONS, type ComputeOptions, computeOptions, overallIntervals, report } from './report.ts';
import { type SlicedParts, type SlicedState, slicesToBytes, slicesToJSON } from './slices-codec.ts';
import { State } from './state.ts';
import { tallyOf } from './tallies.ts';
import type { Tally } from './tally.ts';

/** Options of a meter, and `maxGroups`. `hardest`, `curves` and `bootstrap` are of each group. */
export type SlicedOptions<L> = MeterOptions<L> & {
  /** Most groups that may occur, so that a column of ids is not taken for one of groups. Default 1000. */
  maxGroups?: number;
};

/** The name of each sample's group: strings or integers, one a sample, ignored ones included. */
export type Groups = ArrayLike<string | number | bigint>;

/** Options of `update`. */
export interface SlicedUpdateOptions {
  groups: Groups;
  /**
   * Index of the batch's first sample among all samples of all meters, for `hardest`, `coverage` and `bootstrap`.
   * Default: the number of samples of all groups that have been seen, ignored ones included.
   */
  firstIndex?: number;
}

/** Options of `compute`. */
export interface SlicedComputeOptions extends ComputeOptions {
  /** Name of the metric by whose intervals groups are ordered, a mean as `'macro.f1'`. Default `'accuracy'`. */
  readonly metric?: string;
}

/** How bad a group is for certain. */
export interface WorstGroup {
  name: string;
  samples: number;
  value: number | null;
  /** Of all groups together: each with the confidence that Bonferroni's correction asks for. */
  interval: Interval | null;
}

/** What `SlicedMeter.compute` gives: a report of every group, and which groups are worst for certain. */
export interface SlicedReport<L> {
  /** One report a group, ordered by name: by number where all names are integers. */
  groups: { name: string; report: Report<L> }[];
  /** By what the groups are ordered, and the confidence of all their intervals together. */
  metric: string;
  confidence: number;
  /**
   * The groups by how bad they are for certain: by the upper end of the metric's interval (of losses and errors the
   * lower one), widened so that all groups' intervals hold together (Bonferroni). Those without an interval come after
   * them, by `value`.
   */
  worst: WorstGroup[];
  /** With the option `coverage`: the indices below the largest one counted that were not, as ranges [from, to). */
  missing?: Range[];
}

interface Group {
  readonly name: string;
  readonly state: State;
}

/**
 * A meter a group, fed with one stream of samples. Exact, order-independent and mergeable as the meters are: a group's
 * report is that of a meter of its samples, `total` that of a meter of all.
 */
export class Slices<L extends AnyLoss> {
  /** The meter of all samples, and that of a group, before anything has been counted. */
  readonly #whole: Meter<AnyLoss>;
  readonly #empty: Meter<AnyLoss>;
  readonly #maxGroups: number;
  readonly #groups: Group[] = [];
  /** How often the groups have become others. */
  #version = 0;
  /** The names of these groups. A call that fails while it reads some leaves null: they are made anew. */
  #names: GroupNames | null = null;
  readonly #config: MeterConfig;
  readonly #settings: Settings;
  #coverage: Coverage | null;
  #seen = 0;
  readonly #tally: Tally;
  readonly #counts: GroupCounts;

  /**
   * @param whole a meter with the options, which has counted nothing
   * @param coverage of all groups together
   */
  constructor(whole: Meter<L>, maxGroups: unknown = 1000, coverage: readonly Range[] = []) {
    this.#whole = whole as unknown as Meter<AnyLoss>;
    const { config } = Meter.stateOf(this.#whole);
    // indices of a group have holes without number: what has been counted is kept for all groups together
    this.#config = { ...config, coverage: false };
    this.#settings = settingsFrom(this.#config);
    this.#empty = Meter.withState(this.#whole, new State(this.#config));
    this.#tally = tallyOf(this.#config);
    this.#counts = new GroupCounts(this.#config, (id) => (this.#groups[id] as Group).state);
    this.#coverage = config.coverage ? new Coverage(coverage) : null;
    const positive = (x: number): boolean => Number.isInteger(x) && x > 0 && x < 2 ** 31;
    this.#maxGroups = number('maxGroups', maxGroups, 'a positive integer below 2^31', positive);
  }

  /**
   * Count a batch in, each sample in the meter of its group.
   *
   * @param logits as for a meter's `update`
   * @param targets as for a meter's `update`
   * @param options `groups`, one a sample, and `firstIndex`
   * @throws as a meter's `update`, and when `groups` do not fit or are too many; nothing has changed then
   */
  update(logits: Logits, targets: Targets, options: SlicedUpdateOptions): void {
    // options first, as they may run code of the caller
    const { groups, firstIndex: given } = common('update', options, ['groups', 'firstIndex']);
    const version = this.#version;
    let names = this.#names ?? this.#namesAnew();
    this.#names = null;
    let ids = names.read(groups);
    const input = Meter.read(this.#empty, logits, targets);
    const config = this.#config;
    const n = input.batch * input.positions;
    if (ids.length !== n) throw outOfRange('groups', `length ${n} as the targets`, ids.length);
    if (n > 0 && input.classes !== config.classes) {
      throw outOfRange('logits', counted(config.classes, 'class'), input.classes);
    }
    const first = firstOf(n, given === undefined ? this.#seen : given);
    if (config.arithmetic !== ARITHMETIC) {
      throw outOfRange('update', `meters of arithmetic ${ARITHMETIC}`, `${config.arithmetic}, of an older release`);
    }
    if (!Number.isSafeInteger((this.#seen + n) * config.classes)) {
      throw outOfRange('update', 'counts below 2^53', 'more');
    }
    this.#coverage?.check([first, first + n]);
    if (n === 0) return;
    survey(Meter.backendOf(this.#empty), this.#settings, input, null);
    const checked = metered(input, this.#settings);
    if (version !== this.#version) {
      // code of the caller, which read this input, has changed the groups meanwhile
      const said = names.list;
      names = this.#namesAnew();
      ids = names.read(Array.from(ids, (id) => said[id] as string));
    }
    const fresh = this.#fresh(names.list.slice(this.#groups.length));
    for (const group of fresh) this.#groups.push(group);
    if (fresh.length > 0) this.#version++;
    this.#names = names;
    this.#coverage?.add([first, first + n]);
    this.#seen += n;
    const backend = Meter.backendOf(this.#empty);
    const inputThen = staying(backend.kernels.memory, checked);
    this.#counts.begin(backend, ids, this.#groups.length, checked.positions);
    this.#tally.update(backend, this.#counts, inputThen(), first, null);
  }

  /**
   * The metrics of every group, and which are worst.
   *
   * @param options `metric` by whose intervals the groups are ordered, default `'accuracy'`; `confidence` of all
   *   intervals together, default 0.95; `beta` and `normalize` as for a meter's `compute`
   * @throws TypeError or RangeError as a meter's `compute`, and when no metric of a report has this name
   */
  compute(options: SlicedComputeOptions = {}): SlicedReport<L> {
    const known = common('compute', options, ['metric', ...COMPUTE_OPTIONS]);
    const { metric = 'accuracy' } = known as { metric?: unknown };
    if (typeof metric !== 'string') throw wrongType('metric', 'the name of a metric', metric);
    const asked = computeOptions({ ...known, confidence: known.confidence ?? 0.95 }, this.#config);
    const confidence = asked.confidence as number;
    // an empty one has all names
    metricOf(this.#empty.compute() as Report<AnyLoss>, metric);
    const sorted = this.#sorted();
    const together = bonferroni(confidence, Math.max(1, sorted.length));
    const groups = sorted.map(({ name, state }) => ({ name, report: report(state, asked) as Report<L> }));
    const worst = sorted.map(({ name, state }, i): WorstGroup => {
      const own = (groups[i] as (typeof groups)[number]).report as Report<AnyLoss>;
      const intervals = overallIntervals(state, together);
      return { name, samples: own.samples, value: metricOf(own, metric), interval: intervals[metric] ?? null };
    });
    const bad = (x: number | null | undefined, good = -1): number => (x == null ? -Infinity : good * x);
    const badness = ERRORS.includes(metric)
      ? ({ interval, value }: WorstGroup) => [bad(interval?.[0], 1), bad(value, 1)] as const
      : ({ interval, value }: WorstGroup) => [bad(interval?.[1]), bad(value)] as const;
    // of equal ones, two infinities among them, the difference is 0 or NaN
    const worseFirst = (a: WorstGroup, b: WorstGroup): number => {
      const [[end, value], [otherEnd, otherValue]] = [badness(a), badness(b)];
      return otherEnd - end || otherValue - value || 0;
    };
    return {
      groups,
      metric,
      confidence,
      worst: worst.sort(worseFirst),
      ...(this.#coverage && { missing: this.#coverage.missing() }),
    };
  }

  /** A meter that has counted the samples of all groups, to the bit as if it had been given them itself. */
  total(): Meter<L> {
    let all = new State(this.#config);
    for (const { state } of this.#sorted()) all = all.merged(state);
    const { words, hardest, curves } = all;
    const { config } = Meter.stateOf(this.#whole);
    const coverage = this.#coverage && [...this.#coverage.ranges];
    const state = new State(config, { words, hardest: hardest.samples, curves, coverage });
    return Meter.withState(this.#whole, state) as unknown as Meter<L>;
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
    // whether the options are the same, before anything is merged
    this.#whole.clone().merge(other.#whole);
    const places = new Map(this.#groups.map(({ name }, i) => [name, i]));
    const fresh = other.#groups.filter(({ name }) => !places.has(name));
    const seen = this.#groups.length + fresh.length;
    if (seen > this.#maxGroups)
      throw outOfRange('other', `at most ${counted(this.#maxGroups, 'group')} together`, seen);
    const coverage = this.#coverage?.union(other.#coverage as Coverage) ?? null;
    this.#settle();
    const merged = other.#sorted().map(({ name, state }) => {
      const mine = this.#groups[places.get(name) ?? -1]?.state ?? new State(this.#config);
      return { name, state: mine.merged(state) };
    });
    for (const group of merged) this.#groups[places.get(group.name) ?? this.#groups.length] = group;
    this.#change();
    this.#coverage = coverage;
    this.#seen += other.#seen;
  }

  /** Back to the state of a new one. */
  reset(): void {
    // blocks are empty then
    this.#counts.flush();
    this.#groups.length = 0;
    this.#change();
    this.#seen = 0;
    if (this.#coverage) this.#coverage = new Coverage();
  }

  /** The states of all groups, as a plain object that JSON holds exactly; the format is told in slices-codec.ts. */
  toJSON(): SlicedState {
    return slicesToJSON(this.#parts());
  }

  /** The same as bytes. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return slicesToBytes(this.#parts());
  }

  #parts(): SlicedParts {
    const groups = this.#sorted().map(({ name, state }) => [name, state] as const);
    const coverage = this.#coverage?.ranges ?? null;
    return { maxGroups: this.#maxGroups, empty: Meter.stateOf(this.#empty), coverage, groups };
  }

  /** Take the groups of a state, which has been checked. */
  restore(groups: Iterable<readonly [string, State]>): this {
    for (const [name, state] of groups) {
      this.#groups.push({ name, state });
      const { words, at } = state;
      this.#seen += (words[at.totals.samples] as number) + (words[at.totals.ignored] as number);
    }
    return this;
  }

  /** The groups by name, nothing pending. */
  #sorted(): Group[] {
    this.#settle();
    const integers = this.#groups.every(({ name }) => /^-?\d{1,40}$/.test(name));
    const keyed = this.#groups.map((group) => ({ group, key: integers ? BigInt(group.name) : group.name }));
    // names of the same number, such as 7 and 07, have an order, too
    const before = (a: (typeof keyed)[number], b: (typeof keyed)[number]): boolean =>
      a.key === b.key ? a.group.name < b.group.name : a.key < b.key;
    return keyed.sort((a, b) => (before(a, b) ? -1 : 1)).map(({ group }) => group);
  }

  /** Bring the states of all groups up to date, in the one form that they have. */
  #settle(): void {
    this.#counts.flush();
    for (const { state } of this.#groups) state.carryAll();
  }

  /** Groups that have no samples yet: all of them, or none where there is no memory for so many. */
  #fresh(names: readonly string[]): Group[] {
    try {
      return names.map((name) => ({ name, state: new State(this.#config) }));
    } catch {
      throw outOfRange('groups', 'as many as there is memory for', `${counted(names.length, 'new group')} more`);
    }
  }

  #namesAnew(): GroupNames {
    return new GroupNames(
      this.#maxGroups,
      this.#groups.map(({ name }) => name),
    );
  }

  /** The groups have become others. */
  #change(): void {
    this.#version++;
    this.#names = null;
  }
}

/** The value of a metric over all samples, or of a mean of its name. */
function metricOf(report: Report<AnyLoss>, metric: string): number | null {
  if (metric === 'loss') return report.loss.mean;
  const [, mean, name = ''] = /^(?:(micro|macro|weighted)\.)?([^.]+)$/.exec(metric) ?? [];
  const values = mean === undefined ? report : report[mean as 'macro'];
  if (metricsIn(values).includes(name))
    return (values as unknown as Record<string, number | null>)[name] as number | null;
  const averages = `macro, micro or weighted with ${metricsIn(report.macro).join(', ')} (as macro.f1)`;
  const expected = `a metric over all samples: loss, ${metricsIn(report).join(', ')}; or ${averages}`;
  throw outOfRange('metric', expected, `'${metric}'`);
}

/** Names of the single numbers among some values, but what only bounds others. */
const metricsIn = (values: object): string[] =>
  Object.entries(values).flatMap(([key, value]) => {
    const single = (value === null && !key.endsWith('Bounds')) || typeof value === 'number';
    return single && !COUNTS.includes(key) ? [key] : [];
  });

/** Numbers of a report that are no metrics. */
const COUNTS = ['samples', 'ignored', 'ignoredLogits', 'nan', 'infinite', 'confidence'];
