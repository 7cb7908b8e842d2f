// Evaluated inside the Edge VM; the driver reads the promise back. SHORT_CORPUS is set by the bundler.
import { probe, SHORT } from './suite.js';

globalThis.report = probe(
  () => import('focal-simd'),
  () => import('focal-simd/meter'),
  SHORT_CORPUS ? SHORT : undefined,
).then(JSON.stringify);
