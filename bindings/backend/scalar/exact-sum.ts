import { SUM_INFINITE, SUM_LIMBS } from '../constants.ts';

/** Values that go by before the sums of the bins are gathered: 24 bits over 16 exponents leave 2^13 of them in 53. */
const BLOCK = 8192;
const BIN_BITS = 27;

/**
 * The exact sum of float32 values ≥ 0. A float64 for every 16 exponents takes them without rounding, and is gathered
 * after each block in an integer as long as it needs to be.
 */
export class ExactSum {
  /** The finite values, in units of 2^−149. */
  units = 0n;
  /** How many values are +∞, and how many NaN. */
  infinite = 0;
  nan = 0;
  readonly #bins = new Float64Array(2 ** (32 - BIN_BITS));

  clear(): void {
    this.units = 0n;
    this.infinite = 0;
    this.nan = 0;
  }

  /** Add `values` from `from` to `end`, whose bits are given too. */
  add(values: Float32Array, bits: Int32Array, from: number, end: number): void {
    const bins = this.#bins;
    for (let start = from; start < end; start += BLOCK) {
      const stop = Math.min(start + BLOCK, end);
      for (let i = start; i < stop; i++) {
        const v = values[i] as number;
        const bin = (bits[i] as number) >>> BIN_BITS;
        if (v < Infinity) (bins[bin] as number) += v;
        else if (v === Infinity) this.infinite++;
        else this.nan++;
      }
      for (const sum of bins) if (sum) this.units += BigInt(sum * 2 ** 149);
      bins.fill(0);
    }
  }

  /** Limb j of 32 bits, or one of the two counts. */
  limb(j: number): number {
    if (j >= SUM_LIMBS) return j === SUM_INFINITE ? this.infinite : this.nan;
    return Number(BigInt.asUintN(32, this.units >> BigInt(32 * j)));
  }
}
