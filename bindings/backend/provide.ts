/** The ways an entry comes by its backend, in one file so that entries that are not bundled load few. */
import { Backend, type MeterBackend } from './backend.ts';
import type { Kernels, MeterKernels } from './kernels.ts';
import { once } from './once.ts';
import { instantiate, kernelsOf } from './wasm.ts';

export { scalarKernels } from './scalar/kernels.ts';

/**
 * A backend made on first use: of what a module exports or, where SIMD is missing or compiling is refused (an old
 * engine, a page whose content security policy forbids it), the scalar twin. Importing never compiles and never throws.
 */
export function lazily<K extends Pick<Kernels, 'memory'>>(
  exports: () => WebAssembly.Exports,
  twin: () => K,
): () => Backend<K> {
  return once(() => {
    try {
      return new Backend('simd', kernelsOf<K>(exports()));
    } catch {
      return new Backend('scalar', twin());
    }
  });
}

/** An instance of a module that the caller brings. */
export function backendFrom(module: WebAssembly.Module): () => MeterBackend {
  const backend = new Backend('simd', kernelsOf<MeterKernels>(instantiate(module)));
  return () => backend;
}

/** The scalar twin alone. */
export function scalar<K extends Pick<Kernels, 'memory'>>(twin: () => K): () => Backend<K> {
  return once(() => new Backend('scalar', twin()));
}
