import {
  PARAM_CLASSES,
  PARAM_CLIP,
  PARAM_GAMMA,
  PARAM_GAMMA_NEGATIVE,
  PARAM_IGNORED,
  PARAM_LABEL_SMOOTHING,
  PARAM_LARGEST,
  PARAM_SMOOTHING,
  SAMPLES,
} from '../constants.ts';

/** The tile that is open: class c of sample (b, d) at base + b·imageStride + c·classStride + d, in logits. */
export interface Geometry {
  base: number;
  images: number;
  positions: number;
  classes: number;
  imageStride: number;
  classStride: number;
  firstClass: number;
}

/** What the stages with a target for each logit need of the twin's memory, as assembly/tile/scratch.ts has it. */
interface Arrays {
  readonly params: Float64Array;
  readonly f32: Float32Array;
  /** Laid out as the tile. */
  readonly targets: Float32Array;
  readonly labels: Int32Array;
  readonly truth: Float32Array;
  readonly weights: Float64Array;
  readonly losses: Float32Array;
  readonly slopes: Float32Array;
  readonly upstreams: Float32Array;
  readonly classWeights: Float32Array;
  readonly logitWeights: Float32Array;
  readonly max: Float64Array;
  readonly margins: Float64Array;
  readonly tile: Geometry;
}

/** The scalar twin of assembly/dense. */
export interface DenseStages {
  /** Read the parameters. */
  configure(): void;
  /** The address of numbers as an index: how many of n are ignored, or −1 − i where number i is no target. */
  check(at: number, n: number): number;
  keepLabels(n: number): void;
  /** Make targets of the labels that were kept. */
  spread(): void;
  /** One-vs-rest: losses at an index, and unless `slopes` is 0 the gradient. */
  logitLosses(at: number, slopes: number, up: number): void;
  choose(): void;
  weighLabels(): void;
  others(): void;
  addOthers(): void;
  gradient(): void;
}

/** w · power · ce, and its limit where ce is infinite. */
const product = (w: number, power: number, entropy: number): number =>
  entropy === Infinity ? (w > 0 ? Infinity : 0) : w * power * entropy;

/** In float64. */
export function denseStages(arrays: Arrays): DenseStages {
  const { params, f32, targets, labels, truth, weights, losses, slopes, upstreams, classWeights, logitWeights } =
    arrays;
  const { max, margins, tile } = arrays;
  const ownLabels = new Int32Array(SAMPLES);
  const otherLosses = new Float64Array(SAMPLES);
  const otherSlopes = new Float64Array(SAMPLES);
  const entropies = new Float64Array(SAMPLES);
  const remainders = new Float64Array(SAMPLES);
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
    const turn = p === 0 || share === 0 ? 0 : exponent * entropy * p * share;
    return { loss: product(w, power, entropy), slope: w * power * (rise + turn) };
  };

  const eachSample = (visit: (i: number, at: number) => void): void => {
    for (let i = 0; i < tile.images * tile.positions; i++) {
      const d = i % tile.positions;
      visit(i, ((i - d) / tile.positions) * tile.imageStride + d);
    }
  };
  const weightAt = (at: number, c: number): number =>
    ((targets[at] as number) * kept + added) * (classWeights[c] as number);

  /** p of one of the others, w · (1 − p)^γ, and −ln p. */
  const other = (entropy: number, w: number): { p: number; power: number; slope: number } => {
    const p = Math.exp(-entropy);
    const power = gamma === 0 ? 1 : (1 - p) ** gamma;
    return { p, power, slope: w * power * (1 + (p === 0 ? 0 : (gamma * p * entropy) / (1 - p))) };
  };

  return {
    configure() {
      const read = (place: number): number => params[place] as number;
      gamma = Math.min(read(PARAM_GAMMA), 1e36);
      gammaNegative = Math.min(read(PARAM_GAMMA_NEGATIVE), 1e36);
      s = read(PARAM_SMOOTHING);
      clip = read(PARAM_CLIP);
      asymmetric = gamma !== gammaNegative || clip > 0;
      kept = 1 - read(PARAM_LABEL_SMOOTHING);
      added = read(PARAM_LABEL_SMOOTHING) / read(PARAM_CLASSES);
      ignored = Math.fround(read(PARAM_IGNORED));
      most = read(PARAM_LARGEST);
    },

    check(at, n) {
      let count = 0;
      for (let i = 0; i < n; i++) {
        const t = f32[at + i] as number;
        if (t === ignored) count++;
        else if (!(asymmetric ? t === 0 || t === most : t >= 0 && t <= most)) return -1 - i;
      }
      return count;
    },

    keepLabels(n) {
      ownLabels.set(labels.subarray(0, n));
    },

    spread() {
      const { classes, classStride, firstClass } = tile;
      targets.fill(0);
      eachSample((i, start) => {
        const c = (ownLabels[i] as number) - firstClass;
        if (c >= 0 && c < classes) targets[start + c * classStride] = 1;
      });
    },

    logitLosses(at, slopesAt, up) {
      const n = tile.images * tile.positions * tile.classes;
      for (let i = 0; i < n; i++) {
        const t = targets[i] as number;
        const positive = t > 0.5;
        const z = f32[tile.base + i] as number;
        const w = (classWeights[i] as number) * t + (logitWeights[i] as number) * (1 - t);
        const { loss, slope } = focal(positive ? -z : z, Math.min(t, 1 - t), positive, w);
        f32[at + i] = t === ignored ? 0 : loss;
        if (slopesAt) f32[slopesAt + i] = t === ignored ? 0 : (positive ? -slope : slope) * up;
      }
    },

    choose() {
      const { base, classes, classStride: stride, firstClass: first } = tile;
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
      const { classes, classStride: stride, firstClass: first } = tile;
      eachSample((i, start) => {
        const c = (labels[i] as number) - first;
        if (c >= 0 && c < classes) weights[i] = weightAt(start + c * stride, c);
      });
    },

    others() {
      const { base, classes, classStride: stride, firstClass: first } = tile;
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
          (otherLosses[i] as number) += product(w, power, entropy);
          (otherSlopes[i] as number) += slope;
        }
      });
    },

    addOthers() {
      for (let i = 0; i < tile.images * tile.positions; i++) {
        if ((labels[i] as number) >= 0) (losses[i] as number) += otherLosses[i] as number;
      }
    },

    gradient() {
      const { base, classes, classStride: stride, firstClass: first } = tile;
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
    },
  };
}
