import { number, numbers } from '../input/checks.ts';
import { outOfRange } from '../input/errors.ts';

/** The double with exponent e, −1022 ≤ e ≤ 1023. */
function powerOfTwo(e: number): number {
  return new Float64Array(BigInt64Array.of(BigInt(e + 1023) << 52n).buffer)[0] as number;
}

/**
 * x^y for x > 0. Math.pow differs in its last bits from engine to engine; this uses only operations that IEEE 754 rounds
 * one way: ln x by the series of atanh, e^z by Taylor's, both to the last few bits of a double.
 */
function power(x: number, y: number): number {
  let e = 0;
  let m = x;
  for (; m >= Math.SQRT2; e++) m /= 2;
  for (; m < Math.SQRT1_2; e--) m *= 2;
  const s = (m - 1) / (m + 1);
  let series = 0;
  for (let k = 25; k > 0; k -= 2) series = series * s * s + 1 / k;
  // e·y·ln 2 goes to the exponent as far as it is whole
  const z = 2 * s * series * y;
  const twos = e * y + z / Math.LN2;
  const whole = Math.round(twos);
  if (whole > 1023) return Infinity;
  if (whole < -1022) return 0;
  const rest = (e * y - whole) * Math.LN2 + z;
  let sum = 1;
  for (let k = 20; k > 0; k--) sum = 1 + (sum * rest) / k;
  return sum * powerOfTwo(whole);
}

/**
 * Class weights from class frequencies: 1 / rate^beta, divided by their mean.
 *
 * @param rates frequency (or count) of each class, shape [C], each > 0
 * @param beta how much rare classes are raised: 0 not at all, 1 (default) by the inverse of their frequency
 * @returns Float32Array of shape [C] with mean 1, ready to be a softmax loss's `alpha`; the same bits in every runtime
 * @throws TypeError when rates is no array of numbers, or beta no number; RangeError for a rate ≤ 0 or not finite, for a
 *   beta that is not finite, and where the weights would not be finite float32 numbers > 0
 * @example classWeights([0.9, 0.1]) // Float32Array [0.2, 1.8]
 */
export function classWeights(rates: ArrayLike<number>, beta = 1): Float32Array {
  const values = numbers('rates', rates, 'a finite number > 0', (x) => x > 0 && x < Infinity);
  const exponent = number('beta', beta, 'a finite number', Number.isFinite);
  const raw = values.map((rate) => 1 / (exponent === 1 ? rate : power(rate, exponent)));
  const mean = raw.reduce((sum, w) => sum + w, 0) / raw.length;
  const weights = Float32Array.from(raw, (w) => w / mean);
  if (!weights.every((w) => w > 0 && w < Infinity)) throw outOfRange('beta', 'weights within float32', exponent);
  return weights;
}
