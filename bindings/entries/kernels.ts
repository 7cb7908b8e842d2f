/** No entry of the package: the instance of the losses' kernels, which the entries share. */
import compile from '../backend/generated/losses.wasm.ts';
import { once } from '../backend/once.ts';
import { instantiate } from '../backend/wasm.ts';

/** What their module exports. It is compiled on first use. */
export const losses = /* @__PURE__ */ once(() => instantiate(compile()));

/** That, and what another module adds; none where the first has everything, as focal.wasm does. */
export const lossesAnd = (more: () => WebAssembly.Module | undefined) => (): WebAssembly.Exports => {
  const module = more();
  return module ? { ...losses(), ...instantiate(module, losses()) } : losses();
};
