/**
 * The stages of a tile (bindings/backend/kernels.ts) with metrics, where they are asked for; else those of the losses.
 */
import {
  ALL_TOGETHER, PARAM_BINS, PARAM_CLASSES, PARAM_COUNTS, PARAM_GROUP_BYTES, PARAM_GROUPS, PARAM_RANKS, PARAM_SUMS, SUM_BRIER,
  SUM_BRIER_SQUARES, SUM_ENTROPY_SQUARES, SUM_LOSS, SUM_LOSS_SQUARES, TALLY_BINS, TALLY_CLASSES,
} from '../../bindings/backend/constants';
import { add } from '../math/exact-sum';
import { param } from '../params';
import { sampleEntropies } from '../softmax/softmax';
import * as losses from '../stages';
import { sigmoid } from '../stages';
import { ignoring } from '../tile/labels';
import { CROSS_ENTROPY, ENTROPIES, LOSS, PLANES, TILE } from '../tile/scratch';
import { borrowed, locate, maskTrueClass, samples, scale, unmaskTrueClass } from '../tile/tile';
import { logitCells, marginCells } from './cells';
import { addSamplesByGroup, countDecisionsByGroup, countSamplesByGroup, layGroups } from './groups';
import { BRIER, TERMS } from './scratch';
import {
  countDecisions, countWrong, decisions, flush, gatherLosses, gatherSamples, narrowSums, restoreTrueDecisions,
} from './sigmoid';
import { confidences, countAt, countSamples, countsAway, largestAndPlace, outcomes, reviewed, squaresAndRanks } from './softmax';

/** Read by `begin`: how far ranks are counted, 0 if no metrics are wanted; number of bins. */
let ranks: i32 = 0;
let bins: i32 = 0;
/** Whether TALLY and BINS have room for the classes and the bins; else the caller counts. */
let tabled: bool = false;
/** ALL_TOGETHER, LEFT_OPEN, or where the blocks of groups are. */
let groups: i32 = 0;
/** Whether LABELS has the predicted classes. */
let reviewing: bool = false;
/** One-vs-rest: whether the open chunk has no NaN, which the counting kernels do not take. */
let sound: bool = false;

export function begin(): void {
  losses.begin();
  const away = usize(param(PARAM_COUNTS));
  if (away != countsAway) {
    flush();
    countAt(away);
  }
  ranks = i32(param(PARAM_RANKS));
  bins = i32(Math.min(param(PARAM_BINS), 2147483647));
  tabled = param(PARAM_CLASSES) <= TALLY_CLASSES && bins <= TALLY_BINS;
  groups = i32(param(PARAM_GROUPS));
  if (groups > 0) layGroups(groups, i32(param(PARAM_GROUP_BYTES)), bins, ranks, i32(param(PARAM_CLASSES)));
}

export function scan(): void {
  if (ranks && !reviewing) largestAndPlace();
  else losses.scan();
}

export function sum(): usize {
  if (!ranks || reviewing) return losses.sum();
  if (!sigmoid) {
    squaresAndRanks(ranks);
    return 0;
  }
  decisions();
  if (ignoring) {
    scale(PLANES, 0);
    scale(ENTROPIES, 0);
    scale(TILE, 0);
  }
  sound = gatherSamples();
  gatherLosses();
  return PLANES;
}

/**
 * Add the values of the samples to one exact sum, unless it is −1, and their squares, rounded to float32, to another.
 */
function addWithSquares(values: usize, sum: i32, squares: i32): void {
  if (sum >= 0) add(sum, values, samples);
  for (let i: usize = 0; i < usize(samples) << 2; i += 16) {
    const v = v128.load(values + i);
    v128.store(i, f32x4.mul(v, v), TERMS);
  }
  add(squares, TERMS, samples);
}

function addSums(): void {
  const to = i32(param(PARAM_SUMS));
  addWithSquares(CROSS_ENTROPY, to + SUM_LOSS, to + SUM_ENTROPY_SQUARES);
  addWithSquares(BRIER, to + SUM_BRIER, to + SUM_BRIER_SQUARES);
  addWithSquares(LOSS, -1, to + SUM_LOSS_SQUARES);
}

export function finish(): usize {
  if (!ranks) return losses.finish();
  if (sigmoid) {
    narrowSums(samples, groups);
    if (groups > 0) addSamplesByGroup();
    else if (groups == ALL_TOGETHER) addSums();
  } else {
    sampleEntropies(samples);
  }
  return LOSS;
}

export function decide(): i32 {
  const wrong = outcomes(samples);
  if (!wrong) confidences(samples);
  return wrong;
}

export function review(on: bool, again: bool): void {
  reviewing = on;
  if (on && !borrowed) unmaskTrueClass();
  reviewed(samples, on);
  if (!on) confidences(samples);
  if (!again) return;
  locate();
  maskTrueClass();
}

export function cells(): i32 {
  if (!sigmoid) return marginCells();
  logitCells();
  return 0;
}

export function tally(): i32 {
  if (!sigmoid) {
    if (groups > 0) return countSamplesByGroup(i32(param(PARAM_CLASSES)));
    if (groups != ALL_TOGETHER) return -1;
    addSums();
    return tabled ? countSamples(samples, bins) : -1;
  }
  const counted = tabled && sound && groups == ALL_TOGETHER;
  const byGroup = sound && groups > 0;
  restoreTrueDecisions(counted ? bins : 0, byGroup);
  countWrong();
  if (byGroup) return countDecisionsByGroup();
  return counted ? countDecisions(bins) : -1;
}
