import type { Kernels } from '../backend/kernels.ts';
import { outOfRange } from './errors.ts';
import type { Input } from './tensors.ts';

/** No class and, as an ignore index, refused by the options: what a target outside int32 becomes. */
const OUTSIDE = -(2 ** 31);

/** What targets may be, as the loss says. */
export interface TargetRules {
  readonly variant: 'softmax' | 'sigmoid';
  readonly ignoreIndex: number;
  readonly background: number | null;
  readonly gamma: number;
  readonly gammaNegative: number;
  readonly clip: number;
}

/** Whether negatives have a γ or a clip of their own, so that targets are to be 0 or 1. */
export const isAsymmetric = ({ gamma, gammaNegative, clip }: TargetRules): boolean =>
  gamma !== gammaNegative || clip > 0;

/** Arrays whose numbers may be no int32. */
const LARGER = [BigUint64Array, Uint32Array, Float32Array, Float64Array];

/** Copy targets [from, from + n) to `labels`; what no int32 can hold must not wrap round into it. */
function copyLabels(targets: Input['targets'], from: number, labels: Int32Array): void {
  const n = labels.length;
  if (targets instanceof BigInt64Array) {
    // in halves, as bigints take long
    const halves = new Int32Array(targets.buffer, targets.byteOffset + 8 * from, 2 * n);
    for (let i = 0; i < n; i++) {
      const low = halves[2 * i] as number;
      labels[i] = halves[2 * i + 1] === low >> 31 ? low : OUTSIDE;
    }
  } else if (LARGER.some((Larger) => targets instanceof Larger)) {
    for (let i = 0; i < n; i++) {
      const y = Number(targets[from + i]);
      labels[i] = (y | 0) === y ? y : OUTSIDE;
    }
  } else {
    labels.set(targets.subarray(from, from + n) as Int32Array);
  }
}

/**
 * Copy targets [from, from + n) to the backend and check them: LABELS has the class of each sample, `classes` where it
 * is the background or targets are one number a logit, −1 where it is ignored. Returns how many are not ignored; throws
 * for the first that is none of these, so nothing must have been given out before every target has been through here.
 */
export function loadLabels(kernels: Kernels, input: Input, from: number, n: number, rules: TargetRules): number {
  const { targets, classes } = input;
  const { ignoreIndex, background } = rules;
  if (input.dense) {
    // no label is true, and none is ignored
    new Int32Array(kernels.memory.buffer, kernels.LABELS, n).fill(classes);
    return kernels.labels(n, classes + 1, OUTSIDE);
  }
  const labels = new Int32Array(kernels.memory.buffer, kernels.LABELS, n);
  copyLabels(targets, from, labels);
  if (background !== null && background !== classes) {
    for (let i = 0; i < n; i++) {
      const y = labels[i];
      if (y === background) labels[i] = classes;
      else if (y === classes && y !== ignoreIndex) labels[i] = OUTSIDE;
    }
  }
  const valid = kernels.labels(n, background === null ? classes : classes + 1, ignoreIndex);
  if (valid >= 0) return valid;
  const i = from - 1 - valid;
  const none = background === null ? '' : `, background ${background}`;
  const expected = `an integer in [0, ${classes})${none} or ignoreIndex ${ignoreIndex}`;
  throw outOfRange(`targets[${i}]`, expected, `${targets[i]}`);
}

/**
 * Copy numbers [from, from + n) to the address `to` of the kernels' memory: bytes as they are, all others as float32.
 */
export function copyNumbers(targets: Input['targets'], from: number, n: number, to: number, f32: Float32Array): void {
  if (targets instanceof Uint8Array) {
    new Uint8Array(f32.buffer, to, n).set(targets.subarray(from, from + n));
  } else if (targets instanceof BigInt64Array || targets instanceof BigUint64Array) {
    for (let i = 0; i < n; i++) f32[(to >> 2) + i] = Number(targets[from + i]);
  } else {
    f32.set(targets.subarray(from, from + n), to >> 2);
  }
}

/** What is wrong with target i of those that are one number a logit. */
export function badTarget({ targets }: Input, i: number, rules: TargetRules): RangeError {
  const { variant, ignoreIndex } = rules;
  const numbers = isAsymmetric(rules) ? '0 or 1, as gammaNegative and clip take them,' : 'a number in [0, 1]';
  const shares = `a finite number ≥ 0${Number(targets[i]) === ignoreIndex ? ', as single shares are not ignored' : ''}`;
  const expected = variant === 'softmax' ? shares : `${numbers} or ignoreIndex ${ignoreIndex}`;
  return outOfRange(`targets[${i}]`, expected, `${targets[i]}`);
}

/** The largest float32. */
export const LARGEST = 3.4028234663852886e38;
