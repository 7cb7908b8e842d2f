import { describe, expect, test } from 'vitest';
import { Backend } from '../bindings/backend/backend.ts';
import type { Input } from '../bindings/input/tensors.ts';
import { planSamples } from '../bindings/losses/plan.ts';
import { Tile } from '../bindings/losses/tile.ts';
import { backends } from './backends.ts';
import { indexOf } from './layout.ts';

/** [batch, classes, positions]: about the borders of what a tile holds, of short runs and of blocks of classes. */
const SHAPES = [
  [1, 1, 1],
  [5000, 3, 1],
  [4097, 16, 1],
  [2, 40_000, 1],
  [3, 70_001, 1],
  [30, 21, 49],
  [2, 21, 4097],
  [3, 2, 255],
  [3, 2, 256],
  [2, 150, 300],
  [1, 1000, 257],
  [2, 33_000, 2],
  [1, 9000, 260],
] as const;

const cases = SHAPES.flatMap((shape) => [true, false].map((rearrange) => [...shape, rearrange] as const));

describe.each(backends)('tiles on $name', ({ name, kernels }) => {
  const backend = new Backend(name === 'scalar' ? 'scalar' : 'simd', kernels);

  test.each(cases)(
    '[%i, %i, %i], rearranged %s: each logit once, where it is said to be',
    (...[batch, classes, positions, rearrange]) => {
      const logits = Float32Array.from({ length: batch * classes * positions }, (_, i) => i % 8191);
      const input = { logits, half: false, batch, classes, positions } as unknown as Input;
      const plan = planSamples(kernels, input, rearrange);
      const seen = new Uint8Array(logits.length);
      const tile = new Tile(backend, input, plan);
      let samples = 0;
      tile.eachSamples(() => {
        expect(tile.firstSample).toBe(samples);
        samples += tile.samples;
        expect(tile.samples).toBeLessThanOrEqual(kernels.SAMPLES);
        tile.eachClasses(() => {
          expect(tile.samples * tile.classes).toBeLessThanOrEqual(kernels.LOGITS);
          tile.load(logits, false);
          const { f32 } = backend;
          let wrong = 0;
          for (let i = 0; i < tile.samples; i++) {
            const [b, d] = [Math.floor(i / tile.positions), i % tile.positions];
            for (let c = 0; c < tile.classes; c++) {
              const at = indexOf(input, tile.firstSample + i, tile.firstClass + c);
              seen[at] = (seen[at] as number) + 1;
              if (f32[(tile.source >> 2) + b * tile.imageStride + c * tile.classStride + d] !== logits[at]) wrong++;
            }
          }
          expect(wrong).toBe(0);
        });
      });
      expect(samples).toBe(batch * positions);
      expect(seen.every((times) => times === 1)).toBe(true);
      // chunks hold whole blocks of classes, over which partial sums are taken
      if (plan.classes < classes) expect(plan.classes % (rearrange ? 128 : 8)).toBe(0);
    },
  );
});
