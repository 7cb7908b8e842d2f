import { convert } from '../backend/scalar/kernels.ts';
import { common, firstOf, fraction, oneOf } from '../input/checks.ts';
import { wrongType } from '../input/errors.ts';
import { fromHalf } from '../input/half.ts';
import { type Input, readInput } from '../input/tensors.ts';
import { FocalLoss, SigmoidLoss, SoftmaxLoss } from '../losses/losses.ts';
import type { Settings } from '../losses/options.ts';
import { survey } from '../losses/survey.ts';
import type { FocalMeterConstructor } from '../meter/api.ts';
import { type AnyLoss, Meter } from '../meter/meter.ts';
import { isHeldOut } from '../statistics/index.ts';
import { addSigmoid, addSoftmax, eachSample, type PlainSlopes, Slopes } from './fit.ts';
import type { Batch, CalibrationScores, TemperatureOptions } from './types.ts';

/** The options of `fitTemperature`, checked. */
export type CalibrationOptions = Required<TemperatureOptions>;

/** @throws TypeError or RangeError for a wrong option */
export function readCalibration(name: string, given: unknown): CalibrationOptions {
  const options = common(name, given, ['loss', 'holdout', 'ignoreIndex', 'bins', 'input']) as TemperatureOptions;
  const { ignoreIndex = -100, bins = 15 } = options;
  return {
    loss: oneOf('loss', options.loss ?? 'softmax', ['softmax', 'sigmoid']) as 'softmax' | 'sigmoid',
    holdout: fraction('holdout', options.holdout ?? 0.2),
    ignoreIndex,
    bins,
    input: oneOf('input', options.input ?? 'logits', ['logits', 'probabilities', 'logProbabilities']),
  };
}

/** What a pass over the data is to find. */
export interface Ask {
  /** The logits count times so much. */
  readonly beta: number;
  /** Whether the slopes are wanted, of the samples that are fitted. */
  readonly fit: boolean;
  /** Whether the scores are, of those that are held out. */
  readonly measure: boolean;
}

/** The meter has a backend of its own. */
const unused = (): never => {
  throw new Error('a loss that only tells its options');
};

/** What one part of a pass has found, as it travels from one thread to another. */
export interface Found {
  readonly slopes: PlainSlopes;
  readonly fitted: number;
  readonly heldOut: number;
  readonly state: Uint8Array | null;
}

/** A pass over the data, or a part of one: exact, so that parts may come in any order. */
export class Pass {
  readonly slopes = new Slopes();
  fitted = 0;
  heldOut = 0;
  readonly #FocalMeter: FocalMeterConstructor;
  readonly #options: CalibrationOptions;
  readonly #loss: AnyLoss;
  readonly #settings: Settings;
  #seen = 0;
  #meter: Meter<AnyLoss> | null = null;

  constructor(FocalMeter: FocalMeterConstructor, options: CalibrationOptions) {
    const { loss, ignoreIndex, input } = options;
    this.#FocalMeter = FocalMeter;
    this.#options = options;
    this.#loss = new (loss === 'softmax' ? SoftmaxLoss : SigmoidLoss)(unused, { ignoreIndex });
    this.#settings = { ...(FocalLoss.settingsOf(this.#loss) as Settings), input };
  }

  /** What a dataset is counted into for what is asked. */
  asking(ask: Ask): Pick<Meter<AnyLoss>, 'update'> {
    return { update: (logits, targets, at) => this.count({ logits, targets, ...at }, ask) };
  }

  /** Count a batch in, and find what is asked for. */
  count(batch: Batch, { beta, fit, measure }: Ask): void {
    if (typeof batch !== 'object' || batch === null) throw wrongType('batch', 'an object { logits, targets }', batch);
    const input = asLogits(readInput(batch.logits, batch.targets, this.#settings));
    const n = input.batch * input.positions;
    const firstIndex = firstOf(n, batch.firstIndex ?? this.#seen);
    this.#seen += n;
    if (n === 0) return;
    const { holdout, ignoreIndex, bins, loss } = this.#options;
    this.#meter ??= new this.#FocalMeter<AnyLoss>(this.#loss, { classes: input.classes, bins });
    survey(Meter.backendOf(this.#meter), this.#settings, input, null);
    const fits = (i: number): boolean => !isHeldOut(firstIndex + i, holdout);
    if (measure) this.#measure(input, fits, beta);
    const add = loss === 'softmax' ? addSoftmax : addSigmoid;
    const { dense, classes, targets } = input;
    // one-vs-rest, single logits may be ignored
    const isIgnored = (at: number): boolean => Number(targets[at]) === ignoreIndex && (!dense || loss === 'sigmoid');
    eachSample(input, (i, logit, at) => {
      const target = (c: number): number => {
        if (!dense) return Number(targets[i]) === c ? 1 : 0;
        return isIgnored(at(c)) ? NaN : Number(targets[at(c)]);
      };
      let valid = dense ? 0 : Number(!isIgnored(i));
      for (let c = 0; dense && c < classes; c++) valid += Number(!isIgnored(at(c)));
      if (valid === 0) return;
      if (!fits(i)) {
        this.heldOut++;
        return;
      }
      this.fitted++;
      if (fit) add(this.slopes, logit, classes, target, beta);
    });
  }

  /** Means over the held-out samples; null where there are none, or they were not asked for. */
  get scores(): CalibrationScores | null {
    const report = this.#meter?.compute();
    if (!report?.samples) return null;
    const { crossEntropy, brier, ece } = report;
    return { crossEntropy, brier, ece };
  }

  /** All of it as plain data. */
  found(): Found {
    const { slopes, fitted, heldOut } = this;
    return { slopes: { ...slopes }, fitted, heldOut, state: this.#meter?.toBytes() ?? null };
  }

  /** Take in what another part has found. */
  merge({ slopes, fitted, heldOut, state }: Found): void {
    this.slopes.merge(slopes);
    this.fitted += fitted;
    this.heldOut += heldOut;
    if (!state) return;
    const other = this.#FocalMeter.fromBytes(state);
    if (this.#meter) this.#meter.merge(other);
    else this.#meter = other;
  }

  /** Count the held-out samples of a batch in, with the logits times β. */
  #measure(input: Input, fits: (i: number) => boolean, beta: number): void {
    const { classes, dense, targets } = input;
    const logits: number[] = [];
    const labels: number[] = [];
    eachSample(input, (i, logit, at) => {
      if (fits(i)) return;
      if (!dense) labels.push(Number(targets[i]));
      for (let c = 0; c < classes; c++) {
        logits.push(logit(c) * beta);
        if (dense) labels.push(Number(targets[at(c)]));
      }
    });
    const dims = [logits.length / classes, classes];
    this.#meter?.update(
      { data: Float32Array.from(logits), dims },
      { data: Float64Array.from(labels), dims: dense ? dims : [labels.length] },
    );
  }
}

/** The same input with logits in the place of probabilities. */
function asLogits(input: Input): Input {
  if (!input.scale) return input;
  const read = input.half ? fromHalf : Number;
  const logits = Float32Array.from(input.logits as Float32Array, read);
  convert(logits, input.scale);
  return { ...input, logits, half: false, scale: 0 };
}
