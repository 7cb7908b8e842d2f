/**
 * .npy files (format: numpy.lib.format, versions 1.0 to 3.0), whose header is read exactly as numpy reads it, or refused.
 *
 * The packages that read .npy in JavaScript (npyjs, numpy-parser) take the whole file as one ArrayBuffer, which ends at
 * 4 GiB and at the memory there is, drop the byte order or refuse float16 and 64-bit integers, and let a header without
 * a shape pass.
 */
import type { Dtype } from './dtypes.ts';
import { FileError, quoted } from './errors.ts';
import { type Literal, readLiteral } from './python-literal.ts';
import type { Source } from './source.ts';
import { type ArrayInfo, StoredArray } from './stored-array.ts';

const MAGIC = '\x93NUMPY';
/** numpy reads no longer one unless told to. */
const LONGEST_HEADER = 10_000;

export const isNpy = (head: Uint8Array): boolean => latin1(head.subarray(0, 6)) === MAGIC;

const latin1 = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');

/** @throws FileError for anything that is not a whole .npy file of numbers */
export async function openNpy(source: Source, signal?: AbortSignal): Promise<StoredArray> {
  const { name } = source;
  const prefix = await source.read(0, Math.min(source.size, 12), signal);
  if (prefix.length < 12 || !isNpy(prefix)) throw new FileError(name, 'not a .npy file');
  const [major, minor] = [prefix[6]!, prefix[7]!];
  if (major < 1 || major > 3 || minor !== 0) {
    throw new FileError(name, `.npy format version ${major}${minor ? `.${minor}` : ''} is not known`);
  }
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.length);
  const headerAt = major === 1 ? 10 : 12;
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > LONGEST_HEADER) throw new FileError(name, `a header of ${length} bytes is too long for an array`);
  if (headerAt + length > source.size) throw new FileError(name, 'truncated within the header');
  const header = await source.read(headerAt, length, signal);
  if (header.length < length) throw new FileError(name, 'truncated within the header');
  return new StoredArray(source, parseHeader(name, latin1(header), major), headerAt + length);
}

/** The header is a Python literal: a dictionary of exactly these three keys. */
function parseHeader(file: string, text: string, version: number): ArrayInfo {
  const bad = (what: string) => new FileError(file, `not a .npy header, ${what}: ${quoted(text.trim())}`);
  let header: Literal;
  try {
    // Python 2 wrote long integers as 3L, which numpy reads in the versions of that time
    header = readLiteral(version < 3 ? text.replace(/(\d)L\b/g, '$1') : text);
  } catch (error) {
    throw bad((error as Error).message);
  }
  if (!(header instanceof Map)) throw bad('no dictionary');
  const keys = [...header.keys()].sort();
  if (keys.join() !== 'descr,fortran_order,shape') throw bad('its keys must be descr, fortran_order and shape');
  const [descr, fortran, shape] = ['descr', 'fortran_order', 'shape'].map((key) => header.get(key));
  if (Array.isArray(descr)) {
    throw new FileError(
      file,
      "a structured dtype is not an array of numbers, save one field: numpy.save(file, array['field'])",
    );
  }
  if (typeof descr !== 'string') throw bad('descr must be a string');
  if (typeof fortran !== 'boolean') throw bad('fortran_order must be True or False');
  const isShape =
    Array.isArray(shape) && shape.tuple && shape.every((d) => Number.isSafeInteger(d) && (d as number) >= 0);
  if (!isShape) throw bad('shape must be a tuple of lengths');
  return { ...readDescr(file, descr), fortran, shape: [...(shape as number[])] };
}

const KINDS: Record<string, string> = { f: 'float', i: 'int', u: 'uint' };
const DTYPES = /^(bool|u?int(8|16|32|64)|float(16|32|64))$/;
const OTHERS: Record<string, [what: string, line: string]> = {
  c: ['complex numbers', 'numpy.save(file, array.real)'],
  f: ['floats of this size', "numpy.save(file, array.astype('float32'))"],
  T: ['strings', 'numpy.save(file, numpy.unique(array, return_inverse=True)[1])'],
  O: ['Python objects', "numpy.save(file, numpy.array(array.tolist(), 'float32'))"],
  M: ['dates', "numpy.save(file, array.astype('int64'))"],
  m: ['durations', "numpy.save(file, array.astype('int64'))"],
};

/** numpy's short name of an element type: '<f4', '|b1', '>i8'. */
function readDescr(file: string, descr: string): Pick<ArrayInfo, 'dtype' | 'bigEndian' | 'characters'> {
  const [, order = '', kind = '', bytes = ''] = /^([<>|=]?)([a-zA-Z?])(\d*)$/.exec(descr) ?? [];
  // ml_dtypes registers bfloat16 with numpy as two bytes of no meaning
  const bfloat16 = kind === 'V' && bytes === '2' && order !== '>';
  const dtype =
    kind + bytes === 'b1' || kind + bytes === '?'
      ? 'bool'
      : bfloat16
        ? 'bfloat16'
        : `${KINDS[kind]}${Number(bytes) * 8}`;
  if (bfloat16 || DTYPES.test(dtype)) return { dtype: dtype as Dtype, bigEndian: order === '>' };
  if ((kind === 'U' || kind === 'S') && Number(bytes) > 0) {
    return { dtype: kind === 'U' ? 'uint32' : 'uint8', bigEndian: order === '>', characters: Number(bytes) };
  }
  const [what, line] = OTHERS[kind] ?? ['an unknown dtype', "numpy.save(file, array.astype('float32'))"];
  throw new FileError(file, `${what} (dtype ${quoted(descr)}) are not read, save numbers: ${line}`);
}
