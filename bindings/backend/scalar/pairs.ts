/** The scalar twin of what comparisons need: see assembly/compare/pairs.ts. */
import {
  LOGITS,
  PAIR_BRIER,
  PAIR_COLUMN_COUNT,
  PAIR_COLUMNS,
  PAIR_CROSS_ENTROPY,
  PAIR_DIFFERENCE,
  PAIR_DIVERGENCE,
  PAIR_LABEL,
  PAIR_LOSS,
  PAIR_MOST,
  PAIR_NOT_FINITE,
  PAIR_OWN,
  PAIR_PREDICTED,
  PAIR_RANK,
  PAIR_ROSE,
  SAMPLE_BYTES,
  SUM_DIFFERENCE,
  SUM_DIVERGENCE,
  SUM_END,
  SUM_ROSE,
} from '../constants.ts';
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
  /** KL(baseline‖candidate), ≥ 0, and the largest |Δp|; 0 where `notFinite`. */
  divergence: number;
  difference: number;
}

/** The largest number, NaN left out. */
function largest(row: Float64Array): number {
  let most = -Infinity;
  for (const z of row) if (z > most) most = z;
  return most;
}

/** Softmax; the rows are written over. */
export function softmaxPair(a: Float64Array, b: Float64Array): Pair {
  const [largestA, largestB] = [largest(a), largest(b)];
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
  if (notFinite) return { notFinite, divergence: 0, difference: 0 };
  let difference = 0;
  for (let c = 0; c < a.length; c++) {
    difference = Math.max(difference, Math.abs((a[c] as number) / sumA - (b[c] as number) / sumB));
  }
  return { notFinite, divergence: Math.max(0, gaps / sumA - Math.log(sumA / sumB)), difference };
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
  if (notFinite) return { notFinite, divergence: 0, difference: 0 };
  return { notFinite, divergence, difference };
}

/** The twin over a plain ArrayBuffer. */
export function scalarPairKernels(): PairKernels {
  const PAIRS = 4 * LOGITS;
  const PAIR_THRESHOLDS = PAIRS + PAIR_COLUMNS + PAIR_COLUMN_COUNT * SAMPLE_BYTES + 16;
  const DECIDED = PAIR_THRESHOLDS + 4 * LOGITS + 16;
  const CHANGED = DECIDED + 4 * LOGITS;
  const buffer = new ArrayBuffer(CHANGED + 4 * LOGITS);
  const f32 = new Float32Array(buffer);
  const i32 = new Int32Array(buffer);
  const column = (k: number): number => (PAIRS + PAIR_COLUMNS + k * SAMPLE_BYTES) >> 2;
  const sums = Array.from({ length: SUM_END }, () => new ExactSum());

  /** Compare n pairs of rows, the first of which is that of sample `first`. */
  function compare(pairOf: typeof softmaxPair, first: number, n: number, classes: number): void {
    const rows = [new Float64Array(classes), new Float64Array(classes)] as const;
    for (let i = 0; i < n; i++) {
      for (const side of [0, 1] as const) {
        rows[side].set(f32.subarray((PAIRS >> 2) * side + i * classes, (PAIRS >> 2) * side + (i + 1) * classes));
      }
      const { divergence, difference, notFinite } = pairOf(...rows);
      f32[column(PAIR_DIVERGENCE) + first + i] = divergence;
      f32[column(PAIR_DIFFERENCE) + first + i] = difference;
      i32[column(PAIR_NOT_FINITE) + first + i] = notFinite;
    }
  }

  const count = (table: number, k: number, by = 1): void => {
    i32[(table >> 2) + k] = (i32[(table >> 2) + k] as number) + by;
  };

  function agree(first: number, n: number): number {
    let changed = 0;
    for (let i = first; i < first + n; i++) {
      const [was, is] = [i32[column(PAIR_PREDICTED) + i] as number, i32[column(PAIR_PREDICTED + 1) + i] as number];
      const ignored = (i32[column(PAIR_LABEL) + i] as number) < 0;
      if (was === is && was >= 0 && !ignored) count(DECIDED, was);
      else i32[(CHANGED >> 2) + changed++] = i;
      if (ignored) for (const k of [PAIR_DIVERGENCE, PAIR_DIFFERENCE, PAIR_NOT_FINITE]) i32[column(k) + i] = 0;
    }
    return changed;
  }

  function decide(first: number, n: number, classes: number, length: number): number {
    let own = 0;
    for (let cell = 0; cell < n * classes; cell++) {
      const k = cell % length;
      const least = f32[(PAIR_THRESHOLDS >> 2) + k] as number;
      const [was, is] = [(f32[cell] as number) > least, (f32[(PAIRS >> 2) + cell] as number) > least];
      if (was && is) count(DECIDED, k);
      if (was === is) continue;
      count(CHANGED, k, is ? 1 << 16 : 1);
      const i = first + Math.floor(cell / classes);
      if (i32[column(PAIR_LABEL) + i] === cell % classes) i32[column(PAIR_OWN) + own++] = is ? ~i : i;
    }
    return own;
  }

  return {
    memory: { buffer },
    TILE: 0,
    PAIRS,
    PAIR_THRESHOLDS,
    DECIDED,
    CHANGED,
    KEPT: 0,

    hold: () => 0,

    convert(at, n, from) {
      convert(f32.subarray(at >> 2, (at >> 2) + n), from);
    },

    pairs(sigmoid, _, first, n, classes, length) {
      compare(sigmoid ? sigmoidPair : softmaxPair, first, n, classes);
      return sigmoid ? decide(first, n, classes, length) : agree(first, n);
    },

    settle(n, quality) {
      const add = (sum: number, k: number): void => sums[sum]?.add(f32, i32, column(k), column(k) + n);
      add(SUM_DIVERGENCE, PAIR_DIVERGENCE);
      add(SUM_DIFFERENCE, PAIR_DIFFERENCE);
      for (const k of [PAIR_DIVERGENCE, PAIR_DIFFERENCE, PAIR_NOT_FINITE]) {
        const numbers = f32.subarray(column(k), column(k) + n);
        f32[column(PAIR_MOST) + k - PAIR_DIVERGENCE] = numbers.reduce((a, b) => Math.max(a, b), 0);
      }
      if (!quality) return 0;
      for (const [j, k] of [PAIR_LOSS, PAIR_CROSS_ENTROPY, PAIR_BRIER].entries()) {
        for (let i = 0; i < n; i++) {
          const d = Math.fround((f32[column(k + 1) + i] as number) - (f32[column(k) + i] as number));
          f32[column(PAIR_ROSE) + i] = d <= 0 ? 0 : d;
          f32[column(PAIR_ROSE + 1) + i] = d < 0 ? -d : 0;
          f32[column(PAIR_ROSE + 2) + i] = d * d;
        }
        for (const part of [0, 1, 2]) add(SUM_ROSE + 3 * j + part, PAIR_ROSE + part);
      }
      let sum = 0;
      for (let i = 0; i < n; i++) {
        sum += ((i32[column(PAIR_RANK + 1) + i] as number) - (i32[column(PAIR_RANK) + i] as number)) ** 2;
      }
      return sum;
    },

    clear(sum) {
      sums[sum]?.clear();
    },

    limb(sum, j) {
      return (sums[sum] as ExactSum).limb(j);
    },
  };
}
