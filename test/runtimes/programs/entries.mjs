// The other entries of the exports map, and several copies of the default one: nothing is shared by accident.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { digestOf, interleave, probe, SHORT, steps } from './suite.js';

const own = await probe(() => import('focal-simd'), SHORT);
const scalar = await import('focal-simd/scalar');
if (scalar.backend() !== 'scalar') throw new Error(`focal-simd/scalar answers with '${scalar.backend()}'`);
digestOf(scalar, SHORT);

const path = createRequire(import.meta.url).resolve('focal-simd/focal.wasm');
const module = new WebAssembly.Module(await readFile(path));
if (WebAssembly.Module.imports(module).length !== 0) throw new Error('the binary has imports');

const url = import.meta.resolve('focal-simd');
const { classWeights, create } = await import('focal-simd/module');
const brought = { ...create(module), classWeights };
if (brought.backend() !== 'simd') throw new Error(`focal-simd/module answers with '${brought.backend()}'`);
const copies = [brought, ...(await Promise.all(['?1', '?2'].map((query) => import(url + query))))];
for (const { sha256 } of interleave(copies.map((copy) => steps(copy, SHORT)))) {
  if (sha256 !== own.sha256) throw new Error('interleaved copies disturb each other');
}
console.log(JSON.stringify(own));
