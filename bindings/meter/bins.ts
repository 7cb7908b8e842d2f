import { carry } from '../backend/limbs.ts';
import type { State } from './state.ts';
import { addTo, UNIT } from './sums.ts';

/** A probability as bins and thresholds take it: in units of 2^−23, ties to even. */
export function roundedToUnit(p: number): number {
  return Math.fround(1 + p) - 1;
}

/** The bin of a probability that has been rounded. */
export const binOf = (p: number, bins: number): number => Math.min(Math.floor(p * bins), bins - 1);

/** Count a probability in its bin; NaN has none. */
export function bin({ words, at, config }: State, probability: number, hit: boolean): void {
  if (Number.isNaN(probability)) return;
  const p = roundedToUnit(probability);
  const row = at.bins.stride * binOf(p, config.bins);
  addTo(words, at.bins.count + row, 1);
  if (hit) addTo(words, at.bins.hits + row, 1);
  addTo(words, at.bins.confidence + row, p * UNIT);
  if (((words[at.bins.count + row] as number) & 0xfffff) === 0) carry(words, at.bins.confidence + row, 2);
}
