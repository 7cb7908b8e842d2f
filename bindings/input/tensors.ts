import { number } from './checks.ts';
import { kind, outOfRange, wrongType } from './errors.ts';

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

/** Class indices `[N]`, `[B]` or `[B, D1, …]`: any integer typed array, a plain array, or a tensor of either. */
export type Targets = IntegerArray | readonly number[] | Tensor<IntegerArray | readonly number[]>;

/** What the logits and targets of one call come to: `batch` × `positions` samples of `classes` logits. */
export interface Input {
  /** The logits; float16 as the bits. */
  readonly logits: FloatArray | Uint16Array;
  readonly half: boolean;
  readonly targets: IntegerArray | readonly number[];
  readonly batch: number;
  readonly classes: number;
  /** D1 × D2 × …; 1 for rows. */
  readonly positions: number;
}

const INTEGERS = /^(Big)?(Ui|I)nt.+Array$/;

const product = (dims: readonly number[]): number => dims.reduce((size, d) => size * d, 1);

/** Check that the memory is still there: a detached buffer would otherwise pass for an empty one. */
export function attached<Data extends ArrayBufferView>(name: string, data: Data): Data {
  try {
    // only a detached buffer refuses a new view
    if (data.byteLength === 0) new Uint8Array(data.buffer as ArrayBuffer);
  } catch {
    throw wrongType(name, 'an attached array', 'a detached one');
  }
  return data;
}

function dimensions(name: string, value: ArrayLike<number>, length: number): number[] {
  if (typeof value !== 'object' || value === null || typeof value.length !== 'number') {
    throw wrongType(name, 'an array of dimensions', value);
  }
  const dims = Array.from(value, (d, i) =>
    number(`${name}[${i}]`, d, 'an integer ≥ 0', (x) => Number.isSafeInteger(x) && x >= 0),
  );
  if (product(dims) !== length) {
    throw outOfRange(name, `dimensions whose product is ${length}`, `[${dims}]`);
  }
  return dims;
}

/** Array and, for tensors, its dimensions. */
function unwrap(name: string, value: unknown): { data: unknown; dims?: ArrayLike<number>; type?: unknown } {
  if (ArrayBuffer.isView(value) || Array.isArray(value)) return { data: value };
  const { data, dims, shape, type } = Object(value);
  if (!(dims ?? shape)) throw wrongType(name, 'a typed array or a tensor { data, dims }', value);
  return { data, dims: dims ?? shape, type };
}

/**
 * Read the arguments of a call, or throw: the one place that knows which arrays and shapes are allowed. Label values are
 * checked later, as they stream by.
 */
export function readInput(logitsArgument: unknown, targetsArgument: unknown): Input {
  const z = unwrap('logits', logitsArgument);
  const zKind = kind(z.data);
  const half = zKind === 'Float16Array' || (zKind === 'Uint16Array' && z.type === 'float16');
  if (!half && zKind !== 'Float32Array' && zKind !== 'Float64Array') {
    throw wrongType(z.dims ? 'logits.data' : 'logits', 'Float32Array, Float64Array or float16', z.data);
  }
  const view = attached('logits', z.data as FloatArray);
  const logits = zKind === 'Float16Array' ? new Uint16Array(view.buffer, view.byteOffset, view.length) : view;

  const t = unwrap('targets', targetsArgument);
  if (!Array.isArray(t.data) && !INTEGERS.test(kind(t.data))) {
    throw wrongType(t.dims ? 'targets.data' : 'targets', 'an integer typed array or an array of integers', t.data);
  }
  const targets = Array.isArray(t.data) ? t.data : attached('targets', t.data as IntegerArray);

  const tDims = t.dims && dimensions('targets.dims', t.dims, targets.length);
  const n = targets.length;
  const dims = z.dims ? dimensions('logits.dims', z.dims, logits.length) : [n, n && logits.length / n];
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
  if (tDims ? `${tDims}` !== `${expected}` : n !== batch * positions) {
    const got = tDims ? `[${tDims}]` : `length ${n}`;
    throw outOfRange('targets', `shape [${expected}] to go with logits [${dims}]`, got);
  }
  return { logits, half, targets, batch, classes, positions };
}
