/**
 * One-vs-rest: every logit but that of the true class is a sample of its own, with margin −z. The true classes have gone
 * to MARGIN and through `core` with the samples; −∞ stands in their place here and gives 0.
 */
import { focal } from './focal';

import { MARGIN, MARGIN_LOW, TRUE } from './scratch';
import { base } from './tile';

const ZEROS: usize = memory.data<f32>([0.0, 0.0, 0.0, 0.0], 16);

const SIGN: usize = memory.data<u32>([0x80000000, 0x80000000, 0x80000000, 0x80000000], 16);

/** Losses of the n logits of the tile, weight w each, written to `to`. */
export function negatives(to: usize, n: i32, w: f32): void {
  const zero = v128.load(ZEROS);
  const sign = v128.load(SIGN);
  const weight = f32x4.splat(w);
  for (let i: usize = 0; i < usize(n) << 2; i += 16) {
    v128.store(to + i, focal(v128.xor(v128.load(base + i), sign), zero, weight, zero, 0));
  }
}

/** The same, and ∂loss/∂logit times `up` to `slopes`: with x = −z it is the slope itself. */
export function negativesGrad(to: usize, slopes: usize, n: i32, w: f32, up: f32): void {
  const zero = v128.load(ZEROS);
  const sign = v128.load(SIGN);
  const weight = f32x4.splat(w);
  const upstream = f32x4.splat(up);
  for (let i: usize = 0; i < usize(n) << 2; i += 16) {
    v128.store(to + i, focal(v128.xor(v128.load(base + i), sign), zero, weight, upstream, slopes + i));
  }
}

/** The margin of the true class of one-vs-rest is its logit. */
export function trueMargins(n: i32): void {
  memory.copy(MARGIN, TRUE, usize(n) << 2);
  memory.fill(MARGIN_LOW, 0, usize(n) << 2);
}
