/** Temperature scaling: `import { fitTemperature } from 'focal-simd/calibrate'`. */

import { defineCalibrate } from '../calibrate/temperature.ts';
import { FocalMeter } from './meter.ts';

export type {
  Batch,
  Calibration,
  CalibrationScores,
  Temperature,
  TemperatureOptions,
} from '../calibrate/temperature.ts';
export const { fitTemperature } = defineCalibrate(FocalMeter);
