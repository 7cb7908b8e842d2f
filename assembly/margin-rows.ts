/**
 * Margin stage for rows of many classes: the vector runs along the row. One pass finds the largest logit of the other
 * classes, one sums e^(logit − largest); −∞ stands over the true class, so it takes no part.
 */
import { expFast, expKeep } from './exp';
import { FACTOR, MAX, SUM } from './scratch';
import { base, classes, first, pitch, samples } from './tile';

/** Where the kept lanes of a tail wait, so that the next row is not written over. */
const SPILL: usize = memory.data(16, 16);

/** The last 1 to 3 logits of a row, −∞ in the other lanes. */
// @ts-ignore: decorator
@inline
function tail(at: usize, count: i32): v128 {
  let v = f32x4.splat(-Infinity);
  v = v128.load_lane<f32>(at, v, 0);
  if (count > 1) v = v128.load_lane<f32>(at + 4, v, 1);
  if (count > 2) v = v128.load_lane<f32>(at + 8, v, 2);
  return v;
}

export function rowsMax(): void {
  const end16 = usize(classes & ~15) << 2;
  const end4 = usize(classes & ~3) << 2;
  for (let i = 0; i < samples; i++) {
    const row = base + (usize(i * pitch) << 2);
    // the lowest finite number, so that no difference to it is NaN
    let m0 = f32x4.splat(first ? load<f32>(MAX + (usize(i) << 2)) : -f32.MAX_VALUE);
    let m1 = m0;
    let m2 = m0;
    let m3 = m0;
    let c: usize = 0;
    for (; c < end16; c += 64) {
      m0 = f32x4.pmax(m0, v128.load(row + c));
      m1 = f32x4.pmax(m1, v128.load(row + c, 16));
      m2 = f32x4.pmax(m2, v128.load(row + c, 32));
      m3 = f32x4.pmax(m3, v128.load(row + c, 48));
    }
    for (; c < end4; c += 16) m0 = f32x4.pmax(m0, v128.load(row + c));
    if (classes & 3) m1 = f32x4.pmax(m1, tail(row + c, classes & 3));
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
function term(at: usize, m: v128, keep: bool): v128 {
  const z = v128.load(at);
  return keep ? expKeep(z, m, at) : expFast(f32x4.sub(z, m));
}

// @ts-ignore: decorator
@inline
function sum(keep: bool): void {
  const end16 = usize(classes & ~15) << 2;
  const end4 = usize(classes & ~3) << 2;
  const left = classes & 3;
  for (let i = 0; i < samples; i++) {
    const row = base + (usize(i * pitch) << 2);
    const m = v128.load_splat<f32>(MAX + (usize(i) << 2));
    let total = f64x2.splat(0);
    let c: usize = 0;
    while (c < end16) {
      const stop = min(c + 512, end16);
      let s = f32x4.splat(0);
      for (; c < stop; c += 64) {
        const e0 = term(row + c, m, keep);
        const e1 = term(row + c + 16, m, keep);
        const e2 = term(row + c + 32, m, keep);
        const e3 = term(row + c + 48, m, keep);
        s = f32x4.add(s, f32x4.add(f32x4.add(e0, e1), f32x4.add(e2, e3)));
      }
      total = f64x2.add(total, widen(s));
    }
    let s = f32x4.splat(0);
    for (; c < end4; c += 16) s = f32x4.add(s, term(row + c, m, keep));
    if (left) {
      const z = tail(row + c, left);
      if (keep) {
        s = f32x4.add(s, expKeep(z, m, SPILL));
        memory.copy(row + c, SPILL, usize(left) << 2);
      } else {
        s = f32x4.add(s, expFast(f32x4.sub(z, m)));
      }
    }
    total = f64x2.add(total, widen(s));
    const at = SUM + (usize(i) << 3);
    store<f64>(at, (first ? load<f64>(at) : 0) + f64x2.extract_lane(total, 0) + f64x2.extract_lane(total, 1));
  }
}

/**
 * Add to SUM. float32 partial sums take at most 8 × 4 terms a lane before they go to float64, so their error does not
 * grow with the number of classes.
 */
export function rowsSum(): void {
  sum(false);
}

/** The same bits in SUM; what is exponentiated stays in the tile. */
export function rowsSumKeep(): void {
  sum(true);
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
