import { aboveZero, common, fraction, notNegative, number, numbers, oneOf } from '../input/checks.ts';
import { outOfRange } from '../input/errors.ts';

/** What a call makes of the losses: their mean over what is valid, their sum, or each of them. */
export type Reduction = 'mean' | 'sum' | 'none';

/** What the numbers given as logits are. */
export type InputScale = 'logits' | 'probabilities' | 'logProbabilities';

interface CommonOptions<R extends Reduction> {
  /** Focusing parameter γ ≥ 0; 0 is plain cross-entropy. Default 2. */
  gamma?: number;
  /**
   * What a call gives: the mean over the valid samples (logits, for the sigmoid variant), their sum, or each. Default
   * 'mean'.
   */
  reduction?: R;
  /**
   * Target that marks a sample to leave out; of targets in the shape of the logits (sigmoid), a logit to leave out.
   * Default −100.
   */
  ignoreIndex?: number;
  /** With reduction 'none': 0 in the place of ignored samples, or leave them out. Default 'zero'. */
  ignored?: 'zero' | 'drop';
  /**
   * Which axis of the logits has the classes: 1 as in `[B, C, D1, …]`, or the last, −1, as in `[B, T, C]` of token
   * classifiers and in all of TensorFlow; targets are `[B, T]` then. Equal sizes cannot be told apart, so a wrong axis
   * may go unnoticed. Default 1.
   */
  classAxis?: 1 | -1;
  /**
   * What the numbers given as logits are. Probabilities become ln p (softmax, which normalises them) or ln(p/(1 − p))
   * (sigmoid) as they are read; there is no gradient then. Log-probabilities of a softmax are logits as they are, and
   * have the gradient of logits. Default 'logits'.
   */
  input?: InputScale;
}

/** Options of a `SoftmaxFocalLoss`. */
export interface SoftmaxFocalLossOptions<R extends Reduction = 'mean'> extends CommonOptions<R> {
  /** One weight ≥ 0 a class, not all 0, or null for none. Default null. */
  alpha?: ArrayLike<number> | null;
  /** ε in [0, 1): targets t become t·(1 − ε) + ε/C. Default 0. */
  labelSmoothing?: number;
  /**
   * What the sum is divided by, with reduction 'mean' alone: the number of valid samples, 'valid', those of weight 0
   * included; the sum of their weights times Σ t·alpha, 'weights', which is PyTorch's weighted mean of index targets
   * (PyTorch divides soft targets by the number of samples); or a number > 0. The mean is 0 where nothing is left to
   * divide by. Default 'valid'.
   */
  divisor?: 'valid' | 'weights' | number;
}

/** Options of a `SigmoidFocalLoss`. */
export interface SigmoidFocalLossOptions<R extends Reduction = 'mean'> extends CommonOptions<R> {
  /**
   * Weight of the true class in (0, 1], 1 − alpha for the others; or one such number in [0, 1] a class, not all 0. null
   * or a number ≤ 0 turns weighting off. Default 0.25.
   */
  alpha?: number | ArrayLike<number> | null;
  /** Smoothing s of the probability in the focal factor: p·(1 − s) + s/2, in [0, 1). Default 1e-3. */
  smoothing?: number;
  /**
   * Label that means "none of the classes", such as C or −1: the sample is valid, and all its logits are negatives.
   * Neither a class nor `ignoreIndex`. Default: none.
   */
  background?: number | null;
  /** γ ≥ 0 of negatives, for asymmetric focusing (Ridnik et al. 2021); only for targets of 0 and 1. Default: gamma. */
  gammaNegative?: number;
  /** In [0, 1): the probability of negatives counts as max(p − clip, 0); only for targets of 0 and 1. Default 0. */
  clip?: number;
  /**
   * What the sum is divided by, with reduction 'mean' alone: the number of valid logits, 'valid'; the positives,
   * 'positives', as RetinaNet and mmdet do: samples that are not background, or Σ t of targets in the shape of the
   * logits, but at least 1; or a number >
   * 0. Default 'valid'.
   */
  divisor?: 'valid' | 'positives' | number;
}

/** Options of either loss, checked. */
export interface Settings {
  readonly variant: 'softmax' | 'sigmoid';
  readonly gamma: number;
  readonly smoothing: number;
  readonly reduction: Reduction;
  readonly ignoreIndex: number;
  readonly drop: boolean;
  /** Weight of each class, or of all of them, when it is the true one, and when it is not. */
  readonly positive: Float32Array | number;
  readonly negative: Float32Array | number;
  readonly gammaNegative: number;
  readonly clip: number;
  readonly labelSmoothing: number;
  readonly background: number | null;
  readonly divisor: 'valid' | 'weights' | 'positives' | number;
  readonly classAxis: 1 | -1;
  readonly input: InputScale;
}

/** Weights go to the kernels as float32, where too small a one would be 0. */
const isWeight = (x: number): boolean => x === 0 || (Math.fround(x) > 0 && Math.fround(x) < Infinity);
/** −2^31 stands for what is no int32. */
const isLabel = (x: number): boolean => (x | 0) === x && x !== -2147483648;

const COMMON = ['gamma', 'alpha', 'reduction', 'ignoreIndex', 'ignored', 'divisor', 'classAxis', 'input'];

function weights(alpha: unknown, expected: string, ok: (x: number) => boolean): Float32Array {
  // −0 becomes 0, as losses that are bits must have no sign
  const values = Float32Array.from(numbers('alpha', alpha, expected, ok), (w) => w + 0);
  if (values.every((w) => w === 0)) throw outOfRange('alpha', 'a weight > 0', 'only zeros');
  return values;
}

/** What the sum is divided by: one of `names`, or a number; only with reduction 'mean'. */
function readDivisor(given: unknown, reduction: Reduction, names: readonly ('valid' | 'weights' | 'positives')[]) {
  if (given === undefined) return 'valid';
  if (reduction !== 'mean') throw outOfRange('divisor', "reduction 'mean' to go with", JSON.stringify(reduction));
  if (typeof given !== 'number') return oneOf('divisor', given, names, ' or a number > 0');
  return aboveZero('divisor', given);
}

/** The options of both losses. Undefined means the default, as with destructuring. */
function readCommon(options: Record<string, unknown>, names: readonly ('valid' | 'weights' | 'positives')[]) {
  const {
    gamma = 2,
    reduction = 'mean',
    ignoreIndex = -100,
    ignored = 'zero',
    classAxis = 1,
    input = 'logits',
  } = options;
  const checked = oneOf('reduction', reduction, ['mean', 'sum', 'none']);
  return {
    gamma: notNegative('gamma', gamma),
    reduction: checked,
    ignoreIndex: number('ignoreIndex', ignoreIndex, 'an integer of 32 bits', isLabel),
    drop: oneOf('ignored', ignored, ['zero', 'drop']) === 'drop',
    divisor: readDivisor(options.divisor, checked, names),
    classAxis: number('classAxis', classAxis, '1 or -1', (x) => x === 1 || x === -1) as 1 | -1,
    input: oneOf('input', input, ['logits', 'probabilities', 'logProbabilities']),
  };
}

export function softmaxSettings(given: unknown): Settings {
  const options = common('SoftmaxFocalLoss', given, [...COMMON, 'labelSmoothing']);
  const { alpha = null, labelSmoothing = 0 } = options;
  const read = readCommon(options, ['valid', 'weights']);
  return {
    variant: 'softmax',
    ...read,
    smoothing: 0,
    positive: alpha === null ? 1 : weights(alpha, 'a float32 number ≥ 0', isWeight),
    negative: 1,
    gammaNegative: read.gamma,
    clip: 0,
    labelSmoothing: fraction('labelSmoothing', labelSmoothing),
    background: null,
  };
}

export function sigmoidSettings(given: unknown): Settings {
  const own = ['smoothing', 'background', 'gammaNegative', 'clip'];
  const options = common('SigmoidFocalLoss', given, [...COMMON, ...own]);
  const read = readCommon(options, ['valid', 'positives']);
  const { alpha = 0.25, smoothing = 1e-3, background = null, gammaNegative = read.gamma, clip = 0 } = options;
  let positive: Float32Array | number = 1;
  let negative: Float32Array | number = 1;
  if (typeof alpha === 'number') {
    number('alpha', alpha, 'a number ≤ 1', (x) => x <= 1);
    if (alpha > 0) {
      positive = alpha;
      negative = 1 - alpha;
    }
  } else if (alpha !== null) {
    const values = numbers('alpha', alpha, 'a number in [0, 1]', (x) => isWeight(x) && x <= 1);
    positive = weights(values, 'a number in [0, 1]', isWeight);
    negative = Float32Array.from(values, (a) => 1 - a);
  }
  if (background !== null) {
    number('background', background, 'an integer of 32 bits', isLabel);
    if (background === read.ignoreIndex) {
      throw outOfRange('background', 'another label than ignoreIndex', background);
    }
  }
  return {
    variant: 'sigmoid',
    ...read,
    smoothing: fraction('smoothing', smoothing),
    positive,
    negative,
    gammaNegative: notNegative('gammaNegative', gammaNegative),
    clip: fraction('clip', clip),
    labelSmoothing: 0,
    background: background as number | null,
  };
}
