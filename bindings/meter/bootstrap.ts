import { poissonWeights } from '../statistics/index.ts';
import type { State } from './state.ts';

/**
 * Counts samples into the replicates of the bootstrap, each as often as it was drawn: a hash of the seed, its index and
 * the replicate (statistics/poisson.ts), so that replicates are counts like all others.
 */
export class Resampler {
  readonly #weights: Uint8Array;
  /** Counts of the sample: places among the words of the first replicate's classes, to each of which 1 is added. */
  readonly places: number[] = [];
  /** Classes of which it has no logit that counts. */
  readonly ignored: number[] = [];
  /** Bins it has values in, and of each how many, how many hits and the sum of the confidences in units of 2^−32. */
  readonly bins: { bin: number; count: number; hits: number; confidence: number }[] = [];

  constructor(replicates: number) {
    this.#weights = new Uint8Array(replicates);
  }

  /**
   * Count in the sample whose counts are in `places`, `ignored` and `bins`, which are empty then.
   *
   * @param sample 1, or 0 where the sample itself has been counted in with others of its classes
   */
  add(state: State, index: number, sample: 0 | 1): void {
    const { words, at, config } = state;
    // as many as it may add to a limb in units of 2^32
    state.makeRoom(12 * (config.variant === 'softmax' ? 1 : config.classes));
    const weights = this.#weights;
    poissonWeights(config.seed, index, weights);
    const ofClasses = config.classes * at.replicateClasses.stride;
    const { count, hits, confidence, stride } = at.replicateBins;
    for (let b = 0; b < weights.length; b++) {
      const w = weights[b] as number;
      if (w === 0) continue;
      const own = at.replicates.samples + b * at.replicates.stride;
      (words[own] as number) += w * sample;
      for (const c of this.ignored) {
        const place = at.replicateIgnored.samples + b * config.classes + c;
        (words[place] as number) += w;
      }
      for (const place of this.places) (words[place + b * ofClasses] as number) += w;
      for (const one of this.bins) {
        const row = (b * config.bins + one.bin) * stride;
        (words[count + row] as number) += w * one.count;
        (words[hits + row] as number) += w * one.hits;
        (words[confidence + row] as number) += w * one.confidence;
      }
    }
    this.places.length = 0;
    this.ignored.length = 0;
    this.bins.length = 0;
  }

  /** Count a probability in its bin. */
  addToBin(bin: number, hit: boolean, confidence: number): void {
    let one = this.bins.find((other) => other.bin === bin);
    if (!one) {
      one = { bin, count: 0, hits: 0, confidence: 0 };
      this.bins.push(one);
    }
    one.count++;
    one.hits += hit ? 1 : 0;
    one.confidence += confidence;
  }
}
