import type { MeterKernels } from '../kernels.ts';
import { ExactSum } from './exact-sum.ts';
import { margin, scalarKernels } from './kernels.ts';

/** σ(x) */
function sigmoid(x: number): number {
  const t = Math.exp(-Math.abs(x));
  return (x < 0 ? t : 1) / (1 + t);
}

/** The scalar twin with what evaluation metrics need beside the loss. */
export function scalarMeterKernels(): MeterKernels {
  const bytes = 4 * 4096;
  const twin = scalarKernels(7 * bytes);
  const { max, sum, margins, SAMPLES } = twin;
  const { buffer } = twin.memory;
  const CROSS_ENTROPY = buffer.byteLength - bytes;
  const RANK = CROSS_ENTROPY - bytes;
  const PREDICTED = RANK - bytes;
  const CONFIDENCE = PREDICTED - bytes;
  const BRIER = CONFIDENCE - bytes;
  const SAMPLE_LOSSES = BRIER - 2 * bytes;
  const ENTROPIES = twin.PLANES + 2 * twin.LOGITS;
  const f32 = new Float32Array(buffer);
  const i32 = new Int32Array(buffer);
  const labels = i32.subarray(twin.LABELS >> 2);
  const truth = f32.subarray(twin.TRUE >> 2);
  const slopes = f32.subarray(twin.SLOPE >> 2);
  const entropies = f32.subarray(CROSS_ENTROPY >> 2);
  const ranks = i32.subarray(RANK >> 2);
  const predicted = i32.subarray(PREDICTED >> 2);
  const confidence = f32.subarray(CONFIDENCE >> 2);
  const brier = f32.subarray(BRIER >> 2);
  const own = new Int32Array(SAMPLES);
  const decided = new Float32Array(SAMPLES);
  const squares = new Float64Array(SAMPLES);
  /** By their handles, TOTAL and BRIER_TOTAL. */
  const sums = [new ExactSum(), new ExactSum()] as const;
  const sumOf = (accumulator: number): ExactSum => sums[accumulator as 0 | 1];

  // The open tile, as in the twin.
  let base = 0;
  let images = 0;
  let positions = 0;
  let classes = 0;
  let pitch = 0;
  let stride = 0;
  let first = 0;

  /** Visit the samples of the tile: sample, index of its first logit. */
  const eachSample = (visit: (i: number, at: number) => void): void => {
    for (let b = 0, i = 0; b < images; b++) {
      for (let d = 0; d < positions; d++, i++) visit(i, base + b * pitch + d);
    }
  };

  /** Visit the true class of each sample that has it in this chunk: sample, index of its logit from the tile's first. */
  const eachTrue = (visit: (i: number, at: number) => void): void => {
    eachSample((i, at) => {
      const c = (labels[i] as number) - first;
      if (c >= 0 && c < classes) visit(i, at - base + c * stride);
    });
  };

  /** Probability of a logit; negative where the logit is > 0. */
  const decision = (z: number): number => (z > 0 ? -sigmoid(z) : sigmoid(z));

  /** Add up the values of each sample, or their squares, class by class. */
  const gather = (from: number, to: Float64Array, square: boolean): void => {
    if (!first) to.fill(0);
    for (let b = 0, at = from >> 2; b < images; b++) {
      for (let c = 0; c < classes; c++) {
        for (let i = b * positions; i < (b + 1) * positions; i++) {
          const v = f32[at++] as number;
          to[i] = (to[i] as number) + (square ? v * v : v);
        }
      }
    }
  };

  return {
    ...twin,
    CROSS_ENTROPY,
    RANK,
    PREDICTED,
    CONFIDENCE,
    BRIER,
    BRIER_TOTAL: 1,
    // it counts no tiles
    PASSED_OVER: 0,
    TALLY: 0,
    TALLY_BYTES: 0,
    ENTROPIES,
    BINS: 0,
    TALLY_CLASSES: 0,
    TALLY_BINS: 0,
    HISTOGRAM: 0,
    HISTOGRAM_CELLS: 0,
    STEP: 0,
    SAMPLE_LOSSES,

    open(...geometry) {
      twin.open(...geometry);
      [base, images, positions, classes, pitch, stride, first] = geometry;
      base >>= 2;
    },

    configure(gamma, smoothing, pairs) {
      twin.configure(gamma, smoothing, pairs);
      this.clear(twin.TOTAL);
    },

    clear(accumulator) {
      sumOf(accumulator).clear();
    },

    accumulate(accumulator, values, n) {
      sumOf(accumulator).add(f32, i32, values >> 2, (values >> 2) + n);
    },

    rounded() {
      return sumOf(twin.TOTAL).rounded();
    },

    /** Limb j of 32 bits, and for j = 12 the sum of the values that are ∞ or NaN. */
    limb(accumulator, j) {
      const { units, special } = sumOf(accumulator);
      return j === 12 ? special : Number(BigInt.asUintN(32, units >> BigInt(32 * j)));
    },

    largestAndPlace: twin.largest,

    squaresAndRanks() {
      if (!first) {
        sum.fill(0);
        squares.fill(0);
      }
      eachSample((i, start) => {
        const m = max[i] as number;
        let total = sum[i] as number;
        let square = 0;
        for (let c = 0, at = start; c < classes; c++, at += stride) {
          const e = Math.exp((f32[at] as number) - m);
          total += e;
          square += e * e;
        }
        sum[i] = total;
        squares[i] = (squares[i] as number) + square;
      });
      if (!first) {
        ranks.fill(0, 0, SAMPLES);
        predicted.fill(-1, 0, SAMPLES);
      }
      eachSample((i, start) => {
        const z = truth[i] as number;
        const m = max[i] as number;
        if (z > m) return;
        let best = predicted[i] as number;
        let above = 0;
        for (let c = 0, at = start; c < classes; c++, at += stride) {
          const v = f32[at] as number;
          if (v > z || (v === z && first + c < (labels[i] as number))) above++;
          if (best < 0 && v === m) best = first + c;
        }
        predicted[i] = best;
        ranks[i] = (ranks[i] as number) + above;
      });
    },

    sampleEntropies(n) {
      twin.sampleLosses(n, false);
      for (let i = 0; i < n; i++) {
        const x = margins[i] as number;
        const t = Math.exp(-Math.abs(x));
        slopes[i] = (x >= 0 ? t : 1) / (1 + t);
        entropies[i] = (labels[i] as number) < 0 ? 0 : Math.log1p(t) + Math.max(-x, 0);
      }
    },

    decisions() {
      const n = images * positions * classes;
      twin.oneVersusRest(4 * base, twin.PLANES, 0, n, 1);
      // the true logits were turned
      eachTrue((i, at) => {
        decided[i] = decision(-(f32[base + at] as number));
      });
      for (let i = 0; i < n; i++) {
        const gap = f32[base + i] as number;
        f32[(ENTROPIES >> 2) + i] = Math.log1p(Math.exp(-Math.abs(gap))) + Math.max(gap, 0);
        f32[(twin.TILE >> 2) + i] = decision(gap);
      }
    },

    turnDecisions() {
      eachTrue((i, at) => {
        f32[(twin.TILE >> 2) + at] = decided[i] as number;
      });
    },

    outcomes(n) {
      let wrong = 0;
      for (let i = 0; i < n; i++) {
        const q = slopes[i] as number;
        const y = labels[i] as number;
        const z = truth[i] as number;
        const m = max[i] as number;
        const others = sum[i] as number;
        const other = predicted[i] as number;
        if (y < 0 || Number.isNaN(others + z)) predicted[i] = -1;
        else if (z > m || (z === m && (other < 0 || y < other))) predicted[i] = y;
        else if (other >= 0) wrong++;
        brier[i] = y < 0 ? 0 : q * q * (1 + (others === 0 ? 0 : (squares[i] as number) / (others * others)));
      }
      return wrong;
    },

    review(n, on) {
      if (on) {
        own.set(labels.subarray(0, n));
        for (let i = 0; i < n; i++) if (predicted[i] !== own[i]) labels[i] = predicted[i] as number;
        return;
      }
      for (let i = 0; i < n; i++) margins[i] = margin(truth[i] as number, max[i] as number, sum[i] as number);
      labels.set(own.subarray(0, n));
    },

    confidences(n) {
      for (let i = 0; i < n; i++) confidence[i] = sigmoid(margins[i] as number);
    },

    within(n, k) {
      let count = 0;
      for (let i = 0; i < n; i++) if ((labels[i] as number) >= 0 && (ranks[i] as number) < k) count++;
      return count;
    },

    gatherLosses(to) {
      gather(twin.PLANES, new Float64Array(buffer, to, SAMPLES), false);
    },

    gatherSamples() {
      gather(ENTROPIES, sum, false);
      gather(twin.TILE, squares, true);
      return true;
    },

    settleSamples(n) {
      for (let i = 0; i < n; i++) {
        const ignored = (labels[i] as number) < 0;
        const entropy = ignored ? 0 : (sum[i] as number);
        // what leaves float32, but is not infinite, goes to the exact sum at once
        const huge = Math.fround(entropy) === Infinity && entropy < Infinity;
        if (huge) sums[0].units += BigInt(entropy * 2 ** 149);
        entropies[i] = huge ? 0 : entropy;
        brier[i] = ignored ? 0 : (squares[i] as number);
      }
    },

    tally: () => 0,
    tallyOneVersusRest: () => 0,
    settlePairs() {},
    countSteps() {},
  };
}
