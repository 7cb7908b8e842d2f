/** Vercel Edge: the same, with the ?module suffix its bundler asks for. */

import { bindAlloc } from './core/alloc.ts';
import { bind } from './core/api.ts';
import { lazily, scalarKernels } from './core/provide.ts';
import module from './focal.wasm?module';

const provide = lazily(() => module, scalarKernels);

export type * from './core/types.ts';
export { classWeights } from './core/weights.ts';
export const { SoftmaxFocalLoss, SigmoidFocalLoss, backend } = bind(provide);
export const alloc = /* @__PURE__ */ bindAlloc(provide);
