/**
 * Margin stage, first pass: MAX, the largest logit of the classes other than the true one, whose logit is −∞ by now.
 * Vectors run along rows and across the samples of planes, in groups of eight lanes (tile.ts).
 */
import { maskOf } from '../math/numbers';
import { MAX } from '../tile/scratch';
import { base, classes, first, images, last, passedOver, imageStride, planar, positions, classStride } from '../tile/tile';

/** The four logits at `at`, with −∞ in the lanes past the end of the row, where the mask has zeros. */
// @ts-ignore: decorator
@inline
export function insideRow(at: usize, mask: usize): v128 {
  return v128.bitselect(v128.load(at), f32x4.splat(-Infinity), v128.load(mask));
}

/** Raise MAX by this chunk of the classes; the first chunk begins it. */
export function largestOthers(): void {
  const size = usize(classes) << 2;
  const step = planar ? usize(classStride) << 2 : 32;
  // the last classes of a row, fewer than eight, come after the loop
  const whole = planar ? size * usize(classStride) : size & ~31;
  for (let b = 0; b < images; b++) {
    const image = base + (usize(b * imageStride) << 2);
    for (let d = last(8); d >= 0; d -= 32) {
      const i = (usize(b * positions) << 2) + d;
      if (passedOver(i)) continue;
      // begin with the lowest finite number: −∞ − −∞ would be NaN
      let m0 = f32x4.splat(-f32.MAX_VALUE);
      let m1 = m0;
      if (first) {
        m0 = planar ? v128.load(i, MAX) : v128.load_splat<f32>(i, MAX);
        m1 = planar ? v128.load(i, MAX + 16) : m0;
      }
      let at = image + d;
      const stop = at + whole;
      for (const most = stop - 3 * step; at < most; at += 4 * step) {
        const second = at + step;
        const third = second + step;
        const fourth = third + step;
        m0 = f32x4.pmax(f32x4.pmax(f32x4.pmax(f32x4.pmax(m0, v128.load(at)), v128.load(second)), v128.load(third)), v128.load(fourth));
        m1 = f32x4.pmax(
          f32x4.pmax(f32x4.pmax(f32x4.pmax(m1, v128.load(at, 16)), v128.load(second, 16)), v128.load(third, 16)), v128.load(fourth, 16),
        );
      }
      for (; at < stop; at += step) {
        m0 = f32x4.pmax(m0, v128.load(at));
        m1 = f32x4.pmax(m1, v128.load(at, 16));
      }
      if (planar) {
        v128.store(i, m0, MAX);
        v128.store(i, m1, MAX + 16);
        continue;
      }
      const mask = maskOf(size - whole);
      m0 = f32x4.pmax(m0, insideRow(at, mask));
      m1 = f32x4.pmax(m1, insideRow(at + 16, mask + 16));
      m0 = f32x4.pmax(m0, m1);
      m0 = f32x4.pmax(m0, v128.shuffle<f32>(m0, m0, 2, 3, 0, 1));
      m0 = f32x4.pmax(m0, v128.shuffle<f32>(m0, m0, 1, 0, 3, 2));
      v128.store_lane<f32>(i + MAX, m0, 0);
    }
  }
}
