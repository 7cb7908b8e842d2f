import { outOfRange } from './errors.ts';
import { number, numbers } from './options.ts';

/**
 * Class weights from class frequencies: 1 / rate^beta, divided by their mean.
 *
 * @param rates frequency (or count) of each class, shape [C], each > 0
 * @param beta how much rare classes are raised: 0 not at all, 1 (default) by the inverse of their frequency
 * @returns Float32Array of shape [C] with mean 1, ready to be a softmax loss's `alpha`
 * @throws TypeError when rates is no array of numbers, or beta no number; RangeError for a rate ≤ 0 or not finite, for a
 *   beta that is not finite, and where the weights would not be finite float32 numbers > 0
 * @example classWeights([0.9, 0.1]) // Float32Array [0.2, 1.8]
 */
export function classWeights(rates: ArrayLike<number>, beta = 1): Float32Array {
  const values = numbers('rates', rates, 'a finite number > 0', (x) => x > 0 && x < Infinity);
  const power = number('beta', beta, 'a finite number', Number.isFinite);
  const raw = values.map((rate) => 1 / rate ** power);
  const mean = raw.reduce((sum, w) => sum + w, 0) / raw.length;
  const weights = Float32Array.from(raw, (w) => w / mean);
  if (!weights.every((w) => w > 0 && w < Infinity)) throw outOfRange('beta', 'weights within float32', power);
  return weights;
}
