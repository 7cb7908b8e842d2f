/**
 * Kernels from what a module exports: functions, the memory, addresses as globals, and with a `_` before it what other
 * modules import. Made from entries they are a fast object; assigned one by one, each call would look its kernels up in
 * a dictionary.
 */
export function kernelsOf<K extends object>(exports: object): K {
  const kernels = Object.entries(exports).filter(([name]) => name[0] !== '_');
  return { ...Object.fromEntries(kernels.map(([name, item]) => [name, item?.value ?? item])) } as K;
}

/** Instantiate a module that imports nothing but what the losses export. */
export function instantiate(module: WebAssembly.Module, losses: WebAssembly.Exports = {}): WebAssembly.Exports {
  return new WebAssembly.Instance(module, { losses }).exports;
}
