/** Cloudflare workerd: see index.workerd.ts. */

import { bindMeter, scalarMeterKernels } from './core/meter-api.ts';
import { lazily } from './core/provide.ts';
import module from './focal.wasm';

export type * from './core/meter-types.ts';
export const FocalMeter = bindMeter(lazily(() => module, scalarMeterKernels));
