/**
 * Pairs of rows, the baseline's in TILE and the candidate's in PAIRS: how far apart what they say is.
 *
 * Sums over the classes are float32 over blocks of 64 classes, four at a time, and float64 over the blocks.
 */
import { FEW, LOGITS, SAMPLE_BYTES, SUM_DIFFERENCE, SUM_DIVERGENCE, SUM_ROSE } from '../../bindings/backend/constants';
import { add } from '../math/exact-sum';
import {
  binary, exp, lanes, LOG2E, LOWEST2, MAGIC, nearest, ONE, P2, P3, P4, P5, reduced, scaledBinary, SIGN,
} from '../math/exp';
import { A1, A2, A3, log, log1pFrom, TWO } from '../math/log';
import { CONFIDENCE as METER_CONFIDENCE } from '../meter/scratch';
import { exponentialsTo } from '../softmax/exponentials';
import { BLOCK, DECAY, INTEGER, LARGER, REDUCED } from '../tile/block';
import { MAX, TILE, TRUE } from '../tile/scratch';
import {
  CHANGED, CONFIDENCE, DECIDED, DIFFERENCE, DIVERGENCE, DIVERGENCES, FELL, GAPS, KEPT, LABEL, NOT_FINITE, NUMBERS, PAIR_THRESHOLDS, PAIRS, PREDICTED,
  ROSE, SQUARED,
} from './scratch';

/** From a logit of the baseline to the candidate's, and from a number of a sample to the candidate's. */
const AWAY: usize = PAIRS - TILE;
const OTHER: usize = SAMPLE_BYTES;
const KEPT_AWAY: usize = 4 * LOGITS;
/** e^−|z| and e^−|w| of a block, and what they are made into. */
const T: usize = DECAY;
const R: usize = LARGER;
/** Bytes of a block of classes. */
const CLASSES: usize = 4 * 64;
const INFINITE: usize = memory.data<f32>([Infinity]);

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

/** e^d for d ≤ 0 in the fast form. */
// @ts-ignore: decorator
@inline
function fastExp(d: v128): v128 {
  const u = binary(d);
  const t = nearest(u);
  return scaledBinary(reduced(u, t), t);
}

/**
 * The term p·ln(p/q) = p·((u − v) + l) of four classes, u and v the distances to the logits of the predicted classes,
 * l = ln of the ratio of the probabilities of these: what a side adds to all its logits does not enter. Where p is 0
 * there is nothing to lose, even to −∞; below e^−88 it is 0.
 */
// @ts-ignore: decorator
@inline
function term(p: v128, u: v128, v: v128, l: v128): v128 {
  return v128.andnot(f32x4.mul(p, f32x4.add(f32x4.sub(u, v), l)), f32x4.eq(p, f32x4.splat(0)));
}

/** Four values of four rows, `step` bytes apart. */
// @ts-ignore: decorator
@inline
function four(at: usize, step: usize): v128 {
  let v = v128.load32_zero(at);
  v = v128.load_lane<f32>(at + step, v, 1);
  v = v128.load_lane<f32>(at + 2 * step, v, 2);
  return v128.load_lane<f32>(at + 3 * step, v, 3);
}

/** Where the logit of the predicted class of a sample is; anywhere in its row where the prediction is open. */
// @ts-ignore: decorator
@inline
function placeOf(predictions: usize, row: usize, classes: i32): usize {
  return row + (usize(min<u32>(load<u32>(predictions), classes - 1)) << 2);
}

/** The logits of the predicted classes of the four samples at `i`, whose rows begin at `row`. */
// @ts-ignore: decorator
@inline
function ownLogits(i: usize, row: usize, step: usize, classes: i32): v128 {
  let v = v128.load32_zero(placeOf(i, row, classes));
  v = v128.load_lane<f32>(placeOf(i + 4, row + step, classes), v, 1);
  v = v128.load_lane<f32>(placeOf(i + 8, row + 2 * step, classes), v, 2);
  return v128.load_lane<f32>(placeOf(i + 12, row + 3 * step, classes), v, 3);
}

/**
 * NOT_FINITE of four samples; DIVERGENCE and DIFFERENCE, with 0 where either side is not finite, whose probability of
 * the predicted class is NaN then.
 */
// @ts-ignore: decorator
@inline
function store4(i: usize, divergence: v128, difference: v128): void {
  const p = v128.load(i, CONFIDENCE);
  const q = v128.load(i, CONFIDENCE + OTHER);
  const first = f32x4.ne(p, p);
  const second = f32x4.ne(q, q);
  const none = v128.or(first, second);
  const sides = v128.or(v128.and(first, i32x4.splat(1)), v128.and(second, i32x4.splat(2)));
  v128.store(i, sides, NOT_FINITE);
  v128.store(i, v128.andnot(f32x4.pmax(f32x4.splat(0), divergence), none), DIVERGENCE);
  v128.store(i, v128.andnot(difference, none), DIFFERENCE);
}

/** l of `term` of four samples. */
// @ts-ignore: decorator
@inline
function ratio(i: usize): v128 {
  return log(f32x4.div(v128.load(i, CONFIDENCE), v128.load(i, CONFIDENCE + OTHER)));
}

/** Two classes, the vector across the samples: of a side the other class lies |z₁ − z₀| below the predicted one. */
function softmaxTwo(i: usize, n: i32): void {
  let a = TILE;
  for (const end = i + (usize(n) << 2); i < end; i += 16, a += 32) {
    const l = ratio(i);
    const u = below(a);
    const v = below(a + AWAY);
    const pz = v128.load(i, CONFIDENCE);
    const pw = v128.load(i, CONFIDENCE + OTHER);
    const p = f32x4.mul(fastExp(u), pz);
    const q = f32x4.mul(fastExp(v), pw);
    const same = i32x4.eq(v128.load(i, PREDICTED), v128.load(i, PREDICTED + OTHER));
    const zero = f32x4.splat(0);
    // the candidate's distances from its predicted class to the baseline's, and to the other one
    const vk = v128.andnot(v, same);
    const vo = v128.and(v, same);
    const s = f32x4.add(term(pz, zero, vk, l), term(p, u, vo, l));
    const gap = f32x4.abs(f32x4.sub(pz, v128.bitselect(pw, q, same)));
    store4(i, s, f32x4.pmax(gap, f32x4.abs(f32x4.sub(p, v128.bitselect(q, pw, same)))));
  }
}

/** −|z₁ − z₀| of four rows. */
// @ts-ignore: decorator
@inline
function below(at: usize): v128 {
  const a = v128.load(at);
  const b = v128.load(at, 16);
  const d = f32x4.sub(v128.shuffle<f32>(a, b, 1, 3, 5, 7), v128.shuffle<f32>(a, b, 0, 2, 4, 6));
  return v128.or(d, lanes(SIGN));
}

/** Few classes: the vector runs across the samples. */
function softmaxAcross(i: usize, n: i32, classes: i32): void {
  const size = usize(classes) << 2;
  const log2e = lanes(LOG2E);
  const magic = lanes(MAGIC);
  const p5 = lanes(P5);
  const p4 = lanes(P4);
  const p3 = lanes(P3);
  const p2 = lanes(P2);
  let a = TILE;
  for (const end = i + (usize(n) << 2); i < end; i += 16, a += 3 * size) {
    const l = ratio(i);
    const z = ownLogits(PREDICTED + i, a, size, classes);
    const w = ownLogits(PREDICTED + OTHER + i, a + AWAY, size, classes);
    const pz = v128.load(i, CONFIDENCE);
    const pw = v128.load(i, CONFIDENCE + OTHER);
    let s = f32x4.splat(0);
    let most = s;
    for (const stop = a + size; a < stop; a += 4) {
      const u = f32x4.sub(four(a, size), z);
      const v = f32x4.sub(four(a + AWAY, size), w);
      const bu = binary(u, log2e);
      const bv = binary(v, log2e);
      const tu = nearest(bu, magic);
      const tv = nearest(bv, magic);
      const p = f32x4.mul(scaledBinary(reduced(bu, tu, magic), tu, p5, p4, p3, p2), pz);
      const q = f32x4.mul(scaledBinary(reduced(bv, tv, magic), tv, p5, p4, p3, p2), pw);
      s = f32x4.add(s, term(p, u, v, l));
      most = f32x4.pmax(most, f32x4.abs(f32x4.sub(p, q)));
    }
    store4(i, s, most);
  }
}

/**
 * Softmax, of n samples whose stages have just gone by, the first of which is sample `first`: what makes probabilities
 * of the exponentials that were kept, to ROSE or FELL, and the logit of the predicted class, to SQUARED or DIVERGENCE.
 * They stand there until the samples are compared.
 */
export function hold(side: i32, first: i32, n: i32): void {
  const to = usize(first) << 2;
  const factors = to + (side ? FELL : ROSE);
  const own = to + (side ? DIVERGENCE : SQUARED);
  for (let i: usize = 0; i < usize(n) << 2; i += 16) {
    const z = v128.load(i, TRUE);
    const share = exp(f32x4.sub(v128.load(i, MAX), z));
    v128.store(factors + i, f32x4.mul(share, v128.load(i, METER_CONFIDENCE)));
    v128.store(own + i, z);
  }
}

/**
 * Softmax of rows whose exponentials have been kept: probabilities are multiples of them, but those of the predicted
 * classes, which had been left out of the row: 0 stands for them there, and the logit may be −∞.
 */
function softmaxKept(i: usize, n: i32, classes: i32): void {
  const size = usize(classes) << 2;
  const padded = (size + 31) & ~31;
  const first = i;
  const stop = i + (usize(n) << 2);
  let a = TILE;
  let e = KEPT;
  for (; i < stop; i += 4, a += size, e += padded) {
    const zk = load<f32>(i, SQUARED);
    const wk = load<f32>(i, DIVERGENCE);
    const p = load<f32>(i, CONFIDENCE);
    const q = load<f32>(i, CONFIDENCE + OTHER);
    // ln p/q of a class is z − w and this
    const d = f32x4.extract_lane(log(f32x4.splat(p / q)), 0) - (zk - wk);
    const was = usize(min<u32>(load<u32>(i, PREDICTED), classes - 1)) << 2;
    const is = usize(min<u32>(load<u32>(i, PREDICTED + OTHER), classes - 1)) << 2;
    const factor = load<f32>(i, ROSE);
    const other = load<f32>(i, FELL);
    let w = wk;
    let sum: f64 = 0;
    let largest = f32.abs(p - q);
    if (was != is) {
      // each side's probability of what the other predicts
      const pOther = load<f32>(e + is) * factor;
      const qOther = load<f32>(e + was, KEPT_AWAY) * other;
      w = load<f32>(a + was, AWAY);
      largest = max(f32.abs(p - qOther), f32.abs(pOther - q));
      if (pOther) sum = f64(pOther * (load<f32>(a + is) - wk + d));
      store<f32>(e + is, 0);
      store<f32>(e + was, 0, KEPT_AWAY);
    }
    sum += f64(p * (zk - w + d));
    const factors = f32x4.splat(factor);
    const others = f32x4.splat(other);
    const ds = f32x4.splat(d);
    const zero = f32x4.splat(0);
    let most = zero;
    for (let c: usize = 0; c < padded;) {
      let s = zero;
      for (const block = min(c + CLASSES, padded); c < block; c += 16) {
        const ps = f32x4.mul(v128.load(e + c), factors);
        const qs = f32x4.mul(v128.load(e + c, KEPT_AWAY), others);
        const gap = f32x4.add(f32x4.sub(v128.load(a + c), v128.load(a + c, AWAY)), ds);
        s = f32x4.add(s, v128.andnot(f32x4.mul(ps, gap), f32x4.eq(ps, zero)));
        most = f32x4.pmax(most, f32x4.abs(f32x4.sub(ps, qs)));
      }
      sum += f64(fold(s));
    }
    store<f32>(i, f32(sum), DIVERGENCE);
    store<f32>(i, max(largest, largestOf(most)), DIFFERENCE);
  }
  for (i = first; i < stop; i += 16) store4(i, v128.load(i, DIVERGENCE), v128.load(i, DIFFERENCE));
}

/**
 * Softmax, of n samples at `i` whose columns are full: count the predictions on which the sides agree in DECIDED and
 * list all other samples in CHANGED: those that are open or ignored, or of a class past the table, too. How many.
 */
function agree(i: usize, n: i32): i32 {
  let to = CHANGED;
  for (const end = i + (usize(n) << 2); i < end; i += 4) {
    const was = load<i32>(i, PREDICTED);
    if (was == load<i32>(i, PREDICTED + OTHER) && was >= 0 && load<i32>(i, LABEL) >= 0) {
      const at = usize(was) << 2;
      store<i32>(at, load<i32>(at, DECIDED) + 1, DECIDED);
      continue;
    }
    store<i32>(to, i32(i >> 2));
    to += 4;
    if (load<i32>(i, LABEL) >= 0) continue;
    store<i32>(i, 0, DIVERGENCE);
    store<i32>(i, 0, DIFFERENCE);
    store<i32>(i, 0, NOT_FINITE);
  }
  return i32(to - CHANGED) >> 2;
}

/** Softmax of n pairs of rows. Absolute error of KL at most 1e-6·(1 + max |Δz|). How many there are in CHANGED. */
function softmaxPairs(i: usize, n: i32, classes: i32): i32 {
  if (classes == 2) softmaxTwo(i, n);
  else if (classes > FEW) softmaxKept(i, n, classes);
  else softmaxAcross(i, n, classes);
  return agree(i, n);
}

/**
 * One-vs-rest: the divergence and |Δp| of each of n logits. With m = min(p, 1 − p), that is t/(1 + t) of t = e^−|z|,
 * and l = ln(1 + t), a divergence is
 *
 *     KL = l_w − l_z ± m_z·(w − z) + |w|·[z and w are of different signs],   + where z ≥ 0
 *
 * in which large numbers do not cancel; absolute error at most 1e-6·(1 + |w − z|). One division serves both m and the
 * quotient of the logarithm. Infinities and NaN make NaN; `again` sees to them.
 */
function divergences(n: i32): void {
  for (let from: usize = 0; from < usize(n) << 2; from += 4 * BLOCK) {
    const bytes = min<usize>((usize(n) << 2) - from, 4 * BLOCK);
    decay(TILE + from, T, bytes);
    decay(PAIRS + from, R, bytes);
    divide(bytes);
    combine(from, bytes);
  }
}

/** e^−|z| of a block, in two passes, as one would be a long chain of operations. */
function decay(from: usize, to: usize, bytes: usize): void {
  const sign = lanes(SIGN);
  const log2e = lanes(LOG2E);
  const lowest = lanes(LOWEST2);
  const magic = lanes(MAGIC);
  for (let i: usize = 0; i < bytes; i += 32) {
    const u0 = binary(v128.or(v128.load(from + i), sign), log2e, lowest);
    const u1 = binary(v128.or(v128.load(from + i, 16), sign), log2e, lowest);
    const t0 = nearest(u0, magic);
    const t1 = nearest(u1, magic);
    v128.store(i, t0, INTEGER);
    v128.store(i, t1, INTEGER + 16);
    v128.store(i, reduced(u0, t0, magic), REDUCED);
    v128.store(i, reduced(u1, t1, magic), REDUCED + 16);
  }
  exponentialsTo(to, bytes);
}

/** T = m_z, R = m_w and REDUCED = what the logarithm is made from, of T and R. */
function divide(bytes: usize): void {
  const one = lanes(ONE);
  for (let i: usize = 0; i < bytes; i += 16) {
    const t = v128.load(i, T);
    const r = v128.load(i, R);
    const c = f32x4.add(t, one);
    const d = f32x4.add(r, one);
    const s = f32x4.add(c, d);
    const cd = f32x4.mul(c, d);
    const inverse = f32x4.div(one, f32x4.mul(cd, s));
    const both = f32x4.mul(inverse, s);
    v128.store(i, f32x4.mul(f32x4.mul(t, d), both), T);
    v128.store(i, f32x4.mul(f32x4.mul(r, c), both), R);
    v128.store(i, f32x4.mul(f32x4.sub(r, t), f32x4.mul(inverse, cd)), REDUCED);
  }
}

function combine(from: usize, bytes: usize): void {
  const a3 = lanes(A3);
  const a2 = lanes(A2);
  const a1 = lanes(A1);
  const two = lanes(TWO);
  const sign = lanes(SIGN);
  const zero = f32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) {
    const z = v128.load(from + i, TILE);
    const w = v128.load(from + i, PAIRS);
    const mz = v128.load(i, T);
    const mw = v128.load(i, R);
    const l = log1pFrom(v128.load(i, REDUCED), a3, a2, a1, two);
    const apart = i32x4.shr_s(v128.xor(z, w), 31);
    const slope = f32x4.mul(v128.or(mz, v128.and(z, sign)), f32x4.sub(w, z));
    const kl = f32x4.sub(f32x4.add(l, slope), v128.and(v128.or(w, sign), apart));
    v128.store(from + i, f32x4.pmax(kl, zero), DIVERGENCES);
    const near = f32x4.abs(f32x4.sub(mz, mw));
    const far = f32x4.sub(lanes(ONE), f32x4.add(mz, mw));
    v128.store(from + i, v128.bitselect(far, near, apart), GAPS);
  }
}

/** The divergences of a sample of which one was NaN, its row at `a`, one after the other. */
function again(i: usize, a: usize, end: usize): void {
  let total: f64 = 0;
  let notFinite = 0;
  for (; a < end; a += 4) {
    const one = lanes(ONE);
    const z = v128.load_splat<f32>(a);
    const w = v128.load_splat<f32>(a + AWAY);
    notFinite |= i32(v128.any_true(f32x4.ne(z, z))) | (i32(v128.any_true(f32x4.ne(w, w))) << 1);
    const t = fastExp(v128.or(z, lanes(SIGN)));
    const r = fastExp(v128.or(w, lanes(SIGN)));
    const mz = f32x4.div(t, f32x4.add(one, t));
    const l = log1pFrom(f32x4.div(f32x4.sub(r, t), f32x4.add(f32x4.add(one, t), f32x4.add(one, r))));
    const apart = i32x4.shr_s(v128.xor(z, w), 31);
    const slope = f32x4.mul(v128.or(mz, v128.and(z, lanes(SIGN))), f32x4.sub(w, z));
    let kl = f32x4.add(l, v128.andnot(slope, f32x4.eq(mz, f32x4.splat(0))));
    const size = f32x4.abs(w);
    kl = f32x4.add(kl, v128.and(size, apart));
    kl = v128.bitselect(lanes(INFINITE), kl, f32x4.eq(size, lanes(INFINITE)));
    // −∞ on both sides differs in nothing
    kl = v128.andnot(kl, f32x4.eq(z, w));
    total += f64(f32x4.extract_lane(f32x4.pmax(f32x4.splat(0), kl), 0));
  }
  store<i32>(i, notFinite, NOT_FINITE);
  store<f32>(i, notFinite ? 0 : f32(total), DIVERGENCE);
  if (notFinite) store<f32>(i, 0, DIFFERENCE);
}

/** DIVERGENCE and DIFFERENCE of n samples, from those of their logits. */
function gather(i: usize, n: i32, classes: i32): void {
  const size = usize(classes) << 2;
  let at: usize = 0;
  for (const stop = i + (usize(n) << 2); i < stop; i += 4) {
    const end = at + size;
    let total: f64 = 0;
    let most = f32x4.splat(0);
    while (at + 16 <= end) {
      let s = f32x4.splat(0);
      for (const block = min(at + CLASSES, end); at + 16 <= block; at += 16) {
        s = f32x4.add(s, v128.load(at, DIVERGENCES));
        most = f32x4.pmax(most, v128.load(at, GAPS));
      }
      total += f64(fold(s));
    }
    let largest = largestOf(most);
    for (; at < end; at += 4) {
      total += f64(load<f32>(at, DIVERGENCES));
      largest = max(largest, load<f32>(at, GAPS));
    }
    store<i32>(i, 0, NOT_FINITE);
    store<f32>(i, f32(total), DIVERGENCE);
    store<f32>(i, largest, DIFFERENCE);
    if (total != total) again(i, TILE + end - size, TILE + end);
  }
}

/**
 * Count the baseline's decisions in DECIDED and list the logits that the sides decide differently in CHANGED, one after
 * another. A super-row is `length` logits, the rows of some samples.
 */
function decide(rows: i32, length: i32): i32 {
  let to = CHANGED;
  let at: usize = 0;
  for (let k = 0; k < rows; k++, at += usize(length) << 2) {
    for (let j: usize = 0; j < usize(length) << 2; j += 16) {
      const least = v128.load(j, PAIR_THRESHOLDS);
      const was = f32x4.gt(v128.load(at + j, TILE), least);
      const is = f32x4.gt(v128.load(at + j, PAIRS), least);
      v128.store(j, i32x4.sub(v128.load(j, DECIDED), was), DECIDED);
      for (let left = i32x4.bitmask(v128.xor(was, is)); left; left &= left - 1) {
        const cell = i32((at + j) >> 2) + ctz(left);
        store<i32>(to, (i32x4.bitmask(is) >> ctz(left)) & 1 ? ~cell : cell);
        to += 4;
      }
    }
  }
  return i32(to - CHANGED) >> 2;
}

/**
 * One-vs-rest of n pairs of rows: the divergences of a sample's decisions, summed up, and the largest |Δp|. The rows
 * come as super-rows of `length` logits; −∞ fills what is behind them in the last. How many logits there are in
 * CHANGED.
 */
function sigmoidPairs(i: usize, n: i32, classes: i32, length: i32): i32 {
  divergences(n * classes);
  gather(i, n, classes);
  return decide((n * classes + length - 1) / length, length);
}

/** Compare n pairs of rows, of at most LOGITS logits together, whose columns begin at sample `first`. */
export function pairs(sigmoid: bool, first: i32, n: i32, classes: i32, length: i32): i32 {
  const i = usize(first) << 2;
  return sigmoid ? sigmoidPairs(i, n, classes, length) : softmaxPairs(i, n, classes);
}

/** The largest of n numbers ≥ 0. */
export function most(values: usize, n: i32): f32 {
  let m = f32x4.splat(0);
  const end = values + (usize(n) << 2);
  for (; values + 16 <= end; values += 16) m = f32x4.pmax(m, v128.load(values));
  let largest = largestOf(m);
  for (; values < end; values += 4) largest = max(largest, load<f32>(values));
  return largest;
}

/** Add up what is known of n samples and, with `quality`, by how much their numbers differ: SUM_DIVERGENCE and on. */
export function settle(n: i32, quality: bool): void {
  add(SUM_DIVERGENCE, DIVERGENCE, n);
  add(SUM_DIFFERENCE, DIFFERENCE, n);
  if (!quality) return;
  const zero = f32x4.splat(0);
  for (let k = 0; k < 3; k++) {
    const before = NUMBERS + usize(2 * k) * OTHER;
    for (let i: usize = 0; i < usize(n) << 2; i += 16) {
      const d = f32x4.sub(v128.load(before + OTHER + i), v128.load(before + i));
      // NaN is in ROSE and in SQUARED
      v128.store(i, v128.andnot(d, f32x4.le(d, zero)), ROSE);
      v128.store(i, v128.and(f32x4.neg(d), f32x4.lt(d, zero)), FELL);
      v128.store(i, f32x4.mul(d, d), SQUARED);
    }
    add(SUM_ROSE + 3 * k, ROSE, n);
    add(SUM_ROSE + 3 * k + 1, FELL, n);
    add(SUM_ROSE + 3 * k + 2, SQUARED, n);
  }
}
