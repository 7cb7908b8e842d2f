import { wrongType } from '../input/errors.ts';

/**
 * One of the samples with the largest loss. Sigmoid: the loss summed over the classes, the class with the largest logit.
 * `target` is null where it is no class index.
 */
export type Hard = readonly [index: number, target: number | null, prediction: number, lossBits: number];

const NAN_BITS = 0x7fc00000;

/** The bits of a float32 loss, one pattern for all NaNs. Losses are ≥ 0, so bits have the order of the numbers, NaN last. */
export function lossBits(bits: number): number {
  return (bits & 0x7fffffff) > 0x7f800000 ? NAN_BITS : bits;
}

/** Whether these can be the bits of a loss. */
export const isLossBits = (bits: number): boolean =>
  (Number.isInteger(bits) && bits >= 0 && bits <= 0x7f800000) || bits === NAN_BITS;

/** By loss, the largest first, then by index. */
export function byLoss(a: Hard, b: Hard): number {
  return b[3] - a[3] || a[0] - b[0] || (a[1] ?? -1) - (b[1] ?? -1) || a[2] - b[2];
}

/** One of them as JSON has it; whether its numbers can be is checked later. */
export function readHard(name: string, value: unknown): Hard {
  const [index, target, prediction, bits] = Array.isArray(value) && value.length === 4 ? value : [];
  const numbers = [index, prediction, bits].every((x) => typeof x === 'number');
  if (!numbers || !(target === null || typeof target === 'number')) {
    throw wrongType(name, '[index, target, prediction, loss]', value);
  }
  return [index, target, prediction, bits];
}

/** The samples with the largest loss, at most so many. */
export class Hardest {
  readonly most: number;
  /** Bits of the loss a sample must reach to be among them. */
  threshold: number;
  #samples: Hard[];

  constructor(most: number, samples: readonly Hard[] = []) {
    this.most = most;
    this.threshold = most > 0 ? 0 : Infinity;
    this.#samples = [...samples];
    this.#cut();
  }

  /** Offer a sample; the list is cut only now and then. */
  offer(sample: Hard): void {
    this.#samples.push(sample);
    if (this.#samples.length >= 2 * this.most + 64) this.#cut();
  }

  /** Sorted by `byLoss`. */
  get samples(): readonly Hard[] {
    this.#cut();
    return this.#samples;
  }

  #cut(): void {
    this.#samples.sort(byLoss);
    if (this.#samples.length > this.most) this.#samples.length = this.most;
    if (this.most > 0 && this.#samples.length === this.most) this.threshold = (this.#samples[this.most - 1] as Hard)[3];
  }
}
