/**
 * Typed arrays as the engine knows them. What a caller hands in may be a subclass whose `subarray` goes through
 * Symbol.species, may have a `length` or a Symbol.toStringTag of its own, may be a view out of bounds of a buffer that
 * has shrunk. So nothing of the object itself is believed: the intrinsic getters tell its kind and its memory.
 */

import { fromHalf } from './half.ts';

type Key = 'buffer' | 'byteOffset' | 'length' | typeof Symbol.toStringTag;

const TypedArray = Object.getPrototypeOf(Uint8Array.prototype);
const getters = Object.getOwnPropertyDescriptors(TypedArray) as unknown as Record<Key, { get: () => unknown }>;
const at: (i: number) => unknown = TypedArray.at;
const byteLength = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength')?.get as () => number;

const read = (array: unknown, key: Key): unknown => Reflect.apply(getters[key].get, array, []);

export type PlainView =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

type ArrayKind =
  | `${'Int' | 'Uint'}${8 | 16 | 32}Array`
  | 'Uint8ClampedArray'
  | `${'BigInt' | 'BigUint'}64Array`
  | `Float${16 | 32 | 64}Array`;

/** The kind of a typed array, whatever realm and class it is of; undefined for anything else. */
export function arrayKind(value: unknown): ArrayKind | undefined {
  return read(value, Symbol.toStringTag) as ArrayKind | undefined;
}

/** Its length, 0 where the memory is gone. */
export function arrayLength(value: unknown): number {
  return read(value, 'length') as number;
}

/** A plain view of the memory of a typed array of a known kind; undefined where that is detached or out of bounds. */
export function plainView(value: unknown): PlainView | undefined {
  const kind = arrayKind(value) as ArrayKind;
  // a view of float16 has the bits
  const View = globalThis[kind === 'Float16Array' ? 'Uint16Array' : kind];
  try {
    // every method of the prototype refuses an array whose memory is gone
    Reflect.apply(at, value, [0]);
    return new View(read(value, 'buffer') as ArrayBuffer, read(value, 'byteOffset') as number, arrayLength(value));
  } catch {
    return undefined;
  }
}

/** The elements of a plain or typed array, each read once; undefined for anything else. */
export function elementsOf(value: unknown): unknown[] | undefined {
  const view = arrayKind(value) && (plainView(value) ?? []);
  if (view) return Array.from(view as ArrayLike<number>, arrayKind(value) === 'Float16Array' ? fromHalf : (x) => x);
  if (!Array.isArray(value)) return undefined;
  const elements: unknown[] = [];
  for (let i = 0; i < value.length; i++) elements.push(value[i]);
  return elements;
}

/** Whether other threads may write to the memory while a call reads it. */
export function isShared(view: ArrayBufferView): boolean {
  try {
    Reflect.apply(byteLength, view.buffer, []);
    return false;
  } catch {
    return true;
  }
}

/** Whether two plain views have memory in common. */
export function overlaps(a: ArrayBufferView, b: ArrayBufferView): boolean {
  const apart = a.byteOffset + a.byteLength <= b.byteOffset || b.byteOffset + b.byteLength <= a.byteOffset;
  return a.buffer === b.buffer && !apart;
}
