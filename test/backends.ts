import { readFileSync } from 'node:fs';
import { instantiateSync } from '@assemblyscript/loader';
import { afterEach, expect } from 'vitest';
import { bindAlloc } from '../bindings/core/alloc.ts';
import { bind } from '../bindings/core/api.ts';
import { Backend, type MeterBackend } from '../bindings/core/backend.ts';
import type { MeterKernels } from '../bindings/core/kernels.ts';
import { bindMeter } from '../bindings/core/meter-api.ts';
import { instantiate, kernelsOf } from '../bindings/core/wasm.ts';
import { classWeights } from '../bindings/core/weights.ts';
import { scalarMeterKernels } from '../bindings/scalar/meter-kernels.ts';

const built = (file: string) => readFileSync(new URL(`../build/${file}`, import.meta.url));

/** The debug build by the loader of AssemblyScript. */
const debug = kernelsOf<MeterKernels & { arm(): void; broken(): number }>(
  instantiateSync(built('focal.debug.wasm')).exports,
);
debug.arm();
// every test that writes past a scratch block in the debug build fails, whatever else it checks
afterEach(() => expect(debug.broken(), 'guards written over').toBe(0));

const make = (name: string, backend: MeterBackend) => ({
  name,
  kernels: backend.kernels,
  api: { ...bind(() => backend), alloc: bindAlloc(() => backend), FocalMeter: bindMeter(() => backend), classWeights },
});

/** The same API over every set of kernels: what users get, the scalar twin, and the debug build with guarded scratch. */
export const backends = [
  make('simd', new Backend('simd', instantiate<MeterKernels>(new WebAssembly.Module(built('focal.wasm'))))),
  make('scalar', new Backend('scalar', scalarMeterKernels())),
  make('debug', new Backend('simd', debug)),
];
