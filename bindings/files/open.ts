import { common, number, oneOf } from '../input/checks.ts';
import { counted, kind, outOfRange, wrongType } from '../input/errors.ts';
import { ArrayDataset } from './array-dataset.ts';
import type { Dataset } from './dataset.ts';
import type { Dtype } from './dtypes.ts';
import { FileError, quoted, refuseGzip } from './errors.ts';
import { isNpy, openNpy } from './npy.ts';
import { isSafetensors, openSafetensors } from './safetensors.ts';
import { fromBlob, fromBytes, fromURL, type Source } from './source.ts';
import type { StoredArray } from './stored-array.ts';
import type { Column, Table } from './table.ts';
import { columnNamed, NO_TARGETS, TableDataset, type TableDatasetOptions } from './table-dataset.ts';

const ARRAYS = ['npy', 'npz', 'safetensors'] as const;
const TABLES = ['csv', 'tsv', 'jsonl', 'parquet'] as const;
const FORMATS = [...ARRAYS, ...TABLES];

/** A format of files. */
export type Format = (typeof FORMATS)[number];

/** A file in any of the ways a program has one: what it is, or where it is. */
export type FileInput = Source | Blob | URL | string | Uint8Array;

/** A file, or what of it: `member` is an array's name in a .npz or .safetensors file (`'both.npz:logits'` in a string). */
export type Input = FileInput | { readonly file: FileInput; readonly member?: string; readonly format?: Format };

/** How strings become sources: as URLs here, as paths, too, in `focal-simd/node`. */
export type Resolve = (place: string, signal?: AbortSignal) => Promise<Source>;

const urls: Resolve = (place, signal) => fromURL(place, { ...(signal && { signal }) });

/** How the sources of files are found. */
export interface OpenOptions {
  resolve?: Resolve;
  signal?: AbortSignal | undefined;
}

interface Opened {
  readonly source: Source;
  readonly member: string | undefined;
  readonly format: Format;
}

/** Of a column read at a time. */
const ROWS = 1 << 16;

const MEMBER = /^(.*\.(?:npz|safetensors)):([^/\\]+)$/is;
const isSource = (value: unknown): value is Source => typeof (value as Source)?.read === 'function';

/** Run `use` with the source of an input; when it fails, the source is closed. */
async function withInput<T>(
  name: string,
  input: Input,
  { resolve = urls, signal }: OpenOptions,
  use: (opened: Opened) => Promise<T>,
): Promise<T> {
  const wrapped = Object(input) as { file?: FileInput; member?: string; format?: Format };
  let { file = input as FileInput, member, format } = wrapped;
  if (file !== input) checkKeys(name, input, 'an object { file, member, format }', [[['file'], ['member', 'format']]]);
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
  else throw wrongType(name, 'a string, URL, File, Blob, Uint8Array or source', file);
  try {
    return await use({ source, member, format: format ?? (await formatOf(source, signal)) });
  } catch (error) {
    await source.close?.();
    throw error;
  }
}

/** The format, by what a file begins with, else by what it is called. */
async function formatOf(source: Source, signal?: AbortSignal): Promise<Format> {
  const { name } = source;
  const head = await source.read(0, Math.min(source.size, 16), signal);
  const called = /\.(npy|npz|safetensors|csv|tsv|jsonl|ndjson|parquet)$/i.exec(name)?.[1]?.toLowerCase();
  if (isNpy(head)) return 'npy';
  refuseGzip(name, head);
  const begins = new TextDecoder('latin1').decode(head.subarray(0, 4));
  if (begins === 'PK\x03\x04' || begins === 'PK\x05\x06') return 'npz';
  if (begins === 'PAR1') return 'parquet';
  if (isSafetensors(head, source.size)) return 'safetensors';
  const format = called === 'ndjson' ? 'jsonl' : (called as Format | undefined);
  if (format && format !== 'npz' && format !== 'parquet' && format !== 'npy') return format;
  if (format) throw new FileError(name, `not a .${format} file`);
  if (/^\s*\{/.test(begins)) return 'jsonl';
  throw new FileError(
    name,
    `not a file of a known format (${FORMATS.join(', ')})${begins === '' ? ', it is empty' : ''}`,
  );
}

const isTable = (format: Format): boolean => (TABLES as readonly string[]).includes(format);

/** The arrays of a file by their names in it, each to be opened. */
async function arraysOf(
  { source, format }: Opened,
  signal?: AbortSignal,
): Promise<Map<string, () => Promise<StoredArray>>> {
  if (format === 'npy') return new Map([['', () => openNpy(source, signal)]]);
  if (format === 'safetensors') {
    const tensors = await openSafetensors(source, signal);
    return new Map([...tensors].map(([name, open]) => [name, async () => open()]));
  }
  const { openZip } = await import('./zip.ts');
  const members = (await openZip(source, signal)).filter(({ name }) => name.endsWith('.npy'));
  return new Map(
    members.map(({ name, open }) => [
      name.slice(0, -4),
      async () => {
        const member = await open();
        const close = async () => {
          await member.close?.();
          await source.close?.();
        };
        return openNpy({ ...member, close }, signal);
      },
    ]),
  );
}

/**
 * One array, such as class weights or groups.
 *
 * @param name what the array is for, by which it is found in a file of several that has none of the name given
 * @param options `strings`: whether it may hold strings
 * @throws FileError for anything that is not a whole array of numbers
 */
export function openArray(
  input: Input,
  name = 'array',
  options: OpenOptions & { strings?: boolean } = {},
): Promise<StoredArray> {
  return withInput(name, input, options, async (opened) => {
    const { source, format, member } = opened;
    if (isTable(format)) {
      throw new FileError(
        source.name,
        `is a table (${format}): name its columns: --target label, --scores 'p_*'; a table has no second file of targets`,
      );
    }
    const arrays = await arraysOf(opened, options.signal);
    const names = [...arrays.keys()];
    const open = arrays.get(member ?? (names.length === 1 ? names[0]! : name));
    if (open) {
      const array = await open();
      return options.strings || !array.strings ? array : refuseStrings(array);
    }
    const some = names.slice(0, 8).map(quoted).join(', ') + (names.length > 8 ? `, and ${names.length - 8} more` : '');
    const problem = member === undefined ? 'holds several arrays, say which' : `has no array ${quoted(member)}`;
    throw new FileError(source.name, `${problem} (as in file.${format}:name): ${some || 'it is empty'}`);
  });
}

function refuseStrings({ name }: StoredArray): never {
  const line = 'numpy.save(file, numpy.unique(array, return_inverse=True)[1])';
  throw new FileError(name, `strings are not read but as labels, save numbers: ${line}`);
}

function openTable(input: Input, options: OpenOptions): Promise<Table> {
  return withInput('table', input, options, ({ source, format }) => tableOf(source, format, options.signal));
}

async function tableOf(source: Source, format: Format, signal?: AbortSignal): Promise<Table> {
  // what reads one format is not loaded for another
  if (format === 'parquet') return (await import('./parquet.ts')).openParquet(source, signal);
  if (format === 'jsonl') return (await import('./jsonl.ts')).openJsonl(source, signal);
  if (format === 'csv' || format === 'tsv') {
    return (await import('./csv.ts')).openCsv(source, format === 'tsv' ? '\t' : null, signal);
  }
  throw new FileError(source.name, `holds arrays (${format}), not a table with one row a sample`);
}

/**
 * The values of one column of a table in some rows.
 *
 * @throws FileError for a file that is no table, or has no such column
 */
export async function readColumn(
  input: Input,
  column: string,
  rows: readonly number[],
  options: OpenOptions = {},
): Promise<Map<number, unknown>> {
  const table = await openTable(input, options);
  try {
    columnNamed(table, column);
    const values = new Map<number, unknown>();
    if (rows.length === 0) return values;
    const wanted = new Set(rows);
    const [from, to] = rows.reduce(([a, b], row) => [Math.min(a, row), Math.max(b, row + 1)], [Infinity, 0]);
    for await (const batch of table.batches([column], from, to, ROWS, options.signal)) {
      for (let i = 0; i < batch.rows; i++) {
        if (wanted.has(batch.first + i)) values.set(batch.first + i, batch.column(0)[i]);
      }
    }
    return values;
  } finally {
    await table.close();
  }
}

/** What a file holds, for who has to guess what is what. */
export interface FileInfo {
  readonly format: Format;
  /** Arrays with their names in the file, null for the only one of .npy; null for tables. */
  readonly arrays: readonly { member: string | null; dtype: Dtype | 'string'; shape: readonly number[] }[] | null;
  readonly columns: readonly Column[] | null;
  /** Rows of a table, where the file tells without being read to its end. */
  readonly rows: number | null;
}

/**
 * Look into a file. Arrays of types that are not read (dates, say) are left out where there are others.
 *
 * @throws FileError for a file of no known format
 */
export function inspect(input: Input, options: OpenOptions = {}): Promise<FileInfo> {
  return withInput('file', input, options, async (opened): Promise<FileInfo> => {
    const { source, format } = opened;
    const { signal } = options;
    if (isTable(format)) {
      const table = await tableOf(source, format, signal);
      await table.close();
      return { format, arrays: null, columns: table.columns, rows: table.rows };
    }
    const arrays: { member: string | null; dtype: Dtype | 'string'; shape: readonly number[] }[] = [];
    for (const [member, open] of await arraysOf(opened, signal)) {
      try {
        const { strings, dtype, shape } = await open();
        arrays.push({ member: format === 'npy' ? null : member, dtype: strings ? 'string' : dtype, shape });
      } catch (error) {
        if (format === 'npy' || !(error instanceof FileError)) throw error;
      }
    }
    await source.close?.();
    return { format, arrays, columns: null, rows: null };
  });
}

/** Files of logits `[B, C]` or `[B, C, D1, …]` and of targets `[B]`, `[B, D1, …]` or the logits' own shape. */
export interface ArrayFiles {
  readonly logits: Input;
  readonly targets: Input;
}

/** A table with one row a sample. */
export interface TableFile {
  readonly table: Input;
  /** Column of the labels: class indices or names; or lists of one number a class, or a pattern such as `y_*` of such columns. */
  readonly target: string;
  /**
   * Columns of the scores: names, patterns such as `p_*` (what `*` matches is the class's name), or one column of lists.
   * Default: all columns of numbers that are nothing else.
   */
  readonly scores?: string | readonly string[] | undefined;
}

/** Two files of arrays, or one table. */
export type Files = ArrayFiles | TableFile;

/** How files are read as one dataset. */
export interface DatasetOptions extends OpenOptions {
  /** Which axis of the logits has the classes: 1, or −1 for the last. Default 1. */
  classAxis?: 1 | -1;
  /** What targets that are missing become. Default −100. */
  ignoreIndex?: number;
  /** Names of the classes, shape [C]. Default: what a table's columns are called. */
  names?: readonly string[] | null;
  /** Columns of a table to hand on beside (texts, groups). Default none. */
  columns?: readonly string[];
}

/** Keys that an object of files must have, and those that it may have. */
type Keys = readonly [needed: readonly string[], others: readonly string[]];

/** Check that an object has the keys of one kind, and no other: a word that is wrong would go unseen. */
export function checkKeys(name: string, given: unknown, expected: string, kinds: readonly Keys[]): void {
  if (typeof given !== 'object' || given === null) throw wrongType(name, expected, given);
  const keys = Object.keys(given);
  const fits = ([needed, others]: Keys): boolean => {
    return (
      needed.every((key) => keys.includes(key)) && keys.every((key) => needed.includes(key) || others.includes(key))
    );
  };
  if (!kinds.some(fits)) throw outOfRange(name, expected, `{ ${keys.join(', ')} }`);
}

/**
 * Open files of samples with logits and targets.
 *
 * @throws FileError when they are not what they should be or do not go together; TypeError or RangeError for an option
 */
export function openDataset(files: Files, options: DatasetOptions = {}): Promise<Dataset> {
  return openBeside(files, options, null);
}

/**
 * The same, of a model that goes with another one: the classes of its table are brought into the order of that one's.
 *
 * @param like the dataset of the other, whose number of classes may differ: that is for the caller to tell
 */
export async function openBeside(files: Files, options: DatasetOptions, like: Dataset | null): Promise<Dataset> {
  const known = ['classAxis', 'ignoreIndex', 'names', 'columns', 'resolve', 'signal'];
  const {
    classAxis = 1,
    ignoreIndex = -100,
    names = null,
    columns = [],
  } = common('openDataset', options, known) as DatasetOptions;
  number('classAxis', classAxis, '1 or -1', (x) => x === 1 || x === -1);
  number('ignoreIndex', ignoreIndex, 'an integer of 32 bits', (x) => (x | 0) === x);
  const expected = 'an object { logits, targets } or { table, target, scores }';
  checkKeys('files', files, expected, [
    [['logits', 'targets'], []],
    [['table'], ['target', 'scores']],
  ]);
  const dataset =
    'table' in files
      ? await openTableDataset(files, { ignoreIndex, names, columns, like }, options)
      : await openArrayDataset(files, { classAxis, ignoreIndex, names }, columns, options);
  if (like || !names || names.length === dataset.classes) return dataset;
  await dataset.close();
  throw outOfRange('names', counted(dataset.classes, 'name'), names.length);
}

async function openTableDataset(
  { table: input, target, scores }: Omit<TableFile, 'target'> & { readonly target: string | typeof NO_TARGETS },
  options: Pick<TableDatasetOptions, 'ignoreIndex' | 'names' | 'columns'> & { readonly like: Dataset | null },
  open: OpenOptions,
): Promise<Dataset> {
  const like = options.like instanceof TableDataset ? options.like : null;
  if (typeof target !== 'string' && target !== NO_TARGETS) throw wrongType('target', 'the name of a column', target);
  const table = await openTable(input, open);
  try {
    return await TableDataset.open(table, { ...options, like, target, scores }, open.signal);
  } catch (error) {
    await table.close();
    throw error;
  }
}

async function openArrayDataset(
  files: ArrayFiles,
  options: { classAxis: 1 | -1; ignoreIndex: number; names: readonly string[] | null },
  columns: readonly string[],
  open: OpenOptions,
): Promise<Dataset> {
  if (columns.length > 0) {
    const expected = 'none, as arrays have no columns: groups are to be an array with the group of each sample';
    throw outOfRange('columns', expected, columns.map(quoted).join(', '));
  }
  const logits = await openArray(files.logits, 'logits', open);
  let targets: StoredArray | null = null;
  try {
    targets = await openArray(files.targets, 'targets', { ...open, strings: true });
    return await ArrayDataset.open(logits, targets, options);
  } catch (error) {
    await logits.close();
    await targets?.close();
    throw error;
  }
}
