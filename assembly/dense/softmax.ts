/**
 * Softmax with targets in the shape of the logits:
 *
 *     loss = Σ_c w_c · (1 − p_c)^γ · (−ln p_c),     w_c = (t_c·(1 − ε) + ε/C)·α_c
 *
 * The term of the largest class k is the loss of the label k with the weight w_k: it goes the way of labels, to full
 * precision also where p_k rounds to 1. Every other p_c is at most ½, so that nothing cancels in
 *
 *     −ln p_c = (z_k − z_c) − ln p_k        p_c = e^(ln p_c)
 *
 * With H_c = w_c · (1 − p_c)^γ · (1 + γ · p_c · (−ln p_c) / (1 − p_c)), of which the one of k times (1 − p_k) is the
 * slope G that labels have, the gradient is
 *
 *     ∂loss/∂z_k = p_k · Σ_{c≠k} H_c − G        ∂loss/∂z_j = p_j · (Σ_{c≠k} H_c + G/(1 − p_k)) − H_j
 */
import { entropies } from '../focal';
import { exp, lanes, ONE } from '../math/exp';
import { finite, maskOf, narrow, roundingError, upper } from '../softmax/margin';
import { CLASS_WEIGHTS, LABELS, LOSS, MAX, OFFSET, SLOPE, TRUE, UPSTREAM, WEIGHT } from '../tile/scratch';
import { base, classes, first, images, last, imageStride, planar, positions, samples, classStride } from '../tile/tile';
import { FRACTION, GAMMA, SMOOTH_ADDED, SMOOTH_KEPT, whole } from './parameters';
import { LARGEST, power, product, ZERO } from './power';
import { ENTROPY, OTHER_LOSSES, OTHER_SLOPES, REMAINDER } from './scratch';
import { targetsAt } from './targets';

/** Class by class of four. */
const STEPS: usize = memory.data<i32>([0, 1, 2, 3], 16);

/** Of eight classes, or of four of them: terms of the loss, H, and p. */
const TERMS: usize = memory.data(128, 16);
const SLOPES: usize = memory.data(128, 16);
const SHARES: usize = memory.data(128, 16);

/**
 * MAX being known, with no class left out: make the class of the largest logit, the first of equals, the label of each
 * sample that is not ignored, with its OFFSET. TRUE has the largest logit of the chunks of classes before.
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
  for (let c = 0; c < classes; c += 4, at += 16) {
    const found = i32x4.bitmask(f32x4.eq(v128.load(at), wanted));
    if (!found) continue;
    store<i32>(i, first + c + ctz(found), LABELS);
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

/** WEIGHT of the samples whose label is in this chunk. */
export function weighLabels(): void {
  for (let i: usize = 0; i < usize(samples) << 2; i += 4) {
    const offset = load<i32>(i, OFFSET);
    if (offset < 0) continue;
    const t = load<f32>(targetsAt + offset) * load<f32>(SMOOTH_KEPT) + load<f32>(SMOOTH_ADDED);
    store<f32>(i, t * load<f32>(CLASS_WEIGHTS + (usize(load<i32>(i, LABELS) - first) << 2)), WEIGHT);
  }
}

/**
 * TERMS, SLOPES and SHARES, from byte j on, of the four logits at `at`, of class c of the chunk: of four samples in
 * planes, of the classes from c on of a row. The label's term and slope are 0. Returns where the label is.
 */
function terms(at: usize, c: i32, i: usize, j: usize): v128 {
  const alphas = CLASS_WEIGHTS + (usize(c) << 2);
  let truth = v128.load(i, TRUE);
  let own = v128.load(i, ENTROPY);
  let labels = v128.load(i, LABELS);
  let alpha = v128.load_splat<f32>(alphas);
  let here = i32x4.splat(first + c);
  if (!planar) {
    truth = v128.shuffle<f32>(truth, truth, 0, 0, 0, 0);
    own = v128.shuffle<f32>(own, own, 0, 0, 0, 0);
    labels = v128.shuffle<f32>(labels, labels, 0, 0, 0, 0);
    alpha = v128.load(alphas);
    here = i32x4.add(v128.load(STEPS), here);
  }
  const one = lanes(ONE);
  const z = v128.load(at);
  const label = i32x4.eq(labels, here);
  const t = f32x4.add(f32x4.mul(v128.load(at + (targetsAt - base)), lanes(SMOOTH_KEPT)), lanes(SMOOTH_ADDED));
  const w = v128.andnot(f32x4.mul(t, alpha), label);
  const apart = f32x4.sub(truth, z);
  const sum = f32x4.add(apart, own);
  const entropy = v128.bitselect(own, sum, label);
  // what rounding took from a logarithm is a factor of the probability
  const low = finite(f32x4.add(roundingError(truth, f32x4.neg(z), apart), roundingError(apart, own, sum)));
  const e = exp(f32x4.neg(entropy));
  const p = f32x4.sub(e, v128.andnot(f32x4.mul(e, low), label));
  const b = f32x4.sub(one, p);
  const raised = power(b, whole, FRACTION);
  const focusing = f32x4.div(f32x4.mul(lanes(GAMMA), f32x4.mul(p, f32x4.pmin(entropy, lanes(LARGEST)))), b);
  const slope = f32x4.mul(f32x4.mul(w, raised), f32x4.add(one, focusing));
  v128.store(j, product(w, raised, entropy), TERMS);
  // the weight of the label is 0, whatever its slope would be
  v128.store(j, v128.andnot(slope, label), SLOPES);
  v128.store(j, p, SHARES);
  return label;
}

/** Sum of eight classes: of each of four samples, or of a row in every lane, in the same order. */
function sumOfEight(at: usize): v128 {
  if (!planar) {
    const x = f32x4.add(v128.load(at), v128.load(at, 16));
    const y = f32x4.add(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
    return f32x4.add(y, v128.shuffle<f32>(y, y, 1, 0, 3, 2));
  }
  const a = f32x4.add(v128.load(at), v128.load(at, 64));
  const b = f32x4.add(v128.load(at, 16), v128.load(at, 80));
  const c = f32x4.add(v128.load(at, 32), v128.load(at, 96));
  const d = f32x4.add(v128.load(at, 48), v128.load(at, 112));
  return f32x4.add(f32x4.add(a, c), f32x4.add(b, d));
}

/** Add what stands at `from` to four float64; in rows only the first matters. */
function addTo(sums: usize, from: usize): void {
  const sum = sumOfEight(from);
  v128.store(sums, f64x2.add(v128.load(sums), f64x2.promote_low_f32x4(sum)));
  v128.store(sums, f64x2.add(v128.load(sums, 16), upper(sum)), 16);
}

/** Add the terms of the classes of this chunk but each sample's label; GAP is known. */
export function otherLosses(): void {
  const zero = i32x4.splat(0);
  if (!first) entropies(samples, ENTROPY, REMAINDER);
  const width = planar ? 1 : 4;
  const step = planar ? usize(classStride) << 2 : 16;
  for (let b = 0; b < images; b++) {
    const image = base + (usize(b * imageStride) << 2);
    for (let d: usize = 0; d < usize(positions) << 2; d += 16) {
      const i = (usize(b * positions) << 2) + d;
      const sums = i << 1;
      if (!first) {
        // what lanes past the end have left here is of the image before
        memory.fill(OTHER_LOSSES + sums, 0, 32);
        memory.fill(OTHER_SLOPES + sums, 0, 32);
      }
      let at = image + d;
      for (let c = 0; c < classes; c += 8) {
        for (let j = 0; j < 8; j += width, at += step) {
          const to = usize(planar ? j << 4 : j << 2);
          const left = classes - c - j;
          if (left > 0) terms(at, c + j, i, to);
          if (left >= width) continue;
          const inside = v128.load(maskOf(usize(max(left, 0) & 3) << 2));
          v128.store(to, v128.and(left > 0 ? v128.load(to, TERMS) : zero, inside), TERMS);
          v128.store(to, v128.and(left > 0 ? v128.load(to, SLOPES) : zero, inside), SLOPES);
        }
        addTo(OTHER_LOSSES + sums, TERMS);
        addTo(OTHER_SLOPES + sums, SLOPES);
      }
    }
  }
}

/** Add to LOSS what all classes have added, 0 where LABELS has −1. */
export function addOtherLosses(n: i32): void {
  for (let i: usize = 0; i < usize(n) << 2; i += 16) {
    const all = f32x4.add(v128.load(i, LOSS), narrow(OTHER_LOSSES + (i << 1)));
    v128.store(i, v128.andnot(all, i32x4.shr_s(v128.load(i, LABELS), 31)), LOSS);
  }
}

/** Make the tile its gradient; where that is. */
export function denseGradients(): usize {
  const step = planar ? usize(classStride) << 2 : 16;
  for (let b = 0; b < images; b++) {
    const image = base + (usize(b * imageStride) << 2);
    for (let d = planar ? last(4) : 0; d >= 0; d -= 16) {
      const i = (usize(b * positions) << 2) + d;
      let up = v128.load(i, UPSTREAM);
      let slope = v128.load(i, SLOPE);
      let counts = i32x4.shr_s(v128.load(i, LABELS), 31);
      let others = f32x4.mul(narrow(OTHER_SLOPES + (i << 1)), up);
      const share = f32x4.div(slope, v128.load(i, REMAINDER));
      let factor = f32x4.add(others, v128.and(share, f32x4.ne(slope, lanes(ZERO))));
      if (!planar) {
        up = v128.shuffle<f32>(up, up, 0, 0, 0, 0);
        slope = v128.shuffle<f32>(slope, slope, 0, 0, 0, 0);
        counts = v128.shuffle<f32>(counts, counts, 0, 0, 0, 0);
        others = v128.shuffle<f32>(others, others, 0, 0, 0, 0);
        factor = v128.shuffle<f32>(factor, factor, 0, 0, 0, 0);
      }
      let at = image + usize(d);
      for (let c = 0; c < classes; c += planar ? 1 : 4, at += step) {
        const label = terms(at, c, i, 0);
        const p = v128.load(SHARES);
        const other = f32x4.sub(f32x4.mul(p, factor), f32x4.mul(up, v128.load(SLOPES)));
        const mine = f32x4.sub(f32x4.mul(p, others), slope);
        const g = v128.andnot(v128.bitselect(mine, other, label), counts);
        const inside = maskOf(min(planar ? usize(positions << 2) - d : usize(classes - c) << 2, 16));
        v128.store(at, v128.bitselect(g, v128.load(at), v128.load(inside)));
      }
    }
  }
  return base;
}
