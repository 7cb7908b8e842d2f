import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { tablesOf } from '../bindings/meter/metrics/evaluate.ts';
// @ts-expect-error a script without declarations
import { renewed, tables } from '../scripts/metrics-docs.mjs';

const text = readFileSync(new URL('../docs/metrics.md', import.meta.url), 'utf8');

test('docs/metrics.md has the tables that the comments of the metrics make: node scripts/metrics-docs.mjs', () => {
  expect(renewed(text)).toBe(text);
});

test('every metric has a row', () => {
  const rows: string = tables();
  for (const variant of ['softmax', 'sigmoid'] as const) {
    const { overall, classes } = tablesOf(variant, undefined);
    for (const name of [...Object.keys(overall), ...Object.keys(classes)]) expect(rows).toContain(`| \`${name}\` |`);
  }
});
