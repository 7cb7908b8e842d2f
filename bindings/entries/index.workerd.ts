/** Cloudflare workerd: bytes may not be compiled inside a request, but a .wasm import is a compiled module. */

import { bindAlloc } from '../backend/alloc.ts';
import { lazily, scalarKernels } from '../backend/provide.ts';
import { bind } from '../losses/api.ts';
import module from './focal.wasm';

const provide = lazily(() => module, scalarKernels);

export type * from '../losses/types.ts';
export { classWeights } from '../losses/weights.ts';
export const { SoftmaxFocalLoss, SigmoidFocalLoss, backend } = bind(provide);
export const alloc = /* @__PURE__ */ bindAlloc(provide);
