/** Something the user gave is wrong: told in one line on stderr, exit code 2. Every other error is ours and keeps its stack. */
export class InputError extends Error {}

/** Run `read`; the TypeError or RangeError with which the library refuses a value becomes an InputError. */
export function refusing<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError) {
      throw new InputError(`${where}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

/** The same for the file system: a missing file, a folder, no permission. */
export async function opening<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // the system's codes, not those of node's own checks, which would be our mistakes
    if (typeof code !== 'string' || !/^E(?!RR_)/.test(code)) throw error;
    const reason =
      { ENOENT: 'no such file or folder', EISDIR: 'is a folder', EACCES: 'permission denied' }[code] ?? code;
    throw new InputError(`${path}: ${reason}`, { cause: error });
  }
}
