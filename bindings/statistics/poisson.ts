/**
 * Weights of the Poisson bootstrap: how often sample i is drawn in replicate b. Each weight is a hash of (seed, i, b)
 * alone and all of it is integer arithmetic, so replicates can be counted in any order, apart and merged, and are the
 * same bits everywhere (Hanley and MacGibbon, "Creating non-parametric bootstrap samples using Poisson frequencies",
 * 2006; Chamandy et al., "Estimating uncertainty for massive data streams", 2012).
 *
 * All numbers are modulo 2^32, `mix` is the finaliser of MurmurHash3 (Appleby, public domain), low = i mod 2^32 and
 * high = ⌊i / 2^32⌋:
 *
 *     start  = mix(mix(mix(seed ⊕ 0x9e3779b9) + high) + low)
 *     step   = mix(start + 0x9e3779b9) or 1
 *     hash   = mix(start + b · step)
 *     weight = how many of the twelve THRESHOLDS are ≤ hash
 *
 * THRESHOLDS[k] is 2^32 · P(X ≤ k) for X of the Poisson distribution of mean 1, to the nearest integer; more than 12
 * draws have a probability below 2^−34 and do not occur.
 */
export const THRESHOLDS: readonly number[] = [
  0x5e2d58d9, 0xbc5ab1b1, 0xeb715e1e, 0xfb239797, 0xff1025f6, 0xffd90f3c, 0xfffa8b72, 0xffff540c, 0xffffed1f,
  0xfffffe21, 0xffffffd5, 0xfffffffc,
];

const GOLDEN = 0x9e3779b9;

/** The finaliser of MurmurHash3: every bit of the result depends on every bit of x. */
function mix(x: number): number {
  let h = x ^ (x >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Where the walk of a sample through the replicates starts. */
function startOf(seed: number, index: number): number {
  const high = Math.floor(index / 2 ** 32);
  return mix((mix((mix(seed ^ GOLDEN) + high) | 0) + (index | 0)) | 0);
}

function weightOf(hash: number): number {
  const h = hash >>> 0;
  let weight = 0;
  while (weight < 12 && h >= (THRESHOLDS[weight] as number)) weight++;
  return weight;
}

/**
 * The weight of one sample in one replicate.
 *
 * @param seed an integer of 32 bits
 * @param index of the sample, an integer in [0, 2^53)
 * @param replicate an integer in [0, 2^32)
 */
export function poissonWeight(seed: number, index: number, replicate: number): number {
  const start = startOf(seed, index);
  return weightOf(mix((start + Math.imul(replicate, mix((start + GOLDEN) | 0) | 1)) | 0));
}

/** The weights of one sample in replicates 0, 1, …, into `weights`. */
export function poissonWeights(seed: number, index: number, weights: Uint8Array): void {
  let at = startOf(seed, index);
  const step = mix((at + GOLDEN) | 0) | 1;
  for (let b = 0; b < weights.length; b++) {
    weights[b] = weightOf(mix(at));
    at = (at + step) | 0;
  }
}

/**
 * Whether an index belongs to the share of samples held out: a hash of the index below it, so a split is the same in
 * every pass, in any order and over any number of shards. The hash is `start` of seed 0 above.
 *
 * @param share in [0, 1)
 */
export function isHeldOut(index: number, share: number): boolean {
  return startOf(0, index) >>> 0 < share * 2 ** 32;
}
