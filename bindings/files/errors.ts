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

/** Foreign text on one line: control characters, line ends and marks that turn the direction of text are escaped. */
export function quiet(text: string, most = 200): string {
  const cut = text.length > most ? `${text.slice(0, most)}…` : text;
  return cut.replace(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]|\p{Cs}/gu, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** The same between quotes, short. */
export const quoted = (text: string): string => `'${quiet(text, 40)}'`;

/** Run `read`; what the library, a parser or a codec refuses becomes an error of this file. */
export async function within<T>(file: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof FileError || !(error instanceof Error) || error.name === 'AbortError') throw error;
    throw new FileError(file, quiet(error.message), { cause: error });
  }
}
