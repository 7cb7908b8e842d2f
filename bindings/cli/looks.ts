/**
 * Logits that look like probabilities, numbers that cannot be the probabilities they are said to be, and targets of the softmax loss
 * that are tags and no shares: the commonest mistakes, and such that no shape or type tells.
 */

import type { Chunk, Dataset } from '../files/dataset.ts';
import { fromHalf } from '../input/half.ts';
import { firstLogit } from '../input/tensors.ts';
import type { LossOptions } from './grammar.ts';

/** So many samples are looked at. */
const LOOKED_AT = 4096;
/** How far a sum of rounded probabilities may be from 1. */
const SUM = 1e-3;

export class Looks {
  readonly #softmax: boolean;
  readonly #remedy: string;
  readonly #input: LossOptions['input'];
  /** What cannot be what the numbers are said to be. */
  #impossible: string | null = null;
  #seen = 0;
  #probable: boolean;
  /** How many tags a sample has, where there is one with others than one. */
  #tags: string | null = null;

  /** Nothing is suspected of numbers that are said to be something else. */
  constructor({ loss, input }: Pick<LossOptions, 'loss' | 'input'>, remedy = 'say --input probabilities') {
    this.#softmax = loss === 'softmax';
    this.#remedy = remedy;
    this.#input = input;
    this.#probable = input === 'logits';
  }

  /** Look at the first chunk of files. */
  async at(dataset: Dataset): Promise<this> {
    for await (const chunk of dataset.chunks(0, Math.min(LOOKED_AT, dataset.samples ?? LOOKED_AT))) {
      this.see(chunk.logits, chunk.targets);
      break;
    }
    return this;
  }

  /** Look at logits `[b, C, p]`, the first ones of a file alone, and at the targets where they are given. */
  see({ data, dims, type }: Chunk['logits'], targets?: Chunk['targets']): void {
    const [batch, classes, positions] = dims as readonly [number, number, number];
    const samples = batch * positions;
    const dense = targets?.dims?.length === 3;
    if (this.#softmax && dense) this.#count(targets.data, [batch, classes, positions]);
    const read = type === 'float16' ? fromHalf : Number;
    if (this.#input !== 'logits') {
      const some = Math.min(samples, LOOKED_AT - this.#seen);
      this.#seen += some;
      this.#doubt(data, some * classes, read);
      return;
    }
    for (let i = 0; i < samples && this.#probable && this.#seen < LOOKED_AT; i++, this.#seen++) {
      const start = firstLogit({ classes, positions }, i);
      let sum = 0;
      for (let c = 0; c < classes && this.#probable; c++) {
        const z = read(data[start + c * positions] as number);
        sum += z;
        this.#probable = z >= 0 && z <= 1 + SUM;
      }
      if (this.#softmax) this.#probable &&= Math.abs(sum - 1) <= SUM;
    }
  }

  /** Look for rows of whole numbers in the shape of the logits that are not one 1 among zeros. */
  #count(data: ArrayLike<number | bigint>, [batch, classes, positions]: readonly [number, number, number]): void {
    const samples = Math.min(batch * positions, LOOKED_AT - this.#seen);
    for (let i = 0; i < samples && this.#tags === null; i++) {
      const start = firstLogit({ classes, positions }, i);
      const row = Array.from({ length: classes }, (_, c) => Number(data[start + c * positions]));
      const sum = row.reduce((a, b) => a + b, 0);
      if (sum !== 1 && row.every((share) => share === 0 || share === 1)) this.#tags = `one has ${sum || 'none'}`;
    }
  }

  /** Look for numbers outside [0, 1], of logarithms above 0. */
  #doubt(data: Chunk['logits']['data'], length: number, read: (x: number) => number): void {
    const [least, most] = this.#input === 'probabilities' ? [0, 1 + SUM] : [-Infinity, SUM];
    for (let i = 0; i < length && this.#impossible === null; i++) {
      const z = read(data[i] as number);
      if (z < least || z > most) this.#impossible = `${z}`;
    }
  }

  /** What to tell the user, or null. */
  get warning(): string | null {
    if (this.#impossible !== null) {
      const range = this.#input === 'probabilities' ? 'between 0 and 1' : 'at most 0';
      const what = `the numbers are not all ${range}, as ${this.#input} are: one is ${this.#impossible}`;
      return `${what}. If they are logits, leave out --input`;
    }
    if (this.#tags !== null) {
      const what = `the targets look like tags, any number a sample: ${this.#tags}`;
      return `${what}. If they are, say --loss sigmoid: softmax takes them for shares that sum to 1`;
    }
    if (!this.#probable || this.#seen === 0) return null;
    const what = this.#softmax ? 'are not negative and sum to 1' : 'are all between 0 and 1';
    return `the logits look like probabilities: the first ${this.#seen} rows ${what}. If they are, ${this.#remedy}`;
  }
}
