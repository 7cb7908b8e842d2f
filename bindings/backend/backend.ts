import type { Settings } from '../losses/options.ts';
import type { Tile } from '../losses/tile.ts';
import type { Kernels, MeterKernels } from './kernels.ts';

type Weights = Settings['positive'];

/** A set of kernels, and views of its memory. */
export class Views<K extends Pick<Kernels, 'memory'>> {
  readonly name: 'simd' | 'scalar';
  readonly kernels: K;
  #f32 = new Float32Array();
  #i32 = new Int32Array();

  constructor(name: 'simd' | 'scalar', kernels: K) {
    this.name = name;
    this.kernels = kernels;
  }

  /** The memory as float32; taken anew when the memory has grown. */
  get f32(): Float32Array {
    const { buffer } = this.kernels.memory;
    if (this.#f32.buffer !== buffer) this.#f32 = new Float32Array(buffer);
    return this.#f32;
  }

  get i32(): Int32Array {
    const { buffer } = this.kernels.memory;
    if (this.#i32.buffer !== buffer) this.#i32 = new Int32Array(buffer);
    return this.#i32;
  }
}

/** The same with what the bindings remember about it: which weights lie in it. Nothing is shared between two. */
export class Backend<K extends Kernels = Kernels> extends Views<K> {
  readonly #loaded = {
    positive: { weights: NaN as Weights, layout: '', count: 0 },
    negative: { weights: NaN as Weights, layout: '', count: 0 },
    whole: { weights: NaN as Weights, layout: '', count: 0 },
  };

  /** Have the weights of the tile's classes in POSITIVE. */
  loadClassWeights(settings: Settings, tile: Tile): void {
    this.#load('positive', settings.positive, this.kernels.POSITIVE, tile, 1, 1);
  }

  /** Have the weight that each logit has when its class is not the true one in LOGIT_WEIGHT, laid out as the tile. */
  loadLogitWeights(settings: Settings, tile: Tile): void {
    this.#load('negative', settings.negative, this.kernels.LOGIT_WEIGHT, tile, tile.positions, tile.images);
  }

  /** Have the weight that each logit has where its target is 1 in LOGIT_POSITIVE, laid out as the tile. */
  loadLogitPositives(settings: Settings, tile: Tile): void {
    this.#load('whole', settings.positive, this.kernels.LOGIT_POSITIVE, tile, tile.positions, tile.images);
  }

  #load(
    which: 'positive' | 'negative' | 'whole',
    weights: Weights,
    at: number,
    { firstClass, classes }: Tile,
    positions: number,
    images: number,
  ): void {
    const known = this.#loaded[which];
    const image = classes * positions;
    const count = images * image;
    const layout = typeof weights === 'number' ? '' : `${firstClass} ${classes} ${positions}`;
    if (known.weights === weights && known.layout === layout && known.count >= count) return;
    const { f32 } = this;
    const start = at >> 2;
    if (typeof weights === 'number') f32.fill(weights, start, start + image);
    else if (positions === 1) f32.set(weights.subarray(firstClass, firstClass + classes), start);
    else {
      for (let c = 0; c < classes; c++) {
        f32.fill(weights[firstClass + c] as number, start + c * positions, start + (c + 1) * positions);
      }
    }
    for (let done = image; done < count; done *= 2) {
      f32.copyWithin(start + done, start, start + Math.min(done, count - done));
    }
    this.#loaded[which] = { weights, layout, count };
  }
}

/** One that evaluation metrics can be had from. */
export type MeterBackend = Backend<MeterKernels>;
