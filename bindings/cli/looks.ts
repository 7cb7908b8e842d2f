/** Logits that look like probabilities: the commonest mistake, and one that no shape or type tells. */

import type { Chunk } from '../files/dataset.ts';
import { fromHalf } from '../input/half.ts';
import type { LossOptions } from './grammar.ts';

/** So many samples are looked at. */
export const LOOKED_AT = 4096;
/** How far a sum of rounded probabilities may be from 1. */
const SUM = 1e-3;

export class Looks {
  readonly #softmax: boolean;
  readonly #remedy: string;
  #seen = 0;
  #probable: boolean;

  /** Nothing is suspected of numbers that are said to be something else. */
  constructor({ loss, input }: Pick<LossOptions, 'loss' | 'input'>, remedy = 'say --input probabilities') {
    this.#softmax = loss === 'softmax';
    this.#remedy = remedy;
    this.#probable = input === 'logits';
  }

  /** Look at logits `[b, C, p]`, the first ones of a file alone. */
  see({ data, dims, type }: Chunk['logits']): void {
    const [batch, classes, positions] = dims as readonly [number, number, number];
    const samples = batch * positions;
    const read = type === 'float16' ? fromHalf : Number;
    for (let i = 0; i < samples && this.#probable && this.#seen < LOOKED_AT; i++, this.#seen++) {
      const start = Math.floor(i / positions) * classes * positions + (i % positions);
      let sum = 0;
      for (let c = 0; c < classes && this.#probable; c++) {
        const z = read(data[start + c * positions] as number);
        sum += z;
        this.#probable = z >= 0 && z <= 1 + SUM;
      }
      if (this.#softmax) this.#probable &&= Math.abs(sum - 1) <= SUM;
    }
  }

  /** What to tell the user, or null. */
  get warning(): string | null {
    if (!this.#probable || this.#seen === 0) return null;
    const what = this.#softmax ? 'are not negative and sum to 1' : 'are all between 0 and 1';
    return `the logits look like probabilities: the first ${this.#seen} rows ${what}. If they are, ${this.#remedy}`;
  }
}
