/** What comparisons add to the scratch block (tile/scratch.ts). */
import { BIN_BYTES, LOGITS, PAIR_COLUMN_COUNT, PAIR_COLUMNS, PAIR_MOST, PAIR_OWN, SAMPLE_BYTES, TALLY_BINS } from '../../bindings/backend/constants';
import { CELLS, EXPONENTIALS } from '../meter/scratch';
import { GUARD, PLANES } from '../tile/scratch';

const COLUMN: usize = SAMPLE_BYTES;

const guard0: usize = memory.data(GUARD, 16);
/**
 * The candidate's rows: f32[LOGITS], and what vectors reach past it. Then, PAIR_COLUMNS on, of pairs of samples, the
 * baseline's and the candidate's, one column after the other, each of SAMPLE_BYTES. Given by the bindings, of either
 * side, as its meter has them:
 *
 *     0, 1   predicted class: i32, −1 where it is open; softmax alone, as the next
 *     2, 3   probability of the predicted class: f32, NaN where the sample is not finite
 *     4, 5   loss, 6, 7 cross-entropy, 8, 9 Brier score: f32
 *     10, 11 rank of the true class: i32, for the bindings alone
 *     12     label: i32, −1 where ignored
 *
 * and made of them:
 *
 *     13  KL(baseline‖candidate), 14 largest |Δp|: f32, 0 where either is not finite
 *     15  1 where the baseline is not finite, plus 2 where the candidate is not: i32
 *     16  a difference where it is above 0, or NaN, 17 less it where it is below, 18 its square: f32
 *
 * Column 16 is PAIR_OWN before there are differences. PAIR_MOST, three numbers, is behind the last column.
 */
export const PAIRS: usize = memory.data(PAIR_COLUMNS + PAIR_COLUMN_COUNT * SAMPLE_BYTES + 16, 16);
const guard1: usize = memory.data(GUARD, 16);
/**
 * One-vs-rest: how often both sides decide for the class, laid out as PAIR_THRESHOLDS; softmax: on which class the
 * sides agree how often: i32[LOGITS].
 */
export const DECIDED: usize = memory.data(4 * LOGITS + 16, 16);
const guard2: usize = memory.data(GUARD, 16);
/**
 * Softmax: what PARAM_KEEP keeps of the baseline and of the candidate: f32[LOGITS] each. One-vs-rest, whose tiles are
 * half as large: what it keeps of the baseline, and BINS and TALLY of the candidate, PARAM_COUNTS behind their own
 * places.
 */
export const KEPT: usize = memory.data(8 * LOGITS + BIN_BYTES * TALLY_BINS + 64, 16);
const guard3: usize = memory.data(GUARD, 16);

/*
 * While pairs are compared, meters have nothing in what the next are given.
 */
/**
 * One-vs-rest: what a logit must be above for its class, again and again for the samples of a super-row: f32[LOGITS +
 * 4].
 */
export const PAIR_THRESHOLDS: usize = EXPONENTIALS;
/**
 * One-vs-rest: the divergence of each decision, and its |Δp|, of logits that are compared at once: f32[LOGITS] each.
 */
export const DIVERGENCES: usize = PLANES;
export const GAPS: usize = CELLS;
/**
 * One-vs-rest: how often one side alone decides for the class, laid out as PAIR_THRESHOLDS: the baseline, and times
 * 2^16 the candidate; softmax: the samples on which they do not agree: i32[LOGITS].
 */
export const CHANGED: usize = EXPONENTIALS + 4 * LOGITS + 16;

export const PREDICTED: usize = PAIRS + PAIR_COLUMNS;
export const CONFIDENCE: usize = PAIRS + PAIR_COLUMNS + 2 * COLUMN;
export const NUMBERS: usize = PAIRS + PAIR_COLUMNS + 4 * COLUMN;
export const RANKS: usize = PAIRS + PAIR_COLUMNS + 10 * COLUMN;
/** One-vs-rest, which has no ranks: wrong decisions. */
export const WRONGS: usize = RANKS;
export const LABEL: usize = PAIRS + PAIR_COLUMNS + 12 * COLUMN;
export const DIVERGENCE: usize = PAIRS + PAIR_COLUMNS + 13 * COLUMN;
export const DIFFERENCE: usize = PAIRS + PAIR_COLUMNS + 14 * COLUMN;
export const NOT_FINITE: usize = PAIRS + PAIR_COLUMNS + 15 * COLUMN;
export const ROSE: usize = PAIRS + PAIR_COLUMNS + 16 * COLUMN;
export const FELL: usize = PAIRS + PAIR_COLUMNS + 17 * COLUMN;
export const SQUARED: usize = PAIRS + PAIR_COLUMNS + 18 * COLUMN;
export const OWN: usize = PAIRS + PAIR_COLUMNS + usize(PAIR_OWN) * COLUMN;
export const MOST: usize = PAIRS + PAIR_COLUMNS + usize(PAIR_MOST) * COLUMN;

/** Address of guard `i`, 0 when there is none. */
export function pairsGuard(i: i32): usize {
  switch (i) {
    case 0: return guard0;
    case 1: return guard1;
    case 2: return guard2;
    case 3: return guard3;
    default: return 0;
  }
}
