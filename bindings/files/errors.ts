import { printable } from '../input/foreign-text.ts';

/** What is wrong with a file, in one line that names it. It is a RangeError, as the file's content is an argument, too. */
export class FileError extends RangeError {
  /** The file, as the caller named it. */
  readonly file: string;
  /** Whether another try may go well, as with a server that is busy. */
  readonly passing: boolean;

  constructor(
    file: string,
    problem: string,
    { passing = false, ...options }: ErrorOptions & { passing?: boolean } = {},
  ) {
    super(`${quiet(file)}: ${problem}`, options);
    this.name = 'FileError';
    this.file = file;
    this.passing = passing;
  }
}

/** Foreign text on one line of at most so many letters. */
export const quiet = (text: string, most = 200): string =>
  printable(text.length > most ? `${text.slice(0, most)}…` : text);

/** The same between quotes, short. */
export const quoted = (text: string): string => `'${quiet(text, 40)}'`;

/** @throws FileError for what begins as gzip does */
export function refuseGzip(file: string, [a, b]: Uint8Array): void {
  if (a === 0x1f && b === 0x8b) throw new FileError(file, 'is compressed by gzip, which is not read: gunzip it');
}

/**
 * Run `read`; what the library, a parser or a codec refuses becomes an error of this file. What they stumble over says nothing
 * to who has the file.
 *
 * @param what the file should be
 */
export async function within<T>(file: string, what: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof FileError || !(error instanceof Error) || error.name === 'AbortError') throw error;
    const stumbled = error instanceof TypeError || error instanceof RangeError;
    throw new FileError(file, stumbled ? `is damaged, or not ${what}` : quiet(error.message), { cause: error });
  }
}
