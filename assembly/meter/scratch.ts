/** Scratch memory of the metrics, beside that of the losses (tile/scratch.ts), whose binary does without. */
import {
  BIN_BYTES, COLUMN_BRIER, COLUMN_CONFIDENCE, COLUMN_FAR, COLUMN_GROUP, COLUMN_PASSED_OVER, COLUMN_PREDICTED, COLUMN_RANK,
  COLUMN_WRONG, LOGITS, TALLY_BINS, TALLY_BYTES, TALLY_CLASSES,
} from '../../bindings/backend/constants';
import { APART } from '../tile/block';
import { COLUMNS, GUARD, LANES } from '../tile/scratch';

export const BRIER: usize = COLUMNS + COLUMN_BRIER;
export const RANK: usize = COLUMNS + COLUMN_RANK;
export const PREDICTED: usize = COLUMNS + COLUMN_PREDICTED;
export const CONFIDENCE: usize = COLUMNS + COLUMN_CONFIDENCE;
export const PASSED_OVER: usize = COLUMNS + COLUMN_PASSED_OVER;
export const WRONG: usize = COLUMNS + COLUMN_WRONG;
export const GROUP: usize = COLUMNS + COLUMN_GROUP;
export const FAR: usize = COLUMNS + COLUMN_FAR;

const guard0: usize = memory.data(GUARD, 16);
/** Number of the group of 16 classes that holds the first of a row's largest logits: i32[SAMPLES]. */
export const SIXTEEN: usize = memory.data(4 * LANES, 16);
const guard1: usize = memory.data(GUARD, 16);
/** One-vs-rest: all ones if the decision on the true class is positive, else 0: i32[SAMPLES]. */
export const POSITIVE: usize = memory.data(4 * LANES, 16);
const guard2: usize = memory.data(GUARD, 16);
/**
 * One-vs-rest: threshold of each logit, above which the decision is positive. Laid out as the tile, which has half the
 * size with metrics: f32[LOGITS / 2].
 */
export const LOGIT_THRESHOLDS: usize = memory.data(2 * LOGITS + APART, 16);
const guard3: usize = memory.data(GUARD, 16);
/** See BIN_BYTES. */
export const BINS: usize = memory.data(BIN_BYTES * TALLY_BINS, 16);
const guard4: usize = memory.data(GUARD, 16);
/** Counts and losses of each class, see TALLY_BYTES. */
export const TALLY: usize = memory.data(TALLY_BYTES * TALLY_CLASSES, 16);
const guard5: usize = memory.data(GUARD, 16);
/** Squares on their way to an exact sum: f32[SAMPLES]. */
export const TERMS: usize = memory.data(4 * LANES, 16);
const guard6: usize = memory.data(GUARD, 16);
/** One-vs-rest: sum of the losses of each sample: f64[SAMPLES]. */
export const SAMPLE_LOSSES: usize = memory.data(8 * LANES, 16);
const guard7: usize = memory.data(GUARD, 16);
/** The true classes, while LABELS has the predicted ones (`review`): i32[SAMPLES]. */
export const OWN_LABELS: usize = memory.data(4 * LANES, 16);
const guard8: usize = memory.data(GUARD, 16);
/** Curves: the cell of each logit of the tile (see CELL_PAGE_BITS), or −1: i32[LOGITS]. */
export const CELLS: usize = memory.data(4 * LOGITS + 16, 16);
const guard9: usize = memory.data(GUARD, 16);
/** Curves: exponentials of a row, or of two samples in planes: f64[LOGITS]. */
export const EXPONENTIALS: usize = memory.data(8 * LOGITS + 16, 16);
const guard10: usize = memory.data(GUARD, 16);

/** Address of guard `i`, or 0 past the last. */
export function metricsGuard(i: i32): usize {
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
    default: return 0;
  }
}
