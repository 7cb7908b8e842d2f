/** The loss, and what counts it, by the options. */
import * as losses from '../entries/index.ts';
import { FocalMeter } from '../entries/meter.ts';
import * as scalar from '../entries/scalar.ts';
import { SlicedMeter } from '../entries/slices.ts';
import { type LossSpec, lossOf } from '../files/shard.ts';
import type { AnyLoss, Meter } from '../meter/meter.ts';
import type { Slices } from '../meter/slices.ts';
import { readAlpha } from './alpha.ts';
import { InputError, refusing } from './errors.ts';
import {
  type BootstrapOptions,
  CONFUSION_CLASSES,
  CONFUSION_CLASSES_OF_GROUPS,
  type GroupOptions,
  type InputOptions,
  type LossOptions,
  type MeterOptions,
} from './grammar.ts';
import { axisOf } from './samples.ts';

const simd = { ...losses, FocalMeter, SlicedMeter };
export type Library = typeof simd;

export const libraryOf = ({ backend }: { backend: 'auto' | 'scalar' }): Library =>
  backend === 'scalar' ? scalar : simd;

/** Options that only one of the losses has. */
const OWN = {
  softmax: ['topK', 'confusion', 'flips', 'labelSmoothing'],
  sigmoid: ['smoothing', 'gammaNegative', 'clip', 'background'],
} as const;

/** Options that go to the loss as they are. */
const PLAIN = [
  'gamma',
  'ignoreIndex',
  'smoothing',
  'labelSmoothing',
  'gammaNegative',
  'clip',
  'background',
  'divisor',
] as const;

/** The option's names and the loss's. */
export const INPUTS = {
  logits: 'logits',
  probabilities: 'probabilities',
  'log-probabilities': 'logProbabilities',
} as const;

type AllOptions = LossOptions & Partial<MeterOptions> & { flips?: boolean };

export function refuseForeign(options: AllOptions): void {
  const other = options.loss === 'softmax' ? 'sigmoid' : 'softmax';
  for (const key of OWN[other]) {
    const flag = `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (options[key] !== undefined) throw new InputError(`${flag} goes with --loss ${other} alone`);
  }
}

/**
 * The options of the loss, as plain data that goes to worker threads.
 *
 * @param perClass how often each class is the target, for weights by frequency
 */
export async function lossSpec(
  options: LossOptions & Pick<InputOptions, 'classAxis' | 'ignoreIndex'>,
  perClass: Float64Array | null,
): Promise<LossSpec> {
  const { loss: name, alpha, input } = options;
  const given = PLAIN.filter((key) => options[key] !== undefined).map((key) => [key, options[key]]);
  return {
    name,
    ...Object.fromEntries(given),
    ...(alpha !== undefined && { alpha: await readAlpha(alpha, name, perClass) }),
    ...(input !== 'logits' && { input: INPUTS[input] }),
    classAxis: axisOf(options),
  };
}

export const makeLoss = (spec: LossSpec): AnyLoss => refusing('options', () => lossOf(spec));

/** What is counted depends on the options and the number of classes, never on what is written: states of shards go together. */
export function meterOptions(options: LossOptions & MeterOptions & BootstrapOptions & GroupOptions, classes: number) {
  const { loss, bins, hardest, topK, bootstrap, seed } = options;
  if (seed !== undefined && bootstrap === undefined) throw new InputError('--seed goes with --bootstrap');
  const most = options.groupBy === undefined ? CONFUSION_CLASSES : CONFUSION_CLASSES_OF_GROUPS;
  const confusion = options.confusion ?? classes <= most;
  const curves = options.curves ?? loss === 'sigmoid';
  return {
    classes,
    bins,
    hardest,
    coverage: true,
    ...(curves && { curves }),
    ...(loss === 'softmax' && { confusion }),
    ...(topK && { topK }),
    ...(bootstrap && { bootstrap }),
    ...(seed && { seed }),
  };
}

export const makeMeter = (
  api: Library,
  loss: AnyLoss,
  options: LossOptions & MeterOptions & BootstrapOptions,
  classes: number,
): Meter<AnyLoss> => refusing('options', () => new api.FocalMeter<AnyLoss>(loss, meterOptions(options, classes)));

export function makeSlices(
  api: Library,
  loss: AnyLoss,
  options: LossOptions & MeterOptions & BootstrapOptions & GroupOptions,
  classes: number,
): Slices<AnyLoss> {
  const { maxGroups } = options;
  const own = { ...meterOptions(options, classes), ...(maxGroups !== undefined && { maxGroups }) };
  return refusing('options', () => new api.SlicedMeter<AnyLoss>(loss, own));
}

/** Have the kernels compiled before the clock starts. */
export function warmUp(api: Library, loss: AnyLoss, classes: number): void {
  const one = refusing('options', () => new api.FocalMeter<AnyLoss>(loss, { classes }));
  one.update(new Float32Array(classes), [0]);
}
