import { demangle } from '@assemblyscript/loader';
import type { Kernels } from './kernels.ts';

/** `instanceof` fails across realms (Edge VM); the tag does not. */
export function isModule(value: unknown): value is WebAssembly.Module {
  return Object.prototype.toString.call(value) === '[object WebAssembly.Module]';
}

/** Rows of up to this many classes run across samples; measured, see bench/. */
const FEW = 32;

/** Instantiate the kernels. The module has no imports. */
export function instantiate(module: WebAssembly.Module): Kernels {
  const { exports } = new WebAssembly.Instance(module, {});
  const kernels: Record<string, unknown> = { FEW };
  for (const [name, item] of Object.entries(demangle(exports as Record<string, unknown>) as object)) {
    // addresses are exported as globals; functions without the loader's wrapper, which only counts arguments
    kernels[name] =
      item instanceof WebAssembly.Global ? item.value : ((item as { original?: unknown }).original ?? item);
  }
  return kernels as unknown as Kernels;
}
