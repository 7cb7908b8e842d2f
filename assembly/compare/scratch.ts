/** What comparisons add to the scratch block (tile/scratch.ts). */
import { PAIR_COLUMNS, SAMPLE_BYTES } from '../../bindings/backend/constants';
import { GUARD, LANES } from '../tile/scratch';

const COLUMN: usize = SAMPLE_BYTES;

const guard0: usize = memory.data(GUARD, 16);
/**
 * The candidate's rows: f32[LOGITS], and what vectors reach past it. Then, PAIR_COLUMNS on, of pairs of samples, the
 * baseline's and the candidate's, one column after the other, each of SAMPLE_BYTES:
 *
 *     0  predicted class of the baseline, 1 of the candidate: i32, the class of the largest logit, of equals the first
 *     2  KL(baseline‖candidate), 3 largest |Δp|: f32, 0 where either is not finite
 *     4  1 where the baseline is not finite, plus 2 where the candidate is not: i32; the predictions are open there
 *     5  a number of the baseline, 6 of the candidate: f32, given to `differences`
 *     7  their difference where it is above 0, or NaN, 8 less it where it is below, 9 its square: f32
 */
export const PAIRS: usize = memory.data(PAIR_COLUMNS + 10 * SAMPLE_BYTES, 16);
const guard1: usize = memory.data(GUARD, 16);
/** Σ e^u, Σ e^v and Σ e^u·(u − v): f64[SAMPLES] each. */
const SUMS: usize = memory.data(3 * 8 * LANES, 16);
const guard2: usize = memory.data(GUARD, 16);

export const BASELINE: usize = PAIRS + PAIR_COLUMNS;
export const CANDIDATE: usize = PAIRS + PAIR_COLUMNS + COLUMN;
export const DIVERGENCE: usize = PAIRS + PAIR_COLUMNS + 2 * COLUMN;
export const DIFFERENCE: usize = PAIRS + PAIR_COLUMNS + 3 * COLUMN;
export const NOT_FINITE: usize = PAIRS + PAIR_COLUMNS + 4 * COLUMN;
export const BEFORE: usize = PAIRS + PAIR_COLUMNS + 5 * COLUMN;
export const AFTER: usize = PAIRS + PAIR_COLUMNS + 6 * COLUMN;
export const ROSE: usize = PAIRS + PAIR_COLUMNS + 7 * COLUMN;
export const FELL: usize = PAIRS + PAIR_COLUMNS + 8 * COLUMN;
export const SQUARED: usize = PAIRS + PAIR_COLUMNS + 9 * COLUMN;
export const SUM_BASELINE: usize = SUMS;
export const SUM_CANDIDATE: usize = SUMS + 2 * COLUMN;
export const GAPS: usize = SUMS + 4 * COLUMN;

/** Address of guard `i`, 0 when there is none. */
export function pairsGuard(i: i32): usize {
  switch (i) {
    case 0: return guard0;
    case 1: return guard1;
    case 2: return guard2;
    default: return 0;
  }
}
