import type { Decisions } from './counts.ts';
import { type Estimate, plain, ratio, share } from './estimate.ts';

/**
 * Metrics of the decisions for or against a class: each of them by class, and as micro, macro and weighted mean. The
 * table of docs/metrics.md is made from these comments.
 */
export const DECISION_METRICS = {
  /**
   * Share of the class's samples that were decided for it: tp / (tp + fn). Sensitivity, true positive rate.
   * @range 0 to 1
   * @undefined no samples of the class
   * @sklearn `recall_score`
   * @torchmetrics `recall`
   */
  recall: ({ tp, fn }: Decisions): Estimate => share(tp, tp + fn),
  /**
   * Share of the decisions for the class that were right: tp / (tp + fp). Positive predictive value.
   * @range 0 to 1
   * @undefined no decisions for the class
   * @sklearn `precision_score`
   * @torchmetrics `precision`
   */
  precision: ({ tp, fp }: Decisions): Estimate => share(tp, tp + fp),
  /**
   * Harmonic mean of precision and recall: 2 tp / (2 tp + fp + fn).
   * @range 0 to 1
   * @undefined neither samples of the class nor decisions for it
   * @sklearn `f1_score`
   * @torchmetrics `f1_score`
   */
  f1: ({ tp, fp, fn }: Decisions): Estimate => plain(ratio(2 * tp, 2 * tp + fp + fn)),
  /**
   * Dice coefficient, by the name it has in segmentation: F1.
   * @range 0 to 1
   * @undefined as F1
   * @sklearn `f1_score`
   * @torchmetrics `f1_score`
   */
  dice: ({ tp, fp, fn }: Decisions): Estimate => plain(ratio(2 * tp, 2 * tp + fp + fn)),
  /**
   * Jaccard index, intersection over union (IoU): tp / (tp + fp + fn). Its macro mean is the mean IoU.
   * @range 0 to 1
   * @undefined neither samples of the class nor decisions for it
   * @sklearn `jaccard_score`
   * @torchmetrics `jaccard_index`
   */
  jaccard: ({ tp, fp, fn }: Decisions): Estimate => share(tp, tp + fp + fn),
  /**
   * Share of the other samples that were decided against the class: tn / (tn + fp). True negative rate.
   * @range 0 to 1
   * @undefined no other samples
   * @sklearn `recall_score` with `pos_label=0`
   * @torchmetrics `specificity`
   */
  specificity: ({ tn, fp }: Decisions): Estimate => share(tn, tn + fp),
  /**
   * Share of the decisions against the class that were right: tn / (tn + fn).
   * @range 0 to 1
   * @undefined no decisions against the class
   * @sklearn `precision_score` with `pos_label=0`
   * @torchmetrics `negative_predictive_value`
   */
  negativePredictiveValue: ({ tn, fn }: Decisions): Estimate => share(tn, tn + fn),
  /**
   * Matthews correlation coefficient of decisions and truth: (tp·tn − fp·fn) / √((tp+fp)(tp+fn)(tn+fp)(tn+fn)).
   * @range −1 to 1
   * @undefined a factor of the root is 0; scikit-learn and torchmetrics have 0 there
   * @sklearn `matthews_corrcoef`
   * @torchmetrics `matthews_corrcoef`
   */
  mcc: ({ tp, fp, fn, tn }: Decisions): Estimate => {
    const root = Math.sqrt(tp + fp) * Math.sqrt(tp + fn) * Math.sqrt(tn + fp) * Math.sqrt(tn + fn);
    return plain(ratio(tp * tn - fp * fn, root));
  },
};

/**
 * F_β = (1 + β²) tp / ((1 + β²) tp + β² fn + fp), with `compute({ beta })`: recall weighs β times as much as precision.
 * @range 0 to 1
 * @undefined neither samples of the class nor decisions for it
 * @sklearn `fbeta_score`
 * @torchmetrics `fbeta_score`
 */
export const fBeta = ({ tp, fp, fn }: Decisions, beta: number): Estimate => {
  // of a larger one only the recall is left
  const square = Math.min(beta * beta, 1e290);
  return plain(ratio((1 + square) * tp, (1 + square) * tp + square * fn + fp));
};
