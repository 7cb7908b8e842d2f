/** The ways an entry comes by its backend, in one file so that entries that are not bundled load few. */
import { scalarKernels } from '../scalar/kernels.ts';
import { Backend, type MeterBackend } from './backend.ts';
import type { Kernels, MeterKernels } from './kernels.ts';
import { fromPrintable } from './printable.ts';
import { instantiate } from './wasm.ts';

/**
 * A backend made on first use: the module that `compile` gives or, where SIMD is missing or compiling is refused (an old
 * engine, a page whose content security policy forbids it), the scalar twin. Importing never compiles and never throws.
 */
export function lazily<K extends Kernels>(compile: () => WebAssembly.Module): () => Backend<K> {
  let backend: Backend<K> | null = null;
  return () => {
    backend ??= attempt<K>(compile);
    return backend;
  };
}

/** The same for a binary that is inlined as printable text. */
export function inlined<K extends Kernels>(text: string): () => Backend<K> {
  return lazily(() => new WebAssembly.Module(fromPrintable(text)));
}

/** An instance of a module that the caller brings. */
export function over(module: WebAssembly.Module): () => MeterBackend {
  const backend = new Backend('simd', instantiate<MeterKernels>(module));
  return () => backend;
}

/** The scalar twin alone. */
export function scalar(): () => MeterBackend {
  const backend = new Backend('scalar', scalarKernels());
  return () => backend;
}

function attempt<K extends Kernels>(compile: () => WebAssembly.Module): Backend<K> {
  try {
    return new Backend('simd', instantiate<K>(compile()));
  } catch {
    // the twin has all that there is
    const twin: Kernels = scalarKernels();
    return new Backend('scalar', twin as K);
  }
}
