import type { Backend } from '../backend/backend.ts';
import {
  EACH_UPSTREAM,
  NO_GRADIENT,
  PARAM_BINS,
  PARAM_CLASSES,
  PARAM_COUNT,
  PARAM_GAMMA,
  PARAM_GRADIENT,
  PARAM_RANKS,
  PARAM_SCALE,
  PARAM_SMOOTHING,
  PARAM_VARIANT,
  SAME_UPSTREAM,
  SIGMOID,
  SOFTMAX,
} from '../backend/constants.ts';
import type { Input } from '../input/tensors.ts';
import { loadWeights } from './load-weights.ts';
import type { Settings } from './options.ts';
import { planSamples, type Room } from './plan.ts';
import { Tile } from './tile.ts';

/** What a gradient call wants beside the value. */
export interface GradRequest {
  /** Where it goes, in the layout of the logits; may be the logits themselves. */
  readonly into: Float32Array;
  /** Factor of the whole gradient, or one factor a sample. */
  readonly scale: number;
  readonly upstream: Float32Array | null;
}

/** What metrics want: how many ranks of the true class are told apart, and the bins of the confidence. */
export interface MetricsRequest {
  readonly ranks: number;
  readonly bins: number;
}

/**
 * A call under way: one input, tile by tile. This is where the order of the kernels' stages is (see kernels.ts), for the losses and
 * for the meter.
 */
export class Call {
  readonly tile: Tile;
  readonly #backend: Backend;
  readonly #settings: Settings;
  readonly #input: Input;
  /** Whether a tile may be read where it is: what a gradient is made from is a copy. */
  readonly #inPlace: boolean;

  constructor(backend: Backend, settings: Settings, input: Input, room: Room, grad?: GradRequest | null) {
    this.#backend = backend;
    this.#settings = settings;
    this.#input = input;
    this.#inPlace = !grad;
    this.tile = new Tile(backend, input, planSamples(input, room));
  }

  /** Write the parameters. */
  begin(grad: GradRequest | null, metrics?: MetricsRequest): void {
    const { kernels } = this.#backend;
    const { variant, gamma, smoothing } = this.#settings;
    const params = new Float64Array(kernels.memory.buffer, kernels.PARAMS, PARAM_COUNT);
    params[PARAM_VARIANT] = variant === 'sigmoid' ? SIGMOID : SOFTMAX;
    params[PARAM_GAMMA] = gamma;
    params[PARAM_SMOOTHING] = smoothing;
    params[PARAM_GRADIENT] = grad ? (grad.upstream ? EACH_UPSTREAM : SAME_UPSTREAM) : NO_GRADIENT;
    params[PARAM_SCALE] = grad ? grad.scale : 1;
    params[PARAM_RANKS] = metrics ? metrics.ranks : 0;
    params[PARAM_CLASSES] = this.#input.classes;
    params[PARAM_BINS] = metrics ? metrics.bins : 0;
    kernels.begin();
  }

  /** Softmax: scan and sum the classes of a tile. `keep` gets what is kept of each chunk where there are several. */
  scanAndSum(keep?: (kept: number) => void): void {
    const { kernels } = this.#backend;
    const { whole } = this.tile;
    this.#eachChunk(this.#inPlace, () => {
      kernels.scan();
      if (whole) kernels.sum();
    });
    if (!whole) {
      this.#eachChunk(this.#inPlace, () => {
        const kept = kernels.sum();
        keep?.(kept);
      });
    }
  }

  /** Sigmoid: the losses of the logits, chunk by chunk; `visit` gets them while the chunk is open, `loaded` comes before that. */
  sumLogits(visit: (losses: number) => void, loaded?: () => void): void {
    this.tile.eachClasses(() => {
      // losses are laid out without gaps, and so the logits must be
      this.#open(this.#input.logits, this.#inPlace && this.tile.contiguous, loaded);
      visit(this.#backend.kernels.sum());
      this.#backend.kernels.close();
    });
  }

  /** Softmax: the gradient of a tile to `into`, where what was kept of each chunk is, if there are several. */
  differentiate(into: Float32Array): void {
    const { kernels } = this.#backend;
    const { tile } = this;
    if (tile.whole) tile.eachClasses(() => tile.store(into, kernels.gradient(false)));
    else {
      tile.eachClasses(() => {
        this.#open(into, false);
        tile.store(into, kernels.gradient(true));
        kernels.close();
      });
    }
  }

  #eachChunk(inPlace: boolean, stages: () => void): void {
    this.tile.eachClasses(() => {
      this.#open(this.#input.logits, inPlace);
      stages();
      this.#backend.kernels.close();
    });
  }

  #open(array: Input['logits'], inPlace: boolean, loaded?: () => void): void {
    loadWeights(this.#backend, this.#settings, this.tile);
    this.tile.load(array, inPlace);
    loaded?.();
    this.tile.open();
  }
}
