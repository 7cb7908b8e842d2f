/** Evaluation metrics: `import { FocalMeter } from 'focal-simd/meter'`. The binary, inlined, has the losses' kernels too. */

import type { AnyLoss, Meter } from './core/meter.ts';
import { bindMeter, scalarMeterKernels } from './core/meter-api.ts';
import { inlined } from './core/provide.ts';
import binary from './generated/focal.wasm.ts';

export type * from './core/meter-types.ts';
export const FocalMeter = bindMeter(inlined(binary, scalarMeterKernels));
export type FocalMeter<L extends AnyLoss = AnyLoss> = Meter<L>;
