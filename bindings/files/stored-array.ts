import { fromHalf } from '../input/half.ts';
import { type Dtype, decode, type Elements, itemsize } from './dtypes.ts';
import { FileError } from './errors.ts';
import type { Source } from './source.ts';

/** What a format says of an array. */
export interface ArrayInfo {
  readonly dtype: Dtype;
  /** Length of each dimension. */
  readonly shape: readonly number[];
  /** Whether the first dimension is the one that runs fastest. */
  readonly fortran?: boolean;
  readonly bigEndian?: boolean;
  /** Of strings: so many of the elements, code points (uint32) or bytes (uint8), make one, filled up with zeros. */
  readonly characters?: number;
}

export const product = (shape: readonly number[]): number => shape.reduce((size, d) => size * d, 1);

/** Most bytes of an array that is brought into another order in memory, as no other way is open. */
const MOST_IN_MEMORY = 2 ** 31;

type Characters = Uint32Array | Uint8Array;

/** Strings of so many characters each, as numpy has them. */
function toStrings(found: Characters, characters: number): string[] {
  const utf8 = new TextDecoder();
  return Array.from({ length: found.length / characters }, (_, i) => {
    const own = found.subarray(i * characters, (i + 1) * characters);
    let end = characters;
    while (end > 0 && own[end - 1] === 0) end--;
    const text = own.subarray(0, end);
    if (text instanceof Uint8Array) return utf8.decode(text);
    return Array.from(text, (point) => (point < 0x110000 ? String.fromCodePoint(point) : '\ufffd')).join('');
  });
}

/** An array that lies in a file and is read piece by piece. */
export class StoredArray {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly itemsize: number;
  /** Whether the elements are strings: `decode` gives the characters, `strings` them. */
  readonly strings: ((bytes: Uint8Array) => string[]) | null;
  /** Whether the elements lie in Fortran order; `read` takes them as they lie. */
  readonly fortran: boolean;
  readonly sequential: boolean;
  readonly #source: Source;
  readonly #dataAt: number;
  readonly #info: ArrayInfo;

  /**
   * @param source where it lies, from byte `dataAt` on to the end
   * @throws FileError when the source does not have the bytes that the shape needs
   */
  constructor(source: Source, info: ArrayInfo, dataAt: number, dataBytes = source.size - dataAt) {
    const { dtype, shape, fortran = false, characters = 0 } = info;
    this.name = source.name;
    this.dtype = dtype;
    this.shape = shape;
    this.itemsize = itemsize(dtype) * (characters || 1);
    this.strings = characters ? (bytes) => toStrings(this.decode(bytes) as Characters, characters) : null;
    this.#info = info;
    // one dimension that is not 1 has but one order
    this.fortran = fortran && shape.filter((d) => d !== 1).length > 1;
    this.sequential = source.sequential ?? false;
    this.#source = source;
    this.#dataAt = dataAt;
    // a dimension of 0 makes the product small whatever the others are
    const most = product(shape.map((d) => Math.max(1, d))) * this.itemsize;
    if (!Number.isSafeInteger(most)) throw new FileError(this.name, `shape [${shape}] is not possible`);
    const needed = this.size * this.itemsize;
    if (dataBytes === Infinity) return;
    if (dataBytes < needed) {
      const problem = `truncated, shape [${shape}] needs ${needed} bytes of data, the file has ${Math.max(0, dataBytes)}`;
      throw new FileError(this.name, problem);
    }
    if (dataBytes > needed) {
      throw new FileError(this.name, `${dataBytes - needed} bytes more than shape [${shape}] needs`);
    }
  }

  /** Number of elements. */
  get size(): number {
    return product(this.shape);
  }

  /** Bytes of elements first, first + 1, … as the file has them. */
  async bytes(first: number, count: number, signal?: AbortSignal, into?: Uint8Array): Promise<Uint8Array> {
    const length = count * this.itemsize;
    const found = await this.#source.read(this.#dataAt + first * this.itemsize, length, signal, into);
    if (found.length < length) throw new FileError(this.name, `truncated, shape [${this.shape}] needs more data`);
    return found;
  }

  /** The elements that such bytes stand for. */
  decode(bytes: Uint8Array): Elements {
    return decode(this.dtype, bytes, this.#info.bigEndian);
  }

  /** The same as values: strings, or numbers, of float16 too. */
  values(bytes: Uint8Array): ArrayLike<string | number | bigint> {
    if (this.strings) return this.strings(bytes);
    const elements = this.decode(bytes);
    return this.dtype === 'float16' ? Array.from(elements as Uint16Array, fromHalf) : elements;
  }

  /** Elements first, first + 1, …, in the order in which they lie. */
  async read(first = 0, count = this.size - first, signal?: AbortSignal): Promise<Elements> {
    return this.decode(await this.bytes(first, count, signal));
  }

  /** The same array in C order, brought into it in memory where it is in Fortran order. */
  async inCOrder(signal?: AbortSignal): Promise<StoredArray> {
    if (!this.fortran) return this;
    const { shape, itemsize: size } = this;
    if (this.size * size > MOST_IN_MEMORY) {
      throw new FileError(this.name, 'too large for Fortran order, save it as numpy.ascontiguousarray(array)');
    }
    const from = await this.bytes(0, this.size, signal);
    const to = new Uint8Array(from.length);
    // how far apart neighbours along each dimension lie in the file
    const strides = shape.map((_, axis) => product(shape.slice(0, axis)));
    const index = shape.map(() => 0);
    let source = 0;
    for (let i = 0; i < this.size; i++) {
      for (let k = 0; k < size; k++) to[i * size + k] = from[source * size + k]!;
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        source += strides[axis]!;
        if (++index[axis]! < shape[axis]!) break;
        source -= strides[axis]! * shape[axis]!;
        index[axis] = 0;
      }
    }
    const memory: Source = {
      name: this.name,
      size: to.length,
      read: async (offset, length) => to.subarray(offset, offset + length),
      close: () => this.close(),
    };
    return new StoredArray(memory, { ...this.#info, fortran: false }, 0);
  }

  async close(): Promise<void> {
    await this.#source.close?.();
  }
}
