/** What the report of a comparison holds. */
import type { Metric, SigmoidReport, SoftmaxReport } from '../meter/report.ts';
import type { Interval } from '../statistics/index.ts';

export type AnyReport = SoftmaxReport | SigmoidReport;

/** Options of `compute`. */
export interface ComputeOptions {
  /** Of the intervals, in (0, 1). Default 0.95. */
  confidence?: number;
}

/** One number of both sides, and by how much it differs. */
export interface Delta {
  baseline: Metric;
  candidate: Metric;
  /** candidate − baseline. */
  delta: Metric;
  /** How many samples it is over. */
  n: number;
  /** Of `delta`, over the samples; null where it is not known. */
  standardError: Metric;
  /** Of `delta`, with the confidence asked for; null where none is claimed. */
  interval: Interval | null;
}

/** A difference of shares of samples: of them, how many only the baseline, and only the candidate, had right. */
export interface ShareDelta extends Delta {
  lost: number;
  won: number;
}

/** A difference that was tested. */
export interface TestedDelta extends Delta {
  /** null where there is nothing to test. */
  p: Metric;
  /** The same, adjusted for all classes after Holm. */
  adjusted: Metric;
}

/** How far the candidate predicts a class as the baseline does. */
export interface ClassFidelity {
  /** How often each side predicts the class (sigmoid: decides for it). */
  baseline: number;
  candidate: number;
  /** Of the samples that the baseline predicts to be of the class, the share that the candidate does, too. */
  agreement: Metric;
  /** Samples that the baseline has of the class and the candidate has not, and the other way round. */
  left: number;
  joined: number;
}

/** What can be told without labels. */
export interface FidelityReport {
  /** All samples compared, with targets or without. */
  samples: number;
  /** Share of the samples with the same prediction; sigmoid: share of the decisions. */
  agreement: Metric;
  /** Wilson's interval of the agreement; sigmoid: null, as the decisions of a sample are not independent. */
  agreementInterval: Interval | null;
  /**
   * Kullback-Leibler divergence KL(baseline‖candidate) in nats (sigmoid: summed over the classes), and how often it is
   * ∞.
   */
  kl: { mean: Metric; largest: Metric; at: number | null; infinite: number };
  /** |Δp| of a sample: the largest of its classes. */
  difference: { mean: Metric; largest: Metric; at: number | null };
  /**
   * Samples whose probabilities are not defined on that side alone, and on both. They have no part in `kl` and
   * `difference`.
   */
  nonFinite: { baseline: number; candidate: number; both: number };
  perClass: ClassFidelity[];
  /** Softmax, with the option `flips`: samples by [baseline's prediction][candidate's]. */
  flips?: number[][];
}

/** What changed for a class, measured by the targets. */
export interface ClassQuality {
  /** Samples of the class. */
  support: number;
  /**
   * Softmax: samples of the class that only one side has right. Sigmoid: all samples whose decision only one side has
   * right.
   */
  lost: number;
  won: number;
  /** McNemar's exact mid-p of `lost` and `won`; null without samples. */
  p: Metric;
  /** The same, adjusted for all classes after Holm. */
  adjusted: Metric;
  /** Over the samples of the class; `p` is McNemar's exact mid-p of its own `lost` and `won`. */
  recall: ShareDelta & TestedDelta;
  /**
   * Over as many samples as the candidate predicts to be of the class. Its interval is Zou and Donner's, its `p` that
   * of Kosinski's test of predictive values; null where the predictions of samples without targets are among the
   * counts.
   */
  precision: TestedDelta;
}

/** One of the samples whose loss rose most. */
export interface RisenSample {
  index: number;
  /** The label that was given: a class index, of one logit 0 or 1; null for others. */
  target: number | null;
  /** By how much the loss rose; null where only the candidate's is not finite, which come first. */
  rise: Metric;
  baseline: { prediction: number; loss: Metric };
  candidate: { prediction: number; loss: Metric };
}

/** What can be told with labels: pairs, and each side by itself. */
export interface QualityReport<R extends AnyReport = AnyReport> {
  baseline: R;
  candidate: R;
  /**
   * `loss`, `crossEntropy`, `brier`, `accuracy`: intervals from the differences of the samples. `balancedAccuracy`
   * (sigmoid: `macroRecall`): from those of the classes' recalls, or, with the option `bootstrap`, of its replicates.
   * `macroF1` (sigmoid also `microF1`): of the replicates alone. `ece`: no interval, with `bootstrap` a standard error.
   * `auroc` and `averagePrecision`: with the option `curves`, without intervals.
   */
  deltas: Record<string, Delta>;
  /**
   * Softmax: the same for the samples whose class is among the k largest logits, of the ks below the number of classes.
   */
  topK: (ShareDelta & { k: number })[];
  /** Softmax: samples that only the baseline, and only the candidate, has right, and McNemar's exact mid-p. */
  lost: number | null;
  won: number | null;
  p: Metric;
  perClass: ClassQuality[];
  /** With the option `hardest`: the samples whose loss rose most, ties by index. */
  hardest?: RisenSample[];
}

/** What `compute` of a comparison gives: a plain object that JSON can hold. */
export interface ComparisonReport<R extends AnyReport = AnyReport> {
  variant: 'softmax' | 'sigmoid';
  confidence: number;
  /** Samples compared, and samples left out for their target. */
  samples: number;
  ignored: number;
  /** With the option `coverage`: the indices below the largest one compared that were not, as ranges [from, to). */
  missing?: (readonly [from: number, to: number])[];
  fidelity: FidelityReport;
  /** null when no samples had targets. */
  quality: QualityReport<R> | null;
}
