/**
 * Both losses and their gradients in float64, good to about 1e−14: the truth the kernels are held against. One logit at a
 * time, and slow on purpose. What may be infinite or NaN follows the limits of the formula.
 */

import { indexOf } from './layout.ts';

/** Shape of an input: batch × positions samples of `classes` logits, laid out [batch, classes, positions]. */
export interface Shape {
  batch: number;
  classes: number;
  positions: number;
}

export interface Problem extends Shape {
  loss: 'softmax' | 'sigmoid';
  logits: ArrayLike<number>;
  /** One label a sample, or with `dense` one number a logit, laid out as the logits. */
  targets: ArrayLike<number>;
  dense?: boolean;
  /** Sigmoid: the label of no class; γ and clip of negatives, for targets of 0 and 1. */
  background?: number | null;
  gammaNegative?: number;
  clip?: number;
  /** Softmax: ε. */
  labelSmoothing?: number;
  gamma: number;
  /** One weight a class; for the sigmoid variant also one of all classes, off where null or ≤ 0. */
  alpha: ArrayLike<number> | number | null;
  smoothing: number;
  ignoreIndex: number;
  /** Factor of each sample's gradient. Default 1. */
  upstream?: (sample: number) => number;
  /** Factor of each sample's losses. Default 1. */
  weight?: (sample: number) => number;
}

export interface Reference {
  /** Per sample (softmax) or per logit in the layout of the logits (sigmoid); 0 where ignored. */
  losses: Float64Array;
  /** Margin of each loss; NaN where ignored. */
  margins: Float64Array;
  /** In the layout of the logits: gradient of the sum, and the margin it was taken at. */
  grad: Float64Array;
  gradMargins: Float64Array;
  /** Sum of the magnitudes of what each gradient is the sum of: more than its own where soft targets make it cancel. */
  gradTerms: Float64Array;
  /** By how much a loss and a number of the gradient change when a probability that is cut moves by CUT; else 0. */
  lossCuts: Float64Array;
  gradCuts: Float64Array;
  /** Samples (dense targets of the sigmoid loss: logits) that are not ignored. */
  valid: number;
  /** What the divisors of these names are. */
  weights: number;
  positives: number;
}

/** How exactly the probability is known of which `clip` > 0 is taken off. */
const CUT = 1e-7;

/** A number as an unevaluated sum of two float64. */
interface Pair {
  high: number;
  low: number;
}

/** a + b and what its rounding lost (Knuth's TwoSum). */
function add(a: number, b: number): Pair {
  const high = a + b;
  if (!Number.isFinite(high)) return { high, low: 0 };
  const back = high - a;
  return { high, low: a - (high - back) + (b - back) };
}

/** softplus(x) = log(1 + e^x), with x to twice float64. */
function softplus({ high, low }: Pair): number {
  if (high > 0) return high + (low + Math.log1p(Math.exp(-high) * (1 - low)));
  return Math.log1p(Math.exp(high) * (1 + low));
}

/** σ(x). */
function sigmoid({ high, low }: Pair): number {
  const t = Math.exp(-Math.abs(high)) * (1 - Math.sign(high) * low);
  return (high >= 0 ? 1 : t) / (1 + t);
}

const negate = ({ high, low }: Pair): Pair => ({ high: -high, low: -low });

/** What a margin is beside the ordinary: how much of its target is on the other side, the clip of negatives, q moved. */
interface Kind {
  u?: number;
  clip?: number;
  moved?: number;
}

/**
 * loss = b^γ · ce, slope = −∂loss/∂x, and the sum of the magnitudes of the slope's terms, of q = σ(−x), p = σ(x):
 *
 *     b = (m·(1 − 2u) + u)·(1 − s) + s/2       m = max(q − clip, 0)
 *     ce = softplus(−x) + u·x                  −ln(1 − m) with clip
 */
function focal(x: Pair, gamma: number, s: number, { u = 0, clip = 0, moved = 0 }: Kind = {}) {
  if (Number.isNaN(x.high)) return { loss: NaN, slope: NaN, terms: NaN };
  const q = Math.min(1, sigmoid(negate(x)) + moved);
  const p = sigmoid(x);
  if (clip > 0 && q <= clip) return { loss: 0, slope: 0, terms: 0 };
  const m = clip > 0 ? q - clip : q;
  let ce = softplus(negate(x));
  if (u > 0) ce = Math.log1p(Math.exp(-Math.abs(x.high))) + (x.high < 0 ? -(1 - u) * x.high : u * x.high);
  if (clip > 0) ce = -Math.log1p(-m);
  const b = (m * (1 - 2 * u) + u) * (1 - s) + s / 2;
  const plain = s === 0 && u === 0 && clip === 0;
  const power = gamma === 0 ? 1 : Math.exp(gamma * (plain ? -softplus(x) : Math.log(b)));
  const share = plain ? 1 : ((1 - s) * (1 - 2 * u) * q) / b;
  // p, or the share of q, falls faster than ce grows
  const turn = p === 0 || share === 0 ? 0 : gamma * Math.min(ce, Number.MAX_VALUE) * p * share;
  const rise = clip > 0 ? (p * q) / (1 - m) : q;
  return {
    loss: power === 0 || ce === 0 ? 0 : power * ce,
    slope: power * (rise - u + turn),
    terms: power * (rise + u + turn),
  };
}

interface Others {
  largest: number;
  /** Σ e^(z_c − largest) over the other classes. */
  sum: number;
}

/** What is summed of the classes but one, for one class after the other: exponentials are made once a largest logit. */
function othersOf(row: readonly number[]): (y: number) => Others & { exponentials: Float64Array } {
  const exponentials = new Float64Array(row.length);
  let made = NaN;
  return (y) => {
    let largest = -Infinity;
    for (let c = 0; c < row.length; c++) if (c !== y) largest = Math.max(largest, row[c] as number);
    if (largest === -Infinity) return { largest, sum: 0, exponentials };
    if (largest !== made) {
      for (let c = 0; c < row.length; c++) exponentials[c] = Math.exp((row[c] as number) - largest);
      made = largest;
    }
    let sum = 0;
    let low = 0;
    for (let c = 0; c < row.length; c++) {
      if (c === y) continue;
      // Knuth's TwoSum, as in `add`, which would make an object of each
      const e = exponentials[c] as number;
      const next = sum + e;
      const back = next - sum;
      low += sum - (next - back) + (e - back);
      sum = next;
    }
    return { largest, sum: sum + low, exponentials };
  };
}

/** x = z_y − LSE_{c≠y}(z). +∞ anywhere is NaN, as ∞ − ∞ is in log-softmax; so is a row of −∞ alone. */
function margin(z: number, { largest, sum }: Others): Pair {
  if (z === Infinity || largest === Infinity || Number.isNaN(z + largest)) return { high: NaN, low: 0 };
  if (sum === 0) return { high: z === -Infinity ? NaN : Infinity, low: 0 };
  const gap = add(z, -largest);
  const x = add(gap.high, -Math.log(sum));
  return { high: x.high, low: x.low + gap.low };
}

export function reference(problem: Problem): Reference {
  const { batch, classes, positions, logits, targets, alpha, gamma, upstream = () => 1, weight = () => 1 } = problem;
  const { dense = false, background = null, labelSmoothing = 0, clip = 0, gammaNegative = gamma } = problem;
  const softmax = problem.loss === 'softmax';
  const samples = batch * positions;
  const losses = new Float64Array(softmax ? samples : samples * classes);
  const margins = new Float64Array(losses.length).fill(NaN);
  const grad = new Float64Array(samples * classes);
  const gradMargins = new Float64Array(grad.length).fill(NaN);
  const gradTerms = new Float64Array(grad.length);
  const lossCuts = new Float64Array(losses.length);
  const gradCuts = new Float64Array(grad.length);
  let valid = 0;
  let weights = 0;
  let positives = 0;
  /** A loss that is weighed by 0 is 0, were it infinite. */
  const times = (w: number, x: number): number => (w === 0 && x === Infinity ? 0 : w * x);
  for (let i = 0; i < samples; i++) {
    const y = targets[i] as number;
    if (!dense && y === problem.ignoreIndex) continue;
    valid += dense && !softmax ? 0 : 1;
    const at = (c: number) => indexOf({ classes, positions }, i, c);
    const row = Array.from({ length: classes }, (_, c) => logits[at(c)] as number);
    const target = (c: number): number => (dense ? Math.fround(targets[at(c)] as number) : y === c ? 1 : 0);
    const up = upstream(i) * weight(i);
    if (!dense && y !== background) positives++;
    // whatever its logits are
    const dropped = weight(i) === 0;
    if (softmax) {
      const alphaOf = (c: number) => (alpha === null ? 1 : ((alpha as ArrayLike<number>)[c] as number));
      for (let c = 0; c < classes; c++) weights += weight(i) * target(c) * alphaOf(c);
      const undefinedRow = row.includes(Infinity) || row.some(Number.isNaN) || row.every((z) => z === -Infinity);
      if (dropped) continue;
      if (undefinedRow) {
        losses[i] = NaN;
        for (let c = 0; c < classes; c++) grad[at(c)] = gradTerms[at(c)] = NaN;
        continue;
      }
      const othersThan = othersOf(row);
      const [rowGrad, rowTerms] = [new Float64Array(classes), new Float64Array(classes)];
      for (const [c, z] of row.entries()) {
        const t = target(c) * (1 - labelSmoothing) + labelSmoothing / classes;
        const w = t * alphaOf(c);
        if (t === 0) continue;
        const rest = othersThan(c);
        const x = margin(z, rest);
        const { loss, slope } = focal(x, gamma, 0);
        losses[i] = (losses[i] as number) + times(w, loss);
        if (!(Math.abs(margins[i] as number) > Math.abs(x.high))) margins[i] = x.high;
        if (slope === 0 || rest.sum === 0) continue;
        for (let j = 0; j < classes; j++) {
          const share = j === c ? -1 : (rest.exponentials[j] as number) / rest.sum;
          const term = w * up * slope * share;
          rowGrad[j] = (rowGrad[j] as number) + term;
          rowTerms[j] = (rowTerms[j] as number) + Math.abs(term);
        }
      }
      for (let c = 0; c < classes; c++) {
        grad[at(c)] = rowGrad[c] as number;
        gradTerms[at(c)] = rowTerms[c] as number;
        gradMargins[at(c)] = margins[i] as number;
      }
      losses[i] = times(weight(i), losses[i] as number);
    } else {
      for (const [c, z] of row.entries()) {
        const t = target(c);
        if (dense && t === Math.fround(problem.ignoreIndex)) continue;
        if (dense) valid++;
        if (dense) positives += t;
        if (dropped) continue;
        const sign = t > 0.5 ? 1 : -1;
        const a = typeof alpha === 'number' || alpha === null ? alpha : (alpha[c] as number);
        const off = a === null || (a <= 0 && typeof alpha === 'number');
        const w = off ? 1 : a * t + (1 - a) * (1 - t);
        const x = { high: sign * z, low: 0 };
        const negative = sign < 0 && (gammaNegative !== gamma || clip > 0);
        const kind = { u: Math.min(t, 1 - t), clip: negative ? clip : 0 };
        const solve = (moved = 0) => focal(x, negative ? gammaNegative : gamma, problem.smoothing, { ...kind, moved });
        const { loss, slope, terms } = solve();
        losses[at(c)] = times(weight(i), times(w, loss));
        margins[at(c)] = x.high;
        grad[at(c)] = -sign * w * up * slope;
        gradTerms[at(c)] = Math.abs(w * up * terms);
        gradMargins[at(c)] = x.high;
        for (const moved of kind.clip > 0 ? [-CUT, CUT] : []) {
          const other = solve(moved);
          const change = [times(weight(i), w) * Math.abs(other.loss - loss), w * up * Math.abs(other.slope - slope)];
          lossCuts[at(c)] = Math.max(lossCuts[at(c)] as number, change[0] as number);
          gradCuts[at(c)] = Math.max(gradCuts[at(c)] as number, Math.abs(change[1] as number));
        }
        // the slope divides p by what the clip has left of it, which may be a normal float32 where p is none
        if (kind.clip > 0 && sigmoid(x) < 2 ** -126) gradCuts[at(c)] = Math.abs(w * up * slope);
      }
    }
  }
  return { losses, margins, grad, gradMargins, gradTerms, lossCuts, gradCuts, valid, weights, positives };
}
