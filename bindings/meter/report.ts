import { aboveZero, number, oneOf } from '../input/checks.ts';
import { outOfRange } from '../input/errors.ts';
import { criticalValue, type Interval, replicateError, wilson } from '../statistics/index.ts';
import type { MeterConfig } from './config.ts';
import type { Range } from './coverage.ts';
import { fromBits } from './float-bits.ts';
import { type Counts, countsOf, replicateOf } from './metrics/counts.ts';
import type { DECISION_METRICS } from './metrics/decisions.ts';
import { finite, type Metric, ratio } from './metrics/estimate.ts';
import {
  averageIntervals,
  averagesOf,
  biasedValues,
  type ComputeOptions,
  intervalsOf,
  LOSS,
  type Table,
  tablesOf,
  valuesOf,
} from './metrics/evaluate.ts';
import { total } from './metrics/exact-sum.ts';
import { areaBounds, type CLASS_METRICS, meanAurocInterval, type SIGMOID_CLASS_METRICS } from './metrics/of-classes.ts';
import type { COMMON_METRICS, SIGMOID_METRICS, SOFTMAX_METRICS } from './metrics/overall.ts';
import type { State } from './state.ts';

export type { Metric } from './metrics/estimate.ts';
export type { ComputeOptions } from './metrics/evaluate.ts';

/** One bin of the reliability diagram. */
export interface Bin {
  /** The bin holds confidences in [lower, upper), the last one also 1. */
  lower: number;
  upper: number;
  /** Samples (sigmoid: logits) in the bin. */
  count: number;
  /** Their mean confidence: probability of the predicted class (softmax), of the class itself (sigmoid). */
  confidence: Metric;
  /** How many of them were right (softmax), belonged to the class (sigmoid), as a fraction. */
  accuracy: Metric;
}

/** One of the samples with the largest loss. */
export interface HardSample {
  index: number;
  /** The label that was given: a class index, of one logit 0 or 1; null for others. */
  target: number | null;
  /** Class with the largest logit. */
  prediction: number;
  /** The sample's loss (sigmoid: summed over the classes); null where it is NaN or +∞, which come first. */
  loss: Metric;
}

/** Accuracy among the most confident samples. */
export interface SelectivePoint {
  /** Predictions at least this confident. */
  confidence: number;
  /** Their share of the samples. */
  coverage: number;
  accuracy: number;
}

/** The values of a table of metrics. */
type Values<T> = { -readonly [K in keyof T]: Metric };
type Decided = Values<typeof DECISION_METRICS> & { fBeta?: Metric };

/** Means over the classes, see docs/metrics.md. */
export interface Scores extends Decided {}

/** Intervals by the name of the metric, where there is one. */
export type Intervals = Record<string, Interval>;

/** What reports of both losses have. */
export interface CommonReport extends Values<typeof COMMON_METRICS> {
  /** Samples counted, and samples left out for their target. */
  samples: number;
  ignored: number;
  /** With the option `coverage`: the indices below the largest one counted that were not, as ranges [from, to). */
  missing?: Range[];
  /** Samples (sigmoid: logits) whose loss is NaN, and +∞. */
  nan: number;
  infinite: number;
  /**
   * Focal loss over the valid samples (sigmoid: logits), as the loss's reductions 'mean', with its divisor, and 'sum'.
   */
  loss: { mean: Metric; sum: Metric };
  bins: Bin[];
  /** Decisions on all classes together. */
  micro: Scores;
  /** Means over the classes that have samples or predictions, where undefined counts as 0. */
  macro: Scores;
  /** Means over the classes by their samples, where undefined counts as 0. */
  weighted: Scores;
  /** With `curves`: means over the classes for which they are defined. */
  auroc: Metric;
  aurocBounds: Interval | null;
  averagePrecision: Metric;
  averagePrecisionBounds: Interval | null;
  /** With the option `hardest`: the samples with the largest loss, ties by index. */
  hardest?: HardSample[];
  /** With `compute({ confidence })`: of the metrics over all samples, `loss` being the mean; means as `macro.f1`. */
  intervals?: Intervals;
  /** With `compute({ confidence })`: that of all intervals. */
  confidence?: number;
  /** With `confidence` and the option `bootstrap`: of the calibration errors, whose replicates are biased. */
  standardErrors?: Record<string, Metric>;
  /** With `curves`: areas whose bounds are wider than half their 95 % interval. */
  warnings?: string[];
}

/** What classes of both losses have. */
interface ClassReport extends Values<typeof CLASS_METRICS>, Decided {
  /** Samples of the class. */
  support: number;
  /** With `curves`: what is certain of the areas. */
  aurocBounds: Interval | null;
  averagePrecisionBounds: Interval | null;
  intervals?: Intervals;
}

/** The metrics of one class, of a softmax loss: one against the rest. */
export interface SoftmaxClass extends ClassReport {}

/** What `compute` gives of a softmax loss: a plain object that JSON can hold. */
export interface SoftmaxReport extends CommonReport, Values<typeof SOFTMAX_METRICS> {
  variant: 'softmax';
  /** Of the ks below the number of classes. */
  topK: { k: number; accuracy: Metric; interval?: Interval | null }[];
  /** Accuracy among the most confident samples, bin by bin from the highest. */
  selective: SelectivePoint[];
  perClass: SoftmaxClass[];
  /** [target][prediction], with the option `confusion`. */
  confusion?: number[][];
  /** The same as shares, with `compute({ normalize })`: null where the target, or the prediction, has no samples. */
  normalizedConfusion?: Metric[][];
}

/** The metrics of one class against the rest, of a sigmoid loss. */
export interface SigmoidClass extends ClassReport, Values<typeof SIGMOID_CLASS_METRICS> {}

/** What `compute` gives of a sigmoid loss: a plain object that JSON can hold. */
export interface SigmoidReport extends CommonReport, Values<typeof SIGMOID_METRICS> {
  variant: 'sigmoid';
  /** Logits left out of the samples counted, as their targets are `ignoreIndex`. */
  ignoredLogits: number;
  perClass: SigmoidClass[];
}

/** The options of `compute`, by name. */
export const COMPUTE_OPTIONS = ['confidence', 'beta', 'normalize'] as const;

/** Options of `compute` that have been checked: those that are not given are left out. */
export function computeOptions(given: Readonly<Record<string, unknown>>, config: MeterConfig): ComputeOptions {
  const { confidence, beta, normalize } = given;
  const share = (x: number): boolean => x > 0 && x < 1;
  const options = {
    ...(confidence !== undefined && { confidence: number('confidence', confidence, 'a number in (0, 1)', share) }),
    ...(beta !== undefined && { beta: aboveZero('beta', beta) }),
    ...(normalize !== undefined && { normalize: oneOf('normalize', normalize, ['true', 'pred', 'all']) }),
  };
  if (options.normalize === undefined || config.confusion) return options;
  throw outOfRange('normalize', 'a meter with the option confusion', `'${options.normalize}'`);
}

/** The metrics of a state. */
export function report(state: State, { confidence, beta, normalize }: ComputeOptions): SoftmaxReport | SigmoidReport {
  const { words, at, config, coverage } = state;
  const counts = countsOf(state);
  const { variant, samples, classes, sums } = counts;
  const tables = tablesOf(variant, beta);
  const wanted = confidence === undefined ? 0 : at.replicates.rows;
  const replicates = Array.from({ length: wanted }, (_, b) => replicateOf(state, b));
  const loss = (sums as NonNullable<Counts['sums']>).loss.sum;
  const of = { mean: LOSS.loss?.(counts).value ?? null, sum: finite(total(loss)) };

  const perClass = classes.map((one, c) => ({
    support: one.support,
    ...valuesOf(tables.classes, one),
    ...areaBounds(one),
    ...(confidence !== undefined && {
      intervals: intervalsOf(
        tables.classes,
        one,
        replicates.map((replicate) => replicate.classes[c]!),
        confidence,
      ),
    }),
  })) as unknown as SigmoidClass[];

  const common = {
    samples,
    ignored: words[at.totals.ignored] as number,
    ...(coverage && { missing: coverage.missing() }),
    nan: loss.nan,
    infinite: loss.infinite,
    loss: of,
    ...valuesOf(tables.overall, counts),
    bins: binsOf(counts),
    ...averagesOf(tables.decisions, counts),
    auroc: meanDefined(perClass.map(({ auroc }) => auroc)),
    aurocBounds: meanBounds(perClass.map(({ aurocBounds }) => aurocBounds)),
    averagePrecision: meanDefined(perClass.map(({ averagePrecision }) => averagePrecision)),
    averagePrecisionBounds: meanBounds(perClass.map(({ averagePrecisionBounds }) => averagePrecisionBounds)),
    ...(config.curves && { warnings: warningsOf(counts, perClass, tables.classes) }),
    ...(config.hardest > 0 && { hardest: hardestOf(state) }),
    ...(confidence !== undefined && {
      intervals: allIntervals(counts, replicates, confidence, tables),
      confidence,
    }),
    ...(replicates.length > 0 && { standardErrors: errorsOf(tables.overall, replicates) }),
  };
  if (variant === 'sigmoid') {
    return { variant, ...common, ignoredLogits: counts.sizes?.ignored ?? 0, perClass } as unknown as SigmoidReport;
  }
  const hits = config.topK.flatMap((k, i) =>
    k < config.classes ? [[k, words[at.topK.hits + i] as number] as const] : [],
  );
  const z = confidence === undefined ? null : criticalValue(confidence);
  return {
    variant,
    ...common,
    topK: hits.map(([k, n]) => ({
      k,
      accuracy: ratio(n, samples),
      ...(z !== null && { interval: wilson(n, samples, z) }),
    })),
    selective: selectiveOf(counts),
    perClass,
    ...(config.confusion && { confusion: confusionOf(state) }),
    ...(config.confusion && normalize && { normalizedConfusion: normalized(confusionOf(state), normalize) }),
  } as unknown as SoftmaxReport;
}

function binsOf({ bins }: Counts): Bin[] {
  return bins.map(({ count, hits, confidence }, b) => ({
    lower: b / bins.length,
    upper: (b + 1) / bins.length,
    count,
    confidence: ratio(confidence, count),
    accuracy: ratio(hits, count),
  }));
}

function selectiveOf({ bins, samples }: Counts): SelectivePoint[] {
  let [seen, right] = [0, 0];
  return bins.flatMap((_, i) => {
    const b = bins.length - 1 - i;
    const { count, hits } = bins[b] as Counts['bins'][number];
    seen += count;
    right += hits;
    return count > 0 ? [{ confidence: b / bins.length, coverage: seen / samples, accuracy: right / seen }] : [];
  });
}

/**
 * The label of a sample by the class that it stands for: of one logit 1 stands for class 0, and 0 for none, which is
 * counted as 1.
 */
export const labelOf = (target: number | null, classes: number): number | null =>
  target !== null && classes === 1 ? 1 - target : target;

function hardestOf({ hardest, config }: State): HardSample[] {
  return hardest.samples.map(([index, target, prediction, bits]) => {
    return { index, target: labelOf(target, config.classes), prediction, loss: finite(fromBits(bits)) };
  });
}

function confusionOf({ words, at, config }: State): number[][] {
  return Array.from({ length: config.classes }, (_, c) => {
    const row = at.confusion.samples + c * config.classes;
    return Array.from(words.subarray(row, row + config.classes));
  });
}

/** Counts as shares of their row, of their column, or of all. */
function normalized(counts: readonly number[][], by: NonNullable<ComputeOptions['normalize']>): Metric[][] {
  const sum = (list: readonly number[]): number => list.reduce((all, n) => all + n, 0);
  const ofRows = counts.map(sum);
  const all = sum(ofRows);
  const ofColumns = counts.map((_, c) => counts.reduce((total, row) => total + (row[c] as number), 0));
  const whole = { true: (t: number) => ofRows[t], pred: (_: number, p: number) => ofColumns[p], all: () => all }[by];
  return counts.map((row, t) => row.map((n, p) => ratio(n, whole(t, p) as number)));
}

function meanDefined(values: readonly Metric[]): Metric {
  const defined = values.filter((value): value is number => value !== null);
  return ratio(
    defined.reduce((all, value) => all + value, 0),
    defined.length,
  );
}

function meanBounds(bounds: readonly (Interval | null)[]): Interval | null {
  const lower = meanDefined(bounds.map((both) => both?.[0] ?? null));
  const upper = meanDefined(bounds.map((both) => both?.[1] ?? null));
  return lower === null || upper === null ? null : [lower, upper];
}

/** The intervals of the metrics over all samples, and of the means, by name. */
export function overallIntervals(state: State, confidence: number): Intervals {
  const counts = countsOf(state);
  const replicates = Array.from({ length: state.at.replicates.rows }, (_, b) => replicateOf(state, b));
  return allIntervals(counts, replicates, confidence, tablesOf(counts.variant, undefined));
}

function allIntervals(
  counts: Counts,
  replicates: readonly Counts[],
  confidence: number,
  { overall, decisions }: ReturnType<typeof tablesOf>,
): Intervals {
  const averages = replicates.map((replicate) => averagesOf(decisions, replicate));
  const area = meanAurocInterval(counts.classes, criticalValue(confidence));
  return {
    ...(area && { auroc: area }),
    ...intervalsOf({ ...LOSS, ...overall }, counts, replicates, confidence),
    ...averageIntervals(averages, confidence),
  };
}

function errorsOf(overall: Table<Counts>, replicates: readonly Counts[]): Record<string, Metric> {
  const values = Object.entries(biasedValues(overall, replicates));
  return Object.fromEntries(values.map(([name, all]) => [name, replicateError(all)]));
}

/** What the areas promise: bounds so narrow leave nothing open. */
const NARROW = 1e-3;

/** Areas of which the cells leave more open than half of what the samples do. */
function warningsOf(
  counts: Counts,
  perClass: readonly SigmoidClass[],
  table: Table<Counts['classes'][number]>,
): string[] {
  const z = criticalValue(0.95);
  const warnings: string[] = [];
  for (const [c, one] of counts.classes.entries()) {
    const { aurocBounds, averagePrecisionBounds, averagePrecision } = perClass[c] as SigmoidClass;
    const checks = [
      ['AUROC', aurocBounds, table.auroc?.(one).interval?.(z)],
      // an average over the positives, of which each adds at most 1
      ['average precision', averagePrecisionBounds, wilson((averagePrecision ?? 0) * one.support, one.support, z)],
    ] as const;
    for (const [name, bounds, interval] of checks) {
      // where the logits are all equal there is no interval, and nothing else to go by
      const reach = interval ? (interval[1] - interval[0]) / 2 : 0;
      if (!bounds || bounds[1] - bounds[0] <= Math.max(NARROW, reach)) continue;
      const certain = bounds.map((x) => x.toFixed(3)).join(' to ');
      warnings.push(`${name} of class ${c} is only known to be ${certain}: many of its logits are equal or nearly so`);
    }
  }
  return warnings;
}
