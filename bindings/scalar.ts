/** The scalar twin alone: no WebAssembly is ever compiled. */
import { bindAlloc } from './core/alloc.ts';
import { bind } from './core/api.ts';
import type { SigmoidLoss, SoftmaxLoss } from './core/losses.ts';
import type { AnyLoss, Meter } from './core/meter.ts';
import { bindMeter, scalarMeterKernels } from './core/meter-api.ts';
import type { Reduction } from './core/options.ts';
import { scalar, scalarKernels } from './core/provide.ts';

const provide = scalar(scalarKernels);

export type * from './core/meter-types.ts';
export type * from './core/types.ts';
export { classWeights } from './core/weights.ts';
export const { SoftmaxFocalLoss, SigmoidFocalLoss, backend } = bind(provide);
export type SoftmaxFocalLoss<R extends Reduction = 'mean'> = SoftmaxLoss<R>;
export type SigmoidFocalLoss<R extends Reduction = 'mean'> = SigmoidLoss<R>;
export const FocalMeter = /* @__PURE__ */ bindMeter(/* @__PURE__ */ scalar(scalarMeterKernels));
export type FocalMeter<L extends AnyLoss = AnyLoss> = Meter<L>;
export const alloc = /* @__PURE__ */ bindAlloc(provide);
