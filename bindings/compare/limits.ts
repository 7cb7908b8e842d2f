import { oneOf } from '../input/checks.ts';
import { kind as kindOf, outOfRange, wrongType } from '../input/errors.ts';
import { MEASURE_NAMES, type Measure, measureOf } from './measures.ts';

/**
 * Limits by the name of what they are on: how far it may drop (losses, Brier score, calibration error: rise) in a
 * comparison, or the least or most it may be in an evaluation. Shares are shares: 0.005 is half a percentage point.
 */
export type Limits = Readonly<Record<string, number>>;

/** What the numbers of limits are, by the option of the command they stand in. */
export type LimitKind = 'max-drop' | 'min' | 'max';

const EXAMPLE: Readonly<Record<LimitKind, string>> = {
  'max-drop': 'accuracy=0.5pp,loss=0.01',
  min: 'accuracy=0.9,class-recall=50%',
  max: 'loss=0.4,ece=5%',
};

/**
 * Read limits as the command takes them: `accuracy=0.5pp,recall=2pp,loss=0.01`, of shares also `class-recall=50%`.
 *
 * Names: accuracy; recall (mean over the classes), class-recall, class-precision (of the class that is worst), f1 (mean
 * over the classes), topK for any k, loss, cross-entropy, brier, ece, auroc, average-precision; in comparisons also
 * agreement; in evaluations also all metrics over the samples and the means over the classes as reports name them, such
 * as kappa and macro.precision. Reports' spelling is taken, too: crossEntropy, macro.f1.
 *
 * @param text limits, with commas between them
 * @param kind `max-drop`: differences, of shares in percentage points (`pp`); `min`, `max`: values, of shares also in
 *   percent
 * @returns by name, 0.5pp as 0.005
 * @throws RangeError for an unknown name, one given twice, or what is no number ≥ 0 with the right unit
 */
export function parseLimits(text: string, kind: LimitKind = 'max-drop'): Limits {
  if (typeof text !== 'string') throw wrongType(kind, `limits as '${EXAMPLE['max-drop']}'`, text);
  oneOf('kind', kind, ['max-drop', 'min', 'max']);
  const limits: Record<string, number> = {};
  const drop = kind === 'max-drop';
  for (const part of text.split(',')) {
    const [, name = '', number = '', unit = ''] = /^\s*([^=\s]+)\s*=\s*([\d.eE+-]+)\s*(pp|%)?\s*$/.exec(part) ?? [];
    const got = JSON.stringify(part.trim());
    if (!name || Number.isNaN(Number(number))) throw outOfRange(kind, `limits as ${EXAMPLE[kind]}`, got);
    const measure = measureFor(kind, name);
    if (!measure) throw outOfRange(kind, `one of ${namesOf(kind)}`, got);
    if (name in limits) throw outOfRange(kind, 'each name once', `${name} twice`);
    if (!measure.share && unit) throw outOfRange(kind, `a number without unit for ${name}`, got);
    if (unit === (drop ? '%' : 'pp')) {
      throw outOfRange(kind, drop ? 'percentage points, as 0.5pp' : 'a share, as 0.9 or 90%', got);
    }
    if (drop && measure.share && !unit && Number(number) !== 0) {
      throw outOfRange(kind, `percentage points for ${name}, as 0.5pp`, got);
    }
    limits[name] = Number(number) / (unit ? 100 : 1);
  }
  checkLimits(limits, kind);
  return limits;
}

/** What a limit of this kind may be on. */
function measureFor(kind: LimitKind, name: string): Measure | undefined {
  const measure = measureOf(name);
  return measure?.[kind === 'max-drop' ? 'change' : 'find'] ? measure : undefined;
}

const namesOf = (kind: LimitKind): string => {
  const names = MEASURE_NAMES.filter((name) => kind === 'max-drop' || measureOf(name)?.find !== null).join(', ');
  return kind === 'max-drop'
    ? names
    : `${names}, another metric of the report as kappa, or a mean over the classes as macro.precision`;
};

/** Check limits that did not come from `parseLimits`. */
export function checkLimits(limits: unknown, kind: LimitKind): asserts limits is Limits {
  // of a Map or a promise no limit would be seen
  if (kindOf(limits) !== 'Object') throw wrongType(kind, 'an object of numbers', limits);
  for (const [name, value] of Object.entries(limits as object)) {
    const measure = measureFor(kind, name);
    if (!measure) {
      throw outOfRange(kind, `one of ${namesOf(kind)}`, JSON.stringify(name));
    }
    if (typeof value !== 'number') throw wrongType(`${kind} ${name}`, 'a number', value);
    if (!(value >= 0 && value < Infinity)) throw outOfRange(`${kind} ${name}`, 'a finite number ≥ 0', value);
    if (measure.share && value > 1) throw outOfRange(`${kind} ${name}`, 'a share in [0, 1], or one in pp or %', value);
  }
}
