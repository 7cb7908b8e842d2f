// The whole corpus, or as many cases of it as the first argument says.
import { probe } from './suite.js';

const [cases] = process.argv.slice(2).map(Number);
console.log(
  JSON.stringify(
    await probe(
      () => import('focal-simd'),
      () => import('focal-simd/meter'),
      cases,
    ),
  ),
);
