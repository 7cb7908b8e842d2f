/** Convert a loaded array in its place: other number types to float32, probabilities to logits. */
import { HALVES, ODDS, PROBABILITIES } from '../../bindings/backend/constants';
import { exp } from '../math/exp';
import { log } from '../math/log';
import { INFINITE, lanes, maskOf, ONE, SMALLEST, ZERO } from '../math/numbers';

const TABLE: usize = memory.data<f32>([
  -Infinity, 16777216.0, 16.635532333438687, -0.5,
  // (e^x − 1)/x on [−½, 0]
  1.0, 0.5, 0.16666667, 0.041666668, 0.008333334, 0.0013888889, 0.0001984127, 0.0000248016,
]);
const NEGATIVE: usize = TABLE;
/** 2^24 and its logarithm. */
const RAISE: usize = TABLE + 4;
const RAISED: usize = TABLE + 8;
const NEAR: usize = TABLE + 12;
const SERIES: usize = TABLE + 16;
const TERMS: i32 = 8;

/** Four float16 in the low halves of i32 lanes: subnormals come out right because 2^112 scales them exactly. */
// @ts-ignore: decorator
@inline
function float32Of(h: v128): v128 {
  const magnitude = v128.and(h, i32x4.splat(0x7fff));
  const value = f32x4.mul(i32x4.shl(magnitude, 13), f32x4.splat(5.192296858534828e33)); // 2^112
  const special = v128.and(i32x4.ge_s(magnitude, i32x4.splat(0x7c00)), i32x4.splat(0x7f800000));
  return v128.or(v128.or(value, special), i32x4.shl(i32x4.shr_u(h, 15), 31));
}

/** n float16 at the end of the n·4 bytes at `to`. Reads up to 6 bytes past the last. */
function widenHalves(to: usize, n: i32): void {
  let from = to + (usize(n) << 1);
  for (let i = n >> 2; i; i--, from += 8, to += 16) v128.store(to, float32Of(v128.load_ext<u16>(from)));
  const left = n & 3;
  if (!left) return;
  const last = float32Of(v128.load_ext<u16>(from));
  v128.store_lane<f32>(to, last, 0);
  if (left > 1) v128.store_lane<f32>(to, last, 1, 4);
  if (left > 2) v128.store_lane<f32>(to, last, 2, 8);
}

/** ln x for every float32 x, subnormal ones included: −∞ for 0, NaN below. */
function logarithm(x: v128): v128 {
  const small = f32x4.lt(x, lanes(SMALLEST));
  const raised = v128.bitselect(f32x4.mul(x, lanes(RAISE)), x, small);
  const plain = f32x4.sub(log(raised), v128.and(lanes(RAISED), small));
  const finite = v128.bitselect(lanes(NEGATIVE), plain, f32x4.eq(x, lanes(ZERO)));
  const all = v128.bitselect(x, finite, f32x4.eq(x, lanes(INFINITE)));
  return v128.bitselect(all, f32x4.splat(NaN), f32x4.ge(x, lanes(ZERO)));
}

/** 1 − e^x for x ≤ 0. */
function oneMinusExp(x: v128): v128 {
  let series = lanes(SERIES + 4 * (TERMS - 1));
  for (let i = TERMS - 2; i >= 0; i--) series = f32x4.add(f32x4.mul(series, x), lanes(SERIES + (usize(i) << 2)));
  const near = f32x4.neg(f32x4.mul(x, series));
  return v128.bitselect(near, f32x4.sub(lanes(ONE), exp(x)), f32x4.gt(x, lanes(NEAR)));
}

/** Max error 4 ULP of the logarithms. What is no probability becomes NaN. */
function toLogits(at: usize, n: i32, from: i32): void {
  for (let left = n << 2; left > 0; left -= 16, at += 16) {
    const x = v128.load(at);
    let z = x;
    if (from == PROBABILITIES) z = logarithm(x);
    else if (from == ODDS) z = logarithm(f32x4.div(x, f32x4.sub(lanes(ONE), x)));
    else z = f32x4.sub(x, logarithm(oneMinusExp(x)));
    v128.store(at, v128.bitselect(z, x, v128.load(maskOf(min(left, 16)))));
  }
}

export function convert(at: usize, n: i32, from: i32): void {
  if (from == HALVES) widenHalves(at, n);
  else toLogits(at, n, from);
}
