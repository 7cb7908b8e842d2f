import { classWeights } from './weights.ts';

/**
 * `classWeights` of the classes that occur, as the option `alpha` of a loss. The weight of a class that never is the
 * target multiplies nothing in the softmax loss and is 1; the mean 1 is over the others, so absent classes change
 * nothing.
 *
 * The sigmoid loss takes α in (0, 1] for the true class and 1 − α for the others: w / (1 + w) makes the odds of the two
 * w.
 *
 * @param perClass how often each class is the target, shape [C]
 */
export function fromFrequencies(perClass: Float64Array, loss: 'softmax' | 'sigmoid'): number[] {
  const present = perClass.filter((count) => count > 0);
  const weights = present.length > 0 ? classWeights(present) : [];
  let next = 0;
  return Array.from(perClass, (count) => {
    const w = count > 0 ? weights[next++]! : 1;
    return loss === 'softmax' ? w : w / (1 + w);
  });
}
