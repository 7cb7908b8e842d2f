import { criticalValue, type Interval, percentileInterval } from '../../statistics/index.ts';
import type { ClassCounts, Counts, Decisions } from './counts.ts';
import { DECISION_METRICS, fBeta } from './decisions.ts';
import type { Estimate, Metric } from './estimate.ts';
import { CLASS_METRICS, SIGMOID_CLASS_METRICS } from './of-classes.ts';
import { COMMON_METRICS, meanLoss, SIGMOID_METRICS, SOFTMAX_METRICS } from './overall.ts';

/** Metrics by name. */
export type Table<Of> = Readonly<Record<string, (counts: Of) => Estimate>>;

/** What `compute` is asked for. */
export interface ComputeOptions {
  /** Adds `intervals` of this confidence, in (0, 1), to the report and its classes. */
  readonly confidence?: number;
  /** Adds F_β of this β > 0 to the classes and their means. */
  readonly beta?: number;
  /**
   * Adds `normalizedConfusion`, with the option `confusion`: shares of the samples of the target (`'true'`), of the
   * prediction (`'pred'`) or of all, as scikit-learn's and torchmetrics' `normalize`.
   */
  readonly normalize?: 'true' | 'pred' | 'all';
}

/** The tables of a loss, and of what was asked for. */
export function tablesOf(variant: Counts['variant'], beta: number | undefined) {
  const softmax = variant === 'softmax';
  const decisions: Table<Decisions> =
    beta === undefined ? DECISION_METRICS : { ...DECISION_METRICS, fBeta: (counts) => fBeta(counts, beta) };
  return {
    overall: { ...COMMON_METRICS, ...(softmax ? SOFTMAX_METRICS : SIGMOID_METRICS) } as Table<Counts>,
    decisions,
    classes: {
      ...CLASS_METRICS,
      ...(softmax ? {} : SIGMOID_CLASS_METRICS),
      ...decisions,
    } as Table<ClassCounts>,
  };
}

export const valuesOf = <Of>(table: Table<Of>, counts: Of): Record<string, Metric> =>
  Object.fromEntries(Object.entries(table).map(([name, metric]) => [name, metric(counts).value]));

/** Means over the classes, by name. */
export type Averages = Readonly<Record<'micro' | 'macro' | 'weighted', Record<string, Metric>>>;

/**
 * Means of metrics of decisions: of the decisions on all classes together (`micro`), over the classes that have samples
 * or decisions for them (`macro`), over all by their samples (`weighted`); where a class's is undefined it counts as 0,
 * as scikit-learn's `zero_division=0` does.
 */
export function averagesOf(decisions: Table<Decisions>, { classes }: Counts): Averages {
  const names = Object.keys(decisions);
  const pooled = { tp: 0, fp: 0, fn: 0, tn: 0 };
  const sums = { macro: new Float64Array(names.length), weighted: new Float64Array(names.length) };
  let [occurring, samples] = [0, 0];
  for (const one of classes) {
    for (const key of ['tp', 'fp', 'fn', 'tn'] as const) pooled[key] += one[key];
    if (!one.occurs) continue;
    occurring++;
    samples += one.support;
    for (const [i, name] of names.entries()) {
      const value = (decisions[name] as (counts: Decisions) => Estimate)(one).value ?? 0;
      (sums.macro[i] as number) += value;
      (sums.weighted[i] as number) += one.support * value;
    }
  }
  const meansOf = (all: Float64Array, n: number) =>
    Object.fromEntries(names.map((name, i) => [name, n > 0 ? (all[i] as number) / n : null]));
  return {
    micro: valuesOf(decisions, pooled),
    macro: meansOf(sums.macro, occurring),
    weighted: meansOf(sums.weighted, samples),
  };
}

/** The mean focal loss, as a table. */
export const LOSS: Table<Counts> = { loss: meanLoss };

/** Metrics whose replicates are too biased for an interval: their spread is shown as a standard error instead. */
const BIASED = ['ece', 'mce', 'adaptiveEce'];

/**
 * The intervals of the metrics of a table that have one: by formula, or the percentiles of the bootstrap's replicates.
 *
 * @param replicates the same counts of each replicate
 */
export function intervalsOf<Of>(
  table: Table<Of>,
  counts: Of,
  replicates: readonly Of[],
  confidence: number,
): Record<string, Interval> {
  const z = criticalValue(confidence);
  const intervals: Record<string, Interval> = {};
  for (const [name, metric] of Object.entries(table)) {
    const { value, interval } = metric(counts);
    if (value === null || BIASED.includes(name)) continue;
    const known = interval
      ? interval(z)
      : replicates.length > 0
        ? percentileInterval(
            replicates.map((replicate) => metric(replicate).value),
            confidence,
          )
        : null;
    if (known) intervals[name] = known;
  }
  return intervals;
}

/**
 * The intervals of means over the classes: decisions on several classes hang together, so they come from the bootstrap.
 */
export function averageIntervals(replicates: readonly Averages[], confidence: number): Record<string, Interval> {
  const intervals: Record<string, Interval> = {};
  for (const average of ['micro', 'macro', 'weighted'] as const) {
    for (const name of Object.keys(replicates[0]?.[average] ?? {})) {
      const values = replicates.map((replicate) => replicate[average][name] ?? null);
      const interval = percentileInterval(values, confidence);
      if (interval) intervals[`${average}.${name}`] = interval;
    }
  }
  return intervals;
}

/** What the bootstrap has of the others: their values in each replicate. */
export function biasedValues(table: Table<Counts>, replicates: readonly Counts[]): Record<string, Metric[]> {
  return Object.fromEntries(
    BIASED.map((name) => [name, replicates.map((replicate) => table[name]?.(replicate).value ?? null)]),
  );
}
