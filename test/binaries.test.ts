import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { fromPrintable } from '../bindings/backend/printable.ts';

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
