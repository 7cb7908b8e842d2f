/** The default entry: the losses, whose binary is inlined and compiled on first use. */

import { defineAlloc } from '../backend/alloc.ts';
import { lazily, scalarKernels } from '../backend/provide.ts';
import { defineLosses } from '../losses/api.ts';
import type { SigmoidLoss, SoftmaxLoss } from '../losses/losses.ts';
import type { Reduction } from '../losses/options.ts';
import { losses } from './kernels.ts';

const provide = lazily(losses, scalarKernels);

export type * from '../losses/types.ts';
export { classWeights, effectiveWeights } from '../losses/weights.ts';
export const { SoftmaxFocalLoss, SigmoidFocalLoss, backend } = defineLosses(provide);
export type SoftmaxFocalLoss<R extends Reduction = 'mean'> = SoftmaxLoss<R>;
export type SigmoidFocalLoss<R extends Reduction = 'mean'> = SigmoidLoss<R>;
export const alloc = /* @__PURE__ */ defineAlloc(provide);
