import type { Kernels, MeterKernels, PairKernels } from './kernels.ts';

/** A set of kernels, and views of its memory. Every instance has its own; nothing is shared between two. */
export class Backend<K extends Pick<Kernels, 'memory'> = Kernels> {
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

/** One that evaluation metrics can be had from. */
export type MeterBackend = Backend<MeterKernels>;

/** One that comparisons can be had from. */
export type PairBackend = Backend<PairKernels>;
