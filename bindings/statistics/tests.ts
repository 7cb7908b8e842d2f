/** Tests of paired counts, and the adjustment of many of them. */

/** log(k!) − (k·log k − k + log(2πk)/2), Stirling's error; by its series where that is exact, else by the product. */
function stirlingError(k: number): number {
  if (k > 16) {
    const s = 1 / (k * k);
    return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - (1 / 1188 - (691 / 360360) * s) * s) * s) * s) * s) / k;
  }
  let factorial = 1;
  for (let j = 2; j <= k; j++) factorial *= j;
  return Math.log(factorial) - (k * Math.log(k) - k + Math.log(2 * Math.PI * k) / 2);
}

/** x·log(x/m) + m − x without cancellation where x is near m. */
function deviance(x: number, m: number): number {
  const gap = x - m;
  if (Math.abs(gap) >= 0.1 * (x + m)) return x * Math.log(x / m) - gap;
  const v = gap / (x + m);
  let sum = gap * v;
  let term = 2 * x * v;
  for (let j = 3; ; j += 2) {
    term *= v * v;
    const next = sum + term / j;
    if (next === sum) return sum;
    sum = next;
  }
}

/** C(n, k)/2^n by the saddle point, after Loader, "Fast and accurate computation of binomial probabilities" (2000). */
function halfBinomial(k: number, n: number): number {
  if (k === 0 || k === n) return 2 ** -n;
  const rest = n - k;
  const error = stirlingError(n) - stirlingError(k) - stirlingError(rest);
  const exponent = error - deviance(k, n / 2) - deviance(rest, n / 2);
  return Math.exp(exponent) * Math.sqrt(n / (2 * Math.PI * k * rest));
}

/**
 * McNemar's test of paired outcomes, exact, with the mid-p correction, two-sided: 2·P(X < m) + P(X = m) for X binomial
 * of `lost + won` draws at ½ and m the smaller count (Fagerland, Lydersen and Laake, "The McNemar test for binary
 * matched- pairs data: mid-p and asymptotic are better than exact conditional", 2013). The counts may be as large as
 * they like; the work grows with the square root of their sum.
 *
 * @param lost pairs in which only the first was right
 * @param won pairs in which only the second was right
 * @returns the p-value, 1 when nothing differs
 */
export function mcnemar(lost: number, won: number): number {
  const n = lost + won;
  const m = Math.min(lost, won);
  if (lost === won) return 1;
  // terms relative to that of m: the next below is k/(n − k + 1) of it
  let below = 0;
  let term = 1;
  for (let k = m; k > 0 && term > 1e-18 * below; k--) {
    term *= k / (n - k + 1);
    below += term;
  }
  return Math.min(1, halfBinomial(m, n) * (1 + 2 * below));
}

/**
 * Holm's adjusted p-values ("A simple sequentially rejective multiple test procedure", 1979): statsmodels'
 * `multipletests` with `method='holm'`. Rejecting where they are at most α keeps the probability of any false rejection
 * at α.
 *
 * @param ps p-values; null stands for a test that was not made, counts for nothing and stays null
 */
export function holm(ps: readonly (number | null)[]): (number | null)[] {
  const made = ps.flatMap((p, i) => (p === null ? [] : [{ p, i }])).sort((a, b) => a.p - b.p || a.i - b.i);
  const adjusted: (number | null)[] = ps.map(() => null);
  let least = 0;
  for (const [rank, { p, i }] of made.entries()) {
    least = Math.max(least, Math.min(1, p * (made.length - rank)));
    adjusted[i] = least;
  }
  return adjusted;
}

/**
 * The confidence of each of `n` intervals that together hold with `confidence`, after Bonferroni.
 */
export function bonferroni(confidence: number, n: number): number {
  // rounded it may be 1, which no interval has
  return Math.min(1 - 2 ** -53, 1 - (1 - confidence) / Math.max(1, n));
}
