/**
 * The gap LSE_{c≠y}(z) − z_y, which is the margin negated, from TRUE, MAX and SUM, to more than float32: GAP + GAP_LOW.
 * The logarithm comes in two parts, k·ln 2 rounded to a few bits and a small rest, and every rounding on the way is
 * kept in GAP_LOW, so that the error of the gap is that of SUM and of the logits alone.
 */
import { lanes, LN2_HIGH, LN2_LOW, SIGN } from '../math/exp';
import { exponent, logMantissa } from '../math/log';
import { GAP, GAP_LOW, MAX, SUM, TRUE } from '../tile/scratch';

const INFINITIES: usize = memory.data<f32>([Infinity]);

/** 8 words of ones, then 8 of zeros: n words before the zeros begins a mask of the first n lanes. */
const ONES_THEN_ZEROS: usize = memory.data<i32>([-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0], 16);

/** Address of the masks of the eight lanes of which `left` bytes, at most 32, fill the first. */
// @ts-ignore: decorator
@inline
export function maskOf(left: usize): usize {
  return ONES_THEN_ZEROS + 32 - left;
}

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

/** Two float64 from the upper two of four float32. */
// @ts-ignore: decorator
@inline
export function upper(v: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 0, 1));
}

/** k·ln 2, its high part; −∞ where no other class is possible and SUM is 0. */
// @ts-ignore: decorator
@inline
function logHigh(s: v128): v128 {
  const none = v128.and(f32x4.eq(s, f32x4.splat(0)), lanes(INFINITIES));
  return f32x4.sub(f32x4.mul(exponent(s), lanes(LN2_HIGH)), none);
}

/** The rest of ln s; a NaN in SUM shows in s − s. */
// @ts-ignore: decorator
@inline
function logLow(s: v128): v128 {
  return f32x4.add(f32x4.add(logMantissa(s), f32x4.mul(exponent(s), lanes(LN2_LOW))), f32x4.sub(s, s));
}

/**
 * What was lost, as far as it matters: 0 where the gap is infinite (and this NaN), and where it is so large (past 2^23)
 * that its decay is 0 whatever was lost.
 */
// @ts-ignore: decorator
@inline
export function finite(rest: v128): v128 {
  return v128.and(rest, f32x4.lt(f32x4.abs(rest), f32x4.splat(1)));
}

export function logSumGaps(n: i32): void {
  // in two passes, as one would be a long chain of operations
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
    // +∞ among the logits makes log-softmax NaN, at the true class too
    v128.store(i, v128.or(gap, f32x4.eq(truth, lanes(INFINITIES))), GAP);
    v128.store(i, finite(f32x4.add(f32x4.add(lost(z, m, a), lost(a, h, b)), lost(b, l, gap))), GAP_LOW);
  }
}
