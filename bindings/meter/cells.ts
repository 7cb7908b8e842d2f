import {
  CELL_FROM_LARGE,
  CELL_FROM_ONE,
  CELL_FROM_SMALL,
  CELL_FROM_WIDE,
  CELL_SHIFT,
  CELL_SIDE,
  CELL_SMALL,
  CELL_WIDE,
} from '../backend/constants.ts';
import { cellOfBits } from '../backend/scalar/cells.ts';
import { bitsOf, fromBits } from './float-bits.ts';

/**
 * The cells that curves are counted in: fixed intervals (a, b] of the logit, the same for every meter, so that counts
 * merge. Equal steps of the probability would put all rare positives into one cell, and 1 into the last from a logit of
 * 17 on.
 *
 * |z|                 cells
 * 1 to 128            1/32 wide: 4064
 * 2^−64 to 1          32 an octave: 2048
 * 128 to 2^40         32 an octave: 1056
 * below 2^−64         one
 * above 2^40          one
 * ∞                   one
 *
 * on either side of 0, which closes the last of the negative ones: −0 and +0 are in the same. z > 0, the decision for
 * the class, is a matter of cells, too.
 */

const LAST = CELL_SIDE - 1;

/** Cells of a class. */
export const CELLS = 2 * CELL_SIDE;

/** The cell of a logit, rounded to float32; not NaN. */
export const cellOf = (logit: number): number => cellOfBits(bitsOf(logit));

/** Where a step begins. */
function stepStart(s: number): number {
  if (s < CELL_FROM_SMALL) return 0;
  if (s < CELL_FROM_ONE) return fromBits(CELL_SMALL + ((s - CELL_FROM_SMALL) << CELL_SHIFT));
  if (s < CELL_FROM_WIDE) return 1 + (s - CELL_FROM_ONE) / 32;
  if (s < CELL_FROM_LARGE) return fromBits(CELL_WIDE + ((s - CELL_FROM_WIDE) << CELL_SHIFT));
  return s === CELL_FROM_LARGE ? 2 ** 40 : s === LAST ? 3.4028234663852886e38 : Infinity;
}

/**
 * The upper edge of a cell, which belongs to it: a float32, so that `z > edge` holds for the cells above it and no
 * others.
 */
export function upperEdge(cell: number): number {
  if (cell >= CELL_SIDE) return stepStart(cell - CELL_SIDE + 1);
  const s = CELL_SIDE - 1 - cell;
  // −∞ alone, and −0, which is 0
  return s === LAST ? -Infinity : s === 0 ? 0 : -stepStart(s);
}

/** The lower edge of a cell, which does not belong to it; NaN for the lowest, which is −∞ alone. */
export const lowerEdge = (cell: number): number => (cell === 0 ? NaN : upperEdge(cell - 1));
