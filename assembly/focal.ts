/**
 * The focal core: gap → loss, and its slope for the gradient. Both losses pass through here. The gap is the margin x
 * negated: by how much the others are above the true class.
 *
 *     t = e^−|gap|    q = σ(gap)    ce = softplus(gap)    b = q·(1 − s) + s/2
 *     loss  = w · b^γ · ce
 *     slope = w · b^γ · q/b · (b + γ · (1 − s) · ce · p)        ∂loss/∂gap, p = 1 − q; q/b = 1 when s = 0
 *
 * The work is cut into short passes over a block that stays in the first-level cache. A processor looks only so many
 * operations ahead: a long chain of operations waits for its own results, where short chains of many vectors overlap.
 */
import { BLOCK, DECAY, INTEGER, LARGER, POWER, QUOTIENT, REDUCED, SHARE, SIGMOID } from './tile/block';
import {
  bounded, clamped, E2, E3, E4, E5, LN2_HIGH, LN2_LOW, LOG2E, LOWEST, MAGIC, multiple, nearest, remainder, reduced, scaled, scaledBinary,
} from './math/exp';
import { ignoring } from './tile/labels';
import { A1, A2, A3, log, log1pFrom, TWO } from './math/log';
import { HALF, lanes, LARGEST, ONE, SIGN, SMALLEST, ZERO, ZERO_AND_ONE } from './math/numbers';
import {
  CROSS_ENTROPY, ENTROPIES, GAP, GAP_LOW, LABELS, LOGIT_WEIGHTS, LOSS, PLANES, SLOPE, TILE, UPSTREAM, WEIGHT,
} from './tile/scratch';

const INFINITY_BITS: i32 = 0x7f800000;
/** The factor 0 and the addend 1, which make b = 1 of any q. */
const UNIT: usize = ZERO_AND_ONE;

/**
 * Parameters: log₂e times the fraction of γ; γ·(1 − s); the factor 1 − s and the addend s/2 that make b of q; factor
 * and addend of the last pass, which multiplies by b² if γ ≥ 2 and by 1 otherwise.
 */
const FRACTION: usize = memory.data(24, 4);
const GAMMA: usize = FRACTION + 4;
const SMOOTHED: usize = FRACTION + 8;
const LAST: usize = FRACTION + 16;
let whole: i32 = 0;

/** Set γ ≥ 0 and the smoothing s ≥ 0. */
export function configure(gamma: f64, smoothing: f64): void {
  // every float32 below 1 to the power of 1e36 is 0, and a larger γ might leave float32
  gamma = Math.min(gamma, 1e36);
  whole = i32(Math.min(gamma, 1073741824));
  store<f32>(FRACTION, f32((gamma - whole) * Math.LOG2E));
  store<f32>(GAMMA, f32(gamma * (1 - smoothing)));
  store<f32>(SMOOTHED, f32(1 - smoothing));
  store<f32>(SMOOTHED, f32(smoothing / 2), 4);
  store<u64>(LAST, load<u64>(squares() ? SMOOTHED : UNIT));
}

/** First half of e^−|x| of four x, whose place in the block is i. */
// @ts-ignore: decorator
@inline
export function reduceFour(
  x: v128, i: usize, sign: v128, lowest: v128, log2e: v128, magic: v128, high: v128, low: v128,
): void {
  const a = clamped(v128.or(x, sign), lowest);
  const t = multiple(a, log2e, magic);
  v128.store(i, t, INTEGER);
  v128.store(i, remainder(a, t, magic, high, low), REDUCED);
}

/** First half of e^−|x|: INTEGER and REDUCED of −|x|, as in exp.ts. */
export function reduce(xs: usize, bytes: usize): void {
  const sign = lanes(SIGN);
  const lowest = lanes(LOWEST);
  const log2e = lanes(LOG2E);
  const magic = lanes(MAGIC);
  const high = lanes(LN2_HIGH);
  const low = lanes(LN2_LOW);
  for (let i: usize = 0; i < bytes; i += 32) {
    reduceFour(v128.load(xs + i), i, sign, lowest, log2e, magic, high, low);
    reduceFour(v128.load(xs + i, 16), i + 16, sign, lowest, log2e, magic, high, low);
  }
}

/** Second half: DECAY = e^−|x|. */
export function decay(bytes: usize): void {
  const e5 = lanes(E5);
  const e4 = lanes(E4);
  const e3 = lanes(E3);
  const e2 = lanes(E2);
  const one = lanes(ONE);
  for (let i: usize = 0; i < bytes; i += 32) {
    const t0 = scaled(v128.load(i, REDUCED), v128.load(i, INTEGER), e5, e4, e3, e2, one);
    const t1 = scaled(v128.load(i, REDUCED + 16), v128.load(i, INTEGER + 16), e5, e4, e3, e2, one);
    v128.store(i, t0, DECAY);
    v128.store(i, t1, DECAY + 16);
  }
}

/** DECAY = e^−|gap + low| from e^−|gap|. `low` is at most half an ULP of the gap, so 1 ± low stands for e^±low. */
function correct(gaps: usize, lows: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const t = v128.load(i, DECAY);
    const low = v128.xor(v128.load(lows + i), v128.andnot(lanes(SIGN), v128.load(gaps + i)));
    v128.store(i, f32x4.add(t, f32x4.mul(t, low)), DECAY);
  }
}

/**
 * σ(x) from t = e^−|x| and i = 1/(1 + t): t·i where x < 0, else i. The numerator is max(t, 0) or max(t, 1), as t ≤ 1.
 */
// @ts-ignore: decorator
@inline
function sigmoid(x: v128, t: v128, i: v128, one: v128): v128 {
  return f32x4.mul(f32x4.pmax(t, v128.andnot(one, i32x4.shr_s(x, 31))), i);
}

/** b = q·(1 − s) + s/2, with the factor and the addend at `by`. */
// @ts-ignore: decorator
@inline
function smoothed(q: v128, by: usize, factor: v128 = lanes(by), addend: v128 = lanes(by + 4)): v128 {
  return f32x4.add(f32x4.mul(q, factor), addend);
}

/**
 * SIGMOID = q and QUOTIENT = t/(2 + t), both from one division, 1/((1 + t)·(2 + t)). With `keep` also
 * LARGER = 1/(1 + t).
 */
// @ts-ignore: decorator
@inline
function divide(gaps: usize, keep: bool, bytes: usize): void {
  const one = lanes(ONE);
  const half = lanes(HALF);
  for (let i: usize = 0; i < bytes; i += 16) {
    const t = v128.load(i, DECAY);
    const c = f32x4.add(t, one);
    const d = f32x4.add(c, one);
    const r = f32x4.div(one, f32x4.mul(c, d));
    const inverse = f32x4.mul(r, d);
    if (keep) v128.store(i, f32x4.pmax(inverse, half), LARGER);
    v128.store(i, sigmoid(v128.load(gaps + i), t, inverse, one), SIGMOID);
    v128.store(i, f32x4.mul(t, f32x4.mul(r, c)), QUOTIENT);
  }
}

/**
 * POWER = w · b^(γ − 2), or w · b^γ where γ < 2. The only pass that depends on γ: multiplications for its whole part,
 * 2^(fraction·log₂ b) for its fraction. The weight is the first factor, so that no partial product underflows unless
 * the result does. Returns where the powers are: at `weights` itself if there is nothing to multiply by.
 */
function raise(gaps: usize, weights: usize, exponent: i32, bytes: usize): usize {
  const fraction = load<f32>(FRACTION) != 0;
  // without smoothing b = q, and ln q = min(gap, 0) − ln(1 + t)
  const plain = exponent < 2 && load<f32>(SMOOTHED, 4) == 0;
  if (fraction && plain) {
    for (let i: usize = 0; i < bytes; i += 16) {
      const ln = f32x4.sub(f32x4.pmin(v128.load(gaps + i), lanes(ZERO)), log1pFrom(v128.load(i, QUOTIENT)));
      v128.store(i, bounded(f32x4.mul(ln, lanes(FRACTION))), REDUCED);
    }
  } else if (fraction || exponent) {
    for (let i: usize = 0; i < bytes; i += 16) {
      let value = v128.load(weights + i);
      const b = smoothed(v128.load(i, SIGMOID), SMOOTHED);
      let base = b;
      for (let bits = exponent; bits; bits >>= 1) {
        if (bits & 1) value = f32x4.mul(value, base);
        base = f32x4.mul(base, base);
      }
      v128.store(i, value, POWER);
      if (fraction) v128.store(i, bounded(f32x4.mul(log(b), lanes(FRACTION))), REDUCED);
    }
    weights = POWER;
  }
  if (!fraction) return weights;
  for (let i: usize = 0; i < bytes; i += 16) {
    const u = v128.load(i, REDUCED);
    const t = nearest(u);
    let value = v128.load(weights + i);
    if (plain && exponent) value = f32x4.mul(value, v128.load(i, SIGMOID));
    v128.store(i, f32x4.mul(value, scaledBinary(reduced(u, t), t)), POWER);
  }
  return POWER;
}

/** softplus(gap) = ln(1 + t) + max(gap, 0), from u = t/(2 + t) */
// @ts-ignore: decorator
@inline
function crossEntropy(
  gap: v128, u: v128, a3: v128 = lanes(A3), a2: v128 = lanes(A2), a1: v128 = lanes(A1), two: v128 = lanes(TWO),
  zero: v128 = lanes(ZERO),
): v128 {
  return f32x4.add(log1pFrom(u, a3, a2, a1, two), f32x4.pmax(gap, zero));
}

/**
 * Correct the losses of infinite gaps. There a power that was rounded to 0 times the infinite cross-entropy is NaN, but
 * the limit is 0 if the weight is 0, and infinite otherwise. Rarely needed, and so a function of its own.
 */
function limits(weights: usize, to: usize, bytes: usize): void {
  const infinity = i32x4.splat(INFINITY_BITS);
  for (let i: usize = 0; i < bytes; i += 16) {
    const loss = v128.load(to + i);
    const limit = v128.andnot(infinity, f32x4.eq(v128.load(weights + i), lanes(ZERO)));
    const lost = v128.and(f32x4.ne(loss, loss), f32x4.eq(v128.load(i, DECAY), lanes(ZERO)));
    v128.store(to + i, v128.bitselect(limit, loss, lost));
  }
}

/** Whether a cross-entropy is infinite or NaN, given the largest of their bits as integers. */
// @ts-ignore: decorator
@inline
function anyInfinite(most: v128): bool {
  return v128.any_true(i32x4.ge_s(most, i32x4.splat(INFINITY_BITS)));
}

/** Last pass: loss = ce · POWER, times b² if γ ≥ 2. */
function multiply(gaps: usize, weights: usize, powers: usize, to: usize, bytes: usize): void {
  const factor = lanes(LAST);
  const addend = lanes(LAST + 4);
  const a3 = lanes(A3);
  const a2 = lanes(A2);
  const a1 = lanes(A1);
  const two = lanes(TWO);
  const zero = lanes(ZERO);
  let most = i32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) {
    const b = smoothed(v128.load(i, SIGMOID), LAST, factor, addend);
    const entropy = crossEntropy(v128.load(gaps + i), v128.load(i, QUOTIENT), a3, a2, a1, two, zero);
    most = i32x4.max_s(most, entropy);
    v128.store(to + i, f32x4.mul(entropy, f32x4.mul(f32x4.mul(v128.load(powers + i), b), b)));
  }
  if (anyInfinite(most)) limits(weights, to, bytes);
}

/**
 * σ(gap), a multiple of 2^−24, with the sign bit set where the gap is above the threshold. A probability of at most ½
 * is computed as 1 − LARGER. That difference is exact, and so is 1 − result: a class has a probability of the same bits
 * whether it comes as σ(gap) or as 1 − σ(−gap).
 */
// @ts-ignore: decorator
@inline
function decision(gap: v128, larger: v128, threshold: v128): v128 {
  const p = v128.bitselect(f32x4.sub(lanes(ONE), larger), larger, i32x4.shr_s(gap, 31));
  return v128.or(p, v128.and(f32x4.gt(gap, threshold), lanes(SIGN)));
}

/** Last pass with metrics: losses to PLANES, ce to ENTROPIES and `decision` to TILE, each from byte `offset` on. */
function multiplyAndKeep(
  gaps: usize, weights: usize, powers: usize, thresholds: usize, offset: usize, bytes: usize,
): void {
  const losses = PLANES + offset;
  const factor = lanes(LAST);
  const addend = lanes(LAST + 4);
  const a3 = lanes(A3);
  const a2 = lanes(A2);
  const a1 = lanes(A1);
  const two = lanes(TWO);
  const zero = lanes(ZERO);
  let most = i32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 32) {
    const q0 = v128.load(i, SIGMOID);
    const q1 = v128.load(i, SIGMOID + 16);
    const b0 = smoothed(q0, LAST, factor, addend);
    const b1 = smoothed(q1, LAST, factor, addend);
    const entropy0 = crossEntropy(v128.load(gaps + i), v128.load(i, QUOTIENT), a3, a2, a1, two, zero);
    const entropy1 = crossEntropy(v128.load(gaps + i, 16), v128.load(i, QUOTIENT + 16), a3, a2, a1, two, zero);
    const at = offset + i;
    most = i32x4.max_s(most, i32x4.max_s(entropy0, entropy1));
    v128.store(at, entropy0, ENTROPIES);
    v128.store(at, entropy1, ENTROPIES + 16);
    v128.store(at, f32x4.mul(entropy0, f32x4.mul(f32x4.mul(v128.load(powers + i), b0), b0)), PLANES);
    v128.store(at, f32x4.mul(entropy1, f32x4.mul(f32x4.mul(v128.load(powers + i, 16), b1), b1)), PLANES + 16);
  }
  if (anyInfinite(most)) limits(weights, losses, bytes);
  for (let i: usize = 0; i < bytes; i += 16) {
    const threshold = v128.load(thresholds + i);
    v128.store(offset + i, decision(v128.load(gaps + i), v128.load(i, LARGER), threshold), TILE);
  }
}

/** SHARE = q/b, or 0 where both are 0. */
function share(bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const q = v128.load(i, SIGMOID);
    v128.store(i, f32x4.div(q, f32x4.pmax(smoothed(q, SMOOTHED), lanes(SMALLEST))), SHARE);
  }
}

/** ∂loss/∂gap; power · share is w · b^γ · q/b. */
// @ts-ignore: decorator
@inline
function slope(
  gap: v128, q: v128, t: v128, entropy: v128, power: v128, share: v128, one: v128, largest: v128, gamma: v128, factor: v128, addend: v128,
): v128 {
  // p = 1 − q where q < ½; where q is larger, that difference would lose digits, and p = q·t
  const p = f32x4.pmax(f32x4.mul(t, q), v128.and(f32x4.sub(one, q), i32x4.shr_s(gap, 31)));
  // where p is 0 ce may be infinite; the limit of their product is 0
  const product = f32x4.mul(f32x4.pmin(entropy, largest), p);
  const term = f32x4.add(smoothed(q, SMOOTHED, factor, addend), f32x4.mul(gamma, product));
  return f32x4.mul(f32x4.mul(power, share), term);
}

/**
 * Last pass with slopes: losses to `to`, slopes times upstream factors to `slopes`. The factor of byte i is at
 * ups + (i & each), where `each` is all ones, or 0 if all have the same. `shares` is SHARE, or SIGMOID if γ ≥ 2: powers
 * then lack b², the slope takes one b, and q/b · b is q.
 */
function differentiate(
  gaps: usize, weights: usize, powers: usize, shares: usize, to: usize, ups: usize, each: usize, slopes: usize, bytes: usize,
): void {
  const one = lanes(ONE);
  const largest = lanes(LARGEST);
  const gamma = lanes(GAMMA);
  const smoothedBy = lanes(SMOOTHED);
  const smoothing = lanes(SMOOTHED + 4);
  const factor = lanes(LAST);
  const addend = lanes(LAST + 4);
  const a3 = lanes(A3);
  const a2 = lanes(A2);
  const a1 = lanes(A1);
  const two = lanes(TWO);
  const zero = lanes(ZERO);
  let most = i32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 32) {
    const gap0 = v128.load(gaps + i);
    const q0 = v128.load(i, SIGMOID);
    const entropy0 = crossEntropy(gap0, v128.load(i, QUOTIENT), a3, a2, a1, two, zero);
    const b0 = smoothed(q0, LAST, factor, addend);
    const power0 = f32x4.mul(v128.load(powers + i), b0);
    const slope0 = slope(gap0, q0, v128.load(i, DECAY), entropy0, power0, v128.load(shares + i), one, largest, gamma, smoothedBy, smoothing);
    const gap1 = v128.load(gaps + i, 16);
    const q1 = v128.load(i, SIGMOID + 16);
    const entropy1 = crossEntropy(gap1, v128.load(i, QUOTIENT + 16), a3, a2, a1, two, zero);
    const b1 = smoothed(q1, LAST, factor, addend);
    const power1 = f32x4.mul(v128.load(powers + i, 16), b1);
    const slope1 = slope(gap1, q1, v128.load(i, DECAY + 16), entropy1, power1, v128.load(shares + i, 16), one, largest, gamma, smoothedBy, smoothing);
    most = i32x4.max_s(most, i32x4.max_s(entropy0, entropy1));
    const up = ups + (i & each);
    const scaled0 = f32x4.mul(slope0, v128.load(up));
    const scaled1 = f32x4.mul(slope1, v128.load(up, 16));
    v128.store(to + i, f32x4.mul(entropy0, f32x4.mul(power0, b0)));
    v128.store(to + i, f32x4.mul(entropy1, f32x4.mul(power1, b1)), 16);
    v128.store(slopes + i, scaled0);
    v128.store(slopes + i, scaled1, 16);
  }
  if (anyInfinite(most)) limits(weights, to, bytes);
}

/** Whether the last pass multiplies by b². γ = 2 then needs no POWER. */
// @ts-ignore: decorator
@inline
function squares(): bool {
  return whole > 1;
}

/** The passes between DECAY and the last one. Returns where the powers are, see `raise`. */
// @ts-ignore: decorator
@inline
function powersOf(gaps: usize, weights: usize, keep: bool, bytes: usize): usize {
  divide(gaps, keep, bytes);
  return raise(gaps, weights, squares() ? whole - 2 : whole, bytes);
}

/** The passes after DECAY: losses to `to`, and unless `slopes` is 0, slopes there (see `differentiate`). */
export function finish(gaps: usize, weights: usize, to: usize, ups: usize, each: usize, slopes: usize, bytes: usize): void {
  const powers = powersOf(gaps, weights, false, bytes);
  if (!slopes) return multiply(gaps, weights, powers, to, bytes);
  let shares = SIGMOID;
  if (!squares()) {
    share(bytes);
    shares = SHARE;
  }
  differentiate(gaps, weights, powers, shares, to, ups, each, slopes, bytes);
}

/** Copy DECAY to `to`: so few bytes are copied faster than by `memory.copy`, which engines call. */
export function keepDecay(to: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 32) {
    v128.store(to + i, v128.load(i, DECAY));
    v128.store(to + i, v128.load(i, DECAY + 16), 16);
  }
}

/**
 * One-vs-rest with metrics, of the n logits at `at`: losses to PLANES, cross-entropies to ENTROPIES, and `decision` to
 * TILE, which may be where the logits are; unless `keep` is 0, e^−|z| there.
 */
export function oneVersusRestAndEntropies(at: usize, thresholds: usize, n: i32, keep: usize): void {
  for (let i = 0; i < n; i += BLOCK) {
    const bytes = usize(min(BLOCK, n - i)) << 2;
    const offset = usize(i) << 2;
    reduce(at + offset, bytes);
    decay(bytes);
    if (keep) keepDecay(keep + offset, bytes);
    const weights = LOGIT_WEIGHTS + offset;
    multiplyAndKeep(at + offset, weights, powersOf(at + offset, weights, true, bytes), thresholds + offset, offset, bytes);
  }
}

/**
 * LOSS of n samples from GAP, GAP_LOW and WEIGHT, and with `grad` SLOPE, which takes UPSTREAM, too. Both are 0 where
 * LABELS has −1.
 * Relative error of the loss ≤ 2e-6 · max(1, |gap|/8) · max(1, (1 + γ)/3) and of the slope ≤ 3e-6 times the same,
 * wherever they are normal float32.
 */
export function core(n: i32, grad: bool): void {
  for (let i = 0; i < n; i += BLOCK) {
    const bytes = usize(min(BLOCK, n - i)) << 2;
    const at = usize(i) << 2;
    reduce(GAP + at, bytes);
    decay(bytes);
    correct(GAP + at, GAP_LOW + at, bytes);
    finish(GAP + at, WEIGHT + at, LOSS + at, UPSTREAM + at, usize.MAX_VALUE, grad ? SLOPE + at : 0, bytes);
    if (!ignoring) continue;
    mask(LOSS + at, LABELS + at, bytes);
    if (grad) mask(SLOPE + at, LABELS + at, bytes);
  }
}

/** Cross-entropies of n samples, softplus(gap), to `to`, and σ(gap) to `sigmoids`. */
export function entropies(n: i32, to: usize, sigmoids: usize): void {
  for (let i = 0; i < n; i += BLOCK) {
    const bytes = usize(min(BLOCK, n - i)) << 2;
    const at = usize(i) << 2;
    reduce(GAP + at, bytes);
    decay(bytes);
    correct(GAP + at, GAP_LOW + at, bytes);
    divide(GAP + at, false, bytes);
    for (let j: usize = 0; j < bytes; j += 16) {
      v128.store(to + at + j, crossEntropy(v128.load(GAP + at + j), v128.load(j, QUOTIENT)));
      v128.store(sigmoids + at + j, v128.load(j, SIGMOID));
    }
  }
}

/** As `core` without slopes, and the cross-entropies to CROSS_ENTROPY and 1 − p_y to SLOPE. */
export function coreAndEntropies(n: i32): void {
  for (let i = 0; i < n; i += BLOCK) {
    const bytes = usize(min(BLOCK, n - i)) << 2;
    const at = usize(i) << 2;
    reduce(GAP + at, bytes);
    decay(bytes);
    correct(GAP + at, GAP_LOW + at, bytes);
    finish(GAP + at, WEIGHT + at, LOSS + at, 0, 0, 0, bytes);
    for (let j: usize = 0; j < bytes; j += 16) {
      v128.store(CROSS_ENTROPY + at + j, crossEntropy(v128.load(GAP + at + j), v128.load(j, QUOTIENT)));
      v128.store(SLOPE + at + j, v128.load(j, SIGMOID));
    }
    if (!ignoring) continue;
    mask(LOSS + at, LABELS + at, bytes);
    mask(CROSS_ENTROPY + at, LABELS + at, bytes);
  }
}

/** σ(−gap) of n samples to `to`: the probability of the class that was left out of MAX and SUM. */
export function probabilities(n: i32, to: usize): void {
  for (let i = 0; i < n; i += BLOCK) {
    const bytes = usize(min(BLOCK, n - i)) << 2;
    const at = usize(i) << 2;
    reduce(GAP + at, bytes);
    decay(bytes);
    correct(GAP + at, GAP_LOW + at, bytes);
    for (let j: usize = 0; j < bytes; j += 16) {
      const t = v128.load(j, DECAY);
      const likely = v128.and(lanes(ONE), i32x4.shr_s(v128.load(GAP + at + j), 31));
      v128.store(to + at + j, f32x4.div(f32x4.pmax(t, likely), f32x4.add(t, lanes(ONE))));
    }
  }
}

/** Write 0 where the sample is ignored, whatever was there. */
function mask(values: usize, labels: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    v128.store(values + i, v128.andnot(v128.load(values + i), i32x4.shr_s(v128.load(labels + i), 31)));
  }
}
