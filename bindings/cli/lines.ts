/** Files of lines: names of classes, texts of samples. A line ends at \n or \r\n and nowhere else. */

import { constants, type FileHandle, open } from 'node:fs/promises';
import { counted } from '../input/errors.ts';
import { InputError, opening } from './errors.ts';

/** Longer lines are no text that anyone reads. */
const LONGEST_LINE = 1 << 24;
/** Longer files are no list, weights or state that this process could hold. */
const LONGEST_TEXT = 2 ** 29 - 25;
const NEWLINE = 10;
const RETURN = 13;
const MARK = Buffer.from('\ufeff');

/** Open a regular file: a pipe or device could make us wait, or read, for ever. */
export async function openRegular(path: string): Promise<{ file: FileHandle; size: number }> {
  if (path === '') throw new InputError('the name of a file expected some characters, got none');
  // without waiting for the writer of a pipe
  const file = await opening(path, () => open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)));
  try {
    const stat = await file.stat();
    if (stat.isFile()) return { file, size: stat.size };
    throw new InputError(`${path}: ${stat.isDirectory() ? 'is a folder' : 'not a regular file'}`);
  } catch (error) {
    await file.close();
    throw error;
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(path: string, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw new InputError(`${path}: is not UTF-8`, { cause: error });
  }
}

/** The whole of a text file, without its byte order mark. */
export async function readText(path: string): Promise<string> {
  const { file, size } = await openRegular(path);
  try {
    if (size > LONGEST_TEXT) throw new InputError(`${path}: ${size} bytes are more than such a file may have`);
    return decode(path, await opening(path, () => file.readFile())).replace(/^\ufeff/, '');
  } finally {
    await file.close();
  }
}

/** The bytes of a regular file, or of stdin for `-`, block by block; a block is valid until the next is asked for. */
async function* blocks(path: string): AsyncGenerator<Buffer> {
  if (path === '-') {
    yield* process.stdin as AsyncIterable<Buffer>;
    return;
  }
  const { file } = await openRegular(path);
  try {
    const buffer = Buffer.allocUnsafe(1 << 18);
    for (;;) {
      const { bytesRead } = await opening(path, () => file.read(buffer, 0, buffer.length));
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/**
 * Go through the lines of a file of any size, or of stdin for `-`. A last line without an end counts, too.
 *
 * @param each gets the bytes of a line, valid during the call; what it returns other than undefined ends the reading
 * @param longest most bytes of a line
 */
export async function eachLine(
  path: string,
  each: (line: Buffer, index: number) => unknown,
  longest = LONGEST_LINE,
): Promise<void> {
  let index = 0;
  let kept: Buffer[] = [];
  let length = 0;
  const taken = (last: Buffer): Buffer => {
    kept.push(last);
    const whole = kept.length > 1 ? Buffer.concat(kept) : last;
    kept = [];
    length = 0;
    return index === 0 && whole.subarray(0, 3).equals(MARK) ? whole.subarray(3) : whole;
  };
  for await (const block of blocks(path)) {
    let from = 0;
    for (let end = block.indexOf(NEWLINE); end >= 0; end = block.indexOf(NEWLINE, from)) {
      const line = taken(block.subarray(from, end));
      if (each(line.at(-1) === RETURN ? line.subarray(0, -1) : line, index++) !== undefined) return;
      from = end + 1;
    }
    kept.push(Buffer.from(block.subarray(from)));
    length += block.length - from;
    if (length > longest) {
      throw new InputError(`${path}: line ${index + 1} is longer than ${longest} bytes: is it a text file?`);
    }
  }
  if (length > 0) each(taken(Buffer.alloc(0)), index);
}

/** All lines, equal ones kept once. */
export async function linesOf(path: string): Promise<string[]> {
  const known = new Map<string, string>();
  const lines: string[] = [];
  await eachLine(path, (bytes) => {
    const line = decode(path, bytes);
    const same = known.get(line) ?? line;
    known.set(same, same);
    lines.push(same);
  });
  return lines;
}

/** The names of the classes: a JSON array, the `id2label` of a Hugging Face config.json, or one a line. */
export async function readNames(path: string): Promise<string[]> {
  const text = await readText(path);
  // the last line may have an end, and a blank line after it
  const lines = text.replace(/(\r?\n){1,2}$/, '');
  return namesInJson(path, text) ?? (lines === '' ? [] : lines.split(/\r?\n/));
}

export function checkNames(path: string, names: readonly string[], classes: number): void {
  if (names.length === classes) return;
  throw new InputError(`${path}: names expected ${counted(classes, 'name')}, got ${names.length}`);
}

function namesInJson(path: string, text: string): string[] | null {
  const named = /\.json$/i.test(path);
  if (!named && !/^\s*[[{]/.test(text)) return null;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    // names of classes may begin with a bracket
    if (!named) return null;
    throw new InputError(`${path}: ${(error as Error).message}`, { cause: error });
  }
  const { id2label } = Object(json);
  const names = Array.isArray(json) ? json : id2label && inOrder(id2label);
  if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names;
  throw new InputError(`${path}: expected a JSON array of names, or an object with id2label, as in a config.json`);
}

/** The values under the keys 0, 1, … where these are all there are, else null. */
function inOrder(labels: object): unknown[] | null {
  const values = Object.keys(labels).map((_, i) => (labels as Record<string, unknown>)[i]);
  return values.includes(undefined) ? null : values;
}

/** How many lines a file of texts must have: exactly so many, or as many at least where it has those of other shards, too. */
export interface TextCount {
  readonly samples: number;
  readonly atLeast: boolean;
}

/** Check that there is a line for each sample, without keeping them: there may be many. */
export async function checkTexts(path: string, { samples, atLeast }: TextCount): Promise<void> {
  let found = 0;
  await eachLine(path, () => {
    found++;
  });
  if (found === samples || (atLeast && found > samples)) return;
  const expected = `${atLeast ? 'at least ' : ''}${counted(samples, 'line')}, one for each sample`;
  throw new InputError(`${path}: expected ${expected}, got ${found}`);
}

/** What gives the texts of some samples, by index; null where there are none. */
export type TextsOf = (indices: readonly number[]) => Promise<ReadonlyMap<number, string> | null>;

/** Texts in a file of lines, if there is one. */
export const textsIn =
  (path: string | undefined): TextsOf =>
  async (indices) =>
    path === undefined ? null : readTexts(path, indices);

/** The texts of these samples, by index: line i + 1 belongs to sample i. */
export async function readTexts(path: string, indices: Iterable<number>): Promise<Map<number, string>> {
  const wanted = new Set(indices);
  const texts = new Map<number, string>();
  await eachLine(path, (line, i) => {
    if (wanted.has(i)) texts.set(i, line.toString('utf8'));
    return texts.size === wanted.size ? true : undefined;
  });
  return texts;
}
