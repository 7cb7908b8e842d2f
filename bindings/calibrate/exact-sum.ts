/**
 * The exact sum of float64 numbers, after Shewchuk, "Adaptive Precision Floating-Point Arithmetic and Fast Robust
 * Geometric Predicates" (1997), rounded once, as Python's `math.fsum` does: the same bits in any order and over any
 * number of parts. Numbers must be finite, and their sums, too.
 */
export class ExactSum {
  /** Numbers whose sum is the exact one, each smaller than the last bit of the next. */
  readonly parts: number[] = [];

  add(x: number): void {
    const { parts } = this;
    let kept = 0;
    let high = x;
    for (let part of parts) {
      if (Math.abs(high) < Math.abs(part)) [high, part] = [part, high];
      const sum = high + part;
      const rest = part - (sum - high);
      if (rest !== 0) parts[kept++] = rest;
      high = sum;
    }
    parts.length = kept;
    parts.push(high);
  }

  /** The sum, rounded to the nearest float64. */
  get value(): number {
    const { parts } = this;
    let i = parts.length - 1;
    if (i < 0) return 0;
    let sum = parts[i] as number;
    let rest = 0;
    while (i > 0 && rest === 0) {
      const high = sum;
      const low = parts[--i] as number;
      sum = high + low;
      rest = low - (sum - high);
    }
    // halfway between two numbers, the parts below decide
    if (i > 0 && rest !== 0 && Math.sign(rest) === Math.sign(parts[i - 1] as number)) {
      const twice = 2 * rest;
      const other = sum + twice;
      if (other - sum === twice) return other;
    }
    return sum;
  }
}
