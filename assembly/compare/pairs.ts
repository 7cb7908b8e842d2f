/**
 * Pairs of rows, the baseline's in TILE and the candidate's in PAIRS: how far apart what they say is. The vector runs
 * along rows; lanes past the end of a row count as classes of probability 0 on both sides.
 *
 * Sums over the classes are float32 over blocks of 64 classes, four at a time, and float64 over the blocks.
 */
import { binary, lanes, nearest, ONE, reduced, scaledBinary, SIGN } from '../math/exp';
import { log, log1pFrom } from '../math/log';
import { maskOf, narrow } from '../softmax/margin';
import { TILE } from '../tile/scratch';
import {
  AFTER, BASELINE, BEFORE, CANDIDATE, DIFFERENCE, DIVERGENCE, FELL, GAPS, NOT_FINITE, PAIRS, ROSE, SQUARED, SUM_BASELINE,
  SUM_CANDIDATE,
} from './scratch';

/** Bytes of a block of classes. */
const BLOCK: usize = 4 * 64;
/** From a logit of the baseline to the candidate's. */
const AWAY: usize = PAIRS - TILE;
const TABLE: usize = memory.data<f32>([2.0, Infinity]);
const TWO: usize = TABLE;
const INFINITE: usize = TABLE + 4;

/** The sum of four lanes. */
// @ts-ignore: decorator
@inline
function fold(s: v128): f32 {
  s = f32x4.add(s, v128.shuffle<f32>(s, s, 2, 3, 0, 1));
  return f32x4.extract_lane(s, 0) + f32x4.extract_lane(s, 1);
}

// @ts-ignore: decorator
@inline
function largestOf(s: v128): f32 {
  s = f32x4.max(s, v128.shuffle<f32>(s, s, 2, 3, 0, 1));
  return f32x4.extract_lane(f32x4.max(s, v128.shuffle<f32>(s, s, 1, 0, 3, 2)), 0);
}

/** The least of four integers ≥ 0. */
// @ts-ignore: decorator
@inline
function leastOf(s: v128): i32 {
  s = i32x4.min_s(s, v128.shuffle<i32>(s, s, 2, 3, 0, 1));
  return i32x4.extract_lane(i32x4.min_s(s, v128.shuffle<i32>(s, s, 1, 0, 3, 2)), 0);
}

/** e^d for d ≤ 0 in the fast form. */
// @ts-ignore: decorator
@inline
function fastExp(d: v128): v128 {
  const u = binary(d);
  const t = nearest(u);
  return scaledBinary(reduced(u, t), t);
}

/** Four logits of a row, those past its end −∞. */
// @ts-ignore: decorator
@inline
function logits(at: usize, end: usize): v128 {
  const z = v128.load(at);
  return at + 16 <= end ? z : v128.bitselect(z, f32x4.splat(-Infinity), v128.load(maskOf(end - at)));
}

/** The largest logit of a row, NaN left out. */
function largest(row: usize, end: usize): f32 {
  let m = f32x4.splat(-Infinity);
  for (let at = row; at < end; at += 16) m = f32x4.pmax(m, logits(at, end));
  return largestOf(m);
}

/**
 * Softmax of n pairs of rows. KL = Σ p·(u − v) − ln(Σ e^u / Σ e^v), u and v the distances to either side's largest
 * logit: what a side adds to all its logits does not enter. Absolute error at most 1e-6·(1 + max |Δz|). Where p is 0
 * there is nothing to lose, even to −∞; below e^−88 it is 0.
 */
function softmaxPairs(n: i32, classes: i32): void {
  const size = usize(classes) << 2;
  // exponentials are kept where the logits were, and the last four reach into the next row, which has been done by then
  for (let i = n - 1; i >= 0; i--) {
    const to = usize(i) << 2;
    const a = TILE + usize(i) * size;
    const end = a + size;
    const endB = end + AWAY;
    const m4 = f32x4.splat(largest(a, end));
    const w4 = f32x4.splat(largest(a + AWAY, endB));
    let sumA: f64 = 0;
    let sumB: f64 = 0;
    let gaps: f64 = 0;
    // places of the largest: bytes from the beginning of the row
    let placeA = i32x4.splat(i32.MAX_VALUE);
    let placeB = placeA;
    let place = i32x4(0, 4, 8, 12);
    for (let from = a; from < end; from += BLOCK) {
      const stop = min(from + BLOCK, end);
      let sA = f32x4.splat(0);
      let sB = sA;
      let sG = sA;
      for (let at = from; at < stop; at += 16) {
        const u = f32x4.sub(logits(at, end), m4);
        const v = f32x4.sub(logits(at + AWAY, endB), w4);
        const e = fastExp(u);
        const f = fastExp(v);
        v128.store(at, e);
        v128.store(at + AWAY, f);
        sA = f32x4.add(sA, e);
        sB = f32x4.add(sB, f);
        const none = f32x4.eq(e, f32x4.splat(0));
        sG = f32x4.add(sG, v128.andnot(f32x4.mul(e, f32x4.sub(u, v)), none));
        placeA = i32x4.min_s(placeA, v128.bitselect(place, i32x4.splat(i32.MAX_VALUE), f32x4.eq(u, f32x4.splat(0))));
        placeB = i32x4.min_s(placeB, v128.bitselect(place, i32x4.splat(i32.MAX_VALUE), f32x4.eq(v, f32x4.splat(0))));
        place = i32x4.add(place, i32x4.splat(16));
      }
      sumA += f64(fold(sA));
      sumB += f64(fold(sB));
      gaps += f64(fold(sG));
    }
    // NaN or +∞ among the logits, and −∞ alone, make the distances to the largest NaN
    const notFinite = i32(sumA != sumA) | (i32(sumB != sumB) << 1);
    store<i32>(to + NOT_FINITE, notFinite);
    store<i32>(to + BASELINE, leastOf(placeA) >> 2);
    store<i32>(to + CANDIDATE, leastOf(placeB) >> 2);
    let most = f32x4.splat(0);
    if (!notFinite) {
      const p = f32x4.splat(f32(1 / sumA));
      const q = f32x4.splat(f32(1 / sumB));
      for (let at = a; at < end; at += 16) {
        const gap = f32x4.sub(f32x4.mul(v128.load(at), p), f32x4.mul(v128.load(at + AWAY), q));
        most = f32x4.pmax(most, f32x4.abs(gap));
      }
    }
    store<f32>(to + DIFFERENCE, largestOf(most));
    store<f64>((to << 1) + SUM_BASELINE, notFinite ? 1 : sumA);
    store<f64>((to << 1) + SUM_CANDIDATE, notFinite ? 1 : sumB);
    store<f64>((to << 1) + GAPS, notFinite ? 0 : gaps);
  }
  for (let i: usize = 0; i < usize((n + 3) & ~3) << 2; i += 16) {
    const low = f64x2.div(v128.load(SUM_BASELINE + (i << 1)), v128.load(SUM_CANDIDATE + (i << 1)));
    const high = f64x2.div(v128.load(SUM_BASELINE + (i << 1) + 16), v128.load(SUM_CANDIDATE + (i << 1) + 16));
    const ratio = v128.shuffle<f64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
    v128.store(SUM_CANDIDATE + (i << 1), f64x2.div(v128.load(GAPS + (i << 1)), v128.load(SUM_BASELINE + (i << 1))));
    v128.store(
      SUM_CANDIDATE + (i << 1) + 16,
      f64x2.div(v128.load(GAPS + (i << 1) + 16), v128.load(SUM_BASELINE + (i << 1) + 16)),
    );
    const divergence = f32x4.sub(narrow(SUM_CANDIDATE + (i << 1)), log(ratio));
    v128.store(i + DIVERGENCE, f32x4.pmax(f32x4.splat(0), divergence));
  }
}

/**
 * One-vs-rest of n pairs of rows: the divergences of a sample's decisions, summed up. With m = min(p, 1 − p), that is
 * t/(1 + t) of t = e^−|z|, and l = ln(1 + t), one divergence is
 *
 *     KL = l_w − l_z ± m_z·(w − z) + |w|·[z and w are of different signs],   + where z ≥ 0
 *
 * in which large numbers do not cancel. Absolute error of each at most 1e-6·(1 + |w − z|).
 */
function sigmoidPairs(n: i32, classes: i32): void {
  const size = usize(classes) << 2;
  for (let i = 0; i < n; i++) {
    const to = usize(i) << 2;
    const a = TILE + usize(i) * size;
    const end = a + size;
    let total: f64 = 0;
    let most = f32x4.splat(0);
    let nanA = f32x4.splat(0);
    let nanB = nanA;
    for (let from = a; from < end; from += BLOCK) {
      const stop = min(from + BLOCK, end);
      let s = f32x4.splat(0);
      for (let at = from; at < stop; at += 16) {
        // −∞ on both sides differs in nothing
        const z = logits(at, end);
        const w = logits(at + AWAY, end + AWAY);
        const one = lanes(ONE);
        const t = fastExp(f32x4.neg(f32x4.abs(z)));
        const r = fastExp(f32x4.neg(f32x4.abs(w)));
        const mz = f32x4.div(t, f32x4.add(one, t));
        const mw = f32x4.div(r, f32x4.add(one, r));
        const lz = log1pFrom(f32x4.div(t, f32x4.add(lanes(TWO), t)));
        const lw = log1pFrom(f32x4.div(r, f32x4.add(lanes(TWO), r)));
        const signs = v128.and(v128.xor(z, w), lanes(SIGN));
        const slope = f32x4.mul(v128.or(mz, v128.and(z, lanes(SIGN))), f32x4.sub(w, z));
        let kl = f32x4.add(f32x4.sub(lw, lz), v128.andnot(slope, f32x4.eq(mz, f32x4.splat(0))));
        const size = f32x4.abs(w);
        kl = f32x4.add(kl, v128.and(size, i32x4.shr_s(signs, 31)));
        kl = v128.bitselect(lanes(INFINITE), kl, f32x4.eq(size, lanes(INFINITE)));
        kl = v128.andnot(kl, f32x4.eq(z, w));
        s = f32x4.add(s, f32x4.pmax(f32x4.splat(0), kl));
        const p = v128.bitselect(mz, f32x4.sub(one, mz), i32x4.shr_s(z, 31));
        const q = v128.bitselect(mw, f32x4.sub(one, mw), i32x4.shr_s(w, 31));
        most = f32x4.pmax(most, f32x4.abs(f32x4.sub(p, q)));
        nanA = v128.or(nanA, f32x4.ne(z, z));
        nanB = v128.or(nanB, f32x4.ne(w, w));
      }
      total += f64(fold(s));
    }
    const notFinite = i32(v128.any_true(nanA)) | (i32(v128.any_true(nanB)) << 1);
    store<i32>(to + NOT_FINITE, notFinite);
    store<f32>(to + DIVERGENCE, notFinite ? 0 : f32(total));
    store<f32>(to + DIFFERENCE, notFinite ? 0 : largestOf(most));
  }
}

/** Compare n pairs of rows, of at most LOGITS logits together. Softmax writes over them. */
export function pairs(sigmoid: bool, n: i32, classes: i32): void {
  if (sigmoid) sigmoidPairs(n, classes);
  else softmaxPairs(n, classes);
}

/** ROSE, FELL and SQUARED of n numbers BEFORE and AFTER. What is NaN is so in ROSE and in SQUARED. */
export function differences(n: i32): void {
  const zero = f32x4.splat(0);
  for (let i: usize = 0; i < usize(n) << 2; i += 16) {
    const d = f32x4.sub(v128.load(i, AFTER), v128.load(i, BEFORE));
    v128.store(i, v128.andnot(d, f32x4.le(d, zero)), ROSE);
    v128.store(i, v128.and(f32x4.neg(d), f32x4.lt(d, zero)), FELL);
    v128.store(i, f32x4.mul(d, d), SQUARED);
  }
}
