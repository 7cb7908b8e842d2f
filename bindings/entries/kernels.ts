/** No entry of the package: the instance of the kernels, which the entries share. */
import compileLosses from '../backend/generated/losses.wasm.ts';
import compileMeter from '../backend/generated/meter.wasm.ts';
import { once } from '../backend/once.ts';
import { instantiate } from '../backend/wasm.ts';

/** What the module of the losses exports. It is compiled on first use. */
export const losses = /* @__PURE__ */ once(() => instantiate(compileLosses()));

/** That, and what another module adds; none where the first has everything, as focal.wasm does. */
export const lossesAnd = (more: () => WebAssembly.Module | undefined) => (): WebAssembly.Exports => {
  const module = more();
  return module ? { ...losses(), ...instantiate(module, losses()) } : losses();
};

/** What meters need. */
export const lossesAndMeter = /* @__PURE__ */ lossesAnd(compileMeter);
