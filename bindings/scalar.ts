/** The scalar twin alone: no WebAssembly is ever compiled. */
import { bindAlloc } from './core/alloc.ts';
import { bind } from './core/api.ts';
import { Backend, type MeterBackend } from './core/backend.ts';
import { bindMeter } from './core/meter-api.ts';
import { scalarKernels } from './scalar/kernels.ts';

const twin = new Backend('scalar', scalarKernels());
const provide = (): MeterBackend => twin;

export type * from './core/types.ts';
export { classWeights } from './core/weights.ts';
export const { SoftmaxFocalLoss, SigmoidFocalLoss, backend } = bind(provide);
export const FocalMeter = /* @__PURE__ */ bindMeter(provide);
export const alloc = /* @__PURE__ */ bindAlloc(provide);
