/** Lines of a text file of any size: they end at \n or \r\n and nowhere else. */
import type { Source } from '../files/source.ts';

export async function* linesOf(file: Source, signal?: AbortSignal): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  const STEP = 1 << 20;
  for (let at = 0; at < file.size; at += STEP) {
    const bytes = await file.read(at, Math.min(STEP, file.size - at), signal);
    const pieces = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = pieces.pop()!;
    for (const piece of pieces) yield piece.endsWith('\r') ? piece.slice(0, -1) : piece;
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}

export async function countLines(file: Source): Promise<number> {
  let count = 0;
  for await (const _ of linesOf(file)) count++;
  return count;
}

/** The lines of these samples, line i + 1 of sample i. */
export async function textsOf(
  file: Source,
  indices: Iterable<number>,
  signal?: AbortSignal,
): Promise<Map<number, string>> {
  const wanted = new Set(indices);
  const texts = new Map<number, string>();
  let i = 0;
  for await (const line of linesOf(file, signal)) {
    if (texts.size === wanted.size) break;
    if (wanted.has(i)) texts.set(i, line);
    i++;
  }
  return texts;
}
