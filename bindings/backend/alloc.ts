import type { PlainView } from '../input/arrays.ts';
import { outOfRange, wrongType } from '../input/errors.ts';
import { type Input, readDimensions, type Tensor } from '../input/tensors.ts';
import type { Backend } from './backend.ts';

const PAGE = 65536;
/** Room behind each array: kernels read whole groups of 16 logits, and four rows at a time. */
const READ_PAST = 1024;
/** WebAssembly addresses 4 GiB. */
const MOST = 2 ** 30;

/**
 * A float32 tensor in the kernels' own memory: calls read it where it is instead of copying it. It is left as it was
 * when a call returns.
 */
export interface ResidentTensor extends Tensor<Float32Array> {
  /**
   * The array. Ask for it anew after another `alloc`, or after an update of a `SlicedMeter`: memory that grows detaches
   * arrays taken before.
   */
  readonly data: Float32Array;
  readonly dims: readonly number[];
  /** Give the memory back for later calls of `alloc`; the tensor must not be used after that. */
  free(): void;
}

/** Bytes [at, end) of a memory. */
export interface Block {
  readonly at: number;
  readonly end: number;
}

/** What has been given back of a memory: blocks in order of address, no two of which touch. */
class FreeList {
  #blocks: Block[] = [];

  /** The beginning of so many bytes that are free, the smallest block first; undefined where none is large enough. */
  take(bytes: number): number | undefined {
    let best: Block | undefined;
    for (const block of this.#blocks) {
      const size = block.end - block.at;
      if (size >= bytes && (!best || size < best.end - best.at)) best = block;
    }
    if (!best) return undefined;
    const { at, end } = best;
    this.#blocks = this.#blocks.flatMap((block) =>
      block !== best ? [block] : at + bytes < end ? [{ at: at + bytes, end }] : [],
    );
    return at;
  }

  give({ at, end }: Block): void {
    const before = this.#blocks.filter((block) => block.end <= at);
    const after = this.#blocks.filter((block) => block.at >= end);
    const joined = {
      at: before.at(-1)?.end === at ? (before.pop() as Block).at : at,
      end: after[0]?.at === end ? (after.shift() as Block).end : end,
    };
    this.#blocks = [...before, joined, ...after];
  }

  /** Bytes that are free at the end of a memory. */
  tail(end: number): number {
    const last = this.#blocks.at(-1);
    return last?.end === end ? end - last.at : 0;
  }
}

type Memory = Backend['kernels']['memory'];
const heaps = new WeakMap<Memory, FreeList>();

/** So many bytes of a memory that can grow, rounded up to whole pages; null where it cannot grow by so much. */
export function reserve(memory: Memory, bytes: number): Block | null {
  const free = heaps.get(memory) ?? new FreeList();
  heaps.set(memory, free);
  const size = Math.ceil(bytes / PAGE) * PAGE;
  let at = free.take(size);
  if (at === undefined) {
    const end = memory.buffer.byteLength;
    const missing = size - free.tail(end);
    try {
      memory.grow?.(missing / PAGE);
    } catch {
      return null;
    }
    free.give({ at: end, end: end + missing });
    at = free.take(size) as number;
  }
  return { at, end: at + size };
}

/** Give back what has been reserved of a memory. */
export function release(memory: Memory, block: Block): void {
  heaps.get(memory)?.give(block);
}

/** An array, of which those in a memory are told anew when it has grown, which detaches them. */
function anew<A extends PlainView>(memory: Memory, array: A): () => A {
  const { buffer } = memory;
  if (array.buffer !== buffer) return () => array;
  const { byteOffset, length } = array;
  const Kind = array.constructor as new (buffer: ArrayBuffer, at: number, length: number) => A;
  return () => (memory.buffer === buffer ? array : new Kind(memory.buffer, byteOffset, length));
}

/** To be called before a memory may grow: what gives an input after that, as its arrays may lie in the memory. */
export function staying(memory: Memory, input: Input): () => Input {
  const logits = anew(memory, input.logits);
  const targets = anew(memory, input.targets);
  const given = input.given && anew(memory, input.given);
  return () => ({ ...input, logits: logits(), targets: targets(), given: given?.() ?? null });
}

/** `alloc` of one entry. */
export function defineAlloc(provide: () => Backend): (dims: readonly number[]) => ResidentTensor {
  /**
   * A float32 tensor of zeros in the kernels' own memory, which calls read in place.
   *
   * @param dims its shape, at most 32 dimensions and 2^30 elements
   * @throws TypeError when dims is no array of numbers; RangeError for dimensions that are no integers ≥ 0, and where
   * the
   *   memory cannot grow by so much
   */
  return function alloc(given) {
    if (!Array.isArray(given)) throw wrongType('dims', 'an array of dimensions', given);
    const dims = readDimensions('dims', given);
    const length = dims.reduce((product, d) => product * d, 1);
    if (!(length <= MOST)) throw outOfRange('dims', 'at most 2^30 elements', `[${dims}]`);
    const { memory } = provide().kernels;
    // the scalar twin gains nothing from a place of its own
    if (!memory.grow) return { data: new Float32Array(length), dims, free() {} };
    const block = reserve(memory, 4 * length + READ_PAST);
    if (block === null) throw outOfRange('dims', 'an array for which there is memory', `[${dims}]`);
    const start = block.at;
    new Float32Array(memory.buffer, start, length).fill(0);
    let held = true;
    return {
      dims,
      get data() {
        if (!held) throw new TypeError('data expected a tensor that is not freed');
        return new Float32Array(memory.buffer, start, length);
      },
      free() {
        if (held) release(memory, block);
        held = false;
      },
    };
  };
}
