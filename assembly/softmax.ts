/**
 * The passes of the softmax variant, in order: `largest` over every chunk of the classes of a tile of samples, then
 * `exponentials` over every chunk; `gaps` and `core` once; for gradients `factors` once, then
 * `gradients` over every chunk. A tile that holds all classes is opened once and goes through them all.
 */
import { FACTOR, SLOPE, SUM } from './scratch';
import { planesMax, planesScale, planesSum } from './margin-planes';
import { rowsMax, rowsScale, rowsSum } from './margin-rows';
import { logSumGaps, narrow } from './margin';
import { pairGaps, pairGradients } from './margin-pair';
import { base, pair, planar, put } from './tile';

const SIGN_BIT: u32 = 0x80000000;

export function largest(): void {
  if (pair) pairGaps();
  else if (planar) planesMax();
  else rowsMax();
}

/** With `keep`, what is exponentiated stays in the tile for the gradient. */
export function exponentials(keep: bool): void {
  if (pair) return;
  if (planar) planesSum(keep);
  else rowsSum(keep);
}

/** GAP of the n samples, all classes having gone by. */
export function gaps(n: i32): void {
  if (!pair) logSumGaps(n);
}

/** FACTOR = SLOPE/SUM; 0 where SLOPE is, whatever SUM is: ignored samples, and those with no other possible class. */
export function factors(n: i32): void {
  if (pair) return;
  for (let i: usize = 0; i < usize(n) << 2; i += 16) {
    const slope = v128.load(i, SLOPE);
    const factor = f32x4.div(slope, narrow(SUM + (i << 1)));
    v128.store(i, v128.and(factor, f32x4.ne(slope, f32x4.splat(0))), FACTOR);
  }
}

/** Turn what was kept into the gradient, the true class included. */
export function gradients(): void {
  if (pair) return pairGradients();
  if (planar) planesScale();
  else rowsScale();
  put(base, SLOPE, SIGN_BIT);
}
