/** Temperature scaling: `import { fitTemperature } from 'focal-simd/calibrate'`. */

import { bindCalibrate } from '../calibrate/temperature.ts';
import { FocalMeter } from './meter.ts';

export type {
  Batch,
  Calibration,
  CalibrationScores,
  Temperature,
  TemperatureOptions,
} from '../calibrate/temperature.ts';
export const { fitTemperature } = bindCalibrate(FocalMeter);
