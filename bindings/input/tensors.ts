import { LOG_PROBABILITIES, ODDS, PROBABILITIES } from '../backend/constants.ts';
import { arrayKind, isShared, type PlainView, plainView } from './arrays.ts';
import { isIndex, number } from './checks.ts';
import { outOfRange, wrongType } from './errors.ts';
import { fromHalf } from './half.ts';

type FloatArray = Float32Array | Float64Array;
type IntegerArray = Exclude<PlainView, FloatArray>;

/** A tensor as onnxruntime (`dims`), transformers.js (`dims`) and others (`shape`) have it: row-major, not strided. */
export interface Tensor<Data> {
  readonly data: Data;
  readonly dims?: ArrayLike<number>;
  readonly shape?: ArrayLike<number>;
  /** Only looked at for `'float16'`, which comes as the bits in a Uint16Array. */
  readonly type?: string;
  /** Where the data is, as onnxruntime has it: only `'cpu'` can be read. */
  readonly location?: string;
}

/**
 * `[N, C]` as a typed array, C inferred from the number of targets, or a tensor `[B, C]` or `[B, C, D1, …]`.
 * Float32Array, Float64Array (rounded to float32), Float16Array, or a tensor with `type: 'float16'` over a Uint16Array.
 */
export type Logits = FloatArray | Tensor<FloatArray | Uint16Array | ArrayBufferView>;

type Numbers = IntegerArray | FloatArray | ArrayBufferView | readonly number[] | readonly bigint[];

/**
 * A typed array, a plain array of numbers or bigints, or a tensor of either, which is one of these:
 *
 * - class indices `[N]`, `[B]` or `[B, D1, …]`, also with an axis of size 1 in the place of the classes: integers, or
 *   floats that are whole numbers;
 * - in the shape of the logits, both with dims: numbers in [0, 1] for the sigmoid loss (multi-hot, soft), numbers ≥ 0
 *   for the softmax loss (soft);
 * - for logits of one class, the sigmoid loss alone: numbers in [0, 1], one a logit.
 */
export type Targets = Numbers | Tensor<Numbers>;

/** Index of the logit of a sample's class 0; those of the other classes follow, `positions` from one to the next. */
export const firstLogit = ({ classes, positions }: Pick<Input, 'classes' | 'positions'>, sample: number): number =>
  (sample - (sample % positions)) * classes + (sample % positions);

/** What the logits and targets of one call come to: `batch` × `positions` samples of `classes` logits. */
export interface Input {
  /** The logits; float16 as the bits. */
  readonly logits: Float32Array | Float64Array | Uint16Array;
  readonly half: boolean;
  /**
   * What they come as: 0 logits (and logarithms of softmax probabilities, which are some); the others the kernels
   * convert.
   */
  readonly scale: Scale;
  /** The targets, or a copy of those that could differ when they are read again: plain arrays and shared memory. */
  readonly targets: PlainView;
  /** Whether they are one number a logit, in the layout of the logits, instead of one label a sample. */
  readonly dense: boolean;
  /** The memory in which the caller's targets are, if it is any. */
  readonly given: PlainView | null;
  readonly batch: number;
  readonly classes: number;
  /** D1 × D2 × …; 1 for rows. */
  readonly positions: number;
}

/** How to read them: what the loss says, and how many classes there are where that is known. */
export interface Reading {
  readonly classAxis: 1 | -1;
  readonly classes?: number;
  readonly variant?: 'softmax' | 'sigmoid';
  readonly input?: 'logits' | 'probabilities' | 'logProbabilities';
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
    number(`${name}[${i}]`, (value as ArrayLike<unknown>)[i], 'an integer ≥ 0', isIndex),
  );
}

/** What an argument holds, its dimensions copied. Of a plain array all elements are copied, too. */
interface Unwrapped {
  readonly name: string;
  readonly data: unknown;
  readonly dims: number[] | null;
  readonly type: unknown;
}

/**
 * All that runs code of the caller happens here: getters of tensors, of dimensions, of the elements of plain arrays.
 */
function unwrap(name: string, value: unknown): Unwrapped {
  if (arrayKind(value) || Array.isArray(value)) return { name, data: value, dims: null, type: undefined };
  const { location = 'cpu', dims, shape, type } = Object(value);
  if (!(dims ?? shape)) throw wrongType(name, 'a typed array or a tensor { data, dims }', value);
  if (location !== 'cpu' && location !== 'cpu-pinned') {
    throw wrongType(`${name}.location`, "'cpu', where await tensor.getData() brings the data", location);
  }
  return { name: `${name}.data`, data: Object(value).data, dims: readDimensions(`${name}.dims`, dims ?? shape), type };
}

/** The elements of a plain array, which may have getters or be a Proxy: each is read once. */
function copied(values: readonly unknown[]): Float64Array {
  const { length } = values;
  if (!isIndex(length)) throw outOfRange('targets.length', 'an integer ≥ 0', length);
  const copy: number[] = [];
  for (let i = 0; i < length; i++) {
    const value = values[i];
    if (typeof value !== 'number' && typeof value !== 'bigint') throw wrongType(`targets[${i}]`, 'a number', value);
    copy.push(Number(value));
  }
  return Float64Array.from(copy);
}

const isHalf = ({ data, type }: Unwrapped): boolean =>
  arrayKind(data) === 'Float16Array' || (arrayKind(data) === 'Uint16Array' && type === 'float16');

/** `dims` taken apart: samples by `batch` × `positions`, and the shapes that labels may have. */
function takeApart(dims: readonly number[], classAxis: 1 | -1) {
  const axis = classAxis === 1 ? 1 : dims.length - 1;
  const before = dims.slice(0, axis);
  const after = dims.slice(axis + 1);
  const labels = [...before, ...after];
  return {
    batch: product(before),
    classes: dims[axis] as number,
    positions: product(after),
    labels,
    shapes: [labels, [...before, 1, ...after]].map(String),
  };
}

/**
 * Read the arguments of a call, or throw: the one place that knows which arrays and shapes are allowed. The values of
 * targets are checked later, as they stream by. No code of the caller runs once the first view has been taken.
 */
export function readInput(logitsArgument: unknown, targetsArgument: unknown, reading: Reading): Input {
  const z = unwrap('logits', logitsArgument);
  const t = unwrap('targets', targetsArgument);
  const plain = Array.isArray(t.data) ? copied(t.data) : null;

  const half = isHalf(z);
  if (!half && arrayKind(z.data) !== 'Float32Array' && arrayKind(z.data) !== 'Float64Array') {
    throw wrongType(z.name, 'Float32Array, Float64Array or float16', z.data);
  }
  const logits = viewOf('logits', z.data) as Input['logits'];
  if (!plain && !arrayKind(t.data)) throw wrongType(t.name, 'a typed array or an array of numbers', t.data);
  const given = plain ? null : viewOf('targets', t.data);
  let targets = plain ?? (given as PlainView);
  if (!plain && isHalf(t)) targets = Float32Array.from(targets as Uint16Array, fromHalf);
  else if (isShared(targets)) targets = targets.slice();

  for (const [{ name, dims }, { length }] of [
    [z, logits],
    [t, targets],
  ] as const) {
    if (dims && product(dims) !== length) {
      throw outOfRange(name.replace('data', 'dims'), `dimensions whose product is ${length}`, `[${dims}]`);
    }
  }
  const n = targets.length;
  const { classAxis, classes: known = 0 } = reading;
  // without dims the number of targets tells, or the classes do where they are known
  const dims = z.dims ?? (n === logits.length && n % known === 0 ? [n / known, known] : [n, n && logits.length / n]);
  if (dims.length < 2) throw outOfRange('logits.dims', 'at least [B, C]', `[${dims}]`);
  const { batch, classes, positions, labels, shapes } = takeApart(dims, classAxis);
  if (z.dims && (classes < 1 || classes > 0x7fffffff)) {
    throw outOfRange(`logits.dims[${classAxis === 1 ? 1 : dims.length - 1}]`, '1 to 2147483647 classes', classes);
  }
  if (!z.dims && (n ? classes < 1 || !Number.isInteger(classes) : logits.length)) {
    throw outOfRange('logits', `a positive multiple of the ${n} targets`, logits.length);
  }
  const dense = t.dims
    ? `${t.dims}` === `${dims}` && (z.dims !== null || known > 0)
    : z.dims === null && n === logits.length && n > 0;
  const indices = t.dims ? shapes.includes(`${t.dims}`) : n === batch * positions;
  if (!dense && !indices) {
    const got = t.dims ? `[${t.dims}]` : `length ${n}`;
    const other = takeApart(dims, classAxis === 1 ? -1 : 1);
    const fits = t.dims ? other.shapes.includes(`${t.dims}`) : n === other.batch * other.positions;
    let hint = '';
    if (fits && dims.length > 2) hint = ` (which fits classAxis ${-classAxis}; it is ${classAxis})`;
    else if (n === logits.length && !(t.dims && z.dims))
      hint = ' (targets in the shape of the logits need dims on both)';
    throw outOfRange('targets', `shape [${labels}] to go with logits [${dims}]`, got + hint);
  }
  const { variant, input } = reading;
  return {
    logits,
    half,
    scale: scaleOf(variant, input),
    targets,
    dense: dense || classes === 1,
    given,
    batch,
    classes,
    positions,
  };
}

/** What numbers are made of as logits: 0 for what are logits as they are. */
export type Scale = 0 | typeof PROBABILITIES | typeof ODDS | typeof LOG_PROBABILITIES;

export function scaleOf(variant: Reading['variant'], input: Reading['input']): Scale {
  if (input === 'probabilities') return variant === 'softmax' ? PROBABILITIES : ODDS;
  return input === 'logProbabilities' && variant === 'sigmoid' ? LOG_PROBABILITIES : 0;
}
