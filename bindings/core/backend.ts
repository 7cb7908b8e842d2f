import type { Kernels, MeterKernels } from './kernels.ts';
import type { Settings } from './options.ts';
import type { Tile } from './tile.ts';

type Weights = Settings['positive'] | null;

/**
 * A set of kernels with what the bindings remember about it: views of its memory, and which class weights lie in it.
 * Every instance has its own; nothing is shared between two.
 */
export class Backend<K extends Kernels = Kernels> {
  readonly name: 'simd' | 'scalar';
  readonly kernels: K;
  #f32: Float32Array;
  #i32: Int32Array;
  #classWeights: { weights: Weights; first: number; count: number } = { weights: null, first: 0, count: 0 };
  #logitWeights: { weights: Weights; layout: string; count: number } = { weights: null, layout: '', count: 0 };

  constructor(name: 'simd' | 'scalar', kernels: K) {
    this.name = name;
    this.kernels = kernels;
    this.#f32 = new Float32Array(kernels.memory.buffer);
    this.#i32 = new Int32Array(kernels.memory.buffer);
  }

  /** The memory as float32; taken anew when the memory has grown. */
  get f32(): Float32Array {
    if (this.#f32.buffer !== this.kernels.memory.buffer) this.#f32 = new Float32Array(this.kernels.memory.buffer);
    return this.#f32;
  }

  get i32(): Int32Array {
    if (this.#i32.buffer !== this.kernels.memory.buffer) this.#i32 = new Int32Array(this.kernels.memory.buffer);
    return this.#i32;
  }

  /** Have the weights of classes [first, first + count) in POSITIVE. */
  loadClassWeights({ positive }: Settings, first: number, count: number): void {
    const known = this.#classWeights;
    if (known.weights === positive && known.first === first && known.count >= count) return;
    const at = this.kernels.POSITIVE >> 2;
    if (typeof positive === 'number') this.f32.fill(positive, at, at + count);
    else this.f32.set(positive.subarray(first, first + count), at);
    this.#classWeights = { weights: positive, first, count };
  }

  /** Have the weight that each logit has when its class is not the true one in LOGIT_WEIGHT, laid out as the tile. */
  loadLogitWeights({ negative }: Settings, { firstClass, classes, positions, images }: Tile): void {
    const known = this.#logitWeights;
    const count = images * classes * positions;
    const uniform = typeof negative === 'number';
    const layout = uniform ? '' : `${firstClass} ${classes} ${positions}`;
    if (known.weights === negative && known.layout === layout && known.count >= count) return;
    const at = this.kernels.LOGIT_WEIGHT >> 2;
    if (uniform) {
      this.f32.fill(negative, at, at + count);
    } else {
      const image = classes * positions;
      for (let c = 0; c < classes; c++) {
        this.f32.fill(negative[firstClass + c] as number, at + c * positions, at + (c + 1) * positions);
      }
      for (let done = image; done < count; done *= 2) {
        this.f32.copyWithin(at + done, at, at + Math.min(done, count - done));
      }
    }
    this.#logitWeights = { weights: negative, layout, count };
  }
}

/** One that evaluation metrics can be had from. */
export type MeterBackend = Backend<MeterKernels>;
