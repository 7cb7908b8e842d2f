/**
 * The scratch memory, through which inputs of any size stream tile by tile. Its size never changes, so no view of it
 * goes stale. Every size is elements × element size, computed here and nowhere else; dense/, meter/ and compare/ have a
 * scratch.ts of their own. 16 guard bytes stand before and after each block. The debug build (canaries.ts) fills them
 * with a pattern and counts those that were overwritten.
 */

import {
  COLUMN_BYTES, COLUMN_COUNT, COLUMN_CROSS_ENTROPY, COLUMN_LOSS, LOGITS, SAMPLE_BYTES, SAMPLES, SUM_END,
} from '../../bindings/backend/constants';
import { APART } from './block';

/** Kernels process groups of 16 samples, of which the last reaches past SAMPLES. */
const SLACK: i32 = 16;
export const LANES: i32 = SAMPLES + SLACK;
/** Room past the last logit of a tile in planes: transposing writes four planes at a time, up to 3 past the last. */
export const PLANE_SLACK: i32 = 3 * LANES + SLACK;
export const GUARD: i32 = 16;

const guard0: usize = memory.data(GUARD, 16);
/** Class of each sample, −1 where ignored: i32[SAMPLES]. */
export const LABELS: usize = memory.data(4 * LANES, 16);
const guard1: usize = memory.data(GUARD, 16);
/** Byte offset in the tile of the logit of each sample's class, −1 where it has none in this chunk: i32[SAMPLES]. */
export const OFFSET: usize = memory.data(4 * LANES, 16);
const guard2: usize = memory.data(GUARD, 16);
/** Softmax: logit of the true class: f32[SAMPLES]. */
export const TRUE: usize = memory.data(4 * LANES, 16);
const guardOwn: usize = memory.data(GUARD, 16);
/** Sigmoid: the weight that the logit of the true class had in LOGIT_WEIGHTS: f32[SAMPLES]. */
export const OWN_WEIGHT: usize = memory.data(4 * LANES, 16);
const guard3: usize = memory.data(GUARD, 16);
/** Largest logit of the other classes: f32[SAMPLES]. */
export const MAX: usize = memory.data(4 * LANES, 16);
const guard4: usize = memory.data(GUARD, 16);
/** Σ e^(logit − MAX) over the other classes: f64[SAMPLES]. */
export const SUM: usize = memory.data(8 * LANES, 16);
const guard5: usize = memory.data(GUARD, 16);
/** Gap, that is the margin negated, in float32: f32[SAMPLES]. */
export const GAP: usize = memory.data(4 * LANES, 16);
const guard6: usize = memory.data(GUARD, 16);
/** What the rounding of the gap to float32 lost: f32[SAMPLES]. */
export const GAP_LOW: usize = memory.data(4 * LANES, 16);
const guard7: usize = memory.data(GUARD, 16);
/** Weight of the true class of each sample: f32[SAMPLES]. */
export const WEIGHT: usize = memory.data(4 * LANES, 16);
const guard8: usize = memory.data(GUARD, 16);
/** Factor of each sample's gradient (1/n for a mean, upstream gradients): f32[SAMPLES]. */
export const UPSTREAM: usize = memory.data(4 * LANES, 16);
const guardWeights: usize = memory.data(GUARD, 16);
/** Factor of each sample's loss, the weight that the caller gave it: f32[SAMPLES]. */
export const SAMPLE_WEIGHTS: usize = memory.data(4 * LANES, 16);
const guard9: usize = memory.data(GUARD, 16);
/** Results of each sample, a column each: losses fill the first one, meters all of them (meter/scratch.ts). */
export const COLUMNS: usize = memory.data(COLUMN_BYTES * COLUMN_COUNT, 16);
export const LOSS: usize = COLUMNS + COLUMN_LOSS;
const guard10: usize = memory.data(GUARD, 16);
/** ∂loss/∂gap of each sample times UPSTREAM, 0 where ignored: f32[SAMPLES]. */
export const SLOPE: usize = memory.data(4 * LANES, 16);
const guard11: usize = memory.data(GUARD, 16);
/** SLOPE/SUM, by which the gradient multiplies each kept exponential, 0 where ignored: f32[SAMPLES]. */
export const FACTOR: usize = memory.data(4 * LANES, 16);
const guard12: usize = memory.data(GUARD, 16);
/** Exact sums, see exact-sum.ts. */
export const SUMS: usize = memory.data(8 * 13 * SUM_END, 16);
const guard13: usize = memory.data(GUARD, 16);
export const CROSS_ENTROPY: usize = COLUMNS + COLUMN_CROSS_ENTROPY;
const guard14: usize = memory.data(GUARD, 16);
/** Metrics: Σ e^(2·(logit − MAX)) over the other classes: f64[SAMPLES]. */
export const SQUARES: usize = memory.data(8 * LANES, 16);
const guard15: usize = memory.data(GUARD, 16);
/**
 * Weight of each class of the chunk when it is the true one: f32[LOGITS]. One-vs-rest with a target for each logit has
 * here the weight of each logit at target 1, laid out as the tile.
 */
export const CLASS_WEIGHTS: usize = memory.data(4 * LOGITS + APART, 16);
const guard16: usize = memory.data(GUARD, 16);
/** Weight of each logit of the tile (sigmoid): f32[LOGITS]. */
export const LOGIT_WEIGHTS: usize = memory.data(4 * LOGITS + APART, 16);
const guard17: usize = memory.data(GUARD, 16);
/** The tile in planes; or, while the tile is in TILE, the exponentials kept for its gradient: f32[LOGITS]. */
export const PLANES: usize = memory.data(4 * (LOGITS + PLANE_SLACK) + APART, 16);
/** Metrics, one-vs-rest: cross-entropies of a tile of half the size, whose losses are in PLANES: f32[LOGITS / 2]. */
export const ENTROPIES: usize = PLANES + 2 * LOGITS + APART;
const guard18: usize = memory.data(GUARD, 16);
/**
 * The tile as it came: f32[LOGITS]. Once it has been transposed into PLANES, TILE is free for the targets of its logits
 * (dense/targets.ts), for the exponentials kept for the gradient, and last for the gradient in rows. One-vs-rest leaves
 * its losses, slopes or decisions here.
 */
export const TILE: usize = memory.data(4 * (LOGITS + PLANE_SLACK), 16);
const guard19: usize = memory.data(GUARD, 16);
/**
 * Softmax, planes: s_0 … s_3 of each sample while a later chunk continues its block of classes (exponentials.ts), and
 * the same of the squares: 4 × f32[SAMPLES] each.
 */
export const PARTS: usize = memory.data(4 * SAMPLE_BYTES, 16);
const guardParts: usize = memory.data(GUARD, 16);
export const SQUARE_PARTS: usize = memory.data(4 * SAMPLE_BYTES, 16);
const guardSquares: usize = memory.data(GUARD, 16);

/** Address of guard `i`, or 0 past the last. */
export function guard(i: i32): usize {
  switch (i) {
    case 0: return guard0;
    case 1: return guard1;
    case 2: return guard2;
    case 3: return guard3;
    case 4: return guard4;
    case 5: return guard5;
    case 6: return guard6;
    case 7: return guard7;
    case 8: return guard8;
    case 9: return guard9;
    case 10: return guard10;
    case 11: return guard11;
    case 12: return guard12;
    case 13: return guard13;
    case 14: return guard14;
    case 15: return guard15;
    case 16: return guard16;
    case 17: return guard17;
    case 18: return guard18;
    case 19: return guard19;
    case 20: return guardOwn;
    case 21: return guardWeights;
    case 22: return guardParts;
    case 23: return guardSquares;
    default: return i < 24 + COLUMN_COUNT ? COLUMNS + COLUMN_BYTES * (i - 24) + SAMPLE_BYTES : 0;
  }
}
