/**
 * Margin stage for rows of many classes: the vector runs along the row. One pass finds the largest logit of the other
 * classes, one sums e^(logit − largest); −∞ stands over the true class, so it takes no part.
 */
import { expFast, far, restored } from './exp';
import { FACTOR, MAX, SQUARES, SUM } from './scratch';
import { base, classes, first, pitch, samples } from './tile';

/** The last logits of a row, filled up to 16 with −∞: what is done to them is done here. */
const SPILL: usize = memory.data(64, 16);
/** 15 words of ones, then 16 of zeros: a mask of the first n of 16 lanes starts 15 − n + 1 words before the zeros. */
const ONES_THEN_ZEROS: usize = memory.data<i32>([
  -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
], 16);

/** Copy the last 1 to 15 logits of a row; what lies behind them is read but not kept. */
function spill(at: usize, count: i32): void {
  const mask = ONES_THEN_ZEROS + (usize(15 - count) << 2);
  const nothing = f32x4.splat(-Infinity);
  for (let j: usize = 0; j < 64; j += 16) {
    v128.store(SPILL + j, v128.bitselect(v128.load(at + j), nothing, v128.load(mask + j)));
  }
}

export function rowsMax(): void {
  const end16 = usize(classes & ~15) << 2;
  const left = classes & 15;
  for (let i = 0; i < samples; i++) {
    const row = base + (usize(i * pitch) << 2);
    // the lowest finite number, so that no difference to it is NaN
    let m0 = f32x4.splat(first ? load<f32>(MAX + (usize(i) << 2)) : -f32.MAX_VALUE);
    let m1 = m0;
    let m2 = m0;
    let m3 = m0;
    if (left) {
      spill(row + end16, left);
      m0 = f32x4.pmax(m0, v128.load(SPILL));
      m1 = f32x4.pmax(m1, v128.load(SPILL, 16));
      m2 = f32x4.pmax(m2, v128.load(SPILL, 32));
      m3 = f32x4.pmax(m3, v128.load(SPILL, 48));
    }
    for (let c: usize = 0; c < end16; c += 64) {
      m0 = f32x4.pmax(m0, v128.load(row + c));
      m1 = f32x4.pmax(m1, v128.load(row + c, 16));
      m2 = f32x4.pmax(m2, v128.load(row + c, 32));
      m3 = f32x4.pmax(m3, v128.load(row + c, 48));
    }
    m0 = f32x4.pmax(f32x4.pmax(m0, m1), f32x4.pmax(m2, m3));
    m0 = f32x4.pmax(m0, v128.shuffle<f32>(m0, m0, 2, 3, 0, 1));
    m0 = f32x4.pmax(m0, v128.shuffle<f32>(m0, m0, 1, 0, 3, 2));
    v128.store_lane<f32>(MAX + (usize(i) << 2), m0, 0);
  }
}

/** Two float64 sums of four float32 lanes. */
// @ts-ignore: decorator
@inline
export function widen(s: v128): v128 {
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

/** Add both lanes to what the chunks before have left at `at`. */
// @ts-ignore: decorator
@inline
function addTo(at: usize, total: v128): void {
  store<f64>(at, (first ? load<f64>(at) : 0) + f64x2.extract_lane(total, 0) + f64x2.extract_lane(total, 1));
}

/** A function of its own, as it is rarely needed. */
function restore(at: usize, e: v128, z: v128, m: v128): void {
  v128.store(at, restored(e, z, m, f32x4.sub(z, m)));
}

// @ts-ignore: decorator
@inline
function sum(keep: bool, squares: bool): void {
  const end16 = usize(classes & ~15) << 2;
  const left = classes & 15;
  for (let i = 0; i < samples; i++) {
    const row = base + (usize(i * pitch) << 2);
    const m = v128.load_splat<f32>(MAX + (usize(i) << 2));
    let total = f64x2.splat(0);
    let totalSquares = total;
    let s = f32x4.splat(0);
    let q = s;
    let c: usize = 0;
    let at = row;
    while (true) {
      if (c == end16) {
        if (!left) break;
        spill(row + c, left);
        at = SPILL;
      }
      const z0 = v128.load(at);
      const z1 = v128.load(at, 16);
      const z2 = v128.load(at, 32);
      const z3 = v128.load(at, 48);
      const d0 = f32x4.sub(z0, m);
      const d1 = f32x4.sub(z1, m);
      const d2 = f32x4.sub(z2, m);
      const d3 = f32x4.sub(z3, m);
      const e0 = expFast(d0);
      const e1 = expFast(d1);
      const e2 = expFast(d2);
      const e3 = expFast(d3);
      s = f32x4.add(s, f32x4.add(f32x4.add(e0, e1), f32x4.add(e2, e3)));
      if (squares) q = f32x4.add(q, f32x4.add(f32x4.add(square(e0), square(e1)), f32x4.add(square(e2), square(e3))));
      if (keep) {
        v128.store(at, e0);
        v128.store(at, e1, 16);
        v128.store(at, e2, 32);
        v128.store(at, e3, 48);
        if (v128.any_true(v128.or(v128.or(far(e0), far(e1)), v128.or(far(e2), far(e3))))) {
          restore(at, e0, z0, m);
          restore(at + 16, e1, z1, m);
          restore(at + 32, e2, z2, m);
          restore(at + 48, e3, z3, m);
        }
      }
      if (c == end16) {
        if (keep) for (let j: usize = 0; j < usize(left) << 2; j += 4) store<u32>(row + c + j, load<u32>(SPILL + j));
        break;
      }
      c += 64;
      at += 64;
      if (!(c & 511)) {
        total = f64x2.add(total, widen(s));
        s = f32x4.splat(0);
        if (squares) {
          totalSquares = f64x2.add(totalSquares, widen(q));
          q = s;
        }
      }
    }
    addTo(SUM + (usize(i) << 3), f64x2.add(total, widen(s)));
    if (squares) addTo(SQUARES + (usize(i) << 3), f64x2.add(totalSquares, widen(q)));
  }
}

/**
 * Add to SUM. float32 partial sums take at most 8 × 4 terms a lane before they go to float64, so their error does not
 * grow with the number of classes. With `keep`, what is exponentiated stays in the tile; SUM has the same bits either way.
 */
export function rowsSum(keep: bool): void {
  sum(keep, false);
}

/** The same bits in SUM, and the sum of the squares in SQUARES. */
export function rowsSumSquares(): void {
  sum(false, true);
}

/** Multiply each row by SLOPE/SUM: what was kept becomes the gradient of the other classes. 0 for ignored samples. */
export function rowsScale(): void {
  const end4 = usize(classes & ~3) << 2;
  const end = usize(classes) << 2;
  for (let i = 0; i < samples; i++) {
    const row = base + (usize(i * pitch) << 2);
    const factor = load<f32>(FACTOR + (usize(i) << 2));
    if (factor == 0) {
      memory.fill(row, 0, end);
      continue;
    }
    const f = f32x4.splat(factor);
    let c: usize = 0;
    for (; c < end4; c += 16) v128.store(row + c, f32x4.mul(v128.load(row + c), f));
    for (; c < end; c += 4) store<f32>(row + c, load<f32>(row + c) * factor);
  }
}
