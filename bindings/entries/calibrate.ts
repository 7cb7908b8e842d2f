/** Temperature scaling: `import { fitTemperature } from 'focal-simd/calibrate'`. */

import { bindCalibrate } from '../calibrate/temperature.ts';
import { FocalMeter } from './meter.ts';

export type { Batch, CalibrationScores, Temperature, TemperatureOptions } from '../calibrate/temperature.ts';
/**
 * Fit one temperature that all logits are divided by, so that probabilities mean what they say (Guo et al., "On Calibration
 * of Modern Neural Networks", 2017): the minimum of the cross-entropy, by Newton's method on its exact derivatives.
 *
 * @param batches a function that gives the batches `{ logits, targets, firstIndex? }` anew for each pass, as an iterable or
 *   async iterable; they may come in any order
 * @param options `loss`, 'softmax' (default) or 'sigmoid'; `holdout`, the share that is held out to measure on, default 0.2;
 *   `ignoreIndex`, default −100; `bins`, default 15
 * @returns the temperature, with cross-entropy, Brier score and calibration error of the held-out part before and after; null
 *   with its reason where no finite temperature is best
 * @throws TypeError or RangeError as a loss's `forward`, for a batch of other classes, and for a wrong option
 * @example
 * const { temperature } = await fitTemperature(() => [{ logits, targets }]);
 */
export const fitTemperature = /* @__PURE__ */ bindCalibrate(FocalMeter);
