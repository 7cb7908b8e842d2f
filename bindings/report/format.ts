import type { MeterState } from '../meter/codec.ts';
import type { SigmoidReport, SoftmaxReport } from '../meter/report.ts';

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

/** For a value that is not defined. */
export const NONE = '–';

export const plain = (x: number): string => x.toLocaleString('en-US');
export const fixed = (x: Value): string => (x === null ? NONE : x.toFixed(4));
export const percent = (x: Value): string => (x === null ? NONE : `${(x * 100).toFixed(1)} %`);
export const signedPercent = (x: number): string => `${x < 0 ? '−' : '+'}${percent(Math.abs(x))}`;
/** A loss: so many digits as tell two losses apart whatever their size, and no fewer than the integer has. */
export function significant(x: Value, digits = 6): string {
  if (x === null) return NONE;
  if (x !== 0 && Math.abs(x) < 1e-4) return x.toExponential(digits - 1);
  const places = Math.max(0, digits - 1 - (x === 0 ? 0 : Math.floor(Math.log10(Math.abs(x)))));
  return x.toLocaleString('en-US', { minimumFractionDigits: places, maximumFractionDigits: places });
}

export const className = (labels: Labels, c: number | null): string =>
  c === null ? NONE : (labels.names?.[c] ?? `class ${c}`);

/** The loss of one of the hardest samples: the meter leaves out which of the two it is. */
export const hardLoss = (x: Value): string => (x === null ? 'NaN or ∞' : significant(x));

/** Which loss over how many samples. */
export function describe({ variant, gamma, positive, negative }: MeterState['config'], m: Metrics): Fact[] {
  let weights = positive === 1 && negative === 1 ? 'no class weights' : `alpha ${positive}`;
  if (typeof positive !== 'number') {
    const order = [...positive].sort((a, b) => a - b);
    const [least, most] = [order[0], order.at(-1)].map((w) => (w as number).toPrecision(3));
    weights = `class weights ${least} to ${most}`;
  }
  const left = [
    [m.ignored, 'ignored'],
    [m.nan, 'with loss NaN'],
    [m.infinite, 'with loss ∞'],
  ] as const;
  const others = left.flatMap(([count, what]) => (count > 0 ? [`, ${plain(count)} ${what}`] : []));
  return [
    ['loss', `${variant}, gamma ${gamma}, ${weights}`],
    ['samples', `${plain(m.samples)} of ${plain(m.perClass.length)} classes${others.join('')}`],
  ];
}

/** The single numbers of an evaluation, named as in the field. */
export function figures(m: Metrics): Fact[] {
  const own: Fact[] =
    m.variant === 'softmax'
      ? [
          // among the first C of C classes is everything
          ...m.topK.flatMap(({ k, accuracy }): Fact[] =>
            k < m.perClass.length ? [[`top-${k} accuracy`, percent(accuracy)]] : [],
          ),
          ['balanced accuracy', percent(m.balancedAccuracy)],
          ['macro F1', fixed(m.macroF1)],
        ]
      : [
          ['micro F1', fixed(m.micro.f1)],
          ['macro F1', fixed(m.macro.f1)],
          ['macro recall', percent(m.macro.recall)],
          ['macro precision', percent(m.macro.precision)],
          ['AUROC', fixed(m.auroc)],
          ['average precision', fixed(m.averagePrecision)],
        ];
  return [
    ['focal loss, mean', significant(m.loss.mean)],
    ['focal loss, sum', significant(m.loss.sum)],
    ['cross-entropy', significant(m.crossEntropy)],
    ['accuracy', percent(m.accuracy)],
    ...own,
    ['Brier score', fixed(m.brier)],
    ['ECE', fixed(m.ece)],
    ['MCE', fixed(m.mce)],
  ];
}

/** The classes that occur, by index. */
export const occurring = (m: Metrics): number[] => m.perClass.flatMap(({ support }, c) => (support > 0 ? [c] : []));

/** The classes that occur, the one with the lowest F1 first. */
export function weakestClasses(m: Metrics): number[] {
  const { perClass } = m;
  const f1 = (c: number) => perClass[c]!.f1 ?? 0;
  return occurring(m).sort((a, b) => f1(a) - f1(b) || perClass[b]!.support - perClass[a]!.support || a - b);
}

export interface Confusion {
  readonly target: number;
  readonly prediction: number;
  readonly count: number;
  /** Of the samples of the target class. */
  readonly share: number;
}

const sorted = new WeakMap<SoftmaxReport, Confusion[]>();

/** Pairs of classes, the one most often taken for the other first. */
export function topConfusions(m: SoftmaxReport): Confusion[] {
  const known = sorted.get(m);
  if (known) return known;
  const pairs: Confusion[] = [];
  for (const [target, row] of (m.confusion ?? []).entries()) {
    for (let prediction = 0; prediction < row.length; prediction++) {
      const count = row[prediction]!;
      if (count === 0 || prediction === target) continue;
      pairs.push({ target, prediction, count, share: count / m.perClass[target]!.support });
    }
  }
  pairs.sort((a, b) => b.count - a.count || a.target - b.target || a.prediction - b.prediction);
  sorted.set(m, pairs);
  return pairs;
}

/** What the reliability bins are about: how sure a prediction is, or the probability of each class by itself. */
export const reliabilityNote = (m: Metrics): string =>
  m.variant === 'softmax'
    ? 'how often predictions of a confidence are right'
    : 'how often classes of a probability are the target';
