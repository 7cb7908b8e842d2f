import { type Interval, meanInterval, wilson } from '../../statistics/index.ts';

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

/** An exact sum, in units of 2^−149, and how many of its values were +∞ or NaN. */
export interface ExactSum {
  readonly units: bigint;
  readonly infinite: number;
  readonly nan: number;
}

/** 2^−149 scales exactly; ties to even. */
export const total = ({ units, infinite, nan }: ExactSum): number =>
  nan > 0 ? NaN : infinite > 0 ? Infinity : Number(units) * 2 ** -149;

/**
 * A mean over `n · each` values, given the sums over each of n samples: the normal interval, whose unit is the sample.
 *
 * @param squares the sum of the squares of a sample's sums; null where it is not known
 */
export function mean(n: number, each: number, sum: ExactSum, squares: ExactSum | null): Estimate {
  const value = ratio(total(sum), n * each);
  return {
    value,
    interval: (z) => {
      if (value === null || squares === null || squares.infinite + squares.nan > 0) return null;
      const interval = meanInterval(n, sum.units, squares.units, z);
      return interval && [Math.max(0, interval[0] / each), interval[1] / each];
    },
  };
}
