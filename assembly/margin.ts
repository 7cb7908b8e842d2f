/**
 * x = z_y − LSE_{c≠y}(z) from TRUE, MAX and SUM, to more than float32: MARGIN + MARGIN_LOW. The logarithm comes in two
 * parts, k·ln 2 rounded to a few bits and a small rest, and every rounding on the way is kept in MARGIN_LOW, so that the
 * error of the margin is that of SUM and of the logits alone.
 */
import { LN2_HIGH, LN2_LOW, SIGN } from './exp';
import { exponent, logMantissa } from './log';
import { MARGIN, MARGIN_LOW, MAX, SUM, TRUE } from './scratch';

const INFINITIES: usize = memory.data<f32>([Infinity, Infinity, Infinity, Infinity], 16);

/** a + b − s, exactly, where s is their rounded sum (Knuth's TwoSum). */
// @ts-ignore: decorator
@inline
export function lost(a: v128, b: v128, s: v128): v128 {
  const back = f32x4.sub(s, a);
  return f32x4.add(f32x4.sub(a, f32x4.sub(s, back)), f32x4.sub(b, back));
}

/** Four float32 from four float64. */
// @ts-ignore: decorator
@inline
export function narrow(at: usize): v128 {
  return v128.shuffle<f64>(
    f32x4.demote_f64x2_zero(v128.load(at)),
    f32x4.demote_f64x2_zero(v128.load(at, 16)),
    0, 2,
  );
}

/** −k·ln 2, its high part; −(−∞) where no other class is possible and SUM is 0. */
// @ts-ignore: decorator
@inline
function logHigh(s: v128): v128 {
  const none = v128.and(f32x4.eq(s, f32x4.splat(0)), v128.load(INFINITIES));
  return f32x4.sub(none, f32x4.mul(exponent(s), v128.load(LN2_HIGH)));
}

/** The rest of ln s; a NaN in SUM shows in s − s. */
// @ts-ignore: decorator
@inline
function logLow(s: v128): v128 {
  return f32x4.add(f32x4.add(logMantissa(s), f32x4.mul(exponent(s), v128.load(LN2_LOW))), f32x4.sub(s, s));
}

/**
 * What was lost, as far as it matters: 0 where the margin is infinite (and this NaN), and where it is so large (past 2^23)
 * that its decay is 0 whatever was lost.
 */
// @ts-ignore: decorator
@inline
export function finite(rest: v128): v128 {
  return v128.and(rest, f32x4.lt(f32x4.abs(rest), f32x4.splat(1)));
}

export function logSumMargins(n: i32): void {
  for (let i: usize = 0; i < usize(n) << 2; i += 32) {
    const infinity = v128.load(INFINITIES);
    const z0 = v128.load(TRUE + i);
    const z1 = v128.load(TRUE + i, 16);
    const m0 = v128.xor(v128.load(MAX + i), v128.load(SIGN));
    const m1 = v128.xor(v128.load(MAX + i, 16), v128.load(SIGN));
    const s0 = narrow(SUM + (i << 1));
    const s1 = narrow(SUM + (i << 1) + 32);
    const h0 = logHigh(s0);
    const h1 = logHigh(s1);
    const l0 = v128.xor(logLow(s0), v128.load(SIGN));
    const l1 = v128.xor(logLow(s1), v128.load(SIGN));
    const a0 = f32x4.add(z0, m0);
    const a1 = f32x4.add(z1, m1);
    const b0 = f32x4.add(a0, h0);
    const b1 = f32x4.add(a1, h1);
    const x0 = f32x4.add(b0, l0);
    const x1 = f32x4.add(b1, l1);
    const r0 = f32x4.add(f32x4.add(lost(z0, m0, a0), lost(a0, h0, b0)), lost(b0, l0, x0));
    const r1 = f32x4.add(f32x4.add(lost(z1, m1, a1), lost(a1, h1, b1)), lost(b1, l1, x1));
    // +∞ among the logits makes log-softmax NaN, at the true class too
    v128.store(MARGIN + i, v128.or(x0, f32x4.eq(z0, infinity)));
    v128.store(MARGIN + i, v128.or(x1, f32x4.eq(z1, infinity)), 16);
    v128.store(MARGIN_LOW + i, finite(r0));
    v128.store(MARGIN_LOW + i, finite(r1), 16);
  }
}
