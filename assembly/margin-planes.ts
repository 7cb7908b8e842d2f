/**
 * Margin stage for few classes and for N-D inputs: the vector runs across 16 samples, class after class. The tile is a
 * private copy in planes; −∞ stands over the true class, so it takes no part.
 */
import { anyFar, expFast, restored } from './exp';
import { FACTOR, MAX, PLANES, SQUARES, SUM } from './scratch';
import { classes, first, samples, stride } from './tile';

/** Stands in for the plane that an odd number of classes lacks. */
const NOTHING: usize = memory.data(32, 16);

export function planesMax(): void {
  const step = usize(stride) << 2;
  for (let i: usize = 0; i < usize(samples) << 2; i += 64) {
    // the lowest finite number, so that no difference to it is NaN
    let m0 = f32x4.splat(-f32.MAX_VALUE);
    let m1 = m0;
    let m2 = m0;
    let m3 = m0;
    if (first) {
      m0 = v128.load(MAX + i);
      m1 = v128.load(MAX + i, 16);
      m2 = v128.load(MAX + i, 32);
      m3 = v128.load(MAX + i, 48);
    }
    let at = PLANES + i;
    for (let c = 0; c < classes; c++, at += step) {
      m0 = f32x4.pmax(m0, v128.load(at));
      m1 = f32x4.pmax(m1, v128.load(at, 16));
      m2 = f32x4.pmax(m2, v128.load(at, 32));
      m3 = f32x4.pmax(m3, v128.load(at, 48));
    }
    v128.store(MAX + i, m0);
    v128.store(MAX + i, m1, 16);
    v128.store(MAX + i, m2, 32);
    v128.store(MAX + i, m3, 48);
  }
}

// @ts-ignore: decorator
@inline
function addTo(at: usize, s: v128): void {
  v128.store(at, f64x2.add(v128.load(at), f64x2.promote_low_f32x4(s)));
  v128.store(at, f64x2.add(v128.load(at, 16), f64x2.promote_low_f32x4(v128.shuffle<f32>(s, s, 2, 3, 0, 1))), 16);
}

/**
 * Add to SUM, at most 8 terms in float32 before they go to float64. With `keep`, what is exponentiated stays in the tile;
 * with `squares`, the sum of the squares is added to SQUARES; SUM has the same bits either way.
 */
export function planesSum(keep: bool, squares: bool): void {
  const step = usize(stride) << 2;
  for (let i: usize = 0; i < usize(samples) << 2; i += 32) {
    const m0 = v128.load(MAX + i);
    const m1 = v128.load(MAX + i, 16);
    const to = SUM + (i << 1);
    if (!first) memory.fill(to, 0, 64);
    const also = SQUARES + (i << 1);
    if (squares && !first) memory.fill(also, 0, 64);
    let at = PLANES + i;
    let c = 0;
    while (c < classes) {
      const stop = min(c + 8, classes);
      let s0 = f32x4.splat(0);
      let s1 = s0;
      let q0 = s0;
      let q1 = s0;
      // two planes at a time keep four independent chains going and their sums in registers
      for (; c < stop; c += 2, at += 2 * step) {
        let next = at + step;
        if (c + 1 == classes) {
          v128.store(NOTHING, f32x4.splat(-Infinity));
          v128.store(NOTHING, f32x4.splat(-Infinity), 16);
          next = NOTHING;
        }
        const y0 = v128.load(at);
        const y1 = v128.load(at, 16);
        const z0 = v128.load(next);
        const z1 = v128.load(next, 16);
        const c0 = f32x4.sub(y0, m0);
        const c1 = f32x4.sub(y1, m1);
        const d0 = f32x4.sub(z0, m0);
        const d1 = f32x4.sub(z1, m1);
        const a0 = expFast(c0);
        const a1 = expFast(c1);
        const b0 = expFast(d0);
        const b1 = expFast(d1);
        s0 = f32x4.add(s0, f32x4.add(a0, b0));
        s1 = f32x4.add(s1, f32x4.add(a1, b1));
        if (keep) {
          v128.store(at, a0);
          v128.store(at, a1, 16);
          v128.store(next, b0);
          v128.store(next, b1, 16);
          if (anyFar(a0, a1, b0, b1)) {
            v128.store(at, restored(a0, y0, m0, c0));
            v128.store(at, restored(a1, y1, m1, c1), 16);
            v128.store(next, restored(b0, z0, m0, d0));
            v128.store(next, restored(b1, z1, m1, d1), 16);
          }
        }
        if (squares) {
          q0 = f32x4.add(q0, f32x4.add(f32x4.mul(a0, a0), f32x4.mul(b0, b0)));
          q1 = f32x4.add(q1, f32x4.add(f32x4.mul(a1, a1), f32x4.mul(b1, b1)));
        }
      }
      addTo(to, s0);
      addTo(to + 32, s1);
      if (squares) {
        addTo(also, q0);
        addTo(also + 32, q1);
      }
    }
  }
}

/** Multiply by FACTOR: what was kept becomes the gradient of the other classes. 0 for ignored samples. */
export function planesScale(): void {
  const step = usize(stride) << 2;
  for (let i: usize = 0; i < usize(samples) << 2; i += 16) {
    const factor = v128.load(FACTOR + i);
    const counts = f32x4.ne(factor, f32x4.splat(0));
    let at = PLANES + i;
    for (let c = 0; c < classes; c++, at += step) {
      v128.store(at, v128.and(f32x4.mul(v128.load(at), factor), counts));
    }
  }
}
