import { expect, test } from 'vitest';
import * as losses from '../bindings/entries/index.ts';
import * as meter from '../bindings/entries/meter.ts';
// @ts-expect-error plain JavaScript, so that every runtime runs it
import { digestOf, SHORT } from './runtimes/corpus.mjs';
import digests from './runtimes/digest.json' with { type: 'json' };

test('losses, gradients and states have the digest of test/runtimes/digest.json; `npm run digest` writes another', () => {
  expect(digestOf({ ...losses, ...meter }, SHORT).sha256).toBe(digests.short.sha256);
});
