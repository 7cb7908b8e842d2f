/** Evaluation metrics: `import { FocalMeter } from 'focal-simd/meter'`. Its binary adds to that of the losses. */

import { lazily } from '../backend/provide.ts';
import { defineMeter, scalarMeterKernels } from '../meter/api.ts';
import type { AnyLoss, Meter } from '../meter/meter.ts';
import { lossesAndMeter } from './kernels.ts';

export type * from '../meter/types.ts';
export const FocalMeter = defineMeter(lazily(lossesAndMeter, scalarMeterKernels));
export type FocalMeter<L extends AnyLoss = AnyLoss> = Meter<L>;
