/**
 * The focal core: margin → loss, and its slope for the gradient. Both losses pass through here.
 *
 *     t = e^−|x|    q = σ(−x)    ce = softplus(−x)    qs = q·(1 − s) + s/2
 *     loss  = w · qs^γ · ce
 *     slope = w · qs^γ · (q + γ · ce · p·(1 − s)·q/qs)          −∂loss/∂x; q/qs = 1 when s = 0
 *
 * One straight pass does all of that but the power; qs² is part of it where γ ≥ 2. What is left of γ, an integer and a
 * fraction, takes passes of its own over the stored qs: squarings, and e^(fraction·ln qs). Blocks are small enough to
 * stay in the first-level cache, and four vectors go through each pass side by side: one alone waits for its own results
 * most of the time.
 */
import { exp, expBoth, ONE, SIGN } from './exp';
import { log, log1pFrom } from './log';
import { LABELS, LOSS, MARGIN, MARGIN_LOW, SLOPE, UPSTREAM, WEIGHT } from './scratch';

const ZERO: usize = memory.data<f32>([0.0, 0.0, 0.0, 0.0], 16);
const LARGEST: usize = memory.data<f32>([3.4028234663852886e38, 3.4028234663852886e38, 3.4028234663852886e38, 3.4028234663852886e38], 16);

/** Values a block holds, and where their qs stands meanwhile. */
const BLOCK: i32 = 512;
const BASE: usize = memory.data(4 * BLOCK, 16);

/** One weight and one upstream factor that serve a whole call of one-vs-rest. */
const SAME_WEIGHT: usize = memory.data(16, 16);
const SAME_UPSTREAM: usize = memory.data(16, 16);

/** Four lanes each: γ, 1 − s, s/2; all ones where γ ≥ 2, and 1 where it is not. */
const GAMMA: usize = memory.data(16, 16);
const KEEP: usize = memory.data(16, 16);
const FLOOR: usize = memory.data(16, 16);
const SQUARED: usize = memory.data(16, 16);
const NOT_SQUARED: usize = memory.data(16, 16);
/** What of γ the first pass leaves. */
let whole: i32 = 0;
let fraction: f32 = 0;
let smooth: bool = false;

/** Set γ ≥ 0 and the smoothing s ≥ 0 of the calls that follow. */
export function configure(gamma: f64, smoothing: f64): void {
  const floor = Math.min(Math.floor(gamma), 1073741824);
  const squared = floor >= 2;
  whole = i32(floor) - (squared ? 2 : 0);
  fraction = f32(gamma - floor);
  smooth = smoothing > 0;
  v128.store(GAMMA, f32x4.splat(f32(gamma)));
  v128.store(KEEP, f32x4.splat(f32(1 - smoothing)));
  v128.store(FLOOR, f32x4.splat(f32(smoothing / 2)));
  v128.store(SQUARED, i32x4.splat(squared ? -1 : 0));
  v128.store(NOT_SQUARED, f32x4.splat(squared ? 0 : 1));
}

/** e^−|x|: the one quantity everything else is made of. */
// @ts-ignore: decorator
@inline
function decay(x: v128): v128 {
  return exp(v128.or(x, v128.load(SIGN)));
}

/** e^−|x + low| */
// @ts-ignore: decorator
@inline
function decayBoth(x: v128, low: v128): v128 {
  const sign = v128.load(SIGN);
  // the leftover takes the sign that −|x| gives it
  return expBoth(v128.or(x, sign), v128.xor(low, v128.andnot(sign, x)));
}

/** 1/((1 + t)·(2 + t)): both quotients needed come from this one division. */
// @ts-ignore: decorator
@inline
function shared(t: v128): v128 {
  const one = v128.load(ONE);
  const t1 = f32x4.add(t, one);
  return f32x4.div(one, f32x4.mul(t1, f32x4.add(t1, one)));
}

/** 1/(1 + t) */
// @ts-ignore: decorator
@inline
function inverse(t: v128, r: v128): v128 {
  const one = v128.load(ONE);
  return f32x4.mul(r, f32x4.add(f32x4.add(t, one), one));
}

/** σ(−x), or with `turned` σ(x): t/(1 + t) or 1/(1 + t). As t ≤ 1, the larger of t and (1 or 0) is the numerator. */
// @ts-ignore: decorator
@inline
function complement(x: v128, t: v128, i: v128, turned: bool): v128 {
  const negative = i32x4.shr_s(x, 31);
  const one = v128.load(ONE);
  return f32x4.mul(f32x4.pmax(t, turned ? v128.andnot(one, negative) : v128.and(negative, one)), i);
}

/** softplus(−x) = ln(1 + t) + max(−x, 0), or with `turned` softplus(x) */
// @ts-ignore: decorator
@inline
function crossEntropy(x: v128, t: v128, r: v128, turned: bool): v128 {
  const u = f32x4.mul(t, f32x4.mul(r, f32x4.add(t, v128.load(ONE))));
  return f32x4.add(log1pFrom(u), f32x4.pmax(turned ? x : v128.xor(x, v128.load(SIGN)), v128.load(ZERO)));
}

// @ts-ignore: decorator
@inline
function smoothed(q: v128): v128 {
  return f32x4.add(f32x4.mul(q, v128.load(KEEP)), v128.load(FLOOR));
}

/** qs² where γ ≥ 2, else 1. */
// @ts-ignore: decorator
@inline
function square(base: v128): v128 {
  return v128.or(v128.and(f32x4.mul(base, base), v128.load(SQUARED)), v128.load(NOT_SQUARED));
}

/** q + γ·ce·p·(1 − s)·q/qs: what the slope has where the loss has ce. */
// @ts-ignore: decorator
@inline
function slopeTerm(q: v128, p: v128, base: v128, ce: v128): v128 {
  // ce may be infinite where p is 0; their product tends to 0
  let product = f32x4.mul(v128.load(GAMMA), f32x4.mul(f32x4.pmin(ce, v128.load(LARGEST)), p));
  if (smooth) product = f32x4.mul(product, f32x4.div(f32x4.mul(q, v128.load(KEEP)), base));
  return f32x4.add(q, product);
}

/**
 * Losses of up to BLOCK values, everything up to the next multiple of 16 read and written. For samples, margins
 * x + low with a weight each; for `others` logits z that are not of the true class, margin −z with one weight.
 */
// @ts-ignore: decorator
@inline
function losses(xs: usize, lows: usize, weights: usize, to: usize, n: i32, others: bool): void {
  const left = whole != 0 || fraction != 0;
  const one = v128.load(SAME_WEIGHT);
  let base = BASE;
  for (const end = xs + (usize(n) << 2); xs < end; xs += 64, lows += 64, weights += 64, to += 64, base += 64) {
    const x0 = v128.load(xs);
    const x1 = v128.load(xs, 16);
    const x2 = v128.load(xs, 32);
    const x3 = v128.load(xs, 48);
    const t0 = others ? decay(x0) : decayBoth(x0, v128.load(lows));
    const t1 = others ? decay(x1) : decayBoth(x1, v128.load(lows, 16));
    const t2 = others ? decay(x2) : decayBoth(x2, v128.load(lows, 32));
    const t3 = others ? decay(x3) : decayBoth(x3, v128.load(lows, 48));
    const r0 = shared(t0);
    const r1 = shared(t1);
    const r2 = shared(t2);
    const r3 = shared(t3);
    const b0 = smoothed(complement(x0, t0, inverse(t0, r0), others));
    const b1 = smoothed(complement(x1, t1, inverse(t1, r1), others));
    const b2 = smoothed(complement(x2, t2, inverse(t2, r2), others));
    const b3 = smoothed(complement(x3, t3, inverse(t3, r3), others));
    const w0 = others ? one : v128.load(weights);
    const w1 = others ? one : v128.load(weights, 16);
    const w2 = others ? one : v128.load(weights, 32);
    const w3 = others ? one : v128.load(weights, 48);
    const l0 = f32x4.mul(f32x4.mul(crossEntropy(x0, t0, r0, others), w0), square(b0));
    const l1 = f32x4.mul(f32x4.mul(crossEntropy(x1, t1, r1, others), w1), square(b1));
    const l2 = f32x4.mul(f32x4.mul(crossEntropy(x2, t2, r2, others), w2), square(b2));
    const l3 = f32x4.mul(f32x4.mul(crossEntropy(x3, t3, r3, others), w3), square(b3));
    v128.store(to, l0);
    v128.store(to, l1, 16);
    v128.store(to, l2, 32);
    v128.store(to, l3, 48);
    if (left) {
      v128.store(base, b0);
      v128.store(base, b1, 16);
      v128.store(base, b2, 32);
      v128.store(base, b3, 48);
    }
  }
}

/** Losses as above, and slopes times `ups`: one a sample, or one for all of `others`. Two vectors at a time. */
// @ts-ignore: decorator
@inline
function lossesAndSlopes(
  xs: usize, lows: usize, weights: usize, ups: usize, to: usize, slopes: usize, n: i32, others: bool,
): void {
  const one = v128.load(SAME_WEIGHT);
  const up = v128.load(SAME_UPSTREAM);
  let base = BASE;
  for (const end = xs + (usize(n) << 2); xs < end;) {
    const x0 = v128.load(xs);
    const x1 = v128.load(xs, 16);
    const t0 = others ? decay(x0) : decayBoth(x0, v128.load(lows));
    const t1 = others ? decay(x1) : decayBoth(x1, v128.load(lows, 16));
    const r0 = shared(t0);
    const r1 = shared(t1);
    const i0 = inverse(t0, r0);
    const i1 = inverse(t1, r1);
    const q0 = complement(x0, t0, i0, others);
    const q1 = complement(x1, t1, i1, others);
    const p0 = complement(x0, t0, i0, !others);
    const p1 = complement(x1, t1, i1, !others);
    const b0 = smoothed(q0);
    const b1 = smoothed(q1);
    const ce0 = crossEntropy(x0, t0, r0, others);
    const ce1 = crossEntropy(x1, t1, r1, others);
    const w0 = f32x4.mul(others ? one : v128.load(weights), square(b0));
    const w1 = f32x4.mul(others ? one : v128.load(weights, 16), square(b1));
    const u0 = others ? up : v128.load(ups);
    const u1 = others ? up : v128.load(ups, 16);
    const s0 = f32x4.mul(f32x4.mul(w0, u0), slopeTerm(q0, p0, b0, ce0));
    const s1 = f32x4.mul(f32x4.mul(w1, u1), slopeTerm(q1, p1, b1, ce1));
    v128.store(to, f32x4.mul(ce0, w0));
    v128.store(to, f32x4.mul(ce1, w1), 16);
    v128.store(slopes, s0);
    v128.store(slopes, s1, 16);
    v128.store(base, b0);
    v128.store(base, b1, 16);
    xs += 32;
    lows += 32;
    weights += 32;
    ups += 32;
    to += 32;
    slopes += 32;
    base += 32;
  }
}

/** Multiply n values by what is left of the power of BASE. */
function raise(values: usize, n: i32): void {
  const end = usize(n) << 2;
  if (fraction != 0) {
    const f = f32x4.splat(fraction);
    for (let i: usize = 0; i < end; i += 32) {
      const p0 = exp(f32x4.mul(log(v128.load(BASE + i)), f));
      const p1 = exp(f32x4.mul(log(v128.load(BASE + i, 16)), f));
      const v0 = f32x4.mul(v128.load(values + i), p0);
      const v1 = f32x4.mul(v128.load(values + i, 16), p1);
      v128.store(values + i, v0);
      v128.store(values + i, v1, 16);
    }
  }
  if (whole) {
    for (let i: usize = 0; i < end; i += 16) {
      let value = v128.load(values + i);
      let power = v128.load(BASE + i);
      for (let bits = whole; bits; bits >>= 1) {
        if (bits & 1) value = f32x4.mul(value, power);
        power = f32x4.mul(power, power);
      }
      v128.store(values + i, value);
    }
  }
}

/**
 * One-vs-rest: losses of n logits that are not of their true class, margin −z, weight w each, written to `to`.
 * −∞ stands over the true classes and gives 0.
 */
export function negatives(at: usize, to: usize, n: i32, w: f32): void {
  v128.store(SAME_WEIGHT, f32x4.splat(w));
  for (let i = 0; i < n; i += BLOCK) {
    const count = min(BLOCK, n - i);
    const offset = usize(i) << 2;
    losses(at + offset, 0, 0, to + offset, count, true);
    raise(to + offset, count);
  }
}

/** The same, and ∂loss/∂logit times `up` to `slopes`: with x = −z it is the slope itself. */
export function negativesGrad(at: usize, to: usize, slopes: usize, n: i32, w: f32, up: f32): void {
  v128.store(SAME_WEIGHT, f32x4.splat(w));
  v128.store(SAME_UPSTREAM, f32x4.splat(up));
  for (let i = 0; i < n; i += BLOCK) {
    const count = min(BLOCK, n - i);
    const offset = usize(i) << 2;
    lossesAndSlopes(at + offset, 0, 0, 0, to + offset, slopes + offset, count, true);
    raise(to + offset, count);
    raise(slopes + offset, count);
  }
}

/**
 * MARGIN, MARGIN_LOW, WEIGHT → LOSS, and with `grad` (and UPSTREAM) SLOPE: of n samples, 0 where LABELS has −1.
 * Relative error of the loss ≤ 2e-6 · max(1, |x|/8) · max(1, (1 + γ)/3) and of the slope ≤ 3e-6 times the same,
 * wherever they are normal float32.
 */
export function core(n: i32, grad: bool): void {
  for (let i = 0; i < n; i += BLOCK) {
    const count = min(BLOCK, n - i);
    const at = usize(i) << 2;
    if (grad) {
      lossesAndSlopes(
        MARGIN + at, MARGIN_LOW + at, WEIGHT + at, UPSTREAM + at, LOSS + at, SLOPE + at, count, false,
      );
      raise(SLOPE + at, count);
      mask(SLOPE + at, LABELS + at, count);
    } else {
      losses(MARGIN + at, MARGIN_LOW + at, WEIGHT + at, LOSS + at, count, false);
    }
    raise(LOSS + at, count);
    mask(LOSS + at, LABELS + at, count);
  }
}

/** 0 where the sample is ignored, whatever was there. */
function mask(values: usize, labels: usize, n: i32): void {
  for (let i: usize = 0; i < usize(n) << 2; i += 16) {
    v128.store(values + i, v128.andnot(v128.load(values + i), i32x4.shr_s(v128.load(labels + i), 31)));
  }
}
