/** The default entry: the binary is inlined and compiled on first use. */

import { bind } from './core/api.ts';
import { decodeBase64 } from './core/base64.ts';
import { bindMeter } from './core/meter-api.ts';
import { lazily } from './core/provide.ts';
import binary from './generated/focal.wasm.ts';

const provide = lazily(() => new WebAssembly.Module(decodeBase64(binary)));

export type * from './core/types.ts';
export { classWeights } from './core/weights.ts';
export const { SoftmaxFocalLoss, SigmoidFocalLoss, backend } = bind(provide);
export const FocalMeter = /* @__PURE__ */ bindMeter(provide);
