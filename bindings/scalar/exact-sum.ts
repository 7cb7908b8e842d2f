const LIMBS = 12;
const LIMB = 2 ** 32;
/** 1.5·2^20: its last bit is 2^−32, and sums below 2^19 leave its exponent alone. */
const ANCHOR = 1572864;
const BLOCK = 2048;

/**
 * The exact sum of float32 values ≥ 0, as in assembly/exact-sum.ts: limbs of 32 bits in units of 2^(32·j − 149), here
 * held in float64, and a fast path of two float64 sums for values in [2^−52, 128].
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
          this.#deposit(v);
        } else {
          this.#special += v;
        }
      }
      this.#deposit(high - ANCHOR);
      this.#deposit(low);
    }
    this.#carry();
  }

  /** The sum as the nearest float64 (ties to even). */
  rounded(): number {
    if (this.#special !== 0) return this.#special;
    let bits = 0n;
    for (let j = LIMBS - 1; j >= 0; j--) bits = (bits << 32n) | BigInt(this.#limbs[j] as number);
    // Number(BigInt) rounds to nearest, ties to even; 2^−149 scales exactly
    return Number(bits) * 2 ** -149;
  }

  /** Take a float64 that is a multiple of 2^−149 apart, limb by limb from the highest it reaches. */
  #deposit(value: number): void {
    if (value === 0) return;
    const exponent = Math.floor(Math.log2(Math.abs(value))) + 149;
    let rest = value;
    for (let j = Math.min(Math.max((exponent >> 5) + 1, 0), LIMBS - 1); rest !== 0; j--) {
      const unit = 2 ** (32 * j - 149);
      const part = j === 0 ? rest / unit : Math.trunc(rest / unit);
      this.#limbs[j] = (this.#limbs[j] as number) + part;
      rest -= part * unit;
    }
  }

  /** Carry, so that every limb lies in [0, 2^32). */
  #carry(): void {
    let over = 0;
    for (let j = 0; j < LIMBS; j++) {
      const limb = (this.#limbs[j] as number) + over;
      over = Math.floor(limb / LIMB);
      this.#limbs[j] = limb - over * LIMB;
    }
  }
}
