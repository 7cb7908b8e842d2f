/**
 * Margin stage, third pass: the gap LSE_{c≠y}(z) − z_y, which is the margin negated, from TRUE, MAX and SUM. It has
 * more than the 24 bits of float32, as GAP + GAP_LOW.
 *
 * The logarithm of SUM comes in two parts: the high part of k·ln 2, which has few bits, and a small remainder. GAP_LOW
 * collects what each rounding loses, so that no error is left but those of SUM and of the logits themselves.
 */
import { LN2_HIGH, LN2_LOW } from '../math/exp';
import { exponent, logMantissa } from '../math/log';
import { INFINITE, lanes, SIGN } from '../math/numbers';
import { GAP, GAP_LOW, MAX, SUM, TRUE } from '../tile/scratch';

/** The rounding error of s = a + b, exactly (Knuth's TwoSum). */
// @ts-ignore: decorator
@inline
export function roundingError(a: v128, b: v128, s: v128): v128 {
  const back = f32x4.sub(s, a);
  return f32x4.add(f32x4.sub(a, f32x4.sub(s, back)), f32x4.sub(b, back));
}

/** The four float64 at `at` as float32. */
// @ts-ignore: decorator
@inline
export function narrow(at: usize): v128 {
  return v128.shuffle<f64>(
    f32x4.demote_f64x2_zero(v128.load(at)),
    f32x4.demote_f64x2_zero(v128.load(at, 16)),
    0, 2,
  );
}

/** The upper two of four float32 as float64. */
// @ts-ignore: decorator
@inline
export function upper(v: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 0, 1));
}

/** The high part of k·ln 2, or −∞ where SUM is 0, as no other class is possible. */
// @ts-ignore: decorator
@inline
function logHigh(s: v128): v128 {
  const none = v128.and(f32x4.eq(s, f32x4.splat(0)), lanes(INFINITE));
  return f32x4.sub(f32x4.mul(exponent(s), lanes(LN2_HIGH)), none);
}

/** ln s without `logHigh`. Adding s − s, which is 0 or NaN, keeps a NaN of SUM. */
// @ts-ignore: decorator
@inline
function logLow(s: v128): v128 {
  return f32x4.add(f32x4.add(logMantissa(s), f32x4.mul(exponent(s), lanes(LN2_LOW))), f32x4.sub(s, s));
}

/**
 * A rounding error, or 0 where it is NaN or at least 1. It is NaN where the gap is infinite. It reaches 1 only where
 * the gap is past 2^23, and there e^−|gap| is 0 anyway.
 */
// @ts-ignore: decorator
@inline
export function finite(error: v128): v128 {
  return v128.and(error, f32x4.lt(f32x4.abs(error), f32x4.splat(1)));
}

/** GAP and GAP_LOW of n samples. */
export function logSumGaps(n: i32): void {
  // in two passes: a single one would be a long chain of operations that wait for one another
  for (let i: usize = 0; i < usize(n) << 2; i += 16) {
    const s = narrow(SUM + (i << 1));
    v128.store(i, logHigh(s), GAP);
    v128.store(i, logLow(s), GAP_LOW);
  }
  for (let i: usize = 0; i < usize(n) << 2; i += 16) {
    const truth = v128.load(i, TRUE);
    const z = v128.xor(truth, lanes(SIGN));
    const m = v128.load(i, MAX);
    const h = v128.load(i, GAP);
    const l = v128.load(i, GAP_LOW);
    const a = f32x4.add(z, m);
    const b = f32x4.add(a, h);
    const gap = f32x4.add(b, l);
    // an infinite logit makes log-softmax NaN, also when it is the true one
    v128.store(i, v128.or(gap, f32x4.eq(truth, lanes(INFINITE))), GAP);
    v128.store(i, finite(f32x4.add(f32x4.add(roundingError(z, m, a), roundingError(a, h, b)), roundingError(b, l, gap))), GAP_LOW);
  }
}
