/**
 * Margin stage for two classes: the gap is the difference of the two logits, with the sign of the class. Rows
 * [N, 2] are one image whose classes alternate.
 */
import { lanes, SIGN } from '../math/numbers';
import { GAP, GAP_LOW, LABELS, CLASS_WEIGHTS, SLOPE, WEIGHT } from '../tile/scratch';
import { finite, roundingError } from './margin';
import { base, images, last, imageStride, positions, classStride } from '../tile/tile';

/** The logits of class c, 0 or 1, of the four samples from byte d of an image on. */
// @ts-ignore: decorator
@inline
export function ofClass(c: i32, image: usize, d: usize): v128 {
  if (classStride > 1) return v128.load(image + d + (usize(c * classStride) << 2));
  const a = v128.load(image + 2 * d);
  const b = v128.load(image + 2 * d, 16);
  return c ? v128.shuffle<f32>(a, b, 1, 3, 5, 7) : v128.shuffle<f32>(a, b, 0, 2, 4, 6);
}

/** GAP, GAP_LOW and WEIGHT of the tile. */
export function pairGaps(): void {
  const infinity = f32x4.splat(Infinity);
  const weight0 = v128.load_splat<f32>(CLASS_WEIGHTS);
  const difference = v128.xor(weight0, v128.load_splat<f32>(CLASS_WEIGHTS + 4));
  let image = base;
  for (let b = 0; b < images; b++, image += usize(imageStride) << 2) {
    const sample = usize(b * positions) << 2;
    for (let d: usize = 0; d < usize(positions) << 2; d += 16) {
      const i = sample + d;
      const z0 = ofClass(0, image, d);
      const z1 = ofClass(1, image, d);
      const y = i32x4.shl(v128.load(i, LABELS), 31);
      // an infinite logit makes log-softmax NaN
      const never = v128.or(f32x4.eq(z0, infinity), f32x4.eq(z1, infinity));
      const x = f32x4.sub(z1, z0);
      v128.store(i, v128.or(v128.xor(x, y), never), GAP);
      v128.store(i, v128.xor(finite(roundingError(z1, v128.xor(z0, lanes(SIGN)), x)), y), GAP_LOW);
      v128.store(i, v128.xor(weight0, v128.and(difference, i32x4.shr_s(y, 31))), WEIGHT);
    }
  }
}

/** Write the gradient over the tile: −SLOPE for the true class, SLOPE for the other, exactly 0 for ignored samples. */
export function pairGradients(): void {
  const zero = f32x4.splat(0);
  const step = usize(classStride) << 2;
  let image = base;
  for (let b = 0; b < images; b++, image += usize(imageStride) << 2) {
    const sample = usize(b * positions) << 2;
    for (let d = last(4); d >= 0; d -= 16) {
      const slope = v128.load(sample + d, SLOPE);
      const y = i32x4.shl(v128.load(sample + d, LABELS), 31);
      // adding 0 turns −0 into 0
      const g1 = f32x4.add(v128.xor(slope, y), zero);
      const g0 = f32x4.sub(zero, g1);
      if (classStride > 1) {
        v128.store(image + d, g0);
        v128.store(image + d + step, g1);
      } else {
        v128.store(image + 2 * d, v128.shuffle<f32>(g0, g1, 0, 4, 1, 5));
        v128.store(image + 2 * d, v128.shuffle<f32>(g0, g1, 2, 6, 3, 7), 16);
      }
    }
  }
}
