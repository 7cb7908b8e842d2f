/** Cloudflare workerd: bytes may not be compiled inside a request, but a .wasm import is a compiled module. */

import { bindAlloc } from './core/alloc.ts';
import { bind } from './core/api.ts';
import { lazily, scalarKernels } from './core/provide.ts';
import module from './focal.wasm';

const provide = lazily(() => module, scalarKernels);

export type * from './core/types.ts';
export { classWeights } from './core/weights.ts';
export const { SoftmaxFocalLoss, SigmoidFocalLoss, backend } = bind(provide);
export const alloc = /* @__PURE__ */ bindAlloc(provide);
