/** The default entry: the losses, whose binary is inlined and compiled on first use. */

import { bindAlloc } from './core/alloc.ts';
import { bind } from './core/api.ts';
import type { SigmoidLoss, SoftmaxLoss } from './core/losses.ts';
import type { Reduction } from './core/options.ts';
import { inlined, scalarKernels } from './core/provide.ts';
import binary from './generated/losses.wasm.ts';

const provide = inlined(binary, scalarKernels);

export type * from './core/types.ts';
export { classWeights } from './core/weights.ts';
export const { SoftmaxFocalLoss, SigmoidFocalLoss, backend } = bind(provide);
export type SoftmaxFocalLoss<R extends Reduction = 'mean'> = SoftmaxLoss<R>;
export type SigmoidFocalLoss<R extends Reduction = 'mean'> = SigmoidLoss<R>;
export const alloc = /* @__PURE__ */ bindAlloc(provide);
