/**
 * Margin stage, second pass: SUM = Σ e^(logit − MAX) over the other classes. −∞ stands over the true class, so it takes no part.
 * The vector runs along rows and across the samples of planes, in the groups of eight lanes that tile.ts tells of.
 */
import { INTEGER, REST } from '../tile/block';
import { anyFar, binary, far, lessOne, nearest, rest, restored, scaledBinary } from '../math/exp';
import { maskOf, upper } from './margin';
import { MAX, SQUARES, SUM } from '../tile/scratch';
import { base, classes, first, images, last, pitch, planar, positions, stride } from '../tile/tile';

/** Bytes of a row between two times that float32 sums go to float64, and classes of planes; whole chunks of classes hold them. */
const ROW: usize = 1024;
const CLASSES: usize = 8;

/**
 * What was kept of the logits from `at` to `end` to full precision. Where eight lanes reach into the next class, what was kept
 * there is written over and made again: four lanes hold all of it. A function of its own, as it is rarely needed.
 */
function restore(at: usize, end: usize, step: usize, away: usize, m0: v128, m1: v128): void {
  const overlap = planar && stride < 8;
  let again = false;
  for (; at < end; at += step) {
    const to = at + away;
    const found = anyFar(v128.load(to), v128.load(to, 16));
    if (!found && !again) continue;
    v128.store(to, restored(v128.load(at), m0));
    if (found) v128.store(to, restored(v128.load(at, 16), m1), 16);
    again = overlap && (found || stride < 4);
  }
}

// @ts-ignore: decorator
@inline
function clip(at: usize, mask: usize): void {
  v128.store(at, v128.and(v128.load(at), v128.load(mask)));
  v128.store(at, v128.and(v128.load(at, 16), v128.load(mask, 16)), 16);
}

// @ts-ignore: decorator
@inline
function lower(s: v128): v128 {
  return f64x2.promote_low_f32x4(s);
}

/** The sums of eight samples, or in the first place that of a row, added to what the chunks of classes before have left. */
// @ts-ignore: decorator
@inline
function leave(at: usize, a0: v128, a1: v128, a2: v128, a3: v128): void {
  if (!planar) {
    a0 = f64x2.add(f64x2.add(a0, a2), f64x2.add(a1, a3));
    a0 = f64x2.add(a0, v128.shuffle<f64>(a0, a0, 1, 0));
  }
  if (first) {
    a0 = f64x2.add(a0, v128.load(at));
    a1 = f64x2.add(a1, v128.load(at, 16));
    a2 = f64x2.add(a2, v128.load(at, 32));
    a3 = f64x2.add(a3, v128.load(at, 48));
  }
  v128.store(at, a0);
  v128.store(at, a1, 16);
  v128.store(at, a2, 32);
  v128.store(at, a3, 48);
}

// @ts-ignore: decorator
@inline
function sum(kept: usize, squares: bool, image: i32, end: i32): void {
  const size = usize(classes) << 2;
  const step = planar ? usize(stride) << 2 : 32;
  const length = planar ? size * usize(stride) : size;
  const block = planar ? CLASSES * step : ROW;
  const away = kept - base;
  for (; image < end; image++) {
    for (let d = last(8); d >= 0; d -= 32) {
      const i = (usize(image * positions) << 2) + d;
      const m0 = planar ? v128.load(i, MAX) : v128.load_splat<f32>(i, MAX);
      const m1 = planar ? v128.load(i, MAX + 16) : m0;
      let a0 = i32x4.splat(0);
      let a1 = a0;
      let a2 = a0;
      let a3 = a0;
      let b0 = a0;
      let b1 = a0;
      let b2 = a0;
      let b3 = a0;
      let at = base + (usize(image * pitch) << 2) + d;
      const stop = at + length;
      while (at < stop) {
        // in two passes, as one would be a long chain of operations
        const from = at;
        const to = min(at + block, stop);
        let bytes: usize = 0;
        for (; at < to; at += step, bytes += 32) {
          const u0 = binary(f32x4.sub(v128.load(at), m0));
          const u1 = binary(f32x4.sub(v128.load(at, 16), m1));
          const t0 = nearest(u0);
          const t1 = nearest(u1);
          const f0 = rest(u0, t0);
          const f1 = rest(u1, t1);
          v128.store(bytes, t0, INTEGER);
          v128.store(bytes, t1, INTEGER + 16);
          v128.store(bytes, f0, REST);
          v128.store(bytes, f1, REST + 16);
        }
        if (at > stop) {
          // past the end of a row: 0
          const mask = maskOf(stop + 32 - at);
          clip(bytes + INTEGER - 32, mask);
          clip(bytes + REST - 32, mask);
        }
        let s0 = f32x4.splat(0);
        let s1 = s0;
        if (!kept) {
          for (let j: usize = 0; j < bytes; j += 32) {
            const e0 = scaledBinary(v128.load(j, REST), v128.load(j, INTEGER));
            const e1 = scaledBinary(v128.load(j, REST + 16), v128.load(j, INTEGER + 16));
            s0 = f32x4.add(s0, e0);
            s1 = f32x4.add(s1, e1);
            if (squares) {
              v128.store(j, e0, REST);
              v128.store(j, e1, REST + 16);
            }
          }
        } else {
          let keep = from + away;
          let least = i32x4.splat(-1);
          for (let j: usize = 0; j < bytes; j += 32, keep += step) {
            const e0 = scaledBinary(v128.load(j, REST), v128.load(j, INTEGER));
            const e1 = scaledBinary(v128.load(j, REST + 16), v128.load(j, INTEGER + 16));
            s0 = f32x4.add(s0, e0);
            s1 = f32x4.add(s1, e1);
            least = i32x4.min_u(least, i32x4.min_u(lessOne(e0), lessOne(e1)));
            v128.store(keep, e0);
            v128.store(keep, e1, 16);
          }
          if (v128.any_true(far(least))) restore(from, at, step, away, m0, m1);
        }
        a0 = f64x2.add(a0, lower(s0));
        a1 = f64x2.add(a1, upper(s0));
        a2 = f64x2.add(a2, lower(s1));
        a3 = f64x2.add(a3, upper(s1));
        if (!squares) continue;
        let q0 = f32x4.splat(0);
        let q1 = q0;
        for (let j: usize = 0; j < bytes; j += 32) {
          const e0 = v128.load(j, REST);
          const e1 = v128.load(j, REST + 16);
          q0 = f32x4.add(q0, f32x4.mul(e0, e0));
          q1 = f32x4.add(q1, f32x4.mul(e1, e1));
        }
        b0 = f64x2.add(b0, lower(q0));
        b1 = f64x2.add(b1, upper(q0));
        b2 = f64x2.add(b2, lower(q1));
        b3 = f64x2.add(b3, upper(q1));
      }
      leave(SUM + (i << 1), a0, a1, a2, a3);
      if (squares) leave(SQUARES + (i << 1), b0, b1, b2, b3);
    }
  }
}

/**
 * Add to SUM. float32 partial sums take at most 32 terms of a row a lane, 8 of planes, before they go to float64, so their error
 * does not grow with the number of classes. What is exponentiated is kept at `kept`, unless that is 0, in the layout of the
 * tile; SUM has the same bits either way.
 */
export function sumExponentials(kept: usize): void {
  sum(kept, false, 0, images);
}

/** Of images [from, to): the same bits in SUM, and the sum of the squares in SQUARES. */
export function sumSquares(from: i32, to: i32): void {
  sum(0, true, from, to);
}
