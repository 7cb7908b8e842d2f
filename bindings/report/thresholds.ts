/** Curves of a meter, and its numbers at other thresholds than the one that it decided by. */
import { cellOf, lowerEdge, upperEdge } from '../meter/cells.ts';
import type { Cell } from '../meter/curve-counts.ts';
import { type AnyLoss, Meter } from '../meter/meter.ts';
import { type ClassCounts, countsOf, type Decisions } from '../meter/metrics/counts.ts';
import { averagesOf, intervalsOf, type Table, tablesOf, valuesOf } from '../meter/metrics/evaluate.ts';
import { SIGMOID_METRICS, SOFTMAX_METRICS } from '../meter/metrics/overall.ts';
import { type Criterion, curveOf, type OperatingPoint, operatingPointOf } from '../meter/operating.ts';
import { criticalValue, type Interval, wilson } from '../statistics/index.ts';
import { CONFIDENCE, type Metrics } from './format.ts';

/** The classes whose curve is drawn: one, or all pooled (null), the decisions on every class by one threshold. */
export type CurveOf = number | null;

/** Counts by cell of several classes as one. */
function pooled(classes: readonly (readonly Cell[])[]): Cell[] {
  const counts = new Map<number, [number, number]>();
  for (const cells of classes) {
    for (const [cell, n, p] of cells) {
      const both = counts.get(cell);
      if (!both) {
        counts.set(cell, [n, p]);
        continue;
      }
      both[0] += n;
      both[1] += p;
    }
  }
  return [...counts].sort(([a], [b]) => a - b).map(([cell, [n, p]]) => [cell, n, p]);
}

/** What a meter with the option `curves` has counted, for its curves and for decisions by any threshold. */
export class Thresholds {
  readonly #m: Metrics;
  readonly #classes: readonly ClassCounts[];
  readonly #counts: ReturnType<typeof countsOf>;
  readonly #pooled: readonly Cell[];
  /** The threshold that the meter decided by, as a logit; null where the classes have their own. */
  readonly own: number | null;

  /** @returns null for a meter without the option, or without samples */
  static of<L extends AnyLoss>(counted: Meter<L>, m: Metrics): Thresholds | null {
    const meter = counted as unknown as Meter<AnyLoss>;
    const { config } = Meter.stateOf(meter);
    return config.curves && m.samples > 0 ? new Thresholds(meter, m) : null;
  }

  private constructor(meter: Meter<AnyLoss>, m: Metrics) {
    const state = Meter.stateOf(meter);
    const { threshold } = state.config;
    this.#m = m;
    this.#counts = countsOf(state);
    this.#classes = this.#counts.classes;
    this.#pooled = pooled(this.#classes.map(({ cells }) => cells ?? []));
    this.own = typeof threshold === 'number' ? threshold : null;
  }

  /**
   * Whether one threshold decides every number: with a sigmoid loss, and between two classes. Between more, the class
   * with the largest logit is predicted, and a threshold is about one class against the rest.
   */
  get decides(): boolean {
    return this.#m.variant === 'sigmoid' || this.#classes.length === 2;
  }

  /** The curve that stands for the whole: of two classes the second one's, of which the first is the mirror image. */
  get main(): CurveOf {
    if (this.#classes.length === 1) return 0;
    return this.#m.variant === 'softmax' && this.#classes.length === 2 ? 1 : null;
  }

  #cells(c: CurveOf): readonly Cell[] {
    return c === null ? this.#pooled : (this.#classes[c]?.cells ?? []);
  }

  curve(c: CurveOf): OperatingPoint[] {
    return curveOf(this.#cells(c));
  }

  /** The best threshold by a criterion, as `meter.operatingPoint`; null where none holds it. */
  best(c: CurveOf, criterion: Criterion): OperatingPoint | null {
    return operatingPointOf(this.#cells(c), criterion);
  }

  /** From the lowest finite logit to the highest one, outward to whole numbers. */
  get range(): [number, number] {
    const edges = this.#pooled.flatMap(([cell]) => [cell === 0 ? -Infinity : lowerEdge(cell), upperEdge(cell)]);
    // beyond ±64 a probability is 0 or 1 to every digit that anybody reads
    const inside = edges.filter((logit) => Math.abs(logit) <= 64);
    const [low, high] = [inside[0] ?? -64, inside.at(-1) ?? 64];
    return [Math.floor(low), Math.max(Math.floor(low) + 1, Math.ceil(high))];
  }

  /** The decisions on class c, or on all together, by a threshold that is an edge of a cell. */
  decisions(c: CurveOf, logit: number): Decisions {
    if (c !== null) return this.#decided(this.#classes[c]!, logit);
    const all = this.#classes.map((one) => this.#decided(one, logit));
    const sum = (of: keyof Decisions) => all.reduce((sum, one) => sum + one[of], 0);
    return { tp: sum('tp'), fp: sum('fp'), fn: sum('fn'), tn: sum('tn') };
  }

  /** NaN is above no threshold. */
  #decided(one: ClassCounts, logit: number): ClassCounts {
    const edge = cellOf(logit);
    let [tp, fp] = [0, 0];
    for (const [cell, n, p] of one.cells ?? []) {
      if (cell <= edge) continue;
      tp += p;
      fp += n;
    }
    const { support, samples } = one;
    return {
      ...one,
      predicted: tp + fp,
      occurs: support + tp + fp > 0,
      tp,
      fp,
      fn: support - tp,
      tn: samples - support - fp,
    };
  }

  /** All metrics as if the meter had decided by this threshold, an edge of a cell. Only where one threshold decides. */
  at(logit: number): Metrics {
    const m = this.#m;
    const { variant, samples, confidence = CONFIDENCE } = m;
    const classes = this.#classes.map((one) => this.#decided(one, logit));
    if (variant === 'softmax') classes[0] = opposite(classes[1]!, classes[0]!);
    const counts = { ...this.#counts, classes, perSample: null };
    const tables = tablesOf(variant, undefined);
    const overall = {
      accuracy: tables.overall.accuracy,
      ...(variant === 'softmax' ? SOFTMAX_METRICS : SIGMOID_METRICS),
    } as Table<typeof counts>;
    const values = valuesOf(overall, counts);
    const kept = (intervals: Record<string, Interval> | undefined, changed: object) =>
      Object.entries(intervals ?? {}).filter(([name]) => !(name in changed || name.includes('.')));
    const perClass = m.perClass.map((one, c) => ({
      ...one,
      ...valuesOf(tables.decisions, classes[c]!),
      ...('accuracy' in one && { accuracy: (classes[c]!.tp + classes[c]!.tn) / classes[c]!.samples }),
      intervals: {
        ...Object.fromEntries(kept(one.intervals, { ...tables.decisions, accuracy: 0 })),
        ...intervalsOf(tables.decisions, classes[c]!, [], confidence),
      },
    }));
    const intervals = {
      ...Object.fromEntries(kept(m.intervals, overall)),
      ...intervalsOf(overall, counts, [], confidence),
    };
    const moved = { ...m, ...values, ...averagesOf(tables.decisions, counts), perClass, intervals };
    if (moved.variant === 'sigmoid') return moved as unknown as Metrics;
    const { tp, fp, fn, tn } = classes[1]!;
    const hits = [tp + tn, samples, confidence] as const;
    return {
      ...moved,
      topK: m.variant === 'softmax' ? m.topK.map(({ k }) => topOne(k, ...hits)) : [],
      ...(moved.confusion && {
        confusion: [
          [tn, fp],
          [fn, tp],
        ],
      }),
    } as unknown as Metrics;
  }
}

const topOne = (k: number, hits: number, n: number, confidence: number) => ({
  k,
  accuracy: hits / n,
  interval: wilson(hits, n, criticalValue(confidence)),
});

/** Of two classes, what is not decided for the one is for the other. */
const opposite = ({ tp, fp, fn, tn, predicted, samples }: ClassCounts, other: ClassCounts): ClassCounts => ({
  ...other,
  predicted: samples - predicted,
  occurs: other.support + samples - predicted > 0,
  tp: tn,
  fp: fn,
  fn: fp,
  tn: tp,
});
