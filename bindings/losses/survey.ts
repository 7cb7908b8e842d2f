import type { Backend } from '../backend/backend.ts';
import { BYTES, LOGITS, SAMPLES, SUM_LOSS } from '../backend/constants.ts';
import { nearestNumber } from '../backend/limbs.ts';
import { outOfRange } from '../input/errors.ts';
import { badTarget, copyNumbers, loadLabels } from '../input/targets.ts';
import { firstLogit, type Input } from '../input/tensors.ts';
import type { Settings } from './options.ts';
import { SIGMOID_ROOM } from './plan.ts';
import { Call } from './stages.ts';

/** Check that a loss goes with so many classes. */
export function checkClasses({ variant, positive, background }: Settings, classes: number, name = 'logits'): void {
  if (variant === 'softmax' && classes === 1) {
    throw outOfRange(name, 'at least 2 classes (SigmoidFocalLoss, --loss sigmoid, is that of one logit a sample)', '1');
  }
  if (typeof positive !== 'number' && positive.length !== classes) {
    throw outOfRange('alpha', `${classes} weights`, positive.length);
  }
  if (background === null) return;
  if (classes === 1) {
    throw outOfRange('background', 'at least 2 classes to go with (of one class, 0 is the target of negatives)', '1');
  }
  if (background >= 0 && background < classes) {
    throw outOfRange('background', `none of the classes [0, ${classes})`, background);
  }
}

/** What a survey of the targets has counted. */
export interface Survey {
  /** Losses that are not ignored: samples (softmax) or logits (sigmoid). */
  readonly valid: number;
  /** For the divisors of these names, else 0. */
  readonly weights: number;
  readonly positives: number;
}

/** Check all targets and count what the divisor of the loss asks for. */
export function survey(backend: Backend, settings: Settings, input: Input, weights: Float32Array | null): Survey {
  const { kernels, f32 } = backend;
  const { variant, divisor, positive, ignoreIndex } = settings;
  const { batch, classes, positions, targets, dense } = input;
  const samples = batch * positions;
  // summed exactly by the kernels, so that the order of the values does not matter
  let summands = 0;
  const sumUp = (): void => {
    kernels.accumulate(SUM_LOSS, kernels.TILE, summands);
    summands = 0;
  };
  const add = (value: number): void => {
    f32[(kernels.TILE >> 2) + summands++] = value;
    if (summands === SAMPLES) sumUp();
  };
  // tells the kernels what a target may be, too
  new Call(backend, settings, input, SIGMOID_ROOM, { losses: null, grad: null, weights: null });
  const alpha = (c: number): number => (typeof positive === 'number' ? positive : (positive[c] as number));
  let valid = 0;
  for (let from = 0; from < targets.length && dense; from += LOGITS) {
    const n = Math.min(LOGITS, targets.length - from);
    copyNumbers(targets, from, n, kernels.TARGETS, f32);
    const ignored = kernels.targets(kernels.TARGETS, n, targets instanceof Uint8Array ? BYTES : 0);
    if (ignored < 0) throw badTarget(input, from - 1 - ignored, settings);
    valid += n - ignored;
  }
  if (dense && variant === 'softmax') valid = samples;
  for (let from = 0; from < samples && !dense; from += SAMPLES) {
    const n = Math.min(SAMPLES, samples - from);
    valid += loadLabels(kernels, input, from, n, settings) * (variant === 'sigmoid' ? classes : 1);
    if (divisor !== 'weights' && divisor !== 'positives') continue;
    const labels = backend.i32.subarray(kernels.LABELS >> 2, (kernels.LABELS >> 2) + n);
    for (let i = 0; i < n; i++) {
      const y = labels[i] as number;
      if (y < 0 || y === classes) continue;
      const weight = weights === null ? 1 : (weights[from + i] as number);
      add(divisor === 'positives' ? 1 : weight * alpha(y));
    }
  }
  if (dense && divisor === 'positives') {
    for (let i = 0; i < targets.length; i++) {
      const t = Number(targets[i]);
      if (t !== ignoreIndex) add(t);
    }
  } else if (dense && divisor === 'weights') {
    for (let i = 0; i < samples; i++) {
      const start = firstLogit(input, i);
      let own = 0;
      for (let c = 0; c < classes; c++) own += Math.fround(Number(targets[start + c * positions])) * alpha(c);
      const weight = weights === null ? 1 : (weights[i] as number);
      add(weight * own);
    }
  }
  sumUp();
  const total = nearestNumber(kernels, SUM_LOSS);
  return { valid, weights: total, positives: total };
}

/**
 * The label that a target of one class stands for: 0, the class, for 1, and 1, which is none, for 0; null for a share.
 */
export const labelOfOne = (t: number): 0 | 1 | null => (t === 1 ? 0 : t === 0 ? 1 : null);

/** An input whose targets are good, as meters take it: targets 0 and 1 of one class are labels. */
export function metered(input: Input, { variant, ignoreIndex, divisor }: Settings): Input {
  const { targets, classes, dense } = input;
  if (!dense) return input;
  const whole = (t: number): boolean => labelOfOne(t) !== null || t === ignoreIndex;
  if (divisor === 'weights' || (divisor === 'positives' && !Array.from(targets, Number).every(whole))) {
    const other = "or divisor 'valid' or a number: a meter does not keep the sum of the shares";
    const expected = `${variant === 'softmax' ? 'class indices' : '0 and 1'} with divisor '${divisor}' (${other})`;
    throw outOfRange('targets', expected, 'shares');
  }
  if (variant === 'softmax' || classes > 1) return input;
  const numbers = Float64Array.from(targets as Float64Array, Number);
  if (!numbers.every(whole)) return input;
  return { ...input, dense: false, targets: Int32Array.from(numbers, (t) => labelOfOne(t) ?? t) };
}
