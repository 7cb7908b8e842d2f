/**
 * Margin stage for two classes, in planes: the gap is the difference of the two logits, with the sign of the class.
 */
import { lanes, SIGN } from './exp';
import { GAP, GAP_LOW, LABELS, PLANES, POSITIVE, SLOPE, WEIGHT } from './scratch';
import { finite, lost } from './margin';
import { samples, stride } from './tile';

export function pairGaps(): void {
  const infinity = f32x4.splat(Infinity);
  const weight0 = v128.load_splat<f32>(POSITIVE);
  const difference = v128.xor(weight0, v128.load_splat<f32>(POSITIVE + 4));
  const second = PLANES + (usize(stride) << 2);
  for (let i: usize = 0; i < usize(samples) << 2; i += 16) {
    const z0 = v128.load(i, PLANES);
    const z1 = v128.load(second + i);
    const y = i32x4.shl(v128.load(i, LABELS), 31);
    // +∞ among the logits makes log-softmax NaN
    const never = v128.or(f32x4.eq(z0, infinity), f32x4.eq(z1, infinity));
    const x = f32x4.sub(z1, z0);
    v128.store(i, v128.or(v128.xor(x, y), never), GAP);
    v128.store(i, v128.xor(finite(lost(z1, v128.xor(z0, lanes(SIGN)), x)), y), GAP_LOW);
    v128.store(i, v128.xor(weight0, v128.and(difference, i32x4.shr_s(y, 31))), WEIGHT);
  }
}

/** ∂/∂z_y = −SLOPE, and SLOPE for the other class; exactly 0 for ignored samples. */
export function pairGradients(): void {
  const zero = f32x4.splat(0);
  const second = PLANES + (usize(stride) << 2);
  for (let i: usize = 0; i < usize(samples) << 2; i += 16) {
    const slope = v128.load(i, SLOPE);
    const y = i32x4.shl(v128.load(i, LABELS), 31);
    // adding 0 turns −0 into 0
    const g1 = f32x4.add(v128.xor(slope, y), zero);
    v128.store(second + i, g1);
    v128.store(i, f32x4.sub(zero, g1), PLANES);
  }
}
