/**
 * Softmax with a target for each logit:
 *
 *     loss = Σ_c w_c · (1 − p_c)^γ · (−ln p_c),     w_c = (t_c·(1 − ε) + ε/C)·α_c
 *
 * The term of the largest class k is the loss of the label k with the weight w_k. It is computed as that of labels, so
 * it is precise also where p_k rounds to 1. Every other p_c is at most ½, so nothing cancels in
 *
 *     −ln p_c = (z_k − z_c) − ln p_k        p_c = e^(z_c − m) · (1 − p_k) / Σ_{i≠k} e^(z_i − m)
 *
 * which reuses the exponentials of the margin stage.
 *
 * Let H_c = w_c · (1 − p_c)^γ · (1 + γ · p_c · (−ln p_c) / (1 − p_c)), and G = H_k · (1 − p_k), which is the slope of
 * the label k. The gradient is
 *
 *     ∂loss/∂z_k = p_k · Σ_{c≠k} H_c − G        ∂loss/∂z_j = p_j · (Σ_{c≠k} H_c + G/(1 − p_k)) − H_j
 */
import { entropies } from '../focal';
import { bounded, exp, nearest, reduced, scaledBinary } from '../math/exp';
import { log1pFrom } from '../math/log';
import { lanes, LARGEST, maskOf, ONE, ZERO } from '../math/numbers';
import { sumOthers } from '../softmax/exponentials';
import { narrow } from '../softmax/margin';
import { INTEGER, REDUCED } from '../tile/block';
import {
  FACTOR, LABELS, LOSS, MAX, OFFSET, PLANES, SLOPE, SUM, TRUE, UPSTREAM, WEIGHT,
} from '../tile/scratch';
import { base, classes, classStride, first, images, imageStride, last, planar, positions, putTrue, samples } from '../tile/tile';
import { FRACTION, GAMMA, whole } from './parameters';
import { ENTROPY, OTHER_LOSSES, OTHER_SLOPES, RATIO, TARGETS } from './scratch';
import { targetsAt } from './targets';

/**
 * After MAX of all classes is known: LABELS gets the class of each sample's largest logit, the first of equals, unless
 * the sample is ignored, and OFFSET follows. TRUE has the largest logit of earlier chunks of the classes.
 */
export function chooseLabels(): void {
  for (let b = 0; b < images; b++) {
    const image = base + (usize(b * imageStride) << 2);
    for (let d: usize = 0; d < usize(positions) << 2; d += planar ? 16 : 4) {
      const i = (usize(b * positions) << 2) + d;
      if (planar) chooseInPlanes(image + d, i);
      else chooseInRow(image, i);
    }
    for (let d: usize = 0; d < usize(positions) << 2; d += 4) {
      const i = (usize(b * positions) << 2) + d;
      const c = load<i32>(i, LABELS) - first;
      if (u32(c) < u32(classes)) store<i32>(i, ((b * imageStride + c * classStride) << 2) + i32(d), OFFSET);
    }
  }
}

function chooseInRow(at: usize, i: usize): void {
  const most = load<f32>(i, MAX);
  if (load<i32>(i, LABELS) < 0) return;
  if (!first) store<i32>(i, 0, LABELS);
  else if (!(most > load<f32>(i, TRUE))) return;
  store<f32>(i, most, TRUE);
  const wanted = f32x4.splat(most);
  let c = 0;
  for (; c < classes; c += 16, at += 64) {
    const low = v128.or(f32x4.eq(v128.load(at), wanted), f32x4.eq(v128.load(at, 16), wanted));
    const high = v128.or(f32x4.eq(v128.load(at, 32), wanted), f32x4.eq(v128.load(at, 48), wanted));
    if (v128.any_true(v128.or(low, high))) break;
  }
  for (; c < classes; c++, at += 4) {
    if (load<f32>(at) != most) continue;
    store<i32>(i, first + c, LABELS);
    return;
  }
}

function chooseInPlanes(at: usize, i: usize): void {
  const most = v128.load(i, MAX);
  const before = v128.load(i, LABELS);
  const ignored = i32x4.shr_s(before, 31);
  let label = first ? before : i32x4.splat(0);
  const larger = first ? f32x4.gt(most, v128.load(i, TRUE)) : v128.not(i32x4.splat(0));
  const step = usize(classStride) << 2;
  at += usize(classes - 1) * step;
  for (let c = first + classes - 1; c >= first; c--, at -= step) {
    const found = v128.and(f32x4.eq(v128.load(at), most), larger);
    label = v128.bitselect(i32x4.splat(c), label, found);
  }
  v128.store(i, v128.or(label, ignored), LABELS);
  v128.store(i, v128.bitselect(most, v128.load(i, TRUE), larger), TRUE);
}

/**
 * WEIGHT of the samples whose label is in this chunk. Their target becomes 0, so the label has no part in the others.
 */
export function weighLabels(): void {
  for (let i: usize = 0; i < usize(samples) << 2; i += 4) {
    const offset = load<i32>(i, OFFSET);
    if (offset < 0) continue;
    store<u32>(i, load<u32>(targetsAt + offset), WEIGHT);
    store<f32>(targetsAt + offset, 0);
  }
}

/** Where the exponentials of the tile are kept: in the block that holds neither the tile nor its targets. */
export function keptAt(): usize {
  return targetsAt == TARGETS ? PLANES : TARGETS;
}

/** ENTROPY of n samples, from GAP, and RATIO, the factor that turns an exponential into p. */
export function shareOut(n: i32): void {
  entropies(n, ENTROPY, RATIO);
  for (let i: usize = 0; i < usize(n) << 2; i += 16) {
    const remainder = v128.load(i, RATIO);
    const ratio = f32x4.div(remainder, narrow(SUM + (i << 1)));
    v128.store(i, v128.and(ratio, f32x4.ne(remainder, lanes(ZERO))), RATIO);
  }
}

/** What `block` has of the samples at i: of planes, one number a lane; of a row, its number in all lanes. */
// @ts-ignore: decorator
@inline
function ofSamples(i: usize, block: usize): v128 {
  return planar ? v128.load(block + i) : v128.load_splat<f32>(block + i);
}

/**
 * REDUCED = w · b^γ, or w · b^(γ − 2) if γ ≥ 2, where b = 1 − p ≥ ½, of the logits from `at` to `end` of the samples at
 * i. Multiplications make whole powers, the logarithm of b the fraction. In several passes: a single one would be a
 * long chain of operations that wait for one another. Returns the number of bytes.
 */
function raise(at: usize, end: usize, step: usize, i: usize): usize {
  const one = lanes(ONE);
  const kept = keptAt() - base;
  const targets = targetsAt - base;
  let bytes: usize = 0;
  for (; at < end; at += step, bytes += 32) {
    for (let g: usize = 0; g < 32; g += 16) {
      const b = f32x4.sub(one, f32x4.mul(v128.load(at + g + kept), ofSamples(planar ? i + g : i, RATIO)));
      let value = v128.load(at + g + targets);
      let power = b;
      for (let bits = whole > 1 ? whole - 2 : whole; bits; bits >>= 1) {
        if (bits & 1) value = f32x4.mul(value, power);
        power = f32x4.mul(power, power);
      }
      v128.store(bytes + g, b, INTEGER);
      v128.store(bytes + g, value, REDUCED);
    }
  }
  if (load<f32>(FRACTION) == 0) return bytes;
  for (let j: usize = 0; j < bytes; j += 16) {
    const b = v128.load(j, INTEGER);
    const ln = log1pFrom(f32x4.div(f32x4.sub(one, b), f32x4.add(one, b)));
    v128.store(j, bounded(f32x4.neg(f32x4.mul(ln, lanes(FRACTION)))), INTEGER);
  }
  for (let j: usize = 0; j < bytes; j += 16) {
    const u = v128.load(j, INTEGER);
    const t = nearest(u);
    v128.store(j, f32x4.mul(v128.load(j, REDUCED), scaledBinary(reduced(u, t), t)), REDUCED);
  }
  return bytes;
}

/** RATIO if b² is still missing from the powers, which is so if γ ≥ 2; else 0, which makes b = 1. */
// @ts-ignore: decorator
@inline
function ratioOfSquare(i: usize): v128 {
  return v128.and(ofSamples(i, RATIO), i32x4.splat(whole > 1 ? -1 : 0));
}

/**
 * REDUCED = the losses of the logits from `at` to `end`, eight lanes a step, of the samples at i. They are 0 where the
 * weight is 0. Returns the number of bytes.
 */
export function otherLosses(at: usize, end: usize, step: usize, i: usize): usize {
  const across = planar;
  const one = lanes(ONE);
  const zero = lanes(ZERO);
  const ratio0 = ratioOfSquare(i);
  const ratio1 = across ? ratioOfSquare(i + 16) : ratio0;
  const truth0 = ofSamples(i, TRUE);
  const truth1 = across ? v128.load(i, TRUE + 16) : truth0;
  const own0 = ofSamples(i, ENTROPY);
  const own1 = across ? v128.load(i, ENTROPY + 16) : own0;
  const kept = keptAt() - base;
  // γ = 0 and γ = 2 need no other power
  const raised = (whole | 2) != 2 || load<f32>(FRACTION) != 0;
  if (raised) raise(at, end, step, i);
  const targets = targetsAt - base;
  let j: usize = 0;
  for (; at < end; at += step, j += 32) {
    let w0 = v128.load(at + targets);
    let w1 = v128.load(at + targets, 16);
    if (raised) {
      w0 = v128.load(j, REDUCED);
      w1 = v128.load(j, REDUCED + 16);
    }
    const b0 = f32x4.sub(one, f32x4.mul(v128.load(at + kept), ratio0));
    const b1 = f32x4.sub(one, f32x4.mul(v128.load(at + kept, 16), ratio1));
    w0 = f32x4.mul(f32x4.mul(w0, b0), b0);
    w1 = f32x4.mul(f32x4.mul(w1, b1), b1);
    const entropy0 = f32x4.add(f32x4.sub(truth0, v128.load(at)), own0);
    const entropy1 = f32x4.add(f32x4.sub(truth1, v128.load(at, 16)), own1);
    v128.store(j, v128.and(f32x4.mul(w0, entropy0), f32x4.ne(w0, zero)), REDUCED);
    v128.store(j, v128.and(f32x4.mul(w1, entropy1), f32x4.ne(w1, zero)), REDUCED + 16);
  }
  return j;
}

/** REDUCED = H of the same logits, four at a time, as the formula is long. */
export function otherSlopes(at: usize, end: usize, step: usize, i: usize): usize {
  const one = lanes(ONE);
  const kept = keptAt() - base;
  raise(at, end, step, i);
  let j: usize = 0;
  for (; at < end; at += step, j += 32) {
    for (let g: usize = 0; g < 32; g += 16) {
      const own = planar ? i + g : i;
      const p = f32x4.mul(v128.load(at + g + kept), ofSamples(own, RATIO));
      const b = f32x4.sub(one, f32x4.mul(v128.load(at + g + kept), ratioOfSquare(own)));
      const w = f32x4.mul(f32x4.mul(v128.load(j + g, REDUCED), b), b);
      const entropy = f32x4.add(f32x4.sub(ofSamples(own, TRUE), v128.load(at + g)), ofSamples(own, ENTROPY));
      const product = f32x4.mul(lanes(GAMMA), f32x4.mul(p, f32x4.pmin(entropy, lanes(LARGEST))));
      const slope = f32x4.mul(w, f32x4.add(one, f32x4.div(product, f32x4.sub(one, p))));
      v128.store(j + g, v128.and(slope, f32x4.ne(w, lanes(ZERO))), REDUCED);
    }
  }
  return j;
}

/**
 * Add the terms of this chunk's classes, other than each sample's label, to OTHER_LOSSES, and with `slopes` to
 * OTHER_SLOPES. The exponentials that `sum` kept are at `keptAt`.
 */
export function addOthers(slopes: bool): void {
  sumOthers(false);
  if (slopes) sumOthers(true);
}

/** LOSS += OTHER_LOSSES, after the last chunk of the classes; 0 where LABELS has −1. */
export function addOtherLosses(n: i32): void {
  for (let i: usize = 0; i < usize(n) << 2; i += 16) {
    const all = f32x4.add(v128.load(i, LOSS), narrow(OTHER_LOSSES + (i << 1)));
    v128.store(i, v128.andnot(all, i32x4.shr_s(v128.load(i, LABELS), 31)), LOSS);
  }
}

/** Write the gradient over the tile, from the exponentials at `keptAt`. Returns where it is. */
export function denseGradients(): usize {
  const step = planar ? usize(classStride) << 2 : 32;
  const kept = keptAt() - base;
  // SLOPE becomes the gradient of the labels, FACTOR what multiplies the exponentials of the others
  for (let i: usize = 0; i < usize(samples) << 2; i += 16) {
    const counts = i32x4.shr_s(v128.load(i, LABELS), 31);
    const others = f32x4.mul(narrow(OTHER_SLOPES + (i << 1)), v128.load(i, UPSTREAM));
    const p = exp(f32x4.neg(v128.load(i, ENTROPY)));
    const own = f32x4.sub(f32x4.mul(p, others), v128.load(i, SLOPE));
    v128.store(i, v128.andnot(own, counts), SLOPE);
    v128.store(i, f32x4.add(v128.load(i, FACTOR), f32x4.mul(others, v128.load(i, RATIO))), FACTOR);
  }
  for (let b = 0; b < images; b++) {
    for (let d = planar ? last(8) : 0; d >= 0; d -= 32) {
      const i = (usize(b * positions) << 2) + d;
      const start = base + (usize(b * imageStride) << 2) + d;
      const stop = start + usize(classes) * (planar ? step : 4);
      for (let at = start; at < stop; ) {
        const end = min(at + 128 * (planar ? step : 4), stop);
        const bytes = otherSlopes(at, end, step, i);
        for (let j: usize = 0; j < bytes; j += 32, at += step) {
          const inside = maskOf(planar ? min(usize(positions << 2) - d, 32) : min(stop - at, 32));
          for (let g: usize = 0; g < 32; g += 16) {
            const own = planar ? i + g : i;
            const mine = f32x4.mul(v128.load(j + g, REDUCED), ofSamples(own, UPSTREAM));
            const all = f32x4.sub(f32x4.mul(v128.load(at + g + kept), ofSamples(own, FACTOR)), mine);
            const grad = v128.andnot(all, i32x4.shr_s(ofSamples(own, LABELS), 31));
            v128.store(at + g, v128.bitselect(grad, v128.load(at + g), v128.load(inside + g)));
          }
        }
      }
    }
  }
  putTrue(base, SLOPE, 0);
  return base;
}
