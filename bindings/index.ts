/** The default entry: the binary is inlined and compiled on first use. */

import { bindAlloc } from './core/alloc.ts';
import { bind } from './core/api.ts';
import { decodeHex } from './core/hex.ts';
import type { MeterKernels } from './core/kernels.ts';
import { bindMeter } from './core/meter-api.ts';
import { lazily } from './core/provide.ts';
import binary from './generated/focal.wasm.ts';

const provide = lazily<MeterKernels>(() => new WebAssembly.Module(decodeHex(binary)));

export type * from './core/types.ts';
export { classWeights } from './core/weights.ts';
export const { SoftmaxFocalLoss, SigmoidFocalLoss, backend } = bind(provide);
export const FocalMeter = /* @__PURE__ */ bindMeter(provide);
export const alloc = /* @__PURE__ */ bindAlloc(provide);
