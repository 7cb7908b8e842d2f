// Evaluated inside the Edge VM; the driver reads the promise back. SHORT_CORPUS is set by the bundler.
import { probe, SHORT } from './suite.js';

globalThis.report = probe(
  () => import('focal-simd'),
  async () => ({ ...(await import('focal-simd/meter')), ...(await import('focal-simd/compare')) }),
  SHORT_CORPUS ? SHORT : undefined,
).then(JSON.stringify);
