/**
 * What a meter takes for the truth where labels alone do not tell: targets in the shape of the logits, or a loss whose
 * negatives have a γ or a clip of their own, or that smooths labels. Losses, and cross-entropies and Brier scores of
 * dense targets, are computed before; predictions, ranks, probabilities and bins depend on the logits alone and come
 * from the kernels as always.
 */
import type { MeterBackend as Backend } from '../backend/backend.ts';
import { COLUMN_BRIER, COLUMN_CROSS_ENTROPY, COLUMN_LOSS, PROBABILITIES } from '../backend/constants.ts';
import { firstLogit, type Input } from '../input/tensors.ts';
import type { Settings } from '../losses/options.ts';
import { exp, lnOrNothing } from '../losses/portable.ts';
import { stream } from '../losses/stream.ts';
import { labelOfOne } from '../losses/survey.ts';
import { logitsOf } from './logits-of.ts';

/** The loss without what makes it more than the cross-entropy. */
export const entropyOf = (settings: Settings): Settings => ({
  ...settings,
  ...{ gamma: 0, gammaNegative: 0, clip: 0, smoothing: 0, labelSmoothing: 0, positive: 1, negative: 1 },
});

/** The losses one by one: of samples (softmax), or in the layout of the logits (sigmoid). */
export function lossesOf(backend: Backend, settings: Settings, input: Input): Float32Array {
  const { batch, positions, classes } = input;
  const losses = new Float32Array(batch * positions * (settings.variant === 'sigmoid' ? classes : 1));
  stream(backend, settings, input, { losses, grad: null, weights: null });
  return losses;
}

/** Softmax: the class with the largest target of each sample, the lowest of equals. */
export function largestTargets(input: Input): Int32Array {
  const { targets, batch, classes, positions } = input;
  return Int32Array.from({ length: batch * positions }, (_, i) => {
    const start = firstLogit(input, i);
    let best = 0;
    let largest = Math.fround(Number(targets[start]));
    for (let c = 1; c < classes; c++) {
      const t = Math.fround(Number(targets[start + c * positions]));
      if (t > largest) [best, largest] = [c, t];
    }
    return best;
  });
}

/** Softmax, dense: Σ_c (p_c − t_c)² of each sample. */
function brierOf(input: Input): Float32Array {
  const { targets, batch, classes, positions } = input;
  const row = new Float64Array(classes);
  return Float32Array.from({ length: batch * positions }, (_, i) => {
    const logit = logitsOf(input, i);
    let largest = -Infinity;
    for (let c = 0; c < classes; c++) {
      row[c] = input.scale === PROBABILITIES ? lnOrNothing(logit(c)) : logit(c);
      // NaN stays it
      if (!((row[c] as number) <= largest)) largest = row[c] as number;
    }
    if (!Number.isFinite(largest)) return NaN;
    let total = 0;
    for (let c = 0; c < classes; c++) {
      row[c] = exp((row[c] as number) - largest);
      total += row[c] as number;
    }
    const start = firstLogit(input, i);
    let sum = 0;
    for (let c = 0; c < classes; c++) {
      sum += ((row[c] as number) / total - Math.fround(Number(targets[start + c * positions]))) ** 2;
    }
    return sum;
  });
}

/** What stands in the place of what the kernels compute from the labels of a softmax tile. */
export interface Replaced {
  /** Labels in the place of the targets, and the loss that goes by them alone. */
  readonly input: Input;
  readonly settings: Settings;
  readonly dense: boolean;
  /** Put the numbers of samples [first, first + n) over those of the tile. */
  put(first: number, n: number): void;
}

/** Softmax: null where labels alone tell. */
export function replaced(backend: Backend, settings: Settings, input: Input): Replaced | null {
  const { dense } = input;
  if (!dense && settings.labelSmoothing === 0) return null;
  const { f32, kernels } = backend;
  const losses = lossesOf(backend, settings, input);
  const entropies = dense ? lossesOf(backend, entropyOf(settings), input) : null;
  const brier = dense ? brierOf(input) : null;
  return {
    input: dense ? { ...input, dense: false, targets: largestTargets(input) } : input,
    settings: { ...settings, labelSmoothing: 0, ...(dense && { ignoreIndex: -1 }) },
    dense,
    put(first, n) {
      for (const [values, column] of [
        [losses, COLUMN_LOSS],
        [entropies, COLUMN_CROSS_ENTROPY],
        [brier, COLUMN_BRIER],
      ] as const) {
        if (values) f32.set(values.subarray(first, first + n), (kernels.COLUMNS + column) >> 2);
      }
    },
  };
}

/** Images [from, to) of an input. */
export function imagesOf(input: Input, from: number, to: number): Input {
  const { classes, positions, dense } = input;
  const perImage = classes * positions;
  const labels = dense ? perImage : positions;
  const logits = input.logits.subarray(from * perImage, to * perImage) as Input['logits'];
  const targets = input.targets.subarray(from * labels, to * labels) as Input['targets'];
  return { ...input, logits, targets, batch: to - from };
}

/** The truth sample by sample, counted from the input's first. */
export interface Truth {
  readonly dense: boolean;
  /** Whether it is not ignored: of one-vs-rest, whether one of its logits is not. */
  counts(i: number): boolean;
  /**
   * One-vs-rest: how many logits of each sample are ignored; null where no sample has some that are and some that are
   * not.
   */
  readonly ignored: Int32Array | null;
  /** Whether the logit of class c is ignored, of a sample that counts. */
  ignores(i: number, c: number): boolean;
  /** Its label; of dense targets the class of the largest one (softmax), or −1. */
  label(i: number): number;
  /**
   * Its label in lists of samples; null of dense targets, unless they are 0 or 1 of one class, which are labels to
   * meters.
   */
  listed(i: number): number | null;
  target(i: number, c: number): number;
  /** One-vs-rest: whether it is of a class. */
  isMember(i: number, c: number): boolean;
}

export function truthOf(input: Input, { variant, ignoreIndex }: Pick<Settings, 'variant' | 'ignoreIndex'>): Truth {
  const { targets, classes, positions, dense } = input;
  if (!dense) {
    const label = (i: number): number => Number(targets[i]);
    const isMember = (i: number, c: number): boolean => label(i) === c;
    const target = (i: number, c: number): number => (isMember(i, c) ? 1 : 0);
    const counts = (i: number): boolean => label(i) !== ignoreIndex;
    return { dense, label, listed: label, target, isMember, counts, ignored: null, ignores: () => false };
  }
  const softmax = variant === 'softmax';
  const labels = softmax ? largestTargets(input) : null;
  const target = (i: number, c: number): number => Math.fround(Number(targets[firstLogit(input, i) + c * positions]));
  const ignores = (i: number, c: number): boolean => target(i, c) === Math.fround(ignoreIndex);
  const ignored = softmax ? null : ignoredLogits(input, ignoreIndex);
  return {
    dense,
    target,
    label: (i) => (labels === null ? -1 : (labels[i] as number)),
    listed: (i) => (softmax || classes > 1 ? null : labelOfOne(target(i, 0))),
    isMember: (i, c) => target(i, c) >= 0.5,
    counts: (i) => softmax || (ignored === null ? !ignores(i, 0) : (ignored[i] as number) < classes),
    ignored,
    ignores: ignored === null ? () => false : ignores,
  };
}

/** How many logits of each sample are ignored; null where of every sample all are or none. */
function ignoredLogits({ targets, batch, classes, positions }: Input, ignoreIndex: number): Int32Array | null {
  const counts = new Int32Array(batch * positions);
  const label = Math.fround(ignoreIndex);
  for (let b = 0, at = 0; b < batch; b++) {
    for (let c = 0; c < classes; c++) {
      for (let i = b * positions; i < (b + 1) * positions; i++, at++) {
        if (Math.fround(Number(targets[at])) === label) (counts[i] as number) += 1;
      }
    }
  }
  return counts.every((n) => n === 0 || n === classes) ? null : counts;
}
