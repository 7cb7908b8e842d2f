/**
 * Numbers that kernels load into all lanes, from a table in memory: V8 rebuilds the splat of a literal in every
 * iteration of a loop. Loops that matter read them into locals first and pass them as arguments, because no engine can
 * know that a loop's stores leave the table alone.
 */

const TABLE: usize = memory.data<f32>(
  [0.0, 1.0, -0.0, 0.5, 3.4028234663852886e38, 1.1754943508222875e-38, Infinity], 16,
);
export const ZERO: usize = TABLE;
/** 0 and 1, side by side. */
export const ZERO_AND_ONE: usize = TABLE;
export const ONE: usize = TABLE + 4;
/** −0: the sign bit alone. */
export const SIGN: usize = TABLE + 8;
export const HALF: usize = TABLE + 12;
/** The largest float32, and the smallest normal one. */
export const LARGEST: usize = TABLE + 16;
export const SMALLEST: usize = TABLE + 20;
export const INFINITE: usize = TABLE + 24;

/** The number at an address in four lanes. */
// @ts-ignore: decorator
@inline
export function lanes(at: usize): v128 {
  return v128.load_splat<f32>(at);
}

/** 8 words of ones, then 8 of zeros. Read from n words before the zeros, they are a mask of the first n lanes. */
const ONES_THEN_ZEROS: usize = memory.data<i32>([-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0], 16);

/** Address of a mask over eight lanes that has ones in the first `left` bytes, at most 32. */
// @ts-ignore: decorator
@inline
export function maskOf(left: usize): usize {
  return ONES_THEN_ZEROS + 32 - left;
}
