import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Backend } from '../bindings/backend/backend.ts';
import type { Kernels } from '../bindings/backend/kernels.ts';
import { instantiate, kernelsOf } from '../bindings/backend/wasm.ts';
import { defineLosses } from '../bindings/losses/api.ts';

test.each([
  ['losses', 92],
  ['focal', 92],
])('memory of %s.wasm stays at %i pages of 64 KiB, a row of 256k classes included', (name, pages) => {
  const module = new WebAssembly.Module(readFileSync(new URL(`../build/${name}.wasm`, import.meta.url)));
  const backend = new Backend('simd', kernelsOf<Kernels>(instantiate(module)));
  const { SoftmaxFocalLoss, SigmoidFocalLoss } = defineLosses(() => backend);
  for (const dims of [
    [5000, 3],
    [2, 262144],
    [1, 40, 70000],
    [3, 2000, 50],
    [20000, 2, 1],
    [1, 1, 9],
  ]) {
    const [batch, classes, positions = 1] = dims as [number, number, number?];
    const logits = { data: new Float32Array(batch * classes * positions), dims };
    const targets = new Int32Array(batch * positions).fill(classes - 1);
    for (const Loss of classes > 1 ? [SoftmaxFocalLoss, SigmoidFocalLoss] : [SigmoidFocalLoss]) {
      if (classes === 1) targets.fill(1);
      const { value, grad } = new Loss().valueAndGrad(logits, targets);
      expect(value).toBeGreaterThanOrEqual(0);
      expect(grad.every(Number.isFinite)).toBe(true);
    }
    expect(backend.kernels.memory.buffer.byteLength).toBe(pages * 2 ** 16);
  }
});
