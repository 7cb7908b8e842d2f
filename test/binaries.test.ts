import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { fromPrintable } from '../bindings/backend/printable.ts';
import * as losses from '../bindings/entries/index.ts';
import * as meter from '../bindings/entries/meter.ts';
import * as scalar from '../bindings/entries/scalar.ts';

const built = (name: string) => readFileSync(new URL(`../build/${name}.wasm`, import.meta.url));

test.each(['losses', 'focal'])('the inlined %s.wasm is the one that was built', async (name) => {
  const { default: text } = await import(`../bindings/backend/generated/${name}.wasm.ts`);
  expect(Buffer.compare(fromPrintable(text), built(name))).toBe(0);
});

test('the binary of the losses lacks what only the meter needs', () => {
  const [losses, focal] = ['losses', 'focal'].map((name) =>
    WebAssembly.Module.exports(new WebAssembly.Module(built(name))).map((item) => item.name),
  ) as [string[], string[]];
  expect(focal).toEqual(expect.arrayContaining(losses));
  const more = focal.filter((name) => !losses.includes(name));
  expect(more).toEqual(expect.arrayContaining(['sampleEntropies', 'squaresAndRanks', 'tally', 'TALLY']));
  // about 5 kB of kernels, not only their names
  expect(built('losses').length).toBeLessThan(0.85 * built('focal').length);
});

test('short names change nothing but sizes: the bundles answer as the sources do', async () => {
  const bundle = (name: string) => import(new URL(`../dist/${name}.js`, import.meta.url).href);
  const { create } = await bundle('module');
  const brought = create(new WebAssembly.Module(readFileSync(new URL('../dist/focal.wasm', import.meta.url))));
  const simd = { ...losses, ...meter };
  const logits = { data: Float32Array.from({ length: 120 }, (_, i) => Math.sin(i * 1.7) * 9), dims: [5, 6, 4] };
  const targets = Int32Array.from({ length: 20 }, (_, i) => (i % 4 === 3 ? -100 : (i * 7) % 6));
  const run = (api: typeof simd) =>
    [api.SoftmaxFocalLoss, api.SigmoidFocalLoss].map((Loss) => {
      const loss = new Loss({ alpha: new Array(6).fill(0.5), reduction: 'none' });
      const evaluated = new api.FocalMeter(loss, { classes: 6, hardest: 3 });
      evaluated.update(logits, targets);
      const upstream = new Float32Array(20).fill(3);
      return [
        loss.forward(logits, targets),
        loss.valueAndGrad(logits, targets, { upstream }),
        evaluated.compute(),
        evaluated.toJSON(),
        api.FocalMeter.fromJSON(evaluated.toJSON()).toBytes(),
      ];
    });
  expect(run({ ...(await bundle('index')), ...(await bundle('meter')) })).toEqual(run(simd));
  expect(run(brought)).toEqual(run(simd));
  expect(run(await bundle('scalar'))).toEqual(run(scalar));
});
