/**
 * mulberry32. Every number drawn goes through exact operations only, so that `Random` of golden/losses.py draws the same.
 */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A number in [0, 1), a multiple of 2^−32. */
  uniform(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** An integer in [0, n). */
  below(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** Bell-shaped about offset, within 2 · scale of it. */
  logits(n: number, scale: number, offset: number): Float32Array {
    const draw = () => (this.uniform() + this.uniform() + this.uniform() + this.uniform() - 2) * scale + offset;
    return Float32Array.from({ length: n }, draw);
  }

  labels(n: number, classes: number): Int32Array {
    return Int32Array.from({ length: n }, () => this.below(classes));
  }

  /** Sixteenths from 1/16 to 15/16. */
  weights(n: number): Float32Array {
    return Float32Array.from({ length: n }, () => (1 + this.below(15)) / 16);
  }

  /** 0 … n − 1 in any order. */
  permutation(n: number): number[] {
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [order[i], order[j]] = [order[j] as number, order[i] as number];
    }
    return order;
  }
}
