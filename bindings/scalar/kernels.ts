import type { MeterKernels } from '../core/kernels.ts';
import { ExactSum } from './exact-sum.ts';
import { fromHalf } from './half.ts';

/**
 * The scalar twin: the same passes over a plain ArrayBuffer, in float64 with the runtime's Math.exp and Math.log1p.
 * It answers where WebAssembly SIMD is missing or compiling is refused, and is the baseline of the benchmarks.
 */
const SAMPLES = 4096;
const LOGITS = 65536;
const SLACK = 16;

export function scalarKernels(): MeterKernels {
  let end = 0;
  const block = (bytes: number): number => {
    const at = end;
    end += Math.ceil(bytes / 16) * 16;
    return at;
  };
  const samples = (bytes: number): number => block(bytes * (SAMPLES + SLACK));
  const WIDE = samples(8);
  const LABELS = samples(4);
  const TRUE = samples(4);
  const LOSS = samples(4);
  const SLOPE = samples(4);
  const UPSTREAM = samples(4);
  const POSITIVE = block(4 * LOGITS);
  const LOGIT_WEIGHT = block(4 * LOGITS);
  const PLANES = block(4 * (LOGITS + SLACK));
  const TILE = block(4 * (LOGITS + SLACK));
  const TOTAL = block(8);
  const CROSS_ENTROPY = samples(4);
  const RANK = samples(4);
  const PREDICTED = samples(4);
  const CONFIDENCE = samples(4);
  const BRIER = samples(4);
  const BRIER_TOTAL = block(8);
  const buffer = new ArrayBuffer(end);
  const f32 = new Float32Array(buffer);
  const u16 = new Uint16Array(buffer);
  const labels = new Int32Array(buffer, LABELS, SAMPLES + SLACK);
  const totals = new Map([TOTAL, BRIER_TOTAL].map((at) => [at, new ExactSum()]));
  const truth = new Float32Array(buffer, TRUE, SAMPLES);
  const losses = new Float32Array(buffer, LOSS, SAMPLES);
  const slopes = new Float32Array(buffer, SLOPE, SAMPLES);
  const upstreams = new Float32Array(buffer, UPSTREAM, SAMPLES);
  const wide = new BigInt64Array(buffer, WIDE, SAMPLES);
  const weights = new Float64Array(SAMPLES);
  const max = new Float64Array(SAMPLES);
  const sum = new Float64Array(SAMPLES);
  const margins = new Float64Array(SAMPLES);
  const factors = new Float64Array(SAMPLES);
  const ranks = new Int32Array(buffer, RANK, SAMPLES);
  const predicted = new Int32Array(buffer, PREDICTED, SAMPLES);
  const confidence = new Float32Array(buffer, CONFIDENCE, SAMPLES);
  const brier = new Float32Array(buffer, BRIER, SAMPLES);
  const entropies = new Float32Array(buffer, CROSS_ENTROPY, SAMPLES);
  const ties = new Uint8Array(SAMPLES);
  const squares = new Float64Array(SAMPLES);

  let gamma = 2;
  let s = 0;
  // The open tile: class c of sample (b, d) at base + b·pitch + c·stride + d, in logits.
  let base = 0;
  let images = 0;
  let positions = 0;
  let classes = 0;
  let stride = 0;
  let pitch = 0;
  let first = 0;

  /** Loss of one margin; with slopes, −∂loss/∂margin is left in `slope`. */
  let slope = 0;
  const focal = (x: number, w: number, grad: boolean): number => {
    const t = Math.exp(-Math.abs(x));
    const rest = Math.log1p(t);
    const inverse = 1 / (1 + t);
    const q = x >= 0 ? t * inverse : inverse;
    const ce = x >= 0 ? rest : rest - x;
    const smoothed = q * (1 - s) + s / 2;
    const power =
      gamma === 2
        ? smoothed * smoothed
        : s > 0
          ? smoothed ** gamma
          : gamma === 0
            ? 1
            : Math.exp(-gamma * (x >= 0 ? rest + x : rest));
    if (grad) {
      const p = x >= 0 ? inverse : t * inverse;
      const ratio = s > 0 ? ((1 - s) * q) / smoothed : 1;
      // ce may be infinite where p is 0; their product tends to 0
      slope = w * power * (q + (p === 0 ? 0 : gamma * ce * p * ratio));
    }
    return w * power * ce;
  };

  /** Visit the true class of each sample that has it in this chunk: sample, class in the chunk, index of its logit. */
  const eachTrue = (visit: (i: number, y: number, at: number) => void): void => {
    let i = 0;
    for (let b = 0; b < images; b++) {
      for (let d = 0; d < positions; d++, i++) {
        const y = (labels[i] as number) - first;
        if (y >= 0 && y < classes) visit(i, y, b * pitch + y * stride + d);
      }
    }
  };

  /** Add up the values of each sample, or their squares, class by class. */
  const gather = (from: number, to: Float64Array, square: boolean): void => {
    if (first === 0) to.fill(0, 0, images * positions);
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
    memory: { buffer },
    SAMPLES,
    LOGITS,
    FEW: 0,
    WIDE,
    LABELS,
    TRUE,
    LOSS,
    SLOPE,
    UPSTREAM,
    POSITIVE,
    LOGIT_WEIGHT,
    PLANES,
    TILE,
    TOTAL,
    CROSS_ENTROPY,
    RANK,
    PREDICTED,
    CONFIDENCE,
    BRIER,
    BRIER_TOTAL,
    RANK_TIED: 0,
    TALLY: 0,
    BINS: 0,
    TALLY_CLASSES: 0,
    TALLY_BINS: 0,
    HISTOGRAM: 0,
    HISTOGRAM_CELLS: 0,
    STEP: 0,

    configure(g, smoothing) {
      gamma = g;
      s = smoothing;
    },

    label(n, isWide, classCount, ignoreIndex) {
      let valid = 0;
      for (let i = 0; i < n; i++) {
        const y = isWide ? Number(wide[i]) : (labels[i] as number);
        if (y === ignoreIndex) labels[i] = -1;
        else if (y >= 0 && y < classCount) {
          labels[i] = y;
          valid++;
        } else return -1 - i;
      }
      return valid;
    },

    widenHalf(to, n) {
      const from = (to >> 1) + n;
      for (let i = 0; i < n; i++) f32[(to >> 2) + i] = fromHalf(u16[from + i] as number);
    },

    open(source, imageCount, positionCount, classCount, imageStride, classStride, firstClass) {
      base = source >> 2;
      images = imageCount;
      positions = positionCount;
      classes = classCount;
      pitch = imageStride;
      stride = classStride;
      first = firstClass;
    },

    leaveOut() {
      eachTrue((i, y, at) => {
        truth[i] = f32[base + at] as number;
        weights[i] = f32[(POSITIVE >> 2) + y] as number;
        f32[base + at] = -Infinity;
      });
    },

    turn() {
      eachTrue((i, y, at) => {
        f32[base + at] = -(f32[base + at] as number);
        truth[i] = f32[(LOGIT_WEIGHT >> 2) + at] as number;
        f32[(LOGIT_WEIGHT >> 2) + at] = f32[(POSITIVE >> 2) + y] as number;
      });
    },

    turnBack(to) {
      eachTrue((i, _, at) => {
        f32[(LOGIT_WEIGHT >> 2) + at] = truth[i] as number;
        if (to !== 0) f32[(to >> 2) + at] = -(f32[(to >> 2) + at] as number);
      });
    },

    put(to, values, flip) {
      const sign = flip === 0 ? 1 : -1;
      eachTrue((i, _, at) => {
        f32[(to >> 2) + at] = sign * (f32[(values >> 2) + i] as number);
      });
    },

    scale(to, by) {
      for (let b = 0, i = 0; b < images; b++) {
        for (let d = 0; d < positions; d++, i++) {
          const ignored = (labels[i] as number) < 0;
          if (by === 0 && !ignored) continue;
          const factor = f32[(by >> 2) + i] as number;
          for (let c = 0; c < classes; c++) {
            const at = (to >> 2) + b * pitch + c * stride + d;
            f32[at] = ignored ? 0 : (f32[at] as number) * factor;
          }
        }
      }
    },

    unfold() {
      throw new Error('the scalar twin takes every layout as it is');
    },

    largest() {
      // the lowest finite number, so that no difference to it is NaN
      if (first === 0) max.fill(-3.4028234663852886e38, 0, images * positions);
      for (let b = 0, i = 0; b < images; b++, i += positions) {
        for (let c = 0; c < classes; c++) {
          const at = base + b * pitch + c * stride;
          for (let d = 0; d < positions; d++) {
            const z = f32[at + d] as number;
            if (z > (max[i + d] as number)) max[i + d] = z;
          }
        }
      }
    },

    exponentials(keep) {
      if (first === 0) sum.fill(0, 0, images * positions);
      for (let b = 0, i = 0; b < images; b++, i += positions) {
        if (positions === 1 && !keep) {
          const row = base + b * pitch;
          const m = max[i] as number;
          let total = 0;
          for (let at = row; at < row + classes; at++) total += Math.exp((f32[at] as number) - m);
          sum[i] = (sum[i] as number) + total;
          continue;
        }
        for (let c = 0; c < classes; c++) {
          const at = base + b * pitch + c * stride;
          for (let d = 0; d < positions; d++) {
            const e = Math.exp((f32[at + d] as number) - (max[i + d] as number));
            sum[i + d] = (sum[i + d] as number) + e;
            if (keep) f32[at + d] = e;
          }
        }
      }
    },

    gaps(n) {
      for (let i = 0; i < n; i++) {
        const z = truth[i] as number;
        const others = sum[i] as number;
        // two classes leave one other, whose sum is 1; +∞ among the logits makes log-softmax NaN, at the true class too
        const x = z - (max[i] as number) - (others === 1 ? 0 : Math.log(others));
        margins[i] = z === Infinity ? NaN : x;
      }
    },

    core(n, grad) {
      for (let i = 0; i < n; i++) {
        const ignored = (labels[i] as number) < 0;
        losses[i] = ignored ? 0 : focal(margins[i] as number, weights[i] as number, grad);
        if (grad) {
          const turned = ignored ? 0 : slope * (upstreams[i] as number);
          slopes[i] = turned;
          factors[i] = turned === 0 ? 0 : turned / (sum[i] as number);
        }
      }
    },

    factors() {},

    gradients() {
      for (let b = 0, i = 0; b < images; b++, i += positions) {
        for (let c = 0; c < classes; c++) {
          const at = base + b * pitch + c * stride;
          for (let d = 0; d < positions; d++) {
            const factor = factors[i + d] as number;
            f32[at + d] = factor === 0 ? 0 : (f32[at + d] as number) * factor;
          }
        }
      }
      this.put(base << 2, SLOPE, 1);
    },

    oneVersusRest(at, to, slopesAt, n, up) {
      const from = at >> 2;
      const out = to >> 2;
      const by = LOGIT_WEIGHT >> 2;
      if (slopesAt === 0) {
        for (let i = 0; i < n; i++) f32[out + i] = focal(-(f32[from + i] as number), f32[by + i] as number, false);
        return;
      }
      const turned = slopesAt >> 2;
      for (let i = 0; i < n; i++) {
        f32[out + i] = focal(-(f32[from + i] as number), f32[by + i] as number, true);
        f32[turned + i] = slope * up;
      }
    },

    clear(accumulator) {
      totals.get(accumulator)?.clear();
    },

    accumulate(accumulator, values, n) {
      totals.get(accumulator)?.add(f32, values >> 2, n);
    },

    rounded(accumulator) {
      return totals.get(accumulator)?.rounded() ?? NaN;
    },

    limb(accumulator, j) {
      return totals.get(accumulator)?.limb(j) ?? NaN;
    },

    exponentialsSquares() {
      if (first === 0) {
        sum.fill(0, 0, images * positions);
        squares.fill(0, 0, images * positions);
      }
      for (let b = 0, i = 0; b < images; b++, i += positions) {
        for (let d = 0; d < positions; d++) {
          const m = max[i + d] as number;
          // rows take the sum of a chunk of classes at once, planes class by class, as exponentials does
          let total = positions === 1 ? 0 : (sum[i + d] as number);
          let square = 0;
          for (let c = 0, at = base + b * pitch + d; c < classes; c++, at += stride) {
            const e = Math.exp((f32[at] as number) - m);
            total += e;
            square += e * e;
          }
          sum[i + d] = positions === 1 ? (sum[i + d] as number) + total : total;
          squares[i + d] = (squares[i + d] as number) + square;
        }
      }
    },

    ranks() {
      if (first === 0) {
        ranks.fill(0, 0, images * positions);
        ties.fill(0, 0, images * positions);
        predicted.fill(-1, 0, images * positions);
      }
      for (let b = 0, i = 0; b < images; b++) {
        for (let d = 0; d < positions; d++, i++) {
          const z = truth[i] as number;
          const m = max[i] as number;
          if (z > m) continue;
          let best = predicted[i] as number;
          let above = 0;
          for (let c = 0, at = base + b * pitch + d; c < classes; c++, at += stride) {
            const v = f32[at] as number;
            if (v > z) above++;
            else if (v === z) ties[i] = 1;
            if (best < 0 && v === m) best = first + c;
          }
          predicted[i] = best;
          ranks[i] = (ranks[i] as number) + above;
        }
      }
    },

    coreAndEntropies(n) {
      this.core(n, false);
      for (let i = 0; i < n; i++) {
        const x = margins[i] as number;
        const t = Math.exp(-Math.abs(x));
        slopes[i] = (x >= 0 ? t : 1) / (1 + t);
        entropies[i] = (labels[i] as number) < 0 ? 0 : Math.log1p(t) + Math.max(-x, 0);
      }
    },

    oneVersusRestAndEntropies(at, to, entropiesAt, sigmoidsAt, n) {
      this.oneVersusRest(at, to, 0, n, 1);
      for (let i = 0; i < n; i++) {
        const gap = f32[(at >> 2) + i] as number;
        const t = Math.exp(-Math.abs(gap));
        f32[(entropiesAt >> 2) + i] = Math.log1p(t) + Math.max(gap, 0);
        f32[(sigmoidsAt >> 2) + i] = (gap < 0 ? t : 1) / (1 + t);
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

    tally() {
      throw new Error('the scalar twin counts no tiles');
    },

    gatherLosses(lossesAt, to) {
      gather(lossesAt, new Float64Array(buffer, to, SAMPLES), false);
    },

    gatherSamples(entropiesAt, sigmoidsAt) {
      gather(entropiesAt, sum, false);
      gather(sigmoidsAt, squares, true);
      return true;
    },

    settleSamples(n, entropiesAt, scoresAt) {
      for (let i = 0; i < n; i++) {
        const ignored = (labels[i] as number) < 0;
        f32[(entropiesAt >> 2) + i] = ignored ? 0 : (sum[i] as number);
        f32[(scoresAt >> 2) + i] = ignored ? 0 : (squares[i] as number);
      }
    },

    tallyOneVersusRest() {
      throw new Error('the scalar twin counts no tiles');
    },
  };
}
