import { common, number, numbers, oneOf } from '../input/checks.ts';

/** What a call makes of the losses: their mean over what is valid, their sum, or each of them. */
export type Reduction = 'mean' | 'sum' | 'none';

interface CommonOptions<R extends Reduction> {
  /** Focusing parameter γ ≥ 0; 0 is plain cross-entropy. Default 2. */
  gamma?: number;
  /** What a call gives: the mean over the valid samples (logits, for the sigmoid variant), their sum, or each. Default 'mean'. */
  reduction?: R;
  /** Target that marks a sample to leave out. Default −100. */
  ignoreIndex?: number;
  /** With reduction 'none': 0 in the place of ignored samples, or leave them out. Default 'zero'. */
  ignored?: 'zero' | 'drop';
}

/** Options of a `SoftmaxFocalLoss`. */
export interface SoftmaxFocalLossOptions<R extends Reduction = 'mean'> extends CommonOptions<R> {
  /** One positive weight a class, or null for none. Default null. */
  alpha?: ArrayLike<number> | null;
}

/** Options of a `SigmoidFocalLoss`. */
export interface SigmoidFocalLossOptions<R extends Reduction = 'mean'> extends CommonOptions<R> {
  /**
   * Weight of the true class in (0, 1], 1 − alpha for the others; or one such number a class. null or a number ≤ 0 turns
   * weighting off. Default 0.25.
   */
  alpha?: number | ArrayLike<number> | null;
  /** Smoothing s of the probability in the focal factor: p·(1 − s) + s/2, in [0, 1). Default 1e-3. */
  smoothing?: number;
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
}

/** Weights go to the kernels as float32, where too small a one would be 0. */
const isPositiveFloat32 = (x: number): boolean => Math.fround(x) > 0 && Math.fround(x) < Infinity;

const COMMON = ['gamma', 'alpha', 'reduction', 'ignoreIndex', 'ignored'];

/** Undefined means the default, as with destructuring. */
function read(options: Record<string, unknown>): Omit<Settings, 'variant' | 'smoothing' | 'positive' | 'negative'> {
  const { gamma = 2, reduction = 'mean', ignoreIndex = -100, ignored = 'zero' } = options;
  return {
    gamma: number('gamma', gamma, 'a finite number ≥ 0', (x) => x >= 0 && x < Infinity),
    reduction: oneOf('reduction', reduction, ['mean', 'sum', 'none']),
    ignoreIndex: number('ignoreIndex', ignoreIndex, 'an integer of 32 bits', (x) => (x | 0) === x && x !== -2147483648),
    drop: oneOf('ignored', ignored, ['zero', 'drop']) === 'drop',
  };
}

export function softmaxSettings(given: unknown): Settings {
  const options = common('SoftmaxFocalLoss', given, COMMON);
  const { alpha = null } = options;
  const weights =
    alpha === null ? 1 : Float32Array.from(numbers('alpha', alpha, 'a positive float32 number', isPositiveFloat32));
  return { variant: 'softmax', ...read(options), smoothing: 0, positive: weights, negative: 1 };
}

export function sigmoidSettings(given: unknown): Settings {
  const options = common('SigmoidFocalLoss', given, [...COMMON, 'smoothing']);
  const { alpha = 0.25, smoothing = 1e-3 } = options;
  const s = number('smoothing', smoothing, 'a number in [0, 1)', (x) => x >= 0 && x < 1);
  let positive: Float32Array | number = 1;
  let negative: Float32Array | number = 1;
  if (typeof alpha === 'number') {
    number('alpha', alpha, 'a number ≤ 1', (x) => x <= 1);
    if (alpha > 0) {
      positive = alpha;
      negative = 1 - alpha;
    }
  } else if (alpha !== null) {
    const weights = numbers('alpha', alpha, 'a number in (0, 1]', (x) => isPositiveFloat32(x) && x <= 1);
    positive = Float32Array.from(weights);
    negative = Float32Array.from(weights, (a) => 1 - a);
  }
  return { variant: 'sigmoid', ...read(options), smoothing: s, positive, negative };
}
