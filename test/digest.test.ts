import { expect, test } from 'vitest';
import { FocalComparison } from '../bindings/entries/compare.ts';
import * as losses from '../bindings/entries/index.ts';
import * as meter from '../bindings/entries/meter.ts';
// @ts-expect-error plain JavaScript, so that every runtime runs it
import { digestOf, SHORT } from './runtimes/corpus.mjs';
import digests from './runtimes/digest.json' with { type: 'json' };

test('losses, gradients and states, and those of comparisons, have the digests of test/runtimes/digest.json; `npm run digest` writes others', () => {
  const { calls, sha256, comparisons } = digestOf({ ...losses, ...meter, FocalComparison }, SHORT);
  expect({ calls, sha256, comparisons }).toEqual(digests.short);
}, 60_000);
