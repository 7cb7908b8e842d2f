import { counted } from '../input/errors.ts';
import { fromHalf } from '../input/half.ts';
import type { Input } from '../input/tensors.ts';
import { ExactSum } from './exact-sum.ts';

/**
 * The negative log-likelihood of a set of samples as a function of β = 1/temperature: its derivatives, and what they
 * come to at both ends. It is convex in β, so the first derivative only grows. The sums are exact: samples may come in
 * any order.
 */
export class Slopes {
  samples = 0;
  /** Samples of which no β gives a finite likelihood: NaN or +∞ among the logits, or −∞ for the true class. */
  undefined = 0;
  /** Σ over the samples of ∂/∂β and ∂²/∂β² at the β that was asked for. */
  readonly first = new ExactSum();
  readonly second = new ExactSum();
  /** Σ of ∂/∂β at β = 0, and the limit of it for β → ∞. */
  readonly atZero = new ExactSum();
  readonly atInfinity = new ExactSum();

  add(first: number, second: number, atZero: number, atInfinity: number): void {
    this.samples++;
    this.first.add(first);
    this.second.add(second);
    this.atZero.add(atZero);
    this.atInfinity.add(atInfinity);
  }

  /** Take in those of other samples, which came as plain data or as they are. */
  merge(other: PlainSlopes): void {
    this.samples += other.samples;
    this.undefined += other.undefined;
    for (const name of ['first', 'second', 'atZero', 'atInfinity'] as const) {
      for (const part of other[name].parts) this[name].add(part);
    }
  }
}

/** Slopes as they travel from one thread to another. */
export type PlainSlopes = Pick<Slopes, 'samples' | 'undefined'> &
  Readonly<Record<'first' | 'second' | 'atZero' | 'atInfinity', { readonly parts: readonly number[] }>>;

/** Reads one logit of a sample as the kernels do, rounded to float32. */
export type ReadLogit = (c: number) => number;

/** The target of class c of a sample: 0 or 1 of labels, a share of dense targets, NaN of a logit that is ignored. */
export type ReadTarget = (c: number) => number;

/**
 * Softmax: NLL = Σ t_c·(log Σ e^(βz) − βz_c), so that ∂ = Σ t_c·(E z − z_c) and ∂² = Σ t_c · Var z under p =
 * softmax(βz).
 *
 * All from the distances to the largest logit, which cancel less. A class of logit −∞ has no part in it, nor has one of
 * target 0.
 */
export function addSoftmax(slopes: Slopes, logit: ReadLogit, classes: number, target: ReadTarget, beta: number): void {
  let largest = -Infinity;
  let total = 0;
  let possible = 0;
  for (let c = 0; c < classes; c++) {
    const z = logit(c);
    if (z === -Infinity) continue;
    // not Math.max alone: the sum tells NaN
    if (z > largest) largest = z;
    total += z;
    possible++;
  }
  let share = 0;
  let own = 0;
  let ownGap = 0;
  for (let c = 0; c < classes; c++) {
    const t = target(c);
    if (t === 0) continue;
    share += t;
    own += t * logit(c);
    ownGap += t * (logit(c) - largest);
  }
  if (!Number.isFinite(own) || !Number.isFinite(total)) {
    slopes.undefined++;
    return;
  }
  let weights = 0;
  let mean = 0;
  let square = 0;
  for (let c = 0; c < classes; c++) {
    const gap = logit(c) - largest;
    if (gap === -Infinity) continue;
    const weight = Math.exp(beta * gap);
    weights += weight;
    mean += weight * gap;
    square += weight * gap * gap;
  }
  mean /= weights;
  const variance = square / weights - mean * mean;
  slopes.add(share * mean - ownGap, share * variance, (share * total) / possible - own, -ownGap);
}

/**
 * Sigmoid: NLL = Σ_c t_c·softplus(−βz_c) + (1 − t_c)·softplus(βz_c); of each of the two, with x = ±z_c, ∂ = −x·σ(−βx)
 * and ∂² = x²·p·(1 − p).
 */
export function addSigmoid(slopes: Slopes, logit: ReadLogit, classes: number, target: ReadTarget, beta: number): void {
  let first = 0;
  let second = 0;
  let atZero = 0;
  let atInfinity = 0;
  const add = (x: number, weight: number): void => {
    // a decision made with certainty, and rightly, costs nothing at any β
    if (weight === 0 || x === Infinity) return;
    const t = Math.exp(-beta * Math.abs(x));
    const q = (x < 0 ? 1 : t) / (1 + t);
    first -= weight * x * q;
    second += weight * x * x * q * (1 - q);
    atZero -= (weight * x) / 2;
    atInfinity += weight * Math.max(0, -x);
  };
  for (let c = 0; c < classes; c++) {
    const t = target(c);
    if (Number.isNaN(t)) continue;
    add(logit(c), t);
    add(-logit(c), 1 - t);
  }
  if (!Number.isFinite(atZero)) {
    slopes.undefined++;
    return;
  }
  slopes.add(first, second, atZero, atInfinity);
}

/** Visit each sample of an input: its index, how to read its logits, and where the one of a class is. */
export function eachSample(
  input: Input,
  visit: (i: number, logit: ReadLogit, at: (c: number) => number) => void,
): void {
  const { logits, half, batch, classes, positions } = input;
  let start = 0;
  const at = (c: number): number => start + c * positions;
  const logit: ReadLogit = (c) => {
    const z = logits[at(c)] as number;
    return half ? fromHalf(z) : Math.fround(z);
  };
  for (let b = 0, i = 0; b < batch; b++) {
    for (let d = 0; d < positions; d++, i++) {
      start = b * classes * positions + d;
      visit(i, logit, at);
    }
  }
}

/** Most passes over the data to look for the optimum; one more measures it. */
const MOST_PASSES = 9;
/** Newton's method is taken to have arrived where a step is this small: the next would be its square. */
const SMALL_STEP = 1e-5;
/** β changes by at most this factor a pass. */
const LONGEST = 32;

/**
 * The zero of the first derivative, by Newton's method, between the β where it is known to be negative and positive.
 *
 * @param at gives the slopes at a β, which takes a pass over the data
 * @returns β, or why there is none
 */
export async function minimise(
  at: (beta: number) => Promise<Slopes>,
): Promise<{ beta: number; passes: number } | { reason: string; passes: number }> {
  let beta = 1;
  let low = 0;
  let high = Infinity;
  for (let passes = 1; ; passes++) {
    const slopes = await at(beta);
    const reason = passes === 1 ? noOptimum(slopes) : null;
    if (reason) return { reason, passes };
    const [first, second] = [slopes.first.value, slopes.second.value];
    if (first < 0) low = beta;
    else high = beta;
    // on a plateau of the derivative Newton's step is none, or leads out of what is known
    const step = beta - first / second;
    const inside = step > low && step < high ? step : high < Infinity && low > 0 ? Math.sqrt(low * high) : NaN;
    const next = Number.isNaN(inside) ? (first < 0 ? beta * LONGEST : beta / LONGEST) : inside;
    const clipped = Math.min(beta * LONGEST, Math.max(beta / LONGEST, next));
    const change = Math.abs(clipped / beta - 1);
    beta = clipped;
    if (first === 0 || change < SMALL_STEP) return { beta, passes };
    if (passes === MOST_PASSES) return { reason: `Newton's method has not arrived after ${passes} passes`, passes };
  }
}

function noOptimum({ samples, undefined: bad, atZero, atInfinity }: Slopes): string | null {
  if (bad > 0)
    return `${counted(bad, 'sample')} ${bad === 1 ? 'has' : 'have'} no finite likelihood at any temperature (NaN or ±∞ among their logits)`;
  if (samples === 0) return 'there are no samples to fit';
  if (atZero.value >= 0) return 'the logits do not speak for the targets: the higher the temperature, the better';
  if (atInfinity.value === 0)
    return 'every sample that was fitted is predicted rightly: the lower the temperature, the better';
  return null;
}
