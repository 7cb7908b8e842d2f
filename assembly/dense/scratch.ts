/**
 * What targets in the shape of the logits add to the scratch block (tile/scratch.ts): t of every logit of the tile, in
 * [0, 1] for one-vs-rest and ≥ 0 for softmax.
 */
import { LOGITS } from '../../bindings/backend/constants';
import { APART, BLOCK } from '../tile/block';
import { GUARD, LANES, PLANE_SLACK } from '../tile/scratch';

const guard0: usize = memory.data(GUARD, 16);
/** t of each logit, laid out as the tile comes: f32[LOGITS], and what vectors reach past it. */
export const TARGETS: usize = memory.data(4 * (LOGITS + PLANE_SLACK) + APART, 16);
const guard1: usize = memory.data(GUARD, 16);
/** The labels that `open` makes numbers of: i32[SAMPLES]. */
export const SPREAD_LABELS: usize = memory.data(4 * LANES, 16);
const guard2: usize = memory.data(GUARD, 16);
/**
 * Softmax: what the classes but the largest add to each sample's loss, and to the slope of its probabilities:
 * f64[SAMPLES] each.
 */
export const OTHER_LOSSES: usize = memory.data(8 * LANES, 16);
const guard3: usize = memory.data(GUARD, 16);
export const OTHER_SLOPES: usize = memory.data(8 * LANES, 16);
const guard4: usize = memory.data(GUARD, 16);
/**
 * Softmax: −log p of each sample's largest class, and what the exponentials of the others are multiplied by to give
 * their probabilities: f32[SAMPLES] each.
 */
export const ENTROPY: usize = memory.data(4 * LANES, 16);
const guard5: usize = memory.data(GUARD, 16);
export const RATIO: usize = memory.data(4 * LANES, 16);
const guard6: usize = memory.data(GUARD, 16);

/**
 * Of a block of logits: gaps, weights, what multiplies the slopes, and how much of the target is on the other side than
 * most of it.
 */
export const GAPS: usize = memory.data(4 * BLOCK + APART, 16);
export const WEIGHTS: usize = memory.data(4 * BLOCK + APART, 16);
export const UPS: usize = memory.data(4 * BLOCK + APART, 16);
export const DOUBTS: usize = memory.data(4 * BLOCK + APART, 16);

/** Address of guard `i`, 0 when there is none. */
export function denseGuard(i: i32): usize {
  switch (i) {
    case 0: return guard0;
    case 1: return guard1;
    case 2: return guard2;
    case 3: return guard3;
    case 4: return guard4;
    case 5: return guard5;
    case 6: return guard6;
    default: return 0;
  }
}
