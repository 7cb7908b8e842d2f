import { carry, LIMBS } from '../backend/limbs.ts';
import { isIndex } from '../input/checks.ts';
import { outOfRange } from '../input/errors.ts';

/**
 * Words: what counts and exact sums are kept in. A word is an integer in [0, 2^53). A layout is declared as sections,
 * each of so many rows of the same fields; where a field stands, how it is carried, merged, subtracted and checked
 * follows from its kind.
 *
 * - `count`: one word.
 * - `wide`: two limbs of 32 bits, in units that the field tells; the upper one holds what is left, however much.
 * - `sum`: an exact sum of float32 values ≥ 0: 12 limbs (see backend/limbs.ts), then how many of them were +∞, how many
 *   NaN.
 */
export type Kind = 'count' | 'wide' | 'sum';

/** Words that a field takes. */
export const WORDS: Readonly<Record<Kind, number>> = { count: 1, wide: 2, sum: LIMBS + 2 };
/** Limbs it begins with, which are carried. */
const CARRIED: Readonly<Record<Kind, number>> = { count: 0, wide: 2, sum: LIMBS };
/** Where a sum has the number of its values that were +∞, and that were NaN. */
export const INFINITE = LIMBS;
export const NAN = LIMBS + 1;

export type Fields = Readonly<Record<string, Kind>>;
export interface Section<F extends Fields = Fields> {
  readonly rows: number;
  readonly fields: F;
}
export type Sections = Readonly<Record<string, Section>>;

/**
 * Where a section stands: its rows, words from one row to the next, and the first word of each field in its first row.
 */
export type Place<F extends Fields> = { readonly rows: number; readonly stride: number } & {
  readonly [K in keyof F]: number;
};

/** One field in all rows of its section. */
interface Run {
  readonly name: string;
  readonly kind: Kind;
  readonly start: number;
  readonly rows: number;
  readonly stride: number;
}

export interface Layout<S extends Sections = Sections> {
  readonly at: { readonly [K in keyof S]: Place<S[K]['fields']> };
  readonly runs: readonly Run[];
  /** Words of all sections. */
  readonly length: number;
}

/** Lay the sections out one after the other, in the order of their declaration. */
export function arrange<S extends Sections>(sections: S): Layout<S> {
  const at: Record<string, Record<string, number>> = {};
  const runs: Run[] = [];
  let length = 0;
  for (const [section, { rows, fields }] of Object.entries(sections)) {
    const stride = Object.values(fields).reduce((words, kind) => words + WORDS[kind], 0);
    const place: Record<string, number> = { rows, stride };
    let start = length;
    for (const [field, kind] of Object.entries(fields)) {
      place[field] = start;
      runs.push({ name: `${section}.${field}`, kind, start, rows, stride });
      start += WORDS[kind];
    }
    at[section] = place;
    length += rows * stride;
  }
  return { at: at as Layout<S>['at'], runs, length };
}

/** Call `visit` for each field of each row that is of one of these kinds. */
function each(layout: Layout, kinds: readonly Kind[], visit: (at: number, run: Run) => void): void {
  for (const run of layout.runs) {
    if (!kinds.includes(run.kind)) continue;
    for (let row = 0, at = run.start; row < run.rows; row++, at += run.stride) visit(at, run);
  }
}

/** Carry every sum: the one form that a given set of samples has. */
export function carryAll(layout: Layout, words: Float64Array): void {
  each(layout, ['wide', 'sum'], (at, { kind }) => carry(words, at, CARRIED[kind]));
}

/**
 * The words of both together (sign 1), or of the first without the second (sign −1), as new words.
 *
 * @throws RangeError when a word would reach 2^53 or fall below 0
 */
export function combine(layout: Layout, mine: Float64Array, theirs: Float64Array, sign: 1 | -1): Float64Array {
  const words = mine.slice();
  for (let i = 0; i < words.length; i++) (words[i] as number) += sign * (theirs[i] as number);
  carryAll(layout, words);
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number;
    if (word < 0) throw outOfRange('other', 'a part of what this one has counted', 'something else');
    if (word > Number.MAX_SAFE_INTEGER) throw outOfRange('other', 'counts below 2^53 together', 'more');
  }
  return words;
}

/**
 * Check that these are words as `carryAll` leaves them.
 *
 * @throws RangeError naming the first that is not
 */
export function checkWords(name: string, layout: Layout, words: Float64Array): void {
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number;
    if (!isIndex(word)) throw outOfRange(`${name}[${i}]`, 'an integer in [0, 2^53)', word);
  }
  each(layout, ['wide', 'sum'], (at, { kind, name: field }) => {
    for (let i = at; i < at + CARRIED[kind] - 1; i++) {
      if ((words[i] as number) >= 2 ** 32) throw outOfRange(`${name}[${i}]`, 'a carried sum', `another of ${field}`);
    }
  });
}
