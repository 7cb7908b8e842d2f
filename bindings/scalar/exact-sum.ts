import { carry, deposit, fromUnits, LIMBS, units } from '../core/limbs.ts';

/** 1.5·2^20: its last bit is 2^−32, and sums below 2^19 leave its exponent alone. */
const ANCHOR = 1572864;
const BLOCK = 2048;

/**
 * The exact sum of float32 values ≥ 0, as in assembly/exact-sum.ts: limbs of 32 bits, here held in float64, and a fast
 * path of two float64 sums for values in [2^−52, 128].
 */
export class ExactSum {
  readonly #limbs = new Float64Array(LIMBS);
  #special = 0;

  clear(): void {
    this.#limbs.fill(0);
    this.#special = 0;
  }

  add(values: Float32Array, from: number, n: number): void {
    for (let start = from; start < from + n; start += BLOCK) {
      const stop = Math.min(start + BLOCK, from + n);
      let high = ANCHOR;
      let low = 0;
      for (let i = start; i < stop; i++) {
        const v = values[i] as number;
        if ((v >= 2 ** -52 && v <= 128) || v === 0) {
          const next = high + v;
          low += v - (next - high);
          high = next;
        } else if (v < Infinity) {
          deposit(this.#limbs, 0, v);
        } else {
          this.#special += v;
        }
      }
      deposit(this.#limbs, 0, high - ANCHOR);
      deposit(this.#limbs, 0, low);
    }
    carry(this.#limbs, 0, LIMBS);
  }

  /** Limb j, and for j = 12 the sum of the values that are ∞ or NaN. */
  limb(j: number): number {
    return j === LIMBS ? this.#special : (this.#limbs[j] as number);
  }

  /** The sum as the nearest float64 (ties to even). */
  rounded(): number {
    return this.#special !== 0 ? this.#special : fromUnits(units(this.#limbs, 0));
  }
}
