/** Vercel Edge: see index.edge-light.ts. */

import type { MeterKernels } from './core/kernels.ts';
import { bindMeter } from './core/meter-api.ts';
import { lazily } from './core/provide.ts';
import module from './focal.wasm?module';

export type * from './core/meter-types.ts';
export const FocalMeter = bindMeter(lazily<MeterKernels>(() => module));
