import { type Interval, meanInterval, normalInterval, ratioOf, wilson } from '../../statistics/index.ts';
import type { Counts, Sizes } from './counts.ts';
import { total } from './exact-sum.ts';

/** null: not defined (nothing to divide by) or not finite. */
export type Metric = number | null;

/** The value of a metric, and the interval that its counts give, where there is one. */
export interface Estimate {
  readonly value: Metric;
  /** @param z critical value, 1.96 for 95 % */
  readonly interval?: (z: number) => Interval | null;
}

export const finite = (x: number): Metric => (Number.isFinite(x) ? x : null);

/** a / b, null where b is 0. */
export const ratio = (a: number, b: number): Metric => finite(a / b);

/** A number whose interval, if any, comes from the bootstrap. */
export const plain = (value: Metric): Estimate => ({ value });

/** Hits of n: Wilson's interval. */
export const share = (hits: number, n: number): Estimate => ({
  value: ratio(hits, n),
  interval: (z) => wilson(hits, n, z),
});

/**
 * A mean over logits, of which samples have more or fewer, and its standard error.
 *
 * @param sum of a number over n samples, `squares` of its square, `ofIgnored` of its product with how many logits are
 *   ignored
 */
export function overLogits(n: number, sizes: Sizes, sum: number, squares: number, ofIgnored: number) {
  const { classes, ignored } = sizes;
  return ratioOf(
    n,
    { sum, squares, products: classes * sum - ofIgnored },
    { sum: n * classes - ignored, squares: n * classes * classes - 2 * classes * ignored + sizes.squares },
  );
}

/**
 * The mean of a sum: over the samples (softmax), over their logits (sigmoid); the normal interval, whose unit is the
 * sample.
 */
export function mean(
  { samples: n, decisions, sums, sizes }: Counts,
  name: 'loss' | 'crossEntropy' | 'brier',
): Estimate {
  if (sums === null) return { value: null };
  const { sum, squares } = sums[name];
  const each = decisions / n;
  const value = ratio(total(sum), decisions);
  return {
    value,
    interval: (z) => {
      if (value === null || squares === null || squares.infinite + squares.nan > 0) return null;
      if (sizes) {
        const { standardError } = overLogits(n, sizes, total(sum), total(squares), sizes[name]);
        const interval = Number.isFinite(standardError) ? normalInterval(value, standardError, z) : null;
        return interval && [Math.max(0, interval[0]), interval[1]];
      }
      const interval = meanInterval(n, sum.units, squares.units, z);
      return interval && [Math.max(0, interval[0] / each), interval[1] / each];
    },
  };
}
