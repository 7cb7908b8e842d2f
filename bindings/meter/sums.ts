/** What is added to the words of a state one by one, or as the kernels have kept it. */
import { SUM_INFINITE, SUM_NAN, TALLY_LARGEST } from '../backend/constants.ts';
import type { Kernels } from '../backend/kernels.ts';
import { carry, deposit, LIMBS } from '../backend/limbs.ts';
import type { State } from './state.ts';
import { INFINITE, NAN } from './words.ts';

/** 1.5·2^20: adding it in float64 leaves a multiple of 2^−32. */
const ANCHOR = 1572864;
/** A confidence of 1 in the units of bins. */
export const UNIT = 2 ** 32;

/** Values in [2^−51, 128], and 0, are split at 2^−32, the others go to the limbs bit by bit. */
function isPlain(v: number): boolean {
  return (v >= 2 ** -51 && v <= TALLY_LARGEST) || v === 0;
}

/**
 * Add to a sum, without carrying, sums of up to 8191 plain values: multiples of 2^−32 and what is left over. The limbs
 * they reach are known: units 2^−85, 2^−53, 2^−21, 2^11.
 */
export function depositParts(words: Float64Array, at: number, high: number, low: number): void {
  const top = Math.floor(high * 2 ** -11);
  const below = high - top * 2 ** 11;
  const middle = Math.floor(below * 2 ** 21);
  const bottom = Math.trunc(low * 2 ** 53);
  (words[at + 2] as number) += (low - bottom * 2 ** -53) * 2 ** 85;
  words[at + 3] = (words[at + 3] as number) + (below - middle * 2 ** -21) * 2 ** 53 + bottom;
  (words[at + 4] as number) += middle;
  (words[at + 5] as number) += top;
}

/** Add n to a count. */
export function addTo(words: Float64Array, at: number, n: number): void {
  (words[at] as number) += n;
}

/** Add one value to an exact sum, without carrying. */
export function addValue(words: Float64Array, sum: number, v: number): void {
  if (isPlain(v)) {
    const high = v + ANCHOR - ANCHOR;
    depositParts(words, sum, high, v - high);
  } else if (v < Infinity) {
    deposit(words, sum, v);
  } else {
    addTo(words, sum + (Number.isNaN(v) ? NAN : INFINITE), 1);
  }
}

/** Add the numbers of a sample, float32 each, and their squares, each rounded to it, without carrying. */
export function addSample({ words, at }: State, loss: number, crossEntropy: number, brier: number): void {
  addValue(words, at.totals.crossEntropy, crossEntropy);
  addValue(words, at.totals.brier, brier);
  addValue(words, at.squares.loss, Math.fround(loss * loss));
  addValue(words, at.squares.crossEntropy, Math.fround(crossEntropy * crossEntropy));
  addValue(words, at.squares.brier, Math.fround(brier * brier));
}

/** Carry the confidences of the bins. */
export function carryBins({ words, at }: State): void {
  for (let b = 0, to = at.bins.confidence; b < at.bins.rows; b++, to += at.bins.stride) carry(words, to, 2);
}

/** Add one loss to a class's sum, without carrying. */
export function addLoss({ words, at }: State, c: number, v: number): void {
  addValue(words, at.classes.loss + c * at.classes.stride, v);
}

/** Add an exact sum of the kernels to one of the state. */
export function addSum(kernels: Pick<Kernels, 'limb'>, sum: number, words: Float64Array, at: number): void {
  for (let j = 0; j < LIMBS; j++) addTo(words, at + j, kernels.limb(sum, j));
  addTo(words, at + INFINITE, kernels.limb(sum, SUM_INFINITE));
  addTo(words, at + NAN, kernels.limb(sum, SUM_NAN));
  carry(words, at, LIMBS);
}
