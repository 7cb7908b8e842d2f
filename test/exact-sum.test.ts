import { describe, expect, test } from 'vitest';
import { SUM_LOSS } from '../bindings/backend/constants.ts';
import { nearestNumber } from '../bindings/backend/limbs.ts';
import { backends } from './backends.ts';
import { Random } from './random.ts';

/** The sum in units of 2^−149, an integer, rounded once. */
function truth(values: Float32Array): number {
  const bits = new Uint32Array(values.buffer);
  let sum = 0n;
  for (const b of bits) sum += BigInt((b & 0x7fffff) | (b >> 23 ? 0x800000 : 0)) << BigInt(Math.max(b >> 23, 1) - 1);
  return Number(sum) * 2 ** -149;
}

describe.each(backends)('$name: sums are exact', ({ kernels }) => {
  // exponents either side of where each path of exact-sum.ts begins and ends, subnormal numbers and overflow included
  test.each([
    [-10, 5],
    [-21, 7],
    [-22, 7],
    [-51, 7],
    [-60, 7],
    [-91, 6],
    [-100, 9],
    [-149, 127],
    [-149, -120],
    [100, 127],
  ])('values from 2^%i to 2^%i', (low, high) => {
    const random = new Random(high - low);
    for (const n of [0, 1, 15, 16, 17, 1000, 8192, 8193, 60000]) {
      const values = Float32Array.from({ length: n }, () => {
        const scale = 2 ** (low + random.below(high - low + 1));
        return random.below(20) === 0 ? 0 : Math.min((1 + random.uniform()) * scale, 3.4e38);
      });
      new Float32Array(kernels.memory.buffer, kernels.TILE, n).set(values);
      kernels.begin();
      const half = n >> 1;
      kernels.accumulate(SUM_LOSS, kernels.TILE, half);
      kernels.accumulate(SUM_LOSS, kernels.TILE + 4 * half, n - half);
      expect(nearestNumber(kernels, SUM_LOSS)).toBe(truth(values));
    }
  });

  test.each([
    [[1, Infinity, 2], Infinity],
    [[1, Number.NaN, Infinity], Number.NaN],
    [[0, 0], 0],
  ])('%j', (values, sum) => {
    new Float32Array(kernels.memory.buffer, kernels.TILE, values.length).set(values);
    kernels.begin();
    kernels.accumulate(SUM_LOSS, kernels.TILE, values.length);
    expect(nearestNumber(kernels, SUM_LOSS)).toBe(sum);
  });
});
