import type { Kernels, MeterKernels } from './kernels.ts';
import type { Settings } from './options.ts';

/**
 * A set of kernels with what the bindings remember about it: views of its memory, and which class weights lie in it.
 * Every instance has its own; nothing is shared between two.
 */
export class Backend<K extends Kernels = Kernels> {
  readonly name: 'simd' | 'scalar';
  readonly kernels: K;
  #f32: Float32Array;
  #i32: Int32Array;
  #weights: { settings: Settings | null; first: number; count: number } = { settings: null, first: 0, count: 0 };

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

  /** Have the weights of classes [first, first + count) in place. */
  loadWeights(settings: Settings, first: number, count: number): void {
    const known = this.#weights;
    if (known.settings === settings && known.first === first && known.count === count) return;
    for (const [weights, at] of [
      [settings.positive, this.kernels.POSITIVE],
      [settings.negative, this.kernels.NEGATIVE],
    ] as const) {
      if (typeof weights === 'number') this.f32.fill(weights, at >> 2, (at >> 2) + count);
      else this.f32.set(weights.subarray(first, first + count), at >> 2);
    }
    this.#weights = { settings, first, count };
  }
}

/** One that evaluation metrics can be had from. */
export type MeterBackend = Backend<MeterKernels>;
