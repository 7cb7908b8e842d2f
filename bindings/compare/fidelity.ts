import { fromHalf } from '../backend/scalar/half.ts';
import type { Input } from '../input/tensors.ts';
import { prediction } from './ranking.ts';

/** Which side of a sample is not finite: NaN among the logits; softmax: also +∞, or nothing but −∞. */
export const BASELINE = 1;
export const CANDIDATE = 2;

/** What is known of a chunk of samples without their labels. */
export interface Fidelity {
  /** Sum of BASELINE and CANDIDATE, where either is not finite. */
  readonly notFinite: Uint8Array;
  /** KL(baseline‖candidate), ≥ 0 (sigmoid: summed over the classes); 0 unless both are finite. */
  readonly divergence: Float32Array;
  /** The largest |Δp| of the classes; 0 unless both are finite. */
  readonly difference: Float32Array;
  /** Softmax: the predictions. */
  readonly baseline: Int32Array;
  readonly candidate: Int32Array;
}

export const roomFor = (n: number): Fidelity => ({
  notFinite: new Uint8Array(n),
  divergence: new Float32Array(n),
  difference: new Float32Array(n),
  baseline: new Int32Array(n),
  candidate: new Int32Array(n),
});

/** Copy the logits of sample i, in the order of the classes, rounded to float32. */
export function copySample({ logits, half, classes, positions }: Input, i: number, row: Float64Array): void {
  const start = Math.floor(i / positions) * classes * positions + (i % positions);
  for (let c = 0; c < classes; c++) {
    const z = logits[start + c * positions] as number;
    row[c] = half ? fromHalf(z) : Math.fround(z);
  }
}

/**
 * Softmax of one sample, at `i` of `to`. KL = Σ p_c·(u_c − v_c) − (log Σ e^u − log Σ e^v) of the distances u, v to the largest
 * logit of either side, which leaves out what both sides have in common. The rows are written over.
 */
export function softmaxFidelity(a: Float64Array, b: Float64Array, to: Fidelity, i: number): void {
  const [first, second] = [prediction(a), prediction(b)];
  to.baseline[i] = first;
  to.candidate[i] = second;
  const [largestA, largestB] = [a[first] as number, b[second] as number];
  const notFinite = (Number.isFinite(largestA) ? 0 : BASELINE) + (Number.isFinite(largestB) ? 0 : CANDIDATE);
  to.notFinite[i] = notFinite;
  to.divergence[i] = 0;
  to.difference[i] = 0;
  if (notFinite) return;
  let [sumA, sumB, gaps] = [0, 0, 0];
  for (let c = 0; c < a.length; c++) {
    const u = (a[c] as number) - largestA;
    const v = (b[c] as number) - largestB;
    a[c] = Math.exp(u);
    b[c] = Math.exp(v);
    sumA += a[c] as number;
    sumB += b[c] as number;
    // where p is 0 there is nothing to lose, even to −∞
    if ((a[c] as number) > 0) gaps += (a[c] as number) * (u - v);
  }
  to.divergence[i] = Math.max(0, gaps / sumA - Math.log(sumA / sumB));
  let most = 0;
  for (let c = 0; c < a.length; c++) {
    most = Math.max(most, Math.abs((a[c] as number) / sumA - (b[c] as number) / sumB));
  }
  to.difference[i] = most;
}

/** KL of two Bernoulli distributions of logits z and w, by δ = w − z: log(1 + p·(e^δ − 1)) − p·δ. */
function bernoulli(z: number, w: number): number {
  if (z === w) return 0;
  if (z === Infinity) return softplus(-w);
  if (z === -Infinity) return softplus(w);
  if (!Number.isFinite(w)) return Infinity;
  const delta = w - z;
  // far apart: log((1 + e^w)/(1 + e^z)) − p·δ, where nothing cancels
  if (!(Math.abs(delta) < 1)) return softplus(w) - softplus(z) - sigmoid(z) * delta;
  const p = sigmoid(z);
  return Math.log1p(p * Math.expm1(delta)) - p * delta;
}

const sigmoid = (z: number): number => (z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z)));
const softplus = (z: number): number => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));

/** One-vs-rest of one sample, at `i` of `to`. */
export function sigmoidFidelity(a: Float64Array, b: Float64Array, to: Fidelity, i: number): void {
  let [notFinite, total, most] = [0, 0, 0];
  for (let c = 0; c < a.length; c++) {
    const [z, w] = [a[c] as number, b[c] as number];
    if (Number.isNaN(z)) notFinite |= BASELINE;
    if (Number.isNaN(w)) notFinite |= CANDIDATE;
    total += Math.max(0, bernoulli(z, w));
    most = Math.max(most, Math.abs(sigmoid(z) - sigmoid(w)));
  }
  to.notFinite[i] = notFinite;
  to.divergence[i] = notFinite ? 0 : total;
  to.difference[i] = notFinite ? 0 : most;
}
