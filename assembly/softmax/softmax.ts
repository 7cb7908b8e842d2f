/**
 * The passes of the softmax variant, in order: `largest` over every chunk of the classes of a tile of samples, then
 * `exponentials` over every chunk; `sampleLosses` once; for gradients `gradients` over every chunk. A tile that holds
 * all classes is opened once and goes through them all.
 */
import { core, coreAndEntropies } from '../focal';
import { FACTOR, PLANES, SLOPE, SUM, TILE } from '../tile/scratch';
import { logSumGaps, narrow } from './margin';
import { sumExponentials } from './exponentials';
import { scaleExponentials } from './gradients';
import { largestOthers } from './largest';
import { pairGaps, pairGradients } from './pair';
import { base, pair, putTrue } from '../tile/tile';

const SIGN_BIT: u32 = 0x80000000;

export function largest(): void {
  if (pair) pairGaps();
  else largestOthers();
}

/** Where what is kept of the tile goes: to the other one of TILE and PLANES. */
// @ts-ignore: decorator
@inline
function aside(): usize {
  return base == PLANES ? TILE : PLANES;
}

/** With `keep`, what is exponentiated is kept for the gradient, in the layout of the tile; where. */
export function exponentials(keep: bool): usize {
  const kept = keep ? aside() : 0;
  if (!pair) sumExponentials(kept);
  return kept;
}

/** GAP of the n samples, all classes having gone by. */
export function gaps(n: i32): void {
  if (!pair) logSumGaps(n);
}

/**
 * FACTOR = SLOPE/SUM; 0 where SLOPE is, whatever SUM is: ignored samples, and those with no other possible class. Where
 * the slope leaves float32 the largest number there is, so that a class that is impossible has gradient 0.
 */
function factors(n: i32): void {
  const largest = f32x4.splat(f32.MAX_VALUE);
  const lowest = f32x4.splat(-f32.MAX_VALUE);
  for (let i: usize = 0; i < usize(n) << 2; i += 16) {
    const slope = v128.load(i, SLOPE);
    const factor = f32x4.div(f32x4.pmax(f32x4.pmin(slope, largest), lowest), narrow(SUM + (i << 1)));
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

/**
 * Turn what was kept into the gradient, the true class included: from beside the tile to its place or, if it was `away`
 * and is now in the tile, the other way. Where it is.
 */
export function gradients(away: bool): usize {
  const from = away ? base : aside();
  const to = away ? aside() : base;
  if (pair) pairGradients();
  else scaleExponentials(from, to);
  putTrue(to, SLOPE, SIGN_BIT);
  return to;
}
