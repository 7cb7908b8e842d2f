import { arrayKind, isShared, type PlainView, plainView } from './arrays.ts';
import { number } from './checks.ts';
import { outOfRange, wrongType } from './errors.ts';

type FloatArray = Float32Array | Float64Array;
type IntegerArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** A tensor as onnxruntime (`dims`), transformers.js (`dims`) and others (`shape`) have it: row-major, not strided. */
export interface Tensor<Data> {
  readonly data: Data;
  readonly dims?: ArrayLike<number>;
  readonly shape?: ArrayLike<number>;
  /** Only looked at for `'float16'` logits, which come as the bits in a Uint16Array. */
  readonly type?: string;
}

/**
 * `[N, C]` as a typed array, C inferred from the number of targets, or a tensor `[B, C]` or `[B, C, D1, …]`. Float32Array,
 * Float64Array (rounded to float32), Float16Array, or a tensor with `type: 'float16'` over a Uint16Array.
 */
export type Logits = FloatArray | Tensor<FloatArray | Uint16Array | ArrayBufferView>;

type Numbers = IntegerArray | FloatArray | readonly number[] | readonly bigint[];

/**
 * Class indices `[N]`, `[B]` or `[B, D1, …]`: a typed array of integers, or of floats that are whole numbers, a plain array of
 * numbers or bigints, or a tensor of either.
 */
export type Targets = Numbers | Tensor<Numbers>;

/** What the logits and targets of one call come to: `batch` × `positions` samples of `classes` logits. */
export interface Input {
  /** The logits; float16 as the bits. */
  readonly logits: Float32Array | Float64Array | Uint16Array;
  readonly half: boolean;
  /** The targets, or a copy of those that could differ when they are read again: plain arrays and shared memory. */
  readonly targets: PlainView;
  /** The memory in which the caller's targets are, if it is any. */
  readonly given: PlainView | null;
  readonly batch: number;
  readonly classes: number;
  /** D1 × D2 × …; 1 for rows. */
  readonly positions: number;
}

/** More dimensions than any tensor has: a `dims` may claim any length. */
const MOST_DIMENSIONS = 32;

const product = (dims: readonly number[]): number => dims.reduce((size, d) => size * d, 1);

/** A plain view of a typed array, the one that all reading goes through. */
export function viewOf(name: string, array: unknown): PlainView {
  const view = plainView(array);
  if (!view) throw wrongType(name, 'an attached array', 'a detached or shrunk one');
  return view;
}

/** A plain view of a Float32Array. */
export function float32Of(name: string, expected: string, array: unknown): Float32Array {
  if (arrayKind(array) !== 'Float32Array') throw wrongType(name, expected, array);
  return viewOf(name, array) as Float32Array;
}

/** The dimensions that somebody gives, each read once. */
export function readDimensions(name: string, value: unknown): number[] {
  const { length } = Object(value);
  if (typeof value !== 'object' || typeof length !== 'number') throw wrongType(name, 'an array of dimensions', value);
  if (!(length <= MOST_DIMENSIONS)) throw outOfRange(name, `at most ${MOST_DIMENSIONS} dimensions`, length);
  return Array.from({ length }, (_, i) =>
    number(
      `${name}[${i}]`,
      (value as ArrayLike<unknown>)[i],
      'an integer ≥ 0',
      (x) => Number.isSafeInteger(x) && x >= 0,
    ),
  );
}

/** What an argument holds, its dimensions copied. Of a plain array all elements are copied, too. */
interface Unwrapped {
  readonly name: string;
  readonly data: unknown;
  readonly dims: number[] | null;
  readonly type: unknown;
}

/** All that runs code of the caller happens here: getters of tensors, of dimensions, of the elements of plain arrays. */
function unwrap(name: string, value: unknown): Unwrapped {
  if (arrayKind(value)) return { name, data: value, dims: null, type: undefined };
  if (Array.isArray(value)) return { name, data: value, dims: null, type: undefined };
  const { data, dims, shape, type } = Object(value);
  if (!(dims ?? shape)) throw wrongType(name, 'a typed array or a tensor { data, dims }', value);
  return { name: `${name}.data`, data, dims: readDimensions(`${name}.dims`, dims ?? shape), type };
}

/** The elements of a plain array, which may have getters or be a Proxy: each is read once. */
function copied(values: readonly unknown[]): Float64Array {
  const { length } = values;
  if (!(Number.isSafeInteger(length) && length >= 0)) throw outOfRange('targets.length', 'an integer ≥ 0', length);
  const copy: number[] = [];
  for (let i = 0; i < length; i++) {
    const value = values[i];
    if (typeof value !== 'number' && typeof value !== 'bigint') throw wrongType(`targets[${i}]`, 'a number', value);
    copy.push(Number(value));
  }
  return Float64Array.from(copy);
}

/**
 * Read the arguments of a call, or throw: the one place that knows which arrays and shapes are allowed. Label values are
 * checked later, as they stream by. No code of the caller runs once the first view has been taken.
 */
export function readInput(logitsArgument: unknown, targetsArgument: unknown): Input {
  const z = unwrap('logits', logitsArgument);
  const t = unwrap('targets', targetsArgument);
  const plain = Array.isArray(t.data) ? copied(t.data) : null;

  const zKind = arrayKind(z.data);
  const half = zKind === 'Float16Array' || (zKind === 'Uint16Array' && z.type === 'float16');
  if (!half && zKind !== 'Float32Array' && zKind !== 'Float64Array') {
    throw wrongType(z.name, 'Float32Array, Float64Array or float16', z.data);
  }
  const logits = viewOf('logits', z.data) as Input['logits'];
  const tKind = arrayKind(t.data);
  if (!plain && (!tKind || tKind === 'Float16Array')) {
    throw wrongType(t.name, 'a typed array or an array of integers', t.data);
  }
  const given = plain ? null : viewOf('targets', t.data);
  const targets = plain ?? (isShared(given as PlainView) ? (given as PlainView).slice() : (given as PlainView));

  for (const [{ name, dims }, { length }] of [
    [z, logits],
    [t, targets],
  ] as const) {
    if (dims && product(dims) !== length) {
      throw outOfRange(name.replace('data', 'dims'), `dimensions whose product is ${length}`, `[${dims}]`);
    }
  }
  const n = targets.length;
  const dims = z.dims ?? [n, n && logits.length / n];
  if (dims.length < 2) throw outOfRange('logits.dims', 'at least [B, C]', `[${dims}]`);
  const [batch, classes, ...rest] = dims as [number, number, ...number[]];
  if (z.dims && (classes < 1 || classes > 0x7fffffff)) {
    throw outOfRange('logits.dims[1]', '1 to 2147483647 classes', classes);
  }
  if (!z.dims && (n ? classes < 1 || !Number.isInteger(classes) : logits.length)) {
    throw outOfRange('logits', `a positive multiple of the ${n} targets`, logits.length);
  }
  const positions = product(rest);
  const expected = [batch, ...rest];
  if (t.dims ? `${t.dims}` !== `${expected}` : n !== batch * positions) {
    const got = t.dims ? `[${t.dims}]` : `length ${n}`;
    throw outOfRange('targets', `shape [${expected}] to go with logits [${dims}]`, got);
  }
  return { logits, half, targets, given, batch, classes, positions };
}
