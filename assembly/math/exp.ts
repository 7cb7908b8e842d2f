/**
 * e^x for x ≤ 0, four lanes.
 *
 * Every kernel here splits the exponent into an integer k and a reduced argument: x = k·ln 2 + r, or x·log₂e = k + f.
 * Adding 1.5·2²³ rounds to an integer, because floats of that size are one apart. The low bits of the sum are then k.
 * The constant holds the bias 127 of float32 exponents, too, so that a shift by 23 turns these bits into 2^k.
 * A polynomial gives e^r or 2^f; scripts/minimax.mjs computes its coefficients.
 */
import { lanes, ONE } from './numbers';

const TABLE: usize = memory.data<f32>([
  1.44269504088896341, // log₂e
  0.6931471805599453, // ln 2, then in two parts: the high one has 9 bits, so that k times it is exact for every k used
  0.693359375,
  -2.12194440e-4,
  12583039.0, // 1.5·2²³ + 127
  -127.0,
  -88.0,
  // 2^f on [−½, ½], max error 1.1e-7
  0.6931470036506653, 0.24022242426872253, 0.05550733581185341, 0.009671512991189957, 0.001326472731307149,
  // e^f on [−ln 2/2, ln 2/2], max error 1.1e-7
  0.499992311000824, 0.16667114198207855, 0.041890114545822144, 0.008312525227665901,
  2.06115324807854e-9, // of the numbers below e^−20 the largest, its bits less 1
]);
export const LOG2E: usize = TABLE;
const LN2: usize = TABLE + 4;
export const LN2_HIGH: usize = TABLE + 8;
export const LN2_LOW: usize = TABLE + 12;
export const MAGIC: usize = TABLE + 16;
export const LOWEST2: usize = TABLE + 20;
export const LOWEST: usize = TABLE + 24;
export const P1: usize = TABLE + 28;
export const P2: usize = TABLE + 32;
export const P3: usize = TABLE + 36;
export const P4: usize = TABLE + 40;
export const P5: usize = TABLE + 44;
export const E2: usize = TABLE + 48;
export const E3: usize = TABLE + 52;
export const E4: usize = TABLE + 56;
export const E5: usize = TABLE + 60;
const E20: usize = TABLE + 64;

/** max(u, −127) for u ≤ 0: below −126, where 2^u is no normal number, `scaledBinary` then gives 0. NaN stays NaN. */
// @ts-ignore: decorator
@inline
export function bounded(u: v128, lowest: v128 = lanes(LOWEST2)): v128 {
  return f32x4.pmax(u, lowest);
}

/** d·log₂e for d ≤ 0, bounded. */
// @ts-ignore: decorator
@inline
export function binary(d: v128, log2e: v128 = lanes(LOG2E), lowest: v128 = lanes(LOWEST2)): v128 {
  return bounded(f32x4.mul(d, log2e), lowest);
}

/** The integer nearest to u, in the low bits of the result. */
// @ts-ignore: decorator
@inline
export function nearest(u: v128, magic: v128 = lanes(MAGIC)): v128 {
  return f32x4.add(u, magic);
}

/** The reduced argument f = u − k, in [−½, ½]. */
// @ts-ignore: decorator
@inline
export function reduced(u: v128, t: v128, magic: v128 = lanes(MAGIC)): v128 {
  return f32x4.sub(u, f32x4.sub(t, magic));
}

/**
 * 2^f · 2^k, k in the low bits of t. Estrin's scheme evaluates the polynomial, as its parts do not wait for one
 * another.
 *
 * After `binary`, `nearest` and `reduced` this is e^d for d ≤ 0, the fast form. It serves sums, in which terms far
 * below the largest hardly count: d·log₂e is rounded once, so the error grows with |d|. Max error 2 + 1.25·|d| ULP;
 * valid range [−87.3, 0]; 0 below −88, NaN for NaN, exactly 1 at 0.
 */
// @ts-ignore: decorator
@inline
export function scaledBinary(
  f: v128, t: v128, p5: v128 = lanes(P5), p4: v128 = lanes(P4), p3: v128 = lanes(P3), p2: v128 = lanes(P2), p1: v128 = lanes(P1),
  one: v128 = lanes(ONE),
): v128 {
  const w = f32x4.mul(f, f);
  const high = f32x4.add(f32x4.mul(p5, f), p4);
  const middle = f32x4.add(f32x4.mul(p3, f), p2);
  const low = f32x4.mul(p1, f);
  const p = f32x4.add(f32x4.add(f32x4.mul(f32x4.add(f32x4.mul(high, w), middle), w), low), one);
  return f32x4.mul(p, i32x4.shl(t, 23));
}

/** max(x, −88), below which `scaled` gives 0. NaN stays NaN. */
// @ts-ignore: decorator
@inline
export function clamped(x: v128, lowest: v128 = lanes(LOWEST)): v128 {
  return f32x4.pmax(x, lowest);
}

/** The multiple of ln 2 nearest to `a`, in the low bits of the result. */
// @ts-ignore: decorator
@inline
export function multiple(a: v128, log2e: v128 = lanes(LOG2E), magic: v128 = lanes(MAGIC)): v128 {
  return nearest(f32x4.mul(a, log2e), magic);
}

/** The reduced argument r = a − k·ln 2, k in the low bits of t; ln 2 in two parts, so that k·ln 2 is exact. */
// @ts-ignore: decorator
@inline
export function remainder(
  a: v128, t: v128, magic: v128 = lanes(MAGIC), high: v128 = lanes(LN2_HIGH), low: v128 = lanes(LN2_LOW),
): v128 {
  const k = f32x4.sub(t, magic);
  return f32x4.sub(f32x4.sub(a, f32x4.mul(k, high)), f32x4.mul(k, low));
}

/** e^f · 2^k, k in the low bits of t, f in [−ln 2/2, ln 2/2]; by Estrin's scheme. */
// @ts-ignore: decorator
@inline
export function scaled(
  f: v128, t: v128, e5: v128 = lanes(E5), e4: v128 = lanes(E4), e3: v128 = lanes(E3), e2: v128 = lanes(E2), one: v128 = lanes(ONE),
): v128 {
  const w = f32x4.mul(f, f);
  const high = f32x4.add(f32x4.mul(e5, f), e4);
  const middle = f32x4.add(f32x4.mul(e3, f), e2);
  const p = f32x4.add(f32x4.add(f32x4.mul(f32x4.add(f32x4.mul(high, w), middle), w), f), one);
  return f32x4.mul(p, i32x4.shl(t, 23));
}

/**
 * e^x for x ≤ 0, the accurate form. The focal core does its two halves, `remainder` and `scaled`, in a pass each.
 * Max error 2.5 ULP over the whole valid range [−87.3, 0]; 0 below −88, NaN for NaN, exactly 1 at 0.
 */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  const a = clamped(x);
  const t = multiple(a);
  return scaled(remainder(a, t), t);
}

/** The bits of e ≥ 0 minus 1. Unsigned, they keep the order of floats, but zero becomes the largest of all. */
// @ts-ignore: decorator
@inline
export function lessOne(e: v128): v128 {
  return i32x4.add(e, i32x4.splat(-1));
}

/** Lanes where 0 < e^d < e^−20, from `lessOne`: there the error of the fast form is too much for a gradient. */
// @ts-ignore: decorator
@inline
export function belowE20(bits: v128): v128 {
  // V8 has four instructions for lt_u, two for this
  return i32x4.eq(i32x4.min_u(bits, lanes(E20)), bits);
}

/** Whether any of eight exponentials has to be made again by `restored`. */
// @ts-ignore: decorator
@inline
export function anyBelowE20(e0: v128, e1: v128): bool {
  return v128.any_true(belowE20(i32x4.min_u(lessOne(e0), lessOne(e1))));
}

/**
 * e^(z − m), z ≤ m, for gradients: the fast form e, corrected where it lies below e^−20. The correction adds e·(c +
 * low), where `low` is what the rounding of z − m lost, and c what that of the product with log₂e lost. Max error 32
 * ULP above e^−20, 3 ULP below; valid range of z − m [−87.3, 0].
 */
// @ts-ignore: decorator
@inline
export function restored(z: v128, m: v128): v128 {
  const d = f32x4.sub(z, m);
  const u = binary(d);
  const t = nearest(u);
  const k = f32x4.sub(t, lanes(MAGIC));
  const f = f32x4.sub(u, k);
  const e = scaledBinary(f, t);
  // z − m − d exactly (Knuth's TwoSum). It is NaN where z is −∞, but e is 0 there, and `belowE20` leaves zeros alone.
  const back = f32x4.sub(d, z);
  const low = f32x4.sub(f32x4.sub(z, f32x4.sub(d, back)), f32x4.add(m, back));
  let c = f32x4.sub(clamped(d), f32x4.mul(k, lanes(LN2_HIGH)));
  c = f32x4.sub(f32x4.sub(c, f32x4.mul(f, lanes(LN2))), f32x4.mul(k, lanes(LN2_LOW)));
  return f32x4.add(e, v128.and(f32x4.mul(e, f32x4.add(c, low)), belowE20(lessOne(e))));
}
