/** How a value is named in a message: short, on one line, whatever it is. */
function shown(value: unknown): string {
  if (value === null || typeof value === 'undefined' || typeof value === 'number' || typeof value === 'boolean') {
    return Object.is(value, -0) ? '-0' : String(value);
  }
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
  if (Array.isArray(value)) return `an array of length ${value.length}`;
  const name = Object.prototype.toString.call(value).slice(8, -1);
  return ArrayBuffer.isView(value) ? `${name} of length ${(value as Float32Array).length}` : name;
}

/** `name expected what, got value`: the one form of every message. Wrong type. */
export function wrongType(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${name} expected ${expected}, got ${shown(value)}`);
}

/** The same for a value out of range; a string in `got` is taken as it is. */
export function outOfRange(name: string, expected: string, got: unknown): RangeError {
  return new RangeError(`${name} expected ${expected}, got ${typeof got === 'string' ? got : shown(got)}`);
}
