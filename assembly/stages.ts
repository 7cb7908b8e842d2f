/** The stages of a tile (bindings/backend/kernels.ts) as far as the losses need them. */
import {
  EACH_UPSTREAM, NO_GRADIENT, PARAM_GAMMA, PARAM_GRADIENT, PARAM_SCALE, PARAM_SMOOTHING, PARAM_VARIANT, SIGMOID, SUM_COUNT,
  SUM_LOSS, TRANSPOSED,
} from '../bindings/backend/constants';
import { configure, oneVersusRest } from './focal';
import { add, clear } from './math/exact-sum';
import { param } from './params';
import { exponentials, gradients, largest, sampleLosses } from './softmax/softmax';
import { ignoring } from './tile/labels';
import { LOSS, PLANES, TILE, UPSTREAM } from './tile/scratch';
import {
  base, borrowed, classes, form, maskTrueClass, negateTrueLogits, place, restoreTrueLogits, restoreWeights, samples, scale,
  toRows, unmaskTrueClass,
} from './tile/tile';

/** Of the call under way, as `begin` has read it. */
export let sigmoid: bool = false;
let upstream: i32 = NO_GRADIENT;
let factor: f32 = 1;

export function begin(): void {
  sigmoid = param(PARAM_VARIANT) == SIGMOID;
  upstream = i32(param(PARAM_GRADIENT));
  factor = f32(param(PARAM_SCALE));
  configure(param(PARAM_GAMMA), param(PARAM_SMOOTHING));
  for (let sum = 0; sum < SUM_COUNT; sum++) clear(sum);
}

export function open(
  source: usize, imageCount: i32, positionCount: i32, classCount: i32,
  imageStride: i32, classStride: i32, firstClass: i32, givenForm: i32,
): void {
  place(source, imageCount, positionCount, classCount, imageStride, classStride, firstClass, givenForm);
  if (sigmoid) negateTrueLogits();
  else maskTrueClass();
}

export function close(): void {
  if (sigmoid) restoreWeights();
  if (!borrowed) return;
  if (sigmoid) restoreTrueLogits(base);
  else unmaskTrueClass();
}

export function scan(): void {
  largest();
}

export function sum(): usize {
  const differentiate = upstream != NO_GRADIENT;
  if (!sigmoid) return exponentials(differentiate);
  // losses land in TILE; with a gradient it is the slopes that do
  const losses = differentiate ? PLANES : TILE;
  const n = samples * classes;
  oneVersusRest(base, losses, differentiate ? TILE : 0, n, upstream == EACH_UPSTREAM ? 1 : factor);
  if (ignoring) scale(losses, 0);
  add(SUM_LOSS, losses, n);
  if (!differentiate) return losses;
  // ∂/∂z of a negated logit is negated, too
  restoreTrueLogits(TILE);
  if (upstream == EACH_UPSTREAM) scale(TILE, UPSTREAM);
  else if (ignoring) scale(TILE, 0);
  return losses;
}

export function finish(): usize {
  if (sigmoid) return 0;
  sampleLosses(samples, upstream != NO_GRADIENT);
  add(SUM_LOSS, LOSS, samples);
  return LOSS;
}

export function gradient(reloaded: bool): usize {
  if (sigmoid) return TILE;
  const at = gradients(reloaded);
  return form == TRANSPOSED ? toRows(at) : at;
}
