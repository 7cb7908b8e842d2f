/** Text files by whole records. */
import { FileError, refuseGzip } from './errors.ts';
import type { Source } from './source.ts';

const BLOCK = 1 << 18;
/** A record is a row of a table: one of 100,000 classes takes two million characters. */
const LONGEST_RECORD = 1 << 26;

/** Where the last whole record of a text ends, that begins with one; 0 where none does. */
export type Cut = (text: string) => number;

/** Lines end at \n. */
export const atLines: Cut = (text) => text.lastIndexOf('\n') + 1;

/** The text of a source, in pieces of whole records. What ends without a line end is whole, too. */
export async function* pieces(source: Source, cut: Cut, signal?: AbortSignal, from?: Head): AsyncGenerator<string> {
  let rest = '';
  for await (const text of decoded(source, signal, from)) {
    rest += text;
    const end = cut(rest);
    if (end > 0) {
      yield rest.slice(0, end);
      rest = rest.slice(end);
    }
    if (rest.length > LONGEST_RECORD) {
      throw new FileError(source.name, `a row of more than ${LONGEST_RECORD} characters; is a quote missing?`);
    }
  }
  if (rest !== '') yield rest;
}

/** The first bytes of a text, read once: a stream does not give them twice. */
export interface Head {
  readonly bytes: Uint8Array;
  readonly whole: boolean;
}

export async function readHead(source: Source, signal?: AbortSignal): Promise<Head> {
  const bytes = (await source.read(0, Math.min(BLOCK, source.size), signal)).slice();
  const { name } = source;
  const [a, b] = bytes;
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff))
    throw new FileError(name, 'is UTF-16, save it as UTF-8');
  refuseGzip(name, bytes);
  return { bytes, whole: bytes.length < BLOCK || bytes.length === source.size };
}

async function* decoded(source: Source, signal?: AbortSignal, head?: Head): AsyncGenerator<string> {
  // a byte order mark at the beginning is left out
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (bytes?: Uint8Array) => {
    try {
      return decoder.decode(bytes, { stream: bytes !== undefined });
    } catch (error) {
      throw new FileError(source.name, 'is not UTF-8', { cause: error });
    }
  };
  let at = 0;
  if (head) {
    at = head.bytes.length;
    yield decode(head.bytes);
  }
  while (at < source.size && !head?.whole) {
    signal?.throwIfAborted();
    const length = Math.min(BLOCK, source.size - at);
    const bytes = await source.read(at, length, signal);
    at += bytes.length;
    yield decode(bytes);
    if (bytes.length < length) break;
  }
  yield decode();
}
