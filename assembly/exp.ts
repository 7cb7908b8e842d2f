/**
 * e^x for x ≤ 0, four lanes.
 *
 * Both kernels write x = k·ln 2 + r with k an integer found by adding and subtracting 1.5·2²³, so that the low bits of
 * the sum are k; the bias 127 is added along with it, and a shift by 23 makes 2^k. Constants come from memory, four
 * lanes each: V8 rebuilds a splat in every iteration of a loop. Polynomials: minimax.mjs.
 */

const LOG2E: usize = memory.data<f32>([1.44269504088896341, 1.44269504088896341, 1.44269504088896341, 1.44269504088896341], 16);
const LN2: usize = memory.data<f32>([0.6931471805599453, 0.6931471805599453, 0.6931471805599453, 0.6931471805599453], 16);
/** ln 2 in two parts; the high one has 9 bits, so that k·LN2_HIGH is exact for every k used. */
export const LN2_HIGH: usize = memory.data<f32>([0.693359375, 0.693359375, 0.693359375, 0.693359375], 16);
export const LN2_LOW: usize = memory.data<f32>([-2.12194440e-4, -2.12194440e-4, -2.12194440e-4, -2.12194440e-4], 16);
/** 1.5·2²³ + 127 */
const MAGIC: usize = memory.data<f32>([12583039.0, 12583039.0, 12583039.0, 12583039.0], 16);
export const SIGN: usize = memory.data<u32>([0x80000000, 0x80000000, 0x80000000, 0x80000000], 16);
export const ONE: usize = memory.data<f32>([1.0, 1.0, 1.0, 1.0], 16);

// 2^f on [−½, ½], max error 1.1e-7
const P1: usize = memory.data<f32>([0.6931470036506653, 0.6931470036506653, 0.6931470036506653, 0.6931470036506653], 16);
const P2: usize = memory.data<f32>([0.24022242426872253, 0.24022242426872253, 0.24022242426872253, 0.24022242426872253], 16);
const P3: usize = memory.data<f32>([0.05550733581185341, 0.05550733581185341, 0.05550733581185341, 0.05550733581185341], 16);
const P4: usize = memory.data<f32>([0.009671512991189957, 0.009671512991189957, 0.009671512991189957, 0.009671512991189957], 16);
const P5: usize = memory.data<f32>([0.001326472731307149, 0.001326472731307149, 0.001326472731307149, 0.001326472731307149], 16);
const LOWEST2: usize = memory.data<f32>([-127.0, -127.0, -127.0, -127.0], 16);

// e^f on [−ln 2/2, ln 2/2], max error 1.1e-7
const E2: usize = memory.data<f32>([0.499992311000824, 0.499992311000824, 0.499992311000824, 0.499992311000824], 16);
const E3: usize = memory.data<f32>([0.16667114198207855, 0.16667114198207855, 0.16667114198207855, 0.16667114198207855], 16);
const E4: usize = memory.data<f32>([0.041890114545822144, 0.041890114545822144, 0.041890114545822144, 0.041890114545822144], 16);
const E5: usize = memory.data<f32>([0.008312525227665901, 0.008312525227665901, 0.008312525227665901, 0.008312525227665901], 16);
const LOWEST: usize = memory.data<f32>([-88.0, -88.0, -88.0, -88.0], 16);

/** d·log₂e for d ≤ 0, clamped. */
// @ts-ignore: decorator
@inline
export function binary(d: v128): v128 {
  return f32x4.pmax(f32x4.mul(d, v128.load(LOG2E)), v128.load(LOWEST2));
}

/** The integer nearest to u, in the low bits of the result. */
// @ts-ignore: decorator
@inline
export function nearest(u: v128): v128 {
  return f32x4.add(u, v128.load(MAGIC));
}

/** u less that integer */
// @ts-ignore: decorator
@inline
export function rest(u: v128, t: v128): v128 {
  return f32x4.sub(u, f32x4.sub(t, v128.load(MAGIC)));
}

/** 2^f · 2^k, k in the low bits of t; by Estrin's scheme, whose parts do not wait for one another. */
// @ts-ignore: decorator
@inline
export function scaledBinary(f: v128, t: v128): v128 {
  const w = f32x4.mul(f, f);
  const high = f32x4.add(f32x4.mul(v128.load(P5), f), v128.load(P4));
  const middle = f32x4.add(f32x4.mul(v128.load(P3), f), v128.load(P2));
  const low = f32x4.mul(v128.load(P1), f);
  const p = f32x4.add(f32x4.add(f32x4.mul(f32x4.add(f32x4.mul(high, w), middle), w), low), v128.load(ONE));
  return f32x4.mul(p, i32x4.shl(t, 23));
}

/**
 * e^d for d ≤ 0 in the fast form, for sums in which terms far below the largest hardly count.
 * Max error 2 + 1.25·|d| ULP, valid range [−87.3, 0]; 0 below −88, NaN for NaN, exactly 1 at 0.
 */
// @ts-ignore: decorator
@inline
export function expFast(d: v128): v128 {
  const u = binary(d);
  const t = nearest(u);
  return scaledBinary(rest(u, t), t);
}

// @ts-ignore: decorator
@inline
export function clamped(x: v128): v128 {
  return f32x4.pmax(x, v128.load(LOWEST));
}

/** The multiple of ln 2 nearest to `a`, in the low bits of the result. */
// @ts-ignore: decorator
@inline
export function multiple(a: v128): v128 {
  return f32x4.add(f32x4.mul(a, v128.load(LOG2E)), v128.load(MAGIC));
}

/** a − k·ln 2, k in the low bits of t */
// @ts-ignore: decorator
@inline
export function remainder(a: v128, t: v128): v128 {
  const k = f32x4.sub(t, v128.load(MAGIC));
  return f32x4.sub(f32x4.sub(a, f32x4.mul(k, v128.load(LN2_HIGH))), f32x4.mul(k, v128.load(LN2_LOW)));
}

/** e^f · 2^k, k in the low bits of t; likewise. */
// @ts-ignore: decorator
@inline
export function scaled(f: v128, t: v128): v128 {
  const w = f32x4.mul(f, f);
  const high = f32x4.add(f32x4.mul(v128.load(E5), f), v128.load(E4));
  const middle = f32x4.add(f32x4.mul(v128.load(E3), f), v128.load(E2));
  const p = f32x4.add(f32x4.add(f32x4.mul(f32x4.add(f32x4.mul(high, w), middle), w), f), v128.load(ONE));
  return f32x4.mul(p, i32x4.shl(t, 23));
}

/**
 * e^x for x ≤ 0. Max error 2.5 ULP over the whole valid range [−87.3, 0]; 0 below −88, NaN for NaN, exactly 1 at 0.
 */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  const a = clamped(x);
  const t = multiple(a);
  return scaled(remainder(a, t), t);
}

/** Bits of e^−20, below which the error of expFast is too much for a gradient; minus 1, as zero is no small number here. */
const FAR: u32 = 0x310da432;

/** Lanes of e^d that `restored` changes: 0 < e^d < e^−20. Zero wraps round and is none of them. */
// @ts-ignore: decorator
@inline
export function far(e: v128): v128 {
  return i32x4.lt_u(i32x4.sub(e, i32x4.splat(1)), i32x4.splat(FAR));
}

/**
 * For gradients: e^(z − m) from e = expFast(d) with d = z − m as rounded, z ≤ m. Where that lies below e^−20, what the
 * rounding of d and of its product with log₂e left over is put back. Max error 32 ULP above, 3 ULP below; valid range
 * [−87.3, 0].
 */
// @ts-ignore: decorator
@inline
export function restored(e: v128, z: v128, m: v128, d: v128): v128 {
  // as in expFast
  const u = binary(d);
  const k = f32x4.sub(nearest(u), v128.load(MAGIC));
  const f = f32x4.sub(u, k);
  // z − m − d exactly (Knuth's TwoSum); NaN where z is −∞, where e is 0 and stays it
  const back = f32x4.sub(d, z);
  const low = f32x4.sub(f32x4.sub(z, f32x4.sub(d, back)), f32x4.add(m, back));
  let c = f32x4.sub(f32x4.pmax(d, v128.load(LOWEST)), f32x4.mul(k, v128.load(LN2_HIGH)));
  c = f32x4.sub(f32x4.sub(c, f32x4.mul(f, v128.load(LN2))), f32x4.mul(k, v128.load(LN2_LOW)));
  return f32x4.add(e, v128.and(f32x4.mul(e, f32x4.add(c, low)), far(e)));
}
