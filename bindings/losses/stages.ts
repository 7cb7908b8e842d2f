import type { Backend, MeterBackend } from '../backend/backend.ts';
import {
  ALL_TOGETHER,
  EACH_UPSTREAM,
  LABELS_ALONE,
  LABELS_SPREAD,
  NO_GRADIENT,
  NUMBERS,
  PARAM_BINS,
  PARAM_CLASSES,
  PARAM_CLIP,
  PARAM_COUNT,
  PARAM_COUNTS,
  PARAM_GAMMA,
  PARAM_GAMMA_NEGATIVE,
  PARAM_GRADIENT,
  PARAM_GROUP_BYTES,
  PARAM_GROUPS,
  PARAM_IGNORED,
  PARAM_KEEP,
  PARAM_LABEL_SMOOTHING,
  PARAM_LARGEST,
  PARAM_PLANES,
  PARAM_RANKS,
  PARAM_SCALE,
  PARAM_SMOOTHING,
  PARAM_SUMS,
  PARAM_TARGETS,
  PARAM_UNIFORM,
  PARAM_VARIANT,
  PARAM_WEIGHTED,
  ROWS,
  SAME_UPSTREAM,
  SIGMOID,
  SOFTMAX,
} from '../backend/constants.ts';
import { isAsymmetric, LARGEST } from '../input/targets.ts';
import type { Input } from '../input/tensors.ts';
import { loadWeights } from './load-weights.ts';
import type { Settings } from './options.ts';
import { HALF_ROOM, planSamples, type Room, SOFTMAX_ROOM } from './plan.ts';
import { Tile } from './tile.ts';

/** What a gradient call wants beside the value. */
export interface GradRequest {
  /** Where it goes, in the layout of the logits; may be the logits themselves. */
  readonly into: Float32Array;
  /** Factor of the whole gradient, or one factor a sample. */
  readonly scale: number;
  readonly upstream: Float32Array | null;
}

/** What a call gathers beside the exact sum. */
export interface Request {
  /** Losses one by one: per sample (softmax) or in the layout of the logits (sigmoid). */
  readonly losses: Float32Array | null;
  readonly grad: GradRequest | null;
  /** Factor of each sample's losses. */
  readonly weights: Float32Array | null;
}

/** What metrics want: how many ranks of the true class are told apart, and the bins of the confidence. */
export interface MetricsRequest {
  readonly ranks: number;
  readonly bins: number;
  /** See PARAM_GROUPS and PARAM_GROUP_BYTES; left out: all samples are counted together. */
  readonly groups?: { readonly groups: number; readonly groupBytes?: number };
}

/** How a sample's target comes to the kernels. */
function targetsOf(settings: Settings, input: Input): number {
  if (input.dense) return NUMBERS;
  return settings.labelSmoothing > 0 || isAsymmetric(settings) ? LABELS_SPREAD : LABELS_ALONE;
}

const paramsOf = ({ kernels }: Backend): Float64Array =>
  new Float64Array(kernels.memory.buffer, kernels.PARAMS, PARAM_COUNT);

/** Go on by these kernels after others, whose parameters are the same but for places. */
export function goOn(backend: Backend): void {
  const params = paramsOf(backend);
  const { KEEP = 0, PLANES = 0, COUNTS = 0, SUMS = 0 } = backend.kernels as Partial<MeterBackend['kernels']>;
  params[PARAM_KEEP] = KEEP;
  params[PARAM_PLANES] = PLANES;
  params[PARAM_COUNTS] = COUNTS;
  params[PARAM_SUMS] = SUMS;
  backend.kernels.begin();
}

/**
 * Take up n samples as one tile, of whose logits nothing is asked any more: what is known of them has been put into the
 * memory.
 */
export function takeSamples({ kernels }: Backend, n: number): void {
  kernels.open(kernels.TILE, n, 1, 0, 0, 1, 0, ROWS);
}

/**
 * A call under way: one input, tile by tile. This is where the order of the kernels' stages is (see kernels.ts), for
 * the losses and for the meter.
 */
export class Call {
  readonly tile: Tile;
  readonly #backend: Backend;
  readonly #settings: Settings;
  readonly #input: Input;
  /** LABELS_ALONE, LABELS_SPREAD or NUMBERS. */
  readonly #targets: number;
  /** Whether a tile may be read where it is: what a gradient is made from is a copy. */
  readonly #inPlace: boolean;

  /** Begin. */
  constructor(backend: Backend, settings: Settings, input: Input, room: Room, request: Request | MetricsRequest) {
    const [calls, metrics] = 'grad' in request ? [request, null] : [null, request];
    this.#backend = backend;
    this.#settings = settings;
    this.#input = input;
    this.#targets = targetsOf(settings, input);
    this.#inPlace = !calls?.grad && !this.#dense;
    const halved = this.#dense && room === SOFTMAX_ROOM && input.positions === 1 && input.classes <= HALF_ROOM.logits;
    this.tile = new Tile(backend, input, planSamples(input, halved ? HALF_ROOM : room, !this.#dense));
    this.#begin(calls, metrics);
  }

  /** Write the parameters. */
  #begin(request: Request | null, metrics: MetricsRequest | null): void {
    const { variant, gamma, gammaNegative, smoothing, clip, labelSmoothing, ignoreIndex, positive, negative } =
      this.#settings;
    const sigmoid = variant === 'sigmoid';
    const { grad = null, weights = null } = request ?? {};
    // of one-vs-rest, weights are factors of the gradient as upstream factors are
    const each = grad?.upstream || weights;
    const params = paramsOf(this.#backend);
    params[PARAM_VARIANT] = sigmoid ? SIGMOID : SOFTMAX;
    params[PARAM_GAMMA] = gamma;
    params[PARAM_SMOOTHING] = smoothing;
    params[PARAM_TARGETS] = this.#targets;
    params[PARAM_LABEL_SMOOTHING] = labelSmoothing;
    params[PARAM_GAMMA_NEGATIVE] = gammaNegative;
    params[PARAM_CLIP] = clip;
    // labels have been looked at one by one; no number of the softmax loss is ignored
    params[PARAM_IGNORED] = sigmoid && this.#targets === NUMBERS ? ignoreIndex : NaN;
    params[PARAM_LARGEST] = sigmoid ? 1 : LARGEST;
    params[PARAM_WEIGHTED] = weights ? 1 : 0;
    params[PARAM_GRADIENT] = grad ? (each ? EACH_UPSTREAM : SAME_UPSTREAM) : NO_GRADIENT;
    params[PARAM_SCALE] = grad ? grad.scale : 1;
    params[PARAM_CLASSES] = this.#input.classes;
    params[PARAM_RANKS] = metrics ? metrics.ranks : 0;
    params[PARAM_BINS] = metrics ? metrics.bins : 0;
    params[PARAM_GROUPS] = metrics?.groups?.groups ?? ALL_TOGETHER;
    params[PARAM_GROUP_BYTES] = metrics?.groups?.groupBytes ?? 0;
    params[PARAM_UNIFORM] = typeof positive === 'number' && typeof negative === 'number' ? 1 : 0;
    goOn(this.#backend);
  }

  /** Whether there is a target for each logit. */
  get #dense(): boolean {
    return this.#targets !== LABELS_ALONE;
  }

  /** Softmax: scan and sum the classes of a tile. `keep` gets what is kept of each chunk where there are several. */
  scanAndSum(keep?: (kept: number) => void): void {
    const { kernels } = this.#backend;
    if (this.tile.whole) {
      this.#eachChunk(() => {
        if (this.#dense) kernels.choose();
        kernels.scan();
        kernels.sum();
      });
      return;
    }
    if (this.#dense) this.#eachChunk(() => kernels.choose());
    this.#eachChunk(() => kernels.scan());
    this.#eachChunk(() => {
      const kept = kernels.sum();
      // with a target for each logit nothing is
      if (!this.#dense) keep?.(kept);
    });
  }

  /** The same once more, each sample with another label, as metrics want it. */
  scanAndSumAgain(): void {
    const { kernels } = this.#backend as MeterBackend;
    if (!this.tile.whole) {
      this.scanAndSum();
      return;
    }
    kernels.scan();
    kernels.sum();
    kernels.close();
  }

  /** Softmax: the address of the losses of a tile's samples. */
  finish(): number {
    const { kernels } = this.#backend;
    const losses = kernels.finish();
    if (this.#dense) this.#eachChunkAgain(() => kernels.others());
    return losses;
  }

  /**
   * Sigmoid: the losses of the logits, chunk by chunk; `visit` gets them while the chunk is open, `opened` comes before
   * them. Returns how many numbers among the targets are ignored.
   */
  sumLogits(visit: (losses: number) => void, opened?: () => void): number {
    let ignored = 0;
    this.tile.eachClasses(() => {
      // losses are laid out without gaps, and so the logits must be
      ignored += this.#open(this.#input.logits, this.#inPlace && this.tile.contiguous);
      opened?.();
      visit(this.#backend.kernels.sum());
      this.#backend.kernels.close();
    });
    return ignored;
  }

  /** Softmax: the gradient of a tile to `into`, where what was kept of each chunk is, if there are several. */
  differentiate(into: Float32Array): void {
    const { kernels } = this.#backend;
    const { tile } = this;
    const from = this.#dense ? this.#input.logits : into;
    this.#eachChunkAgain(() => tile.store(into, kernels.gradient(!tile.whole)), from);
  }

  #eachChunk(stages: () => void, array = this.#input.logits, inPlace = this.#inPlace): void {
    this.tile.eachClasses(() => {
      this.#open(array, inPlace);
      stages();
      this.#backend.kernels.close();
    });
  }

  /** After `finish`: a tile that holds all classes is still there, with what `sum` has kept of it. */
  #eachChunkAgain(stages: () => void, array = this.#input.logits): void {
    if (this.tile.whole) this.tile.eachClasses(stages);
    else {
      const again = (): void => {
        if (this.#dense) this.#backend.kernels.sum();
        stages();
      };
      this.#eachChunk(again, array, false);
    }
  }

  /** Returns how many of the chunk's targets, numbers, are ignored. */
  #open(array: Input['logits'], inPlace: boolean): number {
    const { tile } = this;
    loadWeights(this.#backend, this.#settings, tile, this.#dense);
    tile.load(array, inPlace);
    const ignored = this.#targets === NUMBERS ? tile.loadTargets(this.#settings) : 0;
    tile.open();
    return ignored;
  }
}
