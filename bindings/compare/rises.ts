import { fromBits } from '../meter/float-bits.ts';
import { isLossBits } from '../meter/hardest.ts';

/** A sample whose loss rose: what both sides said of it. */
export type Rise = readonly [
  index: number,
  target: number | null,
  baselinePrediction: number,
  candidatePrediction: number,
  baselineBits: number,
  candidateBits: number,
];

/** By how much the loss rose: ∞ where only the candidate's is not finite, −∞ where only the baseline's is not. */
export function rise(before: number, after: number): number {
  const [was, is] = [Number.isFinite(before), Number.isFinite(after)];
  if (was && is) return Math.fround(after - before);
  return was === is ? 0 : was ? Infinity : -Infinity;
}

/** By how much the loss of a sample rose. */
export const riseOf = ([, , , , before, after]: Rise): number => rise(fromBits(before), fromBits(after));

/** By the rise, the largest first, then by index. */
export function byRise(a: Rise, b: Rise): number {
  const [mine, theirs] = [riseOf(a), riseOf(b)];
  if (mine !== theirs) return theirs - mine;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return (a[i] ?? -1) - (b[i] ?? -1);
  return 0;
}

/** Whether these can be the bits of losses of which the second is the larger. */
export const isRise = (sample: Rise): boolean => isLossBits(sample[4]) && isLossBits(sample[5]) && riseOf(sample) > 0;
