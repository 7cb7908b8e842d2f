import { aboveZero, common, fraction, notNegative, number, object } from '../input/checks.ts';
import { outOfRange, wrongType } from '../input/errors.ts';
import { FocalLoss } from '../losses/losses.ts';
import type { Settings } from '../losses/options.ts';
import { logit } from '../losses/portable.ts';
import { checkClasses } from '../losses/survey.ts';

/** Options of meters of both losses. */
interface CommonMeterOptions {
  /** Number of classes, at least 1. */
  classes: number;
  /**
   * Number of equal bins of the confidence (sigmoid: of the probability), for the calibration error. A probability is
   * rounded to 2^−23 and falls in bin ⌊p · bins⌋: one equal to an edge belongs to the bin above it, and 1 to the last.
   * Default 15.
   */
  bins?: number;
  /** How many of the samples with the largest loss to keep. Default 0. */
  hardest?: number;
  /**
   * Whether to keep the indices of the samples that were counted, as ranges: a sample that is counted twice is a
   * RangeError then, and the report names the samples that are missing. Default false.
   */
  coverage?: boolean;
  /**
   * Whether to count each class's logits (softmax: margins, one class against the rest) in cells, for ROC and
   * precision-recall curves and operating points; for softmax losses this costs a pass. Default false.
   */
  curves?: boolean;
  /**
   * Replicates of the Poisson bootstrap, for intervals of F1 and the like: 1000, say; each takes classes · 3 + bins · 4
   * words. Needs `coverage`, as a sample's weight in a replicate is a hash of its index. Default 0.
   */
  bootstrap?: number;
  /** Seed of the bootstrap, an integer of 32 bits ≥ 0. Default 0. */
  seed?: number;
}

/** A threshold of decisions: a probability in (0, 1), or a logit. */
export type Threshold = number | { logit: number };

/** Options of a `FocalMeter` over a `SoftmaxFocalLoss`. */
export interface SoftmaxMeterOptions extends CommonMeterOptions {
  /** For which k to count the samples whose class is among the k largest logits. Default [5]. */
  topK?: readonly number[];
  /** Whether to keep the confusion matrix, classes² counts. Default false. */
  confusion?: boolean;
}

/** Options of a `FocalMeter` over a `SigmoidFocalLoss`. */
export interface SigmoidMeterOptions extends CommonMeterOptions {
  /** The decision is for a class where its logit is above this, or above the one of the class. Default 0.5. */
  threshold?: Threshold | readonly Threshold[];
}

/**
 * What results depend on beside the options: raised whenever a release changes the bits of losses, bins or counts.
 * States of different arithmetic cannot be merged.
 */
export const ARITHMETIC = 2;

/** What two meters must have in common to be merged: the loss and the options, all checked. Part of the state. */
export interface MeterConfig {
  readonly arithmetic: number;
  readonly variant: 'softmax' | 'sigmoid';
  readonly gamma: number;
  readonly smoothing: number;
  readonly ignoreIndex: number;
  /** Weight of each class, or of all, when it is the true one, and when it is not. */
  readonly positive: number | readonly number[];
  readonly negative: number | readonly number[];
  /** γ and clip of negatives, label of no class (sigmoid); label smoothing (softmax). */
  readonly gammaNegative: number;
  readonly clip: number;
  readonly background: number | null;
  readonly labelSmoothing: number;
  readonly classes: number;
  readonly topK: readonly number[];
  readonly bins: number;
  readonly confusion: boolean;
  readonly hardest: number;
  readonly curves: boolean;
  readonly coverage: boolean;
  /** Replicates, and the seed of their weights. */
  readonly bootstrap: number;
  readonly seed: number;
  /** Sigmoid: the logit above which decisions are for a class, or that of each class. */
  readonly threshold: number | readonly number[];
  /** What the sum of the losses is divided by; left out for the number of them, 'valid'. */
  readonly divisor?: 'weights' | 'positives' | number;
}

type Variant = MeterConfig['variant'];
type Read = (name: string, value: unknown, classes: number) => unknown;

const isCount = (x: number): boolean => Number.isInteger(x) && x > 0 && x < 2 ** 31;
const count: Read = (name, value) => number(name, value, 'a positive integer below 2^31', isCount);
const countOrNone: Read = (name, value) => number(name, value, 'an integer in [0, 2^31)', (x) => x === 0 || isCount(x));
const flag: Read = (name, value) => {
  if (typeof value !== 'boolean') throw wrongType(name, 'a boolean', value);
  return value;
};
const ranks: Read = (name, value) => {
  if (!Array.isArray(value)) throw wrongType(name, 'an array of integers', value);
  return [...new Set(value.map((k, i) => count(`${name}[${i}]`, k, 0)))].sort((a, b) => Number(a) - Number(b));
};

/** One number, or one a class. */
const perClass = (one: (name: string, value: unknown) => number, what: string): Read => {
  return (name, value, classes) => {
    if (!Array.isArray(value)) return one(name, value);
    if (value.length !== classes) throw outOfRange(name, `${classes} ${what}`, value.length);
    return value.map((given, i) => one(`${name}[${i}]`, given));
  };
};

/** Thresholds of a state: logits. */
const logits = perClass((name, value) => number(name, value, 'a finite number', Number.isFinite), 'thresholds');
/** Thresholds of a caller, as logits. */
const thresholds = perClass((name, value) => {
  const own = typeof value === 'object' && value !== null && 'logit' in value;
  if (own) return number(`${name}.logit`, value.logit, 'a finite number', Number.isFinite) + 0;
  return logit(number(name, value, 'a probability in (0, 1) or { logit }', (p) => p > 1e-300 && p < 1)) + 0;
}, 'thresholds');

/**
 * How each option is read, and its default; with `only`, the losses whose meters have it, and what stands for it in the
 * configuration of the others.
 */
interface Option {
  readonly read: Read;
  /** How a state has it, where that is not the same. */
  readonly readState?: Read;
  readonly default: unknown;
  readonly only?: readonly [variant: Variant, otherwise: unknown];
}

const OPTIONS: Readonly<Record<string, Option>> = {
  classes: { read: count, default: undefined },
  topK: { read: ranks, default: [5], only: ['softmax', []] },
  bins: { read: count, default: 15 },
  confusion: { read: flag, default: false, only: ['softmax', false] },
  hardest: { read: countOrNone, default: 0 },
  curves: { read: flag, default: false },
  coverage: { read: flag, default: false },
  bootstrap: { read: countOrNone, default: 0 },
  seed: {
    read: (name, value) => number(name, value, 'an integer in [0, 2^32)', (x) => x >>> 0 === x),
    default: 0,
  },
  threshold: { read: thresholds, readState: logits, default: 0.5, only: ['sigmoid', 0] },
};

const weights = perClass(notNegative, 'weights');

/** How what belongs to the loss is read from a state; the loss itself has checked its own. */
const LOSS: Readonly<Record<string, Read>> = {
  gamma: notNegative,
  smoothing: fraction,
  ignoreIndex: (name, value) => number(name, value, 'an integer of 32 bits', (x) => (x | 0) === x),
  positive: weights,
  negative: weights,
  gammaNegative: notNegative,
  clip: fraction,
  background: (name, value) =>
    value === null ? value : number(name, value, 'null or an integer of 32 bits', (x) => (x | 0) === x),
  labelSmoothing: fraction,
};

const has = (variant: Variant, { only }: Option): boolean => only === undefined || only[0] === variant;

/** The options of a loss. */
export function settingsOf(loss: unknown): Settings {
  const settings = FocalLoss.settingsOf(loss);
  if (!settings) throw wrongType('loss', 'a SoftmaxFocalLoss or SigmoidFocalLoss', loss);
  return settings;
}

/**
 * The options of a meter of a loss, or of what has some more of its own, with none but known names.
 *
 * @param what it is
 */
export function namedOptions(
  loss: unknown,
  given: unknown,
  what: string,
  more: readonly string[] = [],
): Record<string, unknown> {
  const { variant } = settingsOf(loss);
  if (given === undefined) throw wrongType('options', 'an object with classes', given);
  const own = Object.keys(OPTIONS).filter((key) => has(variant, OPTIONS[key] as Option));
  if (Object(given).thresholds !== undefined) {
    throw outOfRange('options', 'curves: true in the place of thresholds, which is no option any more', '"thresholds"');
  }
  return common(`${what} of a ${variant} loss`, given, [...own, ...more]);
}

/** The configuration of a meter for a loss. */
export function configOf(loss: unknown, given: unknown): MeterConfig {
  const settings = settingsOf(loss);
  const { variant } = settings;
  const options = namedOptions(loss, given, 'a meter');
  const config: Record<string, unknown> = { arithmetic: ARITHMETIC, variant };
  for (const key of Object.keys(LOSS)) {
    const value: unknown = settings[key as keyof Settings];
    config[key] = ArrayBuffer.isView(value) ? Array.from(value as Float32Array) : value;
  }
  const classes = count('classes', options.classes, 0) as number;
  for (const [key, option] of Object.entries(OPTIONS)) {
    const value = options[key] === undefined ? option.default : options[key];
    config[key] = has(variant, option) ? option.read(key, value, classes) : option.only?.[1];
  }
  checkClasses(settings, classes, 'classes');
  // of one class a meter counts no and yes as its two labels, so neither can mark a sample to leave out
  if (classes === 1 && (settings.ignoreIndex === 0 || settings.ignoreIndex === 1)) {
    throw outOfRange('ignoreIndex', 'a label other than 0 and 1 for a meter of one class', settings.ignoreIndex);
  }
  if (config.bootstrap !== 0 && config.coverage !== true) {
    throw outOfRange('bootstrap', '0 unless coverage is true', config.bootstrap);
  }
  if (settings.divisor !== 'valid') config.divisor = settings.divisor;
  return config as unknown as MeterConfig;
}

/** The divisor of a state. */
function readDivisor(variant: Variant, divisor: unknown): unknown {
  if (divisor === (variant === 'softmax' ? 'weights' : 'positives')) return divisor;
  return aboveZero('state.config.divisor', divisor);
}

/** The configuration that a state comes with, checked as if it had been given. */
export function readConfig(value: unknown): MeterConfig {
  const given = object('state.config', value);
  const { variant } = given;
  if (variant !== 'softmax' && variant !== 'sigmoid') {
    throw outOfRange('state.config.variant', "'softmax' or 'sigmoid'", variant);
  }
  for (const key of Object.keys(given)) {
    if (!['arithmetic', 'variant', 'divisor'].includes(key) && !(key in LOSS) && !(key in OPTIONS)) {
      throw outOfRange('state.config', 'only options of a meter', JSON.stringify(key));
    }
  }
  const arithmetic = number('state.config.arithmetic', given.arithmetic, 'a positive integer', isCount);
  if (arithmetic > ARITHMETIC) throw outOfRange('state.config.arithmetic', `at most ${ARITHMETIC}`, newer(arithmetic));
  const config: Record<string, unknown> = { arithmetic, variant };
  const classes = count('state.config.classes', given.classes, 0) as number;
  for (const [key, read] of Object.entries(LOSS)) config[key] = read(`state.config.${key}`, given[key], classes);
  for (const [key, option] of Object.entries(OPTIONS)) {
    const name = `state.config.${key}`;
    if (has(variant, option)) config[key] = (option.readState ?? option.read)(name, given[key], classes);
    else if (JSON.stringify(given[key]) === JSON.stringify(option.only?.[1])) config[key] = option.only?.[1];
    else throw outOfRange(name, JSON.stringify(option.only?.[1]), given[key]);
  }
  if (given.divisor !== undefined) config.divisor = readDivisor(variant, given.divisor);
  // of the states of groups coverage is kept for all together
  return config as unknown as MeterConfig;
}

/** What is said of a number that only a later release writes. */
export const newer = (n: unknown): string => `${n}, made by a newer focal-simd`;

/** @throws RangeError when it is not the one version of a format that there is */
export function checkVersion(name: string, version: unknown, own: number): void {
  const later = Number.isInteger(version) && (version as number) > own;
  if (version !== own) throw outOfRange(name, `${own}`, later ? newer(version) : version);
}

/**
 * Check that two configurations are the same.
 *
 * @throws RangeError naming the first difference
 */
export function checkSame(mine: MeterConfig, theirs: MeterConfig): void {
  for (const key of Object.keys({ ...mine, ...theirs }) as (keyof MeterConfig)[]) {
    const [here, there] = [mine, theirs].map((config) => JSON.stringify(config[key]) ?? 'none') as [string, string];
    if (here !== there) throw outOfRange(`other: ${key}`, clipped(here), clipped(there));
  }
}

function clipped(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** What the kernels need to know of the loss. */
export function settingsFrom(config: MeterConfig): Settings {
  const { variant, gamma, smoothing, ignoreIndex, gammaNegative, clip, labelSmoothing } = config;
  // of one class, 1 is the label of samples that are not of it
  const background = config.classes === 1 ? 1 : config.background;
  const typed = (given: number | readonly number[]) => (typeof given === 'number' ? given : Float32Array.from(given));
  return {
    ...{ variant, gamma, smoothing, ignoreIndex, gammaNegative, clip, background, labelSmoothing },
    ...{ reduction: 'mean', drop: false, divisor: config.divisor ?? 'valid', classAxis: 1, input: 'logits' },
    positive: typed(config.positive),
    negative: typed(config.negative),
  };
}
