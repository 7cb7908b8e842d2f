/**
 * Metrics of the softmax loss, from the tile that its loss is made from. For each chunk of the classes,
 * `largestAndPlace` takes the place of `largest`, and `squaresAndRanks` that of `exponentials`. `outcomes` follows
 * once, after `core`. The logit of the true class is −∞ meanwhile, so it never counts as one of the others.
 */
import {
  BIN_BYTES, BIN_CONFIDENCE, BIN_HITS, TALLY_BINS, TALLY_BYTES, TALLY_PREDICTED, TALLY_SUPPORT,
} from '../../bindings/backend/constants';
import { APART } from '../tile/block';
import { probabilities } from '../focal';
import { lanes, maskOf, ONE, SIGN } from '../math/numbers';
import { narrow } from '../softmax/margin';
import { sumSquares } from '../softmax/exponentials';
import { insideRow as inside } from '../softmax/largest';
import { ofClass } from '../softmax/pair';
import { GAP, GAP_LOW, LABELS, LOSS, MAX, SLOPE, SQUARES, SUM, TRUE } from '../tile/scratch';
import { BINS, BRIER, CONFIDENCE, OWN_LABELS, PASSED_OVER, PREDICTED, RANK, SIXTEEN, TALLY } from './scratch';
import { gaps, largest } from '../softmax/softmax';
import {
  base, classes, first, images, pair, passOver, imageStride, planar, positions, samples, classStride,
} from '../tile/tile';

const ZERO: usize = memory.data<f32>([0.0]);

/**
 * Add this chunk of the classes to SUM and SQUARES, and to RANK the classes that come before the true one. Counting may
 * stop at `limit`: no metric asks for larger ranks. PREDICTED becomes the first of the other classes whose logit is
 * MAX, or −1 if none is.
 */
export function squaresAndRanks(limit: i32): void {
  if (pair) return pairRanks();
  if (planar) {
    sumSquares(0, images);
    planesRanks();
    return;
  }
  if (!first) {
    const bytes = usize((samples + 15) & ~15) << 2;
    memory.fill(RANK, 0, bytes);
    memory.fill(PREDICTED, 0xff, bytes);
  }
  // Ranks take branches that no processor can predict, and each wrong guess throws away work on the next row's
  // exponentials. So the exponentials of a few rows come first, then their ranks, while the rows are in the first
  // cache.
  const group = 1 + 4096 / classes;
  for (let from = 0; from < samples; from += group) {
    const to = min(from + group, samples);
    sumSquares(from, to);
    for (let i = from; i < to; i++) rankRow(i, limit);
  }
}

/** The same for two classes, where no logit was masked: TRUE, MAX, SUM and SQUARES are made here. */
function pairRanks(): void {
  const one = f64x2.splat(1);
  let image = base;
  for (let g = 0; g < images; g++, image += usize(imageStride) << 2) {
    for (let d: usize = 0; d < usize(positions) << 2; d += 16) {
      const i = (usize(g * positions) << 2) + d;
      const y = v128.load(i, LABELS);
      const a = ofClass(0, image, d);
      const b = ofClass(1, image, d);
      const second = i32x4.eq(y, i32x4.splat(1));
      const z = v128.bitselect(b, a, second);
      const m = v128.bitselect(a, b, second);
      v128.store(i, z, TRUE);
      v128.store(i, m, MAX);
      for (let j: usize = 0; j < 32; j += 16) {
        v128.store(SUM + (i << 1) + j, one);
        v128.store(SQUARES + (i << 1) + j, one);
      }
      const before = v128.or(f32x4.gt(m, z), v128.and(f32x4.eq(m, z), second));
      v128.store(i, i32x4.neg(before), RANK);
      v128.store(i, v128.or(v128.xor(y, i32x4.splat(1)), f32x4.ne(m, m)), PREDICTED);
    }
  }
}

function planesRanks(): void {
  const step = usize(classStride) << 2;
  const zero = i32x4.splat(0);
  let image = base;
  for (let b = 0; b < images; b++, image += usize(imageStride) << 2) {
    for (let d: usize = 0; d < usize(positions) << 2; d += 32) {
      const i = (usize(b * positions) << 2) + d;
      const z0 = v128.load(i, TRUE);
      const z1 = v128.load(i, TRUE + 16);
      const m0 = v128.load(i, MAX);
      const m1 = v128.load(i, MAX + 16);
      const y0 = v128.load(i, LABELS);
      const y1 = v128.load(i, LABELS + 16);
      let rank0 = zero;
      let rank1 = zero;
      // unsigned, −1 is the largest number
      let best0 = v128.not(zero);
      let best1 = best0;
      if (first) {
        rank0 = v128.load(i, RANK);
        rank1 = v128.load(i, RANK + 16);
        best0 = v128.load(i, PREDICTED);
        best1 = v128.load(i, PREDICTED + 16);
      }
      let c = i32x4.splat(first);
      for (let at = image + d, end = at + usize(classes) * step; at != end; at += step) {
        const v0 = v128.load(at);
        const v1 = v128.load(at, 16);
        const tied0 = v128.and(f32x4.eq(v0, z0), i32x4.lt_s(c, y0));
        const tied1 = v128.and(f32x4.eq(v1, z1), i32x4.lt_s(c, y1));
        rank0 = i32x4.sub(rank0, v128.or(f32x4.gt(v0, z0), tied0));
        rank1 = i32x4.sub(rank1, v128.or(f32x4.gt(v1, z1), tied1));
        best0 = i32x4.min_u(best0, v128.or(c, f32x4.ne(v0, m0)));
        best1 = i32x4.min_u(best1, v128.or(c, f32x4.ne(v1, m1)));
        c = i32x4.sub(c, i32x4.splat(-1));
      }
      v128.store(i, rank0, RANK);
      v128.store(i, rank1, RANK + 16);
      v128.store(i, best0, PREDICTED);
      v128.store(i, best1, PREDICTED + 16);
    }
  }
}

// @ts-ignore: decorator
@inline
export function sumLanes(v: v128): i32 {
  return i32x4.extract_lane(v, 0) + i32x4.extract_lane(v, 1) + i32x4.extract_lane(v, 2) + i32x4.extract_lane(v, 3);
}

/** One bit for each of 16 lanes that are all ones or zeros. */
// @ts-ignore: decorator
@inline
function bits(a: v128, b: v128, c: v128, d: v128): i32 {
  return i8x16.bitmask(i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)));
}

/** One bit for each of the 16 logits at `at` that equals x. */
// @ts-ignore: decorator
@inline
function equal(at: usize, x: v128): i32 {
  return bits(
    f32x4.eq(v128.load(at), x), f32x4.eq(v128.load(at, 16), x),
    f32x4.eq(v128.load(at, 32), x), f32x4.eq(v128.load(at, 48), x),
  );
}

/** One bit for each that is larger than x. */
// @ts-ignore: decorator
@inline
function larger(at: usize, x: v128): i32 {
  return bits(
    f32x4.gt(v128.load(at), x), f32x4.gt(v128.load(at, 16), x),
    f32x4.gt(v128.load(at, 32), x), f32x4.gt(v128.load(at, 48), x),
  );
}

/** MAX of each row, as in largestOthers, and SIXTEEN. */
function rowsMaxAndPlace(): void {
  const end = usize(classes) << 2;
  for (let i = 0; i < samples; i++) {
    const row = base + (usize(i * imageStride) << 2);
    const at = usize(i) << 2;
    let m = f32x4.splat(first ? load<f32>(at, MAX) : -f32.MAX_VALUE);
    let best = i32x4.splat(first ? load<i32>(at, SIXTEEN) : 0);
    // the largest logit so far only grows, so the last group that raised it holds the largest of all
    let place = i32x4.splat(first >> 4);
    let c: usize = 0;
    for (; c + 64 <= end; c += 64) {
      const low = f32x4.pmax(v128.load(row + c), v128.load(row + c, 16));
      // a NaN may hide other logits, but its sample is NaN anyway
      const more = f32x4.pmax(m, f32x4.pmax(low, f32x4.pmax(v128.load(row + c, 32), v128.load(row + c, 48))));
      best = i32x4.max_s(best, v128.and(place, f32x4.gt(more, m)));
      place = i32x4.sub(place, i32x4.splat(-1));
      m = more;
    }
    for (; c < end; c += 16) {
      const more = f32x4.pmax(m, inside(row + c, maskOf(min<usize>(end - c, 32))));
      best = i32x4.max_s(best, v128.and(place, f32x4.gt(more, m)));
      m = more;
    }
    let most = f32x4.pmax(m, v128.shuffle<f32>(m, m, 2, 3, 0, 1));
    most = f32x4.pmax(most, v128.shuffle<f32>(most, most, 1, 0, 3, 2));
    v128.store_lane<f32>(at + MAX, most, 0);
    best = v128.or(best, f32x4.ne(m, most));
    best = i32x4.min_u(best, v128.shuffle<i32>(best, best, 2, 3, 0, 1));
    best = i32x4.min_u(best, v128.shuffle<i32>(best, best, 1, 0, 3, 2));
    v128.store_lane<i32>(at + SIXTEEN, best, 0);
  }
}

/** `largest`, which for rows also notes where the largest logit is. */
export function largestAndPlace(): void {
  if (pair || planar) largest();
  else rowsMaxAndPlace();
}

/** The first class whose logit is x, between bytes `c` and `end` of a row, or −1. */
function find(row: usize, c: usize, end: usize, x: v128): i32 {
  for (; c < end; c += 64) {
    const found = inRow(end - c) & equal(row + c, x);
    if (found) return first + i32(c >> 2) + ctz(found);
  }
  return -1;
}

/**
 * RANK and PREDICTED of one row. Nothing to do where the true class has the largest logit: its rank is 0, and
 * `outcomes` predicts it.
 */
function rankRow(sample: i32, limit: i32): void {
  const i = usize(sample) << 2;
  const z = load<f32>(i, TRUE);
  const m = load<f32>(i, MAX);
  const label = load<i32>(i, LABELS);
  if (z > m || label < 0) return;
  const end = usize(classes) << 2;
  const row = base + i * usize(imageStride);
  const zs = f32x4.splat(z);
  // of equal logits the lower class comes first
  const before = usize(min(max(label - first, 0), classes)) << 2;
  let rank = load<i32>(i, RANK);
  let c: usize = 0;
  if (z < m) {
    for (; c + 128 <= end && rank < limit; c += 128) {
      rank += popcnt(larger(row + c, zs) | (larger(row + c + 64, zs) << 16));
    }
    for (; c < end && rank < limit; c += 64) rank += popcnt(inRow(end - c) & larger(row + c, zs));
  }
  // equal logits of lower classes, unless the rank is beyond the limit already
  for (c = 0; c < before && rank < limit; c += 64) rank += popcnt(inRow(before - c) & equal(row + c, zs));
  store<i32>(i, rank, RANK);
  if (load<i32>(i, PREDICTED) >= 0) return;
  const from = (load<i32>(i, SIXTEEN) << 4) - first;
  const ms = f32x4.splat(m);
  let best = -1;
  if (u32(from) < u32(classes)) best = find(row, usize(from) << 2, min((usize(from) << 2) + 64, end), ms);
  // MAX begins with the lowest finite number: a logit that equals it does not raise it, so its place was not noted
  if (m == -f32.MAX_VALUE) best = find(row, 0, end, ms);
  if (best >= 0) store<i32>(i, best, PREDICTED);
}

/** One bit for each of 16 lanes that are within the `left` bytes of a row. */
// @ts-ignore: decorator
@inline
function inRow(left: usize): i32 {
  return left < 64 ? (1 << i32(left >> 2)) - 1 : -1;
}

/**
 * BRIER, and PREDICTED of all classes: the first with the largest logit. Reads 1 − p_y in SLOPE, SUM, SQUARES, and what
 * `squaresAndRanks` left in PREDICTED. Returns how many predictions are wrong; 0 for two classes, of which either gap
 * gives both probabilities.
 */
export function outcomes(n: i32): i32 {
  const one = lanes(ONE);
  let wrong = i32x4.splat(0);
  for (let i: usize = 0; i < usize(n) << 2; i += 16) {
    const y = v128.load(i, LABELS);
    const q = v128.load(i, SLOPE);
    const z = v128.load(i, TRUE);
    const m = v128.load(i, MAX);
    const s = narrow(SUM + (i << 1));
    const other = v128.load(i, PREDICTED);
    const ignored = i32x4.shr_s(y, 31);
    const open = v128.or(v128.or(f32x4.ne(s, s), f32x4.ne(z, z)), ignored);
    const best = v128.bitselect(i32x4.min_u(y, other), other, f32x4.eq(z, m));
    const predicted = v128.or(v128.bitselect(y, best, f32x4.gt(z, m)), open);
    v128.store(i, predicted, PREDICTED);
    wrong = i32x4.sub(wrong, v128.andnot(i32x4.ne(predicted, y), i32x4.shr_s(predicted, 31)));
    // where no other class is possible there is nothing to divide by, and q is 0
    const share = v128.and(f32x4.div(one, s), f32x4.ne(s, lanes(ZERO)));
    const spread = f32x4.mul(f32x4.mul(narrow(SQUARES + (i << 1)), share), share);
    v128.store(i, v128.andnot(f32x4.mul(f32x4.mul(q, q), f32x4.add(one, spread)), ignored), BRIER);
  }
  return pair ? 0 : sumLanes(wrong);
}

/**
 * The confidence is the probability of the predicted class, and must have the same bits whatever the label is. So where
 * the prediction is wrong, a second scan and sum leave out the predicted class, as the first ones left out the true
 * one. Between `reviewed(n, true)` and `reviewed(n, false)` LABELS has the predictions. Samples that are predicted
 * rightly keep their label, and are passed over.
 */
export function reviewed(n: i32, on: bool): void {
  const bytes = usize((n + 15) & ~15) << 2;
  passOver(on ? OWN_LABELS : 0);
  if (!on) {
    memory.copy(LABELS, OWN_LABELS, bytes);
    gaps(n);
    return;
  }
  memory.copy(OWN_LABELS, LABELS, bytes);
  memory.copy(LABELS, PREDICTED, usize(n) << 2);
}

/** CONFIDENCE from GAP, that of the predicted classes. */
export function confidences(n: i32): void {
  if (pair) {
    // the gap of the predicted one of two classes is ≤ 0
    for (let i: usize = 0; i < usize(n) << 2; i += 16) {
      const gap = v128.load(i, GAP);
      const flip = v128.andnot(lanes(SIGN), v128.or(i32x4.shr_s(gap, 31), f32x4.ne(gap, gap)));
      v128.store(i, v128.xor(gap, flip), GAP);
      v128.store(i, v128.xor(v128.load(i, GAP_LOW), flip), GAP_LOW);
    }
  }
  probabilities(n, CONFIDENCE);
}

/** How many samples have a prediction, and a true class among the k first. */
export function topK(k: i32): i32 {
  const limit = i32x4.splat(k);
  let count = i32x4.splat(0);
  const end = usize(samples) << 2;
  for (let i: usize = 0; i < end; i += 16) {
    const among = i32x4.lt_s(v128.load(i, RANK), limit);
    count = i32x4.sub(count, v128.andnot(among, i32x4.shr_s(v128.load(i, PREDICTED), 31)));
  }
  return sumLanes(count);
}

/** As in exact-sum.ts, for half the range of small values, so that sums of 4096 values stay exact. */
export const ANCHOR: f64 = 1572864;
export const LOWEST: u32 = 0x26000000; // 2^−51
export const HIGHEST: u32 = 0x43000000; // 128
/**
 * 1.5·2^−20 and 1.5·2^−60. Rounding to them splits a value into multiples of 2^−72, of 2^−112, and a remainder of at
 * most 2^−113.
 */
export const ANCHOR2: f64 = 1.430511474609375e-6;
export const ANCHOR3: f64 = 1.3010426069826053e-18;

/** How far behind their own places TALLY and BINS are. */
export let countsAway: usize = 0;

export function countAt(away: usize): void {
  countsAway = away;
}

/** The row of a class in TALLY. */
// @ts-ignore: decorator
@inline
export function rowOf(c: i32): usize {
  return TALLY + countsAway + usize(c * TALLY_BYTES);
}

/** Add to the two float64 at `at`. */
// @ts-ignore: decorator
@inline
export function addTwo(at: usize, two: v128): void {
  v128.store(at, f64x2.add(v128.load(at), two));
}

// @ts-ignore: decorator
@inline
function addPair(at: usize, a: f64, b: f64): void {
  addTwo(at, f64x2.replace_lane(f64x2.splat(a), 1, b));
}

/** Add a loss in [2^−51, 128], or 0, to the parts of a sum. */
// @ts-ignore: decorator
@inline
function addPlain(at: usize, loss: f64): void {
  const high = loss + ANCHOR - ANCHOR;
  addPair(at, high, loss - high);
}

/** Add a loss of at most 128 to the four parts of a sum. */
export function addLoss(at: usize, bits: u32): void {
  const loss = f64(reinterpret<f32>(bits));
  if (bits - LOWEST <= HIGHEST - LOWEST) return addPlain(at, loss);
  const high = loss + ANCHOR - ANCHOR;
  let rest = loss - high;
  const second = rest + ANCHOR2 - ANCHOR2;
  rest -= second;
  const third = rest + ANCHOR3 - ANCHOR3;
  addPair(at, high, second);
  addPair(at + 16, third, rest - third);
}

/** The number of bins in four lanes. In memory, because V8 would make the splat anew for each vector. */
export const COUNT: usize = memory.data(16, 16);

/** |p| in units of 2^−23, rounded to even: the low bits of 1 + |p|. */
// @ts-ignore: decorator
@inline
export function units(ps: v128): v128 {
  return i32x4.sub(f32x4.add(f32x4.abs(ps), lanes(ONE)), lanes(ONE));
}

/** ⌊p·COUNT⌋ of probabilities in units of 2^−23. */
// @ts-ignore: decorator
@inline
export function binsOf(units: v128): v128 {
  return i32x4.shr_u(i32x4.mul(units, v128.load(COUNT)), 23);
}

/** Add to bin `b`; `sum` is of confidences in units of 2^−23. */
// @ts-ignore: decorator
@inline
export function addToBin(b: i32, count: i32, hits: i32, sum: i64): void {
  const bin = BINS + countsAway + usize(b * BIN_BYTES);
  store<i32>(bin, load<i32>(bin) + count);
  if (hits) store<i32>(bin, load<i32>(bin, BIN_HITS) + hits, BIN_HITS);
  store<i64>(bin, load<i64>(bin, BIN_CONFIDENCE) + (sum << 9), BIN_CONFIDENCE);
}

/**
 * Counters of the bins: one 64-bit word for each bin and each of four lanes, because a single word would have to wait
 * for its own last addition. Its lowest 36 bits sum the confidences in units of 2^−23, the next 13 count samples, the
 * rest hits. The confidence 1 has a bin of its own, after the last.
 */
const BANKS: usize = memory.data(32 * (TALLY_BINS + 1), 16);
const BANK_OF_LANE: usize = memory.data<i32>([0, 8, 16, 24], 16);
/** Integers, each read into all four lanes. */
const TABLE: usize = memory.data<i32>([1 << 4, 1 << 17, 0x26000000, 0x43000000 - 0x26000000, -2], 4);
/**
 * The upper half of a word that counts one sample, and what a hit adds to it. LEAST is LOWEST, RANGE HIGHEST − LOWEST.
 */
const ONE_SAMPLE: usize = TABLE;
const ONE_HIT: usize = TABLE + 4;
const LEAST: usize = TABLE + 8;
const RANGE: usize = TABLE + 12;
const SPECIAL: usize = TABLE + 16;

/** Of a block of samples: class, −1 if ignored, −2 if special (see countSamples); byte of its word in BANKS; addend. */
const BLOCK: usize = 4 * 256;
const CLASS: usize = memory.data(1024 + APART, 16);
const BANK: usize = memory.data(1024 + APART, 16);
const TERM: usize = memory.data(2048 + APART, 16);

/** CLASS, BANK and TERM of the samples from `from` on. */
function classify(from: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const at = from + i;
    const y = v128.load(at, LABELS);
    const predicted = v128.load(at, PREDICTED);
    const hit = i32x4.eq(y, predicted);
    const loss = v128.load(at, LOSS);
    const zero = i32x4.splat(0);
    const least = lanes(LEAST);
    const plain = v128.or(i32x4.le_u(i32x4.sub(loss, least), lanes(RANGE)), i32x4.eq(loss, zero));
    // −1 stays −1
    const special = v128.andnot(lanes(SPECIAL), v128.andnot(plain, i32x4.shr_s(predicted, 31)));
    v128.store(i, v128.or(y, special), CLASS);
    const u = units(v128.load(at, CONFIDENCE));
    v128.store(i, v128.or(i32x4.shl(binsOf(u), 5), v128.load(BANK_OF_LANE)), BANK);
    const one = i32x4.add(v128.and(hit, lanes(ONE_HIT)), lanes(ONE_SAMPLE));
    v128.store(i << 1, v128.shuffle<i32>(u, one, 0, 4, 1, 5), TERM);
    v128.store(i << 1, v128.shuffle<i32>(u, one, 2, 6, 3, 7), TERM + 16);
  }
}

/** Add BANKS to BINS, whose confidences are in units of 2^−32, and clear BANKS. */
function flushBanks(bins: i32): void {
  for (let b = 0; b <= bins; b++) {
    const from = usize(b) << 5;
    let sum: i64 = 0;
    for (let j: usize = 0; j < 32; j += 8) sum += load<i64>(from + j, BANKS);
    addToBin(min(b, bins - 1), i32(sum >> 36) & 0x1fff, i32(sum >> 49), sum & 0xfffffffff);
  }
  memory.fill(BANKS, 0, usize(bins + 1) << 5);
}

/**
 * Count the samples in TALLY and BINS, with confidences rounded to 2^−23. Exact for 4096 samples after the tables were
 * cleared. Samples without a prediction (NaN), or with a loss above 128, are left to the caller: their numbers go to
 * PASSED_OVER, and how many they are is returned. Losses below 2^−51 take the slower way of `addLoss`.
 */
export function countSamples(n: i32, bins: i32): i32 {
  let over = PASSED_OVER;
  v128.store(COUNT, i32x4.splat(bins));
  const end = usize(n) << 2;
  for (let from: usize = 0; from < end; from += BLOCK) {
    const bytes = min(BLOCK, end - from);
    classify(from, bytes);
    for (let i: usize = 0; i < bytes; i += 4) {
      let y = load<i32>(i, CLASS);
      const at = from + i;
      if (y < 0) {
        y = load<i32>(at, LABELS);
        if (y < 0) continue;
        const bits = load<u32>(at, LOSS);
        if (load<i32>(at, PREDICTED) < 0 || bits > HIGHEST) {
          store<i32>(over, i32(at >> 2));
          over += 4;
          continue;
        }
        addLoss(rowOf(y), bits);
      } else {
        addPlain(rowOf(y), f64(load<f32>(at, LOSS)));
      }
      const predicted = load<i32>(at, PREDICTED);
      // a sample counts 1 in the low half, a hit 1 in the high half
      const row = rowOf(y);
      store<i64>(row, load<i64>(row, TALLY_SUPPORT) + 1 + (i64(predicted == y) << 32), TALLY_SUPPORT);
      const other = rowOf(predicted);
      store<i32>(other, load<i32>(other, TALLY_PREDICTED) + 1, TALLY_PREDICTED);
      const bank = usize(load<u32>(i, BANK));
      store<i64>(bank, load<i64>(bank, BANKS) + load<i64>(i << 1, TERM), BANKS);
    }
  }
  flushBanks(bins);
  return i32(over - PASSED_OVER) >> 2;
}
