/**
 * Margin stage for few classes and for N-D inputs: the vector runs across samples, class after class. The tile is a
 * private copy in planes; −∞ stands over the true class, so it takes no part.
 *
 * All classes of a block of samples go by before the next block, so that what is gathered for the samples stays in the
 * first-level cache, and each plane is read in runs.
 */
import { BLOCK, INTEGER, PART, PART_SQUARES, REST } from './block';
import { binary, far, nearest, rest, restored, scaledBinary } from './exp';
import { FACTOR, MAX, PLANES, SQUARES, SUM } from './scratch';
import { classes, first, samples, stride } from './tile';

/** Bytes of a plane that a block takes. */
const BYTES: usize = 4 * BLOCK;

export function planesMax(): void {
  const step = usize(stride) << 2;
  const end = usize(samples) << 2;
  for (let from: usize = 0; from < end; from += BYTES) {
    const stop = min(from + BYTES, end);
    if (!first) {
      // the lowest finite number, so that no difference to it is NaN
      for (let i = from; i < stop; i += 16) v128.store(i, f32x4.splat(-f32.MAX_VALUE), MAX);
    }
    let plane = PLANES;
    for (let c = 0; c < classes; c++, plane += step) {
      for (let i = from; i < stop; i += 16) {
        v128.store(i, f32x4.pmax(v128.load(i, MAX), v128.load(plane + i)), MAX);
      }
    }
  }
}

/** INTEGER and REST of the exponent of e^(z − m). */
function reduce(zs: usize, ms: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 32) {
    const u0 = binary(f32x4.sub(v128.load(zs + i), v128.load(ms + i)));
    const u1 = binary(f32x4.sub(v128.load(zs + i, 16), v128.load(ms + i, 16)));
    const t0 = nearest(u0);
    const t1 = nearest(u1);
    const f0 = rest(u0, t0);
    const f1 = rest(u1, t1);
    v128.store(i, t0, INTEGER);
    v128.store(i, t1, INTEGER + 16);
    v128.store(i, f0, REST);
    v128.store(i, f1, REST + 16);
  }
}

/** Add the exponentials to PART, and with `keep` leave them in the place of the logits. */
function add(zs: usize, ms: usize, bytes: usize, keep: bool): void {
  for (let i: usize = 0; i < bytes; i += 32) {
    const e0 = scaledBinary(v128.load(i, REST), v128.load(i, INTEGER));
    const e1 = scaledBinary(v128.load(i, REST + 16), v128.load(i, INTEGER + 16));
    const s0 = f32x4.add(v128.load(i, PART), e0);
    const s1 = f32x4.add(v128.load(i, PART + 16), e1);
    v128.store(i, s0, PART);
    v128.store(i, s1, PART + 16);
    if (!keep) continue;
    if (v128.any_true(v128.or(far(e0), far(e1)))) {
      v128.store(zs + i, restored(e0, v128.load(zs + i), v128.load(ms + i)));
      v128.store(zs + i, restored(e1, v128.load(zs + i, 16), v128.load(ms + i, 16)), 16);
    } else {
      v128.store(zs + i, e0);
      v128.store(zs + i, e1, 16);
    }
  }
}

/** As `add`, and the squares to PART_SQUARES. */
function addSquares(bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 32) {
    const e0 = scaledBinary(v128.load(i, REST), v128.load(i, INTEGER));
    const e1 = scaledBinary(v128.load(i, REST + 16), v128.load(i, INTEGER + 16));
    v128.store(i, f32x4.add(v128.load(i, PART), e0), PART);
    v128.store(i, f32x4.add(v128.load(i, PART + 16), e1), PART + 16);
    v128.store(i, f32x4.add(v128.load(i, PART_SQUARES), f32x4.mul(e0, e0)), PART_SQUARES);
    v128.store(i, f32x4.add(v128.load(i, PART_SQUARES + 16), f32x4.mul(e1, e1)), PART_SQUARES + 16);
  }
}

/** Move float32 sums to float64. */
function flush(parts: usize, to: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16, to += 32) {
    const s = v128.load(parts + i);
    v128.store(to, f64x2.add(v128.load(to), f64x2.promote_low_f32x4(s)));
    v128.store(to, f64x2.add(v128.load(to, 16), f64x2.promote_low_f32x4(v128.shuffle<f32>(s, s, 2, 3, 0, 1))), 16);
  }
  memory.fill(parts, 0, bytes);
}

// @ts-ignore: decorator
@inline
function sum(keep: bool, squares: bool): void {
  const step = usize(stride) << 2;
  const end = usize((samples + 7) & ~7) << 2;
  for (let from: usize = 0; from < end; from += BYTES) {
    const bytes = min(BYTES, end - from);
    const sums = SUM + (from << 1);
    const squareSums = SQUARES + (from << 1);
    if (!first) {
      memory.fill(sums, 0, bytes << 1);
      if (squares) memory.fill(squareSums, 0, bytes << 1);
    }
    memory.fill(PART, 0, bytes);
    if (squares) memory.fill(PART_SQUARES, 0, bytes);
    let plane = PLANES + from;
    for (let c = 1; c <= classes; c++, plane += step) {
      reduce(plane, MAX + from, bytes);
      if (squares) addSquares(bytes);
      else add(plane, MAX + from, bytes, keep);
      if (c & 7 && c < classes) continue;
      flush(PART, sums, bytes);
      if (squares) flush(PART_SQUARES, squareSums, bytes);
    }
  }
}

/**
 * Add to SUM, at most 8 terms in float32 before they go to float64. With `keep`, what is exponentiated stays in the tile;
 * SUM has the same bits either way.
 */
export function planesSum(keep: bool): void {
  sum(keep, false);
}

/** The same bits in SUM, and the sum of the squares in SQUARES. */
export function planesSumSquares(): void {
  sum(false, true);
}

/** Multiply by FACTOR: what was kept becomes the gradient of the other classes. 0 for ignored samples. */
export function planesScale(): void {
  const step = usize(stride) << 2;
  const zero = f32x4.splat(0);
  let plane = PLANES;
  for (let c = 0; c < classes; c++, plane += step) {
    for (let i: usize = 0; i < usize(samples) << 2; i += 16) {
      const factor = v128.load(i, FACTOR);
      v128.store(plane + i, v128.and(f32x4.mul(v128.load(plane + i), factor), f32x4.ne(factor, zero)));
    }
  }
}
