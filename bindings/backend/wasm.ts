import { kind } from '../input/errors.ts';

export function isModule(value: unknown): value is WebAssembly.Module {
  return kind(value) === 'WebAssembly.Module';
}

/**
 * Kernels from what a module exports: functions, the memory, and addresses as globals. Made from entries they are a
 * fast object; assigned one by one, each call would look its kernels up in a dictionary.
 */
export function kernelsOf<K extends object>(exports: object): K {
  return { ...Object.fromEntries(Object.entries(exports).map(([name, item]) => [name, item?.value ?? item])) } as K;
}

/** Instantiate the kernels. The module has no imports, and no exports but functions, addresses and the memory. */
export function instantiate<K extends object>(module: WebAssembly.Module): K {
  return kernelsOf(new WebAssembly.Instance(module, {}).exports);
}
