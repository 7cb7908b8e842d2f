import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { backends } from './backends.ts';

/** A digest of the bits: comparing large arrays element by element takes vitest seconds. */
const bits = (value: number | Float32Array): string =>
  createHash('sha256')
    .update(new Uint8Array((typeof value === 'number' ? Float64Array.of(value) : value.slice()).buffer))
    .digest('hex');

const SHAPES = [
  [5, 2],
  [7, 10],
  [9, 21],
  [3, 500],
  [2, 70000],
  [3, 4, 5],
  [2, 30, 3000],
  [26, 3, 257],
  [30, 100, 9],
  [1, 9, 4100],
];

describe.each(backends)('$name: arrays in the memory of the kernels', ({ name, api, kernels }) => {
  it.each(SHAPES)('%i × %i × %s: same results as an array outside, and left as it was', (...dims) => {
    const resident = api.alloc(dims);
    const n = resident.data.length;
    resident.data.set(Float32Array.from({ length: n }, (_, i) => Math.sin(i * 1.7) * 9));
    const outside = { data: resident.data.slice(), dims };
    const [batch, classes, ...rest] = dims as [number, number, ...number[]];
    const samples = batch * rest.reduce((a, b) => a * b, 1);
    const targets = Int32Array.from({ length: samples }, (_, i) => (i % 4 === 3 ? -100 : (i * 7) % classes));
    for (const reduction of ['mean', 'none'] as const) {
      for (const Loss of [api.SoftmaxFocalLoss, api.SigmoidFocalLoss]) {
        const loss = new Loss({ reduction });
        expect(bits(loss.forward(resident, targets))).toBe(bits(loss.forward(outside, targets)));
        const [here, there] = [loss.valueAndGrad(resident, targets), loss.valueAndGrad(outside, targets)];
        expect(bits(here.value)).toBe(bits(there.value));
        expect(bits(here.grad)).toBe(bits(there.grad));
        expect(bits(resident.data)).toBe(bits(outside.data));
      }
    }
    resident.free();
  });

  it('gives freed memory again, zeroed, and refuses a freed tensor', () => {
    const first = api.alloc([100, 10]);
    first.data.fill(7);
    first.free();
    const size = kernels.memory.buffer.byteLength;
    const second = api.alloc([100, 10]);
    expect(second.data.every((v) => v === 0)).toBe(true);
    expect(kernels.memory.buffer.byteLength).toBe(size);
    if (name !== 'scalar') expect(() => first.data).toThrow(/^data expected a tensor that is not freed$/);
    second.free();
  });

  it.each([
    [null, TypeError, /^dims expected an array/],
    [[2, -1], RangeError, /^dims\[1\] expected .*, got -1$/],
  ])('refuses dims %j', (dims, error, message) => {
    expect(() => api.alloc(dims as number[])).toThrow(error as ErrorConstructor);
    expect(() => api.alloc(dims as number[])).toThrow(message as RegExp);
  });
});
