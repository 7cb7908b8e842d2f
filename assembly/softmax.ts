/**
 * The passes of the softmax variant, in order: `largest` over every chunk of the classes of a tile of samples, then
 * `exponentials` over every chunk; `sampleLosses` once; for gradients `gradients` over every chunk. A tile that holds all
 * classes is opened once and goes through them all.
 */
import { core, coreAndEntropies } from './focal';
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

/** With `keep`, what is exponentiated is kept for the gradient, in the form of the tile; where. */
export function exponentials(keep: bool): usize {
  if (pair) return base;
  if (!planar) return rowsSum(keep);
  planesSum(keep);
  return base;
}

/** GAP of the n samples, all classes having gone by. */
function gaps(n: i32): void {
  if (!pair) logSumGaps(n);
}

/** FACTOR = SLOPE/SUM; 0 where SLOPE is, whatever SUM is: ignored samples, and those with no other possible class. */
function factors(n: i32): void {
  for (let i: usize = 0; i < usize(n) << 2; i += 16) {
    const slope = v128.load(i, SLOPE);
    const factor = f32x4.div(slope, narrow(SUM + (i << 1)));
    v128.store(i, v128.and(factor, f32x4.ne(slope, f32x4.splat(0))), FACTOR);
  }
}

/** LOSS of the n samples, all classes having gone by; with `grad` also what the gradient is made of. */
export function sampleLosses(n: i32, grad: bool): void {
  gaps(n);
  core(n, grad);
  if (grad && !pair) factors(n);
}

/** As `sampleLosses` without `grad`, and the cross-entropies (focal.ts). */
export function sampleEntropies(n: i32): void {
  gaps(n);
  coreAndEntropies(n);
}

/** Turn what was kept, or is now in the tile if it was `away`, into the gradient, the true class included; where that is. */
export function gradients(away: bool): usize {
  if (pair) {
    pairGradients();
    return base;
  }
  let at = base;
  if (planar) planesScale();
  else at = rowsScale(away);
  put(at, SLOPE, SIGN_BIT);
  return at;
}
