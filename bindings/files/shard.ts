import { common, oneOf } from '../input/checks.ts';
import { wrongType } from '../input/errors.ts';
import { defineLosses } from '../losses/api.ts';
import type { Reduction, SigmoidFocalLossOptions, SoftmaxFocalLossOptions } from '../losses/options.ts';
import type { FocalMeterConstructor } from '../meter/api.ts';
import type { SigmoidMeterOptions, SoftmaxMeterOptions } from '../meter/config.ts';
import type { AnyLoss, Meter } from '../meter/meter.ts';
import type { SlicedOptions, Slices } from '../meter/slices.ts';
import type { SlicedMeterConstructor } from '../meter/slices-api.ts';
import { checkHooks, type EvaluateOptions, evaluateDataset } from './evaluate.ts';
import { type DatasetOptions, type Files, openDataset, type Resolve } from './open.ts';

/** A loss as plain data that JSON holds, which travels to workers, queues and other machines: its name and options. */
export type LossSpec =
  | ({ name: 'softmax' } & SoftmaxFocalLossOptions<Reduction>)
  | ({ name: 'sigmoid' } & SigmoidFocalLossOptions<Reduction>);

/** The options of a meter; `classes` may be left out, then the files tell. */
export type MeterSpec = ClassesByFiles<SoftmaxMeterOptions | SigmoidMeterOptions>;

/** Options, of whichever loss, of which the files tell the classes. */
export type ClassesByFiles<Options> = Options extends unknown ? Omit<Options, 'classes'> & { classes?: number } : never;

/** What to evaluate. */
export interface EvaluationSpec {
  loss: LossSpec;
  /** Default: the defaults of `FocalMeter`. */
  meter?: MeterSpec;
}

/** Options of `evaluateShard`. */
export interface ShardOptions
  extends EvaluationSpec,
    Omit<DatasetOptions, 'classAxis' | 'ignoreIndex' | 'columns'>,
    Pick<EvaluateOptions, 'firstIndex' | 'bytes' | 'onProgress'> {}

/** What `evaluateShard` gives. */
export interface ShardResult {
  readonly meter: Meter<AnyLoss>;
  readonly samples: number;
  /** Samples without a label in the files; the meter counts them as ignored. */
  readonly missing: number;
  readonly names: readonly string[] | null;
}

/** These losses are never asked to compute: a meter takes their options and computes with kernels of its own. */
const { SoftmaxFocalLoss, SigmoidFocalLoss } = /* @__PURE__ */ defineLosses(() => {
  throw new Error('no kernels');
});

/** What of the loss is about reading the files: the rest makes the loss. */
export function readerOptions({ loss }: EvaluationSpec): Pick<DatasetOptions, 'classAxis' | 'ignoreIndex'> {
  if (typeof loss !== 'object' || loss === null)
    throw wrongType('loss', "an object { name: 'softmax' or 'sigmoid', … }", loss);
  const { classAxis, ignoreIndex } = loss as DatasetOptions;
  return { ...(classAxis !== undefined && { classAxis }), ...(ignoreIndex !== undefined && { ignoreIndex }) };
}

/** The loss of a specification, without what is about reading the files, which give the classes an axis of their own. */
export function lossOf(loss: LossSpec): AnyLoss {
  const { name, classAxis: _, ...options } = loss as LossSpec & { classAxis?: number };
  const Loss = oneOf('loss.name', name, ['softmax', 'sigmoid']) === 'softmax' ? SoftmaxFocalLoss : SigmoidFocalLoss;
  return new Loss(options as object);
}

/**
 * The meter of a specification.
 *
 * @param classes of the files
 * @throws TypeError or RangeError for an option of the wrong type or value, or an unknown one
 */
export function createMeter(
  FocalMeter: FocalMeterConstructor,
  { loss, meter = {} }: EvaluationSpec,
  classes: number,
): Meter<AnyLoss> {
  return new FocalMeter<AnyLoss>(lossOf(loss), { classes, ...meter } as SoftmaxMeterOptions);
}

/** The meter of each group, of a specification. */
export function createSlices(
  SlicedMeter: SlicedMeterConstructor,
  { loss, meter = {} }: EvaluationSpec,
  classes: number,
  maxGroups: number | undefined,
): Slices<AnyLoss> {
  const own = { classes, ...meter, ...(maxGroups !== undefined && { maxGroups }) };
  return new SlicedMeter<AnyLoss>(lossOf(loss), own as SlicedOptions<AnyLoss>);
}

const OPTIONS = ['loss', 'meter', 'firstIndex', 'bytes', 'names', 'resolve', 'signal', 'onProgress'];

export function defineShard(FocalMeter: FocalMeterConstructor, places?: Resolve) {
  return async (files: Files, options: ShardOptions): Promise<ShardResult> => {
    common('evaluateShard', options, OPTIONS);
    if (options === undefined) throw wrongType('options', 'an object with loss', options);
    checkHooks(options);
    const { names = null, resolve = places, signal, firstIndex = 0, bytes, onProgress } = options;
    const reading = { ...readerOptions(options), names, ...(resolve && { resolve }), signal };
    const dataset = await openDataset(files, reading);
    try {
      const meter = createMeter(FocalMeter, options, dataset.classes);
      const { samples, missing } = await evaluateDataset(dataset, meter, { firstIndex, bytes, signal, onProgress });
      return { meter, samples, missing, names: dataset.names };
    } finally {
      await dataset.close();
    }
  };
}
