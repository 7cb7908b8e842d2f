/** Element types, by numpy's names. */
const ARRAYS = {
  bool: Uint8Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

/** Kind and bytes of the elements of an array; float16 comes as its bits. */
export type Dtype = keyof typeof ARRAYS;
/** Elements in memory: float16 as its bits, bfloat16 as float32, bool as 0 and 1. */
export type Elements = InstanceType<(typeof ARRAYS)[Dtype]>;

export const isFloat = (dtype: Dtype): boolean => /float/.test(dtype);
export const itemsize = (dtype: Dtype): number => ARRAYS[dtype].BYTES_PER_ELEMENT;

const littleEndianHost = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** The same elements with their bytes the other way round, in memory of their own. */
function swapped(bytes: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i += size) {
    for (let k = 0; k < size; k++) out[i + k] = bytes[i + size - 1 - k]!;
  }
  return out;
}

/**
 * The elements that bytes of a file stand for; over the same memory where that can be.
 *
 * @param bigEndian whether the file has the highest byte first
 */
export function decode(dtype: Dtype, bytes: Uint8Array, bigEndian = false): Elements {
  const size = itemsize(dtype);
  let own = bigEndian === littleEndianHost && size > 1 ? swapped(bytes, size) : bytes;
  if (own.byteOffset % size !== 0) own = own.slice();
  const elements = new ARRAYS[dtype](own.buffer as ArrayBuffer, own.byteOffset, own.length / size);
  if (dtype !== 'bfloat16') return elements;
  // bfloat16 is the upper half of a float32
  const bits = Uint32Array.from(elements as Uint16Array, (half) => half << 16);
  return new Float32Array(bits.buffer);
}
