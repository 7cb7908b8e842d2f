/**
 * The header of a .npy file (numpy.lib.format, versions 1.0 to 3.0): magic, version, length, then a dictionary as Python
 * writes it. What numpy would not write is refused, also where numpy might read it: of two readings of one file, one is wrong.
 */
import { outOfRange } from '../input/errors.ts';

export interface NpyHeader {
  /** numpy's name of the element type, such as `<f4`. */
  readonly descr: string;
  /** Whether the first index runs fastest. */
  readonly fortran: boolean;
  readonly shape: readonly number[];
  /** Where the elements begin. */
  readonly dataAt: number;
}

/** So many bytes of a file tell how long its header is. */
export const NPY_PREFIX = 12;

/** numpy reads no longer ones unless told to. */
const LONGEST = 10_000;
const MAGIC = '\x93NUMPY';

const latin1 = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
};

/**
 * Where the header ends and the elements begin.
 *
 * @param prefix the first `NPY_PREFIX` bytes of the file
 * @throws RangeError when it is no .npy file
 */
export function npyHeaderEnd(prefix: Uint8Array): number {
  if (prefix.length < NPY_PREFIX || latin1(prefix.subarray(0, 6)) !== MAGIC) {
    throw new RangeError('not a .npy file');
  }
  const [major, minor] = [prefix[6] as number, prefix[7] as number];
  if (major < 1 || major > 3 || minor !== 0) throw new RangeError(`.npy format version ${major}.${minor} is not known`);
  const view = new DataView(prefix.buffer, prefix.byteOffset);
  const [from, length] = major === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  if (length > LONGEST) throw outOfRange('.npy header', `at most ${LONGEST} bytes`, length);
  return from + length;
}

/**
 * @param bytes the file as far as `npyHeaderEnd` says, or further
 * @throws RangeError when the header is cut off or not one that numpy writes for an array of numbers
 */
export function readNpyHeader(bytes: Uint8Array): NpyHeader {
  const dataAt = npyHeaderEnd(bytes);
  if (bytes.length < dataAt) throw new RangeError('truncated within the header');
  const text = latin1(bytes.subarray(bytes[6] === 1 ? 10 : 12, dataAt));
  return { ...new Literal(text).dictionary(), dataAt };
}

/** A Python literal: what stands at `at` is taken word by word. */
class Literal {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  dictionary(): Omit<NpyHeader, 'dataAt'> {
    const found = new Map<string, string | boolean | number[]>();
    this.#expect('{');
    while (!this.#is('}')) {
      const key = this.#string();
      this.#expect(':');
      if (found.has(key)) throw this.#broken();
      if (key === 'descr') found.set(key, this.#descr());
      else if (key === 'fortran_order') found.set(key, this.#expect('True', 'False') === 'True');
      else if (key === 'shape') found.set(key, this.#shape());
      else throw this.#broken();
      if (!this.#is(',')) {
        this.#expect('}');
        break;
      }
    }
    this.#take(/\s*/y);
    if (this.#at < this.#text.length || found.size !== 3) throw this.#broken();
    return {
      descr: found.get('descr') as string,
      fortran: found.get('fortran_order') as boolean,
      shape: found.get('shape') as number[],
    };
  }

  #descr(): string {
    if (this.#is('[')) throw new RangeError('a structured dtype is not an array of numbers');
    return this.#string();
  }

  /** A tuple: that of one number ends with a comma, or it would be a number in brackets. */
  #shape(): number[] {
    const shape: number[] = [];
    this.#expect('(');
    while (!this.#is(')')) {
      // Python 2 wrote long integers as 3L
      shape.push(Number(this.#take(/\s*((?:0|[1-9]\d*)(?=L?\s*[,)]))L?/y)));
      if (!this.#is(',')) {
        this.#expect(')');
        if (shape.length === 1) throw this.#broken();
        break;
      }
    }
    // the bytes, too, must be countable
    if (!Number.isSafeInteger(shape.reduce((product, d) => product * Math.max(d, 1), 16))) {
      throw new RangeError(`shape [${shape}] is not possible`);
    }
    return shape;
  }

  #string(): string {
    return this.#take(/\s*(?:'([^'\\\n]*)'|"([^"\\\n]*)")/y);
  }

  #expect(...words: string[]): string {
    const word = words.find((one) => this.#is(one));
    if (word === undefined) throw this.#broken();
    return word;
  }

  /** Step over `word` where it comes next. */
  #is(word: string): boolean {
    const from = this.#at + (/^\s*/.exec(this.#text.slice(this.#at))?.[0].length ?? 0);
    if (!this.#text.startsWith(word, from)) return false;
    this.#at = from + word.length;
    return true;
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (!match) throw this.#broken();
    this.#at = pattern.lastIndex;
    return match[1] ?? match[2] ?? '';
  }

  #broken(): RangeError {
    return outOfRange(
      '.npy header',
      'a dictionary as numpy writes it',
      JSON.stringify(this.#text.trim().slice(0, 100)),
    );
  }
}
