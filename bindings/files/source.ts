import { kind, wrongType } from '../input/errors.ts';
import { FileError } from './errors.ts';

/** Bytes that can be read from any offset: a file, a Blob, an object behind a URL, memory. */
export interface Source {
  /** What messages call it. */
  readonly name: string;
  /** Bytes there are; Infinity for a stream whose end is not known yet. */
  readonly size: number;
  /** Whether reads have to go forwards, as from a pipe or a compressed file. Default false. */
  readonly sequential?: boolean;
  /**
   * Read bytes [offset, offset + length).
   *
   * @param signal ends the read with its reason
   * @param into memory of `length` bytes that may be used; the result may also be memory of its own, or shared, which
   *   the caller must not write to
   * @returns all `length` bytes; fewer only at the end of a stream of unknown size
   * @throws FileError where the bytes are not there
   */
  read(offset: number, length: number, signal?: AbortSignal, into?: Uint8Array): Promise<Uint8Array>;
  close?(): Promise<void>;
}

/** How much of a stream's or an object's beginning is kept, so that a header can be looked at before it is read. */
export const HEAD = 1 << 16;

/** Memory as a source. It is read in place. */
export function fromBytes(bytes: Uint8Array, name = 'bytes'): Source {
  if (kind(bytes) !== 'Uint8Array') throw wrongType('bytes', 'Uint8Array', bytes);
  return {
    name,
    size: bytes.length,
    async read(offset, length, signal) {
      signal?.throwIfAborted();
      checkEnd(name, bytes.length, offset, length);
      return bytes.subarray(offset, offset + length);
    },
  };
}

/** A `Blob` or a `File` that a person picked, as a source. */
export function fromBlob(blob: Blob, name = (blob as File).name ?? 'blob'): Source {
  if (typeof blob?.slice !== 'function' || typeof blob.size !== 'number') throw wrongType('blob', 'a Blob', blob);
  return {
    name,
    size: blob.size,
    async read(offset, length, signal) {
      signal?.throwIfAborted();
      checkEnd(name, blob.size, offset, length);
      let buffer: ArrayBuffer;
      try {
        buffer = await blob.slice(offset, offset + length).arrayBuffer();
      } catch (error) {
        // browsers say only NotReadableError
        throw new FileError(name, 'could not be read; was it changed or moved since it was picked?', { cause: error });
      }
      signal?.throwIfAborted();
      if (buffer.byteLength !== length) throw new FileError(name, 'truncated while it was being read');
      return new Uint8Array(buffer);
    },
  };
}

/** Part of another source. */
export function slice(source: Source, name: string, start: number, size: number): Source {
  return {
    name,
    size,
    sequential: source.sequential ?? false,
    read(offset, length, signal, into) {
      checkEnd(name, size, offset, length);
      return source.read(start + offset, length, signal, into);
    },
  };
}

/** @throws FileError when [offset, offset + length) is not within the source */
export function checkEnd(name: string, size: number, offset: number, length: number): void {
  if (offset + length > size)
    throw new FileError(name, `truncated, bytes up to ${offset + length} are needed of ${size}`);
}

/** Options of `fromURL`. */
export interface URLOptions {
  /** Default: the global `fetch`. */
  fetch?: typeof fetch;
  /** Sent with every request, such as an authorization. */
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

const ATTEMPTS = 3;
/** Worth another try: the server is busy or restarting. */
const isPassing = (status: number): boolean => status === 429 || status === 408 || status >= 500;

function parsed(url: string | URL): URL {
  try {
    return new URL(url);
  } catch (cause) {
    throw new FileError(String(url), 'is no URL (paths are read by focal-simd/node)', { cause });
  }
}

/**
 * An object behind a URL, read by range requests; GET alone is used, so presigned URLs of object storage work. What is
 * behind the query (a signature, say) is left out of the source's name.
 *
 * @throws FileError where the server answers with an error or does not know ranges
 */
export async function fromURL(url: string | URL, options: URLOptions = {}): Promise<Source> {
  const { fetch: get = fetch, headers = {}, signal } = options;
  const { href, origin, pathname, protocol } = parsed(url);
  const name = /^https?:$/.test(protocol) ? `${origin}${pathname}` : pathname;
  if (!/^(https?|blob):$/.test(protocol)) throw new FileError(name, `a URL that starts with ${protocol} is not read`);

  async function request(from: number, length: number, signal?: AbortSignal): Promise<Response> {
    const range = `bytes=${from}-${from + length - 1}`;
    for (let attempt = 1; ; attempt++) {
      let problem: string;
      let cause: unknown;
      try {
        const response = await get(href, { headers: { ...headers, Range: range }, ...(signal && { signal }) });
        if (response.status === 206 || response.status === 416) return response;
        await response.body?.cancel();
        if (response.status === 200) {
          throw new FileError(
            name,
            'the server ignores range requests (it answers 200, not 206): download the file first',
          );
        }
        problem = `the server answers ${response.status} ${response.statusText}`.trim();
        if (!isPassing(response.status)) throw new FileError(name, problem);
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof FileError) throw error;
        problem = `could not be fetched: ${(error as Error).message}`;
        cause = error;
      }
      if (attempt === ATTEMPTS) throw new FileError(name, problem, { cause, passing: true });
      await new Promise((resolve) => setTimeout(resolve, 200 * 2 ** attempt));
    }
  }

  const first = await request(0, HEAD, signal);
  const total = /\/(\d+)\s*$/.exec(first.headers.get('content-range') ?? '')?.[1];
  if (total === undefined) {
    await first.body?.cancel();
    const why = 'the answer has no readable Content-Range with the size';
    throw new FileError(
      name,
      `${why} (from a page, the server must send Access-Control-Expose-Headers: Content-Range)`,
    );
  }
  const size = Number(total);
  const tag = first.headers.get('etag') ?? first.headers.get('last-modified');
  const head = await body(first, 0, Math.min(HEAD, size));

  async function body(response: Response, from: number, length: number): Promise<Uint8Array> {
    const bytes = response.status === 416 ? new Uint8Array() : new Uint8Array(await response.arrayBuffer());
    const sent = Number(/bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? from);
    const now = response.headers.get('etag') ?? response.headers.get('last-modified');
    if (now !== tag) throw new FileError(name, 'changed while it was being read');
    if (bytes.length !== length || sent !== from) {
      throw new FileError(
        name,
        `the server sent ${bytes.length} bytes from ${sent} where ${length} from ${from} were asked for`,
      );
    }
    return bytes;
  }

  return {
    name,
    size,
    async read(offset, length, signal) {
      signal?.throwIfAborted();
      checkEnd(name, size, offset, length);
      if (offset + length <= head.length) return head.subarray(offset, offset + length);
      return body(await request(offset, length, signal), offset, length);
    },
  };
}

/**
 * Bytes that come one after another (stdin, the inflated member of an archive) as a source that reads forwards: only the
 * beginning is kept.
 *
 * @param open starts the bytes from the beginning
 * @param size how many there are, where that is known
 */
export function fromStream(name: string, open: () => AsyncIterable<Uint8Array>, size = Infinity): Source {
  let parts: AsyncIterator<Uint8Array> | null = null;
  let head = new Uint8Array();
  /** Bytes that have come and were not read, the first of which is at `at`. */
  let held: Uint8Array[] = [];
  let at = 0;
  let end = 0;
  let queue: Promise<unknown> = Promise.resolve();

  async function more(): Promise<boolean> {
    parts ??= open()[Symbol.asyncIterator]();
    const { done, value } = await parts.next();
    if (done) return false;
    if (value.length === 0) return true;
    if (end + value.length > size) throw new FileError(name, `has more than the ${size} bytes it declares`);
    if (head.length < HEAD) {
      const longer = new Uint8Array(Math.min(HEAD, head.length + value.length));
      longer.set(head);
      longer.set(value.subarray(0, longer.length - head.length), head.length);
      head = longer;
    }
    held.push(value);
    end += value.length;
    return true;
  }

  async function read(offset: number, length: number, signal?: AbortSignal, into?: Uint8Array): Promise<Uint8Array> {
    if (offset < at && offset + length > head.length) {
      throw new FileError(name, 'is a stream, which can not be read backwards');
    }
    while (end < offset + length) {
      signal?.throwIfAborted();
      // what lies before the offset is never asked for again
      while (held.length > 0 && at + held[0]!.length <= offset) at += held.shift()!.length;
      if (!(await more())) break;
    }
    if (end < offset + length && size !== Infinity) {
      throw new FileError(name, `truncated, ${end} bytes came of the ${size} it declares`);
    }
    if (offset + length <= head.length) return head.subarray(offset, offset + length);
    const count = Math.max(0, Math.min(length, end - offset));
    const bytes = into?.subarray(0, count) ?? new Uint8Array(count);
    let start = at;
    for (const part of held) {
      const from = Math.max(offset, start);
      const to = Math.min(offset + count, start + part.length);
      if (from < to) bytes.set(part.subarray(from - start, to - start), from - offset);
      start += part.length;
    }
    while (held.length > 0 && at + held[0]!.length <= offset + count) at += held.shift()!.length;
    return bytes;
  }

  return {
    name,
    size,
    sequential: true,
    read(offset, length, signal, into) {
      const next = queue.then(() => read(offset, length, signal, into));
      queue = next.catch(() => {});
      return next;
    },
    async close() {
      held = [];
      await parts?.return?.();
    },
  };
}
