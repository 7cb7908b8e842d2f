/**
 * Margin stage, second pass: SUM = Σ e^(logit − MAX) over the classes other than the true one, whose logit is −∞ by now
 * and adds 0. Vectors run along rows and across the samples of planes, in groups of eight lanes (tile.ts).
 *
 * The sum of a sample is one tree in every layout, so that it has the same bits in every layout. A block of 128
 * classes, numbered from 0, gives four float32 sums:
 *
 *     s_l = Σ_k (e[8k + l] + e[8k + l + 4]),   k from 0 up, l = 0 … 3.
 *
 * (s_0 + s_2) + (s_1 + s_3) is added to a float64, block by block. Classes past the last count as 0, which changes no
 * bit.
 */
import { PARAM_CLASSES, PARAM_KEEP, SAMPLE_BYTES, SOFTMAX_BLOCK } from '../../bindings/backend/constants';
import { OTHER_LOSSES, OTHER_SLOPES } from '../dense/scratch';
import { otherLosses, otherSlopes } from '../dense/softmax';
import { INTEGER, REDUCED } from '../tile/block';
import {
  anyBelowE20, binary, belowE20, lessOne, LOG2E, LOWEST2, MAGIC, nearest, P1, P2, P3, P4, P5, reduced, restored, scaledBinary,
} from '../math/exp';
import { lanes, maskOf, ONE } from '../math/numbers';
import { param } from '../params';
import { upper } from './margin';
import { MAX, PARTS, SQUARE_PARTS, SQUARES, SUM } from '../tile/scratch';
import { base, classes, first, images, last, passedOver, imageStride, planar, positions, classStride } from '../tile/tile';

/**
 * Classes of a block. Chunks of rows are made of whole blocks, chunks of planes of eights (bindings/losses/plan.ts).
 */
const CLASSES: usize = SOFTMAX_BLOCK;

/**
 * What is summed: the exponentials; these, kept for losses alone, so that small ones need not be made again; these and
 * their squares; or, with a target for each logit, what the classes add to the loss, or to the slope of their
 * probabilities (dense/softmax.ts).
 */
const ALONE: i32 = 0;
const ROUGH: i32 = 1;
const SQUARED: i32 = 2;
const OF_LOSSES: i32 = 3;
const OF_SLOPES: i32 = 4;

/** Where the sums go. */
// @ts-ignore: decorator
@inline
function sumsOf(what: i32): usize {
  return what == OF_LOSSES ? OTHER_LOSSES : what == OF_SLOPES ? OTHER_SLOPES : SUM;
}

/** From one of s_0 … s_3 to the next. */
const PART: usize = SAMPLE_BYTES;

/**
 * Make again, by `restored`, those exponentials of the logits from `at` to `end` that are too small for the fast form.
 * They are `away` bytes from their logits.
 *
 * In planes of fewer than eight samples, eight lanes reach into the next class and overwrite exponentials there that
 * `restored` had no reason to change. So after a class that was made again, the next one is, too: its first four lanes
 * hold all of it. Rarely needed, and so a function of its own.
 */
function restore(at: usize, end: usize, step: usize, away: usize, m0: v128, m1: v128): void {
  const overlap = planar && classStride < 8;
  let again = false;
  for (; at < end; at += step) {
    const to = at + away;
    const found = anyBelowE20(v128.load(to), v128.load(to, 16));
    if (!found && !again) continue;
    v128.store(to, restored(v128.load(at), m0));
    if (found) v128.store(to, restored(v128.load(at, 16), m1), 16);
    again = overlap && (found || classStride < 4);
  }
}

/** AND the eight lanes at `at` with the mask of `maskOf`. */
// @ts-ignore: decorator
@inline
function clip(at: usize, mask: usize): void {
  v128.store(at, v128.and(v128.load(at), v128.load(mask)));
  v128.store(at, v128.and(v128.load(at, 16), v128.load(mask, 16)), 16);
}

/**
 * First pass over a block: INTEGER and REDUCED of the exponents (logit − MAX)·log₂e, eight lanes at a time, for the
 * logits from `at` to `end`. Returns how many bytes each of the two then holds.
 */
// @ts-ignore: decorator
@inline
function exponents(at: usize, end: usize, step: usize, m0: v128, m1: v128): usize {
  const log2e = lanes(LOG2E);
  const lowest = lanes(LOWEST2);
  const magic = lanes(MAGIC);
  let bytes: usize = 0;
  for (; at < end; at += step, bytes += 32) {
    const u0 = binary(f32x4.sub(v128.load(at), m0), log2e, lowest);
    const u1 = binary(f32x4.sub(v128.load(at, 16), m1), log2e, lowest);
    const t0 = nearest(u0, magic);
    const t1 = nearest(u1, magic);
    const f0 = reduced(u0, t0, magic);
    const f1 = reduced(u1, t1, magic);
    v128.store(bytes, t0, INTEGER);
    v128.store(bytes, t1, INTEGER + 16);
    v128.store(bytes, f0, REDUCED);
    v128.store(bytes, f1, REDUCED + 16);
  }
  return bytes;
}

/** Second pass: the exponentials of INTEGER and REDUCED, in the place of REDUCED. */
// @ts-ignore: decorator
@inline
function exponentiate(bytes: usize): void {
  const p5 = lanes(P5);
  const p4 = lanes(P4);
  const p3 = lanes(P3);
  const p2 = lanes(P2);
  const p1 = lanes(P1);
  const one = lanes(ONE);
  for (let j: usize = 0; j < bytes; j += 32) {
    const e0 = scaledBinary(v128.load(j, REDUCED), v128.load(j, INTEGER), p5, p4, p3, p2, p1, one);
    const e1 = scaledBinary(v128.load(j, REDUCED + 16), v128.load(j, INTEGER + 16), p5, p4, p3, p2, p1, one);
    v128.store(j, e0, REDUCED);
    v128.store(j, e1, REDUCED + 16);
  }
}

/**
 * The same in the place of REDUCED, with a copy for the gradient at `keep`, `step` bytes a group. Returns whether
 * `restore` has work to do.
 */
// @ts-ignore: decorator
@inline
function keepExponentials(bytes: usize, keep: usize, step: usize): bool {
  let least = i32x4.splat(-1);
  const p5 = lanes(P5);
  const p4 = lanes(P4);
  const p3 = lanes(P3);
  const p2 = lanes(P2);
  const p1 = lanes(P1);
  const one = lanes(ONE);
  for (let j: usize = 0; j < bytes; j += 32, keep += step) {
    const e0 = scaledBinary(v128.load(j, REDUCED), v128.load(j, INTEGER), p5, p4, p3, p2, p1, one);
    const e1 = scaledBinary(v128.load(j, REDUCED + 16), v128.load(j, INTEGER + 16), p5, p4, p3, p2, p1, one);
    least = i32x4.min_u(least, i32x4.min_u(lessOne(e0), lessOne(e1)));
    v128.store(keep, e0);
    v128.store(keep, e1, 16);
    v128.store(j, e0, REDUCED);
    v128.store(j, e1, REDUCED + 16);
  }
  return v128.any_true(belowE20(least));
}

/** Copy the exponentials to `to`. */
function copyTo(to: usize, bytes: usize): void {
  for (let j: usize = 0; j < bytes; j += 32) {
    v128.store(to + j, v128.load(j, REDUCED));
    v128.store(to + j, v128.load(j, REDUCED + 16), 16);
  }
}

/** Replace the exponentials in REDUCED by their squares. */
function square(bytes: usize): void {
  for (let j: usize = 0; j < bytes; j += 16) {
    const e = v128.load(j, REDUCED);
    v128.store(j, f32x4.mul(e, e), REDUCED);
  }
}

/** (s_0 + s_2) + (s_1 + s_3) of the four lanes of s. */
// @ts-ignore: decorator
@inline
function fold(s: v128): f64 {
  s = f32x4.add(s, v128.shuffle<f32>(s, s, 2, 3, 0, 1));
  return f64(f32x4.extract_lane(s, 0) + f32x4.extract_lane(s, 1));
}

/** Sum of a block of one row, whose exponentials are in REDUCED. */
function sumAlong(bytes: usize): f64 {
  let s = f32x4.splat(0);
  for (let j: usize = 0; j < bytes; j += 32) s = f32x4.add(s, f32x4.add(v128.load(j, REDUCED), v128.load(j, REDUCED + 16)));
  return fold(s);
}

/** Sums of a block of four samples in planes, whose first exponentials are at byte `j` of REDUCED. */
function sumAcross(j: usize, bytes: usize): v128 {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  const end = j + bytes;
  for (; j + 256 <= end; j += 256) {
    s0 = f32x4.add(s0, f32x4.add(v128.load(j, REDUCED), v128.load(j, REDUCED + 128)));
    s1 = f32x4.add(s1, f32x4.add(v128.load(j, REDUCED + 32), v128.load(j, REDUCED + 160)));
    s2 = f32x4.add(s2, f32x4.add(v128.load(j, REDUCED + 64), v128.load(j, REDUCED + 192)));
    s3 = f32x4.add(s3, f32x4.add(v128.load(j, REDUCED + 96), v128.load(j, REDUCED + 224)));
  }
  // fewer than eight classes are left; the others count as 0
  const left = end - j;
  if (left > 0) {
    let e0 = v128.load(j, REDUCED);
    if (left > 128) e0 = f32x4.add(e0, v128.load(j, REDUCED + 128));
    s0 = f32x4.add(s0, e0);
  }
  if (left > 32) {
    let e1 = v128.load(j, REDUCED + 32);
    if (left > 160) e1 = f32x4.add(e1, v128.load(j, REDUCED + 160));
    s1 = f32x4.add(s1, e1);
  }
  if (left > 64) {
    let e2 = v128.load(j, REDUCED + 64);
    if (left > 192) e2 = f32x4.add(e2, v128.load(j, REDUCED + 192));
    s2 = f32x4.add(s2, e2);
  }
  if (left > 96) s3 = f32x4.add(s3, v128.load(j, REDUCED + 96));
  return f32x4.add(f32x4.add(s0, s2), f32x4.add(s1, s3));
}

// @ts-ignore: decorator
@inline
function lower(s: v128): v128 {
  return f64x2.promote_low_f32x4(s);
}

/** Add the sums of four samples to their float64 sums at `at`, or with `begin` store them there. */
// @ts-ignore: decorator
@inline
function addFour(at: usize, s: v128, begin: bool): void {
  let low = lower(s);
  let high = upper(s);
  if (!begin) {
    low = f64x2.add(v128.load(at), low);
    high = f64x2.add(v128.load(at, 16), high);
  }
  v128.store(at, low);
  v128.store(at, high, 16);
}

/** `addFour` of a whole block: for eight samples, or for four where the image has no more. */
// @ts-ignore: decorator
@inline
function addAcross(at: usize, bytes: usize, begin: bool): void {
  addFour(at, sumAcross(0, bytes), begin);
  if (positions > 4) addFour(at + 32, sumAcross(16, bytes), begin);
}

/**
 * The same for a block that comes in pieces, each of a multiple of eight classes. Between pieces s_0 … s_3 are kept at
 * `parts`: `resume` says that an earlier piece left them there, `pause` that a later piece will follow.
 */
function addPiece(at: usize, bytes: usize, begin: bool, parts: usize, resume: bool, pause: bool): void {
  for (let g: usize = 0; g < 32; g += 16, at += 32) {
    for (let l: usize = 0; l < 4; l++) {
      const part = parts + l * PART + g;
      let s = resume ? v128.load(part) : f32x4.splat(0);
      for (let j = l << 5; j < bytes; j += 256) {
        let e = v128.load(j + g, REDUCED);
        if (j + 128 < bytes) e = f32x4.add(e, v128.load(j + g, REDUCED + 128));
        s = f32x4.add(s, e);
      }
      v128.store(part, s);
    }
    if (pause) continue;
    const even = f32x4.add(v128.load(parts + g), v128.load(parts + g, 2 * PART));
    const odd = f32x4.add(v128.load(parts + g, PART), v128.load(parts + g, 3 * PART));
    addFour(at, f32x4.add(even, odd), begin);
  }
}

function sumRows(keepAt: usize, what: i32, from: i32, to: i32): void {
  const sums = sumsOf(what);
  const size = usize(classes) << 2;
  const away = keepAt - base;
  const compared = usize(param(PARAM_KEEP));
  for (let b = from; b < to; b++) {
    const i = usize(b) << 2;
    if (passedOver(i)) continue;
    const m = v128.load_splat<f32>(i, MAX);
    let total: f64 = first ? load<f64>(sums + (i << 1)) : 0;
    let totalSquares: f64 = what == SQUARED && first ? load<f64>(SQUARES + (i << 1)) : 0;
    const row = base + (usize(b * imageStride) << 2);
    let aside = compared + usize(b) * ((size + 31) & ~31);
    for (let at = row, stop = row + size; at < stop; at += 4 * CLASSES) {
      // in two passes: a single one would be a long chain of operations that wait for one another
      const end = min(at + 4 * CLASSES, stop);
      if (what >= OF_LOSSES) {
        const bytes = what == OF_LOSSES ? otherLosses(at, end, 32, i) : otherSlopes(at, end, 32, i);
        if (at + bytes > stop) clip(bytes + REDUCED - 32, maskOf(stop + 32 - at - bytes));
        total += sumAlong(bytes);
        continue;
      }
      const bytes = exponents(at, end, 32, m, m);
      if (at + bytes > stop) {
        // a zero in INTEGER stands for the factor 0, so lanes past the end of the row add 0
        const mask = maskOf(stop + 32 - at - bytes);
        clip(bytes + INTEGER - 32, mask);
        clip(bytes + REDUCED - 32, mask);
      }
      if (keepAt) {
        const p5 = lanes(P5);
        const p4 = lanes(P4);
        const p3 = lanes(P3);
        const p2 = lanes(P2);
        const p1 = lanes(P1);
        const one = lanes(ONE);
        let least = i32x4.splat(-1);
        let s = f32x4.splat(0);
        let keep = at + away;
        for (let j: usize = 0; j < bytes; j += 32, keep += 32) {
          const e0 = scaledBinary(v128.load(j, REDUCED), v128.load(j, INTEGER), p5, p4, p3, p2, p1, one);
          const e1 = scaledBinary(v128.load(j, REDUCED + 16), v128.load(j, INTEGER + 16), p5, p4, p3, p2, p1, one);
          least = i32x4.min_u(least, i32x4.min_u(lessOne(e0), lessOne(e1)));
          v128.store(keep, e0);
          v128.store(keep, e1, 16);
          s = f32x4.add(s, f32x4.add(e0, e1));
        }
        if (what != ROUGH && v128.any_true(belowE20(least))) restore(at, at + bytes, 32, away, m, m);
        total += fold(s);
      } else if (what == SQUARED || compared) {
        exponentiate(bytes);
        total += sumAlong(bytes);
        if (compared) copyTo(aside, bytes);
        aside += bytes;
        if (what == SQUARED) {
          square(bytes);
          totalSquares += sumAlong(bytes);
        }
      } else {
        const p5 = lanes(P5);
        const p4 = lanes(P4);
        const p3 = lanes(P3);
        const p2 = lanes(P2);
        const p1 = lanes(P1);
        const one = lanes(ONE);
        let s = f32x4.splat(0);
        for (let j: usize = 0; j < bytes; j += 32) {
          const e0 = scaledBinary(v128.load(j, REDUCED), v128.load(j, INTEGER), p5, p4, p3, p2, p1, one);
          const e1 = scaledBinary(v128.load(j, REDUCED + 16), v128.load(j, INTEGER + 16), p5, p4, p3, p2, p1, one);
          s = f32x4.add(s, f32x4.add(e0, e1));
        }
        total += fold(s);
      }
    }
    store<f64>(sums + (i << 1), total);
    if (what == SQUARED) store<f64>(SQUARES + (i << 1), totalSquares);
  }
}

function sumPlanes(keepAt: usize, what: i32, again: bool): void {
  const sums = sumsOf(what);
  const parts = what == OF_LOSSES ? SQUARE_PARTS : PARTS;
  const step = usize(classStride) << 2;
  const length = usize(classes) * step;
  const away = keepAt - base;
  const compared = usize(param(PARAM_KEEP));
  const next = first + classes;
  const more = next < i32(param(PARAM_CLASSES));
  // whether the chunk begins or ends inside a block
  const pieces = ((first | (more ? next : 0)) & (i32(CLASSES) - 1)) != 0;
  for (let b = 0; b < images; b++) {
    for (let d = last(8); d >= 0; d -= 32) {
      const i = (usize(b * positions) << 2) + d;
      if (passedOver(i)) continue;
      const m0 = v128.load(i, MAX);
      const m1 = v128.load(i, MAX + 16);
      let begin = first == 0;
      let c = usize(first);
      let at = base + (usize(b * imageStride) << 2) + d;
      const stop = at + length;
      while (at < stop) {
        // in two passes: see sumRows
        let end = min(at + CLASSES * step, stop);
        let resume = false;
        let pause = false;
        if (pieces) {
          const done = c & (CLASSES - 1);
          const whole = at + (CLASSES - done) * step;
          end = min(whole, stop);
          begin = c == done;
          resume = done != 0;
          // the block of the last classes is complete without 128 of them
          pause = more && whole > end;
          c += (end - at) / step;
        }
        let bytes: usize;
        if (what >= OF_LOSSES) {
          bytes = what == OF_LOSSES ? otherLosses(at, end, step, i) : otherSlopes(at, end, step, i);
        } else {
          bytes = exponents(at, end, step, m0, m1);
          if (compared) keepExponentials(bytes, compared + (at - base), step);
          else if (!keepAt) exponentiate(bytes);
          else if (keepExponentials(bytes, at + away, step) && what != ROUGH) restore(at, end, step, away, m0, m1);
        }
        if (again) {
          // SUM and PARTS are to stay
        } else if (resume || pause) addPiece(sums + (i << 1), bytes, begin, parts + i, resume, pause);
        else addAcross(sums + (i << 1), bytes, begin);
        if (what == SQUARED) {
          square(bytes);
          if (resume || pause) addPiece(SQUARES + (i << 1), bytes, begin, SQUARE_PARTS + i, resume, pause);
          else addAcross(SQUARES + (i << 1), bytes, begin);
        }
        begin = false;
        at = end;
      }
    }
  }
}

/**
 * Add the exponentials of the tile to SUM. Unless `keepAt` is 0, they are also stored there, in the layout of the tile:
 * for the gradient or, `rough`, for losses alone. SUM has the same bits either way. `again`: for what is kept alone,
 * SUM being known.
 */
export function sumExponentials(keepAt: usize, rough: bool, again: bool): void {
  const what = rough ? ROUGH : ALONE;
  if (planar) sumPlanes(keepAt, what, again);
  else sumRows(keepAt, what, 0, images);
}

/** Add what the classes add to OTHER_LOSSES or, of `slopes`, to OTHER_SLOPES, by the same tree. */
export function sumOthers(slopes: bool): void {
  const what = slopes ? OF_SLOPES : OF_LOSSES;
  if (planar) sumPlanes(0, what, false);
  else sumRows(0, what, 0, images);
}

/**
 * SUM with the same bits, and Σ e² in SQUARES, for images [from, to) of a tile in rows, or for all of a planar one,
 * whose `from` and `to` are not looked at.
 */
export function sumSquares(from: i32, to: i32): void {
  if (planar) sumPlanes(0, SQUARED, false);
  else sumRows(0, SQUARED, from, to);
}
