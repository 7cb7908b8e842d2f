import type { Input } from '../input/tensors.ts';
import { logitsOf } from './logits-of.ts';

/** NaN is the largest of all. */
const isAbove = (a: number, b: number): boolean => a > b || (Number.isNaN(a) && !Number.isNaN(b));

/** The class with the largest logit, as a meter predicts: of equals the lowest index, and none of those left out. */
export function prediction(row: ArrayLike<number>, isLeftOut: (c: number) => boolean = () => false): number {
  let best = -1;
  for (let c = 0; c < row.length; c++) {
    if (!isLeftOut(c) && (best < 0 || isAbove(row[c] as number, row[best] as number))) best = c;
  }
  return best;
}

/**
 * Where ties or NaN leave it open: the prediction, and how many classes come before the true one. A class comes before
 * another when its logit is larger, NaN being the largest, or the same at a lower index.
 */
export class Ranking {
  prediction = 0;
  rank = 0;

  settle(input: Input, sample: number, y: number): void {
    const { classes } = input;
    const logit = logitsOf(input, sample);
    const z = logit(y);
    let best = logit(0);
    this.prediction = 0;
    this.rank = 0;
    for (let c = 0; c < classes; c++) {
      const v = logit(c);
      if (isAbove(v, best)) {
        best = v;
        this.prediction = c;
      }
      if (isAbove(v, z) || (c < y && !isAbove(z, v))) this.rank++;
    }
  }
}
