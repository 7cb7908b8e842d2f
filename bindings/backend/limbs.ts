import { SUM_INFINITE, SUM_LIMBS, SUM_NAN } from './constants.ts';
import type { Kernels } from './kernels.ts';

/**
 * Exact sums of float32 values ≥ 0 as limbs: 12 float64 words holding integers, limb j in units of 2^(32·j − 149). Once
 * carried, every limb lies in [0, 2^32), so that a given sum has one form.
 */
export const LIMBS = SUM_LIMBS;
const LIMB = 2 ** 32;

/** Take a float64 that is a multiple of 2^−149 apart, limb by limb from the highest it reaches. */
export function deposit(words: Float64Array, at: number, value: number): void {
  if (value === 0) return;
  const exponent = Math.floor(Math.log2(Math.abs(value))) + 149;
  let rest = value;
  for (let j = Math.min(Math.max((exponent >> 5) + 1, 0), LIMBS - 1); rest !== 0; j--) {
    const unit = 2 ** (32 * j - 149);
    const part = j === 0 ? rest / unit : Math.trunc(rest / unit);
    (words[at + j] as number) += part;
    rest -= part * unit;
  }
}

/** Carry, from the word at `at` over `n` of them; the last takes what is left, however much. */
export function carry(words: Float64Array, at: number, n: number): void {
  let over = 0;
  for (let j = at; j < at + n - 1; j++) {
    const limb = (words[j] as number) + over;
    over = Math.floor(limb / LIMB);
    words[j] = limb - over * LIMB;
  }
  (words[at + n - 1] as number) += over;
}

/** The sum in units of 2^−149. */
export function sumInUnits(words: Float64Array, at: number): bigint {
  let bits = 0n;
  for (let j = at + LIMBS - 1; j >= at; j--) bits = (bits << 32n) | BigInt(words[j] as number);
  return bits;
}

/** Such a number of units as the nearest float64 (ties to even): 2^−149 scales exactly. */
export function fromUnits(bits: bigint): number {
  return Number(bits) * 2 ** -149;
}

/** An exact sum of the kernels as the nearest float64, NaN or ∞ where one of its values was. */
export function nearestNumber(kernels: Pick<Kernels, 'limb'>, sum: number): number {
  if (kernels.limb(sum, SUM_NAN) > 0) return NaN;
  if (kernels.limb(sum, SUM_INFINITE) > 0) return Infinity;
  let bits = 0n;
  for (let j = LIMBS - 1; j >= 0; j--) {
    const limb = kernels.limb(sum, j);
    if (bits !== 0n || limb !== 0) bits = (bits << 32n) | BigInt(limb);
  }
  return fromUnits(bits);
}
