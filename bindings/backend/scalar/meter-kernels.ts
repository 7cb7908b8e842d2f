import {
  ALL_TOGETHER,
  COLUMN_BRIER,
  COLUMN_BYTES,
  COLUMN_CONFIDENCE,
  COLUMN_CROSS_ENTROPY,
  COLUMN_FAR,
  COLUMN_PASSED_OVER,
  COLUMN_PREDICTED,
  COLUMN_RANK,
  COLUMN_WRONG,
  LOGITS,
  PARAM_COUNT,
  PARAM_GROUPS,
  PARAM_RANKS,
  SAMPLES,
  SUM_BRIER,
  SUM_BRIER_SQUARES,
  SUM_ENTROPY_SQUARES,
  SUM_LOSS,
  SUM_LOSS_SQUARES,
} from '../constants.ts';
import type { MeterKernels } from '../kernels.ts';
import { cellKey } from './cells.ts';
import type { ExactSum } from './exact-sum.ts';
import { margin, scalarKernels } from './kernels.ts';

/** The largest float32. */
const LARGEST = 3.4028234663852886e38;

/** σ(x) */
function sigmoid(x: number): number {
  const t = Math.exp(-Math.abs(x));
  return (x < 0 ? t : 1) / (1 + t);
}

/** Whether a decision, a probability, has its sign bit set. */
const isFor = (p: number): boolean => p < 0 || Object.is(p, -0);

/** The scalar twin with what evaluation metrics need beside the loss. */
export function scalarMeterKernels(): MeterKernels {
  const twin = scalarKernels(4 * SAMPLES + 6 * LOGITS);
  const { max, totals, margins, sums, geometry: tile, COLUMNS, LOSS, LOSSES, TILE } = twin;
  const { buffer } = twin.memory;
  const TERMS = buffer.byteLength - 4 * SAMPLES;
  const LOGIT_THRESHOLDS = TERMS - 2 * LOGITS;
  const CELLS = LOGIT_THRESHOLDS - 4 * LOGITS;
  const ENTROPY = COLUMNS + COLUMN_CROSS_ENTROPY;
  const BRIER = COLUMNS + COLUMN_BRIER;
  const f32 = new Float32Array(buffer);
  const i32 = new Int32Array(buffer);
  const params = new Float64Array(buffer, twin.PARAMS, PARAM_COUNT);
  const view = (at: number) => f32.subarray(at >> 2, (at >> 2) + SAMPLES);
  const labels = i32.subarray(twin.LABELS >> 2);
  const truth = view(twin.TRUE);
  const losses = view(LOSS);
  const entropies = view(ENTROPY);
  const brier = view(BRIER);
  const terms = view(TERMS);
  const confidence = view(COLUMNS + COLUMN_CONFIDENCE);
  const integers = (at: number) => i32.subarray((COLUMNS + at) >> 2, ((COLUMNS + at) >> 2) + SAMPLES);
  const predicted = integers(COLUMN_PREDICTED);
  const wrong = integers(COLUMN_WRONG);
  const passedOver = integers(COLUMN_PASSED_OVER);
  const cells = i32.subarray(CELLS >> 2, (CELLS >> 2) + LOGITS);
  const thresholds = f32.subarray(LOGIT_THRESHOLDS >> 2);
  const ranks = integers(COLUMN_RANK);
  const ownLabels = new Int32Array(SAMPLES);
  /** Probability that a sample's own class has, 1 − p_y, sums over its classes, as each variant needs them. */
  const decided = new Float32Array(SAMPLES);
  const misses = new Float64Array(SAMPLES);
  const squares = new Float64Array(SAMPLES);
  const sampleLosses = new Float64Array(SAMPLES);
  const entropySums = new Float64Array(SAMPLES);

  /** A float64, and the halves of it. */
  const whole = new Float64Array(1);
  const halves = new Int32Array(whole.buffer);

  let metrics = false;
  /** Whether samples are added up; else that is left to the bindings. */
  let together = true;
  let reviewing = false;
  const samples = (): number => tile.images * tile.positions;

  /** Visit the logits of the tile, one by one: sample, class in the chunk, index from the tile's first. */
  const eachLogit = (visit: (i: number, c: number, at: number) => void): void => {
    const { images, positions, classes, imageStride, classStride } = tile;
    for (let b = 0; b < images; b++) {
      for (let c = 0; c < classes; c++) {
        for (let d = 0, at = b * imageStride + c * classStride; d < positions; d++, at++) {
          visit(b * positions + d, c, at);
        }
      }
    }
  };

  /** Add the values of the samples to one sum, and to another their squares, each rounded to float32. */
  const addWithSquares = (at: number, which: number | null, ofSquares: number): void => {
    const n = samples();
    if (which !== null) twin.add(which, at, n);
    const values = view(at);
    for (let i = 0; i < n; i++) terms[i] = (values[i] as number) ** 2;
    twin.add(ofSquares, TERMS, n);
  };
  const addSums = (): void => {
    addWithSquares(ENTROPY, SUM_LOSS, SUM_ENTROPY_SQUARES);
    addWithSquares(BRIER, SUM_BRIER, SUM_BRIER_SQUARES);
    addWithSquares(LOSS, null, SUM_LOSS_SQUARES);
  };

  /** Softmax: beside the sums the ranks of the true classes, and the first of the others with the largest logit. */
  const sumAndRank = (): void => {
    const { base, firstClass } = tile;
    if (!firstClass) {
      for (const values of [totals, squares]) values.fill(0);
      ranks.fill(0);
      predicted.fill(-1, 0, SAMPLES);
    }
    eachLogit((i, c, at) => {
      const v = f32[base + at] as number;
      const m = max[i] as number;
      const z = truth[i] as number;
      const e = Math.exp(v - m);
      (totals[i] as number) += e;
      (squares[i] as number) += e * e;
      if (v > z || (v === z && firstClass + c < (labels[i] as number))) (ranks[i] as number) += 1;
      if (v === m && (predicted[i] as number) < 0) predicted[i] = firstClass + c;
    });
  };

  /** Probability of a logit of the tile, its sign bit set where the decision is for the class. */
  const decision = (z: number, at: number): number => (z > (thresholds[at] as number) ? -sigmoid(z) : sigmoid(z));

  /** Sigmoid: losses of the logits in LOSSES, and what the metrics of a sample need of its logits. */
  const sumDecisions = (): void => {
    const { base, firstClass } = tile;
    if (!firstClass) for (const values of [entropySums, squares, sampleLosses, wrong]) values.fill(0, 0, SAMPLES);
    twin.logitLosses(LOSSES, 0, 1);
    twin.scale(LOSSES, 0);
    // the true logits are negated
    twin.eachTrue((i, at) => {
      decided[i] = decision(-(f32[base + at] as number), at);
    });
    eachLogit((i, c, at) => {
      const gap = f32[base + at] as number;
      const p = (labels[i] as number) < 0 ? 0 : decision(gap, at);
      f32[(TILE >> 2) + at] = p;
      if ((labels[i] as number) < 0) return;
      entropySums[i] = (entropySums[i] as number) + Math.log1p(Math.exp(-Math.abs(gap))) + Math.max(gap, 0);
      // how far the probability, as float32, is from its target: whatever the kind of target
      const isTrue = labels[i] === firstClass + c;
      const error = Math.fround(isTrue ? 1 - Math.fround(sigmoid(-gap)) : p);
      (squares[i] as number) += Math.fround(error * error);
      (sampleLosses[i] as number) += f32[(LOSSES >> 2) + at] as number;
      if (isFor(p)) (wrong[i] as number) += 1;
    });
    twin.eachTrue((i, at) => {
      const countedWrong = isFor(f32[(TILE >> 2) + at] as number);
      wrong[i] = (wrong[i] as number) + Number(!isFor(decided[i] as number)) - Number(countedWrong);
    });
  };

  return {
    ...twin,
    LOGIT_THRESHOLDS,
    CELLS,
    // it has no tables
    TALLY: 0,
    BINS: 0,

    begin() {
      twin.begin();
      metrics = (params[PARAM_RANKS] as number) > 0;
      together = params[PARAM_GROUPS] === ALL_TOGETHER;
    },

    sum() {
      if (!metrics || reviewing) return twin.sum();
      if (twin.isSigmoid()) sumDecisions();
      else sumAndRank();
      return LOSSES;
    },

    finish() {
      if (!metrics) return twin.finish();
      const n = samples();
      if (twin.isSigmoid()) {
        for (let i = 0; i < n; i++) {
          const entropy = entropySums[i] as number;
          // what leaves float32, but is not infinite, goes to the exact sum at once
          const huge = Math.fround(entropy) === Infinity && entropy < Infinity;
          if (huge && together) (sums[SUM_LOSS] as ExactSum).units += BigInt(entropy * 2 ** 149);
          if (huge && !together) {
            whole[0] = entropy;
            for (const [j, half] of halves.entries()) i32[((COLUMNS + COLUMN_FAR + j * COLUMN_BYTES) >> 2) + i] = half;
          }
          entropies[i] = huge ? (together ? 0 : -1) : entropy;
          brier[i] = squares[i] as number;
          const loss = sampleLosses[i] as number;
          losses[i] = loss < Infinity ? Math.min(loss, LARGEST) : loss;
        }
        if (together) addSums();
        return LOSS;
      }
      twin.sampleLosses(false);
      for (let i = 0; i < n; i++) {
        const x = margins[i] as number;
        misses[i] = sigmoid(-x);
        entropies[i] = (labels[i] as number) < 0 ? 0 : Math.log1p(Math.exp(-Math.abs(x))) + Math.max(-x, 0);
      }
      return LOSS;
    },

    decide() {
      const n = samples();
      let count = 0;
      for (let i = 0; i < n; i++) {
        const y = labels[i] as number;
        const z = truth[i] as number;
        const m = max[i] as number;
        const others = totals[i] as number;
        const other = predicted[i] as number;
        if (y < 0 || Number.isNaN(others + z)) predicted[i] = -1;
        else if (z > m || (z === m && (other < 0 || y < other))) predicted[i] = y;
        else if (other >= 0) count++;
        confidence[i] = sigmoid(margins[i] as number);
        const q = misses[i] as number;
        brier[i] = y < 0 ? 0 : q * q * (1 + (others === 0 ? 0 : (squares[i] as number) / (others * others)));
      }
      return count;
    },

    review(on, again) {
      const n = samples();
      reviewing = on;
      if (on) {
        twin.eachTrue((i, at) => {
          f32[tile.base + at] = truth[i] as number;
        });
        ownLabels.set(labels.subarray(0, n));
        labels.set(predicted.subarray(0, n));
        if (!again) return;
        twin.eachTrue((i, at) => {
          truth[i] = f32[tile.base + at] as number;
          f32[tile.base + at] = -Infinity;
        });
        return;
      }
      for (let i = 0; i < n; i++) {
        margins[i] = margin(truth[i] as number, max[i] as number, totals[i] as number);
        confidence[i] = sigmoid(margins[i] as number);
      }
      labels.set(ownLabels.subarray(0, n));
    },

    topK(k) {
      let count = 0;
      for (let i = 0; i < samples(); i++) if ((predicted[i] as number) >= 0 && (ranks[i] as number) < k) count++;
      return count;
    },

    cells() {
      const n = samples();
      if (!twin.isSigmoid()) {
        // margins are made in the bindings
        let over = 0;
        for (let i = 0; i < n; i++) if ((labels[i] as number) >= 0) passedOver[over++] = i;
        cells.fill(-1, 0, n * tile.classes);
        return over;
      }
      eachLogit((i, _, at) => {
        cells[at] = (labels[i] as number) < 0 ? -1 : cellKey(i32[tile.base + at] as number, false);
      });
      // the true logits are negated
      twin.eachTrue((_, at) => {
        cells[at] = cellKey((i32[tile.base + at] as number) ^ -0x80000000, true);
      });
      return 0;
    },

    tally() {
      if (twin.isSigmoid()) {
        twin.eachTrue((i, at) => {
          f32[(TILE >> 2) + at] = decided[i] as number;
        });
      } else if (together) addSums();
      return -1;
    },

    flush() {},
  };
}
