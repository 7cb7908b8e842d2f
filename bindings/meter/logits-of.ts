import { fromHalf } from '../input/half.ts';
import type { Input } from '../input/tensors.ts';

/** A reader of the logits of a sample, by class, as float32. */
export function logitsOf({ logits, half, classes, positions }: Input, sample: number): (c: number) => number {
  const start = Math.floor(sample / positions) * classes * positions + (sample % positions);
  return (c) => {
    const v = logits[start + c * positions] as number;
    return half ? fromHalf(v) : Math.fround(v);
  };
}
