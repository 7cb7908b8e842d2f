// Evaluated inside the Edge VM; the driver reads the promise back.
import { probe } from './suite.js';

globalThis.report = probe(() => import('focal-simd')).then(JSON.stringify);
