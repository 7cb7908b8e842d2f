import { probe } from './suite.js';

console.log(JSON.stringify(await probe(() => import('focal-simd'))));
