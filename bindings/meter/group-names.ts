import { arrayKind, elementsOf, isShared } from '../input/arrays.ts';
import { counted, outOfRange, wrongType } from '../input/errors.ts';
import { viewOf } from '../input/tensors.ts';

/** Integers from 0 up to this have a table, and so have strings by their last characters: a power of two. */
const PLACES = 4096;
/** Most characters of a name that are looked at before it is compared. */
const MOST_CHARACTERS = 12;

/** Numbers the groups by their names, in the order in which they come. */
export class GroupNames {
  /** The names by number. */
  readonly list: string[] = [];
  readonly #most: number;
  /** The number of a group, by every value that has told it: a string, an integer, a bigint. */
  readonly #numbers = new Map<unknown, number>();
  /** The same of small integers, −1 where none has told one. */
  readonly #small: Int32Array<ArrayBuffer> = new Int32Array(PLACES).fill(-1);
  /**
   * By place: a name that has it, and its number. At first none has a name that belongs there: the empty string belongs
   * to the last place, which has another.
   */
  readonly #likely: string[] = [...new Array(PLACES).fill(''), ' '];
  readonly #likelyNumbers: Int32Array<ArrayBuffer> = new Int32Array(PLACES + 1);
  /** How many characters these are; names of the input under way that were not where others have the same ones. */
  #characters = 2;
  #collided = 0;
  /** Whether strings are to be expected. */
  #text = false;
  /** The numbers that are given. */
  #room = new Int32Array(0);

  /** @param most how many groups there may be */
  constructor(most: number, names: Iterable<string> = []) {
    this.#most = most;
    for (const name of names) this.#look(name, 0);
  }

  /**
   * The number of each sample's group, until the next call. Each value is read once.
   *
   * @throws when a value is no name, or there are too many groups: the names are of no use then
   */
  read(groups: unknown): Int32Array<ArrayBuffer> {
    const kind = arrayKind(groups);
    let values = groups as ArrayLike<unknown>;
    if (kind) {
      const view = viewOf('groups', groups);
      // another thread may write to it; a view of float16 has the bits
      values = (kind === 'Float16Array' ? elementsOf(groups) : isShared(view) ? view.slice() : view) as typeof values;
    }
    const length = Object(values).length;
    if (typeof values !== 'object' || !Number.isSafeInteger(length) || length < 0) {
      throw wrongType('groups', 'an array of strings or integers', groups);
    }
    // fresh memory would take longer than what is written there
    if (length > this.#room.length) this.#room = roomFor(length);
    const numbers = this.#room.subarray(0, length);
    this.#collided = 0;
    this.#text = kind === undefined && this.#characters <= MOST_CHARACTERS;
    for (let i = 0; i < length; ) {
      i = this.#text ? this.#readStrings(values, numbers, i, length) : this.#readIntegers(values, numbers, i, length);
    }
    // where many names have the same characters there, look at one more
    if (this.#collided > length / 3 && this.list.length < PLACES / 4) this.#characters++;
    return numbers;
  }

  /**
   * Read integers from value i on. Where a loop calls nothing that may change something, engines find the arrays before
   * it: so it ends at the first value that it does not know. Returns where to go on.
   */
  #readIntegers(values: ArrayLike<unknown>, numbers: Int32Array, i: number, n: number): number {
    const small = this.#small;
    let value: unknown;
    for (; i < n; i++) {
      value = values[i];
      if (typeof value !== 'number') break;
      const place = value & (PLACES - 1);
      const number = small[place] as number;
      if (number < 0 || place !== value) break;
      numbers[i] = number;
    }
    return i < n ? this.#learn(value, numbers, i) : n;
  }

  /**
   * Read strings from value i on, two at a time, as one's characters are looked up while the other is compared. Returns
   * where to go on.
   */
  #readStrings(values: ArrayLike<unknown>, numbers: Int32Array, i: number, n: number): number {
    const likely = this.#likely;
    const likelyNumbers = this.#likelyNumbers;
    const characters = this.#characters;
    for (; i + 1 < n; i += 2) {
      const a = values[i];
      const b = values[i + 1];
      if (typeof a !== 'string' || typeof b !== 'string') return this.#learn(b, numbers, this.#learn(a, numbers, i));
      const place = placeOf(a, characters);
      const next = placeOf(b, characters);
      if (likely[place] === a) numbers[i] = likelyNumbers[place] as number;
      else this.#expect(a, place, numbers, i);
      if (likely[next] === b) numbers[i + 1] = likelyNumbers[next] as number;
      else this.#expect(b, next, numbers, i + 1);
    }
    return i < n ? this.#learn(values[i], numbers, i) : n;
  }

  /** Read a string, and expect it where its characters are met again. */
  #expect(value: string, place: number, numbers: Int32Array, i: number): void {
    const number = this.#look(value, i);
    if (this.#likely[place] !== '') this.#collided++;
    this.#likely[place] = value;
    this.#likelyNumbers[place] = number;
    numbers[i] = number;
  }

  /** Read a value of any kind, and expect more of it. Returns where to go on. */
  #learn(value: unknown, numbers: Int32Array, i: number): number {
    this.#text = typeof value === 'string' && this.#characters <= MOST_CHARACTERS;
    numbers[i] = this.#look(value, i);
    return i + 1;
  }

  /** The number of the group that a value tells, a new one if there is none. */
  #look(value: unknown, i: number): number {
    const known = this.#numbers.get(value);
    if (known !== undefined) return known;
    const name = nameOf(value, i);
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.list.length;
      if (number >= this.#most) {
        const most = `at most ${counted(this.#most, 'group')} (maxGroups)`;
        throw outOfRange('groups', most, `${number + 1}, "${name}" the last`);
      }
      this.list.push(name);
      this.#numbers.set(name, number);
    }
    this.#numbers.set(value, number);
    if (typeof value === 'number' && value >= 0 && value < PLACES) this.#small[value] = number;
    return number;
  }
}

/**
 * A place for a string, by its length and so many characters. A map would read the whole of a string that is another
 * object: this is faster.
 */
function placeOf(value: string, characters: number): number {
  const { length } = value;
  if (length < 2) return length === 0 ? PLACES : value.charCodeAt(0) & (PLACES - 1);
  let mixed = value.charCodeAt(length - 1) ^ (value.charCodeAt(length - 2) << 4) ^ (length << 8);
  for (let j = 3; j <= characters; j++) {
    // from either end by turns
    const k = j & 1 ? Math.min(j >> 1, length) - 1 : Math.max(length - (j >> 1) - 1, 0);
    mixed = Math.imul(mixed ^ value.charCodeAt(k), 0x9e3779b1);
    mixed ^= mixed >>> 15;
  }
  return mixed & (PLACES - 1);
}

function roomFor(length: number): Int32Array<ArrayBuffer> {
  try {
    return new Int32Array(length);
  } catch {
    throw outOfRange('groups', 'as many as there is memory for', length);
  }
}

/** The name that a value stands for. */
function nameOf(value: unknown, i: number): string {
  if (typeof value === 'string' || typeof value === 'bigint' || Number.isSafeInteger(value)) return `${value}`;
  throw wrongType(`groups[${i}]`, 'a string or an integer', value);
}
