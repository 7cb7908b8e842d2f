/**
 * One-vs-rest with a target for each logit. The gap g of a logit is taken as if its target were the nearer of 0 and 1.
 * The doubt u ≤ ½ is the distance to that number. A target of 0 or 1 has no doubt, and the focal core gives its loss.
 * With doubt
 *
 *     b = (q·(1 − 2u) + u)·(1 − s) + s/2        ce = softplus(g) − u·g
 *     loss = w · b^γ · ce                       ∂loss/∂g = w · b^γ · (q − u + γ · ce · (1 − 2u)(1 − s)·q·p / b)
 *
 * which is torchvision's definition, written so that nothing cancels in the loss. Negatives with a γ or a clip of their
 * own are computed again, too:
 *
 *     b = max(q − clip, 0)·(1 − s) + s/2        ce = −ln(1 − max(q − clip, 0))
 */
import { decay, finish, reduce, reduceFour } from '../focal';
import { LN2_HIGH, LN2_LOW, LOG2E, LOWEST, MAGIC } from '../math/exp';
import { log, log1pFrom } from '../math/log';
import { HALF, lanes, LARGEST, ONE, SIGN, SMALLEST, ZERO } from '../math/numbers';
import { BLOCK, DECAY, QUOTIENT, SIGMOID } from '../tile/block';
import { CLASS_WEIGHTS, LOGIT_WEIGHTS } from '../tile/scratch';
import {
  ADDED, asymmetric, CLIP, FRACTION, FRACTION_NEGATIVE, GAMMA, GAMMA_NEGATIVE, IGNORED, KEPT, uniform, whole, wholeNegative,
} from './parameters';
import { power, product } from './power';
import { DOUBTS, GAPS, TARGETS, UPS, WEIGHTS } from './scratch';
import { hard } from './targets';

/** All ones where the target is nearer to 1 than to 0. */
// @ts-ignore: decorator
@inline
function isPositive(t: v128): v128 {
  return f32x4.gt(t, lanes(HALF));
}

/** Bits of what `orient` has found. */
const TO_AMEND: i32 = 1;
const SOME_IGNORED: i32 = 2;

/**
 * One weight of all positives and one of all negatives, so that two operations choose: FLIPPED with the sign of `turn`
 * (see `orientFour`) or LEAST, whichever is the larger integer. i32 each.
 */
const FLIPPED: usize = memory.data(8, 4);
const LEAST: usize = FLIPPED + 4;

/** Make FLIPPED and LEAST. In memory, as V8 would make vectors that are computed from these anew in every round. */
function weighAlike(): void {
  const positive = load<i32>(CLASS_WEIGHTS);
  const negative = load<i32>(LOGIT_WEIGHTS);
  store<i32>(FLIPPED, positive > negative ? positive ^ i32.MIN_VALUE : negative);
  store<i32>(LEAST, min(positive, negative));
}

/**
 * `orientHard` of the four logits z, `offset` bytes into the tile and i into the block. `turn` is the sign bit where
 * the target is 1, else 0.
 */
// @ts-ignore: decorator
@inline
function orientFour(
  alike: bool, z: v128, turn: v128, offset: usize, i: usize, flipped: v128, least: v128,
  sign: v128, lowest: v128, log2e: v128, magic: v128, high: v128, low: v128,
): void {
  v128.store(i, v128.xor(z, turn), GAPS);
  v128.store(
    i,
    alike
      ? i32x4.max_s(v128.xor(flipped, turn), least)
      : v128.bitselect(v128.load(offset, CLASS_WEIGHTS), v128.load(offset, LOGIT_WEIGHTS), i32x4.shr_s(turn, 31)),
    WEIGHTS,
  );
  reduceFour(z, i, sign, lowest, log2e, magic, high, low);
}

/**
 * GAPS and WEIGHTS of the logits at `at`, `offset` bytes into the tile, and the first half of their exponentials
 * (`reduce`). Their targets are bytes, 0 or 1. `alike`: all positives have one weight, and all negatives.
 */
// @ts-ignore: decorator
@inline
function orientHard(alike: bool, at: usize, offset: usize, bytes: usize): void {
  const sign = lanes(SIGN);
  const lowest = lanes(LOWEST);
  const log2e = lanes(LOG2E);
  const magic = lanes(MAGIC);
  const high = lanes(LN2_HIGH);
  const low = lanes(LN2_LOW);
  const flipped = lanes(FLIPPED);
  const least = lanes(LEAST);
  const zero = lanes(ZERO);
  for (let i: usize = 0; i < bytes; i += 32, at += 32, offset += 32) {
    const t = i16x8.shl(v128.load_ext<u8>(offset >> 2, TARGETS), 15);
    const turn0 = v128.shuffle<i16>(zero, t, 0, 8, 1, 9, 2, 10, 3, 11);
    const turn1 = v128.shuffle<i16>(zero, t, 4, 12, 5, 13, 6, 14, 7, 15);
    orientFour(alike, v128.load(at), turn0, offset, i, flipped, least, sign, lowest, log2e, magic, high, low);
    orientFour(alike, v128.load(at, 16), turn1, offset + 16, i + 16, flipped, least, sign, lowest, log2e, magic, high, low);
  }
}

/** GAPS, WEIGHTS and DOUBTS, of float32 targets. Returns TO_AMEND, SOME_IGNORED, both or 0. */
function orient(at: usize, offset: usize, weights: usize, bytes: usize): i32 {
  const ignore = lanes(IGNORED);
  let doubts = i32x4.splat(0);
  let ignored = doubts;
  for (let i: usize = 0; i < bytes; i += 16) {
    const t = v128.load(offset + i, TARGETS);
    const other = f32x4.sub(lanes(ONE), t);
    const u = f32x4.pmin(t, other);
    doubts = v128.or(doubts, u);
    ignored = v128.or(ignored, f32x4.eq(t, ignore));
    v128.store(i, v128.xor(v128.load(at + i), v128.and(isPositive(t), lanes(SIGN))), GAPS);
    v128.store(i, u, DOUBTS);
    const positive = f32x4.mul(v128.load(weights + i, CLASS_WEIGHTS), t);
    v128.store(i, f32x4.add(positive, f32x4.mul(v128.load(weights + i, LOGIT_WEIGHTS), other)), WEIGHTS);
  }
  return (asymmetric || v128.any_true(doubts) ? TO_AMEND : 0) | (v128.any_true(ignored) ? SOME_IGNORED : 0);
}

/**
 * Compute again the losses, and unless `slopes` is 0 the slopes, for which the focal core has another formula: those of
 * targets with doubt, or of negatives with a γ or a clip of their own.
 */
function amend(offset: usize, to: usize, slopes: usize, bytes: usize): void {
  const exponent = asymmetric ? wholeNegative : whole;
  const fraction = asymmetric ? FRACTION_NEGATIVE : FRACTION;
  const gamma = lanes(asymmetric ? GAMMA_NEGATIVE : GAMMA);
  const clipped = load<f32>(CLIP) > 0;
  const one = lanes(ONE);
  const zero = lanes(ZERO);
  for (let i: usize = 0; i < bytes; i += 16) {
    const u = v128.load(i, DOUBTS);
    const which = asymmetric ? v128.not(isPositive(v128.load(offset + i, TARGETS))) : f32x4.gt(u, zero);
    if (!v128.any_true(which)) continue;
    const gap = v128.load(i, GAPS);
    const q = v128.load(i, SIGMOID);
    const t = v128.load(i, DECAY);
    const certain = f32x4.sub(one, u);
    const weight = v128.bitselect(u, certain, i32x4.shr_s(gap, 31));
    const far = v128.and(f32x4.mul(f32x4.abs(gap), weight), f32x4.ne(weight, zero));
    let entropy = f32x4.add(log1pFrom(v128.load(i, QUOTIENT)), far);
    // p = 1 − q without loss of digits
    const p = f32x4.pmax(f32x4.mul(t, q), v128.and(f32x4.sub(one, q), i32x4.shr_s(gap, 31)));
    let rise = f32x4.sub(q, u);
    let m = q;
    if (clipped) {
      m = f32x4.pmax(f32x4.sub(q, lanes(CLIP)), zero);
      // 1 − m and its logarithm; where m is small, the logarithm comes from m, as 1 − m has lost its digits
      const left = f32x4.add(p, lanes(CLIP));
      const few = f32x4.neg(log1pFrom(f32x4.neg(f32x4.div(m, f32x4.sub(f32x4.add(one, one), m)))));
      entropy = v128.bitselect(few, f32x4.neg(log(left)), f32x4.lt(m, lanes(HALF)));
      // NaN stays NaN
      entropy = v128.bitselect(entropy, gap, f32x4.eq(gap, gap));
      rise = v128.andnot(f32x4.div(f32x4.mul(p, q), left), f32x4.eq(m, zero));
    }
    const kept = f32x4.mul(f32x4.sub(certain, u), lanes(KEPT));
    const b = f32x4.add(f32x4.mul(m, kept), f32x4.add(f32x4.mul(u, lanes(KEPT)), lanes(ADDED)));
    const w = v128.load(i, WEIGHTS);
    const raised = power(b, exponent, fraction);
    v128.store(to + i, v128.bitselect(product(w, raised, entropy), v128.load(to + i), which));
    if (!slopes) continue;
    // q/b is the first factor: q times the entropy may be below float32 where b is as small as q
    const share = f32x4.div(f32x4.mul(kept, q), f32x4.pmax(b, lanes(SMALLEST)));
    const focusing = f32x4.mul(f32x4.mul(share, p), f32x4.pmin(entropy, lanes(LARGEST)));
    const term = f32x4.add(rise, f32x4.mul(gamma, focusing));
    const slope = f32x4.mul(f32x4.mul(f32x4.mul(w, raised), term), v128.load(i, UPS));
    v128.store(slopes + i, v128.bitselect(slope, v128.load(slopes + i), which));
  }
}

/** Write 0 where the target is ignored. */
function dropIgnored(offset: usize, to: usize, slopes: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const ignored = f32x4.eq(v128.load(offset + i, TARGETS), lanes(IGNORED));
    v128.store(to + i, v128.andnot(v128.load(to + i), ignored));
    if (slopes) v128.store(slopes + i, v128.andnot(v128.load(slopes + i), ignored));
  }
}

/**
 * Losses of the n logits at `at` to `to`. Unless `slopes` is 0, `up` times ∂loss/∂logit goes there; that may be `at`.
 * `dense`: their targets are in TARGETS. Else logits of true classes come negated (tile.ts), their derivatives stay so,
 * and LOGIT_WEIGHTS are the weights.
 */
export function oneVersusRest(at: usize, to: usize, slopes: usize, n: i32, up: f32, dense: bool): void {
  const ups = f32x4.splat(up);
  v128.store(UPS, ups);
  v128.store(UPS, ups, 16);
  weighAlike();
  for (let i = 0; i < n; i += BLOCK) {
    const bytes = usize(min(BLOCK, n - i)) << 2;
    const offset = usize(i) << 2;
    const slopesAt = slopes ? slopes + offset : 0;
    let gaps = at + offset;
    let weights = LOGIT_WEIGHTS + offset;
    let found = 0;
    if (dense) {
      if (!hard) found = orient(gaps, offset, uniform ? 0 : offset, bytes);
      else if (uniform) orientHard(true, gaps, offset, bytes);
      else orientHard(false, gaps, offset, bytes);
      for (let j: usize = 0; slopes && j < bytes; j += 16) {
        // the derivative by a negated logit is negated
        const turned = v128.and(v128.xor(v128.load(j, GAPS), v128.load(gaps + j)), lanes(SIGN));
        v128.store(j, v128.xor(ups, turned), UPS);
      }
      gaps = GAPS;
      weights = WEIGHTS;
    }
    if (!dense || !hard) reduce(gaps, bytes);
    decay(bytes);
    finish(gaps, weights, to + offset, UPS, dense ? usize.MAX_VALUE : 0, slopesAt, bytes);
    if (found & TO_AMEND) amend(offset, to + offset, slopesAt, bytes);
    if (found & SOME_IGNORED) dropIgnored(offset, to + offset, slopesAt, bytes);
  }
}
