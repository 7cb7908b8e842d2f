import { kind } from '../input/errors.ts';
import { rounded } from './limbs.ts';

export function isModule(value: unknown): value is WebAssembly.Module {
  return kind(value) === 'WebAssembly.Module';
}

/** Rows of up to this many classes run across samples; measured, see bench/. */
const FEW = 32;

/**
 * Kernels from what a module exports: functions, the memory, and addresses as globals. Spread into a literal they make a
 * fast object; assigned one by one, each call would look its kernels up in a dictionary.
 */
export function kernelsOf<K extends object>(exports: object): K {
  const values = Object.entries(exports).map(([name, item]) => [name, item?.value ?? item]);
  const kernels = {
    FEW,
    rounded: (): number => rounded(new DataView(kernels.memory.buffer, kernels.TOTAL)),
    ...Object.fromEntries(values),
  };
  return kernels;
}

/** Instantiate the kernels. The module has no imports, and no exports but functions, addresses and the memory. */
export function instantiate<K extends object>(module: WebAssembly.Module): K {
  return kernelsOf(new WebAssembly.Instance(module, {}).exports);
}
