/** A meter for each group of samples: `import { SlicedMeter } from 'focal-simd/slices'`. */

import type { AnyLoss } from '../meter/meter.ts';
import type { Slices } from '../meter/slices.ts';
import { defineSlices } from '../meter/slices-api.ts';
import { FocalMeter } from './meter.ts';

export type { Groups, SlicedOptions, SlicedReport } from '../meter/slices.ts';
export type { SlicedMeterConstructor } from '../meter/slices-api.ts';
export type { SlicedState } from '../meter/slices-codec.ts';
/** A meter for each group of samples. */
export const SlicedMeter = defineSlices(FocalMeter);
export type SlicedMeter<L extends AnyLoss = AnyLoss> = Slices<L>;
