import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { fromPrintable } from '../bindings/backend/printable.ts';
import * as compare from '../bindings/entries/compare.ts';
import * as entries from '../bindings/entries/index.ts';
import { losses } from '../bindings/entries/kernels.ts';
import * as meter from '../bindings/entries/meter.ts';
import { create, type Everything } from '../bindings/entries/module.ts';
import type { AnyLoss } from '../bindings/meter/meter.ts';

const built = (name: string) => readFileSync(new URL(`../build/${name}.wasm`, import.meta.url));

test.each(['losses', 'meter', 'pairs'])('the inlined %s.wasm is the one that was built', async (name) => {
  const { text } = await import(`../bindings/backend/generated/${name}.wasm.ts`);
  expect(Buffer.compare(fromPrintable(text), built(name))).toBe(0);
});

const names = (name: string) =>
  WebAssembly.Module.exports(new WebAssembly.Module(built(name))).map((item) => item.name);

test('the pieces have what the whole has, each only its own', () => {
  const [losses, meter, pairs] = ['losses', 'meter', 'pairs'].map(names) as [string[], string[], string[]];
  const contract = losses.filter((name) => !name.startsWith('_'));
  expect([...new Set([...contract, ...meter, ...pairs])].sort()).toEqual(names('focal').sort());
  expect(contract).not.toEqual(expect.arrayContaining(['tally']));
  expect(meter).toEqual(expect.arrayContaining(['decide', 'review', 'tally', 'TALLY']));
  // what each adds is there once
  const sizes = ['losses', 'meter', 'pairs'].map((name) => built(name).length);
  expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(1.05 * built('focal').length);
});

test('losses, meters and comparisons of the entries share a memory, and disturb one another in nothing', () => {
  expect(entries.alloc([1]).data.buffer).toBe((losses().memory as WebAssembly.Memory).buffer);
  const data = Float32Array.from({ length: 300 }, (_, i) => Math.sin(i * 1.7) * 9);
  const targets = Int32Array.from({ length: 60 }, (_, i) => (i % 9 === 4 ? -100 : (i * 7) % 5));
  const alpha = [0.3, 1, 0.7, 0.2, 0.9];
  const run = (
    api: Pick<Everything, 'SoftmaxFocalLoss' | 'SigmoidFocalLoss' | 'FocalMeter' | 'alloc'>,
    between = () => {},
  ) => {
    const logits = api.alloc([60, 5]);
    logits.data.set(data);
    const softmax = new api.SoftmaxFocalLoss({ alpha });
    const sigmoid = new api.SigmoidFocalLoss({ alpha: alpha.map((a) => 1 - a / 2) });
    const meters = [softmax, sigmoid].map((loss) => new api.FocalMeter<AnyLoss>(loss, { classes: 5, curves: true }));
    const values = [0, 1, 2].map(() => {
      const calls = [softmax, sigmoid].flatMap((loss) => [
        ...meters.map((one) => one.update(logits, targets)),
        between(),
        loss.valueAndGrad(logits, targets),
      ]);
      return [calls, logits.data.slice()];
    });
    return [values, meters.map((one) => one.toJSON())];
  };
  const comparison = new compare.FocalComparison(new entries.SoftmaxFocalLoss(), { classes: 5 });
  const other = { data: data.map((z) => -z), dims: [60, 5] };
  const together = run({ ...entries, ...meter }, () => comparison.update({ data, dims: [60, 5] }, other, targets));
  expect(together).toEqual(run(create(new WebAssembly.Module(built('focal')))));
});

test.each(
  readdirSync(new URL('../assembly', import.meta.url), { recursive: true }).filter((name) => `${name}`.endsWith('.ts')),
)('assembly/%s imports nothing that it does not use', (name) => {
  const text = readFileSync(new URL(`../assembly/${name}`, import.meta.url), 'utf8');
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
  const body = code.replace(/^import [\s\S]*?;$/gm, '');
  const names = [...code.matchAll(/^import \{([^}]*)\}/gm)].flatMap(([, list]) => (list as string).split(','));
  const locals = names.map((item) => (item.split(' as ').at(-1) as string).trim()).filter(Boolean);
  expect(locals.filter((local) => !new RegExp(`\\b${local}\\b`).test(body))).toEqual([]);
});
