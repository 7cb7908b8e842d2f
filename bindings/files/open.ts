import { common, number, oneOf } from '../input/checks.ts';
import { kind, outOfRange, wrongType } from '../input/errors.ts';
import { ArrayDataset } from './array-dataset.ts';
import type { Dataset } from './dataset.ts';
import type { Dtype } from './dtypes.ts';
import { FileError } from './errors.ts';
import { isNpy, openNpy } from './npy.ts';
import { fromBlob, fromBytes, fromURL, type Source } from './source.ts';
import type { StoredArray } from './stored-array.ts';

const FORMATS = ['npy'] as const;
export type Format = (typeof FORMATS)[number];

/** A file in any of the ways a program has one: what it is, or where it is. */
export type FileInput = Source | Blob | URL | string | Uint8Array;

/** A file, or what of it: `member` is an array's name in a .npz or .safetensors file (`'both.npz:logits'` in a string). */
export type Input = FileInput | { readonly file: FileInput; readonly member?: string; readonly format?: Format };

/** How strings become sources: as URLs here, as paths, too, in `focal-simd/node`. */
export type Resolve = (place: string, signal?: AbortSignal) => Promise<Source>;

const urls: Resolve = (place, signal) => fromURL(place, { ...(signal && { signal }) });

export interface OpenOptions {
  resolve?: Resolve;
  signal?: AbortSignal | undefined;
}

interface Opened {
  readonly source: Source;
  readonly member: string | undefined;
  readonly format: Format;
}

const MEMBER = /^(.*\.(?:npz|safetensors)):([^/\\]+)$/is;
const isSource = (value: unknown): value is Source => typeof (value as Source)?.read === 'function';

/** The source of an input, with its format by what it begins with, else by what it is called. */
async function openInput(name: string, input: Input, options: OpenOptions): Promise<Opened> {
  const { resolve = urls, signal } = options;
  const wrapped = Object(input) as { file?: FileInput; member?: string; format?: Format };
  let { file = input as FileInput, member, format } = wrapped;
  if (format !== undefined) oneOf('format', format, FORMATS);
  if (typeof file === 'string') {
    const parts = MEMBER.exec(file);
    if (parts) [, file, member] = parts as unknown as [string, string, string];
  }
  let source: Source;
  if (isSource(file)) source = file;
  else if (typeof file === 'string') source = await resolve(file, signal);
  else if (kind(file) === 'URL') source = await resolve((file as URL).href, signal);
  else if (kind(file) === 'Uint8Array') source = fromBytes(file as Uint8Array, name);
  else if (kind(file) === 'Blob' || kind(file) === 'File') source = fromBlob(file as Blob);
  else throw wrongType(name, 'a File, Blob, URL, Uint8Array or source', file);
  try {
    return { source, member, format: format ?? (await formatOf(source, signal)) };
  } catch (error) {
    await source.close?.();
    throw error;
  }
}

async function formatOf(source: Source, signal?: AbortSignal): Promise<Format> {
  const head = await source.read(0, Math.min(source.size, 16), signal);
  if (isNpy(head)) return 'npy';
  if (/\.npy$/i.test(source.name)) throw new FileError(source.name, 'not a .npy file');
  throw new FileError(source.name, `not a file of a known format: ${FORMATS.join(', ')}`);
}

/**
 * One array, such as class weights or groups.
 *
 * @param name what the array is for, by which it is found in a file of several
 * @throws FileError for anything that is not a whole array of numbers
 */
export async function openArray(input: Input, name = 'array', options: OpenOptions = {}): Promise<StoredArray> {
  const { source } = await openInput(name, input, options);
  try {
    return await openNpy(source, options.signal);
  } catch (error) {
    await source.close?.();
    throw error;
  }
}

/** What a file holds, for who has to guess what is what. */
export interface FileInfo {
  readonly format: Format;
  readonly arrays: readonly { member: string | null; dtype: Dtype; shape: readonly number[] }[] | null;
}

/** Look into a file. */
export async function inspect(input: Input, options: OpenOptions = {}): Promise<FileInfo> {
  const { source, format } = await openInput('file', input, options);
  try {
    const { dtype, shape } = await openNpy(source, options.signal);
    return { format, arrays: [{ member: null, dtype, shape }] };
  } finally {
    await source.close?.();
  }
}

/** Files of logits `[B, C]` or `[B, C, D1, …]` and of targets `[B]`, `[B, D1, …]` or the logits' own shape. */
export interface ArrayFiles {
  readonly logits: Input;
  readonly targets: Input;
}

export type Files = ArrayFiles;

export interface DatasetOptions extends OpenOptions {
  /** Which axis of the logits has the classes: 1, or −1 for the last. Default 1. */
  classAxis?: 1 | -1;
  /** What targets that are missing become. Default −100. */
  ignoreIndex?: number;
  /** Names of the classes, shape [C]. */
  names?: readonly string[] | null;
}

/**
 * Open files of samples with logits and targets.
 *
 * @throws FileError when they are not what they should be or do not go together; TypeError or RangeError for an option
 */
export async function openDataset(files: Files, options: DatasetOptions = {}): Promise<Dataset> {
  const known = ['classAxis', 'ignoreIndex', 'names', 'resolve', 'signal'];
  const { classAxis = 1, ignoreIndex = -100, names = null } = common('openDataset', options, known) as DatasetOptions;
  number('classAxis', classAxis, '1 or -1', (x) => x === 1 || x === -1);
  number('ignoreIndex', ignoreIndex, 'an integer of 32 bits', (x) => (x | 0) === x);
  const open: OpenOptions = options;
  const logits = await openArray(files.logits, 'logits', open);
  let targets: StoredArray | null = null;
  try {
    targets = await openArray(files.targets, 'targets', open);
    const dataset = await ArrayDataset.open(logits, targets, { classAxis, ignoreIndex, names });
    if (names && names.length !== dataset.classes) throw outOfRange('names', `${dataset.classes} names`, names.length);
    return dataset;
  } catch (error) {
    await logits.close();
    await targets?.close();
    throw error;
  }
}
