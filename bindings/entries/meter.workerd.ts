/** Cloudflare workerd: see index.workerd.ts. */

import { lazily } from '../backend/provide.ts';
import { bindMeter, scalarMeterKernels } from '../meter/api.ts';
import module from './focal.wasm';

export type * from '../meter/types.ts';
export const FocalMeter = bindMeter(lazily(() => module, scalarMeterKernels));
