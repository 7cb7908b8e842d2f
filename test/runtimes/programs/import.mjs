// The whole corpus, or as many cases of it as the first argument says.
import { probe } from './suite.js';

const [cases] = process.argv.slice(2).map(Number);
console.log(
  JSON.stringify(
    await probe(
      () => import('focal-simd'),
      async () => ({ ...(await import('focal-simd/meter')), ...(await import('focal-simd/compare')) }),
      cases,
    ),
  ),
);
