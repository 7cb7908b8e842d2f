/** The ways a comparison comes by its kernels. */
import { Views } from './backend.ts';
import type { PairKernels } from './kernels.ts';
import { once } from './provide.ts';
import { scalarPairKernels } from './scalar/pairs.ts';
import { instantiate } from './wasm.ts';

export type PairBackend = Views<PairKernels>;

/** Made on first use: of the module that `compile` gives or, where that is refused, the scalar twin. */
export const lazyPairs = (compile: () => WebAssembly.Module): (() => PairBackend) =>
  once(() => {
    try {
      return new Views('simd', instantiate<PairKernels>(compile()));
    } catch {
      return twin();
    }
  });

const twin = (): PairBackend => new Views('scalar', scalarPairKernels());

/** The scalar twin alone. */
export const scalarPairs = (): (() => PairBackend) => once(twin);
