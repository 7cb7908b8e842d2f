/**
 * The cells in which curves are counted (bindings/meter/cells.ts). One-vs-rest counts the logit, softmax the margin of
 * each class,
 *
 *     x_c = z_c − M − ln(1 + Σ_{j≠k} e^{z_j − M} − e^{z_c − M}),     x_k = −ln Σ_{j≠k} e^{z_j − M},
 *
 * where M is the largest logit and k its class. Margins are computed in float64 with a known bound of their error. If a
 * cell ends within that bound, the sample is left to the bindings, which decide it the same way in every runtime.
 */
import {
  CELL_FROM_ONE, CELL_FROM_WIDE, CELL_INFINITE, CELL_LARGE, CELL_ONE, CELL_PAGE_BITS, CELL_SHIFT, CELL_SIDE, CELL_SMALL,
  CELL_WIDE,
} from '../../bindings/backend/constants';
import { exp64, ln64 } from '../math/double';
import { maskOf } from '../math/numbers';
import { LABELS, MAX, OFFSET, TRUE } from '../tile/scratch';
import { base, borrowed, classes, images, imageStride, planar, positions, samples, classStride, unmaskTrueClass } from '../tile/tile';
import { CELLS, EXPONENTIALS, PASSED_OVER, PREDICTED } from './scratch';

const PAGE: i32 = 1 << CELL_PAGE_BITS;

/** Margins here and in the bindings differ by at most this times (classes + 20 + |margin|). */
const ERROR: f64 = 4e-16;

/** The first two classes of a row. */
const PLACES: usize = memory.data<i64>([0, 1], 16);

/** The cells of four float32, of which none is NaN. */
function cellsOf(z: v128): v128 {
  const negative = i32x4.le_s(z, i32x4.splat(0));
  const infinite = i32x4.splat(CELL_INFINITE);
  // cells are closed above: the float below a positive number tells the cell of that number
  const below = i32x4.sub(z, v128.andnot(i32x4.splat(1), i32x4.eq(z, infinite)));
  const bits = v128.bitselect(v128.and(z, i32x4.splat(i32.MAX_VALUE)), below, negative);
  const zero = i32x4.splat(0);
  const small = i32x4.shr_s(i32x4.max_s(i32x4.sub(bits, i32x4.splat(CELL_SMALL - (1 << CELL_SHIFT))), zero), CELL_SHIFT);
  const linear = i32x4.add(
    i32x4.trunc_sat_f32x4_s(f32x4.mul(bits, f32x4.splat(32))), i32x4.splat(CELL_FROM_ONE - 32),
  );
  const high = i32x4.shr_s(i32x4.sub(i32x4.min_s(bits, i32x4.splat(CELL_LARGE)), i32x4.splat(CELL_WIDE)), CELL_SHIFT);
  const wide = i32x4.sub(i32x4.add(high, i32x4.splat(CELL_FROM_WIDE)), i32x4.eq(bits, infinite));
  const large = v128.bitselect(linear, wide, i32x4.lt_s(bits, i32x4.splat(CELL_WIDE)));
  const step = v128.bitselect(small, large, i32x4.lt_s(bits, i32x4.splat(CELL_ONE)));
  return v128.bitselect(
    i32x4.sub(i32x4.splat(CELL_SIDE - 1), step), i32x4.add(i32x4.splat(CELL_SIDE), step), negative,
  );
}

/** The key of each cell for negatives, as CELLS has it. */
// @ts-ignore: decorator
@inline
function keysOf(cells: v128): v128 {
  const place = v128.and(cells, i32x4.splat(PAGE - 1));
  return v128.or(i32x4.shl(i32x4.shr_u(cells, CELL_PAGE_BITS), CELL_PAGE_BITS + 1), place);
}

/** Keys of four logits, −1 for NaN. */
// @ts-ignore: decorator
@inline
function keysOfLogits(z: v128): v128 {
  return v128.or(keysOf(cellsOf(z)), f32x4.ne(z, z));
}

/** Write −1 for all classes of the sample whose first cell is at `at`. */
function leaveOut(at: usize, step: usize): void {
  for (let c = 0; c < classes; c++, at += step) store<i32>(at, -1);
}

/** Where the first cell of a sample is. */
function cellsAt(b: i32, d: i32): usize {
  return CELLS + (usize(b * classes * positions + d) << 2);
}

/** One-vs-rest: CELLS of the open tile, whose true logits are negated. */
export function logitCells(): void {
  for (let i: usize = 0; i < usize(samples * classes) << 2; i += 16) {
    v128.store(CELLS + i, keysOfLogits(v128.load(base + i)));
  }
  for (let b = 0, i: usize = 0; b < images; b++) {
    for (let d = 0; d < positions; d++, i += 4) {
      if (load<i32>(i, LABELS) < 0) leaveOut(cellsAt(b, d), usize(positions) << 2);
      const offset = load<i32>(i, OFFSET);
      if (offset < 0) continue;
      const key = i32x4.extract_lane(keysOfLogits(f32x4.splat(-load<f32>(base + offset))), 0);
      store<i32>(CELLS + offset, key < 0 ? key : key | PAGE);
    }
  }
}

/** Two pairs of float64 as four float32. */
// @ts-ignore: decorator
@inline
function narrowed(a: v128, b: v128): v128 {
  return v128.shuffle<f64>(f32x4.demote_f64x2_zero(a), f32x4.demote_f64x2_zero(b), 0, 2);
}

/** Two logits at `at` as float64. */
// @ts-ignore: decorator
@inline
function two(at: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(at));
}

/** Keys of four margins, −1 where a cell ends within the error. */
// @ts-ignore: decorator
@inline
function keysOfMargins(x: v128, y: v128): v128 {
  const errorX = errorOf(x);
  const errorY = errorOf(y);
  const lower = cellsOf(narrowed(f64x2.sub(x, errorX), f64x2.sub(y, errorY)));
  const upper = cellsOf(narrowed(f64x2.add(x, errorX), f64x2.add(y, errorY)));
  return v128.or(keysOf(lower), i32x4.ne(lower, upper));
}

/** Bounds of the errors of two margins. Those of two classes are differences, which are exact. */
// @ts-ignore: decorator
@inline
function errorOf(x: v128): v128 {
  const size = f64x2.pmin(f64x2.abs(x), f64x2.splat(1e300));
  return f64x2.mul(f64x2.add(size, f64x2.splat(classes + 20)), f64x2.splat(classes == 2 ? 0 : ERROR));
}

/** Margins of two logits z with exponentials e. Where z is the largest logit, it is `own`. */
// @ts-ignore: decorator
@inline
function margins(z: v128, most: v128, rest: v128, e: v128, own: v128): v128 {
  const x = f64x2.sub(f64x2.sub(z, most), ln64(f64x2.add(f64x2.splat(1), f64x2.sub(rest, e))));
  return v128.bitselect(own, x, f64x2.eq(z, most));
}

/** The margin of the largest logit, given the sum of the others' exponentials. */
// @ts-ignore: decorator
@inline
function ownMargins(rest: v128, most: v128, other: v128): v128 {
  return classes == 2 ? f64x2.sub(most, other) : f64x2.neg(ln64(rest));
}

/** Below this, a sum of exponentials has too few bits for its logarithm. */
const LEAST: f64 = 1e-300;

/** Write the keys of a sample, whose logits are at `row`, to `to`. Returns whether all are known. */
function rowCells(row: usize, i: usize, to: usize): bool {
  const most = f64x2.splat(Math.max(load<f32>(i, TRUE), load<f32>(i, MAX)));
  const top = i64x2.splat(load<i32>(i, PREDICTED));
  const count = i64x2.splat(classes);
  let place = v128.load(PLACES);
  let sum = f64x2.splat(0);
  for (let c: usize = 0; c < usize(classes) << 3; c += 16, row += 8) {
    const e = v128.andnot(exp64(f64x2.sub(two(row), most)), i64x2.eq(place, top));
    const there = v128.and(e, i64x2.lt_s(place, count));
    v128.store(c, there, EXPONENTIALS);
    sum = f64x2.add(sum, there);
    place = i64x2.add(place, i64x2.splat(2));
  }
  const all = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  if (!(all > LEAST)) return false;
  const rest = f64x2.splat(all);
  const own = ownMargins(rest, most, f64x2.splat(Math.min(load<f32>(i, TRUE), load<f32>(i, MAX))));
  row -= (usize(classes + 1) & ~1) << 2;
  let open = i32x4.splat(0);
  for (let left = classes << 2, c: usize = 0; left > 0; left -= 16, c += 32, row += 16, to += 16) {
    const x = margins(two(row), most, rest, v128.load(c, EXPONENTIALS), own);
    const y = margins(two(row + 8), most, rest, v128.load(c, EXPONENTIALS + 16), own);
    const keys = keysOfMargins(x, y);
    // the last group writes too far, into the next row, which is written later
    v128.store(to, keys);
    open = v128.or(open, v128.and(i32x4.shr_s(keys, 31), v128.load(maskOf(min(left, 16)))));
  }
  return !v128.any_true(open);
}

/** Write the keys of two samples side by side. Returns two bits: of which of them all keys are known. */
function pairCells(at: usize, i: usize, alone: bool): i32 {
  const step = usize(classStride) << 2;
  const truth = v128.load64_zero(TRUE + i);
  const others = v128.load64_zero(MAX + i);
  const most = f64x2.promote_low_f32x4(f32x4.pmax(truth, others));
  const other = f64x2.promote_low_f32x4(f32x4.pmin(truth, others));
  const top = i64x2.extend_low_i32x4_s(v128.load64_zero(PREDICTED + i));
  let rest = f64x2.splat(0);
  let from = at;
  for (let c = 0; c < classes; c++, from += step) {
    const e = v128.andnot(exp64(f64x2.sub(two(from), most)), i64x2.eq(i64x2.splat(c), top));
    v128.store(usize(c) << 4, e, EXPONENTIALS);
    rest = f64x2.add(rest, e);
  }
  const own = ownMargins(rest, most, other);
  let open = v128.not(f64x2.gt(rest, f64x2.splat(LEAST)));
  let to = CELLS + i;
  const toStep = usize(samples) << 2;
  for (let c = 0; c < classes; c += 2, at += step << 1, to += toStep << 1) {
    const e = usize(c) << 4;
    const both = c + 1 < classes;
    const x = margins(two(at), most, rest, v128.load(e, EXPONENTIALS), own);
    const y = both ? margins(two(at + step), most, rest, v128.load(e, EXPONENTIALS + 16), own) : x;
    const keys = keysOfMargins(x, y);
    const unknown = i32x4.shr_s(keys, 31);
    open = v128.or(open, i64x2.extend_low_i32x4_s(unknown));
    open = v128.or(open, i64x2.extend_high_i32x4_s(unknown));
    if (alone) {
      v128.store_lane<i32>(to, keys, 0);
      if (both) v128.store_lane<i32>(to + toStep, keys, 2);
    } else {
      v128.store_lane<i64>(to, keys, 0);
      if (both) v128.store_lane<i64>(to + toStep, keys, 1);
    }
  }
  return ~i64x2.bitmask(open) & 3;
}

/**
 * Softmax: CELLS of a tile with all its classes, after PREDICTED: [sample][class], or [class][sample] where vectors run
 * across the samples. Samples whose keys are not all known get −1; their numbers go to PASSED_OVER. Returns how many.
 */
export function marginCells(): i32 {
  if (!borrowed) unmaskTrueClass();
  // rows of two classes are planar elsewhere, but not here
  const across = planar && classStride > 1;
  const step: usize = across ? usize(samples) << 2 : 4;
  const sample: usize = across ? 4 : usize(classes) << 2;
  const place = across ? 1 : classes;
  let over = PASSED_OVER;
  let i: usize = 0;
  for (let b = 0; b < images; b++) {
    for (let d = 0; d < positions; d++, i += 4) {
      const at = base + (usize(b * imageStride + d * place) << 2);
      const first = CELLS + (i >> 2) * sample;
      const alone = d + 1 == positions;
      let known = across ? pairCells(at, i, alone) : i32(rowCells(at, i, first));
      for (let j: usize = 0; j < (across && !alone ? 2 : 1); j++, known >>= 1) {
        const own = i + (j << 2);
        const to = first + j * sample;
        const y = load<i32>(own, LABELS);
        if (load<i32>(own, PREDICTED) < 0 || !(known & 1)) {
          leaveOut(to, step);
          if (y < 0) continue;
          store<i32>(over, i32(own >> 2));
          over += 4;
        } else {
          const key = to + usize(y) * step;
          store<i32>(key, load<i32>(key) | PAGE);
        }
      }
      if (across && !alone) {
        d++;
        i += 4;
      }
    }
  }
  return i32(over - PASSED_OVER) >> 2;
}
