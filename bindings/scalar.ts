/** The scalar twin alone: no WebAssembly is ever compiled. */
import { bind } from './core/api.ts';
import { Backend } from './core/backend.ts';
import { bindMeter } from './core/meter-api.ts';
import { scalarKernels } from './scalar/kernels.ts';

const twin = new Backend('scalar', scalarKernels());

export type * from './core/types.ts';
export { classWeights } from './core/weights.ts';
export const { SoftmaxFocalLoss, SigmoidFocalLoss, backend } = bind(() => twin);
export const FocalMeter = /* @__PURE__ */ bindMeter(() => twin);
