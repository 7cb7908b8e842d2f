import { common, fraction, number, numbers } from '../input/checks.ts';
import { outOfRange } from '../input/errors.ts';

/** The double with exponent e, −1022 ≤ e ≤ 1023. */
function powerOfTwo(e: number): number {
  return new Float64Array(BigInt64Array.of(BigInt(e + 1023) << 52n).buffer)[0] as number;
}

/**
 * x^y for x > 0. Math.pow differs in its last bits from engine to engine; this uses only operations that IEEE 754
 * rounds one way: ln x by the series of atanh, e^z by Taylor's, both to the last few bits of a double.
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

/** What a class that never occurs gets: a weight, or an error where none is said. */
export interface WeightsOptions {
  /** Weight of the classes whose rate is 0; the mean 1 is over the others. Default: a rate of 0 is a RangeError. */
  absent?: 0 | 1;
}

/** One weight a class by `of`, divided by their mean; classes that never occur take no part. */
function normalised(
  name: string,
  given: unknown,
  options: unknown,
  parameter: [name: string, value: number],
  of: (rate: number) => number,
): Float32Array {
  const { absent } = common(name, options, ['absent']);
  if (absent !== undefined) number('absent', absent, '0 or 1', (x) => x === 0 || x === 1);
  const least =
    absent === undefined
      ? 'a finite number > 0 (the option absent says what a class of 0 gets)'
      : 'a finite number ≥ 0';
  const argument = name === 'classWeights' ? 'rates' : 'counts';
  const rates = numbers(argument, given, least, (x) => (x > 0 || (x === 0 && absent !== undefined)) && x < Infinity);
  const raw = rates.map((rate) => (rate > 0 ? of(rate) : 0));
  const present = rates.reduce((count, rate) => count + (rate > 0 ? 1 : 0), 0);
  const mean = raw.reduce((sum, w) => sum + w, 0) / present;
  const weights = Float32Array.from(raw, (w, i) => ((rates[i] as number) > 0 ? w / mean : (absent as number)));
  if (!weights.every((w, i) => (w > 0 || rates[i] === 0) && w < Infinity)) {
    throw outOfRange(parameter[0], 'weights within float32', parameter[1]);
  }
  return weights;
}

/**
 * Class weights from class frequencies: 1 / rate^beta, divided by their mean.
 *
 * @param rates frequency (or count) of each class, shape [C], each > 0, or ≥ 0 with `absent`
 * @param beta how much rare classes are raised: 0 not at all, 1 (default) by the inverse of their frequency
 * @param options `absent`: 0 or 1, the weight of classes whose rate is 0, which then take no part in the mean
 * @returns Float32Array of shape [C] with mean 1, ready to be a softmax loss's `alpha`; the same bits in every runtime
 * @throws TypeError when rates is no array of numbers, or beta no number; RangeError for a rate that is negative, not
 *   finite, or 0 without `absent`, for a beta that is not finite, and where the weights would not be finite float32
 *   numbers > 0
 * @example classWeights([0.9, 0.1]) // Float32Array [0.2, 1.8]
 */
export function classWeights(rates: ArrayLike<number>, beta = 1, options?: WeightsOptions): Float32Array {
  const exponent = number('beta', beta, 'a finite number', Number.isFinite);
  const of = (rate: number): number => 1 / (exponent === 1 ? rate : power(rate, exponent));
  return normalised('classWeights', rates, options, ['beta', exponent], of);
}

/**
 * Class weights from the effective number of samples: (1 − beta) / (1 − beta^count), divided by their mean, after Cui
 * et al., "Class-Balanced Loss Based on Effective Number of Samples" (2019).
 *
 * @param counts samples of each class, shape [C], each > 0, or ≥ 0 with `absent`
 * @param beta in [0, 1): 0 weighs all alike, towards 1 by the inverse of the count. Default 0.999
 * @param options `absent`: 0 or 1, the weight of classes whose count is 0, which then take no part in the mean
 * @returns Float32Array of shape [C] with mean 1, ready to be a softmax loss's `alpha`; the same bits in every runtime
 * @throws TypeError when counts is no array of numbers, or beta no number; RangeError for a count that is negative, not
 *   finite, or 0 without `absent`, for a beta outside [0, 1), and where the weights would not be finite float32 numbers
 *   > 0
 * @example effectiveWeights([900, 100], 0.99) // Float32Array [0.776, 1.224]
 */
export function effectiveWeights(counts: ArrayLike<number>, beta = 0.999, options?: WeightsOptions): Float32Array {
  const base = fraction('beta', beta);
  const of = (count: number): number => (base === 0 ? 1 : (1 - base) / (1 - power(base, count)));
  return normalised('effectiveWeights', counts, options, ['beta', base], of);
}
