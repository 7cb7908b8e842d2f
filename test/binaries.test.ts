import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { fromPrintable } from '../bindings/backend/printable.ts';

const built = (name: string) => readFileSync(new URL(`../build/${name}.wasm`, import.meta.url));

test.each(['losses', 'focal'])('the inlined %s.wasm is the one that was built', async (name) => {
  const { text } = await import(`../bindings/backend/generated/${name}.wasm.ts`);
  expect(Buffer.compare(fromPrintable(text), built(name))).toBe(0);
});

test('the binary of the losses lacks what only the meter needs', () => {
  const [losses, focal] = ['losses', 'focal'].map((name) =>
    WebAssembly.Module.exports(new WebAssembly.Module(built(name))).map((item) => item.name),
  ) as [string[], string[]];
  expect(focal).toEqual(expect.arrayContaining(losses));
  const more = focal.filter((name) => !losses.includes(name));
  expect(more).toEqual(expect.arrayContaining(['decide', 'review', 'tally', 'TALLY']));
  // about 5 kB of kernels, not only their names
  expect(built('losses').length).toBeLessThan(0.85 * built('focal').length);
});
