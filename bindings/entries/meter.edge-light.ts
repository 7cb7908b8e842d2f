/** Vercel Edge: see index.edge-light.ts. */

import { lazily } from '../backend/provide.ts';
import { bindMeter, scalarMeterKernels } from '../meter/api.ts';
import module from './focal.wasm?module';

export type * from '../meter/types.ts';
export const FocalMeter = bindMeter(lazily(() => module, scalarMeterKernels));
