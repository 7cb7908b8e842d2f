import { wrongType } from '../input/errors.ts';

/**
 * One of the samples with the largest loss. Sigmoid: the loss summed over the classes, the class with the largest
 * logit. `target` is null where it is no class index.
 */
export type Hard = readonly [index: number, target: number | null, prediction: number, lossBits: number];

const NAN_BITS = 0x7fc00000;

/**
 * The bits of a float32 loss, one pattern for all NaNs. Losses are ≥ 0, so bits have the order of the numbers, NaN
 * last.
 */
export function lossBits(bits: number): number {
  return (bits & 0x7fffffff) > 0x7f800000 ? NAN_BITS : bits;
}

/** Whether these can be the bits of a loss. */
export const isLossBits = (bits: number): boolean =>
  (Number.isInteger(bits) && bits >= 0 && bits <= 0x7f800000) || bits === NAN_BITS;

/** The bits of the loss. */
export const lossOf = ([, , , bits]: Hard): number => bits;

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

/** The samples that are worst by some measure, such as the loss or its rise, at most so many. */
export class Hardest<Sample> {
  readonly most: number;
  /** What a sample must measure to be among them. */
  threshold: number;
  readonly #order: (a: Sample, b: Sample) => number;
  readonly #measure: (sample: Sample) => number;
  #samples: Sample[];

  /**
   * @param order the worst first, and no two samples equal
   * @param measure what `order` goes by first; no sample below 0 is among them
   */
  constructor(
    most: number,
    order: (a: Sample, b: Sample) => number,
    measure: (sample: Sample) => number,
    samples: readonly Sample[] = [],
  ) {
    this.most = most;
    this.threshold = most > 0 ? 0 : Infinity;
    this.#order = order;
    this.#measure = measure;
    this.#samples = [...samples];
    this.#cut();
  }

  /** Offer a sample; the list is cut only now and then. */
  offer(sample: Sample): void {
    this.#samples.push(sample);
    if (this.#samples.length >= 2 * this.most + 64) this.#cut();
  }

  /** Sorted by the order. */
  get samples(): readonly Sample[] {
    this.#cut();
    return this.#samples;
  }

  #cut(): void {
    const { most } = this;
    this.#samples.sort(this.#order);
    if (this.#samples.length > most) this.#samples.length = most;
    if (most > 0 && this.#samples.length === most) this.threshold = this.#measure(this.#samples[most - 1] as Sample);
  }
}
