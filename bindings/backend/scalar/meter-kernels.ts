import type { MeterKernels } from '../kernels.ts';
import { ExactSum } from './exact-sum.ts';
import { scalarKernels } from './kernels.ts';

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
  const ties = new Uint8Array(SAMPLES);
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
    RANK_TIED: 0,
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

    configure(gamma, smoothing) {
      twin.configure(gamma, smoothing);
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
        ties.fill(0);
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
          if (v > z) above++;
          else if (v === z) ties[i] = 1;
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

    oneVersusRestAndEntropies(at, n) {
      twin.oneVersusRest(at, twin.PLANES, 0, n, 1);
      for (let i = 0; i < n; i++) {
        const gap = f32[(at >> 2) + i] as number;
        const t = Math.exp(-Math.abs(gap));
        f32[(ENTROPIES >> 2) + i] = Math.log1p(t) + Math.max(gap, 0);
        f32[(twin.TILE >> 2) + i] = (gap < 0 ? t : 1) / (1 + t);
      }
    },

    outcomes(n) {
      for (let i = 0; i < n; i++) {
        const q = slopes[i] as number;
        const y = labels[i] as number;
        const z = truth[i] as number;
        const others = sum[i] as number;
        const hit = z > (max[i] as number);
        if (!(hit || ties[i] === 0) || Number.isNaN(others + z)) predicted[i] = -1;
        else if (hit) predicted[i] = y;
        confidence[i] = hit ? 1 - q : q / others;
        brier[i] = y < 0 ? 0 : q * q * (1 + (others === 0 ? 0 : (squares[i] as number) / (others * others)));
      }
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
        entropies[i] = ignored ? 0 : (sum[i] as number);
        brier[i] = ignored ? 0 : (squares[i] as number);
      }
    },

    tally: () => 0,
    tallyOneVersusRest: () => 0,
    settlePairs() {},
    turnSigmoids() {},
    countSteps() {},
  };
}
