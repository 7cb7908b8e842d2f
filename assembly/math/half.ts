/** float16 → float32, exactly. */

/** Four float16 in the low halves of i32 lanes: subnormals come out right because 2^112 scales them exactly. */
// @ts-ignore: decorator
@inline
function widened(h: v128): v128 {
  const magnitude = v128.and(h, i32x4.splat(0x7fff));
  const value = f32x4.mul(i32x4.shl(magnitude, 13), f32x4.splat(5.192296858534828e33)); // 2^112
  const special = v128.and(i32x4.ge_s(magnitude, i32x4.splat(0x7c00)), i32x4.splat(0x7f800000));
  return v128.or(v128.or(value, special), i32x4.shl(i32x4.shr_u(h, 15), 31));
}

/**
 * Widen n float16 values in place: they lie at the end of the n·4 bytes at `to`, so that each group of four is read
 * before anything is written over it. Up to three lanes past the last value are written too.
 */
export function widenHalf(to: usize, n: i32): void {
  let from = to + (usize(n) << 1);
  for (let i = 0; i < n; i += 4, from += 8, to += 16) v128.store(to, widened(v128.load_ext<u16>(from)));
}
