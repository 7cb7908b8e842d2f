/** Files of the file system and stdin as sources: Node, Deno and Bun. */
import { type FileHandle, open, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { FileError } from '../errors.ts';
import type { Resolve } from '../open.ts';
import { checkEnd, fromStream, fromURL, type Source } from '../source.ts';

const REASONS: Record<string, string> = {
  ENOENT: 'no such file or folder',
  EISDIR: 'is a folder',
  ENOTDIR: 'no such file or folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'its name is too long',
};

/** Run `use`; what the system refuses becomes an error of this file. */
async function asked<T>(path: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // the system's codes, not those of node's own checks, which would be our mistakes
    if (typeof code !== 'string' || !/^E(?!RR_)/.test(code)) throw error;
    throw new FileError(path, REASONS[code] ?? code, { cause: error });
  }
}

/**
 * A file by its path.
 *
 * @throws FileError where there is none, or what is there is no regular file
 */
export async function openPath(path: string): Promise<Source> {
  const regular = (is: { isFile(): boolean }) => {
    if (!is.isFile()) throw new FileError(path, 'not a regular file');
  };
  // a pipe that nobody writes to would never open
  regular(await asked(path, () => stat(path)));
  const file = await asked(path, () => open(path));
  try {
    const found = await asked(path, () => file.stat());
    regular(found);
    return fromHandle(path, file, found.size);
  } catch (error) {
    await file.close();
    throw error;
  }
}

function fromHandle(name: string, file: FileHandle, size: number): Source {
  return {
    name,
    size,
    async read(offset, length, signal, into = new Uint8Array(length)) {
      checkEnd(name, size, offset, length);
      // one read may give less than was asked for, at 2 GiB always
      for (let done = 0; done < length; ) {
        signal?.throwIfAborted();
        const { bytesRead } = await asked(name, () => file.read(into, done, length - done, offset + done));
        if (bytesRead === 0) throw new FileError(name, 'truncated while it was being read');
        done += bytesRead;
      }
      return into;
    },
    close: () => file.close(),
  };
}

/** What comes through a pipe into the process. */
export const stdin = (): Source => fromStream('stdin', () => process.stdin as AsyncIterable<Uint8Array>);

/** The path of a URL of a file. */
function pathOf(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new FileError(url, (error as Error).message, { cause: error });
  }
}

/** Paths, URLs, and `-` for stdin. */
export const resolve: Resolve = async (place, signal) => {
  if (place === '-') return stdin();
  if (/^file:/.test(place)) return openPath(pathOf(place));
  return /^(https?|blob):/.test(place) ? fromURL(place, { ...(signal && { signal }) }) : openPath(place);
};
