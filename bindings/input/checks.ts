import { elementsOf } from './arrays.ts';
import { counted, kind, outOfRange, wrongType } from './errors.ts';

/** Check one of a few words; `more` says what else would have been taken. */
export function oneOf<T extends string>(name: string, value: unknown, choices: readonly T[], more = ''): T {
  const expected = choices.map((choice) => `'${choice}'`).join(' or ') + more;
  if (typeof value !== 'string') throw wrongType(name, expected, value);
  if (!choices.includes(value as T)) throw outOfRange(name, expected, JSON.stringify(value));
  return value as T;
}

/** Check one number. */
export function number(name: string, value: unknown, expected: string, ok: (x: number) => boolean): number {
  if (typeof value !== 'number') throw wrongType(name, expected, value);
  if (!ok(value)) throw outOfRange(name, expected, value);
  return value;
}

const isPositive = (x: number): boolean => x > 0 && x < Infinity;

export const aboveZero = (name: string, value: unknown): number =>
  number(name, value, 'a finite number > 0', isPositive);

export const notNegative = (name: string, value: unknown): number =>
  number(name, value, 'a finite number ≥ 0', (x) => x === 0 || isPositive(x));

export const fraction = (name: string, value: unknown): number =>
  number(name, value, 'a number in [0, 1)', (x) => x >= 0 && x < 1);

/** Whether it may be the index of a sample, or a count. */
export const isIndex = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0;

/** Check the index of the first of n samples. */
export const firstOf = (n: number, value: unknown): number =>
  number('firstIndex', value, 'an integer ≥ 0 that leaves the last index below 2^53', (x) => {
    return isIndex(x) && isIndex(x + n);
  });

/** Check an array of numbers, one a class. */
export function numbers(name: string, value: unknown, expected: string, ok: (x: number) => boolean): number[] {
  const values = elementsOf(value);
  if (!values) throw wrongType(name, 'an array of numbers', value);
  if (values.length === 0) throw outOfRange(name, 'at least one number', 'an empty array');
  return values.map((x, i) => number(`${name}[${i}]`, x, expected, ok));
}

/** Check the names of the classes, where there are any. */
export function checkNames(names: unknown, classes: number): void {
  if (names === undefined || names === null) return;
  if (!Array.isArray(names)) throw wrongType('names', 'an array of strings', names);
  if (names.length !== classes) throw outOfRange('names', counted(classes, 'name'), names.length);
  for (const [c, name] of names.entries())
    if (typeof name !== 'string') throw wrongType(`names[${c}]`, 'a string', name);
}

/** Check that it is an object, to be read by key. */
export function object(name: string, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw wrongType(name, 'an object', value);
  return value as Record<string, unknown>;
}

/** Check that the options are an object with none but known keys. */
export function common(name: string, options: unknown, known: readonly string[]): Record<string, unknown> {
  if (options === undefined) return {};
  // of a Map or a promise no option would be seen
  if (!/^(Object|Module)$/.test(kind(options))) throw wrongType('options', 'an object', options);
  const given = options as Record<string, unknown>;
  for (const key of Object.keys(given)) {
    if (!known.includes(key)) throw outOfRange('options', `only ${known.join(', ')} for ${name}`, JSON.stringify(key));
  }
  return given;
}
