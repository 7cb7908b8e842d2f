/**
 * Margin stage, last pass of gradients: the exponentials that the second pass kept, times FACTOR, are the gradient of
 * the classes other than the true one.
 */
import { FACTOR } from '../tile/scratch';
import { classes, images, last, imageStride, planar, positions, classStride } from '../tile/tile';

/** Read exponentials at `from`, write the gradient at `to`, both in the layout of the tile; 0 for ignored samples. */
export function scaleExponentials(from: usize, to: usize): void {
  const size = usize(classes) << 2;
  const step = planar ? usize(classStride) << 2 : 32;
  const length = planar ? size * usize(classStride) : size;
  const zero = f32x4.splat(0);
  const away = to - from;
  for (let b = 0; b < images; b++) {
    for (let d = last(8); d >= 0; d -= 32) {
      const i = (usize(b * positions) << 2) + d;
      const f0 = planar ? v128.load(i, FACTOR) : v128.load_splat<f32>(i, FACTOR);
      const f1 = planar ? v128.load(i, FACTOR + 16) : f0;
      const counts0 = f32x4.ne(f0, zero);
      const counts1 = f32x4.ne(f1, zero);
      let at = from + (usize(b * imageStride) << 2) + d;
      for (const stop = at + length; at < stop; at += step) {
        const e0 = v128.load(at);
        const e1 = v128.load(at, 16);
        const g = at + away;
        v128.store(g, v128.and(f32x4.mul(e0, f0), counts0));
        v128.store(g, v128.and(f32x4.mul(e1, f1), counts1), 16);
      }
    }
  }
}
