import type { DenseKernels } from '../kernels.ts';

/** The open tile of the twin: class c of sample (b, d) at base + b·pitch + c·stride + d, in logits. */
export interface OpenTile {
  base: number;
  images: number;
  positions: number;
  classes: number;
  stride: number;
  pitch: number;
  first: number;
}

/** What of the twin's memory targets in the shape of the logits need, as assembly/tile/scratch.ts has it. */
interface Arrays {
  readonly f32: Float32Array;
  readonly DENSE: number;
  readonly LOGIT_POSITIVE: number;
  readonly labels: Int32Array;
  readonly truth: Float32Array;
  readonly weights: Float64Array;
  readonly losses: Float32Array;
  readonly slopes: Float32Array;
  readonly upstreams: Float32Array;
  readonly positive: Float32Array;
  readonly logitWeights: Float32Array;
  readonly max: Float64Array;
  readonly margins: Float64Array;
  readonly tile: OpenTile;
}

/** w · power · ce, and its limit where ce is infinite. */
const product = (w: number, power: number, entropy: number): number =>
  entropy === Infinity ? (w > 0 ? Infinity : 0) : w * power * entropy;

/** The scalar twin of assembly/dense, in float64. */
export function denseKernels(arrays: Arrays): DenseKernels {
  const { f32, DENSE, LOGIT_POSITIVE, labels, truth, weights, losses, slopes, upstreams, positive, logitWeights } =
    arrays;
  const { max, margins, tile } = arrays;
  const dense = f32.subarray(DENSE >> 2);
  const logitPositive = f32.subarray(LOGIT_POSITIVE >> 2);
  const otherLosses = new Float64Array(labels.length);
  const otherSlopes = new Float64Array(labels.length);
  const entropies = new Float64Array(labels.length);
  const remainders = new Float64Array(labels.length);
  let gamma = 2;
  let gammaNegative = 2;
  let s = 0;
  let clip = 0;
  let kept = 1;
  let added = 0;
  let ignored = NaN;
  let most = 1;
  let asymmetric = false;

  /** Loss of a gap g, most of whose target is on its side, and the slope ∂loss/∂g. */
  const focal = (g: number, u: number, positive: boolean, w: number): { loss: number; slope: number } => {
    const t = Math.exp(-Math.abs(g));
    const inverse = 1 / (1 + t);
    const q = g >= 0 ? inverse : t * inverse;
    const p = g >= 0 ? t * inverse : inverse;
    const negative = asymmetric && !positive;
    const exponent = negative ? gammaNegative : gamma;
    const cut = negative ? clip : 0;
    const m = cut > 0 ? Math.max(q - cut, 0) : q;
    const b = (m * (1 - 2 * u) + u) * (1 - s) + s / 2;
    const entropy = cut > 0 ? -Math.log1p(-m) : Math.log1p(t) + (g >= 0 ? (1 - u) * g : u > 0 ? -u * g : 0);
    // the logarithm to full precision also where q is 1 − q rounded
    const power =
      exponent === 0
        ? 1
        : b === m && cut === 0
          ? Math.exp(-exponent * (Math.log1p(t) + Math.max(-g, 0)))
          : b ** exponent;
    if (m === 0 && cut > 0) return { loss: 0, slope: 0 };
    const rise = cut > 0 ? (p * q) / (1 - m) : q - u;
    const share = b > 0 ? ((1 - 2 * u) * (1 - s) * q) / b : 1;
    const turn = p === 0 ? 0 : exponent * entropy * p * share;
    return { loss: product(w, power, entropy), slope: w * power * (rise + turn) };
  };

  const eachSample = (visit: (i: number, at: number) => void): void => {
    for (let i = 0; i < tile.images * tile.positions; i++) {
      const d = i % tile.positions;
      visit(i, ((i - d) / tile.positions) * tile.pitch + d);
    }
  };
  const weightAt = (at: number, c: number): number => ((dense[at] as number) * kept + added) * (positive[c] as number);

  /** p of one of the others, w · (1 − p)^γ, and −ln p. */
  const other = (entropy: number, w: number): { p: number; power: number; slope: number } => {
    const p = Math.exp(-entropy);
    const power = gamma === 0 ? 1 : (1 - p) ** gamma;
    return { p, power, slope: w * power * (1 + (p === 0 ? 0 : (gamma * p * entropy) / (1 - p))) };
  };

  return {
    DENSE,
    LOGIT_POSITIVE,

    configureDense(g, negative, smoothing, cut, labelSmoothing, classes, ignore, largest) {
      gamma = Math.min(g, 1e36);
      gammaNegative = Math.min(negative, 1e36);
      asymmetric = gamma !== gammaNegative || cut > 0;
      s = smoothing;
      clip = cut;
      kept = 1 - labelSmoothing;
      added = labelSmoothing / classes;
      ignored = ignore;
      most = largest;
    },

    widenBytes(to, n) {
      const bytes = new Uint8Array(f32.buffer, to + 3 * n, n);
      for (let i = 0; i < n; i++) f32[(to >> 2) + i] = bytes[i] as number;
    },

    toLogits(at, n, scale) {
      for (let i = at >> 2, end = i + n; i < end; i++) {
        const x = f32[i] as number;
        if (scale === 3) f32[i] = x - Math.log(-Math.expm1(x));
        else f32[i] = Math.log(scale === 1 ? x : x / (1 - x));
      }
    },

    checkTargets(at, n) {
      let count = 0;
      for (let i = 0; i < n; i++) {
        const t = f32[(at >> 2) + i] as number;
        if (t === ignored) count++;
        else if (!(asymmetric ? t === 0 || t === most : t >= 0 && t <= most)) return -1 - i;
      }
      return count;
    },

    // no tile is ever turned
    arrangeTargets() {},

    oneVersusRestDense(at, to, slopesAt, n, up) {
      for (let i = 0; i < n; i++) {
        const t = dense[i] as number;
        const positive = t > 0.5;
        const z = f32[(at >> 2) + i] as number;
        const w = (logitPositive[i] as number) * t + (logitWeights[i] as number) * (1 - t);
        const { loss, slope } = focal(positive ? -z : z, Math.min(t, 1 - t), positive, w);
        f32[(to >> 2) + i] = t === ignored ? 0 : loss;
        if (slopesAt) f32[(slopesAt >> 2) + i] = t === ignored ? 0 : (positive ? -slope : slope) * up;
      }
    },

    chooseLabels() {
      const { base, classes, stride, first } = tile;
      eachSample((i, start) => {
        if ((labels[i] as number) < 0) return;
        const m = max[i] as number;
        if (!first) labels[i] = 0;
        else if (!(m > (truth[i] as number))) return;
        truth[i] = m;
        for (let c = 0; c < classes; c++) {
          if (f32[base + start + c * stride] !== m) continue;
          labels[i] = first + c;
          return;
        }
      });
    },

    weighLabels() {
      const { classes, stride, first } = tile;
      eachSample((i, start) => {
        const c = (labels[i] as number) - first;
        if (c >= 0 && c < classes) weights[i] = weightAt(start + c * stride, c);
      });
    },

    otherLosses() {
      const { base, classes, stride, first } = tile;
      eachSample((i, start) => {
        if (!first) {
          const x = margins[i] as number;
          const t = Math.exp(-Math.abs(x));
          entropies[i] = Math.log1p(t) + Math.max(-x, 0);
          remainders[i] = (x >= 0 ? t : 1) / (1 + t);
          otherLosses[i] = 0;
          otherSlopes[i] = 0;
        }
        for (let c = 0; c < classes; c++) {
          if (labels[i] === first + c) continue;
          const at = start + c * stride;
          const entropy = (truth[i] as number) - (f32[base + at] as number) + (entropies[i] as number);
          const w = weightAt(at, c);
          const { power, slope } = other(entropy, w);
          otherLosses[i] = (otherLosses[i] as number) + product(w, power, entropy);
          otherSlopes[i] = (otherSlopes[i] as number) + slope;
        }
      });
    },

    addOtherLosses(n) {
      for (let i = 0; i < n; i++) {
        if ((labels[i] as number) >= 0) losses[i] = (losses[i] as number) + (otherLosses[i] as number);
      }
    },

    denseGradients() {
      const { base, classes, stride, first } = tile;
      eachSample((i, start) => {
        const others = (otherSlopes[i] as number) * (upstreams[i] as number);
        const slope = slopes[i] as number;
        const factor = others + (slope && slope / (remainders[i] as number));
        for (let c = 0; c < classes; c++) {
          const at = base + start + c * stride;
          if ((labels[i] as number) < 0) {
            f32[at] = 0;
          } else if (labels[i] === first + c) {
            f32[at] = Math.exp(-(entropies[i] as number)) * others - slope;
          } else {
            const entropy = (truth[i] as number) - (f32[at] as number) + (entropies[i] as number);
            const own = other(entropy, weightAt(start + c * stride, c));
            f32[at] = own.p * factor - own.slope * (upstreams[i] as number);
          }
        }
      });
      return 4 * base;
    },
  };
}
