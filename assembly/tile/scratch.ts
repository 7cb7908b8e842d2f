/**
 * The one scratch block; what only the metrics need of it is in scratch-metrics.ts. Inputs of any size stream through
 * it tile by tile; its size never changes, so no view of the memory goes stale. Every size is elements × element size,
 * computed here and nowhere else. 16 guard bytes stand before and after each block; the debug build (canaries.ts) arms
 * them and counts the broken ones.
 */

import {
  COLUMN_BYTES, COLUMN_COUNT, COLUMN_CROSS_ENTROPY, COLUMN_LOSS, LOGITS, SAMPLE_BYTES, SAMPLES, SUM_COUNT,
} from '../../bindings/backend/constants';
import { APART } from './block';

/** Kernels work in groups of 16 samples, and rearranging writes up to 3 lanes past the end of a segment. */
const SLACK: i32 = 16;
export const LANES: i32 = SAMPLES + SLACK;
/** Logits past the last that a tile in planes needs: transposing goes four planes at a time, up to 3 past the last. */
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
/** What the rounding of the gap left over: f32[SAMPLES]. */
export const GAP_LOW: usize = memory.data(4 * LANES, 16);
const guard7: usize = memory.data(GUARD, 16);
/** Weight of the true class of each sample: f32[SAMPLES]. */
export const WEIGHT: usize = memory.data(4 * LANES, 16);
const guard8: usize = memory.data(GUARD, 16);
/** What multiplies the gradient of each sample (1/n for a mean, upstream weights): f32[SAMPLES]. */
export const UPSTREAM: usize = memory.data(4 * LANES, 16);
const guardWeights: usize = memory.data(GUARD, 16);
/** What multiplies the losses of each sample: f32[SAMPLES]. */
export const SAMPLE_WEIGHTS: usize = memory.data(4 * LANES, 16);
const guard9: usize = memory.data(GUARD, 16);
/** What each sample comes to: the losses have the first column alone, meters all of them (meter/scratch.ts). */
export const COLUMNS: usize = memory.data(COLUMN_BYTES * COLUMN_COUNT, 16);
export const LOSS: usize = COLUMNS + COLUMN_LOSS;
const guard10: usize = memory.data(GUARD, 16);
/** ∂loss/∂gap of each sample times UPSTREAM, 0 where ignored: f32[SAMPLES]. */
export const SLOPE: usize = memory.data(4 * LANES, 16);
const guard11: usize = memory.data(GUARD, 16);
/** What multiplies each kept exponential to make the gradient, 0 where ignored: f32[SAMPLES]. */
export const FACTOR: usize = memory.data(4 * LANES, 16);
const guard12: usize = memory.data(GUARD, 16);
/** Exact sums, see exact-sum.ts. */
export const SUMS: usize = memory.data(8 * 13 * SUM_COUNT, 16);
const guard13: usize = memory.data(GUARD, 16);
export const CROSS_ENTROPY: usize = COLUMNS + COLUMN_CROSS_ENTROPY;
const guard14: usize = memory.data(GUARD, 16);
/** Metrics: Σ e^(2·(logit − MAX)) over the other classes: f64[SAMPLES]. */
export const SQUARES: usize = memory.data(8 * LANES, 16);
const guard15: usize = memory.data(GUARD, 16);
/**
 * Weight of each class when it is the true one: f32[LOGITS], a chunk of the classes at a time; one-vs-rest with a
 * number a logit: of each logit where its target is 1, laid out as the tile.
 */
export const CLASS_WEIGHTS: usize = memory.data(4 * LOGITS + APART, 16);
const guard16: usize = memory.data(GUARD, 16);
/** Weight of each logit of the tile (sigmoid): f32[LOGITS]. */
export const LOGIT_WEIGHTS: usize = memory.data(4 * LOGITS + APART, 16);
const guard17: usize = memory.data(GUARD, 16);
/** The tile in planes, or what is kept of one that stands in TILE: f32[LOGITS]. */
export const PLANES: usize = memory.data(4 * (LOGITS + PLANE_SLACK) + APART, 16);
/** Metrics: cross-entropies of half a tile (one-vs-rest), whose losses stand in PLANES and sigmoids in TILE. */
export const ENTROPIES: usize = PLANES + 2 * LOGITS + APART;
const guard18: usize = memory.data(GUARD, 16);
/**
 * The tile as it came: f32[LOGITS]. Where it has been transposed into PLANES the targets are, or the rows it is to
 * become again.
 */
export const TILE: usize = memory.data(4 * (LOGITS + PLANE_SLACK), 16);
const guard19: usize = memory.data(GUARD, 16);
/**
 * Softmax, planes: four sums of each sample whose block of classes has not come to its end, and of its squares:
 * f32[SAMPLES] each.
 */
export const PARTS: usize = memory.data(4 * SAMPLE_BYTES, 16);
const guardParts: usize = memory.data(GUARD, 16);
export const SQUARE_PARTS: usize = memory.data(4 * SAMPLE_BYTES, 16);
const guardSquares: usize = memory.data(GUARD, 16);

/** Address of guard `i`, 0 when there is none. */
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
