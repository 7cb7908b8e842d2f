/** Where the samples come from, by the arguments and options. */
import { existsSync } from 'node:fs';
import type { Dataset } from '../files/dataset.ts';
import { inspect, openArray, openDataset, readColumn } from '../files/node/api.ts';
import type { Files, Input } from '../files/open.ts';
import { InputError, refused, warn } from './errors.ts';
import type { GroupOptions, InputOptions } from './grammar.ts';
import { linesOf, readNames, type TextsOf, textsIn } from './lines.ts';

export const STDIN = '-';
/** Names in a warning. */
const SHOWN = 8;

interface TextOptions {
  text?: string;
  scores?: readonly string[];
  firstIndex?: number;
}

/** A file in the format that was said, or that it tells itself. */
export const inputOf = (file: string, { format }: InputOptions): Input => (format ? { file, format } : file);

/** Which axis of the logits has the classes. */
export const axisOf = ({ classAxis }: Pick<InputOptions, 'classAxis'>): 1 | -1 => (classAxis === 'last' ? -1 : 1);

/** Columns of a table, or two files. */
export function filesOf(
  logits: string,
  targets: string | undefined,
  options: InputOptions,
  scores = options.scores,
): Files {
  const { target } = options;
  if (target !== undefined) {
    if (targets !== undefined) throw new InputError('--target names a column of one table: a second file has no place');
    return { table: inputOf(logits, options), target, ...(scores && { scores }) };
  }
  if (scores) throw new InputError('--scores goes with --target, the column of the labels');
  if (targets === undefined) {
    const file = fileOf(logits) as string;
    const how = /\.(npz|safetensors)$/i.test(file)
      ? `of two arrays in one file: ${file}:logits ${file}:targets`
      : 'of a table name the column of the labels: --target label';
    throw new InputError(`missing required argument 'targets'; ${how}`);
  }
  if (logits === STDIN && targets === STDIN) throw new InputError('only one of the files can come from stdin');
  return { logits: inputOf(logits, options), targets: inputOf(targets, options) };
}

/** Open them, with the names of the classes where there are any. */
export async function openSamples(
  files: Files,
  options: InputOptions & { names?: string },
  columns: readonly string[] = [],
): Promise<Dataset> {
  const { ignoreIndex, names: path } = options;
  const names = path === undefined ? null : await readNames(path);
  const dataset = await refused(path ?? 'options', () =>
    openDataset(files, { ignoreIndex, classAxis: axisOf(options), names, columns }),
  );
  if ('table' in files && files.scores === undefined) warnOfAll(dataset);
  return dataset;
}

/** Of a table without --scores: which columns are the classes. */
export function warnOfAll({ names, classes }: Dataset): void {
  if (!names || classes <= 1) return;
  const more = classes > SHOWN ? ` and ${classes - SHOWN} more` : '';
  const taken = names.slice(0, SHOWN).map((name) => JSON.stringify(name));
  warn(`the classes are all columns of numbers, ${taken.join(', ')}${more}; --scores names the columns that are`);
}

/** Texts of the samples. */
export interface Texts {
  /** The file of lines that they are in; not where they are a column of the table itself. */
  readonly path: string | undefined;
  readonly of: TextsOf;
}

/** What --text says: a column of the table if it has one of that name, else a file. */
export async function openTexts(files: Files | null, { text, scores, firstIndex = 0 }: TextOptions): Promise<Texts> {
  const lines = { path: text, of: textsIn(text) };
  const table = files && tableOf(files);
  if (text !== undefined && files && 'table' in files && !table && !existsSync(text)) {
    const remedy = 'a table from stdin is read once, so that --text takes no column of it: give a file of lines';
    throw new InputError(`${text}: no such file; ${remedy}`);
  }
  if (text === undefined || !table) return lines;
  const { columns } = await refused('options', () => inspect(table));
  const column = columns?.find(({ name }) => name === text);
  if (!column) return lines;
  if (column.kind === 'number' && scores === undefined) {
    throw new InputError(`--text: column ${text} holds numbers: say which columns are the scores, --scores`);
  }
  const of = async (indices: readonly number[]) => {
    const rows = indices.map((index) => index - firstIndex);
    const values = await readColumn(table, text, rows);
    return new Map(Array.from(values, ([row, value]) => [row + firstIndex, value == null ? '' : String(value)]));
  };
  return { path: undefined, of };
}

/** Whether the files are a table that can be looked into before it is read. */
const tableOf = (files: Files): Input | null => {
  if (!('table' in files)) return null;
  const { table } = files;
  return table === STDIN || (table as { file?: unknown }).file === STDIN ? null : table;
};

/** What --group-by says: a column of the table if it has one of that name, else a file with the group of each sample. */
export async function openGroups(
  files: Files,
  { groupBy, firstIndex = 0 }: GroupOptions & { firstIndex?: number },
): Promise<string | string[] | null> {
  if (groupBy === undefined) return null;
  const table = tableOf(files);
  if (table) {
    const { columns } = await refused('options', () => inspect(table));
    if (columns?.some(({ name }) => name === groupBy)) return groupBy;
    if (!existsSync(fileOf(groupBy) as string)) {
      throw new InputError(`--group-by expected a column of the table or a file, got ${JSON.stringify(groupBy)}`);
    }
  } else if ('table' in files) {
    return groupBy;
  } else if (!existsSync(fileOf(groupBy) as string)) {
    const expected = '--group-by takes a file with the group of each sample, a column only of a table';
    throw new InputError(`${groupBy}: no such file; ${expected}`);
  }
  const names = /\.(npy|npz|safetensors)(:[^/\\]+)?$/i.test(groupBy) ? await namesIn(groupBy) : await linesOf(groupBy);
  return names.slice(firstIndex);
}

/** What an array of any shape holds, integers or strings, as names of groups. */
async function namesIn(path: string): Promise<string[]> {
  const array = await refused(path, () => openArray(path, 'groups', { strings: true }));
  try {
    const flat = await array.inCOrder();
    const bytes = await flat.bytes(0, flat.size);
    // of equal names one string is kept
    const known = new Map<unknown, string>();
    return Array.from(flat.values(bytes), (value, i) => {
      const name = known.get(value) ?? `${value}`;
      if (typeof value === 'number' && !Number.isSafeInteger(value)) {
        throw new InputError(`${path}: groups[${i}] expected an integer, got ${value}`);
      }
      known.set(value, name);
      return name;
    });
  } finally {
    await array.close();
  }
}

/** The file of an input, without the member of `file.npz:logits`: for who compares files. */
export const fileOf = (input: string | undefined): string | undefined =>
  input?.replace(/(\.(?:npz|safetensors)):[^/\\]+$/i, '$1');
