import {
  CELL_FROM_LARGE,
  CELL_FROM_ONE,
  CELL_FROM_SMALL,
  CELL_FROM_WIDE,
  CELL_INFINITE,
  CELL_LARGE,
  CELL_ONE,
  CELL_PAGE_BITS,
  CELL_SHIFT,
  CELL_SIDE,
  CELL_SMALL,
  CELL_WIDE,
} from '../constants.ts';

/** Step of a magnitude given by its bits: steps are closed below, open above. */
function step(bits: number): number {
  if (bits < CELL_ONE) return bits < CELL_SMALL ? 0 : CELL_FROM_SMALL + ((bits - CELL_SMALL) >> CELL_SHIFT);
  // 32 · |z|, rounded down: the mantissa, shifted by what the exponent leaves
  if (bits < CELL_WIDE) {
    return CELL_FROM_ONE + ((0x800000 | (bits & 0x7fffff)) >> (CELL_SHIFT + 127 - (bits >> 23))) - 32;
  }
  if (bits < CELL_LARGE) return CELL_FROM_WIDE + ((bits - CELL_WIDE) >> CELL_SHIFT);
  return bits < CELL_INFINITE ? CELL_FROM_LARGE : CELL_FROM_LARGE + 1;
}

/** The cell of a logit given by the bits of its float32, which must not be NaN. */
export function cellOfBits(bits: number): number {
  // a negative z, or 0, in (−b, −a] has its magnitude in [a, b); a positive one in (a, b] has that of the float below
  // it
  if (bits <= 0) return CELL_SIDE - 1 - step(bits & 0x7fffffff);
  return CELL_SIDE + (bits === CELL_INFINITE ? CELL_FROM_LARGE + 1 : step(bits - 1));
}

/** What stands in CELLS for a logit given by its bits, −1 for NaN. */
export function cellKey(bits: number, positive: boolean): number {
  if ((bits & 0x7fffffff) > CELL_INFINITE) return -1;
  const cell = cellOfBits(bits);
  const page = 1 << CELL_PAGE_BITS;
  return ((cell >> CELL_PAGE_BITS) << (CELL_PAGE_BITS + 1)) + (cell & (page - 1)) + (positive ? page : 0);
}
