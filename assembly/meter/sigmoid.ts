/**
 * Metrics of the one-vs-rest loss. `oneVersusRestAndEntropies` has left losses in PLANES, cross-entropies in ENTROPIES
 * and decisions in TILE, each in the layout [image][class][position]. A decision is a sigmoid whose sign bit is set if
 * the logit is above its threshold. From these come sums of each sample, exact sums and counts of each class, and
 * counts of each bin.
 *
 * Logits of true classes were negated, so their sigmoids are 1 − p. The Brier score wants exactly that; afterwards
 * `restoreTrueDecisions` turns them into p.
 */
import {
  BIN_BYTES, BIN_HITS, COLUMN_BYTES, LEFT_OPEN, LOGITS, PARAM_KEEP, PARAM_SUMS, SUM_LOSS, TALLY_BINS, TALLY_PREDICTED, TALLY_SUPPORT,
} from '../../bindings/backend/constants';
import { APART } from '../tile/block';
import { narrow, upper } from '../softmax/margin';
import {
  addLoss, addToBin, addTwo, ANCHOR, ANCHOR2, ANCHOR3, binsOf, COUNT, countsAway, HIGHEST, LOWEST, rowOf, sumLanes, units,
} from './softmax';
import { addWide } from '../math/exact-sum';
import { oneVersusRestAndEntropies } from '../focal';
import { maskOf } from '../math/numbers';
import { param } from '../params';
import { countTrue } from './groups';
import { CROSS_ENTROPY, ENTROPIES, LABELS, LOSS, OFFSET, PLANES, SQUARES, SUM, TILE } from '../tile/scratch';
import { ignored } from '../tile/labels';
import { BINS, BRIER, FAR, LOGIT_THRESHOLDS, POSITIVE, SAMPLE_LOSSES, WRONG } from './scratch';
import { base, classes, first, images, positions, samples } from '../tile/tile';

/**
 * Add each row of losses from `at` on to its sample's sum. Four rows at a time, because a single sum has to wait for
 * its own last addition.
 */
function gatherRows(at: usize): void {
  const row = usize(classes) << 2;
  const end = SAMPLE_LOSSES + (usize(samples) << 3);
  let to = SAMPLE_LOSSES;
  for (; to + 32 <= end; to += 32, at += 3 * row) {
    let s0 = load<f64>(to);
    let s1 = load<f64>(to, 8);
    let s2 = load<f64>(to, 16);
    let s3 = load<f64>(to, 24);
    for (const stop = at + row; at < stop; at += 4) {
      s0 += f64(load<f32>(at));
      s1 += f64(load<f32>(at + row));
      s2 += f64(load<f32>(at + 2 * row));
      s3 += f64(load<f32>(at + 3 * row));
    }
    store<f64>(to, s0);
    store<f64>(to, s1, 8);
    store<f64>(to, s2, 16);
    store<f64>(to, s3, 24);
  }
  for (; to < end; to += 8) {
    let sum = load<f64>(to);
    for (const stop = at + row; at < stop; at += 4) sum += f64(load<f32>(at));
    store<f64>(to, sum);
  }
}

/** Add the losses of each sample to SAMPLE_LOSSES, class by class. */
export function gatherLosses(): void {
  let to = SAMPLE_LOSSES;
  let losses = PLANES;
  if (!first) memory.fill(to, 0, usize(samples) << 3);
  if (positions == 1) return gatherRows(losses);
  for (let b = 0; b < images; b++, to += usize(positions) << 3) {
    for (let c = 0; c < classes; c++) {
      const end = losses + (usize(positions) << 2);
      let sum = to;
      for (const whole = losses + (usize(positions & ~3) << 2); losses < whole; losses += 16, sum += 32) {
        const v = v128.load(losses);
        addTwo(sum, f64x2.promote_low_f32x4(v));
        addTwo(sum + 16, upper(v));
      }
      for (; losses < end; losses += 4, sum += 8) store<f64>(sum, load<f64>(sum) + f64(load<f32>(losses)));
    }
  }
}

/** Values of four classes, `step` bytes apart. Past the last class it reads on; the caller masks that. */
// @ts-ignore: decorator
@inline
function four(at: usize, step: usize): v128 {
  return f32x4(load<f32>(at), load<f32>(at + step), load<f32>(at + 2 * step), load<f32>(at + 3 * step));
}

// @ts-ignore: decorator
@inline
function entropies(at: usize, step: usize): v128 {
  return step == 4 ? v128.load(at, ENTROPIES) : four(ENTROPIES + at, step);
}

// @ts-ignore: decorator
@inline
function nextEntropies(at: usize, step: usize): v128 {
  return step == 4 ? v128.load(at, ENTROPIES + 16) : four(ENTROPIES + at + (step << 2), step);
}

// @ts-ignore: decorator
@inline
function sigmoids(at: usize, step: usize): v128 {
  return step == 4 ? v128.load(at, TILE) : four(TILE + at, step);
}

// @ts-ignore: decorator
@inline
function nextSigmoids(at: usize, step: usize): v128 {
  return step == 4 ? v128.load(at, TILE + 16) : four(TILE + at + (step << 2), step);
}

/** The sums of the lanes of s and of q, each (0 + 2) + (1 + 3), as two float64. */
// @ts-ignore: decorator
@inline
function fold(s: v128, q: v128): v128 {
  const pairs = f32x4.add(v128.shuffle<f32>(s, q, 0, 1, 4, 5), v128.shuffle<f32>(s, q, 2, 3, 6, 7));
  const sums = f32x4.add(v128.shuffle<f32>(pairs, pairs, 0, 2, 0, 2), v128.shuffle<f32>(pairs, pairs, 1, 3, 1, 3));
  return f64x2.promote_low_f32x4(sums);
}

/** Sums of eight cross-entropies and of eight squared sigmoids. */
// @ts-ignore: decorator
@inline
function eight(e0: v128, e1: v128, p0: v128, p1: v128): v128 {
  return fold(f32x4.add(e0, e1), f32x4.add(f32x4.mul(p0, p0), f32x4.mul(p1, p1)));
}

/**
 * `total` plus, in its two lanes, the sum of a sample's cross-entropies and that of its squared sigmoids. They are
 * `step` bytes apart, the first at `at`.
 */
// @ts-ignore: decorator
@inline
function gather(at: usize, step: usize, total: v128): v128 {
  let left = classes;
  for (; left >= 8; left -= 8, at += step << 3) {
    const sums = eight(entropies(at, step), nextEntropies(at, step), sigmoids(at, step), nextSigmoids(at, step));
    total = f64x2.add(total, sums);
  }
  if (left) {
    const mask = maskOf(usize(left) << 2);
    const some = v128.load(mask);
    const more = v128.load(mask, 16);
    const e0 = v128.and(entropies(at, step), some);
    const e1 = v128.and(nextEntropies(at, step), more);
    const p0 = v128.and(sigmoids(at, step), some);
    const p1 = v128.and(nextSigmoids(at, step), more);
    total = f64x2.add(total, eight(e0, e1, p0, p1));
  }
  return total;
}

/** Cross-entropy of the k-th class from `at` on, or 0 if fewer than k + 1 are left. */
// @ts-ignore: decorator
@inline
function entropyAt(at: usize, step: usize, k: i32, left: i32): f32 {
  return k < left ? load<f32>(at + usize(k) * step, ENTROPIES) : 0;
}

/**
 * The sum of the cross-entropies where eight of them together leave float32: those eight are summed in float64. Rarely
 * needed, and so a function of its own.
 */
function gatherHuge(at: usize, step: usize, total: f64): f64 {
  for (let left = classes; left > 0; left -= 8, at += step << 3) {
    let wide: f64 = 0;
    for (let k = 0; k < 8; k++) wide += f64(entropyAt(at, step, k, left));
    const x0 = entropyAt(at, step, 0, left) + entropyAt(at, step, 4, left);
    const x1 = entropyAt(at, step, 1, left) + entropyAt(at, step, 5, left);
    const x2 = entropyAt(at, step, 2, left) + entropyAt(at, step, 6, left);
    const x3 = entropyAt(at, step, 3, left) + entropyAt(at, step, 7, left);
    const narrow = x0 + x2 + (x1 + x3);
    total += narrow < Infinity ? f64(narrow) : wide;
  }
  return total;
}

/** Add the sums of the sample at byte `i` to SUM and SQUARES; returns something that is NaN if one of them is. */
// @ts-ignore: decorator
@inline
function gatherSample(at: usize, step: usize, i: usize): f64 {
  const before = first ? load<f64>(i, SUM) : 0;
  const squares: f64 = first ? load<f64>(i, SQUARES) : 0;
  const total = gather(at, step, f64x2.replace_lane(f64x2.splat(before), 1, squares));
  let sum = f64x2.extract_lane(total, 0);
  if (sum == Infinity) sum = gatherHuge(at, step, before);
  store<f64>(i, sum, SUM);
  store<f64>(i, f64x2.extract_lane(total, 1), SQUARES);
  return sum + f64x2.extract_lane(total, 1);
}

/**
 * Add the cross-entropies of each sample to SUM, and the squares of its sigmoids, which are its Brier score, to
 * SQUARES. Eight classes are summed in float32, and these sums in float64. Every chunk of classes is a multiple of
 * eight, so no sum depends on the cut or on the layout. Returns whether nothing is NaN: the counting kernels below take
 * no NaN.
 */
export function gatherSamples(): bool {
  const step = usize(positions) << 2;
  const end = usize(samples) << 3;
  let all: f64 = 0;
  let at: usize = 0;
  if (step == 4) {
    for (let i: usize = 0; i < end; i += 8, at += usize(classes) << 2) all += gatherSample(at, 4, i);
  } else {
    for (let i: usize = 0; i < end; at += usize(classes - 1) * step) {
      for (const next = at + step; at < next; at += 4, i += 8) all += gatherSample(at, step, i);
    }
  }
  return all == all;
}

/** Round n float64 to float32, with 0 for ignored samples. */
function narrowSamples(n: i32, from: usize, to: usize): void {
  for (let i: usize = 0; i < usize(n) << 2; i += 16) {
    v128.store(to + i, v128.andnot(narrow(from + (i << 1)), i32x4.shr_s(v128.load(i, LABELS), 31)));
  }
}

/**
 * After the last chunk of the classes, round SUM, SQUARES and SAMPLE_LOSSES to CROSS_ENTROPY, BRIER and LOSS. A finite
 * cross-entropy past float32 is added to the exact sum here, and CROSS_ENTROPY gets 0, unless samples are added up by
 * group (groups.ts) or left open; a finite loss past float32 becomes the largest float32.
 */
export function narrowSums(n: i32, groups: i32): void {
  narrowSamples(n, SUM, CROSS_ENTROPY);
  narrowSamples(n, SQUARES, BRIER);
  narrowSamples(n, SAMPLE_LOSSES, LOSS);
  for (let i: usize = 0; i < usize(n) << 2; i += 4) {
    if (load<f32>(i, LOSS) == Infinity && load<f64>(SAMPLE_LOSSES + (i << 1)) < Infinity) {
      store<f32>(i, f32.MAX_VALUE, LOSS);
    }
    if (load<f32>(i, CROSS_ENTROPY) != Infinity) continue;
    const sum = load<f64>(SUM + (i << 1));
    if (sum == Infinity || groups > 0) continue;
    if (groups == LEFT_OPEN) {
      store<f32>(i, -1, CROSS_ENTROPY);
      store<i32>(i, i32(reinterpret<u64>(sum)), FAR);
      store<i32>(i, i32(reinterpret<u64>(sum) >> 32), FAR + COLUMN_BYTES);
      continue;
    }
    store<f32>(i, 0, CROSS_ENTROPY);
    addWide(i32(param(PARAM_SUMS)) + SUM_LOSS, sum);
  }
}

/** Of a column: four float64 parts of the exact sum of each lane's losses; how many of its decisions are positive. */
const PARTS: usize = memory.data(128, 16);
const ABOVE: usize = memory.data(16, 16);

/** The part of x that is lost in sum = h + x, whose last bit is fixed by the anchor in h. */
// @ts-ignore: decorator
@inline
function lostBy(x: v128, h: v128, sum: v128): v128 {
  return f64x2.sub(x, f64x2.sub(sum, h));
}

/**
 * PARTS and ABOVE of an even number `count` of vectors, `step` bytes apart. Returns false if a loss is neither 0 nor in
 * [2^−51, 128]; PARTS are of no use then.
 */
function column(at: usize, step: usize, count: i32): bool {
  const anchor = f64x2.splat(ANCHOR);
  let least = i32x4.splat(-1);
  let most = i32x4.splat(0);
  let above = most;
  let h0 = anchor;
  let h1 = anchor;
  let l0 = f64x2.splat(0);
  let l1 = l0;
  for (const end = at + usize(count) * step; at != end;) {
    const v = v128.load(at, PLANES);
    const p = v128.load(at, TILE);
    at += step;
    const w = v128.load(at, PLANES);
    const q = v128.load(at, TILE);
    at += step;
    // minus 1, zero becomes the largest integer, and so does not count as too small
    const ones = i32x4.splat(-1);
    least = i32x4.min_u(least, i32x4.min_u(i32x4.add(v, ones), i32x4.add(w, ones)));
    most = i32x4.max_u(most, i32x4.max_u(v, w));
    above = i32x4.add(above, i32x4.add(i32x4.shr_u(p, 31), i32x4.shr_u(q, 31)));
    const a = f64x2.promote_low_f32x4(v);
    const b = upper(v);
    const t0 = f64x2.add(h0, a);
    const t1 = f64x2.add(h1, b);
    l0 = f64x2.add(l0, lostBy(a, h0, t0));
    l1 = f64x2.add(l1, lostBy(b, h1, t1));
    const c = f64x2.promote_low_f32x4(w);
    const d = upper(w);
    h0 = f64x2.add(t0, c);
    h1 = f64x2.add(t1, d);
    l0 = f64x2.add(l0, lostBy(c, t0, h0));
    l1 = f64x2.add(l1, lostBy(d, t1, h1));
  }
  v128.store(ABOVE, above);
  h0 = f64x2.sub(h0, anchor);
  h1 = f64x2.sub(h1, anchor);
  v128.store(PARTS, v128.shuffle<f64>(h0, l0, 0, 2));
  v128.store(PARTS, v128.shuffle<f64>(h0, l0, 1, 3), 32);
  v128.store(PARTS, v128.shuffle<f64>(h1, l1, 0, 2), 64);
  v128.store(PARTS, v128.shuffle<f64>(h1, l1, 1, 3), 96);
  return i32x4.all_true(
    v128.and(i32x4.ge_u(least, i32x4.splat(LOWEST - 1)), i32x4.le_u(most, i32x4.splat(HIGHEST))),
  );
}

/** x rounded to a multiple of the last bit of `anchor`. */
// @ts-ignore: decorator
@inline
function rounded(x: v128, anchor: f64): v128 {
  return f64x2.sub(f64x2.add(x, f64x2.splat(anchor)), f64x2.splat(anchor));
}

/** Split two losses into four parts each, and add them to the PARTS of their lanes. */
// @ts-ignore: decorator
@inline
function split(losses: v128, parts: usize): void {
  const first = rounded(losses, ANCHOR);
  const r = f64x2.sub(losses, first);
  const second = rounded(r, ANCHOR2);
  const s = f64x2.sub(r, second);
  const third = rounded(s, ANCHOR3);
  const rest = f64x2.sub(s, third);
  addTwo(parts, v128.shuffle<f64>(first, second, 0, 2));
  addTwo(parts + 16, v128.shuffle<f64>(third, rest, 0, 2));
  addTwo(parts + 32, v128.shuffle<f64>(first, second, 1, 3));
  addTwo(parts + 48, v128.shuffle<f64>(third, rest, 1, 3));
}

/** PARTS of a column with losses of any size. Those above 128 count as 0; returns how many there are. */
function columnOfAll(at: usize, step: usize, count: i32): i32 {
  const highest = i32x4.splat(HIGHEST);
  let out = i32x4.splat(0);
  memory.fill(PARTS, 0, 128);
  for (const end = at + usize(count) * step; at != end; at += step) {
    const v = v128.load(at, PLANES);
    const huge = i32x4.gt_u(v, highest);
    out = i32x4.sub(out, huge);
    const plain = v128.andnot(v, huge);
    split(f64x2.promote_low_f32x4(plain), PARTS);
    split(upper(plain), PARTS + 64);
  }
  return sumLanes(out);
}

/** Vectors of a column that are counted together: a loss out of the ordinary range slows down these alone. */
const TOGETHER: i32 = 64;

/** Count a column, whose lane j belongs to class (c + j·along) mod classes. Returns how many losses are above 128. */
function countColumn(at: usize, step: usize, count: i32, c: i32, along: i32): i32 {
  let left = 0;
  for (; count > 0; count -= TOGETHER, at += usize(TOGETHER) * step) {
    const some = min(count, TOGETHER);
    const plain = column(at, step, some);
    if (!plain) left += columnOfAll(at, step, some);
    for (let j: usize = 0, k = c; j < 4; j++) {
      const row = rowOf(first + k);
      store<i32>(row, load<i32>(row, TALLY_PREDICTED) + load<i32>(ABOVE + (j << 2)), TALLY_PREDICTED);
      addTwo(row, v128.load(j << 5, PARTS));
      if (!plain) addTwo(row + 16, v128.load(j << 5, PARTS + 16));
      k += along;
      if (k == classes) k = 0;
    }
  }
  return left;
}

/** All ones where a decision is positive, else 0. Of NaN it is not positive. */
// @ts-ignore: decorator
@inline
function isFor(decision: v128): v128 {
  return v128.and(i32x4.shr_s(decision, 31), f32x4.eq(decision, decision));
}

// @ts-ignore: decorator
@inline
function isForOne(decision: f32): i32 {
  return i32(reinterpret<i32>(decision) < 0) & i32(decision == decision);
}

/** Add the number of wrong decisions of each sample to WRONG. To be called after `restoreTrueDecisions`. */
export function countWrong(): void {
  if (!first) memory.fill(WRONG, 0, usize(samples) << 2);
  let at: usize = 0;
  if (positions == 1) {
    for (let i: usize = 0; i < usize(samples) << 2; i += 4) {
      let wrong = load<i32>(i, WRONG);
      const end = at + (usize(classes) << 2);
      for (; at + 16 <= end; at += 16) wrong += popcnt(i32x4.bitmask(isFor(v128.load(at, TILE))));
      if (at < end) {
        wrong += popcnt(i32x4.bitmask(isFor(v128.load(at, TILE))) & ((1 << (i32(end - at) >> 2)) - 1));
        at = end;
      }
      store<i32>(i, wrong, WRONG);
    }
  } else {
    let sample = WRONG;
    for (let b = 0; b < images; b++, sample += usize(positions) << 2) {
      for (let c = 0; c < classes; c++) {
        let d: usize = 0;
        for (; d < usize(positions & ~3) << 2; d += 16, at += 16) {
          v128.store(sample + d, i32x4.sub(v128.load(sample + d), isFor(v128.load(at, TILE))));
        }
        for (; d < usize(positions) << 2; d += 4, at += 4) {
          store<i32>(sample + d, load<i32>(sample + d) + isForOne(load<f32>(at, TILE)));
        }
      }
    }
  }
  // positive decisions were counted as wrong; on the true class the positive one is right, the other wrong
  for (let i: usize = 0; i < usize(samples) << 2; i += 4) {
    if (load<i32>(i, OFFSET) < 0) continue;
    store<i32>(i, load<i32>(i, WRONG) + (load<i32>(i, POSITIVE) < 0 ? -1 : 1), WRONG);
  }
}

/**
 * Count losses and decisions of each class. Returns how many losses are above 128. Rows past the last, up to eight, are
 * overwritten with zeros.
 */
function countClasses(): i32 {
  let left = 0;
  if (positions == 1) {
    // every `period` vectors, a lane belongs to the same class again
    const period = classes & 1 ? classes : classes & 2 ? classes >> 1 : classes >> 2;
    const step = usize(period) << 4;
    const bytes = usize(samples * classes) << 2;
    const count = ((bytes + 2 * step - 1) / (2 * step)) << 1;
    memory.fill(PLANES + bytes, 0, count * step - bytes);
    memory.fill(TILE + bytes, 0, count * step - bytes);
    // in pieces: columns side by side share cache lines, which are still in the first-level cache then
    for (let done: usize = 0; done < count; done += TOGETHER) {
      const some = min(i32(count - done), TOGETHER);
      for (let p = 0; p < period; p++) {
        left += countColumn(done * step + (usize(p) << 4), step, some, (p << 2) % classes, 1);
      }
    }
  } else {
    let at: usize = 0;
    for (let b = 0; b < images; b++) {
      for (let c = 0; c < classes; c++) {
        left += countColumn(at, 16, (positions >> 3) << 1, c, 0);
        const end = at + (usize(positions) << 2);
        const row = rowOf(first + c);
        for (at += usize(positions & ~7) << 2; at < end; at += 4) {
          const bits = load<u32>(at, PLANES);
          if (bits > HIGHEST) left++;
          else addLoss(row, bits);
          store<i32>(row, load<i32>(row, TALLY_PREDICTED) + i32(load<u32>(at, TILE) >> 31), TALLY_PREDICTED);
        }
      }
    }
  }
  return left;
}

/**
 * Counters for each pair of bins, since two neighbouring probabilities are counted by one addition: the additions are
 * what takes the time. A counter is two int64. The first has the number of pairs from bit 40 on, and below it the sum
 * of the first probabilities in units of 2^−23; the second has the sum of the second probabilities. Each pair of bins
 * has four counters, because a single one would have to wait for its own last addition. The probability 1 has a bin of
 * its own, after the last.
 */
const PAIRS: usize = memory.data(64 * (TALLY_BINS + 1) * (TALLY_BINS + 1), 16);
const ONE_PAIR: usize = memory.data<i64>([1 << 40, 0], 16);

/** Of a block of probabilities: their units, and the byte of each pair's counter. */
const BLOCK: usize = 4 * 512;
const UNITS: usize = memory.data(4 * 512 + APART, 16);
const PLACE: usize = memory.data(4 * 512 + APART, 16);

/** Bytes from a counter to that of the next bin of the first probability, and of the second. */
const STRIDES: usize = memory.data(16, 16);

/** `units` of one. */
// @ts-ignore: decorator
@inline
function unitsOf(p: f32): u32 {
  return reinterpret<u32>(p + 1) - 0x3f800000;
}

/** Count the n probabilities of the tile in PAIRS, and up to 7 behind them, which must be 0. */
function countPairs(n: i32, bins: i32): void {
  v128.store(COUNT, i32x4.splat(bins));
  v128.store(STRIDES, i32x4.splat(((bins + 1) << 6) | (64 << 16)));
  const length = usize((n + 7) & ~7) << 2;
  for (let from: usize = 0; from < length; from += BLOCK) {
    const bytes = min(BLOCK, length - from);
    for (let i: usize = 0; i < bytes; i += 32) {
      const a = units(v128.load(from + i, TILE));
      const b = units(v128.load(from + i, TILE + 16));
      v128.store(i, a, UNITS);
      v128.store(i, b, UNITS + 16);
      const pairs = i32x4.dot_i16x8_s(i16x8.narrow_i32x4_s(binsOf(a), binsOf(b)), v128.load(STRIDES));
      v128.store(i >> 1, pairs, PLACE);
    }
    const one = v128.load(ONE_PAIR);
    for (let i: usize = 0; i < bytes; i += 32) {
      // each of four pairs has counters of its own
      let at = usize(load<u32>(i >> 1, PLACE));
      let term = i64x2.add(v128.load32x2_u(i, UNITS), one);
      v128.store(at, i64x2.add(v128.load(at, PAIRS), term), PAIRS);
      at = usize(load<u32>(i >> 1, PLACE + 4));
      term = i64x2.add(v128.load32x2_u(i, UNITS + 8), one);
      v128.store(at, i64x2.add(v128.load(at, PAIRS + 16), term), PAIRS + 16);
      at = usize(load<u32>(i >> 1, PLACE + 8));
      term = i64x2.add(v128.load32x2_u(i, UNITS + 16), one);
      v128.store(at, i64x2.add(v128.load(at, PAIRS + 32), term), PAIRS + 32);
      at = usize(load<u32>(i >> 1, PLACE + 12));
      term = i64x2.add(v128.load32x2_u(i, UNITS + 24), one);
      v128.store(at, i64x2.add(v128.load(at, PAIRS + 48), term), PAIRS + 48);
    }
  }
}

/** Probabilities that PAIRS have counted, in how many bins, and how many of them were zeros that are no decisions. */
let pending: i32 = 0;
let pendingBins: i32 = 0;
let zeros: i32 = 0;
/** The most that may be counted before another tile: the sum of all probabilities must stay below 2^40. */
const MOST_PENDING: i32 = (1 << 18) - LOGITS / 2 - 8;

/** Add PAIRS to BINS, whose confidences are in units of 2^−32, and clear PAIRS. */
export function flush(): void {
  if (!pending) return;
  const bins = pendingBins;
  let pair = PAIRS;
  for (let a = 0; a <= bins; a++) {
    for (let b = 0; b <= bins; b++, pair += 64) {
      const low = i64x2.add(v128.load(pair), v128.load(pair, 16));
      const sum = i64x2.add(low, i64x2.add(v128.load(pair, 32), v128.load(pair, 48)));
      const first = i64x2.extract_lane(sum, 0);
      if (!first) continue;
      const count = i32(first >> 40);
      addToBin(min(a, bins - 1), count, 0, first & 0xffffffffff);
      addToBin(min(b, bins - 1), count, 0, i64x2.extract_lane(sum, 1));
    }
  }
  memory.fill(PAIRS, 0, pair - PAIRS);
  store<i32>(BINS + countsAway, load<i32>(BINS + countsAway) - zeros);
  pending = 0;
  zeros = 0;
}

/** POSITIVE of each sample, from its true logit, before decisions take the place of the logits. */
function noteDecisions(): void {
  for (let i: usize = 0; i < usize(samples) << 2; i += 4) {
    const offset = load<i32>(i, OFFSET);
    // the logit is negated
    if (offset >= 0) store<i32>(i, -i32(-load<f32>(base + offset) > load<f32>(LOGIT_THRESHOLDS + offset)), POSITIVE);
  }
}

/** PLANES, ENTROPIES and TILE of the open tile, whose true logits are negated. */
export function decisions(): void {
  noteDecisions();
  oneVersusRestAndEntropies(base, LOGIT_THRESHOLDS, samples * classes, usize(param(PARAM_KEEP)));
}

/**
 * Turn the decision of each true class into that of its logit, which had been negated. Unless `bins` is 0, count it in
 * its class, and among the positives of its bin; `byGroup`: in those of its group.
 */
export function restoreTrueDecisions(bins: i32, byGroup: bool): void {
  for (let i: usize = 0; i < usize(samples) << 2; i += 4) {
    const offset = load<i32>(i, OFFSET);
    if (offset < 0) continue;
    const p: f32 = 1 - f32.abs(load<f32>(offset, TILE));
    const positive = load<i32>(i, POSITIVE) < 0;
    store<f32>(offset, positive ? -p : p, TILE);
    if (byGroup) countTrue(i, p, positive);
    if (!bins) continue;
    const row = rowOf(load<i32>(i, LABELS));
    // a sample counts 1 in the low half, a right decision 1 in the high half
    store<i64>(row, load<i64>(row, TALLY_SUPPORT) + 1 + (i64(positive) << 32), TALLY_SUPPORT);
    const bin = BINS + countsAway + usize(min<u32>((unitsOf(p) * bins) >>> 23, bins - 1)) * BIN_BYTES;
    store<i32>(bin, load<i32>(bin, BIN_HITS) + 1, BIN_HITS);
  }
}

/**
 * Count what `restoreTrueDecisions` did not: TALLY, and BINS once `flush` has been called. Probabilities are rounded to
 * 2^−23. Exact for 4096 samples after the tables were cleared. Decisions must have no NaN; of ignored samples they must
 * be 0, as their losses. Losses above 128 are left out of TALLY; returns how many there are.
 */
export function countDecisions(bins: i32): i32 {
  const n = samples * classes;
  const behind = -n & 7;
  memory.fill(TILE + (usize(n) << 2), 0, usize(behind) << 2);
  countPairs(n, bins);
  pending += n;
  pendingBins = bins;
  zeros += behind + ignored * classes;
  if (pending > MOST_PENDING) flush();
  return countClasses();
}
