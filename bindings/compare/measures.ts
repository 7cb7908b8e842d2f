import { DECISION_METRICS } from '../meter/metrics/decisions.ts';
import { COMMON_METRICS, NO_SHARES, SIGMOID_METRICS, SOFTMAX_METRICS } from '../meter/metrics/overall.ts';
import type { Metric, SigmoidReport, SoftmaxReport } from '../meter/report.ts';
import { bonferroni, criticalValue, type Interval, pairedInterval } from '../statistics/index.ts';
import type { ComparisonReport, Delta, QualityReport } from './fields.ts';
import { precisionOf } from './precision.ts';

type MeterReport = SoftmaxReport | SigmoidReport;

/** A metric of one evaluation, and the class that has it where it is the worst of the classes. */
export interface Found {
  readonly value: Metric;
  readonly class?: number;
}

/** A difference of two. */
export interface Change {
  readonly baseline: Metric;
  readonly candidate: Metric;
  /** candidate − baseline, and its interval. */
  readonly delta: number;
  readonly interval: Interval | null;
  readonly n: number;
  readonly standardError: Metric;
  /** The differences of the samples are −1, 0 or 1. */
  readonly proportion: boolean;
  readonly class?: number;
}

/** What a limit may be on. */
export interface Measure {
  /** Shares may be given in percent, and drop by percentage points; the others are plain numbers. */
  readonly share: boolean;
  /** Whether more of it is worse. */
  readonly rises?: boolean;
  /** Options of the meter, and of the command, without which it is not counted. Default: none. */
  readonly needs?: string;
  /** What to do where its difference has no interval. Default: nothing helps but other samples. */
  readonly noInterval?: string;
  /** null: it is of comparisons only. */
  readonly find: ((report: MeterReport) => Found) | null;
  /** null: it is of evaluations only; gives null where it is not known. */
  readonly change: ((report: ComparisonReport) => Change | null) | null;
}

const change = (delta: Delta | undefined, proportion = false): Change | null =>
  delta && delta.delta !== null ? { ...delta, delta: delta.delta, proportion } : null;

/** By its name among the deltas; the samples' differences are −1, 0 or 1 where the variant has one outcome a sample. */
const named =
  (name: string, proportion = false): NonNullable<Measure['change']> =>
  ({ quality, variant }) =>
    change(quality?.deltas[name], proportion && variant === 'softmax');

/** The class with the lowest value. */
function lowest(values: readonly Metric[]): Found {
  let worst = -1;
  for (const [c, value] of values.entries()) {
    if (value !== null && (worst < 0 || value < (values[worst] as number))) worst = c;
  }
  return worst < 0 ? { value: null } : { value: values[worst] as number, class: worst };
}

/** The interval of one class's difference, at a critical value. */
const INTERVALS = {
  recall: ({ quality }: ComparisonReport, c: number, z: number): Interval | null => {
    const { lost, won, n } = (quality as QualityReport).perClass[c]!.recall;
    return pairedInterval(lost, won, n, z);
  },
  precision: ({ quality, fidelity }: ComparisonReport, c: number, z: number): Interval | null =>
    precisionOf(fidelity.perClass[c]!, (quality as QualityReport).perClass[c]!, z)?.interval ?? null,
};

/** The class that dropped most, with an interval of its drop that holds whichever class that is. */
function worstChange(report: ComparisonReport, name: 'recall' | 'precision'): Change | null {
  const classes = (report.quality?.perClass ?? []).map((entry) => entry[name]);
  const { class: worst } = lowest(classes.map(({ delta }) => delta));
  const base = worst === undefined ? null : change(classes[worst], name === 'recall');
  if (!base || worst === undefined) return null;
  const known = classes.flatMap(({ delta }, c) => (delta === null ? [] : [c]));
  const z = criticalValue(bonferroni(report.confidence, known.length));
  const intervals = known.map((c) => INTERVALS[name](report, c, z));
  // with all of them true at once, the lowest difference lies between the lowest of the lower ends and of the upper
  // ends
  const end = (side: 0 | 1): number =>
    intervals.reduce((least, interval) => Math.min(least, interval?.[side] ?? NaN), Infinity);
  return { ...base, interval: intervals.includes(null) ? null : [end(0), end(1)], class: worst };
}

const byClass = (name: 'recall' | 'precision'): Measure => ({
  share: true,
  find: ({ perClass }) => lowest(perClass.map((entry) => entry[name])),
  change: (report) => worstChange(report, name),
});

const topK = (k: number): Measure => ({
  share: true,
  needs: `softmax, more than ${k} classes and topK: [${k}], --top-k ${k}`,
  find: (report) => ({
    value: report.variant === 'softmax' ? (report.topK.find((entry) => entry.k === k)?.accuracy ?? null) : null,
  }),
  change: ({ quality }) =>
    change(
      quality?.topK.find((entry) => entry.k === k),
      true,
    ),
});

const agreement: Measure = {
  share: true,
  find: null,
  change: ({ fidelity, variant }) => {
    const { agreement: share, agreementInterval: interval, samples: n } = fidelity;
    if (share === null) return null;
    return {
      baseline: 1,
      candidate: share,
      delta: share - 1,
      interval: interval && [interval[0] - 1, interval[1] - 1],
      n,
      standardError: Math.sqrt((share * (1 - share)) / n),
      proportion: variant === 'softmax',
    };
  },
};

const softmaxOr = (softmax: (report: SoftmaxReport) => Metric, sigmoid: (report: SigmoidReport) => Metric) => {
  return (report: MeterReport): Found => ({ value: report.variant === 'softmax' ? softmax(report) : sigmoid(report) });
};

/** Of what there is no interval of differences. */
const UNDECIDABLE = 'there is none for it: judge it without decide, --decide';
const CURVES = 'curves: true, --curves';
const BOOTSTRAP = 'it needs bootstrap: 1000, --bootstrap 1000';

const MEASURES: Readonly<Record<string, Measure>> = {
  accuracy: { share: true, find: ({ accuracy }) => ({ value: accuracy }), change: named('accuracy', true) },
  /** The mean over the classes. */
  recall: {
    share: true,
    find: softmaxOr(
      ({ balancedAccuracy }) => balancedAccuracy,
      ({ macro }) => macro.recall,
    ),
    change: (report) => named(report.variant === 'softmax' ? 'balancedAccuracy' : 'macroRecall')(report),
  },
  /** Of the class that is worst. */
  'class-recall': byClass('recall'),
  'class-precision': byClass('precision'),
  f1: {
    share: true,
    noInterval: BOOTSTRAP,
    find: softmaxOr(
      ({ macroF1 }) => macroF1,
      ({ macro }) => macro.f1,
    ),
    change: named('macroF1'),
  },
  loss: { share: false, rises: true, find: ({ loss }) => ({ value: loss.mean }), change: named('loss') },
  'cross-entropy': {
    share: false,
    rises: true,
    find: ({ crossEntropy }) => ({ value: crossEntropy }),
    change: named('crossEntropy'),
  },
  brier: { share: false, rises: true, find: ({ brier }) => ({ value: brier }), change: named('brier') },
  ece: { share: true, noInterval: UNDECIDABLE, rises: true, find: ({ ece }) => ({ value: ece }), change: named('ece') },
  auroc: {
    share: true,
    needs: CURVES,
    noInterval: UNDECIDABLE,
    find: ({ auroc }) => ({ value: auroc }),
    change: named('auroc'),
  },
  'average-precision': {
    share: true,
    needs: CURVES,
    noInterval: UNDECIDABLE,
    find: ({ averagePrecision }) => ({ value: averagePrecision }),
    change: named('averagePrecision'),
  },
  agreement,
};

/** Names of all measures; `top5`, for any k, is another. */
export const MEASURE_NAMES: readonly string[] = [...Object.keys(MEASURES), 'topK'];

/** A mean over the classes by its name in reports, such as macro.f1. */
function averageOf(name: string): Measure | undefined {
  const [, of, metric = ''] = /^(micro|macro|weighted)\.(\w+)$/.exec(name) ?? [];
  if (!of || !Object.hasOwn(DECISION_METRICS, metric)) return undefined;
  const find: Measure['find'] = (report) => ({ value: report[of as 'macro'][metric as 'f1'] });
  // of the means comparisons know the difference of one
  const change = name === 'macro.f1' ? named('macroF1') : null;
  return { share: metric !== 'mcc', noInterval: BOOTSTRAP, find, change };
}

/** A metric over all samples by its name in reports, such as kappa. */
function overallOf(name: string): Measure | undefined {
  const [softmax, sigmoid] = [SOFTMAX_METRICS, SIGMOID_METRICS].map((table) => Object.hasOwn(table, name));
  if (!softmax && !sigmoid && !Object.hasOwn(COMMON_METRICS, name)) return undefined;
  const find: Measure['find'] = (report) => {
    const value = (report as unknown as Record<string, Metric>)[name];
    return { value: value ?? null };
  };
  const change = name === 'balancedAccuracy' || name === 'macroF1' ? named(name) : null;
  const variant = softmax ? 'the softmax loss' : 'the sigmoid loss';
  return {
    share: !NO_SHARES.includes(name),
    noInterval: BOOTSTRAP,
    ...((softmax || sigmoid) && { needs: variant }),
    find,
    change,
  };
}

/** A measure by its name, also as reports spell it: crossEntropy, kappa, macro.f1. */
export function measureOf(name: string): Measure | undefined {
  const [, k] = /^top([1-9]\d*)$/.exec(name) ?? [];
  if (k) return topK(Number(k));
  const dashed = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return Object.hasOwn(MEASURES, dashed) ? MEASURES[dashed] : (averageOf(name) ?? overallOf(name));
}
