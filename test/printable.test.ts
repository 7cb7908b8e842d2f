import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromPrintable } from '../bindings/backend/printable.ts';
// @ts-expect-error the build is plain JavaScript
import { toPrintable } from '../scripts/printable.mjs';

test('printable text gives the bytes back and needs no escaping', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
      const text: string = toPrintable(bytes);
      expect(text).toMatch(/^[ -~]*$/);
      expect(text).not.toMatch(/["'`\\$<]/);
      expect(fromPrintable(text)).toEqual(bytes);
    }),
  );
});

test('every value of a byte, however often it comes', () => {
  const bytes = Uint8Array.from({ length: 32896 }, (_, i) => Math.floor((Math.sqrt(8 * i + 1) - 1) / 2));
  expect(new Set(bytes).size).toBe(256);
  for (const turned of [bytes, bytes.map((byte) => 255 - byte), bytes.toReversed()]) {
    expect(fromPrintable(toPrintable(turned))).toEqual(turned);
  }
});
