import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { InputError, opening } from './input-error.ts';

const eachLine = (path: string) => createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity });

/** The names of the classes, one a line. */
export async function readNames(path: string, classes: number): Promise<string[]> {
  const names = await opening(path, async () => {
    const lines: string[] = [];
    for await (const line of eachLine(path)) lines.push(line);
    return lines;
  });
  if (names.length === classes) return names;
  throw new InputError(`${path}: expected ${classes} lines, one for each class, got ${names.length}`);
}

/** Check that there is a line for each sample, without keeping them: there may be many. */
export async function checkTexts(path: string, samples: number): Promise<void> {
  const found = await opening(path, async () => {
    let count = 0;
    for await (const _ of eachLine(path)) count++;
    return count;
  });
  if (found < samples) throw new InputError(`${path}: expected a line for each of ${samples} samples, got ${found}`);
}

/** The texts of these samples, by index: line i + 1 belongs to sample i. */
export async function readTexts(path: string, indices: Iterable<number>): Promise<Map<number, string>> {
  const wanted = new Set(indices);
  const texts = new Map<number, string>();
  await opening(path, async () => {
    let i = 0;
    for await (const line of eachLine(path)) {
      if (wanted.has(i++)) texts.set(i - 1, line);
      if (texts.size === wanted.size) break;
    }
  });
  return texts;
}
