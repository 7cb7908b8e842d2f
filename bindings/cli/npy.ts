/**
 * .npy files, read piece by piece (format: numpy.lib.format, versions 1.0 to 3.0).
 *
 * The packages that read .npy in JavaScript (npyjs, numpy-parser) take the whole file as one ArrayBuffer, which ends at
 * 4 GiB and at the memory there is, drop the byte order or refuse float16 and 64-bit integers, and let a header without
 * a shape pass. The header is a dozen lines; they are here, strict.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { InputError, opening } from './input-error.ts';

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

const MAGIC = '\x93NUMPY';
// numpy itself reads no header above 10,000 bytes unless told to
const LONGEST_HEADER = 65536;

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

  private constructor(path: string, file: FileHandle, dtype: Dtype, shape: number[], dataAt: number) {
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
      const prefix = await bytes(file, path, 0, Math.min(stat.size, 12));
      if (prefix.length < 12 || prefix.toString('latin1', 0, 6) !== MAGIC) {
        throw new InputError(`${path}: not a .npy file`);
      }
      const major = prefix[6]!;
      if (major < 1 || major > 3) throw new InputError(`${path}: .npy format version ${major} is not known`);
      const headerAt = major === 1 ? 10 : 12;
      const length = major === 1 ? prefix.readUInt16LE(8) : prefix.readUInt32LE(8);
      if (length > LONGEST_HEADER)
        throw new InputError(`${path}: a header of ${length} bytes is too long for an array`);
      if (headerAt + length > stat.size) throw new InputError(`${path}: truncated within the header`);
      const { descr, fortran, shape } = parseHeader(
        path,
        (await bytes(file, path, headerAt, length)).toString('latin1'),
      );
      const dtype = dtypes.find((one) => descr === `${one.endsWith('1') ? '|' : '<'}${one}`);
      if (!dtype) {
        const expected = dtypes === INTEGERS ? 'integers' : 'float16, float32 or float64';
        throw new InputError(`${path}: dtype expected little-endian ${expected}, got ${named(descr)}`);
      }
      if (fortran) throw new InputError(`${path}: Fortran order is not read, save it as numpy.ascontiguousarray(…)`);
      const array = new NpyFile(path, file, dtype, shape, headerAt + length);
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

/** The header is a Python literal: a dictionary of exactly these three keys. */
function parseHeader(path: string, text: string): { descr: string; fortran: boolean; shape: number[] } {
  const body = /^\{(.*)\}\s*$/s.exec(text)?.[1] ?? '';
  const structured = /['"]descr['"]\s*:\s*\[/.test(body);
  if (structured) throw new InputError(`${path}: a structured dtype is not an array of numbers`);
  const descr = /['"]descr['"]\s*:\s*['"]([^'"]*)['"]/.exec(body)?.[1];
  const fortran = /['"]fortran_order['"]\s*:\s*(True|False)\b/.exec(body)?.[1];
  const shape = /['"]shape['"]\s*:\s*\(([\d\s,L]*)\)/.exec(body)?.[1];
  if (descr === undefined || fortran === undefined || shape === undefined) {
    throw new InputError(`${path}: not a .npy header: ${JSON.stringify(text.trim().slice(0, 80))}`);
  }
  // Python 2 wrote long integers as 3L
  const dims = shape.split(',').flatMap((d) => (d.trim() === '' ? [] : [Number(d.trim().replace(/L$/, ''))]));
  if (!Number.isSafeInteger(dims.reduce((product, d) => product * d, 8))) {
    throw new InputError(`${path}: shape [${dims}] is not possible`);
  }
  return { descr, fortran: fortran === 'True', shape: dims };
}
