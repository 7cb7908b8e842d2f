/** The scalar twin of what comparisons need: see assembly/compare/pairs.ts. */
import { LOGITS, PAIR_COLUMNS, SAMPLE_BYTES } from '../constants.ts';
import type { PairKernels } from '../kernels.ts';
import { ExactSum } from './exact-sum.ts';
import { convert } from './kernels.ts';

/** Which side of a sample is not finite: NaN among the logits; softmax: also +∞, or nothing but −∞. */
export const BASELINE = 1;
export const CANDIDATE = 2;

/** Of one pair of rows. */
export interface Pair {
  /** Sum of BASELINE and CANDIDATE, where either is not finite. */
  notFinite: number;
  /** Softmax: the class of the largest logit, of equals the first; open where `notFinite`. */
  baseline: number;
  candidate: number;
  /** KL(baseline‖candidate), ≥ 0, and the largest |Δp|; 0 where `notFinite`. */
  divergence: number;
  difference: number;
}

/** The place of the largest number; 0 where there is none above −∞. */
function largest(row: Float64Array): number {
  let best = 0;
  for (let c = 1; c < row.length; c++) if ((row[c] as number) > (row[best] as number)) best = c;
  return best;
}

/** Softmax; the rows are written over. */
export function softmaxPair(a: Float64Array, b: Float64Array): Pair {
  const [baseline, candidate] = [largest(a), largest(b)];
  const [largestA, largestB] = [a[baseline] as number, b[candidate] as number];
  let [sumA, sumB, gaps] = [0, 0, 0];
  for (let c = 0; c < a.length; c++) {
    const u = (a[c] as number) - largestA;
    const v = (b[c] as number) - largestB;
    // what float32 has no normal number for is 0
    a[c] = u < -88 ? 0 : Math.exp(u);
    b[c] = v < -88 ? 0 : Math.exp(v);
    sumA += a[c] as number;
    sumB += b[c] as number;
    // where p is 0 there is nothing to lose, even to −∞
    if (a[c] !== 0) gaps += (a[c] as number) * (u - v);
  }
  const notFinite = (Number.isNaN(sumA) ? BASELINE : 0) + (Number.isNaN(sumB) ? CANDIDATE : 0);
  if (notFinite) return { notFinite, baseline, candidate, divergence: 0, difference: 0 };
  let difference = 0;
  for (let c = 0; c < a.length; c++) {
    difference = Math.max(difference, Math.abs((a[c] as number) / sumA - (b[c] as number) / sumB));
  }
  return { notFinite, baseline, candidate, divergence: Math.max(0, gaps / sumA - Math.log(sumA / sumB)), difference };
}

const sigmoid = (z: number): number => (z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z)));
const softplus = (z: number): number => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));

/** KL of two Bernoulli distributions of logits z and w, by δ = w − z: log(1 + p·(e^δ − 1)) − p·δ. */
function bernoulli(z: number, w: number): number {
  if (z === w) return 0;
  if (z === Infinity) return softplus(-w);
  if (z === -Infinity) return softplus(w);
  if (!Number.isFinite(w)) return Infinity;
  const delta = w - z;
  // far apart: log((1 + e^w)/(1 + e^z)) − p·δ, where nothing cancels
  if (Math.abs(delta) >= 1) return softplus(w) - softplus(z) - sigmoid(z) * delta;
  const p = sigmoid(z);
  return Math.log1p(p * Math.expm1(delta)) - p * delta;
}

/** One-vs-rest: the divergences are summed up. */
export function sigmoidPair(a: Float64Array, b: Float64Array): Pair {
  let [notFinite, divergence, difference] = [0, 0, 0];
  for (let c = 0; c < a.length; c++) {
    const [z, w] = [a[c] as number, b[c] as number];
    if (Number.isNaN(z)) notFinite |= BASELINE;
    if (Number.isNaN(w)) notFinite |= CANDIDATE;
    divergence += Math.max(0, bernoulli(z, w));
    difference = Math.max(difference, Math.abs(sigmoid(z) - sigmoid(w)));
  }
  if (notFinite) return { notFinite, baseline: 0, candidate: 0, divergence: 0, difference: 0 };
  return { notFinite, baseline: 0, candidate: 0, divergence, difference };
}

/** The twin over a plain ArrayBuffer. */
export function scalarPairKernels(): PairKernels {
  const PAIRS = 4 * LOGITS;
  const buffer = new ArrayBuffer(PAIRS + PAIR_COLUMNS + 10 * SAMPLE_BYTES);
  const f32 = new Float32Array(buffer);
  const i32 = new Int32Array(buffer);
  const column = (k: number): number => (PAIRS + PAIR_COLUMNS + k * SAMPLE_BYTES) >> 2;
  const sum = new ExactSum();
  return {
    memory: { buffer },
    TILE: 0,
    PAIRS,

    convert(at, n, from) {
      convert(f32.subarray(at >> 2, (at >> 2) + n), from);
    },

    pairs(sigmoid, n, classes) {
      const rows = [new Float64Array(classes), new Float64Array(classes)] as const;
      for (let i = 0; i < n; i++) {
        rows[0].set(f32.subarray(i * classes, (i + 1) * classes));
        rows[1].set(f32.subarray(LOGITS + i * classes, LOGITS + (i + 1) * classes));
        const pair = sigmoid ? sigmoidPair(...rows) : softmaxPair(...rows);
        i32[column(0) + i] = pair.baseline;
        i32[column(1) + i] = pair.candidate;
        f32[column(2) + i] = pair.divergence;
        f32[column(3) + i] = pair.difference;
        i32[column(4) + i] = pair.notFinite;
      }
    },

    differences(n) {
      for (let i = 0; i < n; i++) {
        const d = Math.fround((f32[column(6) + i] as number) - (f32[column(5) + i] as number));
        f32[column(7) + i] = d <= 0 ? 0 : d;
        f32[column(8) + i] = d < 0 ? -d : 0;
        f32[column(9) + i] = d * d;
      }
    },

    accumulate(_, values, n) {
      sum.add(f32, i32, values >> 2, (values >> 2) + n);
    },

    clear() {
      sum.clear();
    },

    limb(_, j) {
      return sum.limb(j);
    },
  };
}
