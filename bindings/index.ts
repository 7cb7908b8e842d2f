/** The default entry: the binary is inlined and compiled on first use. */

import { bind } from './core/api.ts';
import { decodeHex } from './core/hex.ts';
import { lazily } from './core/provide.ts';
import binary from './generated/focal.wasm.ts';

export type * from './core/types.ts';
export { classWeights } from './core/weights.ts';
export const { SoftmaxFocalLoss, SigmoidFocalLoss, backend } = bind(
  lazily(() => new WebAssembly.Module(decodeHex(binary))),
);
