import { fromHalf } from '../../input/half.ts';
import type { Kernels } from '../kernels.ts';
import { denseKernels, type OpenTile } from './dense.ts';
import { ExactSum } from './exact-sum.ts';

const SAMPLES = 4096;
const LOGITS = 65536;

/** What the meter's kernels build on. */
export interface Twin extends Kernels {
  /** Of each sample in the tile: its largest logit but the true one's, Σ exp(logit − max) of these, and the gap to them. */
  readonly max: Float64Array;
  readonly sum: Float64Array;
  readonly margins: Float64Array;
  /** As in assembly/tile/scratch.ts. */
  readonly SLOPE: number;
}

/** z less the logarithm of the sum of the others' exponentials, which are given relative to the largest of them. */
export function margin(z: number, max: number, sum: number): number {
  // two classes leave one other, whose sum is 1; +∞ among the logits makes log-softmax NaN, at the true class too
  return z === Infinity ? NaN : z - max - (sum === 1 ? 0 : Math.log(sum));
}

/**
 * The scalar twin: the same passes over a plain ArrayBuffer, in float64 with the runtime's Math.exp and Math.log1p.
 * It answers where WebAssembly SIMD is missing or compiling is refused, and is the baseline of the benchmarks.
 *
 * @param more bytes to have at the end of the memory
 */
export function scalarKernels(more = 0): Twin {
  let end = 0;
  const block = (bytes: number): number => {
    end += bytes;
    return end - bytes;
  };
  const LABELS = block(4 * SAMPLES);
  const TRUE = block(4 * SAMPLES);
  const LOSS = block(4 * SAMPLES);
  const SLOPE = block(4 * SAMPLES);
  const UPSTREAM = block(4 * SAMPLES);
  const POSITIVE = block(4 * LOGITS);
  const LOGIT_WEIGHT = block(4 * LOGITS);
  const PLANES = block(4 * LOGITS);
  const TILE = block(4 * LOGITS);
  const DENSE = block(4 * LOGITS);
  const LOGIT_POSITIVE = block(4 * LOGITS);
  const buffer = new ArrayBuffer(end + more);
  const f32 = new Float32Array(buffer);
  const i32 = new Int32Array(buffer);
  const labels = i32.subarray(LABELS >> 2);
  const truth = f32.subarray(TRUE >> 2);
  const losses = f32.subarray(LOSS >> 2);
  const slopes = f32.subarray(SLOPE >> 2);
  const upstreams = f32.subarray(UPSTREAM >> 2);
  const positive = f32.subarray(POSITIVE >> 2);
  const logitWeights = f32.subarray(LOGIT_WEIGHT >> 2);
  const [weights, max, sum, margins] = [0, 0, 0, 0].map(() => new Float64Array(SAMPLES)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const total = new ExactSum();

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
    // a power that was rounded to 0 is 0 in truth only where the weight is
    if (ce === Infinity) return w > 0 ? Infinity : 0;
    return w * power * ce;
  };

  /** Visit the true class of each sample that has it in this chunk: sample, index of its logit, class in the chunk. */
  const eachTrue = (visit: (i: number, at: number, y: number) => void): void => {
    for (let i = 0; i < images * positions; i++) {
      const y = (labels[i] as number) - first;
      const d = i % positions;
      if (y >= 0 && y < classes) visit(i, ((i - d) / positions) * pitch + y * stride + d, y);
    }
  };

  /**
   * Visit a tile that begins at `from` by runs of logits that lie side by side: rows, whose logits all belong to sample
   * i, or planes, whose logits belong to samples i, i + 1, …, which is what `step` tells.
   */
  const eachRun = (from: number, visit: (at: number, end: number, i: number, step: number) => void): void => {
    for (let b = 0; b < images; b++) {
      let at = from + b * pitch;
      if (positions === 1) visit(at, at + classes, b, 0);
      else for (let c = 0; c < classes; c++, at += stride) visit(at, at + positions, b * positions, 1);
    }
  };

  const tile: OpenTile = { base: 0, images: 0, positions: 0, classes: 0, stride: 0, pitch: 0, first: 0 };
  const arrays = { f32, labels, truth, weights, losses, slopes, upstreams, positive, logitWeights, max, margins };

  return {
    ...denseKernels({ ...arrays, DENSE, LOGIT_POSITIVE, tile }),
    memory: { buffer },
    SAMPLES,
    LOGITS,
    FEW: 0,
    LABELS,
    TRUE,
    LOSS,
    SLOPE,
    UPSTREAM,
    POSITIVE,
    LOGIT_WEIGHT,
    PLANES,
    TILE,
    TOTAL: 0,
    max,
    sum,
    margins,

    configure(g, smoothing) {
      total.clear();
      // beyond, every power of a float32 below 1 is 0 already
      gamma = Math.min(g, 1e36);
      s = smoothing;
    },

    label(n, classCount, ignoreIndex) {
      let valid = 0;
      for (let i = 0; i < n; i++) {
        const y = labels[i] as number;
        if (y === ignoreIndex) labels[i] = -1;
        else if (y >= 0 && y < classCount) {
          labels[i] = y;
          valid++;
        } else return -1 - i;
      }
      return valid;
    },

    widenHalf(to, n) {
      const halves = new Uint16Array(buffer, to + 2 * n);
      for (let i = 0; i < n; i++) f32[(to >> 2) + i] = fromHalf(halves[i] as number);
    },

    open(source, imageCount, positionCount, classCount, imageStride, classStride, firstClass) {
      base = source >> 2;
      images = imageCount;
      positions = positionCount;
      classes = classCount;
      pitch = imageStride;
      stride = classStride;
      first = firstClass;
      Object.assign(tile, { base, images, positions, classes, stride, pitch, first });
    },

    leaveOut() {
      eachTrue((i, at, y) => {
        truth[i] = f32[base + at] as number;
        weights[i] = positive[y] as number;
        f32[base + at] = -Infinity;
      });
    },

    turn() {
      eachTrue((i, at, y) => {
        f32[base + at] = -(f32[base + at] as number);
        truth[i] = logitWeights[at] as number;
        logitWeights[at] = positive[y] as number;
      });
    },

    turnBack(to) {
      eachTrue((i, at) => {
        logitWeights[at] = truth[i] as number;
        if (to) f32[(to >> 2) + at] = -(f32[(to >> 2) + at] as number);
      });
    },

    put(to, values, flip) {
      eachTrue((i, at) => {
        const value = f32[(values >> 2) + i] as number;
        f32[(to >> 2) + at] = flip ? -value : value;
      });
    },

    scale(to, by) {
      eachRun(to >> 2, (from, end, sample, step) => {
        for (let at = from, i = sample; at < end; at++, i += step) {
          const ignored = (labels[i] as number) < 0;
          if (ignored || by) f32[at] = ignored ? 0 : (f32[at] as number) * (f32[(by >> 2) + i] as number);
        }
      });
    },

    // FEW is 0: every tile has the form in which it came
    unfold: (from) => from,

    largest() {
      // the lowest finite number, so that no difference to it is NaN
      if (!first) max.fill(-3.4028234663852886e38, 0, images * positions);
      eachRun(base, (from, end, sample, step) => {
        for (let at = from, i = sample; at < end; at++, i += step) {
          const z = f32[at] as number;
          if (z > (max[i] as number)) max[i] = z;
        }
      });
    },

    exponentials(keep) {
      if (!first) sum.fill(0, 0, images * positions);
      eachRun(base, (from, end, sample, step) => {
        if (!step && !keep) {
          const m = max[sample] as number;
          let total = sum[sample] as number;
          for (let at = from; at < end; at++) total += Math.exp((f32[at] as number) - m);
          sum[sample] = total;
          return;
        }
        for (let at = from, i = sample; at < end; at++, i += step) {
          const e = Math.exp((f32[at] as number) - (max[i] as number));
          sum[i] = (sum[i] as number) + e;
          if (keep) f32[at] = e;
        }
      });
      return 4 * base;
    },

    sampleLosses(n, grad) {
      for (let i = 0; i < n; i++) {
        const others = sum[i] as number;
        const x = margin(truth[i] as number, max[i] as number, others);
        margins[i] = x;
        const ignored = (labels[i] as number) < 0;
        losses[i] = ignored ? 0 : focal(x, weights[i] as number, grad);
        if (!grad) continue;
        const turned = ignored ? 0 : slope * (upstreams[i] as number);
        slopes[i] = turned;
        // from here on the factor of the sample's exponentials
        sum[i] = turned && turned / others;
      }
    },

    gradients() {
      eachRun(base, (from, end, sample, step) => {
        for (let at = from, i = sample; at < end; at++, i += step) {
          const factor = sum[i] as number;
          f32[at] = factor && (f32[at] as number) * factor;
        }
      });
      this.put(4 * base, SLOPE, 1);
      return 4 * base;
    },

    oneVersusRest(at, to, slopesAt, n, up) {
      for (let i = 0; i < n; i++) {
        const z = f32[(at >> 2) + i] as number;
        f32[(to >> 2) + i] = focal(-z, logitWeights[i] as number, slopesAt > 0);
        if (slopesAt) f32[(slopesAt >> 2) + i] = slope * up;
      }
    },

    accumulate(_, values, n) {
      total.add(f32, i32, values >> 2, (values >> 2) + n);
    },

    rounded() {
      return total.rounded();
    },
  };
}
