/**
 * .npy files, read piece by piece (format: numpy.lib.format, versions 1.0 to 3.0).
 *
 * The packages that read .npy in JavaScript (npyjs, numpy-parser) take the whole file as one ArrayBuffer, which ends at
 * 4 GiB and at the memory there is, drop the byte order or refuse float16 and 64-bit integers, and let a header without
 * a shape pass.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { NPY_PREFIX, npyHeaderEnd, readNpyHeader } from '../files/npy-header.ts';
import { InputError, opening, refusing } from './input-error.ts';

const ARRAYS = {
  f2: Uint16Array,
  f4: Float32Array,
  f8: Float64Array,
  i1: Int8Array,
  u1: Uint8Array,
  i2: Int16Array,
  u2: Uint16Array,
  i4: Int32Array,
  u4: Uint32Array,
  i8: BigInt64Array,
  u8: BigUint64Array,
} as const;

/** Kind and bytes of the elements, little-endian; float16 comes as its bits. */
export type Dtype = keyof typeof ARRAYS;
export type NpyArray = InstanceType<(typeof ARRAYS)[Dtype]>;

export const FLOATS: readonly Dtype[] = ['f2', 'f4', 'f8'];
export const INTEGERS: readonly Dtype[] = ['i1', 'u1', 'i2', 'u2', 'i4', 'u4', 'i8', 'u8'];

const NAMES: Record<string, string> = { f: 'float', i: 'int', u: 'uint', c: 'complex' };
/** numpy's name of a dtype: '<f4' → 'float32'. */
const named = (descr: string): string => {
  const [, order, kind, bytes] = /^([<>|=]?)([fiuc])(\d+)$/.exec(descr) ?? [];
  if (!kind) return `'${descr}'`;
  return `${order === '>' ? 'big-endian ' : ''}${NAMES[kind]}${Number(bytes) * 8}`;
};

export class NpyFile {
  readonly path: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly itemsize: number;
  readonly #file: FileHandle;
  readonly #dataAt: number;

  private constructor(path: string, file: FileHandle, dtype: Dtype, shape: readonly number[], dataAt: number) {
    this.path = path;
    this.dtype = dtype;
    this.shape = shape;
    this.itemsize = ARRAYS[dtype].BYTES_PER_ELEMENT;
    this.#file = file;
    this.#dataAt = dataAt;
  }

  /**
   * @param path a regular file
   * @param dtypes the element types the caller can use
   * @throws InputError for anything that is not a whole .npy file of these types in C order
   */
  static async open(path: string, dtypes: readonly Dtype[]): Promise<NpyFile> {
    const file = await opening(path, () => open(path));
    try {
      const stat = await file.stat();
      if (!stat.isFile()) throw new InputError(`${path}: not a regular file`);
      const prefix = await bytes(file, path, 0, Math.min(stat.size, NPY_PREFIX));
      const length = Math.min(
        stat.size,
        refusing(path, () => npyHeaderEnd(prefix)),
      );
      const head = await bytes(file, path, 0, length);
      const { descr, fortran, shape, dataAt } = refusing(path, () => readNpyHeader(head));
      const dtype = dtypes.find((one) => descr === `${one.endsWith('1') ? '|' : '<'}${one}`);
      if (!dtype) {
        const expected = dtypes === INTEGERS ? 'integers' : 'float16, float32 or float64';
        throw new InputError(`${path}: dtype expected little-endian ${expected}, got ${named(descr)}`);
      }
      if (fortran) throw new InputError(`${path}: Fortran order is not read, save it as numpy.ascontiguousarray(…)`);
      const array = new NpyFile(path, file, dtype, shape, dataAt);
      const expected = array.size * array.itemsize;
      const found = stat.size - array.#dataAt;
      if (found < expected) {
        throw new InputError(
          `${path}: truncated, shape [${shape}] needs ${expected} bytes of data, the file has ${found}`,
        );
      }
      if (found > expected) {
        throw new InputError(`${path}: ${found - expected} bytes more than shape [${shape}] needs`);
      }
      return array;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Number of elements. */
  get size(): number {
    return this.shape.reduce((product, d) => product * d, 1);
  }

  /** Read elements `first`, … into `buffer` at `byteOffset`; as many as `count`. */
  async read(buffer: ArrayBuffer, byteOffset: number, first: number, count: number): Promise<void> {
    const { itemsize } = this;
    const into = new Uint8Array(buffer, byteOffset, count * itemsize);
    await fill(this.#file, this.path, into, this.#dataAt + first * itemsize);
  }

  /** The first `count` elements of `buffer`, as this file's type. */
  view(buffer: ArrayBuffer, count: number): NpyArray {
    return new ARRAYS[this.dtype](buffer, 0, count);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

async function bytes(file: FileHandle, path: string, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  await fill(file, path, buffer, position);
  return buffer;
}

async function fill(file: FileHandle, path: string, into: Uint8Array, position: number): Promise<void> {
  // one read may give less than was asked for, at 2 GiB always
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await opening(path, () => file.read(into, done, into.length - done, position + done));
    if (bytesRead === 0) throw new InputError(`${path}: truncated while it was being read`);
    done += bytesRead;
  }
}
