import { wrongType } from '../input/errors.ts';
import type { AnyLoss, Meter } from '../meter/meter.ts';
import type { Groups, SlicedUpdateOptions, Slices } from '../meter/slices.ts';
import type { Chunk, Dataset, Labels } from './dataset.ts';
import { FileError, quiet, quoted } from './errors.ts';

/** What was read. */
export interface Counts {
  readonly samples: number;
  /** Samples without a label in the files; the meter counts them as ignored. */
  readonly missing: number;
  /** Milliseconds within the library, reading left out. */
  readonly computing: number;
}

/** Which samples of a dataset are counted. */
export interface EvaluateOptions {
  /** Index of the dataset's first sample among all samples of all shards. Default 0. */
  firstIndex?: number;
  /** First sample to count. Default 0. */
  from?: number;
  /** Sample to stop before. Default: the end. */
  to?: number | undefined;
  /** Most bytes of logits at a time. Default 4 MiB. */
  bytes?: number | undefined;
  /** Of a `SlicedMeter`: the column, which the dataset hands on (`columns`), or what gives the group of each sample of a chunk. */
  groups?: string | ((chunk: Chunk) => Groups) | undefined;
  /** Ends the evaluation with its reason. */
  signal?: AbortSignal | undefined;
  /** Called after each chunk with the number of samples that are done. */
  onProgress?: ((samples: number) => void) | undefined;
}

/** @throws TypeError for a signal or a callback that is none */
export function checkHooks({ signal, onProgress }: Pick<EvaluateOptions, 'signal' | 'onProgress'>): void {
  if (signal !== undefined && typeof Object(signal).throwIfAborted !== 'function') {
    throw wrongType('signal', 'an AbortSignal', signal);
  }
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw wrongType('onProgress', 'a function', onProgress);
  }
}

/**
 * Count the samples of a dataset, or some of them, into a meter.
 *
 * @throws FileError for what is wrong with the files, naming the sample where it is one; TypeError or RangeError as
 *   `update`; the signal's reason when it is aborted. The meter keeps what was counted until then.
 */
export async function evaluateDataset(
  dataset: Dataset,
  meter: Pick<Meter<AnyLoss>, 'update'> | Pick<Slices<AnyLoss>, 'update'>,
  options: EvaluateOptions = {},
): Promise<Counts> {
  const { firstIndex = 0, from = 0, to, bytes, groups, signal, onProgress } = options;
  const groupsOf = typeof groups === 'string' ? (chunk: Chunk) => groupsIn(dataset, chunk, groups) : groups;
  const sum = { samples: 0, missing: 0, computing: 0 };
  for await (const chunk of dataset.chunks(from, to, { ...(bytes && { bytes }), signal })) {
    signal?.throwIfAborted();
    const start = performance.now();
    try {
      const at = { firstIndex: firstIndex + chunk.first };
      // which of the two it is the options tell: each refuses those of the other
      const own = groupsOf ? { ...at, groups: groupsOf(chunk) } : at;
      (meter as Slices<AnyLoss>).update(chunk.logits, chunk.targets, own as SlicedUpdateOptions);
    } catch (error) {
      throw inFile(error, dataset, chunk);
    }
    sum.computing += performance.now() - start;
    sum.samples += chunk.samples;
    sum.missing += chunk.missing;
    onProgress?.(sum.samples);
  }
  return sum;
}

/** A column as names of groups: what is missing is the group without a name. */
export function groupsIn(dataset: Dataset, { columns, first }: Chunk, column: string): Groups {
  const values = columns[column];
  if (!values) throw new FileError(dataset.files[0]!, `column ${quoted(column)} was not asked for`);
  return values.map((value, i) => {
    if (value === null || value === undefined || Number.isNaN(value)) return '';
    if (value instanceof Date) return value.toISOString();
    // of larger integers in JSON several are one number
    const exact = !Number.isInteger(value) || Number.isSafeInteger(value);
    if (typeof value !== 'object' && exact) return `${value as string}`;
    const at = `${quoted(column)}[${first + i}]`;
    const expected = exact ? 'the name of a group' : 'an integer below 2^53, or its digits as a text';
    throw new FileError(dataset.files[0]!, `${at} expected ${expected}, got ${quiet(JSON.stringify(value), 40)}`);
  });
}

/** What the library says of one value of a chunk, said of the file. */
export function inFile(error: unknown, dataset: Dataset, chunk: Chunk): unknown {
  const [, index, rest] = /^(?:baseline: )?targets\[(\d+)\](.*)$/s.exec((error as Error)?.message) ?? [];
  if (index === undefined) return error;
  const perSample = (chunk.targets.data as ArrayLike<unknown>).length / chunk.samples;
  const at = chunk.first * perSample + Number(index);
  return new FileError(dataset.files.at(-1)!, `targets[${at}]${quiet(rest!)}`, { cause: error });
}

/**
 * How often each class is the target: one pass over the targets alone, so that a bad label is told before hours of work.
 *
 * @returns one number a class, shape [C]; of dense targets the sum of each class
 * @param options `background`, the label of none of the classes, default none; `ignoreIndex`, default −100
 * @throws FileError for a label that is neither a class nor one of these, by its index
 */
export async function countTargets(
  dataset: Dataset,
  options: { ignoreIndex?: number; background?: number | null | undefined; signal?: AbortSignal | undefined } = {},
): Promise<Float64Array> {
  const { ignoreIndex = -100, background = null, signal } = options;
  const perClass = new Float64Array(dataset.classes);
  for await (const piece of dataset.labels(0, undefined, { signal })) {
    const data = piece.targets.data as ArrayLike<number | bigint>;
    if (data.length > piece.samples) addDense(perClass, data, piece, ignoreIndex);
    else if (dataset.classes === 1) addDense(perClass, data, piece, ignoreIndex);
    else addIndices(perClass, data, piece, { ignoreIndex, background }, dataset.files.at(-1)!);
  }
  return perClass;
}

function addIndices(
  perClass: Float64Array,
  data: ArrayLike<number | bigint>,
  { first }: Labels,
  { ignoreIndex, background }: { ignoreIndex: number; background: number | null },
  file: string,
): void {
  const classes = perClass.length;
  for (let i = 0; i < data.length; i++) {
    const y = Number(data[i]);
    if (y === ignoreIndex || y === background) continue;
    if (y >= 0 && y < classes) {
      perClass[y]!++;
    } else {
      const none = background === null ? '' : `, background ${background}`;
      const expected = `an integer in [0, ${classes})${none} or ignore index ${ignoreIndex}`;
      throw new FileError(file, `targets[${first + i}] expected ${expected}, got ${data[i]}`);
    }
  }
}

function addDense(
  perClass: Float64Array,
  data: ArrayLike<number | bigint>,
  { targets }: Labels,
  ignoreIndex: number,
): void {
  const dims = targets.dims as number[];
  const [, classes, positions] = dims.length === 3 ? (dims as [number, number, number]) : [0, 1, 1];
  for (let i = 0; i < data.length; i++) {
    const t = Number(data[i]);
    if (t !== ignoreIndex) perClass[Math.floor(i / positions) % classes]! += t;
  }
}
