import { holm, precisionDifference } from '../statistics/index.ts';
import type { ClassFidelity, ClassQuality, TestedDelta } from './fields.ts';

/**
 * What is known of the difference of a class's precisions.
 *
 * Who chose what, and rightly, is told by the counts of the predictions and of the class's own samples; where other
 * samples, that had no targets, are among the predictions, it is not, and the precisions do not come out of the counts.
 */
export function precisionOf(
  { baseline, candidate, left }: ClassFidelity,
  { support, recall, precision }: Pick<ClassQuality, 'support' | 'recall' | 'precision'>,
  z: number,
): ReturnType<typeof precisionDifference> {
  const hits = [recall.baseline, recall.candidate].map((share) => Math.round((share ?? 0) * support));
  const [first, second] = hits as [number, number];
  if (precision.baseline !== first / baseline || precision.candidate !== second / candidate) return null;
  const both = baseline - left;
  const rights = first - recall.lost;
  return precisionDifference(
    {
      right: [rights, recall.lost, recall.won],
      wrong: [both - rights, left - recall.lost, candidate - both - recall.won],
    },
    z,
  );
}

/** Fill in the p-values adjusted for all of them. */
export function adjust(deltas: readonly TestedDelta[]): void {
  const adjusted = holm(deltas.map(({ p }) => p));
  for (const [i, delta] of deltas.entries()) delta.adjusted = adjusted[i] ?? null;
}
