import { fromUnits, units } from '../backend/limbs.ts';
import { areas } from './areas.ts';
import type { Range } from './coverage.ts';
import type { State } from './state.ts';
import { INFINITE, NAN } from './words.ts';

/** null: not defined (nothing to divide by) or not finite. */
export type Metric = number | null;

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
  /** null for targets that are no class index. */
  target: number | null;
  /** Class with the largest logit. */
  prediction: number;
  /** The sample's loss (sigmoid: summed over the classes); null where it is NaN or +∞, which come first. */
  loss: Metric;
}

interface CommonReport {
  /** Samples counted, and samples left out for their target. */
  samples: number;
  ignored: number;
  /** With the option `coverage`: the indices below the largest one counted that were not, as ranges [from, to). */
  missing?: Range[];
  /** Samples (sigmoid: logits) whose loss is NaN, and +∞. */
  nan: number;
  infinite: number;
  /** Focal loss over the valid samples (sigmoid: logits), as the loss's reductions 'mean' and 'sum'. */
  loss: { mean: Metric; sum: Metric };
  /** Mean negative log-likelihood: the same loss with γ = 0, no weights and no smoothing. */
  crossEntropy: Metric;
  brier: Metric;
  /** Expected and maximum calibration error over the bins. */
  ece: Metric;
  mce: Metric;
  bins: Bin[];
  /** With the option `hardest`: the samples with the largest loss, ties by index. */
  hardest?: HardSample[];
}

/** The metrics of one class, of a softmax loss. */
export interface SoftmaxClass {
  /** Samples of the class. */
  support: number;
  /** Mean focal loss of its samples. */
  loss: Metric;
  recall: Metric;
  precision: Metric;
  f1: Metric;
}

/** What `compute` gives of a softmax loss: a plain object that JSON can hold. */
export interface SoftmaxReport extends CommonReport {
  variant: 'softmax';
  accuracy: Metric;
  topK: { k: number; accuracy: Metric }[];
  /** Mean recall of the classes that have samples. */
  balancedAccuracy: Metric;
  /** Mean F1 of the classes that have samples or predictions. */
  macroF1: Metric;
  perClass: SoftmaxClass[];
  /** [target][prediction], with the option `confusion`. */
  confusion?: number[][];
}

/** The metrics of one class against the rest, of a sigmoid loss. */
export interface SigmoidClass extends SoftmaxClass {
  /** Fraction of the samples whose membership of the class is decided rightly. */
  accuracy: Metric;
  /** Area under the ROC curve; null without `curves`, and unless there are samples of the class and others. */
  auroc: Metric;
  /** Area under the precision-recall curve as a step function; null without `curves` or samples of the class. */
  averagePrecision: Metric;
}

/** Precision, recall and F1 of a set of decisions, each null where it is not defined. */
export interface Scores {
  precision: Metric;
  recall: Metric;
  f1: Metric;
}

/** What `compute` gives of a sigmoid loss: a plain object that JSON can hold. */
export interface SigmoidReport extends CommonReport {
  variant: 'sigmoid';
  /** Fraction of right decisions at threshold 0.5 over all samples and classes. */
  accuracy: Metric;
  /** Over all decisions. */
  micro: Scores;
  /** Means over the classes that have samples or predictions, where undefined counts as 0. */
  macro: Scores;
  /** Means over the classes for which they are defined. */
  auroc: Metric;
  averagePrecision: Metric;
  perClass: SigmoidClass[];
}

const over = (a: number, b: number): Metric => finite(a / b);
const finite = (x: number): Metric => (Number.isFinite(x) ? x : null);

function mean(values: readonly Metric[]): Metric {
  let sum = 0;
  let n = 0;
  for (const value of values) {
    if (value === null) continue;
    sum += value;
    n++;
  }
  return over(sum, n);
}

/** Of right positives, positives and predicted positives. */
function scores(right: number, positives: number, predicted: number): Scores {
  return {
    precision: over(right, predicted),
    recall: over(right, positives),
    f1: over(2 * right, positives + predicted),
  };
}

const float = new DataView(new ArrayBuffer(4));

/** The metrics of a state. */
export function report(state: State): SoftmaxReport | SigmoidReport {
  const { words, at: place, config, curves, coverage } = state;
  const word = (at: number): number => words[at] as number;
  const special = (nan: number, infinite: number, sum: number): number =>
    nan > 0 ? NaN : infinite > 0 ? Infinity : sum;
  const sumAt = (at: number): number => special(word(at + NAN), word(at + INFINITE), fromUnits(units(words, at)));

  const samples = word(place.totals.samples);
  const softmax = config.variant === 'softmax';
  const decisions = softmax ? samples : samples * config.classes;

  let bits = 0n;
  let nan = 0;
  let infinite = 0;
  const right: number[] = [];
  const supports: number[] = [];
  const predictions: number[] = [];
  const losses: number[] = [];
  for (let c = 0, row = 0; c < config.classes; c++, row += place.classes.stride) {
    supports.push(word(place.classes.support + row));
    right.push(word(place.classes.right + row));
    predictions.push(word(place.classes.predicted + row));
    const sum = place.classes.loss + row;
    losses.push(sumAt(sum));
    bits += units(words, sum);
    infinite += word(sum + INFINITE);
    nan += word(sum + NAN);
  }
  const total = special(nan, infinite, fromUnits(bits));
  const perClass = supports.map((support, c) => ({
    support,
    loss: over(losses[c] as number, softmax ? support : samples),
    ...scores(right[c] as number, support, predictions[c] as number),
  }));

  let gaps = 0;
  let worst = 0;
  let binned = 0;
  const bins = Array.from({ length: config.bins }, (_, b): Bin => {
    const row = b * place.bins.stride;
    const sum = place.bins.confidence + row;
    const count = word(place.bins.count + row);
    const accuracy = over(word(place.bins.hits + row), count);
    // the high limb in units of 1, the low one in units of 2^−32
    const confidence = over(word(sum + 1) + word(sum) / 2 ** 32, count);
    if (accuracy !== null && confidence !== null) {
      const gap = Math.abs(accuracy - confidence);
      gaps += gap * count;
      worst = Math.max(worst, gap);
      binned += count;
    }
    return { lower: b / config.bins, upper: (b + 1) / config.bins, count, confidence, accuracy };
  });
  const calibrated = samples > 0 && binned === decisions;

  const common = {
    samples,
    ignored: word(place.totals.ignored),
    ...(coverage ? { missing: coverage.missing() } : {}),
    nan,
    infinite,
    loss: { mean: over(total, decisions), sum: finite(total) },
    crossEntropy: over(sumAt(place.totals.crossEntropy), decisions),
    brier: over(sumAt(place.totals.brier), decisions),
    ece: calibrated ? gaps / binned : null,
    mce: calibrated ? worst : null,
    bins,
  };
  const hardest = state.hardest.samples.map(([index, target, prediction, loss]) => {
    float.setUint32(0, loss);
    return { index, target, prediction, loss: finite(float.getFloat32(0)) };
  });
  const listed = config.hardest > 0 ? { hardest } : {};

  const allRight = right.reduce((a, b) => a + b, 0);
  const positives = supports.reduce((a, b) => a + b, 0);
  if (softmax) {
    const square = { length: config.confusion ? config.classes : 0 };
    const confusion = Array.from(square, (_, c) => {
      const row = place.confusion.samples + c * config.classes;
      return Array.from(words.subarray(row, row + config.classes));
    });
    return {
      variant: 'softmax',
      ...common,
      accuracy: over(allRight, samples),
      topK: config.topK.map((k, i) => ({ k, accuracy: over(word(place.topK.hits + i), samples) })),
      balancedAccuracy: mean(perClass.map(({ recall }) => recall)),
      macroF1: mean(perClass.map(({ f1 }) => f1)),
      perClass,
      ...(config.confusion ? { confusion } : {}),
      ...listed,
    };
  }
  const decided = perClass.map((entry, c): SigmoidClass => {
    const wrong = entry.support + (predictions[c] as number) - 2 * (right[c] as number);
    return { ...entry, accuracy: over(samples - wrong, samples), ...areas(curves ? [...curves.cells(c)] : []) };
  });
  const macro = (key: keyof Scores) => mean(decided.map((entry) => (entry.f1 === null ? null : (entry[key] ?? 0))));
  const allPredicted = predictions.reduce((a, b) => a + b, 0);
  return {
    variant: 'sigmoid',
    ...common,
    accuracy: over(decisions - positives - allPredicted + 2 * allRight, decisions),
    micro: scores(allRight, positives, allPredicted),
    macro: {
      precision: macro('precision'),
      recall: macro('recall'),
      f1: macro('f1'),
    },
    auroc: mean(decided.map(({ auroc }) => auroc)),
    averagePrecision: mean(decided.map(({ averagePrecision }) => averagePrecision)),
    perClass: decided,
    ...listed,
  };
}
