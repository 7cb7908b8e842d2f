/**
 * The focal core: margin → loss, and its slope for the gradient. Both losses pass through here.
 *
 *     t = e^−|x|    q = σ(−x)    ce = softplus(−x)    qs = q·(1 − s) + s/2
 *     loss  = w · qs^γ · ce
 *     slope = w · qs^γ · (q + γ · ce · p·(1 − s)·q/qs)          −∂loss/∂x; q/qs = 1 when s = 0
 *
 * Short passes over a block that stays in the first-level cache: t; the quotients; the power, where γ is split into an
 * integer and a fraction; the slope; the loss. Short, because a long pass runs out of registers; four vectors side by
 * side, because one alone waits for its own results.
 */
import { exp, expBoth, ONE, SIGN } from './exp';
import { log, log1pFrom } from './log';
import { CROSS_ENTROPY, LABELS, LOSS, MARGIN, MARGIN_LOW, SLOPE, UPSTREAM, WEIGHT } from './scratch';

const ZERO: usize = memory.data<f32>([0.0, 0.0, 0.0, 0.0], 16);
const LARGEST: usize = memory.data<f32>([3.4028234663852886e38, 3.4028234663852886e38, 3.4028234663852886e38, 3.4028234663852886e38], 16);

/** Values a block holds, and where the passes leave what the next ones need. */
const BLOCK: i32 = 512;
const TURNED: usize = memory.data(4 * BLOCK, 16);
const DECAY: usize = memory.data(4 * BLOCK, 16);
const BASE: usize = memory.data(4 * BLOCK, 16);
const QUOTIENT: usize = memory.data(4 * BLOCK, 16);
const POWER: usize = memory.data(4 * BLOCK, 16);
const LOG: usize = memory.data(4 * BLOCK, 16);

/** One weight and one upstream factor that serve a whole call of one-vs-rest. */
const SAME_WEIGHT: usize = memory.data(64, 16);
const SAME_UPSTREAM: usize = memory.data(64, 16);

/** Four lanes each: γ, 1 − s, s/2. */
const GAMMA: usize = memory.data(16, 16);
const KEEP: usize = memory.data(16, 16);
const FLOOR: usize = memory.data(16, 16);
let whole: i32 = 0;
let fraction: f32 = 0;
let smooth: bool = false;

/** Set γ ≥ 0 and the smoothing s ≥ 0 of the calls that follow. */
export function configure(gamma: f64, smoothing: f64): void {
  whole = i32(Math.min(gamma, 1073741824));
  fraction = f32(gamma - whole);
  smooth = smoothing > 0;
  v128.store(GAMMA, f32x4.splat(f32(gamma)));
  v128.store(KEEP, f32x4.splat(f32(1 - smoothing)));
  v128.store(FLOOR, f32x4.splat(f32(smoothing / 2)));
}

/** e^−|x + low|: the one quantity everything else is made of. */
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

/** σ(−x): t/(1 + t) for x ≥ 0, else 1/(1 + t). As t ≤ 1, the numerator is the larger of t and 1 where x < 0. */
// @ts-ignore: decorator
@inline
function complement(x: v128, t: v128, i: v128): v128 {
  return f32x4.mul(f32x4.pmax(t, v128.and(i32x4.shr_s(x, 31), v128.load(ONE))), i);
}

// @ts-ignore: decorator
@inline
function smoothed(q: v128): v128 {
  return f32x4.add(f32x4.mul(q, v128.load(KEEP)), v128.load(FLOOR));
}

/** t/(2 + t) */
// @ts-ignore: decorator
@inline
function quotient(t: v128, r: v128): v128 {
  return f32x4.mul(t, f32x4.mul(r, f32x4.add(t, v128.load(ONE))));
}

/** softplus(−x) = ln(1 + t) + max(−x, 0), from u = t/(2 + t) */
// @ts-ignore: decorator
@inline
function crossEntropy(x: v128, u: v128): v128 {
  return f32x4.add(log1pFrom(u), f32x4.pmax(v128.xor(x, v128.load(SIGN)), v128.load(ZERO)));
}

/** First pass, samples: DECAY = e^−|x + low|. */
function decaySamples(xs: usize, lows: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 64) {
    const t0 = decayBoth(v128.load(xs + i), v128.load(lows + i));
    const t1 = decayBoth(v128.load(xs + i, 16), v128.load(lows + i, 16));
    const t2 = decayBoth(v128.load(xs + i, 32), v128.load(lows + i, 32));
    const t3 = decayBoth(v128.load(xs + i, 48), v128.load(lows + i, 48));
    v128.store(DECAY + i, t0);
    v128.store(DECAY + i, t1, 16);
    v128.store(DECAY + i, t2, 32);
    v128.store(DECAY + i, t3, 48);
  }
}

/** First pass, logits z that are not of their true class: TURNED = −z, DECAY = e^−|z|. */
function decayOthers(zs: usize, bytes: usize): void {
  const sign = v128.load(SIGN);
  for (let i: usize = 0; i < bytes; i += 64) {
    const z0 = v128.load(zs + i);
    const z1 = v128.load(zs + i, 16);
    const z2 = v128.load(zs + i, 32);
    const z3 = v128.load(zs + i, 48);
    const t0 = exp(v128.or(z0, sign));
    const t1 = exp(v128.or(z1, sign));
    const t2 = exp(v128.or(z2, sign));
    const t3 = exp(v128.or(z3, sign));
    v128.store(TURNED + i, v128.xor(z0, sign));
    v128.store(TURNED + i, v128.xor(z1, sign), 16);
    v128.store(TURNED + i, v128.xor(z2, sign), 32);
    v128.store(TURNED + i, v128.xor(z3, sign), 48);
    v128.store(DECAY + i, t0);
    v128.store(DECAY + i, t1, 16);
    v128.store(DECAY + i, t2, 32);
    v128.store(DECAY + i, t3, 48);
  }
}

/** Second pass: BASE = qs, QUOTIENT = t/(2 + t). */
function divide(xs: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 64) {
    const t0 = v128.load(DECAY + i);
    const t1 = v128.load(DECAY + i, 16);
    const t2 = v128.load(DECAY + i, 32);
    const t3 = v128.load(DECAY + i, 48);
    const r0 = shared(t0);
    const r1 = shared(t1);
    const r2 = shared(t2);
    const r3 = shared(t3);
    const b0 = smoothed(complement(v128.load(xs + i), t0, inverse(t0, r0)));
    const b1 = smoothed(complement(v128.load(xs + i, 16), t1, inverse(t1, r1)));
    const b2 = smoothed(complement(v128.load(xs + i, 32), t2, inverse(t2, r2)));
    const b3 = smoothed(complement(v128.load(xs + i, 48), t3, inverse(t3, r3)));
    const u0 = quotient(t0, r0);
    const u1 = quotient(t1, r1);
    const u2 = quotient(t2, r2);
    const u3 = quotient(t3, r3);
    v128.store(BASE + i, b0);
    v128.store(BASE + i, b1, 16);
    v128.store(BASE + i, b2, 32);
    v128.store(BASE + i, b3, 48);
    v128.store(QUOTIENT + i, u0);
    v128.store(QUOTIENT + i, u1, 16);
    v128.store(QUOTIENT + i, u2, 32);
    v128.store(QUOTIENT + i, u3, 48);
  }
}

/**
 * Third pass, the only one that knows γ: POWER = w · qs^γ, the whole part of γ by multiplying, the fraction by
 * e^(fraction·ln qs). The weight goes in first, so that nothing underflows before the result does. `weights` moves
 * along by `step`, 64 or 0.
 */
function power(weights: usize, step: usize, bytes: usize): void {
  if (whole == 2) {
    for (let i: usize = 0; i < bytes; i += 64, weights += step) {
      const b0 = v128.load(BASE + i);
      const b1 = v128.load(BASE + i, 16);
      const b2 = v128.load(BASE + i, 32);
      const b3 = v128.load(BASE + i, 48);
      const p0 = f32x4.mul(f32x4.mul(v128.load(weights), b0), b0);
      const p1 = f32x4.mul(f32x4.mul(v128.load(weights, 16), b1), b1);
      const p2 = f32x4.mul(f32x4.mul(v128.load(weights, 32), b2), b2);
      const p3 = f32x4.mul(f32x4.mul(v128.load(weights, 48), b3), b3);
      v128.store(POWER + i, p0);
      v128.store(POWER + i, p1, 16);
      v128.store(POWER + i, p2, 32);
      v128.store(POWER + i, p3, 48);
    }
  } else {
    for (let i: usize = 0; i < bytes; i += 64, weights += step) {
      for (let j: usize = 0; j < 64; j += 16) {
        let value = v128.load(weights + j);
        let base = v128.load(BASE + i + j);
        for (let bits = whole; bits; bits >>= 1) {
          if (bits & 1) value = f32x4.mul(value, base);
          base = f32x4.mul(base, base);
        }
        v128.store(POWER + i + j, value);
      }
    }
  }
  if (fraction == 0) return;
  const f = f32x4.splat(fraction);
  for (let i: usize = 0; i < bytes; i += 64) {
    const l0 = f32x4.mul(log(v128.load(BASE + i)), f);
    const l1 = f32x4.mul(log(v128.load(BASE + i, 16)), f);
    const l2 = f32x4.mul(log(v128.load(BASE + i, 32)), f);
    const l3 = f32x4.mul(log(v128.load(BASE + i, 48)), f);
    v128.store(LOG + i, l0);
    v128.store(LOG + i, l1, 16);
    v128.store(LOG + i, l2, 32);
    v128.store(LOG + i, l3, 48);
  }
  for (let i: usize = 0; i < bytes; i += 64) {
    const p0 = f32x4.mul(v128.load(POWER + i), exp(v128.load(LOG + i)));
    const p1 = f32x4.mul(v128.load(POWER + i, 16), exp(v128.load(LOG + i, 16)));
    const p2 = f32x4.mul(v128.load(POWER + i, 32), exp(v128.load(LOG + i, 32)));
    const p3 = f32x4.mul(v128.load(POWER + i, 48), exp(v128.load(LOG + i, 48)));
    v128.store(POWER + i, p0);
    v128.store(POWER + i, p1, 16);
    v128.store(POWER + i, p2, 32);
    v128.store(POWER + i, p3, 48);
  }
}

/** Last pass: ce · w · qs^γ to `to`. */
function loss(xs: usize, to: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 64) {
    const l0 = f32x4.mul(crossEntropy(v128.load(xs + i), v128.load(QUOTIENT + i)), v128.load(POWER + i));
    const l1 = f32x4.mul(crossEntropy(v128.load(xs + i, 16), v128.load(QUOTIENT + i, 16)), v128.load(POWER + i, 16));
    const l2 = f32x4.mul(crossEntropy(v128.load(xs + i, 32), v128.load(QUOTIENT + i, 32)), v128.load(POWER + i, 32));
    const l3 = f32x4.mul(crossEntropy(v128.load(xs + i, 48), v128.load(QUOTIENT + i, 48)), v128.load(POWER + i, 48));
    v128.store(to + i, l0);
    v128.store(to + i, l1, 16);
    v128.store(to + i, l2, 32);
    v128.store(to + i, l3, 48);
  }
}

/** q + γ·ce·p·(1 − s)·q/qs: what the slope has where the loss has ce. */
// @ts-ignore: decorator
@inline
function slopeTerm(x: v128, t: v128, u: v128, base: v128): v128 {
  const i = inverse(t, shared(t));
  const q = complement(x, t, i);
  const p = complement(v128.xor(x, v128.load(SIGN)), t, i);
  // ce may be infinite where p is 0; their product tends to 0
  const ce = f32x4.pmin(crossEntropy(x, u), v128.load(LARGEST));
  let product = f32x4.mul(v128.load(GAMMA), f32x4.mul(ce, p));
  if (smooth) product = f32x4.mul(product, f32x4.div(f32x4.mul(q, v128.load(KEEP)), base));
  return f32x4.add(q, product);
}

/** Last pass of a gradient: (what the slope has) · up · w · qs^γ to `to`. `ups` moves along by `step`, 32 or 0. */
function slope(xs: usize, ups: usize, step: usize, to: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 32, ups += step) {
    const s0 = slopeTerm(v128.load(xs + i), v128.load(DECAY + i), v128.load(QUOTIENT + i), v128.load(BASE + i));
    const s1 = slopeTerm(
      v128.load(xs + i, 16), v128.load(DECAY + i, 16), v128.load(QUOTIENT + i, 16), v128.load(BASE + i, 16),
    );
    const p0 = f32x4.mul(v128.load(POWER + i), v128.load(ups));
    const p1 = f32x4.mul(v128.load(POWER + i, 16), v128.load(ups, 16));
    v128.store(to + i, f32x4.mul(s0, p0));
    v128.store(to + i, f32x4.mul(s1, p1), 16);
  }
}

/** Losses, and slopes unless `slopes` is 0, of a block whose DECAY is made. */
function finish(xs: usize, weights: usize, ups: usize, each: bool, to: usize, slopes: usize, bytes: usize): void {
  divide(xs, bytes);
  power(weights, each ? 64 : 0, bytes);
  if (slopes) slope(xs, ups, each ? 32 : 0, slopes, bytes);
  loss(xs, to, bytes);
}

/**
 * One-vs-rest: losses of n logits that are not of their true class, margin −z, weight w each, written to `to`; and
 * unless `slopes` is 0, ∂loss/∂logit times `up` to `slopes`: with x = −z it is the slope itself. −∞ stands over the true
 * classes and gives 0.
 */
export function negatives(at: usize, to: usize, slopes: usize, n: i32, w: f32, up: f32): void {
  for (let i: usize = 0; i < 64; i += 16) {
    v128.store(SAME_WEIGHT + i, f32x4.splat(w));
    v128.store(SAME_UPSTREAM + i, f32x4.splat(up));
  }
  for (let i = 0; i < n; i += BLOCK) {
    const bytes = usize(min(BLOCK, n - i)) << 2;
    const offset = usize(i) << 2;
    decayOthers(at + offset, bytes);
    finish(TURNED, SAME_WEIGHT, SAME_UPSTREAM, false, to + offset, slopes ? slopes + offset : 0, bytes);
  }
}

/**
 * MARGIN, MARGIN_LOW, WEIGHT → LOSS, and with `grad` (and UPSTREAM) SLOPE: of n samples, 0 where LABELS has −1.
 * Relative error of the loss ≤ 2e-6 · max(1, |x|/8) · max(1, (1 + γ)/3) and of the slope ≤ 3e-6 times the same,
 * wherever they are normal float32.
 */
export function core(n: i32, grad: bool): void {
  for (let i = 0; i < n; i += BLOCK) {
    const bytes = usize(min(BLOCK, n - i)) << 2;
    const at = usize(i) << 2;
    decaySamples(MARGIN + at, MARGIN_LOW + at, bytes);
    finish(MARGIN + at, WEIGHT + at, UPSTREAM + at, true, LOSS + at, grad ? SLOPE + at : 0, bytes);
    mask(LOSS + at, LABELS + at, bytes);
    if (grad) mask(SLOPE + at, LABELS + at, bytes);
  }
}

/** As `core` without slopes; also the cross-entropies to CROSS_ENTROPY and qs to SLOPE, which is 1 − p_y when s = 0. */
export function coreAndEntropies(n: i32): void {
  const one = v128.load(ONE);
  for (let i = 0; i < n; i += BLOCK) {
    const bytes = usize(min(BLOCK, n - i)) << 2;
    const at = usize(i) << 2;
    decaySamples(MARGIN + at, MARGIN_LOW + at, bytes);
    finish(MARGIN + at, WEIGHT + at, 0, true, LOSS + at, 0, bytes);
    memory.copy(SLOPE + at, BASE, bytes);
    for (let j: usize = 0; j < bytes; j += 16) v128.store(POWER + j, one);
    loss(MARGIN + at, CROSS_ENTROPY + at, bytes);
    mask(LOSS + at, LABELS + at, bytes);
    mask(CROSS_ENTROPY + at, LABELS + at, bytes);
  }
}

/** 0 where the sample is ignored, whatever was there. */
function mask(values: usize, labels: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    v128.store(values + i, v128.andnot(v128.load(values + i), i32x4.shr_s(v128.load(labels + i), 31)));
  }
}
