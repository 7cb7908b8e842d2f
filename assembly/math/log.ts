/**
 * Logarithms, four lanes, by ln((1+s)/(1−s)) = 2·atanh(s) = s·(2 + ⅔s² + …). Polynomials: minimax.mjs.
 */
import { LN2_HIGH, LN2_LOW } from './exp';
import { lanes, ONE } from './numbers';

const TABLE: usize = memory.data<f32>([
  2.0,
  0.7071067690849304, // √½, rounded down: what is subtracted, as bits, so that the mantissa falls in [√½, √2)
  // 2·atanh(u)/u over u², u ≤ ⅓, max error 2.0e-7
  0.6667348146438599, 0.39635971188545227, 0.339835524559021,
  // 2·atanh(s)/s over s², s ≤ (√2−1)/(√2+1), max error 8.3e-10
  0.6666677594184875, 0.39977574348449707, 0.29870936274528503,
]);
export const TWO: usize = TABLE;
const SQRT_HALF: usize = TABLE + 4;
export const A1: usize = TABLE + 8;
export const A2: usize = TABLE + 12;
export const A3: usize = TABLE + 16;
const L1: usize = TABLE + 20;
const L2: usize = TABLE + 24;
const L3: usize = TABLE + 28;

/** The exponent k of s = m·2^k with m in [√½, √2). */
// @ts-ignore: decorator
@inline
export function exponent(s: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.shr_s(i32x4.sub(s, lanes(SQRT_HALF)), 23));
}

/** ln m of s = m·2^k with m in [√½, √2), s positive and normal. Max error 3 ULP. */
// @ts-ignore: decorator
@inline
export function logMantissa(s: v128): v128 {
  const k = i32x4.shr_s(i32x4.sub(s, lanes(SQRT_HALF)), 23);
  const m = i32x4.sub(s, i32x4.shl(k, 23));
  const r = f32x4.div(f32x4.sub(m, lanes(ONE)), f32x4.add(m, lanes(ONE)));
  const w = f32x4.mul(r, r);
  let p = f32x4.add(f32x4.mul(lanes(L3), w), lanes(L2));
  p = f32x4.add(f32x4.mul(p, w), lanes(L1));
  p = f32x4.add(f32x4.mul(p, w), lanes(TWO));
  return f32x4.mul(p, r);
}

/** ln s for s positive and normal. Max error 3 ULP. */
// @ts-ignore: decorator
@inline
export function log(s: v128): v128 {
  const k = exponent(s);
  return f32x4.add(
    f32x4.mul(k, lanes(LN2_HIGH)),
    f32x4.add(f32x4.mul(k, lanes(LN2_LOW)), logMantissa(s)),
  );
}

/**
 * ln(1 + t) for t in [0, 1], given u = t/(2 + t), which the caller shares with other quotients.
 * Max error 6 ULP with u as rounded by the caller.
 */
// @ts-ignore: decorator
@inline
export function log1pFrom(
  u: v128, a3: v128 = lanes(A3), a2: v128 = lanes(A2), a1: v128 = lanes(A1), two: v128 = lanes(TWO),
): v128 {
  const w = f32x4.mul(u, u);
  const high = f32x4.add(f32x4.mul(a3, w), a2);
  const rest = f32x4.add(f32x4.mul(high, f32x4.mul(w, w)), f32x4.mul(a1, w));
  return f32x4.mul(f32x4.add(rest, two), u);
}
