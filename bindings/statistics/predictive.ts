/** Two precisions (positive predictive values) on the same samples: each is over the samples that its side chose. */
import { type Interval, wilson } from './intervals.ts';
import { normalCdf } from './normal.ts';

/** Counts of the samples that either side chose, by who did and whether they are of the class. */
export interface Chosen {
  /** Of the class: chosen by both, by the first alone, by the second alone. */
  readonly right: readonly [both: number, first: number, second: number];
  /** Not of the class. */
  readonly wrong: readonly [both: number, first: number, second: number];
}

/** What is known of a difference of precisions. */
export interface PrecisionDifference {
  /** second − first. */
  readonly difference: number;
  /** By the delta method: what each sample moves the difference by, squared and summed. */
  readonly standardError: number;
  /**
   * The weighted generalized score test of Kosinski, "A weighted generalized score statistic for comparison of
   * predictive values of diagnostic tests" (2013), two-sided; where no sample was chosen by both it is the test of two
   * proportions.
   */
  readonly p: number;
  /**
   * From Wilson's intervals of either precision and their correlation, after Zou and Donner, "Construction of
   * confidence limits about effect measures" (2008), as Newcombe's method 10 is for pairs.
   */
  readonly interval: Interval;
}

/**
 * Compare two precisions.
 *
 * @param z critical value of the interval, 1.96 for 95 %
 * @returns null where either side chose no sample
 */
export function precisionDifference({ right, wrong }: Chosen, z: number): PrecisionDifference | null {
  const [[rights, first, second], [wrongs, others, more]] = [right, wrong];
  const n = [rights + first + wrongs + others, rights + second + wrongs + more] as const;
  if (n[0] === 0 || n[1] === 0) return null;
  const hits = [rights + first, rights + second] as const;
  const [a, b] = [hits[0] / n[0], hits[1] / n[1]];
  const difference = b - a;

  const squares =
    rights * ((1 - b) / n[1] - (1 - a) / n[0]) ** 2 +
    wrongs * (b / n[1] - a / n[0]) ** 2 +
    first * ((1 - a) / n[0]) ** 2 +
    second * ((1 - b) / n[1]) ** 2 +
    others * (a / n[0]) ** 2 +
    more * (b / n[1]) ** 2;

  const all = n[0] + n[1];
  const pooled = (hits[0] + hits[1]) / all;
  const shared = (rights * (1 - pooled) ** 2 + wrongs * pooled ** 2) / all;
  const score = (pooled * (1 - pooled) - 2 * shared) * (1 / n[0] + 1 / n[1]);
  const p = score > 0 ? 2 * normalCdf(-Math.abs(difference) / Math.sqrt(score)) : 1;

  const [one, other] = [wilson(hits[0], n[0], z), wilson(hits[1], n[1], z)] as [Interval, Interval];
  const variances = (a * (1 - a) * b * (1 - b)) / (n[0] * n[1]);
  const covariance = (rights * (1 - a) * (1 - b) + wrongs * a * b) / (n[0] * n[1]);
  // where a precision is 0 or 1 the share of samples that both chose is all that is known of it
  const correlation =
    variances > 0
      ? Math.max(-1, Math.min(1, covariance / Math.sqrt(variances)))
      : (rights + wrongs) / Math.sqrt(n[0] * n[1]);
  const reach = (x: number, y: number) => Math.sqrt(Math.max(0, x * x + y * y - 2 * correlation * x * y));
  const interval: Interval = [
    Math.max(-1, difference - reach(b - other[0], one[1] - a)),
    Math.min(1, difference + reach(other[1] - b, a - one[0])),
  ];
  return { difference, standardError: Math.sqrt(squares), p, interval };
}
