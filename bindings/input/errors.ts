import { arrayKind, arrayLength } from './arrays.ts';

/** The class of an object, which holds across realms where `instanceof` does not. */
export const kind = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);

/** How a value is named in a message: short, on one line, whatever it is. */
function shown(value: unknown): string {
  const type = typeof value;
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (type === 'bigint') return `${value}n`;
  if (type === 'function' || type === 'symbol') return `a ${type}`;
  if (Object(value) !== value) return Object.is(value, -0) ? '-0' : `${value}`;
  if (Array.isArray(value)) return `an array of length ${value.length}`;
  const array = arrayKind(value);
  return array ? `${array} of length ${arrayLength(value)}` : kind(value);
}

/** `1 class`, `2 classes`; `written` as the number is to be read. */
export const counted = (n: number, what: string, written: string | number = n): string =>
  `${written} ${what}${n === 1 ? '' : what.endsWith('s') ? 'es' : 's'}`;

/** `name expected what, got value`: the one form of every message. Wrong type. */
export function wrongType(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${name} expected ${expected}, got ${shown(value)}`);
}

/** The same for a value out of range; a string in `got` is taken as it is. */
export function outOfRange(name: string, expected: string, got: unknown): RangeError {
  return new RangeError(`${name} expected ${expected}, got ${typeof got === 'string' ? got : shown(got)}`);
}
