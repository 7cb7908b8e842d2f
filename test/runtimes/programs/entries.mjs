// The other entries of the exports map, and several copies of the default one: nothing is shared by accident.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { digestOf, interleave, probe, SHORT, steps } from './suite.js';

const meter = await import('focal-simd/meter');
const own = await probe(
  () => import('focal-simd'),
  () => meter,
  SHORT,
);
const scalar = await import('focal-simd/scalar');
if (scalar.backend() !== 'scalar') throw new Error(`focal-simd/scalar answers with '${scalar.backend()}'`);
digestOf(scalar, SHORT);

const path = createRequire(import.meta.url).resolve('focal-simd/focal.wasm');
const module = new WebAssembly.Module(await readFile(path));
if (WebAssembly.Module.imports(module).length !== 0) throw new Error('the binary has imports');

const { classWeights, create } = await import('focal-simd/module');
const brought = { ...create(module), classWeights };
if (brought.backend() !== 'simd') throw new Error(`focal-simd/module answers with '${brought.backend()}'`);
const urls = ['focal-simd', 'focal-simd/meter'].map((entry) => import.meta.resolve(entry));
const copy = async (query) => Object.assign({}, ...(await Promise.all(urls.map((url) => import(url + query)))));
const copies = [brought, await copy('?1'), await copy('?2')];
for (const { sha256 } of interleave(copies.map((copy) => steps(copy, SHORT)))) {
  if (sha256 !== own.sha256) throw new Error('interleaved copies disturb each other');
}
// one meter takes the losses of every entry, and in the meters of every entry
const whole = new meter.FocalMeter(new scalar.SoftmaxFocalLoss(), { classes: 2 });
for (const api of [{ ...(await import('focal-simd')), ...meter }, scalar, ...copies]) {
  const part = new api.FocalMeter(new api.SoftmaxFocalLoss(), { classes: 2 });
  part.update(Float32Array.of(1, 2), [1]);
  whole.merge(part);
}
if (whole.compute().samples !== 5) throw new Error(`of 5 samples the meter has ${whole.compute().samples}`);
console.log(JSON.stringify(own));
