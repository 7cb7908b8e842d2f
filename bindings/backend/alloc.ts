import { outOfRange, wrongType } from '../input/errors.ts';
import type { Tensor } from '../input/tensors.ts';
import type { Backend } from './backend.ts';

const PAGE = 65536;
/** Room behind each array: kernels read whole groups of 16 logits, and four rows at a time. */
const READ_PAST = 1024;

/**
 * A float32 tensor in the kernels' own memory: calls read it where it is instead of copying it. It is left as it was when
 * a call returns.
 */
export interface ResidentTensor extends Tensor<Float32Array> {
  /** The array. Ask for it anew after another `alloc`: memory that grows detaches arrays taken before. */
  readonly data: Float32Array;
  readonly dims: readonly number[];
  /** Give the memory back for later calls of `alloc`; the tensor must not be used after that. */
  free(): void;
}

/** `alloc` of one entry. */
export function bindAlloc(provide: () => Backend): (dims: readonly number[]) => ResidentTensor {
  const spare: { at: number; bytes: number }[] = [];
  return (dims) => {
    if (!Array.isArray(dims)) throw wrongType('dims', 'an array of dimensions', dims);
    for (const [i, d] of dims.entries()) {
      if (!Number.isSafeInteger(d) || d < 0) throw outOfRange(`dims[${i}]`, 'an integer ≥ 0', d);
    }
    const length = dims.reduce((product, d) => product * d, 1);
    const { memory } = provide().kernels;
    if (!memory.grow) {
      // the scalar twin gains nothing from a place of its own
      return { data: new Float32Array(length), dims: [...dims], free() {} };
    }
    const bytes = Math.ceil((4 * length + READ_PAST) / PAGE) * PAGE;
    const fit = spare.findIndex((block) => block.bytes >= bytes);
    const block = fit >= 0 ? spare.splice(fit, 1)[0]! : { at: memory.grow(bytes / PAGE) * PAGE, bytes };
    new Float32Array(memory.buffer, block.at, length).fill(0);
    let held = true;
    return {
      dims: [...dims],
      get data() {
        if (!held) throw new TypeError('data expected a tensor that is not freed');
        return new Float32Array(memory.buffer, block.at, length);
      },
      free() {
        if (held) spare.push(block);
        held = false;
      },
    };
  };
}
