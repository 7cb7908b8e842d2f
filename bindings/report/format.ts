import type { ComparisonReport } from '../compare/fields.ts';
import { minus } from '../compare/text.ts';
import type { MeterState } from '../meter/codec.ts';
import type { SigmoidReport, SoftmaxReport } from '../meter/report.ts';
import type { Interval } from '../statistics/index.ts';

export type Metrics = SoftmaxReport | SigmoidReport;
type Value = number | null;

/** What the classes and samples are called; the index where there is no name. */
export interface Labels {
  readonly names: readonly string[] | null;
  /** Texts of the samples that a report shows. */
  readonly texts: ReadonlyMap<number, string> | null;
}

/** A name and a value, both to be shown. */
export type Fact = readonly [name: string, value: string];

/** Of intervals, unless another one is asked for. */
export const CONFIDENCE = 0.95;

/** For a value that is not defined. */
export const NONE = '–';

export const plain = (x: number): string => x.toLocaleString('en-US');
export const fixed = (x: Value): string => (x === null ? NONE : minus(x.toFixed(4)));
export const percent = (x: Value): string => (x === null ? NONE : minus(`${(x * 100).toFixed(1)} %`));
export const signedPercent = (x: number): string => percent(x).replace(/^(?!−)/, '+');
/** A loss: so many digits as tell two losses apart whatever their size, and no fewer than the integer has. */
export function significant(x: Value, digits = 6): string {
  if (x === null) return NONE;
  if (!Number.isFinite(x)) return Number.isNaN(x) ? 'NaN' : x > 0 ? '∞' : '−∞';
  if (x !== 0 && Math.abs(x) < 1e-4) return minus(x.toExponential(digits - 1));
  const places = Math.max(0, digits - 1 - (x === 0 ? 0 : Math.floor(Math.log10(Math.abs(x)))));
  return minus(x.toLocaleString('en-US', { minimumFractionDigits: places, maximumFractionDigits: places }));
}

export const className = (labels: Labels, c: number | null): string =>
  c === null ? NONE : (labels.names?.[c] ?? `class ${c}`);

/** The class that a label stands for, of one logit 1 for the class and 0 for none; null where it is no class. */
export function classOf(label: number | null, classes: number): number | null {
  const c = label !== null && classes === 1 ? label - 1 : label;
  return c !== null && c >= 0 && c < classes ? c : null;
}

/** A warning of the report, with the class by its name. */
export const warningOf = (labels: Labels, warning: string): string =>
  warning.replace(/\bclass (\d+)\b/, (_, c) => className(labels, Number(c)));

/** The loss of one of the hardest samples: the meter leaves out which of the two it is. */
export const hardLoss = (x: Value): string => (x === null ? 'NaN or ∞' : significant(x));

/** A text in the reader's language; `{name}` stands for a value. */
export type Translate = (english: string, values?: Readonly<Record<string, string | number>>) => string;

/** Put values in their places. */
export const english: Translate = (text, values = {}) =>
  text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));

type Config = MeterState['config'];

/** Which loss, with the options that are not the default ones. */
function lossFact(config: Config, t: Translate): Fact {
  const { variant, gamma, positive, negative, gammaNegative, clip, background, labelSmoothing, smoothing } = config;
  const parts = [variant, t('gamma {gamma}', { gamma }), weightsText(positive, negative, t)];
  if (gammaNegative !== gamma) parts.push(t('gamma of negatives {gamma}', { gamma: gammaNegative }));
  if (clip > 0) parts.push(t('clip {clip}', { clip }));
  if (background !== null) parts.push(t('background {label}', { label: background }));
  if (labelSmoothing > 0) parts.push(t('label smoothing {share}', { share: labelSmoothing }));
  if (config.divisor !== undefined) parts.push(t('mean over {divisor}', { divisor: config.divisor }));
  if (variant === 'sigmoid' && smoothing !== 1e-3) parts.push(t('smoothing {share}', { share: smoothing }));
  return ['loss', parts.join(t(', '))];
}

function weightsText(positive: Config['positive'], negative: Config['negative'], t: Translate): string {
  if (positive === 1 && negative === 1) return t('no class weights');
  if (typeof positive === 'number') return `alpha ${positive}`;
  const order = [...positive].sort((a, b) => a - b);
  const [least, most] = [order[0], order.at(-1)].map((w) => (w as number).toPrecision(3)) as [string, string];
  return t('class weights {least} to {most}', { least, most });
}

/** How many samples, and how many of them are left out of what. */
function samplesFact(
  samples: number,
  classes: number,
  left: readonly (readonly [string, number])[],
  t: Translate,
): Fact {
  const [n, c] = [plain(samples), plain(classes)];
  const whole = classes === 1 ? t('{n} of one class', { n }) : t('{n} of {classes} classes', { n, classes: c });
  const others = left.flatMap(([what, count]) => (count > 0 ? [t(what, { n: plain(count) })] : []));
  return ['samples', [whole, ...others].join(t(', '))];
}

/** Which loss over how many samples. */
export function describe(config: Config, m: Metrics, t = english): Fact[] {
  const left = [
    ['{n} ignored', m.ignored],
    ['{n} single logits ignored', m.variant === 'sigmoid' ? m.ignoredLogits : 0],
    ['{n} with loss NaN', m.nan],
    ['{n} with loss ∞', m.infinite],
  ] as const;
  return [lossFact(config, t), samplesFact(m.samples, m.perClass.length, left, t)];
}

/** The same of a comparison, some samples of which may have had no targets. */
export function describeComparison(config: Config, r: ComparisonReport, t = english): Fact[] {
  const left = [
    ['{n} without targets', r.samples - (r.quality?.baseline.samples ?? 0)],
    ['{n} ignored', r.ignored],
  ] as const;
  return [lossFact(config, t), samplesFact(r.samples, config.classes, left, t)];
}

/**
 * A number of an evaluation, as it is shown, and its interval: what is known of it beyond the samples; null where
 * nothing is.
 */
export type Estimate = readonly [name: string, value: string, interval: string | null];

/** How a number is shown; losses in so many digits. */
type Show = (x: Value, digits?: number) => string;

/** Both ends of an interval, a unit written once. */
export function between(interval: Interval | null | undefined, show: Show): string | null {
  if (!interval) return null;
  // no more digits than tell its ends apart
  const [lower, upper] = interval.map((x) => show(x, 4)) as [string, string];
  return `${lower.endsWith(' %') ? lower.slice(0, -2) : lower} – ${upper}`;
}

/** The single numbers of an evaluation, named as in the field. */
export function estimates(m: Metrics): Estimate[] {
  const { intervals = {}, standardErrors = {} } = m;
  const one = (name: string, value: Value, show: Show, key: string): Estimate => [
    name,
    show(value),
    between(intervals[key], show),
  ];
  /** Replicates of calibration errors are biased: their spread is told, and no interval. */
  const error = (name: string, value: Value, key: string): Estimate => {
    const known = standardErrors[key] ?? null;
    return [name, fixed(value), known === null ? null : `± ${fixed(known)} SE`];
  };
  const own: Estimate[] =
    m.variant === 'softmax'
      ? [
          ...m.topK.map(({ k, accuracy, interval }): Estimate => {
            return [`top-${k} accuracy`, percent(accuracy), between(interval, percent)];
          }),
          one('balanced accuracy', m.balancedAccuracy, percent, 'balancedAccuracy'),
          one('macro F1', m.macroF1, fixed, 'macroF1'),
          one('macro precision', m.macro.precision, percent, 'macro.precision'),
        ]
      : [
          one('micro F1', m.micro.f1, fixed, 'micro.f1'),
          one('macro F1', m.macro.f1, fixed, 'macro.f1'),
          one('macro recall', m.macro.recall, percent, 'macro.recall'),
          one('macro precision', m.macro.precision, percent, 'macro.precision'),
        ];
  // what only the curves tell is shown where they were counted, and missed where they are expected
  if (m.variant === 'sigmoid' || m.auroc !== null) {
    own.push(one('AUROC', m.auroc, fixed, 'auroc'));
    own.push(one('average precision', m.averagePrecision, fixed, 'averagePrecision'));
  }
  return [
    one('focal loss, mean', m.loss.mean, significant, 'loss'),
    ['focal loss, sum', significant(m.loss.sum), null],
    one('cross-entropy', m.crossEntropy, significant, 'crossEntropy'),
    one('accuracy', m.accuracy, percent, 'accuracy'),
    ...own,
    one('Brier score', m.brier, fixed, 'brier'),
    error('ECE', m.ece, 'ece'),
    error('MCE', m.mce, 'mce'),
  ];
}

/** How the value of a metric of groups is shown: shares in percent. */
export const groupValue = (metric: string): ((x: Value) => string) =>
  /accuracy|recall|precision|specificity|prevalence/i.test(metric) ? percent : metric === 'loss' ? significant : fixed;

/** The same without their intervals. */
export const figures = (m: Metrics): Fact[] => estimates(m).map(([name, value]) => [name, value]);

/** Of what confidence the intervals are, as `95 %`. */
export const confidenceOf = ({ confidence }: Pick<Metrics, 'confidence'>): string =>
  `${Number(((confidence ?? 0) * 100).toPrecision(6))} %`;

/** The classes that occur, by index. */
export const occurring = (m: Metrics): number[] => m.perClass.flatMap(({ support }, c) => (support > 0 ? [c] : []));

/** The classes that occur, the one with the lowest F1 first. */
export function weakestClasses(m: Metrics): number[] {
  const { perClass } = m;
  const f1 = (c: number) => perClass[c]!.f1 ?? 0;
  return occurring(m).sort((a, b) => f1(a) - f1(b) || perClass[b]!.support - perClass[a]!.support || a - b);
}

/** A count of a table of classes by classes. */
export interface Pair {
  readonly row: number;
  readonly column: number;
  readonly count: number;
  /** Of the row's total, and of the column's. */
  readonly share: number;
  readonly ofColumn: number;
}

const sorted = new WeakMap<object, Pair[]>();

/** The counts beside the diagonal, the largest first. */
export function topPairs(counts: readonly (readonly number[])[], totals: readonly number[]): Pair[] {
  const known = sorted.get(counts);
  if (known) return known;
  const pairs: Pair[] = [];
  const columns = new Float64Array(totals.length);
  for (const line of counts) for (const [column, count] of line.entries()) columns[column] = columns[column]! + count;
  for (const [row, line] of counts.entries()) {
    for (let column = 0; column < line.length; column++) {
      const count = line[column]!;
      if (count === 0 || column === row) continue;
      pairs.push({ row, column, count, share: count / totals[row]!, ofColumn: count / columns[column]! });
    }
  }
  pairs.sort((a, b) => b.count - a.count || a.row - b.row || a.column - b.column);
  sorted.set(counts, pairs);
  return pairs;
}

/** Pairs of target and prediction, the one most often taken for the other first. */
export const topConfusions = (m: SoftmaxReport): Pair[] =>
  topPairs(
    m.confusion ?? [],
    m.perClass.map(({ support }) => support),
  );

/** What the reliability bins are about: how sure a prediction is, or the probability of each class by itself. */
export const reliabilityNote = (m: Metrics): string =>
  m.variant === 'softmax'
    ? 'how often predictions of a confidence are right'
    : 'how often classes of a probability are the target';
