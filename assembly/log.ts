/**
 * Logarithms, four lanes, by ln((1+s)/(1−s)) = 2·atanh(s) = s·(2 + ⅔s² + …). Polynomials: minimax.mjs.
 */
import { ONE, LN2_HIGH, LN2_LOW } from './exp';

const TWO: usize = memory.data<f32>([2.0, 2.0, 2.0, 2.0], 16);
/** Bits of √½: what is subtracted so that the mantissa falls in [√½, √2). */
const SQRT_HALF: usize = memory.data<i32>([0x3f3504f3, 0x3f3504f3, 0x3f3504f3, 0x3f3504f3], 16);

// 2·atanh(u)/u over u², u ≤ ⅓, max error 2.0e-7
const A1: usize = memory.data<f32>([0.6667348146438599, 0.6667348146438599, 0.6667348146438599, 0.6667348146438599], 16);
const A2: usize = memory.data<f32>([0.39635971188545227, 0.39635971188545227, 0.39635971188545227, 0.39635971188545227], 16);
const A3: usize = memory.data<f32>([0.339835524559021, 0.339835524559021, 0.339835524559021, 0.339835524559021], 16);

// 2·atanh(s)/s over s², s ≤ (√2−1)/(√2+1), max error 8.3e-10
const L1: usize = memory.data<f32>([0.6666677594184875, 0.6666677594184875, 0.6666677594184875, 0.6666677594184875], 16);
const L2: usize = memory.data<f32>([0.39977574348449707, 0.39977574348449707, 0.39977574348449707, 0.39977574348449707], 16);
const L3: usize = memory.data<f32>([0.29870936274528503, 0.29870936274528503, 0.29870936274528503, 0.29870936274528503], 16);

/** The exponent k of s = m·2^k with m in [√½, √2). */
// @ts-ignore: decorator
@inline
export function exponent(s: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.shr_s(i32x4.sub(s, v128.load(SQRT_HALF)), 23));
}

/** ln m of s = m·2^k with m in [√½, √2), s positive and normal. Max error 3 ULP. */
// @ts-ignore: decorator
@inline
export function logMantissa(s: v128): v128 {
  const k = i32x4.shr_s(i32x4.sub(s, v128.load(SQRT_HALF)), 23);
  const m = i32x4.sub(s, i32x4.shl(k, 23));
  const r = f32x4.div(f32x4.sub(m, v128.load(ONE)), f32x4.add(m, v128.load(ONE)));
  const w = f32x4.mul(r, r);
  let p = f32x4.add(f32x4.mul(v128.load(L3), w), v128.load(L2));
  p = f32x4.add(f32x4.mul(p, w), v128.load(L1));
  p = f32x4.add(f32x4.mul(p, w), v128.load(TWO));
  return f32x4.mul(p, r);
}

/** ln s for s positive and normal. Max error 3 ULP. */
// @ts-ignore: decorator
@inline
export function log(s: v128): v128 {
  const k = exponent(s);
  return f32x4.add(
    f32x4.mul(k, v128.load(LN2_HIGH)),
    f32x4.add(f32x4.mul(k, v128.load(LN2_LOW)), logMantissa(s)),
  );
}

/**
 * ln(1 + t) for t in [0, 1], given u = t/(2 + t), which the caller shares with other quotients.
 * Max error 6 ULP with u as rounded by the caller.
 */
// @ts-ignore: decorator
@inline
export function log1pFrom(u: v128): v128 {
  const w = f32x4.mul(u, u);
  let p = f32x4.add(f32x4.mul(v128.load(A3), w), v128.load(A2));
  p = f32x4.add(f32x4.mul(p, w), v128.load(A1));
  p = f32x4.add(f32x4.mul(p, w), v128.load(TWO));
  return f32x4.mul(p, u);
}
