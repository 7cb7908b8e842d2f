/** Vercel Edge: the same, with the ?module suffix its bundler asks for. */

import { bindAlloc } from '../backend/alloc.ts';
import { lazily, scalarKernels } from '../backend/provide.ts';
import { bind } from '../losses/api.ts';
import module from './focal.wasm?module';

const provide = lazily(() => module, scalarKernels);

export type * from '../losses/types.ts';
export { classWeights } from '../losses/weights.ts';
export const { SoftmaxFocalLoss, SigmoidFocalLoss, backend } = bind(provide);
export const alloc = /* @__PURE__ */ bindAlloc(provide);
