import { delong, type Interval } from '../../statistics/index.ts';
import { type Areas, areas, bounds } from '../areas.ts';
import type { Cell } from '../curve-counts.ts';
import type { ClassCounts, Counts } from './counts.ts';
import { type Estimate, plain, ratio, share } from './estimate.ts';
import { total } from './exact-sum.ts';

const none: Estimate = { value: null };

/** Metrics of a class beside those of its decisions. */
export const CLASS_METRICS = {
  /**
   * Share of the samples that are of the class.
   * @range 0 to 1
   * @undefined no samples
   * @sklearn `y_true == c`, the mean
   */
  prevalence: ({ support, samples }: ClassCounts): Estimate => share(support, samples),
  /**
   * Mean focal loss: of the class's samples (softmax), of all decisions on the class (sigmoid).
   * @range 0 to ∞
   * @undefined no samples of the class (softmax), no samples (sigmoid), or a loss that is not finite
   */
  loss: ({ loss, losses }: ClassCounts): Estimate => plain(loss && ratio(total(loss), losses)),
  /**
   * Area under the ROC curve, with `curves`: the probability that a sample of the class has a larger logit than another
   * one. Within a cell of the logit, positives and negatives count as evenly spread.
   * @range 0 to 1, of which `aurocBounds` are certain
   * @undefined without `curves`, and unless there are samples of the class and others
   * @sklearn `roc_auc_score`, to 1e-3
   * @torchmetrics `auroc` with `thresholds=None`, to 1e-3
   */
  auroc: ({ cells }: ClassCounts): Estimate => (cells ? auroc(cells) : none),
  /**
   * Area under the precision-recall curve as a step function, with `curves`; within a cell of the logit as `auroc`.
   * @range 0 to 1, of which `averagePrecisionBounds` are certain
   * @undefined without `curves` or samples of the class
   * @sklearn `average_precision_score`, to 5e-3
   * @torchmetrics `average_precision` with `thresholds=None`, to 5e-3
   */
  averagePrecision: ({ cells }: ClassCounts): Estimate => plain(cells && areas(cells).averagePrecision),
};

/** Only where every class is decided on by itself. */
export const SIGMOID_CLASS_METRICS = {
  /**
   * Share of the samples whose membership of the class is decided rightly: (tp + tn) / samples.
   * @range 0 to 1
   * @undefined no samples
   * @sklearn `accuracy_score` of the class
   * @torchmetrics `accuracy(task='multilabel', average=None)`
   */
  accuracy: ({ tp, tn, samples }: ClassCounts): Estimate => share(tp + tn, samples),
};

function auroc(cells: readonly Cell[]): Estimate {
  return { value: areas(cells).auroc, interval: (z) => meanAurocInterval([{ cells }], z) };
}

/**
 * DeLong's interval of the mean of the areas of those classes that have one. Areas of several classes hang together, in
 * a way that counts by class do not tell; but the standard error of a mean is at most the mean of the standard errors,
 * which is taken for it.
 */
export function meanAurocInterval(classes: readonly Pick<ClassCounts, 'cells'>[], z: number): Interval | null {
  let [area, error, some] = [0, 0, 0];
  for (const { cells } of classes) {
    const known =
      cells &&
      delong(
        Float64Array.from(cells, ([, , p]) => p),
        Float64Array.from(cells, ([, n]) => n),
      );
    if (!known) continue;
    // at 0 and 1 the standard error is 0, which says nothing
    if (!known.standardError) return null;
    area += known.auroc;
    error += known.standardError;
    some++;
  }
  const a = area / some;
  if (!(a > 0 && a < 1)) return null;
  // on the scale of its logarithm of odds: near 1 areas of few positives are far from normal
  const reach = (z * error) / some / (a * (1 - a));
  const odds = Math.log(a / (1 - a));
  return [1 / (1 + Math.exp(reach - odds)), 1 / (1 + Math.exp(-reach - odds))];
}

/** What is certain of the areas, whatever the logits within each cell; null where the area is. */
export function areaBounds({ cells }: ClassCounts): Record<`${keyof Areas}Bounds`, Interval | null> {
  return cells ? bounds(cells) : { aurocBounds: null, averagePrecisionBounds: null };
}

/**
 * Expected calibration error of each class by itself, the mean over the classes, from the cells of the logit: a cell's
 * probability is that of its middle, off by at most 1/256.
 */
export function classwiseEce({ classes, samples }: Counts, probability: (cell: number) => number, bins: number) {
  if (samples === 0 || classes.some(({ cells }) => cells === null)) return null;
  let [sum, some] = [0, 0];
  for (const { cells, samples: own } of classes) {
    if (own === 0) continue;
    const gaps = new Float64Array(bins);
    let counted = 0;
    for (const [cell, n, p] of cells as readonly Cell[]) {
      const q = probability(cell);
      const b = Math.min(Math.floor(q * bins), bins - 1);
      gaps[b] = (gaps[b] as number) + p - (n + p) * q;
      counted += n + p;
    }
    // a NaN has no probability, so that the gap over all is not defined
    if (counted !== own) return null;
    sum += gaps.reduce((all, gap) => all + Math.abs(gap), 0) / own;
    some++;
  }
  return sum / some;
}
