/** The standard normal distribution, in float64. */

const SQRT_2PI = Math.sqrt(2 * Math.PI);

/**
 * Φ(x), the probability of a standard normal number below x, to a relative error of 1e−13 in both tails.
 *
 * Near 0 by the series of Marsaglia, "Evaluating the Normal Distribution" (2004); in the tails by the continued
 * fraction of Abramowitz and Stegun 26.2.14.
 */
export function normalCdf(x: number): number {
  if (Number.isNaN(x)) return NaN;
  const a = Math.abs(x);
  if (a > 40) return x > 0 ? 1 : 0;
  const density = Math.exp(-0.5 * a * a) / SQRT_2PI;
  if (a < 2.5) {
    let term = x;
    let sum = x;
    for (let k = 3; Math.abs(term) > 1e-18 * Math.abs(sum); k += 2) {
      term *= (x * x) / k;
      sum += term;
    }
    return 0.5 + density * sum;
  }
  let fraction = a;
  for (let k = 120; k > 0; k--) fraction = a + k / fraction;
  const tail = density / fraction;
  return x > 0 ? 1 - tail : tail;
}

/**
 * The x with Φ(x) = p, to a relative error of 1e−13.
 *
 * The approximation of Abramowitz and Stegun 26.2.23, then three steps of Halley's method on Φ.
 *
 * @param p in [0, 1]; 0 gives −∞, 1 gives ∞, NaN what lies outside
 */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) return NaN;
  if (p > 0.5) return -normalQuantile(1 - p);
  if (p === 0) return -Infinity;
  const t = Math.sqrt(-2 * Math.log(p));
  let x = (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))) - t;
  for (let k = 0; k < 3; k++) {
    const error = ((normalCdf(x) - p) * SQRT_2PI) / Math.exp(-0.5 * x * x);
    x -= error / (1 + (x * error) / 2);
  }
  return x;
}

/**
 * How many standard errors a two-sided interval reaches to each side: 1.96 for 0.95.
 *
 * @param confidence in (0, 1)
 */
export function criticalValue(confidence: number): number {
  return -normalQuantile((1 - confidence) / 2);
}
