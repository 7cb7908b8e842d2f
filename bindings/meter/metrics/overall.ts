import { sigmoid } from '../../losses/portable.ts';
import { type Interval, meanOf, normalInterval, ratioOf, wilson } from '../../statistics/index.ts';
import { upperEdge } from '../cells.ts';
import type { Counts } from './counts.ts';
import { type Estimate, finite, type Metric, mean, overLogits, plain, ratio, share } from './estimate.ts';
import { total } from './exact-sum.ts';
import { classwiseEce } from './of-classes.ts';

const none: Estimate = { value: null };

const right = ({ classes }: Counts): number => classes.reduce((all, { tp }) => all + tp, 0);

/** Mean over the classes that occur; what is undefined of one counts as 0. */
function overOccurring({ classes }: Counts, of: (counts: Counts['classes'][number]) => Metric): Metric {
  const occurring = classes.filter(({ occurs }) => occurs);
  return ratio(
    occurring.reduce((all, one) => all + (of(one) ?? 0), 0),
    occurring.length,
  );
}

/**
 * Of each bin that has counts: how far accuracy and mean confidence are apart, and its count; null unless all have a
 * bin.
 */
function gaps({ bins, decisions }: Counts): { gap: number; count: number }[] | null {
  const filled = bins.filter(({ count }) => count > 0);
  const binned = filled.reduce((all, { count }) => all + count, 0);
  if (decisions === 0 || binned !== decisions) return null;
  return filled.map(({ count, hits, confidence }) => ({ gap: Math.abs(hits / count - confidence / count), count }));
}

/** Metrics over all samples that meters of both losses have. */
export const COMMON_METRICS = {
  /**
   * Mean negative log-likelihood: the focal loss with γ = 0, no weights and no smoothing. Sigmoid: over samples and
   * classes.
   * @range 0 to ∞
   * @undefined no samples, or a value that is not finite
   * @sklearn `log_loss`
   * @torchmetrics `torch.nn.functional.cross_entropy`, `binary_cross_entropy_with_logits`
   */
  crossEntropy: (counts: Counts): Estimate => mean(counts, 'crossEntropy'),
  /**
   * Brier score. Softmax: mean over the samples of Σ over the classes of (p − [c = target])², 0 to 2, as Brier defined
   * it. Sigmoid: mean over samples and classes of (p − [member])², 0 to 1.
   * @range 0 to 2 (softmax), 0 to 1 (sigmoid)
   * @undefined no samples, or a probability that is NaN
   * @sklearn `brier_score_loss`, with `scale_by_half=False` for softmax
   */
  brier: (counts: Counts): Estimate => mean(counts, 'brier'),
  /**
   * Brier skill score: 1 − Brier score / that of predicting every class by its prevalence.
   * @range −∞ to 1
   * @undefined as the Brier score, and when that of the prevalences is 0
   * @sklearn `d2_brier_score`
   */
  brierSkill: (counts: Counts): Estimate => {
    const { value } = COMMON_METRICS.brier(counts);
    const { classes, variant, decisions } = counts;
    const rates = classes.map(({ support, samples }) => (samples > 0 ? support / samples : 0));
    // classes of whose logits some are ignored count less
    const weight = (c: number): number => (counts.classes[c]!.samples * classes.length) / decisions;
    const reference =
      variant === 'softmax'
        ? 1 - rates.reduce((all, rate) => all + rate * rate, 0)
        : rates.reduce((all, rate, c) => all + rate * (1 - rate) * weight(c), 0) / classes.length;
    return plain(value === null || reference <= 0 ? null : finite(1 - value / reference));
  },
  /**
   * Softmax: share of the samples whose class is predicted. Sigmoid: share of right decisions over samples and classes,
   * 1 − Hamming loss.
   * @range 0 to 1
   * @undefined no samples
   * @sklearn `accuracy_score`; sigmoid: 1 − `hamming_loss`
   * @torchmetrics `accuracy` with `average='micro'`
   */
  accuracy: (counts: Counts): Estimate => {
    const { samples, decisions, variant, classes, perSample, sizes } = counts;
    const tp = right(counts);
    if (variant === 'softmax') return share(tp, samples);
    const wrong = classes.reduce((all, { fp, fn }) => all + fp + fn, 0);
    const value = ratio(decisions - wrong, decisions);
    if (!perSample || value === null) return plain(value);
    return {
      value,
      interval: (z) => {
        // decisions on one sample hang together: as many of them as independent ones would give this standard error
        const scale = 2n ** 149n;
        const error = sizes
          ? overLogits(samples, sizes, wrong, Number(perSample.wrongSquares), sizes.wrong).standardError
          : (meanOf(samples, BigInt(wrong) * scale, perSample.wrongSquares * scale)?.standardError ?? 0) /
            classes.length;
        const effective = error > 0 && error < Infinity ? (value * (1 - value)) / (error * error) : samples;
        return wilson(value * effective, effective, z);
      },
    };
  },
  /**
   * Expected calibration error: Σ over the bins of share of the decisions in it · |accuracy − mean confidence|.
   * @range 0 to 1
   * @undefined no samples, or a probability that is NaN
   * @torchmetrics `calibration_error` with `norm='l1'`
   */
  ece: (counts: Counts): Estimate => {
    const all = gaps(counts);
    return plain(all && all.reduce((sum, { gap, count }) => sum + gap * count, 0) / counts.decisions);
  },
  /**
   * Maximum calibration error: the largest |accuracy − mean confidence| of a bin.
   * @range 0 to 1
   * @undefined as the expected one
   * @torchmetrics `calibration_error` with `norm='max'`
   */
  mce: (counts: Counts): Estimate => plain(gaps(counts)?.reduce((most, { gap }) => Math.max(most, gap), 0) ?? null),
  /**
   * Expected calibration error over 15 groups of about equally many decisions, each of one bin or several side by side;
   * the more `bins`, the nearer to that of the sorted decisions (Nixon et al. 2019): 1e-2 at 16,384.
   * @range 0 to 1
   * @undefined as the expected one, and where a bin holds more than twice its group's share: more `bins` are needed
   *   then
   */
  adaptiveEce: (counts: Counts): Estimate => plain(adaptiveEce(counts)),
  /**
   * Expected calibration error of each class by itself over equal bins of its probability (softmax: one against the
   * rest), the mean over the classes; from the cells of the curves, to 1/256.
   * @range 0 to 1
   * @undefined without `curves`, no samples, or a probability that is NaN
   * @sklearn `calibration_curve` of each class, its gaps by the share of the samples in the bin
   * @torchmetrics `binary_calibration_error` of each class with `norm='l1'`
   */
  classwiseEce: (counts: Counts): Estimate => plain(classwiseEce(counts, probabilityOf, counts.bins.length)),
};

/** The probability at the middle of a cell. */
function probabilityOf(cell: number): number {
  const below = cell === 0 ? -Infinity : upperEdge(cell - 1);
  return (sigmoid(below) + sigmoid(upperEdge(cell))) / 2;
}

const GROUPS = 15;

function adaptiveEce({ bins, decisions }: Counts): Metric {
  const most = (2 * decisions) / GROUPS;
  const binned = bins.reduce((all, { count }) => all + count, 0);
  if (decisions === 0 || binned !== decisions || bins.some(({ count }) => count > most)) return null;
  let [sum, gap, seen, end] = [0, 0, 0, 1];
  for (const { count, hits, confidence } of bins) {
    gap += hits - confidence;
    seen += count;
    // a group ends with the bin in which its share of the decisions does
    if (seen * GROUPS < end * decisions) continue;
    end = Math.floor((seen * GROUPS) / decisions) + 1;
    sum += Math.abs(gap);
    gap = 0;
  }
  return sum / decisions;
}

/** Metrics over all samples that only meters of softmax losses have. */
export const SOFTMAX_METRICS = {
  /**
   * Mean recall of the classes that have samples.
   * @range 0 to 1
   * @undefined no samples
   * @sklearn `balanced_accuracy_score`
   * @torchmetrics `recall(average='macro')` where every class has samples
   */
  balancedAccuracy: (counts: Counts): Estimate => {
    const present = counts.classes.filter(({ support }) => support > 0);
    return plain(
      ratio(
        present.reduce((all, { tp, support }) => all + tp / support, 0),
        present.length,
      ),
    );
  },
  /**
   * Balanced accuracy, scaled so that 0 is what guessing gives and 1 is perfect.
   * @range −1 / (classes that have samples − 1) to 1
   * @undefined fewer than two classes that have samples
   * @sklearn `balanced_accuracy_score(adjusted=True)`
   */
  adjustedBalancedAccuracy: (counts: Counts): Estimate => {
    const { value } = SOFTMAX_METRICS.balancedAccuracy(counts);
    const chance = 1 / counts.classes.filter(({ support }) => support > 0).length;
    return plain(value === null ? null : ratio(value - chance, 1 - chance));
  },
  /**
   * Mean F1 of the classes that have samples or predictions.
   * @range 0 to 1
   * @undefined no samples
   * @sklearn `f1_score(average='macro')`
   * @torchmetrics `f1_score(average='macro')`
   */
  macroF1: (counts: Counts): Estimate =>
    plain(overOccurring(counts, ({ tp, fp, fn }) => ratio(2 * tp, 2 * tp + fp + fn))),
  /**
   * Mean intersection over union of the classes that have samples or predictions.
   * @range 0 to 1
   * @undefined no samples
   * @sklearn `jaccard_score(average='macro')`
   * @torchmetrics `jaccard_index(average='macro')`
   */
  meanIou: (counts: Counts): Estimate => plain(overOccurring(counts, ({ tp, fp, fn }) => ratio(tp, tp + fp + fn))),
  /**
   * Matthews correlation coefficient over all classes (Gorodkin's R_K).
   * @range −1 to 1
   * @undefined all samples of one class or all predictions one class; scikit-learn and torchmetrics have 0 there
   * @sklearn `matthews_corrcoef`
   * @torchmetrics `matthews_corrcoef`
   */
  mcc: (counts: Counts): Estimate => {
    const { samples, classes } = counts;
    const products = (of: (c: Counts['classes'][number]) => number) => classes.reduce((all, c) => all + of(c), 0);
    const covariance = right(counts) * samples - products(({ support, predicted }) => support * predicted);
    const ofTruth = samples * samples - products(({ support }) => support * support);
    const ofPredictions = samples * samples - products(({ predicted }) => predicted * predicted);
    return plain(ratio(covariance, Math.sqrt(ofTruth) * Math.sqrt(ofPredictions)));
  },
  /**
   * Cohen's κ: (accuracy − a) / (1 − a), a the agreement of predictions drawn by chance as often as they were made.
   * @range −1 to 1
   * @undefined no samples, or all samples and all predictions of one class
   * @sklearn `cohen_kappa_score`
   * @torchmetrics `cohen_kappa`
   */
  kappa: (counts: Counts): Estimate => {
    const { samples, classes } = counts;
    const chance = classes.reduce((all, { support, predicted }) => all + support * predicted, 0);
    return plain(ratio(right(counts) * samples - chance, samples * samples - chance));
  },
  /**
   * Area under the risk–coverage curve: mean over all shares of the samples, the most confident first, of the share of
   * wrong predictions among them (Geifman et al. 2019); confidences of a bin count as equal, its errors as evenly
   * spread: 1e-3 of the sorted ones at 16,384 `bins`.
   * @range 0 to 1, 0 is perfect
   * @undefined no samples, or a confidence that is NaN
   */
  aurc: (counts: Counts): Estimate => plain(aurc(counts)),
};

/** Pieces that a bin is taken in. */
const PIECES = 64;

function aurc({ bins, samples }: Counts): Metric {
  let [seen, wrong, area] = [0, 0, 0];
  for (const { count, hits } of bins.toReversed()) {
    const pieces = Math.min(count, PIECES);
    for (let j = 0; j < pieces; j++) {
      const k = ((j + 0.5) * count) / pieces + 0.5;
      area += ((count / pieces) * (wrong + (k * (count - hits)) / count)) / (seen + k);
    }
    seen += count;
    wrong += count - hits;
  }
  return seen === samples ? ratio(area, samples) : null;
}

/** Metrics over all samples that only meters of sigmoid losses have. */
export const SIGMOID_METRICS = {
  /**
   * Share of the samples whose every decision is right. Exact match ratio.
   * @range 0 to 1
   * @undefined no samples
   * @sklearn `accuracy_score` of indicators
   * @torchmetrics `exact_match`
   */
  subsetAccuracy: ({ samples, perSample }: Counts): Estimate => (perSample ? share(perSample.subset, samples) : none),
};

/** Metrics, of which the mean loss is one, of which less is better. */
export const ERRORS = ['loss', 'crossEntropy', 'brier', 'aurc', 'ece', 'mce', 'adaptiveEce', 'classwiseEce'];

/** Metrics that are no shares of anything, so that a limit on them is no percentage. */
export const NO_SHARES = ['crossEntropy', 'brier', 'brierSkill', 'adjustedBalancedAccuracy', 'mcc', 'kappa', 'aurc'];

/** Mean focal loss, as the loss's reduction 'mean' with its divisor. */
export function meanLoss(counts: Counts): Estimate {
  const { divisor, samples, sums } = counts;
  if (!divisor) return mean(counts, 'loss');
  if (samples === 0) return none;
  const { by, terms } = divisor;
  const over = mean({ ...counts, decisions: by, sizes: null }, 'loss');
  if (terms === null || over.value === null || !sums) return over;
  if (terms === undefined || !sums.loss.squares) return plain(over.value);
  const { sum, squares } = sums.loss;
  const { mean: value, standardError } = ratioOf(
    samples,
    { sum: total(sum), squares: total(squares), products: terms.products },
    { sum: by, squares: terms.squares },
  );
  const interval = (z: number): Interval | null => {
    if (!Number.isFinite(standardError)) return null;
    const [lower, upper] = normalInterval(value, standardError, z);
    return [Math.max(0, lower), upper];
  };
  return { value: over.value, interval };
}
