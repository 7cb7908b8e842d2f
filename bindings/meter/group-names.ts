import { arrayKind, isShared } from '../input/arrays.ts';
import { counted, outOfRange, wrongType } from '../input/errors.ts';
import { viewOf } from '../input/tensors.ts';

/** Integers from 0 up to this have a table, and so has what is seen of other names: a power of two. */
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
  /** The names from place 1 on; and by the last characters of a name, where one is that has them. */
  readonly #names: string[] = [''];
  readonly #likely: Int32Array<ArrayBuffer> = new Int32Array(PLACES);
  /** How many characters these are. */
  #characters = 2;
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
      // another thread may write to it
      values = (isShared(view) ? view.slice() : view) as ArrayLike<unknown>;
    }
    const length = Object(values).length;
    if (typeof values !== 'object' || !Number.isSafeInteger(length) || length < 0) {
      throw wrongType('groups', 'an array of strings or integers', groups);
    }
    // fresh memory would take longer than what is written there
    if (length > this.#room.length) this.#room = new Int32Array(length);
    const numbers = this.#room.subarray(0, length);
    if (/^(Ui|I)nt/.test(kind ?? '')) this.#readIntegers(values as Int32Array, numbers, length);
    else this.#readAny(values, numbers, length);
    return numbers;
  }

  #readIntegers(values: Int32Array, numbers: Int32Array, n: number): void {
    const small = this.#small;
    const last = PLACES - 1;
    for (let i = 0; i < n; i++) {
      const value = values[i] as number;
      const number = small[value & last] as number;
      numbers[i] = number >= 0 && (value & last) === value ? number : this.#look(value, i);
    }
  }

  #readAny(values: ArrayLike<unknown>, numbers: Int32Array, n: number): void {
    const names = this.#names;
    const likely = this.#likely;
    const small = this.#small;
    const characters = this.#characters;
    let collided = 0;
    for (let i = 0; i < n; i++) {
      const value = values[i];
      if (typeof value === 'string' && value.length > 0) {
        // a map reads the whole of a string that is another object: a look at some characters is faster
        const { length } = value;
        let mixed = value.charCodeAt(length - 1) + 37 * value.charCodeAt(Math.max(length - 2, 0)) + 1369 * length;
        for (let j = 3; j <= characters; j++) mixed = (37 * mixed + value.charCodeAt(Math.max(length - j, 0))) | 0;
        const place = mixed & (PLACES - 1);
        const at = likely[place] as number;
        if (names[at] === value) {
          numbers[i] = at - 1;
          continue;
        }
        if (at > 0) collided++;
        const number = this.#look(value, i);
        likely[place] = number + 1;
        numbers[i] = number;
        continue;
      }
      const number = typeof value === 'number' && (value & (PLACES - 1)) === value ? (small[value] as number) : -1;
      numbers[i] = number >= 0 ? number : this.#look(value, i);
    }
    // where many names have the same last characters, look at one more
    if (collided > n / 4 && names.length < PLACES / 4 && characters < MOST_CHARACTERS) this.#characters++;
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
      this.#names.push(name);
      this.#numbers.set(name, number);
    }
    this.#numbers.set(value, number);
    if (typeof value === 'number' && value >= 0 && value < PLACES) this.#small[value] = number;
    return number;
  }
}

/** The name that a value stands for. */
export function nameOf(value: unknown, i: number): string {
  if (typeof value === 'string' || typeof value === 'bigint' || Number.isSafeInteger(value)) return `${value}`;
  throw wrongType(`groups[${i}]`, 'a string or an integer', value);
}
