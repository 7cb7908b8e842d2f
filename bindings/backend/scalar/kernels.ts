import { fromHalf } from '../../input/half.ts';
import {
  BYTES,
  COLUMN_BYTES,
  COLUMN_COUNT,
  COLUMN_LOSS,
  EACH_UPSTREAM,
  HALVES,
  LABELS_ALONE,
  LABELS_SPREAD,
  LOG_PROBABILITIES,
  LOGITS,
  NO_GRADIENT,
  PARAM_CLASSES,
  PARAM_COUNT,
  PARAM_GAMMA,
  PARAM_GRADIENT,
  PARAM_SCALE,
  PARAM_SMOOTHING,
  PARAM_TARGETS,
  PARAM_VARIANT,
  PARAM_WEIGHTED,
  PROBABILITIES,
  SAMPLES,
  SIGMOID,
  SUM_COUNT,
  SUM_LOSS,
} from '../constants.ts';
import type { Kernels } from '../kernels.ts';
import { denseStages, type Geometry } from './dense.ts';
import { ExactSum } from './exact-sum.ts';

/** What the meter's kernels build on. */
export interface Twin extends Kernels {
  /** Where stages leave what they make, as in assembly/tile/scratch.ts. */
  readonly TRUE: number;
  readonly COLUMNS: number;
  readonly LOSS: number;
  readonly SLOPE: number;
  readonly LOSSES: number;
  /**
   * Of each sample in the tile: its largest logit but the true one's, Σ exp(logit − max) of these, and the margin to
   * them.
   */
  readonly max: Float64Array;
  readonly totals: Float64Array;
  readonly margins: Float64Array;
  readonly sums: readonly ExactSum[];
  readonly geometry: Geometry;
  /** Losses of the samples and of the logits of the tile, whatever is asked for. */
  sampleLosses(gradient: boolean): void;
  logitLosses(at: number, slopes: number, factor: number): void;
  add(sum: number, values: number, n: number): void;
  /** Visit the true class of each sample that has it in this chunk: sample, index of its logit, class in the chunk. */
  eachTrue(visit: (i: number, at: number, y: number) => void): void;
  /** Multiply what is laid out as the tile by a factor a sample, unless `factors` is 0; what is ignored becomes 0. */
  scale(at: number, factors: number): void;
  isSigmoid(): boolean;
}

/** z less the logarithm of the sum of the others' exponentials, which are given relative to the largest of them. */
export function margin(z: number, max: number, sum: number): number {
  // two classes leave one other, whose sum is 1; +∞ among the logits makes log-softmax NaN, at the true class too
  return z === Infinity ? NaN : z - max - (sum === 1 ? 0 : Math.log(sum));
}

/** Make float32, or logits, of numbers in their place. */
export function convert(f32: Float32Array, from: number): void {
  const n = f32.length;
  if (from === HALVES) {
    const halves = new Uint16Array(f32.buffer, f32.byteOffset + 2 * n, n);
    for (let i = 0; i < n; i++) f32[i] = fromHalf(halves[i] as number);
  } else {
    for (let i = 0; i < n; i++) {
      const x = f32[i] as number;
      if (from === LOG_PROBABILITIES) f32[i] = x - Math.log(-Math.expm1(x));
      else f32[i] = Math.log(from === PROBABILITIES ? x : x / (1 - x));
    }
  }
}

/**
 * The scalar twin: the same stages over a plain ArrayBuffer, in float64 with the runtime's Math.exp and Math.log1p.
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
  const PARAMS = block(8 * PARAM_COUNT);
  const LABELS = block(4 * SAMPLES);
  const TRUE = block(4 * SAMPLES);
  const COLUMNS = block(COLUMN_BYTES * COLUMN_COUNT);
  const LOSS = COLUMNS + COLUMN_LOSS;
  const SLOPE = block(4 * SAMPLES);
  const UPSTREAM = block(4 * SAMPLES);
  const SAMPLE_WEIGHTS = block(4 * SAMPLES);
  const CLASS_WEIGHTS = block(4 * LOGITS);
  const LOGIT_WEIGHTS = block(4 * LOGITS);
  const LOSSES = block(4 * LOGITS);
  const TILE = block(4 * LOGITS);
  const TARGETS = block(4 * LOGITS);
  const buffer = new ArrayBuffer(end + more);
  const params = new Float64Array(buffer, PARAMS, PARAM_COUNT);
  const f32 = new Float32Array(buffer);
  const i32 = new Int32Array(buffer);
  const labels = i32.subarray(LABELS >> 2);
  const truth = f32.subarray(TRUE >> 2);
  const losses = f32.subarray(LOSS >> 2);
  const slopes = f32.subarray(SLOPE >> 2);
  const upstreams = f32.subarray(UPSTREAM >> 2);
  const sampleWeights = f32.subarray(SAMPLE_WEIGHTS >> 2);
  const targets = f32.subarray(TARGETS >> 2, (TARGETS >> 2) + LOGITS);
  const classWeights = f32.subarray(CLASS_WEIGHTS >> 2);
  const logitWeights = f32.subarray(LOGIT_WEIGHTS >> 2);
  const [weights, max, totals, margins] = [0, 0, 0, 0].map(() => new Float64Array(SAMPLES)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  /** What the logits of the true classes had in LOGIT_WEIGHTS. */
  const ownWeights = new Float32Array(SAMPLES);
  const sums = Array.from({ length: SUM_COUNT }, () => new ExactSum());

  let gamma = 2;
  let s = 0;
  let sigmoid = false;
  let upstream = NO_GRADIENT;
  let factor = 1;
  let dense = false;
  let spread = false;
  let weighted = false;
  let allClasses = 0;
  /** Whether `choose` has put the classes of the largest logits in the place of the labels. */
  let chosen = false;
  const tile: Geometry = {
    base: 0,
    images: 0,
    positions: 0,
    classes: 0,
    imageStride: 0,
    classStride: 0,
    firstClass: 0,
  };

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

  const eachTrue: Twin['eachTrue'] = (visit) => {
    const { images, positions, classes, imageStride, classStride, firstClass } = tile;
    for (let i = 0; i < images * positions; i++) {
      const y = (labels[i] as number) - firstClass;
      const d = i % positions;
      if (y >= 0 && y < classes) visit(i, ((i - d) / positions) * imageStride + y * classStride + d, y);
    }
  };

  /**
   * Visit the tile by runs of logits that lie side by side: rows, whose logits all belong to sample i, or planes, whose
   * logits belong to samples i, i + 1, …, which is what `step` tells.
   */
  const eachRun = (from: number, visit: (at: number, end: number, i: number, step: number) => void): void => {
    const { images, positions, classes, imageStride, classStride } = tile;
    for (let b = 0; b < images; b++) {
      let at = from + b * imageStride;
      if (positions === 1 && classStride === 1) visit(at, at + classes, b, 0);
      else for (let c = 0; c < classes; c++, at += classStride) visit(at, at + positions, b * positions, 1);
    }
  };

  const add: Twin['add'] = (which, values, n) => {
    (sums[which] as ExactSum).add(f32, i32, values >> 2, (values >> 2) + n);
  };

  /** Multiply what is laid out as the tile by a factor a sample, unless `factors` is 0; what is ignored becomes 0. */
  const scale: Twin['scale'] = (at, factors) => {
    eachRun(at >> 2, (from, end, sample, step) => {
      for (let k = from, i = sample; k < end; k++, i += step) {
        const ignored = (labels[i] as number) < 0;
        if (ignored || factors) f32[k] = ignored ? 0 : (f32[k] as number) * (f32[(factors >> 2) + i] as number);
      }
    });
  };

  /** Negate what stands in the place of the true logits. */
  const negateTrue = (at: number): void => {
    eachTrue((_, k) => {
      f32[(at >> 2) + k] = -(f32[(at >> 2) + k] as number);
    });
  };

  const sampleLosses: Twin['sampleLosses'] = (gradient) => {
    for (let i = 0; i < tile.images * tile.positions; i++) {
      const others = totals[i] as number;
      const x = margin(truth[i] as number, max[i] as number, others);
      margins[i] = x;
      const ignored = (labels[i] as number) < 0;
      losses[i] = ignored ? 0 : focal(x, weights[i] as number, gradient);
      if (!gradient) continue;
      const scaled = ignored ? 0 : slope * (upstreams[i] as number);
      slopes[i] = scaled;
      // from here on the factor of the sample's exponentials
      totals[i] = scaled && scaled / others;
    }
  };

  const logitLosses: Twin['logitLosses'] = (at, slopesAt, by) => {
    const n = tile.images * tile.positions * tile.classes;
    for (let i = 0; i < n; i++) {
      const z = f32[tile.base + i] as number;
      f32[(at >> 2) + i] = focal(-z, logitWeights[i] as number, slopesAt > 0);
      if (slopesAt) f32[(slopesAt >> 2) + i] = slope * by;
    }
  };

  const stages = denseStages({
    params,
    f32,
    targets,
    labels,
    truth,
    weights,
    losses,
    slopes,
    upstreams,
    classWeights,
    logitWeights,
    max,
    margins,
    tile,
  });

  const maskTrueClass = (): void => {
    eachTrue((i, at, y) => {
      truth[i] = f32[tile.base + at] as number;
      weights[i] = classWeights[y] as number;
      f32[tile.base + at] = -Infinity;
    });
    if (dense) stages.weighLabels();
  };

  const scan = (): void => {
    // the lowest finite number, so that no difference to it is NaN
    if (!tile.firstClass) max.fill(-3.4028234663852886e38, 0, tile.images * tile.positions);
    eachRun(tile.base, (from, end, sample, step) => {
      for (let at = from, i = sample; at < end; at++, i += step) {
        const z = f32[at] as number;
        if (z > (max[i] as number)) max[i] = z;
      }
    });
  };

  const isLast = (): boolean => tile.firstClass + tile.classes >= allClasses;

  const addLosses = (): void => {
    const n = tile.images * tile.positions;
    if (weighted) for (let i = 0; i < n; i++) (losses[i] as number) *= sampleWeights[i] as number;
    add(SUM_LOSS, LOSS, n);
  };

  return {
    memory: { buffer },
    PARAMS,
    LABELS,
    TRUE,
    COLUMNS,
    LOSS,
    SLOPE,
    UPSTREAM,
    SAMPLE_WEIGHTS,
    CLASS_WEIGHTS,
    LOGIT_WEIGHTS,
    LOSSES,
    TILE,
    TARGETS,
    max,
    totals,
    margins,
    sums,
    geometry: tile,
    sampleLosses,
    logitLosses,
    add,
    eachTrue,
    scale,
    isSigmoid: () => sigmoid,

    convert(at, n, from) {
      convert(f32.subarray(at >> 2, (at >> 2) + n), from);
    },

    labels(n, classes, ignoreIndex) {
      let valid = 0;
      for (let i = 0; i < n; i++) {
        const y = labels[i] as number;
        if (y === ignoreIndex) labels[i] = -1;
        else if (y >= 0 && y < classes) valid++;
        else return -1 - i;
      }
      if (spread) stages.keepLabels(n);
      chosen = false;
      return valid;
    },

    targets(at, n, from) {
      if (from === BYTES) f32.set(new Uint8Array(buffer, at, n).slice(), at >> 2);
      return stages.check(at >> 2, n);
    },

    begin() {
      sigmoid = params[PARAM_VARIANT] === SIGMOID;
      // beyond, every power of a float32 below 1 is 0 already
      gamma = Math.min(params[PARAM_GAMMA] as number, 1e36);
      s = params[PARAM_SMOOTHING] as number;
      upstream = params[PARAM_GRADIENT] as number;
      factor = upstream === EACH_UPSTREAM ? 1 : (params[PARAM_SCALE] as number);
      dense = params[PARAM_TARGETS] !== LABELS_ALONE;
      spread = params[PARAM_TARGETS] === LABELS_SPREAD;
      weighted = params[PARAM_WEIGHTED] !== 0;
      allClasses = params[PARAM_CLASSES] as number;
      stages.configure();
      for (const exact of sums) exact.clear();
    },

    open(source, images, positions, classes, imageStride, classStride, firstClass) {
      Object.assign(tile, { base: source >> 2, images, positions, classes, imageStride, classStride, firstClass });
      if (spread) stages.spread();
      if (!sigmoid && (!dense || chosen)) maskTrueClass();
      if (!sigmoid || dense) return;
      eachTrue((i, at, y) => {
        ownWeights[i] = logitWeights[at] as number;
        logitWeights[at] = classWeights[y] as number;
        f32[tile.base + at] = -(f32[tile.base + at] as number);
      });
    },

    close() {
      // the tile is never the caller's memory
      if (!sigmoid || dense) return;
      eachTrue((i, at) => {
        logitWeights[at] = ownWeights[i] as number;
      });
    },

    choose() {
      scan();
      stages.choose();
      if (!isLast()) return;
      chosen = true;
      maskTrueClass();
    },

    scan,

    sum() {
      const { base, images, positions, classes, firstClass } = tile;
      const differentiate = upstream !== NO_GRADIENT;
      if (sigmoid) {
        const at = differentiate ? LOSSES : TILE;
        if (dense) stages.logitLosses(at >> 2, differentiate ? TILE >> 2 : 0, factor);
        else logitLosses(at, differentiate ? TILE : 0, factor);
        scale(at, weighted ? SAMPLE_WEIGHTS : 0);
        add(SUM_LOSS, at, images * positions * classes);
        if (differentiate) {
          if (!dense) negateTrue(TILE);
          scale(TILE, upstream === EACH_UPSTREAM ? UPSTREAM : 0);
        }
        return at;
      }
      if (!firstClass) totals.fill(0, 0, images * positions);
      eachRun(base, (from, end, sample, step) => {
        if (!step && !differentiate) {
          const m = max[sample] as number;
          let total = totals[sample] as number;
          for (let at = from; at < end; at++) total += Math.exp((f32[at] as number) - m);
          totals[sample] = total;
          return;
        }
        for (let at = from, i = sample; at < end; at++, i += step) {
          const e = Math.exp((f32[at] as number) - (max[i] as number));
          (totals[i] as number) += e;
          if (differentiate && !dense) f32[at] = e;
        }
      });
      return 4 * base;
    },

    finish() {
      if (sigmoid) return 0;
      sampleLosses(upstream !== NO_GRADIENT);
      if (!dense) addLosses();
      return LOSS;
    },

    others() {
      stages.others();
      if (!isLast()) return;
      stages.addOthers();
      addLosses();
    },

    gradient() {
      if (sigmoid) return TILE;
      const { base } = tile;
      if (dense) {
        stages.gradient();
        return 4 * base;
      }
      eachRun(base, (from, end, sample, step) => {
        for (let at = from, i = sample; at < end; at++, i += step) {
          const by = totals[i] as number;
          f32[at] = by && (f32[at] as number) * by;
        }
      });
      eachTrue((i, at) => {
        f32[base + at] = -(slopes[i] as number);
      });
      return 4 * base;
    },

    accumulate: add,

    limb(which, j) {
      return (sums[which] as ExactSum).limb(j);
    },
  };
}
