/** Where the samples come from, by the arguments and options. */
import type { Dataset } from '../files/dataset.ts';
import { inspect, openDataset, readColumn } from '../files/node/api.ts';
import type { Files, Input } from '../files/open.ts';
import { InputError, refused } from './errors.ts';
import type { InputOptions } from './grammar.ts';
import { readNames, type TextsOf, textsIn } from './lines.ts';

export const STDIN = '-';

interface TextOptions {
  text?: string;
  scores?: readonly string[];
  firstIndex?: number;
}

/** A file in the format that was said, or that it tells itself. */
export const inputOf = (file: string, { format }: InputOptions): Input => (format ? { file, format } : file);

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
    throw new InputError(
      "missing required argument 'targets'; of a table name the column of the labels: --target label",
    );
  }
  if (logits === STDIN && targets === STDIN) throw new InputError('only one of the files can come from stdin');
  return { logits: inputOf(logits, options), targets: inputOf(targets, options) };
}

/** Open them, with the names of the classes where there are any. */
export async function openSamples(files: Files, options: InputOptions & { names?: string }): Promise<Dataset> {
  const { ignoreIndex, classAxis, names: path } = options;
  const names = path === undefined ? null : await readNames(path);
  const axis = classAxis === 'last' ? -1 : 1;
  return refused(path ?? 'options', () => openDataset(files, { ignoreIndex, classAxis: axis, names }));
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
  if (text === undefined || !files || !('table' in files)) return lines;
  const { table } = files;
  if (table === STDIN || (table as { file?: unknown }).file === STDIN) return lines;
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

/** The file of an input, without the member of `file.npz:logits`: for who compares files. */
export const fileOf = (input: string | undefined): string | undefined =>
  input?.replace(/(\.(?:npz|safetensors)):[^/\\]+$/i, '$1');
