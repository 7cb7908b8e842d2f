/** What goes wrong, and with which exit code the command ends. */

import { FileError } from '../files/errors.ts';
import { errorLine } from './printable.ts';

/** The exit codes, as docs/command.md has them. */
export const EXIT = {
  done: 0,
  /** A limit of a gate is broken. */
  limit: 1,
  /** Input, usage or output. */
  input: 2,
  /** The data cannot decide whether a limit holds. */
  undecided: 3,
  /** A fault of the command itself. */
  fault: 70,
  /** Ctrl-C. */
  interrupted: 130,
} as const;

/** Something the user gave is wrong, or cannot be read or written: one line on stderr, exit code 2. All else is our fault. */
export class InputError extends Error {}

const REASONS: Record<string, string> = {
  ENOENT: 'no such file or folder',
  ENOTDIR: 'a part of the path is not a folder',
  EISDIR: 'is a folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the quota of the disk is used up',
  EFBIG: 'the file would become too large',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'too many links',
  EPIPE: 'the reader of the pipe has closed it',
  EIO: 'the device does not answer rightly',
};

/** Whether the operating system said no, and not one of node's own checks, which would be our mistake. */
const isSystem = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && /^E(?!RR_)[A-Z0-9]+$/.test(String((error as NodeJS.ErrnoException).code));

/** The user's share in an error: an InputError, or null where the fault is ours. */
export function asInput(where: string, error: unknown): InputError | null {
  if (error instanceof InputError) return error;
  if (error instanceof FileError) return new InputError(error.message, { cause: error });
  if (isSystem(error)) {
    return new InputError(`${where}: ${REASONS[error.code as string] ?? error.code}`, { cause: error });
  }
  // what the engine says when there is no memory for an array of the size asked for
  if (error instanceof RangeError && /allocation failed|^Invalid (typed )?array length/.test(error.message)) {
    return new InputError(`${where}: there is not enough memory for so many classes, bins or samples`, {
      cause: error,
    });
  }
  return null;
}

/** Run `work` on a file; what the operating system refuses becomes an InputError. */
export async function opening<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asInput(path, error) ?? error;
  }
}

/** Run `read`; the TypeError or RangeError with which the library refuses a value becomes an InputError. */
export function refusing<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const input = asInput(where, error);
    if (input) throw input;
    if (error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError) {
      throw new InputError(`${where}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

/** The same for what takes its time. */
export async function refused<T>(where: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    return refusing(where, () => {
      throw error;
    });
  }
}

/** Tell something that may be wrong; the work goes on. */
export function warn(message: string): void {
  process.stderr.write(`focal-simd: warning: ${errorLine(message)}\n`);
}
