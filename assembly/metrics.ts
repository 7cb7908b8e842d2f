/**
 * What evaluation metrics need beside the loss, from the same tile: `exponentialsSquares` in the place of `exponentials`,
 * then `ranks`, over every chunk of the classes; `outcomes` once after `core`. −∞ stands over the true class, so it never
 * counts as one of the others.
 */
import { lanes, ONE } from './exp';
import { narrow } from './margin';
import { planesSumSquares } from './margin-planes';
import { rowsSumSquares } from './margin-rows';
import {
  BINS, BRIER, CONFIDENCE, LABELS, LOSS, MAX, PLANES, PREDICTED, RANK, RANK_TIED, SLOPE,
  SQUARES, SUM, TALLY, TRUE,
} from './scratch';
import { base, classes, first, images, pair, pitch, planar, positions, samples, stride } from './tile';

const ZERO: usize = memory.data<f32>([0.0]);

export function exponentialsSquares(): void {
  if (pair) return;
  if (planar) planesSumSquares();
  else rowsSumSquares();
}

/**
 * Add to RANK and RANK_TIED, where counting may stop at `limit`, beyond which nobody asks; PREDICTED becomes the first class whose logit is
 * MAX, −1 where none is.
 */
export function ranks(limit: i32): void {
  if (!first) {
    const bytes = usize((samples + 15) & ~15) << 2;
    memory.fill(RANK, 0, bytes);
    memory.fill(RANK_TIED, 0, bytes);
    memory.fill(PREDICTED, 0xff, bytes);
  }
  if (pair) pairRanks();
  else if (planar) planesRanks();
  else rowsRanks(limit);
}

/** Two classes leave out none: what `open` and the sums would have left is made up for here. */
function pairRanks(): void {
  const one = f64x2.splat(1);
  for (let i: usize = 0; i < usize(samples) << 2; i += 16) {
    const y = v128.load(i, LABELS);
    const a = v128.load(i, PLANES);
    const b = v128.load(PLANES + (usize(stride) << 2) + i);
    const second = i32x4.eq(y, i32x4.splat(1));
    const z = v128.bitselect(b, a, second);
    const m = v128.bitselect(a, b, second);
    v128.store(i, z, TRUE);
    v128.store(i, m, MAX);
    for (let j: usize = 0; j < 32; j += 16) {
      v128.store(SUM + (i << 1) + j, one);
      v128.store(SQUARES + (i << 1) + j, one);
    }
    const above = f32x4.gt(m, z);
    v128.store(i, i32x4.neg(above), RANK);
    v128.store(i, i32x4.neg(f32x4.ge(m, z)), RANK_TIED);
    v128.store(i, v128.or(v128.xor(y, i32x4.splat(1)), v128.not(above)), PREDICTED);
  }
}

function planesRanks(): void {
  const step = usize(stride) << 2;
  for (let i: usize = 0; i < usize(samples) << 2; i += 32) {
    const z0 = v128.load(i, TRUE);
    const z1 = v128.load(i, TRUE + 16);
    const m0 = v128.load(i, MAX);
    const m1 = v128.load(i, MAX + 16);
    let above0 = v128.load(i, RANK);
    let above1 = v128.load(i, RANK + 16);
    let tied0 = v128.load(i, RANK_TIED);
    let tied1 = v128.load(i, RANK_TIED + 16);
    const before0 = v128.load(i, PREDICTED);
    const before1 = v128.load(i, PREDICTED + 16);
    let best0 = before0;
    let best1 = before1;
    let at = PLANES + i + usize(classes) * step;
    // from the last class to the first, so that the first with the largest logit stays
    let c = i32x4.splat(first + classes);
    for (const end = PLANES + i; at != end;) {
      at -= step;
      c = i32x4.sub(c, i32x4.splat(1));
      const v0 = v128.load(at);
      const v1 = v128.load(at, 16);
      above0 = i32x4.sub(above0, f32x4.gt(v0, z0));
      above1 = i32x4.sub(above1, f32x4.gt(v1, z1));
      tied0 = i32x4.sub(tied0, f32x4.ge(v0, z0));
      tied1 = i32x4.sub(tied1, f32x4.ge(v1, z1));
      best0 = v128.bitselect(c, best0, f32x4.eq(v0, m0));
      best1 = v128.bitselect(c, best1, f32x4.eq(v1, m1));
    }
    v128.store(i, above0, RANK);
    v128.store(i, above1, RANK + 16);
    v128.store(i, tied0, RANK_TIED);
    v128.store(i, tied1, RANK_TIED + 16);
    v128.store(i, v128.bitselect(best0, before0, i32x4.shr_s(before0, 31)), PREDICTED);
    v128.store(i, v128.bitselect(best1, before1, i32x4.shr_s(before1, 31)), PREDICTED + 16);
  }
}

// @ts-ignore: decorator
@inline
function sumLanes(v: v128): i32 {
  return i32x4.extract_lane(v, 0) + i32x4.extract_lane(v, 1) + i32x4.extract_lane(v, 2) + i32x4.extract_lane(v, 3);
}

/** One bit for each of 16 lanes that are all ones or zeros. */
// @ts-ignore: decorator
@inline
function bits(a: v128, b: v128, c: v128, d: v128): i32 {
  return i8x16.bitmask(i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)));
}

/** Rows whose true class has the largest logit are passed over: their rank is 0 and `outcomes` knows the rest. */
function rowsRanks(limit: i32): void {
  const end = usize(classes) << 2;
  for (let i: usize = 0; i < usize(samples) << 2; i += 4) {
    const z = load<f32>(i, TRUE);
    const m = load<f32>(i, MAX);
    if (z > m) continue;
    const row = base + i * usize(pitch);
    const zs = f32x4.splat(z);
    let above = load<i32>(i, RANK);
    let tied = load<i32>(i, RANK_TIED);
    for (let c: usize = 0; c < end && above < limit; c += 64) {
      const a = v128.load(row + c);
      const b = v128.load(row + c, 16);
      const d = v128.load(row + c, 32);
      const e = v128.load(row + c, 48);
      const mask = inRow(end - c);
      above += popcnt(mask & bits(f32x4.gt(a, zs), f32x4.gt(b, zs), f32x4.gt(d, zs), f32x4.gt(e, zs)));
      tied += popcnt(mask & bits(f32x4.ge(a, zs), f32x4.ge(b, zs), f32x4.ge(d, zs), f32x4.ge(e, zs)));
    }
    store<i32>(i, above, RANK);
    store<i32>(i, above < limit ? tied : above, RANK_TIED);
    if (load<i32>(i, PREDICTED) >= 0) continue;
    const ms = f32x4.splat(m);
    for (let c: usize = 0; c < end; c += 64) {
      const found = inRow(end - c) & bits(
        f32x4.eq(v128.load(row + c), ms), f32x4.eq(v128.load(row + c, 16), ms),
        f32x4.eq(v128.load(row + c, 32), ms), f32x4.eq(v128.load(row + c, 48), ms),
      );
      if (found) {
        store<i32>(i, first + i32(c >> 2) + ctz(found), PREDICTED);
        break;
      }
    }
  }
}

/** Bits of the lanes that `left` bytes of a row fill. */
// @ts-ignore: decorator
@inline
function inRow(left: usize): i32 {
  return left < 64 ? (1 << i32(left >> 2)) - 1 : -1;
}

/** 1 − p_y in SLOPE, SUM, SQUARES and the ranks → CONFIDENCE, BRIER and PREDICTED, −1 where ties or NaN leave it open. */
export function outcomes(n: i32): void {
  const one = lanes(ONE);
  for (let i: usize = 0; i < usize(n) << 2; i += 16) {
    const y = v128.load(i, LABELS);
    const q = v128.load(i, SLOPE);
    const z = v128.load(i, TRUE);
    const s = narrow(SUM + (i << 1));
    const hit = f32x4.gt(z, v128.load(i, MAX));
    const known = v128.or(hit, i32x4.eq(v128.load(i, RANK), v128.load(i, RANK_TIED)));
    const sound = v128.and(v128.and(known, f32x4.eq(s, s)), f32x4.eq(z, z));
    v128.store(i, v128.or(v128.bitselect(y, v128.load(i, PREDICTED), hit), v128.not(sound)), PREDICTED);
    // where no other class is possible there is nothing to divide by, and q is 0
    const share = v128.and(f32x4.div(one, s), f32x4.ne(s, lanes(ZERO)));
    v128.store(i, v128.bitselect(f32x4.sub(one, q), f32x4.mul(q, share), hit), CONFIDENCE);
    const spread = f32x4.mul(f32x4.mul(narrow(SQUARES + (i << 1)), share), share);
    v128.store(i, v128.andnot(f32x4.mul(f32x4.mul(q, q), f32x4.add(one, spread)), i32x4.shr_s(y, 31)), BRIER);
  }
}

/** How many of the samples that are not ignored have fewer than k classes above their own. */
export function within(n: i32, k: i32): i32 {
  const limit = i32x4.splat(k);
  let count = i32x4.splat(0);
  for (let i: usize = 0; i < usize(n) << 2; i += 16) {
    const inside = i32x4.lt_s(v128.load(i, RANK), limit);
    count = i32x4.sub(count, v128.andnot(inside, i32x4.shr_s(v128.load(i, LABELS), 31)));
  }
  return sumLanes(count);
}

/** See exact-sum.ts; half the range of small values, so that sums of 4096 stay exact. */
export const ANCHOR: f64 = 1572864;
export const LOWEST: u32 = 0x26000000; // 2^−51
export const HIGHEST: u32 = 0x43000000; // 128

/** ½ and a little: rounding then never goes down. */
const HALF: f64 = 0.5000000000036379788; // ½ + 2^−38

/** Nearest integer (ties to even) of 0 ≤ x < 2^51: the low bits of x + 2^52. */
// @ts-ignore: decorator
@inline
function integer(x: f64): i64 {
  return reinterpret<i64>(x + 4503599627370496) & 0xfffffffffffff;
}

/** ⌊x⌋ of a float32 in [0, 1] times an integer below 2^12, which falls short of no integer by less than 2^−37. */
// @ts-ignore: decorator
@inline
function floor(x: f64): i32 {
  return i32(integer(x + HALF)) - 1;
}

// @ts-ignore: decorator
@inline
export function isPlain(bits: u32): bool {
  return bits - LOWEST <= HIGHEST - LOWEST || !bits;
}

// @ts-ignore: decorator
@inline
export function addLoss(at: usize, bits: u32): void {
  const loss = f64(reinterpret<f32>(bits));
  const high = loss + ANCHOR - ANCHOR;
  v128.store(at, f64x2.add(v128.load(at), f64x2.replace_lane(f64x2.splat(high), 1, loss - high)));
}

// @ts-ignore: decorator
@inline
function addToBin(p: f64, bins: f64, last: i32, one: i64): void {
  const bin = BINS + (usize(min(floor(p * bins), last)) << 4);
  v128.store(bin, i64x2.add(v128.load(bin), i64x2.replace_lane(i64x2.splat(one), 1, integer(p * 4294967296))));
}

/**
 * Count the samples in: at TALLY for each class two float64, the multiples of 2^−32 in the losses and what is left over,
 * then i32 samples, those predicted rightly, all predictions; at BINS for each bin i32 samples, hits, then i64 the confidence
 * in units of 2^−32. Exact for 4096 samples after the tables were cleared. Samples without PREDICTED and losses out of
 * [2^−51, 128] are passed over: their positions go to RANK_TIED, and their number is returned.
 */
export function tally(n: i32, bins: i32): i32 {
  let over = RANK_TIED;
  for (let i: usize = 0; i < usize(n) << 2; i += 4) {
    const y = load<i32>(i, LABELS);
    if (y < 0) continue;
    const predicted = load<i32>(i, PREDICTED);
    const bits = load<u32>(i, LOSS);
    if (predicted < 0 || !isPlain(bits)) {
      store<i32>(over, i32(i >> 2));
      over += 4;
      continue;
    }
    // a sample counts 1 in the low half, a hit 1 in the high half
    const one = 1 + (i64(predicted == y) << 32);
    const at = TALLY + (usize(y) << 5);
    addLoss(at, bits);
    store<i64>(at, load<i64>(at, 16) + one, 16);
    const other = TALLY + (usize(predicted) << 5);
    store<i32>(other, load<i32>(other, 24) + 1, 24);
    addToBin(f64(load<f32>(i, CONFIDENCE)), f64(bins), bins - 1, one);
  }
  return i32(over - RANK_TIED) >> 2;
}
