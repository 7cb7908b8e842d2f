/** Temperature scaling: `import { fitTemperature } from 'focal-simd/calibrate'`. */

import { defineCalibrate } from '../calibrate/temperature.ts';
import { FocalMeter } from './meter.ts';

export type { Calibration } from '../calibrate/temperature.ts';
export type { Batch, CalibrationScores, Temperature, TemperatureOptions } from '../calibrate/types.ts';
export const { fitTemperature } = defineCalibrate(FocalMeter);
