/**
 * x = z_y − LSE_{c≠y}(z) from TRUE, MAX and SUM, to more than float32: MARGIN + MARGIN_LOW. The logarithm comes in two
 * parts, k·ln 2 rounded to a few bits and a small rest, and every rounding on the way is kept in MARGIN_LOW, so that the
 * error of the margin is that of SUM and of the logits alone.
 */
import { LN2_HIGH, LN2_LOW } from './exp';
import { exponent, logMantissa } from './log';
import { MARGIN, MARGIN_LOW, MAX, SUM, TRUE } from './scratch';

const INFINITIES: usize = memory.data<f32>([Infinity, Infinity, Infinity, Infinity], 16);

/** a + b − s, exactly, where s is their rounded sum (Knuth's TwoSum). */
// @ts-ignore: decorator
@inline
function lost(a: v128, b: v128, s: v128): v128 {
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

export function margins(n: i32): void {
  const infinity = v128.load(INFINITIES);
  for (let i: usize = 0; i < usize(n) << 2; i += 16) {
    const z = v128.load(TRUE + i);
    const m = f32x4.neg(v128.load(MAX + i));
    const s = narrow(SUM + (i << 1));
    const k = exponent(s);
    // no other class is possible: SUM is 0, its logarithm −∞; a NaN in SUM shows in s − s
    const none = v128.and(f32x4.eq(s, f32x4.splat(0)), infinity);
    const high = f32x4.sub(none, f32x4.mul(k, v128.load(LN2_HIGH)));
    const low = f32x4.add(
      f32x4.add(logMantissa(s), f32x4.mul(k, v128.load(LN2_LOW))),
      f32x4.sub(s, s),
    );
    const a = f32x4.add(z, m);
    const b = f32x4.add(a, high);
    const x = f32x4.sub(b, low);
    let rest = f32x4.add(lost(z, m, a), lost(a, high, b));
    rest = f32x4.add(rest, lost(b, f32x4.neg(low), x));
    // +∞ among the logits makes log-softmax NaN, at the true class too
    v128.store(MARGIN + i, v128.or(x, f32x4.eq(z, infinity)));
    v128.store(MARGIN_LOW + i, v128.and(rest, f32x4.eq(rest, rest)));
  }
}
