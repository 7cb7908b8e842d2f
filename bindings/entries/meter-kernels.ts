/** No entry of the package: what the module of the meters exports, with that of the losses. */
import compile from '../backend/generated/meter.wasm.ts';
import { lossesAnd } from './kernels.ts';

export const meters = /* @__PURE__ */ lossesAnd(compile);
