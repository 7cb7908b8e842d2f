/**
 * Margin stage for rows of many classes: the vector runs along the row. One pass finds the largest logit of the other
 * classes, one sums e^(logit − largest); −∞ stands over the true class, so it takes no part.
 */
import { expFast, far, restored } from './exp';
import { FACTOR, MAX, PLANES, SQUARES, SUM, TILE } from './scratch';
import { base, classes, first, pitch, samples } from './tile';

/** 16 words of ones, then 16 of zeros: n words before the zeros begins a mask of the first n lanes. */
const ONES_THEN_ZEROS: usize = memory.data<i32>([
  -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
], 16);

/** Address of the masks of the 16 lanes of which `left` bytes of a row fill the first. */
// @ts-ignore: decorator
@inline
export function maskOf(left: usize): usize {
  return ONES_THEN_ZEROS + 64 - min<usize>(left, 64);
}

/** The logits of a row at `at`, −∞ in lanes past its end: the last group of 16 reads on into the next row. */
// @ts-ignore: decorator
@inline
export function within(at: usize, mask: usize): v128 {
  return v128.bitselect(v128.load(at), f32x4.splat(-Infinity), v128.load(mask));
}

export function rowsMax(): void {
  const end = usize(classes) << 2;
  for (let i = 0; i < samples; i++) {
    const row = base + (usize(i * pitch) << 2);
    // the lowest finite number, so that no difference to it is NaN
    let m0 = f32x4.splat(first ? load<f32>(MAX + (usize(i) << 2)) : -f32.MAX_VALUE);
    let m1 = m0;
    let c: usize = 0;
    for (; c + 32 <= end; c += 32) {
      m0 = f32x4.pmax(m0, v128.load(row + c));
      m1 = f32x4.pmax(m1, v128.load(row + c, 16));
    }
    const mask = maskOf(end - c);
    m0 = f32x4.pmax(m0, within(row + c, mask));
    m1 = f32x4.pmax(m1, within(row + c + 16, mask + 16));
    m0 = f32x4.pmax(m0, m1);
    m0 = f32x4.pmax(m0, v128.shuffle<f32>(m0, m0, 2, 3, 0, 1));
    m0 = f32x4.pmax(m0, v128.shuffle<f32>(m0, m0, 1, 0, 3, 2));
    v128.store_lane<f32>(MAX + (usize(i) << 2), m0, 0);
  }
}

/** Two float64 sums of four float32 lanes. */
// @ts-ignore: decorator
@inline
function widen(s: v128): v128 {
  return f64x2.add(
    f64x2.promote_low_f32x4(s),
    f64x2.promote_low_f32x4(v128.shuffle<f32>(s, s, 2, 3, 0, 1)),
  );
}

// @ts-ignore: decorator
@inline
function square(e: v128): v128 {
  return f32x4.mul(e, e);
}

/** Add both lanes to what the chunks of classes before have left at `at`. */
// @ts-ignore: decorator
@inline
function addTo(at: usize, total: v128): void {
  store<f64>(at, (first ? load<f64>(at) : 0) + f64x2.extract_lane(total, 0) + f64x2.extract_lane(total, 1));
}

/** Where what is kept of the tile goes: to the other one of TILE and PLANES. */
// @ts-ignore: decorator
@inline
function aside(): usize {
  return base == PLANES ? TILE : PLANES;
}

/** Restore the exponentials at `kept` of the row at `row`. */
function restore(kept: usize, row: usize, m: v128, end: usize): void {
  for (let c: usize = 0; c < end; c += 32) {
    const e0 = v128.load(kept + c);
    const e1 = v128.load(kept + c, 16);
    if (!v128.any_true(v128.or(far(e0), far(e1)))) continue;
    v128.store(kept + c, restored(e0, v128.load(row + c), m));
    v128.store(kept + c, restored(e1, v128.load(row + c, 16), m), 16);
  }
}

// @ts-ignore: decorator
@inline
function sum(i: i32, keep: bool, squares: bool): void {
  const end = usize(classes) << 2;
  const row = base + (usize(i * pitch) << 2);
  const m = v128.load_splat<f32>(MAX + (usize(i) << 2));
  let total = f64x2.splat(0);
  let totalSquares = total;
  let s = f32x4.splat(0);
  let q = s;
  // what spills past the end of a row is written over by the next
  const kept = aside() + (row - base);
  for (let c: usize = 0; c < end;) {
    const at = row + c;
    let z0 = v128.load(at);
    let z1 = v128.load(at, 16);
    let z2 = v128.load(at, 32);
    let z3 = v128.load(at, 48);
    if (end - c < 64) {
      const mask = maskOf(end - c);
      // half a group; the binary of the losses has no room for it
      if (squares && end - c <= 32) {
        const e0 = expFast(f32x4.sub(within(at, mask), m));
        const e1 = expFast(f32x4.sub(within(at + 16, mask + 16), m));
        s = f32x4.add(s, f32x4.add(e0, e1));
        q = f32x4.add(q, f32x4.add(square(e0), square(e1)));
        break;
      }
      z0 = within(at, mask);
      z1 = within(at + 16, mask + 16);
      z2 = within(at + 32, mask + 32);
      z3 = within(at + 48, mask + 48);
    }
    const e0 = expFast(f32x4.sub(z0, m));
    const e1 = expFast(f32x4.sub(z1, m));
    const e2 = expFast(f32x4.sub(z2, m));
    const e3 = expFast(f32x4.sub(z3, m));
    s = f32x4.add(s, f32x4.add(f32x4.add(e0, e1), f32x4.add(e2, e3)));
    if (squares) {
      q = f32x4.add(q, square(e0));
      q = f32x4.add(q, square(e1));
      q = f32x4.add(q, square(e2));
      q = f32x4.add(q, square(e3));
    }
    if (keep) {
      v128.store(kept + c, e0);
      v128.store(kept + c, e1, 16);
      v128.store(kept + c, e2, 32);
      v128.store(kept + c, e3, 48);
    }
    c += 64;
    if (!(c & 511)) {
      total = f64x2.add(total, widen(s));
      s = f32x4.splat(0);
      if (squares) {
        totalSquares = f64x2.add(totalSquares, widen(q));
        q = s;
      }
    }
  }
  if (keep) restore(kept, row, m, end);
  addTo(SUM + (usize(i) << 3), f64x2.add(total, widen(s)));
  if (squares) addTo(SQUARES + (usize(i) << 3), f64x2.add(totalSquares, widen(q)));
}

/**
 * Add to SUM. float32 partial sums take at most 8 × 4 terms a lane before they go to float64, so their error does not
 * grow with the number of classes. With `keep`, what is exponentiated is kept where the result says; SUM has the same bits
 * either way.
 */
export function rowsSum(keep: bool): usize {
  for (let i = 0; i < samples; i++) sum(i, keep, false);
  return aside();
}

/** Of one row: the same bits in SUM, and the sum of the squares in SQUARES. */
// @ts-ignore: decorator
@inline
export function rowSumSquares(i: i32): void {
  sum(i, false, true);
}

/**
 * Multiply each row by FACTOR, from where it was kept to the tile's place, or the other way if it is there again: it becomes
 * the gradient of the other classes. 0 for ignored samples.
 */
export function rowsScale(away: bool): usize {
  const end = usize(classes) << 2;
  const from = away ? base : aside();
  const to = away ? aside() : base;
  for (let i = 0; i < samples; i++) {
    const row = usize(i * pitch) << 2;
    const f = v128.load_splat<f32>(usize(i) << 2, FACTOR);
    const counts = f32x4.ne(f, f32x4.splat(0));
    for (let c = row; c < row + end; c += 32) {
      const e0 = v128.load(from + c);
      const e1 = v128.load(from + c, 16);
      v128.store(to + c, v128.and(f32x4.mul(e0, f), counts));
      v128.store(to + c, v128.and(f32x4.mul(e1, f), counts), 16);
    }
  }
  return to;
}
