/** The stages of a tile (bindings/backend/kernels.ts) as far as the losses need them. */
import {
  EACH_UPSTREAM, LABELS_ALONE, LABELS_SPREAD, NO_GRADIENT, PARAM_CLASSES, PARAM_GAMMA, PARAM_GRADIENT, PARAM_SCALE, PARAM_SMOOTHING,
  PARAM_TARGETS, PARAM_VARIANT, PARAM_WEIGHTED, SIGMOID, SUM_COUNT, SUM_LOSS, TRANSPOSED,
} from '../bindings/backend/constants';
import { configureDense } from './dense/parameters';
import { SPREAD_LABELS } from './dense/scratch';
import { oneVersusRest } from './dense/sigmoid';
import { addOtherLosses, addOthers, chooseLabels, denseGradients, keptAt, shareOut, weighLabels } from './dense/softmax';
import { placeTargets, spreadLabels, weighTargets } from './dense/targets';
import { configure } from './focal';
import { add, clear } from './math/exact-sum';
import { param } from './params';
import { sumExponentials } from './softmax/exponentials';
import { exponentials, gradients, largest, sampleLosses } from './softmax/softmax';
import { checkLabels, ignoring } from './tile/labels';
import { LABELS, LOSS, PLANES, SAMPLE_WEIGHTS, TILE, UPSTREAM } from './tile/scratch';
import {
  allowPairs, base, borrowed, classes, first, form, maskTrueClass, negateTrueLogits, place, restoreTrueLogits, restoreWeights,
  samples, scale, toRows, unmaskTrueClass,
} from './tile/tile';

/** Of the call under way, as `begin` has read it. */
export let sigmoid: bool = false;
/** Whether there is a target for each logit, and whether they are made of labels. */
let dense: bool = false;
let spread: bool = false;
let weighted: bool = false;
let upstream: i32 = 0;
let factor: f32 = 1;
let allClasses: i32 = 0;

/** Softmax, dense: whether LABELS are the classes of the largest logits, as `choose` makes them. */
let chosen: bool = false;
/** And whether their sums are known, so that `sum` keeps their exponentials alone. */
let finished: bool = false;

export function begin(): void {
  sigmoid = param(PARAM_VARIANT) == SIGMOID;
  dense = param(PARAM_TARGETS) != LABELS_ALONE;
  spread = param(PARAM_TARGETS) == LABELS_SPREAD;
  weighted = param(PARAM_WEIGHTED) != 0;
  upstream = i32(param(PARAM_GRADIENT));
  factor = upstream == EACH_UPSTREAM ? 1 : f32(param(PARAM_SCALE));
  allClasses = i32(param(PARAM_CLASSES));
  configure(param(PARAM_GAMMA), param(PARAM_SMOOTHING));
  if (dense) configureDense();
  // two classes go as one difference, unless each has a target
  allowPairs(!dense);
  for (let sum = 0; sum < SUM_COUNT; sum++) clear(sum);
}

export function labels(n: i32, classes: i32, ignoreIndex: i32): i32 {
  const valid = checkLabels(n, classes, ignoreIndex);
  if (spread) memory.copy(SPREAD_LABELS, LABELS, usize(n) << 2);
  chosen = false;
  finished = false;
  return valid;
}

/** Leave the class that each sample has for its label, its own or the chosen one, out of the tile. */
function leaveOut(): void {
  maskTrueClass();
  if (dense) weighLabels();
}

export function open(
  source: usize, imageCount: i32, positionCount: i32, classCount: i32,
  imageStride: i32, classStride: i32, firstClass: i32, givenForm: i32,
): void {
  place(source, imageCount, positionCount, classCount, imageStride, classStride, firstClass, givenForm);
  if (spread) spreadLabels();
  else if (dense) placeTargets();
  if (dense && !sigmoid) weighTargets();
  if (!dense && sigmoid) negateTrueLogits();
  else if (!dense || chosen) leaveOut();
}

export function close(): void {
  if (sigmoid && !dense) restoreWeights();
  if (!borrowed) return;
  if (sigmoid) restoreTrueLogits(base);
  else unmaskTrueClass();
}

export function choose(): void {
  largest();
  chooseLabels();
  if (first + classes < allClasses) return;
  chosen = true;
  leaveOut();
}

export function scan(): void {
  largest();
}

export function sum(): usize {
  const differentiate = upstream != NO_GRADIENT;
  if (!sigmoid) {
    if (!dense) return exponentials(differentiate);
    sumExponentials(keptAt(), !differentiate, finished);
    return 0;
  }
  // losses land in TILE; with a gradient it is the slopes that do
  const losses = differentiate ? PLANES : TILE;
  const slopes = differentiate ? TILE : 0;
  const n = samples * classes;
  oneVersusRest(base, losses, slopes, n, factor, dense);
  if (weighted || ignoring) scale(losses, weighted ? SAMPLE_WEIGHTS : 0);
  add(SUM_LOSS, losses, n);
  if (!differentiate) return losses;
  // ∂/∂z of a negated logit is negated, too
  if (!dense) restoreTrueLogits(TILE);
  const each = upstream == EACH_UPSTREAM;
  if (each || ignoring) scale(TILE, each ? UPSTREAM : 0);
  return losses;
}

/** Add up the samples' losses, with their weights. */
function addLosses(): void {
  if (weighted) {
    for (let i: usize = 0; i < usize(samples) << 2; i += 16) {
      v128.store(i, f32x4.mul(v128.load(i, LOSS), v128.load(i, SAMPLE_WEIGHTS)), LOSS);
    }
  }
  add(SUM_LOSS, LOSS, samples);
}

export function finish(): usize {
  if (sigmoid) return 0;
  sampleLosses(samples, upstream != NO_GRADIENT);
  finished = true;
  if (dense) shareOut(samples);
  else addLosses();
  return LOSS;
}

export function others(): void {
  addOthers(upstream != NO_GRADIENT);
  if (first + classes < allClasses) return;
  addOtherLosses(samples);
  addLosses();
}

export function gradient(reloaded: bool): usize {
  if (sigmoid) return TILE;
  const at = dense ? denseGradients() : gradients(reloaded);
  return form == TRANSPOSED ? toRows(at) : at;
}
