import { LIMBS } from '../backend/limbs.ts';
import { common, number } from '../input/checks.ts';
import { outOfRange, wrongType } from '../input/errors.ts';
import { FocalLoss, SigmoidLoss, SoftmaxLoss } from '../losses/losses.ts';
import type { Reduction, Settings } from '../losses/options.ts';

export interface SoftmaxMeterOptions {
  /** Number of classes, at least 1. */
  classes: number;
  /** For which k to count the samples whose class is among the k largest logits. Default [5]. */
  topK?: readonly number[];
  /** Number of equal bins of the confidence, for the calibration error. Default 15. */
  bins?: number;
  /** Whether to keep the confusion matrix, classes² counts. Default false. */
  confusion?: boolean;
  /** How many of the samples with the largest loss to keep. Default 0. */
  hardest?: number;
}

export interface SigmoidMeterOptions {
  /** Number of classes, at least 1. */
  classes: number;
  /** Number of equal bins of the probability, for the calibration error. Default 15. */
  bins?: number;
  /**
   * Thresholds 0, 1/(thresholds − 1), …, 1 of the binned ROC and precision-recall curves, at least 2; 0: no curves are kept.
   * They take 2 · classes · thresholds counts. Default 0.
   */
  thresholds?: number;
  /** How many of the samples with the largest loss to keep. Default 0. */
  hardest?: number;
}

/** What two meters must have in common to be merged: the loss and the options, all checked. Part of the state. */
export interface MeterConfig {
  readonly variant: 'softmax' | 'sigmoid';
  readonly gamma: number;
  readonly smoothing: number;
  readonly ignoreIndex: number;
  /** Weight of each class, or of all, when it is the true one, and when it is not. */
  readonly positive: number | readonly number[];
  readonly negative: number | readonly number[];
  readonly classes: number;
  readonly topK: readonly number[];
  readonly bins: number;
  readonly confusion: boolean;
  readonly hardest: number;
  readonly thresholds: number;
}

const COUNT = 'a positive integer below 2^31';
const isCount = (x: number): boolean => Number.isInteger(x) && x > 0 && x < 2 ** 31;

function readOptions(variant: MeterConfig['variant'], given: unknown) {
  const softmax = variant === 'softmax';
  const known = softmax
    ? ['classes', 'topK', 'bins', 'confusion', 'hardest']
    : ['classes', 'bins', 'thresholds', 'hardest'];
  if (given === undefined) throw wrongType('options', 'an object with classes', given);
  const options = common(`a meter of a ${variant} loss`, given, known);
  const { classes, topK = softmax ? [5] : [], bins = 15, confusion = false, hardest = 0 } = options;
  const { thresholds = 0 } = options;
  if (!Array.isArray(topK)) throw wrongType('topK', 'an array of integers', topK);
  if (typeof confusion !== 'boolean') throw wrongType('confusion', 'a boolean', confusion);
  return {
    classes: number('classes', classes, COUNT, isCount),
    topK: [...new Set(topK.map((k, i) => number(`topK[${i}]`, k, COUNT, isCount)))].sort((a, b) => a - b),
    bins: number('bins', bins, COUNT, isCount),
    confusion,
    hardest: number('hardest', hardest, 'an integer in [0, 2^31)', (x) => x === 0 || isCount(x)),
    thresholds: number(
      'thresholds',
      thresholds,
      '0 or an integer in [2, 2^31)',
      (x) => x === 0 || (x >= 2 && isCount(x)),
    ),
  };
}

/** The configuration of a meter for a loss. */
export function configOf(loss: unknown, given: unknown): MeterConfig {
  if (!(loss instanceof SoftmaxLoss || loss instanceof SigmoidLoss)) {
    throw wrongType('loss', 'a SoftmaxFocalLoss or SigmoidFocalLoss', loss);
  }
  const { gamma, smoothing, ignoreIndex, positive, negative } = FocalLoss.settingsOf(loss as FocalLoss<Reduction>);
  const variant = loss instanceof SoftmaxLoss ? 'softmax' : 'sigmoid';
  const options = readOptions(variant, given);
  if (typeof positive !== 'number' && positive.length !== options.classes) {
    throw outOfRange('alpha', `${options.classes} weights`, positive.length);
  }
  const plain = (weights: Float32Array | number) => (typeof weights === 'number' ? weights : Array.from(weights));
  return { variant, gamma, smoothing, ignoreIndex, positive: plain(positive), negative: plain(negative), ...options };
}

/** The configuration a state comes with, checked as if it had been given. */
export function readConfig(value: unknown): MeterConfig {
  if (typeof value !== 'object' || value === null) throw wrongType('state.config', 'an object', value);
  const { variant, gamma, smoothing, ignoreIndex, positive, negative, ...rest } = value as Record<string, unknown>;
  if (variant !== 'softmax' && variant !== 'sigmoid') {
    throw outOfRange('state.config.variant', "'softmax' or 'sigmoid'", variant);
  }
  const unused: Record<string, unknown> = variant === 'softmax' ? { thresholds: 0 } : { topK: [], confusion: false };
  for (const [key, expected] of Object.entries(unused)) {
    if (JSON.stringify(rest[key]) !== JSON.stringify(expected)) {
      throw outOfRange(`state.config.${key}`, JSON.stringify(expected), rest[key]);
    }
    delete rest[key];
  }
  const options = readOptions(variant, rest);
  const weight = (name: string, given: unknown): number | number[] => {
    const check = (at: string, x: unknown) => number(at, x, 'a finite number ≥ 0', (w) => w >= 0 && w < Infinity);
    if (!Array.isArray(given)) return check(name, given);
    if (given.length !== options.classes) throw outOfRange(name, `${options.classes} weights`, given.length);
    return given.map((x, i) => check(`${name}[${i}]`, x));
  };
  return {
    variant,
    gamma: number('state.config.gamma', gamma, 'a finite number ≥ 0', (x) => x >= 0 && x < Infinity),
    smoothing: number('state.config.smoothing', smoothing, 'a number in [0, 1)', (x) => x >= 0 && x < 1),
    ignoreIndex: number('state.config.ignoreIndex', ignoreIndex, 'an integer of 32 bits', (x) => (x | 0) === x),
    positive: weight('state.config.positive', positive),
    negative: weight('state.config.negative', negative),
    ...options,
  };
}

/** What the kernels need to know of the loss. */
export function settingsFrom({ gamma, smoothing, ignoreIndex, positive, negative }: MeterConfig): Settings {
  const typed = (weights: number | readonly number[]) =>
    typeof weights === 'number' ? weights : Float32Array.from(weights);
  return {
    gamma,
    smoothing,
    reduction: 'mean',
    ignoreIndex,
    drop: false,
    positive: typed(positive),
    negative: typed(negative),
  };
}

/** An exact sum in the state: its limbs, then 0, or 1 when +∞ was among the values, or 2 when NaN was. */
export const SUM_WORDS = LIMBS + 1;
/** Words of one bin: samples, hits (softmax) or positives (sigmoid), confidence in units of 2^−32 as two limbs. */
export const BIN_WORDS = 4;
/** Words of one class: samples of it, those predicted rightly, all predictions of it, then the sum of its losses. */
export const CLASS_WORDS = 3 + SUM_WORDS;

/** Where what stands among the words of the state. */
export interface Layout {
  readonly samples: number;
  readonly ignored: number;
  /** Samples whose loss is NaN, and +∞. */
  readonly nan: number;
  readonly infinite: number;
  /** Exact sums of the cross-entropies and of the Brier scores. */
  readonly crossEntropy: number;
  readonly brier: number;
  /** One count for each k of topK. */
  readonly topK: number;
  readonly bins: number;
  readonly classes: number;
  /** Softmax: [target][prediction] counts. Sigmoid: for each class a histogram of its negatives, then of its positives. */
  readonly table: number;
  readonly length: number;
}

export function layoutOf(config: MeterConfig): Layout {
  const { classes: n, topK, bins, confusion, thresholds } = config;
  const at = { samples: 0, ignored: 1, nan: 2, infinite: 3, crossEntropy: 4, brier: 4 + SUM_WORDS };
  const top = at.brier + SUM_WORDS;
  const firstBin = top + topK.length;
  const classes = firstBin + bins * BIN_WORDS;
  const table = classes + n * CLASS_WORDS;
  const length = table + (confusion ? n * n : 2 * n * thresholds);
  return { ...at, topK: top, bins: firstBin, classes, table, length };
}
