import { criticalValue, normalQuantile } from './normal.ts';

/** Lower and upper end. */
export type Interval = readonly [lower: number, upper: number];

/**
 * The score interval of a proportion, after Wilson, "Probable inference" (1927): statsmodels' `proportion_confint` with
 * `method='wilson'`.
 *
 * @param hits how many of `n` were hits
 * @param n how many there were
 * @param z critical value, 1.96 for 95 %
 * @returns null when n is 0
 */
export function wilson(hits: number, n: number, z: number): Interval | null {
  if (n === 0) return null;
  const p = hits / n;
  const square = z * z;
  const middle = (hits + square / 2) / (n + square);
  const reach = (z / (n + square)) * Math.sqrt(n * p * (1 - p) + square / 4);
  // at the ends rounding must not leave out what was seen
  return [hits === 0 ? 0 : Math.max(0, middle - reach), hits === n ? 1 : Math.min(1, middle + reach)];
}

/** An integer as the nearest float64, times 2^−e, though it may be larger than any float64. */
function scaled(x: bigint, e: number): number {
  const size = (x < 0n ? -x : x).toString(2).length;
  const drop = Math.max(0, size - 64);
  const [high, exponent] = [Number(x >> BigInt(drop)), drop - e];
  // in two steps: 2^exponent alone may be out of range where the product is not
  const half = Math.trunc(exponent / 2);
  return high * 2 ** half * 2 ** (exponent - half);
}

/**
 * Mean, and its standard error √(s²/n) with s² of n − 1 degrees of freedom, from exact sums: nothing cancels, however
 * far from 0 the values lie.
 *
 * @param n how many values
 * @param sum their sum, in units of 2^−149
 * @param squares the sum of their squares, in the same units
 * @returns null when n is 0; a standard error of 0 for n = 1 would claim too much, so it is infinite
 */
export function meanOf(n: number, sum: bigint, squares: bigint): { mean: number; standardError: number } | null {
  if (n === 0) return null;
  const count = BigInt(n);
  // n·Σx² − (Σx)², in units of 2^−298; squares that were rounded one by one can leave it below 0
  const spread = ((count * squares) << 149n) - sum * sum;
  const standardError = n === 1 ? Infinity : spread <= 0n ? 0 : Math.sqrt(scaled(spread, 298) / n / n / (n - 1));
  return { mean: scaled(sum, 149) / n, standardError };
}

/**
 * Σx/Σm over n samples that have m values each, whose sums are x, and its standard error by linearisation, n − 1
 * degrees of freedom: Cochran, "Sampling Techniques" (1977), 6.4. Where every m is the same it is `meanOf` over m.
 *
 * @param x Σx, Σx² and Σx·m
 * @param m Σm, above 0, and Σm²
 * @param n how many samples, at least 1; a standard error of 0 for n = 1 would claim too much, so it is infinite
 */
export function ratioOf(
  n: number,
  x: { sum: number; squares: number; products: number },
  m: { sum: number; squares: number },
): { mean: number; standardError: number } {
  const mean = x.sum / m.sum;
  // Σ(x − mean·m)²
  const spread = x.squares - 2 * mean * x.products + mean * mean * m.squares;
  const standardError = n === 1 ? Infinity : Math.sqrt((Math.max(0, spread) * n) / (n - 1)) / m.sum;
  return { mean, standardError };
}

/** The normal interval mean ± z · standard error. */
export function normalInterval(mean: number, standardError: number, z: number): Interval {
  return [mean - z * standardError, mean + z * standardError];
}

/**
 * The normal interval of a mean from exact sums, see `meanOf`.
 *
 * @returns null when n < 2
 */
export function meanInterval(n: number, sum: bigint, squares: bigint, z: number): Interval | null {
  const known = n < 2 ? null : meanOf(n, sum, squares);
  return known && normalInterval(known.mean, known.standardError, z);
}

/**
 * The score interval of the difference (won − lost)/n of two paired proportions, after Tango, "Equivalence test and
 * confidence interval for the difference in proportions for the paired-sample design" (1998). It is to paired
 * proportions what Wilson's is to one: where no pair differs it still is as wide as n samples leave it.
 *
 * @param lost pairs in which only the first was a hit
 * @param won pairs in which only the second was
 * @param n all pairs
 * @param z critical value, 1.96 for 95 %
 * @returns null when n is 0
 */
export function pairedInterval(lost: number, won: number, n: number, z: number): Interval | null {
  if (n === 0) return null;
  const upper = pairedUpper(won, lost, n, z);
  const lower = -pairedUpper(lost, won, n, z);
  return [lower === 0 ? 0 : lower, upper];
}

/** The largest difference d = (b − c)/n that the score test does not reject: it falls as d grows. */
function pairedUpper(b: number, c: number, n: number, z: number): number {
  const rejected = (d: number): boolean => {
    // the share of the c pairs when d is true, by maximum likelihood
    const linear = -b - c + (2 * n - b + c) * d;
    const share = (Math.sqrt(linear * linear + 8 * n * c * d * (1 - d)) - linear) / (4 * n);
    const variance = n * (2 * share + d * (1 - d));
    return n * d - (b - c) > z * Math.sqrt(Math.max(0, variance));
  };
  let low = (b - c) / n;
  let high = 1;
  if (!rejected(high)) return 1;
  for (let k = 0; k < 60 && high - low > 1e-16; k++) {
    const middle = (low + high) / 2;
    if (rejected(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/**
 * The percentile interval of bootstrap replicates, after Efron (1979): their (1 ± confidence)/2 quantiles, interpolated
 * as numpy's `quantile` does.
 *
 * @param replicates in any order; null and NaN stand for replicates in which the number is not defined, and are left
 *   out
 * @returns null when fewer than two are left
 */
export function percentileInterval(replicates: Iterable<number | null>, confidence: number): Interval | null {
  const sorted = defined(replicates).sort();
  if (sorted.length < 2) return null;
  const at = (q: number): number => {
    const place = q * (sorted.length - 1);
    const below = Math.floor(place);
    const low = sorted[below] as number;
    const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
    return low + (high - low) * (place - below);
  };
  return [at((1 - confidence) / 2), at((1 + confidence) / 2)];
}

/**
 * The standard error from bootstrap replicates: their standard deviation (n − 1).
 *
 * @returns null when fewer than two are defined
 */
export function replicateError(replicates: Iterable<number | null>): number | null {
  const values = defined(replicates);
  if (values.length < 2) return null;
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1));
}

function defined(replicates: Iterable<number | null>): Float64Array {
  return Float64Array.from([...replicates].filter((x): x is number => x !== null && !Number.isNaN(x)));
}

/** What a drop of a mean of paired differences can be told from, see `power`. */
export interface Power {
  /** The smallest drop that this many samples would have shown. */
  smallest: number;
  /** How many samples a drop as large as the limit needs. */
  needed: number;
}

/**
 * What n pairs can show of a drop: it is shown when the interval lies wholly below 0.
 *
 * With a variance v of the differences, n pairs show a drop d with the given power where d ≥ z·√(v/n), z the critical
 * value plus the quantile of the power (Connor, "Sample size for testing differences in proportions for the
 * paired-sample design", 1987, for paired proportions). v = E d² − d², and where differences are at most 1 in size E d²
 * ≥ d: so v is never taken as smaller than a drop of that size would make it.
 *
 * @param squares mean of the squared differences; of paired proportions the share of pairs that differ
 * @param n how many pairs there are
 * @param limit the drop that must not go unseen, above 0
 * @param options `confidence` of the interval; `power`, the probability to show it, default 0.8; `proportion`, whether
 *   the differences are −1, 0 or 1
 */
export function power(
  squares: number,
  n: number,
  limit: number,
  options: { confidence: number; power?: number; proportion?: boolean },
): Power {
  const { confidence, power: wanted = 0.8, proportion = false } = options;
  const square = (criticalValue(confidence) + normalQuantile(wanted)) ** 2;
  const atLeast = proportion ? square / (n + square) : 0;
  const spread = Math.max(squares, proportion ? limit : 0) - limit * limit;
  return {
    smallest: Math.max(atLeast, Math.sqrt((square * squares) / (n + square))),
    needed: Math.max(2, Math.ceil((square * Math.max(0, spread)) / (limit * limit))),
  };
}
