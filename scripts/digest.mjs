/**
 * npm run digest: writes test/runtimes/digest.json anew from what is built, by this Node alone. A change of it is a change of
 * results: name it in the changelog.
 */
import { writeFileSync } from 'node:fs';
import { digestOf, SHORT } from '../test/runtimes/corpus.mjs';

const api = { ...(await import('focal-simd')), ...(await import('focal-simd/meter')) };
const digests = Object.fromEntries(
  Object.entries({ full: undefined, short: SHORT }).map(([name, cases]) => {
    const { calls, sha256 } = digestOf(api, cases);
    return [name, { calls, sha256 }];
  }),
);
writeFileSync(new URL('../test/runtimes/digest.json', import.meta.url), `${JSON.stringify(digests, null, 2)}\n`);
console.log(digests.full.sha256);
