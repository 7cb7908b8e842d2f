import { readFileSync } from 'node:fs';
import { afterEach, expect } from 'vitest';
import { bindAlloc } from '../bindings/core/alloc.ts';
import { bind } from '../bindings/core/api.ts';
import { Backend } from '../bindings/core/backend.ts';
import type { Kernels } from '../bindings/core/kernels.ts';
import { bindMeter } from '../bindings/core/meter-api.ts';
import { instantiate } from '../bindings/core/wasm.ts';
import { classWeights } from '../bindings/core/weights.ts';
import { scalarKernels } from '../bindings/scalar/kernels.ts';

const build = (file: string): Kernels =>
  instantiate(new WebAssembly.Module(readFileSync(new URL(`../build/${file}`, import.meta.url))));

const debug = build('focal.debug.wasm') as Kernels & { arm(): void; broken(): number };
debug.arm();
// every test that writes past a scratch block in the debug build fails, whatever else it checks
afterEach(() => expect(debug.broken(), 'guards written over').toBe(0));

const make = (name: string, backend: Backend) => ({
  name,
  kernels: backend.kernels,
  api: { ...bind(() => backend), alloc: bindAlloc(() => backend), FocalMeter: bindMeter(() => backend), classWeights },
});

/** The same API over every set of kernels: what users get, the scalar twin, and the debug build with guarded scratch. */
export const backends = [
  make('simd', new Backend('simd', build('focal.wasm'))),
  make('scalar', new Backend('scalar', scalarKernels())),
  make('debug', new Backend('simd', debug)),
];
