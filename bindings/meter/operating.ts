import { aboveZero, notNegative, number, object } from '../input/checks.ts';
import { outOfRange } from '../input/errors.ts';
import { sigmoid } from '../losses/portable.ts';
import { lowerEdge, upperEdge } from './cells.ts';
import type { Cell } from './curve-counts.ts';
import type { Decisions } from './metrics/counts.ts';
import { DECISION_METRICS, fBeta } from './metrics/decisions.ts';
import { type Metric, ratio } from './metrics/estimate.ts';
import { valuesOf } from './metrics/evaluate.ts';

/** The decisions on a class at one threshold: for it where the logit (softmax: the margin) is above `logit`. */
export interface OperatingPoint extends Decisions {
  /**
   * The threshold, a cell's edge, as a float32 logit and as a probability. ±Infinity where every logit is on one side.
   */
  logit: number;
  probability: number;
  falsePositiveRate: Metric;
  recall: Metric;
  precision: Metric;
  f1: Metric;
  dice: Metric;
  jaccard: Metric;
  specificity: Metric;
  negativePredictiveValue: Metric;
  mcc: Metric;
}

/** What an operating point is to hold or to be best at: one of these. */
export type Criterion =
  | { /** The largest recall of a precision of at least this. */ precision: number }
  | { /** The largest precision of a recall of at least this. */ recall: number }
  | { /** The largest recall of a specificity of at least this. */ specificity: number }
  | { /** The largest recall of a false positive rate of at most this. */ falsePositiveRate: number }
  | { /** The largest F_β. */ fBeta: number }
  | { /** The least cost of the wrong decisions. */ cost: { falsePositive: number; falseNegative: number } };

function pointOf(decisions: Decisions, logit: number): OperatingPoint {
  const { fp, tn } = decisions;
  const values = valuesOf(DECISION_METRICS, decisions) as Omit<OperatingPoint, keyof Decisions>;
  return { ...values, logit, probability: sigmoid(logit), ...decisions, falsePositiveRate: ratio(fp, fp + tn) };
}

/** The decisions at each threshold between cells, from none for the class to all, from the highest threshold down. */
function thresholds(cells: readonly Cell[]): { decisions: Decisions; logit: number }[] {
  const positives = cells.reduce((all, [, , p]) => all + p, 0);
  const negatives = cells.reduce((all, [, n]) => all + n, 0);
  let [tp, fp] = [0, 0];
  const at = (logit: number) => ({ decisions: { tp, fp, fn: positives - tp, tn: negatives - fp }, logit });
  const highest = cells.at(-1);
  const points = highest ? [at(upperEdge(highest[0]))] : [];
  for (let k = cells.length - 1; k >= 0; k--) {
    const [cell, n, p] = cells[k] as Cell;
    tp += p;
    fp += n;
    // nothing lies below −∞, so no threshold lets it through
    if (cell > 0) points.push(at(lowerEdge(cell)));
  }
  return points;
}

/** Points of the ROC and precision-recall curves, from the highest threshold down. */
export const curveOf = (cells: readonly Cell[]): OperatingPoint[] =>
  thresholds(cells).map(({ decisions, logit }) => pointOf(decisions, logit));

const atLeast = (value: Metric, bound: number): boolean => value !== null && value >= bound;

/** How good a threshold is; −∞ where it does not hold what it has to. Of equals the highest threshold wins. */
function judge(criterion: unknown): (decisions: Decisions) => number {
  const given = object('criterion', criterion);
  const names = ['precision', 'recall', 'specificity', 'falsePositiveRate', 'fBeta', 'cost'];
  const [name, ...more] = Object.keys(given);
  if (name === undefined || more.length > 0 || !names.includes(name)) {
    throw outOfRange(
      'criterion',
      `one of ${names.join(', ')} (F1: { fBeta: 1 })`,
      `{ ${Object.keys(given).join(', ')} }`,
    );
  }
  const value = given[name];
  const { recall, precision, specificity } = DECISION_METRICS;
  if (name === 'cost') {
    const [a, b] = ['falsePositive', 'falseNegative'].map((key) => notNegative(`cost.${key}`, Object(value)[key])) as [
      number,
      number,
    ];
    return ({ fp, fn }) => -(a * fp + b * fn);
  }
  if (name === 'fBeta') {
    const beta = aboveZero(name, value);
    return (decisions) => fBeta(decisions, beta).value ?? -Infinity;
  }
  const bound = number(name, value, 'a number in [0, 1]', (x) => x >= 0 && x <= 1);
  const holds: Record<string, (decisions: Decisions) => boolean> = {
    precision: (decisions) => atLeast(precision(decisions).value, bound),
    recall: (decisions) => atLeast(recall(decisions).value, bound),
    specificity: (decisions) => atLeast(specificity(decisions).value, bound),
    falsePositiveRate: ({ fp, tn }) => atLeast(ratio(-fp, fp + tn), -bound),
  };
  const best = name === 'recall' ? precision : recall;
  return (decisions) => (holds[name]?.(decisions) ? (best(decisions).value ?? 0) : -Infinity);
}

/** The best threshold by a criterion, null where none holds it. */
export function operatingPointOf(cells: readonly Cell[], criterion: unknown): OperatingPoint | null {
  const good = judge(criterion);
  let best: { decisions: Decisions; logit: number } | null = null;
  let most = -Infinity;
  for (const point of thresholds(cells)) {
    const quality = good(point.decisions);
    if (quality > most) [best, most] = [point, quality];
  }
  return best && pointOf(best.decisions, best.logit);
}
