import { scalarKernels } from '../scalar/kernels.ts';
import { Backend } from './backend.ts';
import { instantiate } from './wasm.ts';

/**
 * A backend made on first use: the module that `compile` gives or, where SIMD is missing or compiling is refused (an old
 * engine, a page whose content security policy forbids it), the scalar twin. Importing never compiles and never throws.
 */
export function lazily(compile: () => WebAssembly.Module): () => Backend {
  let backend: Backend | null = null;
  return () => {
    backend ??= attempt(compile);
    return backend;
  };
}

function attempt(compile: () => WebAssembly.Module): Backend {
  try {
    return new Backend('simd', instantiate(compile()));
  } catch {
    return new Backend('scalar', scalarKernels());
  }
}
