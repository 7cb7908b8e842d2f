/**
 * Margin stage, first pass: MAX, the largest logit of the other classes. −∞ stands over the true class, so it takes no
 * part. The vector runs along rows and across the samples of planes, in the groups of eight lanes that tile.ts tells
 * of.
 */
import { maskOf } from './margin';
import { MAX } from '../tile/scratch';
import { base, classes, first, images, last, passedOver, imageStride, planar, positions, classStride } from '../tile/tile';

/** The logits of a row at `at`, −∞ in lanes past its end. */
// @ts-ignore: decorator
@inline
export function insideRow(at: usize, mask: usize): v128 {
  return v128.bitselect(v128.load(at), f32x4.splat(-Infinity), v128.load(mask));
}

export function largestOthers(): void {
  const size = usize(classes) << 2;
  const step = planar ? usize(classStride) << 2 : 32;
  // of a row whose length is no multiple of eight the rest comes after
  const whole = planar ? size * usize(classStride) : size & ~31;
  for (let b = 0; b < images; b++) {
    const image = base + (usize(b * imageStride) << 2);
    for (let d = last(8); d >= 0; d -= 32) {
      const i = (usize(b * positions) << 2) + d;
      if (passedOver(i)) continue;
      // the lowest finite number, so that no difference to it is NaN
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
