/** .safetensors files (huggingface/safetensors, format of 2022): the length of a JSON header, the header, the tensors. */
import type { Dtype } from './dtypes.ts';
import { itemsize } from './dtypes.ts';
import { FileError, quiet, quoted } from './errors.ts';
import { type Source, slice } from './source.ts';
import { product, StoredArray } from './stored-array.ts';

const DTYPES: Record<string, Dtype> = {
  BOOL: 'bool',
  I8: 'int8',
  U8: 'uint8',
  I16: 'int16',
  U16: 'uint16',
  I32: 'int32',
  U32: 'uint32',
  I64: 'int64',
  U64: 'uint64',
  F16: 'float16',
  BF16: 'bfloat16',
  F32: 'float32',
  F64: 'float64',
};

/** The format's own limit. */
const LONGEST_HEADER = 100_000_000;

/** Whether a file of this size can begin so: a length that fits into it, and a header that is an object. */
export function isSafetensors(head: Uint8Array, size: number): boolean {
  return head.length >= 9 && head[8] === 0x7b && lengthOf(head) <= Math.min(size - 8, LONGEST_HEADER);
}

const lengthOf = (head: Uint8Array): number =>
  Number(new DataView(head.buffer, head.byteOffset, 8).getBigUint64(0, true));

/**
 * The tensors by name, each to be opened.
 *
 * @throws FileError for anything that is not a whole file of this format
 */
export async function openSafetensors(source: Source, signal?: AbortSignal): Promise<Map<string, () => StoredArray>> {
  const { name } = source;
  const bad = (what: string, options?: ErrorOptions) =>
    new FileError(name, `not a .safetensors file: ${what}`, options);
  const head = await source.read(0, Math.min(9, source.size), signal);
  if (!isSafetensors(head, source.size)) throw bad('its header is not there');
  const length = lengthOf(head);
  const dataAt = 8 + length;
  const text = new TextDecoder().decode(await source.read(8, length, signal));
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    throw bad(`its header is no JSON: ${quoted(text)}`, { cause: error });
  }
  const tensors = new Map<string, () => StoredArray>();
  const ranges: (readonly [from: number, to: number])[] = [];
  for (const [tensor, info] of Object.entries(header as object)) {
    if (tensor === '__metadata__') continue;
    const { dtype, shape, data_offsets: offsets } = Object(info);
    const isLengths = (value: unknown): value is number[] =>
      Array.isArray(value) && value.every((d) => Number.isSafeInteger(d) && d >= 0);
    if (typeof dtype !== 'string' || !isLengths(shape) || !isLengths(offsets) || offsets.length !== 2) {
      throw bad(`the entry of ${quoted(tensor)} is broken`);
    }
    ranges.push(offsets as [number, number]);
    tensors.set(tensor, () => {
      const file = `${name}:${quiet(tensor)}`;
      const known = DTYPES[dtype];
      if (!known) throw new FileError(file, `dtype ${quoted(dtype)} is not read, save it as tensor.float()`);
      const [from, to] = offsets as [number, number];
      if (to < from || dataAt + to > source.size) {
        throw new FileError(file, `truncated, bytes up to ${dataAt + to} are needed of ${source.size}`);
      }
      if (to - from !== product(shape) * itemsize(known)) {
        throw new FileError(file, `shape [${shape}] of ${known} can not be ${to - from} bytes`);
      }
      const part = { ...slice(source, file, dataAt + from, to - from), close: async () => source.close?.() };
      return new StoredArray(part, { dtype: known, shape }, 0);
    });
  }
  // the format allows neither holes nor bytes that two tensors share
  let end = 0;
  for (const [from, to] of ranges.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    if (from !== end || to < from) throw bad('its tensors do not lie one after another');
    end = to;
  }
  const more = source.size - dataAt - end;
  if (more > 0 && more < Infinity) throw bad(`it has ${more} bytes more than its tensors`);
  return tensors;
}
