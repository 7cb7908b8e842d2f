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

/** Where the exponentials are kept for the gradient: in the one of TILE and PLANES that does not hold the tile. */
// @ts-ignore: decorator
@inline
function aside(): usize {
  return base == PLANES ? TILE : PLANES;
}

/**
 * Sum the exponentials of the tile, and with `keep` keep them for the gradient, in the layout of the tile. Returns
 * where they are kept, or 0.
 */
export function exponentials(keep: bool): usize {
  const keepAt = keep ? aside() : 0;
  if (!pair) sumExponentials(keepAt, false, false);
  return keepAt;
}

/** GAP of the n samples, after the last chunk of their classes. */
export function gaps(n: i32): void {
  if (!pair) logSumGaps(n);
}

/**
 * FACTOR = SLOPE/SUM, by which the gradient multiplies each exponential. It is 0 where SLOPE is 0, whatever SUM is:
 * samples that are ignored, or have no other possible class. An infinite slope counts as the largest float32, so that
 * its product with the exponential 0 of an impossible class is 0, not NaN.
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

/** LOSS of the n samples, after the last chunk of their classes; with `grad` also SLOPE and FACTOR. */
export function sampleLosses(n: i32, grad: bool): void {
  gaps(n);
  core(n, grad);
  if (grad && !pair) factors(n);
}

/** LOSS and the cross-entropy of each of the n samples (focal.ts). */
export function sampleEntropies(n: i32): void {
  gaps(n);
  coreAndEntropies(n);
}

/**
 * Make the gradient of all classes from the kept exponentials, and return where it is. It goes into the place of the
 * tile; or, if the exponentials are in that place themselves (`away`), into the other of TILE and PLANES.
 */
export function gradients(away: bool): usize {
  const from = away ? base : aside();
  const to = away ? aside() : base;
  if (pair) pairGradients();
  else scaleExponentials(from, to);
  putTrue(to, SLOPE, SIGN_BIT);
  return to;
}
