import { fromHalf } from '../input/half.ts';
import { firstLogit, type Input } from '../input/tensors.ts';

/** A reader of the logits of a sample, by class, as float32. */
export function logitsOf(input: Input, sample: number): (c: number) => number {
  const { logits, half, positions } = input;
  const start = firstLogit(input, sample);
  return (c) => {
    const v = logits[start + c * positions] as number;
    return half ? fromHalf(v) : Math.fround(v);
  };
}
