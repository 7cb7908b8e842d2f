import { outOfRange, wrongType } from '../input/errors.ts';
import type { FocalMeterConstructor } from '../meter/api.ts';
import { minimise } from './fit.ts';
import { type Ask, Pass, readCalibration } from './pass.ts';
import type { Batch, Temperature, TemperatureOptions } from './types.ts';

/** What `focal-simd/calibrate` exports. */
export interface Calibration {
  /**
   * Fit one temperature that all logits are divided by, so that probabilities mean what they say (Guo et al., "On
   * Calibration of Modern Neural Networks", 2017): the minimum of the cross-entropy, by Newton's method on its exact
   * derivatives, in at most 10 passes.
   *
   * @param batches a function that gives the batches `{ logits, targets, firstIndex? }` anew for each pass, as an
   *   iterable or async iterable; they may come in any order
   * @param options `loss`, 'softmax' (default) or 'sigmoid'; `holdout`, the share that is held out to measure on,
   *   default 0.2; `ignoreIndex`, default −100; `bins`, default 15; `input`, 'logits' (default), 'probabilities' or
   *   'logProbabilities'
   * @returns the temperature, with cross-entropy, Brier score and calibration error of the held-out part before and
   *   after; null with its reason where no finite temperature is best
   * @throws TypeError or RangeError as a loss's `forward`, for a batch of other classes, for a pass of more or fewer
   *   samples than the first (an iterator that is used up), and for a wrong option
   * @example
   * const { temperature } = await fitTemperature(() => [{ logits, targets }]);
   */
  fitTemperature(
    batches: () => Iterable<Batch> | AsyncIterable<Batch>,
    options?: TemperatureOptions,
  ): Promise<Temperature>;
}

/** `fitTemperature` over the meter of one backend. */
export function defineCalibrate(FocalMeter: FocalMeterConstructor): Calibration {
  return {
    async fitTemperature(batches, given) {
      if (typeof batches !== 'function')
        throw wrongType('batches', 'a function that gives them for each pass', batches);
      const options = readCalibration('fitTemperature', given);
      return temperatureOf(async (ask) => {
        const pass = new Pass(FocalMeter, options);
        const given: unknown = batches();
        const iterable = Object(given);
        if (!(Symbol.asyncIterator in iterable || Symbol.iterator in iterable)) {
          throw wrongType('batches()', 'an iterable or async iterable', given);
        }
        for await (const batch of given as AsyncIterable<Batch>) pass.count(batch, ask);
        return pass;
      });
    },
  };
}

/**
 * Fit, by as many passes over the data as it takes.
 *
 * @param pass goes over all of it once and gives what was asked for
 */
export async function temperatureOf(
  pass: (ask: Ask) => Promise<Pick<Pass, 'slopes' | 'fitted' | 'heldOut' | 'scores'>>,
): Promise<Temperature> {
  let first: Awaited<ReturnType<typeof pass>> | undefined;
  const again = async (ask: Ask): Promise<NonNullable<typeof first>> => {
    const one = await pass(ask);
    first ??= one;
    const [expected, found] = [first, one].map(({ fitted, heldOut }) => fitted + heldOut);
    if (found === expected) return one;
    throw outOfRange('batches', `the same samples in every pass, ${expected} of them`, `${found}`);
  };
  // the first pass, at β = 1, also measures what there is before
  const found = await minimise(async (beta) => (await again({ beta, fit: true, measure: first === undefined })).slopes);
  const { fitted, heldOut, scores } = first as NonNullable<typeof first>;
  const about = { fitted, heldOut, before: scores };
  if ('reason' in found) return { temperature: null, ...found, ...about, after: null };
  const { beta, passes } = found;
  if (heldOut === 0) return { temperature: 1 / beta, reason: null, passes, ...about, after: null };
  const { scores: after } = await again({ beta, fit: false, measure: true });
  return { temperature: 1 / beta, reason: null, passes: passes + 1, ...about, after };
}
