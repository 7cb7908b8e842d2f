/**
 * Pairs of rows, of one sample each: how far apart what they say is. Softmax has the baseline's in TILE and the
 * candidate's in PAIRS, one-vs-rest where `place` has been told.
 *
 * Sums over the classes are float32 over blocks of 64 classes, four at a time, and float64 over the blocks.
 */
import { COLUMN_BYTES, LOGITS, PARAM_KEEP, SAMPLE_BYTES, SUM_DIFFERENCE, SUM_DIVERGENCE, SUM_ROSE } from '../../bindings/backend/constants';
import { add, addLanes, ANCHOR, lower, upper } from '../math/exact-sum';
import { binary, exp, nearest, reduced, scaledBinary } from '../math/exp';
import { A1, A2, A3, log, log1pFrom, TWO } from '../math/log';
import { CONFIDENCE as METER_CONFIDENCE, PREDICTED as METER_PREDICTED, RANK as METER_RANK, WRONG as METER_WRONG } from '../meter/scratch';
import { decay as decayOf, keepDecay, reduce } from '../focal';
import { lanes, maskOf, ONE, SIGN } from '../math/numbers';
import { sigmoid } from '../stages';
import { BLOCK } from '../tile/block';
import { COLUMNS, LABELS, MAX, PLANES, TILE, TRUE } from '../tile/scratch';
import { base, classStride, pair, planar } from '../tile/tile';
import { ignored } from '../tile/labels';
import { param } from '../params';
import {
  CHANGED, CONFIDENCE, DECIDED, DIFFERENCE, DIVERGENCE, DIVERGENCES, FELL, GAPS, KEPT, LABEL, MOST, NOT_FINITE, NUMBERS, OWN,
  PAIR_THRESHOLDS, PAIRS, PREDICTED, RANKS, ROSE, SQUARED, WRONGS,
} from './scratch';

/** From a logit of the baseline to the candidate's, and from a number of a sample to the candidate's. */
const AWAY: usize = PAIRS - TILE;
const OTHER: usize = SAMPLE_BYTES;
const KEPT_AWAY: usize = 4 * LOGITS;
/** The same of planes, and from a logit of the baseline to its exponential. */
const PLANES_AWAY: usize = PAIRS - PLANES;
const PLANES_KEPT: usize = KEPT - PLANES;
/** Samples and logits of one-vs-rest that are compared at once. */
const TOGETHER: i32 = 256;
const NEAR: i32 = 1024;
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

/** −|z₁ − z₀| of four rows. */
// @ts-ignore: decorator
@inline
function below(at: usize): v128 {
  const a = v128.load(at);
  const b = v128.load(at, 16);
  const d = f32x4.sub(v128.shuffle<f32>(a, b, 1, 3, 5, 7), v128.shuffle<f32>(a, b, 0, 2, 4, 6));
  return v128.or(d, lanes(SIGN));
}

/**
 * Two classes, the vector across the samples: p and q of the predicted ones tell the others, 1 − p and 1 − q, exactly.
 * Of a side the other class lies |z₁ − z₀| below the predicted one. As the probabilities of either side add up to 1,
 * the divergence is ln(p/q) and what the baseline's classes lie further below the candidate's largest than below their
 * own.
 */
function softmaxTwo(i: usize, n: i32): void {
  const least = f32x4.splat(1e-30);
  const lowest = f32x4.splat(-88);
  const one = lanes(ONE);
  let a = TILE;
  for (const end = i + (usize(n) << 2); i < end; i += 16, a += 32) {
    const u = below(a);
    const v = below(a + AWAY);
    const p = v128.load(i, CONFIDENCE);
    const q = v128.load(i, CONFIDENCE + OTHER);
    const same = i32x4.eq(v128.load(i, PREDICTED), v128.load(i, PREDICTED + OTHER));
    // above e^−88 the other class is possible, if only just
    const rest = f32x4.pmax(f32x4.sub(one, p), v128.and(least, f32x4.ge(u, lowest)));
    const further = f32x4.mul(rest, f32x4.sub(u, v128.and(v, same)));
    const lost = f32x4.sub(v128.andnot(further, f32x4.eq(rest, f32x4.splat(0))), f32x4.mul(p, v128.andnot(v, same)));
    const other = v128.bitselect(q, f32x4.sub(one, q), same);
    store4(i, f32x4.add(log(f32x4.div(p, q)), lost), f32x4.abs(f32x4.sub(p, other)));
  }
}

/**
 * Of n samples whose stages have just gone by, the first of which is sample `first`, the columns that a meter has of
 * them. Softmax: what makes probabilities of the exponentials that were kept, to ROSE or FELL, and the logit of the
 * predicted class, to SQUARED or NOT_FINITE. They stand there until the samples are compared. Returns how many of the
 * samples are ignored.
 */
export function hold(side: i32, first: i32, n: i32): i32 {
  const to = usize(first) << 2;
  const bytes = usize(n) << 2;
  const other = side ? OTHER : 0;
  for (let k: usize = 0; k < 3; k++) memory.copy(to + other + NUMBERS + 2 * k * OTHER, COLUMNS + k * COLUMN_BYTES, bytes);
  if (!side) memory.copy(to + LABEL, LABELS, bytes);
  if (sigmoid) {
    memory.copy(to + other + WRONGS, METER_WRONG, bytes);
    place(side, base, usize(param(PARAM_KEEP)), 0);
    return ignored;
  }
  memory.copy(to + other + PREDICTED, METER_PREDICTED, bytes);
  memory.copy(to + other + CONFIDENCE, METER_CONFIDENCE, bytes);
  memory.copy(to + other + RANKS, METER_RANK, bytes);
  if (pair) return ignored;
  const factors = to + (side ? FELL : ROSE);
  const own = to + (side ? NOT_FINITE : SQUARED);
  for (let i: usize = 0; i < bytes; i += 16) {
    const z = v128.load(i, TRUE);
    const share = exp(f32x4.sub(v128.load(i, MAX), z));
    v128.store(factors + i, f32x4.mul(share, v128.load(i, METER_CONFIDENCE)));
    v128.store(own + i, z);
  }
  return ignored;
}

/** ln p/q of four samples, p and q the probabilities that the sides give to what they predict. */
const RATIOS: usize = memory.data(16, 16);

/**
 * What `predictedOnes` has to do where the sides predict different classes. The exponentials of what the other side
 * predicts become 0, as they have been seen to.
 */
function otherOnes(i: usize, classes: i32, at: usize, away: usize, e: usize, step: usize, l: f32): void {
  const was = usize(min<u32>(load<u32>(i, PREDICTED), classes - 1)) * step;
  const is = usize(min<u32>(load<u32>(i, PREDICTED + OTHER), classes - 1)) * step;
  const p = load<f32>(i, CONFIDENCE);
  const pOther = load<f32>(e + is) * load<f32>(i, ROSE);
  const qOther = load<f32>(e + was, KEPT_AWAY) * load<f32>(i, FELL);
  let sum = p * (load<f32>(i, NOT_FINITE) - load<f32>(at + was + away) + l);
  if (pOther) sum += pOther * (load<f32>(at + is) - load<f32>(i, SQUARED) + l);
  store<f32>(i, sum, DIVERGENCE);
  store<f32>(i, max(f32.abs(p - qOther), f32.abs(pOther - load<f32>(i, CONFIDENCE + OTHER))), DIFFERENCE);
  store<f32>(e + is, 0);
  store<f32>(e + was, 0, KEPT_AWAY);
}

/**
 * Softmax but of two classes: probabilities are multiples of the exponentials that were kept, but those of the
 * predicted classes, which had been left out of the tile: 0 stands for them there, and the logit may be −∞. So of n
 * samples, whose logits are at `at`, `sample` bytes apart, the candidate's `away` from there, and whose exponentials
 * are `kept` bytes apart, both `step` bytes from class to class, this makes DIVERGENCE and DIFFERENCE of the predicted
 * classes, and in SQUARED what makes ln p/q of the difference of two logits.
 */
function predictedOnes(i: usize, n: i32, classes: i32, at: usize, away: usize, sample: usize, kept: usize, step: usize): void {
  let e = KEPT;
  for (const end = i + (usize(n) << 2); i < end; i += 16, at += sample << 2, e += kept << 2) {
    const p = v128.load(i, CONFIDENCE);
    const q = v128.load(i, CONFIDENCE + OTHER);
    const l = log(f32x4.div(p, q));
    v128.store(i, f32x4.mul(p, l), DIVERGENCE);
    v128.store(i, f32x4.abs(f32x4.sub(p, q)), DIFFERENCE);
    let others = i32x4.bitmask(i32x4.ne(v128.load(i, PREDICTED), v128.load(i, PREDICTED + OTHER)));
    // past the last sample there is no row
    if (i + 16 > end) others &= (1 << (i32(end - i) >> 2)) - 1;
    if (others) {
      v128.store(RATIOS, l);
      for (; others; others &= others - 1) {
        const j = usize(ctz(others));
        otherOnes(i + (j << 2), classes, at + j * sample, away, e + j * kept, step, load<f32>(RATIOS + (j << 2)));
      }
    }
    v128.store(i, f32x4.sub(l, f32x4.sub(v128.load(i, SQUARED), v128.load(i, NOT_FINITE))), SQUARED);
  }
}

/** The terms of the divergence of four classes, p·ln p/q. Where p is 0 there is nothing to lose, even to −∞. */
// @ts-ignore: decorator
@inline
function terms(p: v128, z: v128, w: v128, d: v128): v128 {
  return v128.andnot(f32x4.mul(p, f32x4.add(f32x4.sub(z, w), d)), f32x4.eq(p, f32x4.splat(0)));
}

/** Softmax of rows. */
function softmaxRows(first: usize, n: i32, classes: i32): void {
  const size = usize(classes) << 2;
  const padded = (size + 31) & ~31;
  predictedOnes(first, n, classes, TILE, AWAY, size, padded, 4);
  const stop = first + (usize(n) << 2);
  let a = TILE;
  let e = KEPT;
  for (let i = first; i < stop; i += 4, a += size, e += padded) {
    const factors = v128.load_splat<f32>(i, ROSE);
    const others = v128.load_splat<f32>(i, FELL);
    const d = v128.load_splat<f32>(i, SQUARED);
    let most = v128.load32_zero(i, DIFFERENCE);
    let sum = f64(load<f32>(i, DIVERGENCE));
    for (let c: usize = 0; c < padded;) {
      let s = f32x4.splat(0);
      for (const block = min(c + CLASSES, padded); c < block; c += 16) {
        const p = f32x4.mul(v128.load(e + c), factors);
        const q = f32x4.mul(v128.load(e + c, KEPT_AWAY), others);
        s = f32x4.add(s, terms(p, v128.load(a + c), v128.load(a + c, AWAY), d));
        most = f32x4.pmax(most, f32x4.abs(f32x4.sub(p, q)));
      }
      sum += f64(fold(s));
    }
    store<f32>(i, f32(sum), DIVERGENCE);
    store<f32>(i, largestOf(most), DIFFERENCE);
  }
  for (let i = first; i < stop; i += 16) store4(i, v128.load(i, DIVERGENCE), v128.load(i, DIFFERENCE));
}

/** The same of rows that have been transposed into planes: the vector runs across the samples. */
function softmaxPlanes(i: usize, n: i32, classes: i32): void {
  const step = usize(classStride) << 2;
  const length = usize(classes) * step;
  predictedOnes(i, n, classes, PLANES, PLANES_AWAY, 4, 4, step);
  let from = PLANES;
  for (const end = i + (usize(n) << 2); i < end; i += 16, from += 16) {
    const factors = v128.load(i, ROSE);
    const others = v128.load(i, FELL);
    const d = v128.load(i, SQUARED);
    let most = v128.load(i, DIFFERENCE);
    let s = v128.load(i, DIVERGENCE);
    for (let a = from, stop = from + length; a < stop; a += step) {
      const p = f32x4.mul(v128.load(a + PLANES_KEPT), factors);
      const q = f32x4.mul(v128.load(a + PLANES_KEPT + KEPT_AWAY), others);
      s = f32x4.add(s, terms(p, v128.load(a), v128.load(a + PLANES_AWAY), d));
      most = f32x4.pmax(most, f32x4.abs(f32x4.sub(p, q)));
    }
    store4(i, s, most);
  }
}

/** Count that the sides agree on the sample at `i`. */
// @ts-ignore: decorator
@inline
function addAgreed(i: usize): void {
  const at = usize(load<u32>(i, PREDICTED)) << 2;
  store<i32>(at, load<i32>(at, DECIDED) + 1, DECIDED);
}

/**
 * Softmax, of n samples at `i` whose columns are full: count the predictions on which the sides agree in DECIDED and
 * list all other samples in CHANGED: those that are open or ignored, or of a class past the table, too. How many.
 */
function agree(i: usize, n: i32): i32 {
  let to = CHANGED;
  let firsts = 0;
  let seconds = 0;
  for (const end = i + (usize(n) << 2); i < end; i += 16) {
    const there = i + 16 > end ? (1 << (i32(end - i) >> 2)) - 1 : 15;
    const was = v128.load(i, PREDICTED);
    const label = v128.load(i, LABEL);
    const counts = i32x4.ge_s(i32x4.min_s(was, label), i32x4.splat(0));
    const same = v128.and(counts, i32x4.eq(was, v128.load(i, PREDICTED + OTHER)));
    const agreed = i32x4.bitmask(same) & there;
    if (pair) {
      // a count of its own would wait for its own last addition
      const ones = popcnt(agreed & i32x4.bitmask(i32x4.shl(was, 31)));
      seconds += ones;
      firsts += popcnt(agreed) - ones;
    } else if (agreed == 15) {
      addAgreed(i);
      addAgreed(i + 4);
      addAgreed(i + 8);
      addAgreed(i + 12);
    } else {
      for (let left = agreed; left; left &= left - 1) addAgreed(i + (usize(ctz(left)) << 2));
    }
    for (let left = there & ~agreed; left; left &= left - 1) {
      const at = i + (usize(ctz(left)) << 2);
      store<i32>(to, i32(at >> 2));
      to += 4;
      if (load<i32>(at, LABEL) >= 0) continue;
      store<i32>(at, 0, DIVERGENCE);
      store<i32>(at, 0, DIFFERENCE);
      store<i32>(at, 0, NOT_FINITE);
    }
  }
  if (pair) {
    store<i32>(DECIDED, load<i32>(DECIDED) + firsts);
    store<i32>(DECIDED, load<i32>(DECIDED, 4) + seconds, 4);
  }
  return i32(to - CHANGED) >> 2;
}

/** Softmax of n pairs of rows. Absolute error of KL at most 1e-6·(1 + max |Δz|). How many there are in CHANGED. */
function softmaxPairs(i: usize, n: i32, classes: i32): i32 {
  if (pair) softmaxTwo(i, n);
  else if (planar) softmaxPlanes(i, n, classes);
  else softmaxRows(i, n, classes);
  return agree(i, n);
}

/** One-vs-rest, of either side: where the rows are, and e^−|z| of each of their logits. */
let before: usize = 0;
let after: usize = 0;
let decays: usize = 0;
let decaysAfter: usize = 0;

/**
 * One-vs-rest: the rows of a side are at `rows`, and e^−|z| at `decay`; unless `n` is 0, those of n logits go there.
 */
function place(side: i32, rows: usize, decay: usize, n: i32): void {
  if (side) {
    after = rows;
    decaysAfter = decay;
  } else {
    before = rows;
    decays = decay;
  }
  for (let from: usize = 0; from < usize(n) << 2; from += 4 * BLOCK) {
    const bytes = min<usize>((usize(n) << 2) - from, 4 * BLOCK);
    reduce(rows + from, bytes);
    decayOf(bytes);
    keepDecay(decay + from, bytes);
  }
}

/**
 * One-vs-rest: the divergence and |Δp| of each of the logits from byte `from` to `end`. With m = min(p, 1 − p), that is
 * t/(1 + t) of t = e^−|z|, and l = ln(1 + t), a divergence is
 *
 *     KL = l_w − l_z ± m_z·(w − z) + |w|·[z and w are of different signs],   + where z ≥ 0
 *
 * in which large numbers do not cancel; absolute error at most 1e-6·(1 + |w − z|). With r = e^−|w|, |Δp| is |r − t| or,
 * where the signs differ, 1 − t·r, over (1 + t)·(1 + r). One division serves m, that, and the quotient of the
 * logarithm. Infinities and NaN make NaN; `again` sees to them.
 */
function divergences(from: usize, end: usize): void {
  const one = lanes(ONE);
  const a3 = lanes(A3);
  const a2 = lanes(A2);
  const a1 = lanes(A1);
  const two = lanes(TWO);
  const sign = lanes(SIGN);
  // a global would be read again in each round
  const second = after - before;
  const decay = decays - before;
  const secondDecay = decaysAfter - before;
  const start = before + from;
  let at = start;
  for (const stop = before + end; at < stop; at += 16) {
    const t = v128.load(at + decay);
    const r = v128.load(at + secondDecay);
    const c = f32x4.add(t, one);
    const d = f32x4.add(r, one);
    const s = f32x4.add(c, d);
    const cd = f32x4.mul(c, d);
    const inverse = f32x4.div(one, f32x4.mul(cd, s));
    const both = f32x4.mul(inverse, s);
    const mz = f32x4.mul(f32x4.mul(t, d), both);
    const less = f32x4.sub(r, t);
    const l = log1pFrom(f32x4.mul(less, f32x4.mul(inverse, cd)), a3, a2, a1, two);
    const z = v128.load(at);
    const w = v128.load(at + second);
    const apart = i32x4.shr_s(v128.xor(z, w), 31);
    const slope = f32x4.mul(v128.or(mz, v128.and(z, sign)), f32x4.sub(w, z));
    const kl = f32x4.sub(f32x4.add(l, slope), v128.and(v128.or(w, sign), apart));
    const to = at - start;
    v128.store(to, f32x4.pmax(kl, f32x4.splat(0)), DIVERGENCES);
    const gap = v128.bitselect(f32x4.sub(one, f32x4.mul(t, r)), v128.andnot(less, sign), apart);
    v128.store(to, f32x4.mul(gap, both), GAPS);
  }
}

/** The divergences of a sample of which one was NaN, its row from byte `a` to `end`, one after the other. */
function again(i: usize, a: usize, end: usize): void {
  let total: f64 = 0;
  let notFinite = 0;
  for (; a < end; a += 4) {
    const one = lanes(ONE);
    const z = v128.load_splat<f32>(before + a);
    const w = v128.load_splat<f32>(after + a);
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

/** Of each sample that is compared at once: four parts of the sum of its divergences, and of its largest |Δp|. */
const SUMS_OF: usize = memory.data(16 * TOGETHER, 16);
const MOST_OF: usize = memory.data(16 * TOGETHER, 16);

/** Those of a row, whose divergences begin at byte `at`, to byte `to`. */
// @ts-ignore: decorator
@inline
function gatherRow(at: usize, size: usize, to: usize): void {
  const whole = at + (size & ~15);
  let s = f32x4.splat(0);
  let most = s;
  if (size > CLASSES) {
    let total: f64 = 0;
    while (at < whole) {
      s = f32x4.splat(0);
      for (const block = min(at + CLASSES, whole); at < block; at += 16) {
        s = f32x4.add(s, v128.load(at, DIVERGENCES));
        most = f32x4.pmax(most, v128.load(at, GAPS));
      }
      total += f64(fold(s));
    }
    s = f32x4.replace_lane(f32x4.splat(0), 0, f32(total));
  }
  for (; at < whole; at += 16) {
    s = f32x4.add(s, v128.load(at, DIVERGENCES));
    most = f32x4.pmax(most, v128.load(at, GAPS));
  }
  if (size & 15) {
    const mask = v128.load(maskOf(size & 15));
    s = f32x4.add(s, v128.and(v128.load(at, DIVERGENCES), mask));
    most = f32x4.pmax(most, v128.and(v128.load(at, GAPS), mask));
  }
  v128.store(to, s, SUMS_OF);
  v128.store(to, most, MOST_OF);
}

// @ts-ignore: decorator
@inline
function even(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 0, 2, 4, 6);
}

// @ts-ignore: decorator
@inline
function odd(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 1, 3, 5, 7);
}

/** DIVERGENCE and DIFFERENCE of n samples, from those of their logits; their rows begin at byte `row`. */
function gather(i: usize, n: i32, size: usize, row: usize): void {
  const end = usize(n) << 4;
  for (let to: usize = 0, at: usize = 0; to < end; to += 16, at += size) gatherRow(at, size, to);
  for (let j: usize = 0; j < end; j += 64, i += 16, row += size << 2) {
    const a = v128.load(j, SUMS_OF);
    const b = v128.load(j, SUMS_OF + 16);
    const c = v128.load(j, SUMS_OF + 32);
    const d = v128.load(j, SUMS_OF + 48);
    const ab = f32x4.add(even(a, b), odd(a, b));
    const cd = f32x4.add(even(c, d), odd(c, d));
    const sums = f32x4.add(even(ab, cd), odd(ab, cd));
    const e = v128.load(j, MOST_OF);
    const f = v128.load(j, MOST_OF + 16);
    const g = v128.load(j, MOST_OF + 32);
    const h = v128.load(j, MOST_OF + 48);
    const ef = f32x4.pmax(even(e, f), odd(e, f));
    const gh = f32x4.pmax(even(g, h), odd(g, h));
    v128.store(i, sums, DIVERGENCE);
    v128.store(i, f32x4.pmax(even(ef, gh), odd(ef, gh)), DIFFERENCE);
    v128.store(i, i32x4.splat(0), NOT_FINITE);
    for (let left = i32x4.bitmask(f32x4.ne(sums, sums)); left; left &= left - 1) {
      const k = usize(ctz(left));
      if (j + (k << 4) < end) again(i + (k << 2), row + k * size, row + (k + 1) * size);
    }
  }
}

/**
 * Count the decisions on which the sides agree in DECIDED, and in CHANGED the others: those that the baseline alone
 * makes for a class, and times 2^16 those of the candidate. A super-row is `length` logits, the rows of some samples.
 */
function decide(from: usize, end: usize, length: usize): void {
  const second = after - before;
  const stop = before + end;
  for (let j: usize = 0; j < length; j += 16) {
    const least = v128.load(j, PAIR_THRESHOLDS);
    let was = i32x4.splat(0);
    let is = was;
    let both = was;
    for (let at = before + from + j; at < stop; at += length) {
      const a = f32x4.gt(v128.load(at), least);
      const b = f32x4.gt(v128.load(at + second), least);
      was = i32x4.sub(was, a);
      is = i32x4.sub(is, b);
      both = i32x4.sub(both, v128.and(a, b));
    }
    v128.store(j, i32x4.add(v128.load(j, DECIDED), both), DECIDED);
    const alone = i32x4.add(i32x4.sub(was, both), i32x4.shl(i32x4.sub(is, both), 16));
    v128.store(j, i32x4.add(v128.load(j, CHANGED), alone), CHANGED);
  }
}

/** List the samples of whose own class the sides decide differently, ~number where the candidate decides for it. */
function own(i: usize, n: i32, classes: i32): i32 {
  let to = OWN;
  let row: usize = 0;
  for (const end = i + (usize(n) << 2); i < end; i += 4, row += usize(classes) << 2) {
    const y = load<u32>(i, LABEL);
    if (y >= u32(classes)) continue;
    const at = row + (usize(y) << 2);
    const least = load<f32>(PAIR_THRESHOLDS + (usize(y) << 2));
    const was = i32(load<f32>(before + at) > least);
    const is = i32(load<f32>(after + at) > least);
    store<i32>(to, i32(i >> 2) ^ -is);
    to += usize(was ^ is) << 2;
  }
  return i32(to - OWN) >> 2;
}

/**
 * One-vs-rest of n pairs of rows: the divergences of a sample's decisions, summed up, and the largest |Δp|. The rows
 * come as super-rows of `length` logits; −∞ fills what is behind them in the last. How many there are in OWN.
 */
function sigmoidPairs(i: usize, n: i32, classes: i32, length: usize): i32 {
  const size = usize(classes) << 2;
  // whole super-rows, of which all that is made stays near
  const rows = i32(length / size);
  const most = rows * max(1, min(TOGETHER / rows, 4 * NEAR / i32(length)));
  let decided: usize = 0;
  for (let done = 0; done < n; done += most) {
    const some = min(most, n - done);
    const from = usize(done) * size;
    const end = from + usize((some + rows - 1) / rows) * length;
    divergences(from, end);
    gather(i + (usize(done) << 2), some, size, from);
    // a few more at once, as it takes up its counts for each
    if (end - decided < 16 * NEAR && done + some < n) continue;
    decide(decided, end, length);
    decided = end;
  }
  return own(i, n, classes);
}

/** Compare n pairs of rows, of at most LOGITS logits together, whose columns begin at sample `first`. */
export function pairs(oneVersusRest: bool, held: bool, first: i32, n: i32, classes: i32, length: i32): i32 {
  const i = usize(first) << 2;
  if (oneVersusRest && !held) {
    place(0, TILE, KEPT, n * classes);
    place(1, PAIRS, KEPT + KEPT_AWAY, n * classes);
  }
  return oneVersusRest ? sigmoidPairs(i, n, classes, usize(length) << 2) : softmaxPairs(i, n, classes);
}

/**
 * To MOST, the largest numbers of the columns DIVERGENCE, DIFFERENCE and NOT_FINITE, which as floats are above 0, too.
 */
function most(n: i32): void {
  let divergence = f32x4.splat(0);
  let difference = divergence;
  let notFinite = divergence;
  const end = usize(n) << 2;
  // past the last sample there is none
  v128.store(end, divergence, DIVERGENCE);
  v128.store(end, divergence, DIFFERENCE);
  v128.store(end, divergence, NOT_FINITE);
  for (let i: usize = 0; i < end; i += 16) {
    divergence = f32x4.pmax(divergence, v128.load(i, DIVERGENCE));
    difference = f32x4.pmax(difference, v128.load(i, DIFFERENCE));
    notFinite = f32x4.pmax(notFinite, v128.load(i, NOT_FINITE));
  }
  store<f32>(MOST, largestOf(divergence));
  store<f32>(MOST, largestOf(difference), 4);
  store<f32>(MOST, largestOf(notFinite), 8);
}

/**
 * The sum of the squares of how far apart the sides are in WRONGS: of one-vs-rest, how many more decisions of a sample
 * one side has right than the other.
 */
function turned(n: i32): f64 {
  let sum = i64x2.splat(0);
  const end = usize(n) << 2;
  for (let i: usize = 0; i < end; i += 16) {
    const there = v128.load(maskOf(min<usize>(end - i, 16)));
    const d = v128.and(i32x4.sub(v128.load(i, WRONGS), v128.load(i, WRONGS + OTHER)), there);
    sum = i64x2.add(sum, i64x2.add(i64x2.extmul_low_i32x4_s(d, d), i64x2.extmul_high_i32x4_s(d, d)));
  }
  return f64(i64x2.extract_lane(sum, 0) + i64x2.extract_lane(sum, 1));
}

/**
 * The bits, less 1, of 2^−26 and of what is just below 2: eight differences within have a sum of 53 bits, and their
 * squares are within what two parts of a sum keep exact (math/exact-sum.ts).
 */
const LEAST: usize = memory.data<u32>([0x327fffff]);
const GREATEST: usize = memory.data<u32>([0x3ffffffe]);
const SIZE: usize = memory.data<u32>([0x7fffffff]);
const MINUS_ONE: usize = memory.data<u32>([0xffffffff]);

/** The sums of eight vectors, without a rounding where numbers are within LEAST and GREATEST. */
// @ts-ignore: decorator
@inline
function eight(a: v128, b: v128, c: v128, d: v128, e: v128, f: v128, g: v128, h: v128): v128 {
  const low = f64x2.add(f64x2.add(a, b), f64x2.add(c, d));
  return f64x2.add(low, f64x2.add(f64x2.add(e, f), f64x2.add(g, h)));
}

/** What of a difference is above 0. */
// @ts-ignore: decorator
@inline
function risen(d: v128): v128 {
  return f64x2.pmax(f64x2.splat(0), d);
}

/** The bits of |d|, less 1. */
// @ts-ignore: decorator
@inline
function bitsLessOne(d: v128): v128 {
  return i32x4.add(v128.and(d, lanes(SIZE)), lanes(MINUS_ONE));
}

/** What the sum with the anchor has lost of x. */
// @ts-ignore: decorator
@inline
function lost(x: v128, before: v128, after: v128): v128 {
  return f64x2.sub(x, f64x2.sub(after, before));
}

/**
 * Add up by how much the k-th numbers of n samples differ. Of sixteen differences that are 0 or within bounds the sum
 * is exact: what rose, less all of them, is what fell. The others become columns of numbers ≥ 0; NaN is in ROSE and in
 * SQUARED.
 */
function differ(k: i32, n: i32): void {
  const one = NUMBERS + usize(2 * k) * OTHER;
  const other = one + OTHER;
  const anchor = f64x2.splat(ANCHOR);
  const zero = f32x4.splat(0);
  let rose = anchor;
  let fell = anchor;
  let squared = anchor;
  let roseLow = f64x2.splat(0);
  let fellLow = roseLow;
  let squaredLow = roseLow;
  let left: usize = 0;
  let i: usize = 0;
  const end = usize(n) << 2;
  while (i < end) {
    const a = f32x4.sub(v128.load(other + i), v128.load(one + i));
    const b = f32x4.sub(v128.load(other + i, 16), v128.load(one + i, 16));
    const c = f32x4.sub(v128.load(other + i, 32), v128.load(one + i, 32));
    const d = f32x4.sub(v128.load(other + i, 48), v128.load(one + i, 48));
    // less 1, zero is the largest integer, and the smallest that has a sign
    const e = bitsLessOne(a);
    const f = bitsLessOne(b);
    const g = bitsLessOne(c);
    const h = bitsLessOne(d);
    const least = i32x4.min_u(i32x4.min_u(e, f), i32x4.min_u(g, h));
    const most = i32x4.max_s(i32x4.max_s(e, f), i32x4.max_s(g, h));
    const outside = v128.or(i32x4.lt_u(least, lanes(LEAST)), i32x4.gt_s(most, lanes(GREATEST)));
    // here, as a call would have the sums put away and taken up again
    if (v128.any_true(outside) || i + 64 > end) {
      for (const stop = min(i + 64, end); i < stop; i += 16, left += 16) {
        const v = f32x4.sub(v128.load(other + i), v128.load(one + i));
        v128.store(left, v128.andnot(v, f32x4.le(v, zero)), ROSE);
        v128.store(left, v128.and(f32x4.neg(v), f32x4.lt(v, zero)), FELL);
        v128.store(left, f32x4.mul(v, v), SQUARED);
      }
      continue;
    }
    const a0 = lower(a);
    const a1 = upper(a);
    const b0 = lower(b);
    const b1 = upper(b);
    const c0 = lower(c);
    const c1 = upper(c);
    const d0 = lower(d);
    const d1 = upper(d);
    const up = eight(risen(a0), risen(a1), risen(b0), risen(b1), risen(c0), risen(c1), risen(d0), risen(d1));
    const down = f64x2.sub(up, eight(a0, a1, b0, b1, c0, c1, d0, d1));
    const nextRose = f64x2.add(rose, up);
    const nextFell = f64x2.add(fell, down);
    roseLow = f64x2.add(roseLow, lost(up, rose, nextRose));
    fellLow = f64x2.add(fellLow, lost(down, fell, nextFell));
    rose = nextRose;
    fell = nextFell;
    const squareA = f32x4.mul(a, a);
    const squareB = f32x4.mul(b, b);
    const squareC = f32x4.mul(c, c);
    const squareD = f32x4.mul(d, d);
    const s0 = f64x2.add(squared, lower(squareA));
    const s1 = f64x2.add(s0, upper(squareA));
    const s2 = f64x2.add(s1, lower(squareB));
    const s3 = f64x2.add(s2, upper(squareB));
    const s4 = f64x2.add(s3, lower(squareC));
    const s5 = f64x2.add(s4, upper(squareC));
    const s6 = f64x2.add(s5, lower(squareD));
    const s7 = f64x2.add(s6, upper(squareD));
    squaredLow = f64x2.add(squaredLow, eight(
      lost(lower(squareA), squared, s0), lost(upper(squareA), s0, s1), lost(lower(squareB), s1, s2), lost(upper(squareB), s2, s3),
      lost(lower(squareC), s3, s4), lost(upper(squareC), s4, s5), lost(lower(squareD), s5, s6), lost(upper(squareD), s6, s7),
    ));
    squared = s7;
    i += 64;
  }
  const sum = SUM_ROSE + 3 * k;
  addLanes(sum, f64x2.sub(rose, anchor));
  addLanes(sum, roseLow);
  addLanes(sum + 1, f64x2.sub(fell, anchor));
  addLanes(sum + 1, fellLow);
  addLanes(sum + 2, f64x2.sub(squared, anchor));
  addLanes(sum + 2, squaredLow);
  const count = i32(left >> 2) - (-n & 3);
  add(sum, ROSE, count);
  add(sum + 1, FELL, count);
  add(sum + 2, SQUARED, count);
}

/** Add up what is known of n samples and, with `quality`, by how much their numbers differ: SUM_DIVERGENCE and on. */
export function settle(n: i32, quality: bool): f64 {
  most(n);
  add(SUM_DIVERGENCE, DIVERGENCE, n);
  add(SUM_DIFFERENCE, DIFFERENCE, n);
  if (!quality) return 0;
  for (let k = 0; k < 3; k++) differ(k, n);
  return sigmoid ? turned(n) : 0;
}
