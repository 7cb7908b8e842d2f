/**
 * npm run digest: writes test/runtimes/digest.json anew from what is built, by this Node alone. A change of it is a
 * change of results: name it in the changelog.
 */
import { writeFileSync } from 'node:fs';
import { digestOf, SHORT } from '../test/runtimes/corpus.mjs';

const entries = ['focal-simd', 'focal-simd/meter', 'focal-simd/compare'];
const api = Object.assign({}, ...(await Promise.all(entries.map((entry) => import(entry)))));
const digests = Object.fromEntries(
  Object.entries({ full: undefined, short: SHORT }).map(([name, cases]) => {
    const { calls, sha256, comparisons } = digestOf(api, cases);
    return [name, { calls, sha256, comparisons }];
  }),
);
writeFileSync(new URL('../test/runtimes/digest.json', import.meta.url), `${JSON.stringify(digests, null, 2)}\n`);
console.log(digests.full.sha256, digests.full.comparisons);
