/**
 * The cells that curves are counted in: fixed intervals (a, b] of the logit, the same for every meter, so that counts merge.
 * Equal steps of the probability would put all rare positives into one cell, and 1 into the last from a logit of 17 on.
 *
 * |z|                 cells
 * 1 to 128            1/32 wide: 4064
 * 2^−64 to 1          32 an octave: 2048
 * 128 to 2^40         32 an octave: 1056
 * below 2^−64         one
 * above 2^40          one
 * ∞                   one
 *
 * on either side of 0, which closes the last of the negative ones: −0 and +0 are in the same. z > 0, the decision for the
 * class, is a matter of cells, too.
 */

const BITS = new DataView(new ArrayBuffer(4));
/** The bits of a float32. */
const bitsOf = (x: number): number => {
  BITS.setFloat32(0, x);
  return BITS.getInt32(0);
};
const floatOf = (bits: number): number => {
  BITS.setInt32(0, bits);
  return BITS.getFloat32(0);
};

const SMALL = bitsOf(2 ** -64);
const ONE = bitsOf(1);
const WIDE = bitsOf(128);
const LARGE = bitsOf(2 ** 40);
const INFINITE = bitsOf(Infinity);
/** Bits of a float32 below the 32nd of an octave. */
const SHIFT = 18;

/** First steps of their ranges. */
const FROM_SMALL = 1;
const FROM_ONE = FROM_SMALL + ((ONE - SMALL) >> SHIFT);
const FROM_WIDE = FROM_ONE + 127 * 32;
const FROM_LARGE = FROM_WIDE + ((LARGE - WIDE) >> SHIFT);
const LAST = FROM_LARGE + 1;

/** Cells on either side of 0. */
export const SIDE = LAST + 1;
/** Cells of a class. */
export const CELLS = 2 * SIDE;

/** Step of a magnitude given by its bits: steps are closed below, open above. */
function step(bits: number): number {
  if (bits < ONE) return bits < SMALL ? 0 : FROM_SMALL + ((bits - SMALL) >> SHIFT);
  // 32 · |z|, rounded down: the mantissa, shifted by what the exponent leaves
  if (bits < WIDE) return FROM_ONE + ((0x800000 | (bits & 0x7fffff)) >> (SHIFT + 127 - (bits >> 23))) - 32;
  if (bits < LARGE) return FROM_WIDE + ((bits - WIDE) >> SHIFT);
  return bits < INFINITE ? FROM_LARGE : LAST;
}

/** The cell of a logit given by the bits of its float32, which must not be NaN. */
export function cellOfBits(bits: number): number {
  // a negative z, or 0, in (−b, −a] has its magnitude in [a, b); a positive one in (a, b] has that of the float below it
  if (bits <= 0) return SIDE - 1 - step(bits & 0x7fffffff);
  return SIDE + (bits === INFINITE ? LAST : step(bits - 1));
}

/** The cell of a logit, rounded to float32; not NaN. */
export const cellOf = (logit: number): number => cellOfBits(bitsOf(logit));

/** Where a step begins. */
function stepStart(s: number): number {
  if (s < FROM_SMALL) return 0;
  if (s < FROM_ONE) return floatOf(SMALL + ((s - FROM_SMALL) << SHIFT));
  if (s < FROM_WIDE) return 1 + (s - FROM_ONE) / 32;
  if (s < FROM_LARGE) return floatOf(WIDE + ((s - FROM_WIDE) << SHIFT));
  return s === FROM_LARGE ? 2 ** 40 : s === LAST ? 3.4028234663852886e38 : Infinity;
}

/** The upper edge of a cell, which belongs to it: a float32, so that `z > edge` holds for the cells above it and no others. */
export function upperEdge(cell: number): number {
  if (cell >= SIDE) return stepStart(cell - SIDE + 1);
  const s = SIDE - 1 - cell;
  // −∞ alone, and −0, which is 0
  return s === LAST ? -Infinity : s === 0 ? 0 : -stepStart(s);
}

/** The lower edge of a cell, which does not belong to it; NaN for the lowest, which is −∞ alone. */
export const lowerEdge = (cell: number): number => (cell === 0 ? NaN : upperEdge(cell - 1));
