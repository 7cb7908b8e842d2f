import { common, number, oneOf } from '../input/checks.ts';
import { outOfRange, wrongType } from '../input/errors.ts';
import { type Input, type Logits, readInput, type Targets } from '../input/tensors.ts';
import { FocalLoss, SigmoidLoss, SoftmaxLoss } from '../losses/losses.ts';
import type { Settings } from '../losses/options.ts';
import { survey } from '../losses/survey.ts';
import type { FocalMeterConstructor } from '../meter/api.ts';
import { type AnyLoss, Meter } from '../meter/meter.ts';
import type { Metric } from '../meter/report.ts';
import { isHeldOut } from '../statistics/index.ts';
import { addSigmoid, addSoftmax, eachSample, minimise, noSlopes, type Slopes } from './fit.ts';

/** Some of the samples, as for a loss's `forward`. */
export interface Batch {
  readonly logits: Logits;
  readonly targets: Targets;
  /** Index of the first sample among all, by which it is decided what is held out. Default: those that came before. */
  readonly firstIndex?: number;
}

/** Options of `fitTemperature`. */
export interface TemperatureOptions {
  /** Whether the classes exclude each other, or are decided one by one. Default 'softmax'. */
  loss?: 'softmax' | 'sigmoid';
  /**
   * Share of the samples that the fit does not see, and is measured on, in [0, 1). Which they are is a hash of a sample's
   * index. 0: nothing is held out, nothing measured. Default 0.2.
   */
  holdout?: number;
  /** Target that marks a sample to leave out. Default −100. */
  ignoreIndex?: number;
  /** Bins of the calibration error. Default 15. */
  bins?: number;
}

/** Means over the held-out samples (sigmoid: decisions), as `FocalMeter` computes them. */
export interface CalibrationScores {
  crossEntropy: Metric;
  brier: Metric;
  ece: Metric;
}

/** What `fitTemperature` gives. */
export interface Temperature {
  /** What to divide the logits by; null when no finite number is best. */
  temperature: number | null;
  /** Why there is none. */
  reason: string | null;
  /** Passes over the data, that of the measurement included. */
  passes: number;
  /** Samples that were fitted, and held out. */
  fitted: number;
  heldOut: number;
  /** On the held-out samples, with the logits as they are, and divided by the temperature. */
  before: CalibrationScores | null;
  after: CalibrationScores | null;
}

/** What `focal-simd/calibrate` exports. */
export interface Calibration {
  /**
   * Fit one temperature that all logits are divided by, so that probabilities mean what they say (Guo et al., "On
   * Calibration of Modern Neural Networks", 2017): the minimum of the cross-entropy, by Newton's method on its exact
   * derivatives, in at most 10 passes.
   *
   * @param batches a function that gives the batches `{ logits, targets, firstIndex? }` anew for each pass, as an iterable or
   *   async iterable; they may come in any order
   * @param options `loss`, 'softmax' (default) or 'sigmoid'; `holdout`, the share that is held out to measure on, default
   *   0.2; `ignoreIndex`, default −100; `bins`, default 15
   * @returns the temperature, with cross-entropy, Brier score and calibration error of the held-out part before and after;
   *   null with its reason where no finite temperature is best
   * @throws TypeError or RangeError as a loss's `forward`, for a batch of other classes, and for a wrong option
   * @example
   * const { temperature } = await fitTemperature(() => [{ logits, targets }]);
   */
  fitTemperature(
    batches: () => Iterable<Batch> | AsyncIterable<Batch>,
    options?: TemperatureOptions,
  ): Promise<Temperature>;
}

/** The meter has a backend of its own. */
const unused = (): never => {
  throw new Error('a loss that only tells its options');
};

const KNOWN = ['loss', 'holdout', 'ignoreIndex', 'bins'];

/** `fitTemperature` over the meter of one backend. */
export function bindCalibrate(FocalMeter: FocalMeterConstructor): Calibration {
  return {
    async fitTemperature(batches, given) {
      if (typeof batches !== 'function')
        throw wrongType('batches', 'a function that gives them for each pass', batches);
      const options = common('fitTemperature', given, KNOWN);
      const variant = oneOf('loss', options.loss ?? 'softmax', ['softmax', 'sigmoid']);
      const holdout = number('holdout', options.holdout ?? 0.2, 'a number in [0, 1)', (x) => x >= 0 && x < 1);
      const { ignoreIndex = -100, bins = 15 } = options as TemperatureOptions;
      const loss: AnyLoss = new (variant === 'softmax' ? SoftmaxLoss : SigmoidLoss)(unused, { ignoreIndex });
      const settings = FocalLoss.settingsOf(loss) as Settings;
      const add = variant === 'softmax' ? addSoftmax : addSigmoid;
      let classes = 0;
      let meter: Meter<AnyLoss> | null = null;

      /** Go through all batches once: `visit` gets each, and which of its samples are fitted. */
      const pass = async (visit: (input: Input, fits: (i: number) => boolean) => void) => {
        let seen = 0;
        for await (const batch of batches()) {
          if (typeof batch !== 'object' || batch === null)
            throw wrongType('batch', 'an object { logits, targets }', batch);
          const input = readInput(batch.logits, batch.targets, settings);
          if (input.dense && input.classes > 1) {
            throw outOfRange('targets', 'class indices', 'numbers in the shape of the logits');
          }
          const n = input.batch * input.positions;
          const firstIndex = number('firstIndex', batch.firstIndex ?? seen, 'an integer ≥ 0', (x) => {
            return Number.isSafeInteger(x) && x >= 0 && Number.isSafeInteger(x + n);
          });
          seen += n;
          if (n === 0) continue;
          classes ||= input.classes;
          meter ??= new FocalMeter(loss, { classes, bins });
          survey(Meter.backendOf(meter), settings, input, null);
          visit(input, (i) => !isHeldOut(firstIndex + i, holdout));
        }
      };
      /** Count the held-out samples of a batch in, with the logits times β. */
      const measure = (input: Input, fits: (i: number) => boolean, beta: number): void => {
        const { batch, positions } = input;
        const targets = Array.from({ length: batch * positions }, (_, i) => {
          const y = Number(input.targets[i]);
          return fits(i) ? ignoreIndex : y;
        });
        const data = new Float32Array(input.logits.length);
        eachSample(input, (i, logit) => {
          const start = Math.floor(i / positions) * input.classes * positions + (i % positions);
          for (let c = 0; c < input.classes; c++) data[start + c * positions] = logit(c) * beta;
        });
        meter?.update({ data, dims: [batch, input.classes, positions] }, { data: targets, dims: [batch, positions] });
      };
      const scores = (): CalibrationScores | null => {
        const report = meter?.compute();
        meter?.reset();
        if (!report?.samples) return null;
        const { crossEntropy, brier, ece } = report;
        return { crossEntropy, brier, ece };
      };

      let fitted = 0;
      let heldOut = 0;
      const slopesAt = async (beta: number): Promise<Slopes> => {
        const slopes = noSlopes();
        fitted = 0;
        heldOut = 0;
        // the first pass, at β = 1, also measures what there is before
        const first = before === undefined;
        await pass((input, fits) => {
          if (first) measure(input, fits, 1);
          eachSample(input, (i, logit) => {
            const y = Number(input.targets[i]);
            if (y === ignoreIndex) return;
            if (!fits(i)) {
              heldOut++;
              return;
            }
            fitted++;
            // of one class, the target is whether it is the sample's
            add(slopes, logit, input.classes, input.dense ? 1 - y : y, beta);
          });
        });
        if (first) before = scores();
        return slopes;
      };
      let before: CalibrationScores | null | undefined;
      const found = await minimise(slopesAt);
      const about = { fitted, heldOut, before: before ?? null };
      if ('reason' in found) {
        return { temperature: null, reason: found.reason, passes: found.passes, ...about, after: null };
      }
      const { beta, passes } = found;
      if (heldOut > 0) await pass((input, fits) => measure(input, fits, beta));
      return { temperature: 1 / beta, reason: null, passes: passes + (heldOut > 0 ? 1 : 0), ...about, after: scores() };
    },
  };
}
