/** float16 → float32, exactly. */

/** Four float16 in the low halves of i32 lanes: subnormals come out right because 2^112 scales them exactly. */
// @ts-ignore: decorator
@inline
function float32Of(h: v128): v128 {
  const magnitude = v128.and(h, i32x4.splat(0x7fff));
  const value = f32x4.mul(i32x4.shl(magnitude, 13), f32x4.splat(5.192296858534828e33)); // 2^112
  const special = v128.and(i32x4.ge_s(magnitude, i32x4.splat(0x7c00)), i32x4.splat(0x7f800000));
  return v128.or(v128.or(value, special), i32x4.shl(i32x4.shr_u(h, 15), 31));
}

/**
 * Widen n float16 values in place: they lie at the end of the n·4 bytes at `to`, so that each group of four is read
 * before anything is written over it. Reads up to 6 bytes past the last value, writes none past it.
 */
export function widen(to: usize, n: i32): void {
  let from = to + (usize(n) << 1);
  for (let i = n >> 2; i; i--, from += 8, to += 16) v128.store(to, float32Of(v128.load_ext<u16>(from)));
  const rest = n & 3;
  if (!rest) return;
  const last = float32Of(v128.load_ext<u16>(from));
  v128.store_lane<f32>(to, last, 0);
  if (rest > 1) v128.store_lane<f32>(to, last, 1, 4);
  if (rest > 2) v128.store_lane<f32>(to, last, 2, 8);
}
