/**
 * Both losses and their gradients in float64, good to about 1e−14: the truth the kernels are held against. One logit at a
 * time, and slow on purpose. What may be infinite or NaN follows the limits of the formula.
 */

/** Shape of an input: batch × positions samples of `classes` logits, laid out [batch, classes, positions]. */
export interface Shape {
  batch: number;
  classes: number;
  positions: number;
}

export interface Problem extends Shape {
  loss: 'softmax' | 'sigmoid';
  logits: ArrayLike<number>;
  targets: ArrayLike<number>;
  gamma: number;
  /** One weight a class; for the sigmoid variant also one of all classes, off where null or ≤ 0. */
  alpha: ArrayLike<number> | number | null;
  smoothing: number;
  ignoreIndex: number;
  /** Factor of each sample's gradient. Default 1. */
  upstream?: (sample: number) => number;
}

export interface Reference {
  /** Per sample (softmax) or per logit in the layout of the logits (sigmoid); 0 where ignored. */
  losses: Float64Array;
  /** Margin of each loss; NaN where ignored. */
  margins: Float64Array;
  /** In the layout of the logits: gradient of the sum, and the margin it was taken at. */
  grad: Float64Array;
  gradMargins: Float64Array;
  valid: number;
}

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

/**
 * loss = qs^γ · ce and slope = −∂loss/∂x = qs^γ · (q + γ · ce · p·(1 − s)·q/qs), of q = σ(−x), p = σ(x),
 * ce = softplus(−x), qs = q·(1 − s) + s/2.
 */
function focal(x: Pair, gamma: number, s: number): { loss: number; slope: number } {
  if (Number.isNaN(x.high)) return { loss: NaN, slope: NaN };
  const ce = softplus(negate(x));
  const q = sigmoid(negate(x));
  const p = sigmoid(x);
  const qs = q * (1 - s) + s / 2;
  const logQs = s > 0 ? Math.log(qs) : -softplus(x);
  const power = gamma === 0 ? 1 : Math.exp(gamma * logQs);
  const share = s > 0 ? ((1 - s) * q) / qs : 1;
  // p falls faster than ce grows
  const turn = ce === Infinity ? 0 : gamma * ce * p * share;
  return { loss: power === 0 || ce === 0 ? 0 : power * ce, slope: power * (q + turn) };
}

interface Others {
  largest: number;
  /** Σ e^(z_c − largest) over the other classes. */
  sum: number;
}

function others(row: readonly number[], y: number): Others {
  const rest = row.filter((_, c) => c !== y);
  const largest = rest.reduce((a, b) => Math.max(a, b), -Infinity);
  if (largest === -Infinity) return { largest, sum: 0 };
  let sum = 0;
  let low = 0;
  for (const z of rest) {
    const next = add(sum, Math.exp(z - largest));
    sum = next.high;
    low += next.low;
  }
  return { largest, sum: sum + low };
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
  const { batch, classes, positions, logits, targets, alpha, upstream = () => 1 } = problem;
  const softmax = problem.loss === 'softmax';
  const samples = batch * positions;
  const losses = new Float64Array(softmax ? samples : samples * classes);
  const margins = new Float64Array(losses.length).fill(NaN);
  const grad = new Float64Array(samples * classes);
  const gradMargins = new Float64Array(grad.length).fill(NaN);
  let valid = 0;
  for (let i = 0; i < samples; i++) {
    const y = targets[i] as number;
    if (y === problem.ignoreIndex) continue;
    valid++;
    const at = (c: number) => (Math.floor(i / positions) * classes + c) * positions + (i % positions);
    const row = Array.from({ length: classes }, (_, c) => logits[at(c)] as number);
    const up = upstream(i);
    if (softmax) {
      const weight = alpha === null ? 1 : ((alpha as ArrayLike<number>)[y] as number);
      const rest = others(row, y);
      const x = margin(row[y] as number, rest);
      const { loss, slope } = focal(x, problem.gamma, 0);
      losses[i] = weight * loss;
      margins[i] = x.high;
      for (const [c, z] of row.entries()) {
        let share = c === y ? -1 : Math.exp(z - rest.largest) / rest.sum;
        if (rest.sum === 0) share = 0;
        grad[at(c)] = weight * up * slope * (slope === 0 ? 0 : share);
        gradMargins[at(c)] = x.high;
      }
    } else {
      for (const [c, z] of row.entries()) {
        const sign = c === y ? 1 : -1;
        const a = typeof alpha === 'number' || alpha === null ? alpha : (alpha[c] as number);
        const weight = a === null || a <= 0 ? 1 : c === y ? a : 1 - a;
        const { loss, slope } = focal({ high: sign * z, low: 0 }, problem.gamma, problem.smoothing);
        losses[at(c)] = weight * loss;
        margins[at(c)] = sign * z;
        grad[at(c)] = -sign * weight * up * slope;
        gradMargins[at(c)] = sign * z;
      }
    }
  }
  return { losses, margins, grad, gradMargins, valid };
}
