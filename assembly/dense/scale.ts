/** Probabilities and their logarithms, where logits are expected, become these in the tile's copy. */
import { exp, lanes, ONE } from '../math/exp';
import { log } from '../math/log';
import { maskOf } from '../softmax/margin';

const TABLE: usize = memory.data<f32>([
  0.0, Infinity, -Infinity, 1.1754943508222875e-38, 16777216.0, 16.635532333438687, -0.5,
  // (e^x − 1)/x on [−½, 0]
  1.0, 0.5, 0.16666667, 0.041666668, 0.008333334, 0.0013888889, 0.0001984127, 0.0000248016,
]);
const ZERO: usize = TABLE;
const INFINITE: usize = TABLE + 4;
const NEGATIVE: usize = TABLE + 8;
const SMALLEST: usize = TABLE + 12;
/** 2^24 and its logarithm. */
const RAISE: usize = TABLE + 16;
const RAISED: usize = TABLE + 20;
const NEAR: usize = TABLE + 24;
const SERIES: usize = TABLE + 28;
const TERMS: i32 = 8;

/** ln x for every x, −∞ for 0, NaN below. */
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

/**
 * Make logits of n numbers, nothing behind them being written: of probabilities ln p (1, softmax) or ln(p/(1 − p)) (2,
 * one-vs-rest); of logarithms of probabilities for one-vs-rest ln p − ln(1 − p) (3). Max error 4 ULP of the logarithms. What is
 * no probability becomes NaN.
 */
export function toLogits(at: usize, n: i32, scale: i32): void {
  for (let left = n << 2; left > 0; left -= 16, at += 16) {
    const x = v128.load(at);
    let z = x;
    if (scale == 1) z = logarithm(x);
    else if (scale == 2) z = logarithm(f32x4.div(x, f32x4.sub(lanes(ONE), x)));
    else z = f32x4.sub(x, logarithm(oneMinusExp(x)));
    v128.store(at, v128.bitselect(z, x, v128.load(maskOf(min(left, 16)))));
  }
}
