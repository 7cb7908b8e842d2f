/** The ways a comparison comes by its kernels. */
import { Views } from './backend.ts';
import type { PairKernels } from './kernels.ts';
import { once } from './once.ts';
import { scalarPairKernels } from './scalar/pairs.ts';
import { kernelsOf } from './wasm.ts';

export type PairBackend = Views<PairKernels>;

/** Made on first use: of what a module exports or, where compiling is refused, the scalar twin. */
export const lazyPairs = (exports: () => WebAssembly.Exports): (() => PairBackend) =>
  once(() => {
    try {
      return new Views('simd', kernelsOf<PairKernels>(exports()));
    } catch {
      return twin();
    }
  });

const twin = (): PairBackend => new Views('scalar', scalarPairKernels());

/** The scalar twin alone. */
export const scalarPairs = (): (() => PairBackend) => once(twin);
