import { outOfRange, wrongType } from '../input/errors.ts';
import type { Metric } from '../meter/report.ts';
import { bonferroni, criticalValue, type Interval, type Power, pairedInterval, power } from '../statistics/index.ts';
import type { ComparisonReport, Delta, ShareDelta } from './report.ts';

/** What a limit may be of: how to find it in a comparison, and how its numbers are written. */
interface Measure {
  /** Shares are written in percent and drop by percentage points; the others are written as they are. */
  readonly share: boolean;
  /** Whether more of it is worse, so that it is a rise that the limit is on. */
  readonly rises?: boolean;
  /** null where it is not known. */
  readonly find: (report: ComparisonReport) => Found | null;
}

/** A difference that a limit is held against. */
interface Found {
  readonly baseline: Metric;
  readonly candidate: Metric;
  /** candidate − baseline, and its interval. */
  readonly delta: number;
  readonly interval: Interval | null;
  readonly n: number;
  readonly standardError: Metric;
  /** The differences of the samples are −1, 0 or 1. */
  readonly proportion: boolean;
  /** Of the class that is worst. */
  readonly class?: number;
}

const found = (delta: Delta | undefined, proportion = false): Found | null =>
  delta && delta.delta !== null ? { ...delta, delta: delta.delta, proportion } : null;
const delta =
  (name: string, proportion = false): Measure['find'] =>
  ({ quality, variant }) =>
    found(quality?.deltas[name], proportion && variant === 'softmax');

/** The class whose delta is lowest, with intervals that hold for all classes together. */
function worstClass(report: ComparisonReport, pick: (c: number) => Delta | ShareDelta): Found | null {
  const classes = report.quality?.perClass ?? [];
  const known = classes.flatMap((_, c) => (pick(c).delta === null ? [] : [c]));
  const worst = known.reduce((a, c) => ((pick(c).delta as number) < (pick(a).delta as number) ? c : a), known[0] ?? -1);
  if (worst < 0) return null;
  const z = criticalValue(bonferroni(report.confidence, known.length));
  const intervals = known.map((c) => {
    const one = pick(c);
    return 'lost' in one ? pairedInterval(one.lost, one.won, one.n, z) : null;
  });
  // the lowest drop of any class lies no higher than the lowest upper end, no lower than the lowest lower end
  const ends = (side: 0 | 1) => Math.min(...intervals.map((interval) => interval?.[side] ?? NaN));
  const interval: Interval | null = intervals.includes(null) ? null : [ends(0), ends(1)];
  const base = found(pick(worst), true);
  return base && { ...base, interval, class: worst };
}

const topK = (k: number): Measure => ({
  share: true,
  find: ({ quality }) =>
    found(
      quality?.topK.find((entry) => entry.k === k),
      true,
    ),
});

const MEASURES: Readonly<Record<string, Measure>> = {
  accuracy: { share: true, find: delta('accuracy', true) },
  recall: {
    share: true,
    find: ({ quality, variant }) => found(quality?.deltas[variant === 'softmax' ? 'balancedAccuracy' : 'macroRecall']),
  },
  'class-recall': {
    share: true,
    find: (report) => worstClass(report, (c) => report.quality?.perClass[c]?.recall as ShareDelta),
  },
  'class-precision': {
    share: true,
    find: (report) => worstClass(report, (c) => report.quality?.perClass[c]?.precision as Delta),
  },
  f1: { share: true, find: delta('macroF1') },
  loss: { share: false, rises: true, find: delta('loss') },
  'cross-entropy': { share: false, rises: true, find: delta('crossEntropy') },
  brier: { share: false, rises: true, find: delta('brier') },
  ece: { share: true, rises: true, find: delta('ece') },
  auroc: { share: true, find: delta('auroc') },
  'average-precision': { share: true, find: delta('averagePrecision') },
  agreement: {
    share: true,
    find: ({ fidelity: { agreement, agreementInterval, samples }, variant }) =>
      agreement === null
        ? null
        : {
            baseline: 1,
            candidate: agreement,
            delta: agreement - 1,
            interval: agreementInterval && [agreementInterval[0] - 1, agreementInterval[1] - 1],
            n: samples,
            standardError: Math.sqrt((agreement * (1 - agreement)) / samples),
            proportion: variant === 'softmax',
          },
  },
};

/** Names that limits may have; `top5`, for any k, is another. */
export const LIMIT_NAMES: readonly string[] = [...Object.keys(MEASURES), 'topK'];

const measureOf = (name: string): Measure | undefined => {
  const [, k] = /^top([1-9]\d*)$/.exec(name) ?? [];
  return k ? topK(Number(k)) : Object.hasOwn(MEASURES, name) ? MEASURES[name] : undefined;
};

/** How far a metric may drop (losses, Brier score, calibration error: rise): a number ≥ 0, shares as shares. */
export type Limits = Readonly<Record<string, number>>;

/**
 * Read limits as the command takes them: `accuracy=0.5pp,recall=2pp,loss=0.01`.
 *
 * @returns by name, 0.5pp as 0.005
 * @throws RangeError for an unknown name, one given twice, or a value that is no number ≥ 0 (shares: also with pp)
 */
export function parseLimits(text: string): Limits {
  const limits: Record<string, number> = {};
  for (const part of text.split(',')) {
    const [, name = '', value = '', unit = ''] = /^\s*([^=\s]+)\s*=\s*([0-9.eE+-]+)\s*(pp|%)?\s*$/.exec(part) ?? [];
    const expected = 'limits as accuracy=0.5pp,loss=0.01';
    if (!name) throw outOfRange('max-drop', expected, JSON.stringify(part));
    if (name in limits) throw outOfRange('max-drop', 'one limit for each name', `${name} twice`);
    const measure = measureOf(name);
    if (!measure) throw outOfRange('max-drop', `one of ${LIMIT_NAMES.join(', ')}`, JSON.stringify(name));
    if (unit === '%') throw outOfRange(`max-drop ${name}`, 'percentage points, as 0.5pp', JSON.stringify(part.trim()));
    if (unit && !measure.share)
      throw outOfRange(`max-drop ${name}`, 'a number without pp, as 0.01', JSON.stringify(part.trim()));
    limits[name] = Number(value) / (unit ? 100 : 1);
  }
  checkLimits(limits);
  return limits;
}

function checkLimits(limits: unknown): asserts limits is Limits {
  if (typeof limits !== 'object' || limits === null) throw wrongType('limits', 'an object of numbers', limits);
  for (const [name, value] of Object.entries(limits)) {
    if (!measureOf(name)) throw outOfRange('limits', `only ${LIMIT_NAMES.join(', ')}`, JSON.stringify(name));
    if (typeof value !== 'number') throw wrongType(`limits.${name}`, 'a number', value);
    if (!(value >= 0 && value < Infinity)) throw outOfRange(`limits.${name}`, 'a finite number ≥ 0', value);
  }
}

export type Verdict = 'passed' | 'broken' | 'undecided';

/** What came of one limit. */
export interface LimitResult {
  name: string;
  limit: number;
  /** By how much it dropped (rose, where a rise is the harm); below 0 it got better; null where it is not known. */
  drop: Metric;
  /** Interval of the drop; null where none is claimed. */
  interval: Interval | null;
  /** The class that is worst, of `class-recall` and `class-precision`. */
  class: number | null;
  verdict: Verdict;
  /** What so many samples could have shown; null where the spread is not known. */
  power: Power | null;
  /** All that in one line. */
  line: string;
}

export interface Judgement {
  /** The worst of the limits: broken, else undecided, else passed. */
  verdict: Verdict;
  /** Exit status that goes with it: 0, 1, or 3 where it is undecided. */
  exitCode: 0 | 1 | 3;
  results: LimitResult[];
}

export interface JudgeOptions {
  /** Hold limits against the interval, not against the point estimate: undecided where it covers the limit. Default false. */
  decide?: boolean;
  /** Let samples pass that are not finite in the candidate alone. Default false. */
  allowNan?: boolean;
  /** Names of the classes. */
  names?: readonly string[];
}

/**
 * Hold a comparison against limits.
 *
 * A limit that cannot be told of, because there are no targets or no samples, is undecided.
 *
 * @param report what `compute` gave
 * @param limits by name, see `parseLimits`
 * @throws TypeError or RangeError for limits of unknown names or wrong values
 */
export function judge(report: ComparisonReport, limits: Limits, options: JudgeOptions = {}): Judgement {
  checkLimits(limits);
  const results = Object.entries(limits).map(([name, limit]) => judgeOne(report, name, limit, options));
  const { candidate } = report.fidelity.nonFinite;
  if (candidate > 0 && !options.allowNan) {
    results.push({
      name: 'finite',
      limit: 0,
      drop: candidate,
      interval: null,
      class: null,
      verdict: 'broken',
      power: null,
      line: `finite: ${count(candidate)} samples are not finite in the candidate alone: broken`,
    });
  }
  const verdict =
    (['broken', 'undecided'] as const).find((one) => results.some((result) => result.verdict === one)) ?? 'passed';
  return { verdict, exitCode: verdict === 'broken' ? 1 : verdict === 'undecided' ? 3 : 0, results };
}

function judgeOne(report: ComparisonReport, name: string, limit: number, { decide, names }: JudgeOptions): LimitResult {
  const measure = measureOf(name) as Measure;
  const it = measure.find(report);
  const amount = (x: number) => written(x, measure.share);
  if (!it) {
    const line = `${name}: not known, limit ${amount(limit)}: undecided`;
    return { name, limit, drop: null, interval: null, class: null, verdict: 'undecided', power: null, line };
  }
  const sign = measure.rises ? 1 : -1;
  const drop = it.delta === 0 ? 0 : sign * it.delta;
  const turned = it.interval?.map((x) => (x === 0 ? 0 : sign * x)).sort((a, b) => a - b) as
    | [number, number]
    | undefined;
  const interval: Interval | null = turned ?? null;
  const verdict = decide ? decided(interval, limit) : drop > limit ? 'broken' : 'passed';
  const { standardError, n, proportion } = it;
  const squares = standardError === null ? null : standardError ** 2 * Math.max(0, n - 1) + it.delta ** 2;
  const can =
    squares === null || limit === 0 ? null : power(squares, n, limit, { confidence: report.confidence, proportion });

  const direction = drop === 0 ? 'unchanged' : drop > 0 === (measure.rises ?? false) ? 'rose' : 'fell';
  const which = it.class === undefined ? '' : ` of ${names?.[it.class] ?? `class ${it.class}`}`;
  const by = drop === 0 ? '' : ` by ${amount(Math.abs(drop))}`;
  const values = [it.baseline, it.candidate].map((x) => (x === null ? '?' : value(x, measure.share))).join(' → ');
  const parts = [
    `${name}${which} ${direction}${by} (${values})`,
    `limit ${amount(limit)}`,
    ...(decide && interval
      ? [`${percent(report.confidence)} interval ${amount(interval[0])} to ${amount(interval[1])}`]
      : []),
    ...(decide && !interval ? ['no interval'] : []),
  ];
  const more = verdict === 'undecided' && can ? `; ${count(can.needed)} samples would tell, there are ${count(n)}` : '';
  const line = `${parts.join(', ')}: ${verdict}${more}`;
  return { name, limit, drop, interval, class: it.class ?? null, verdict, power: can, line };
}

function decided(interval: Interval | null, limit: number): Verdict {
  if (!interval) return 'undecided';
  return interval[1] <= limit ? 'passed' : interval[0] > limit ? 'broken' : 'undecided';
}

const count = (n: number): string => n.toLocaleString('en-US');
const percent = (x: number): string => `${Number((100 * x).toPrecision(6))} %`;
/** To three significant digits, but never fewer than two decimals. */
const short = (x: number): string => (x !== 0 && Math.abs(x) < 0.1 ? String(Number(x.toPrecision(2))) : x.toFixed(2));
const written = (x: number, share: boolean): string => (share ? `${short(100 * x)} pp` : shown(x));
const value = (x: number, share: boolean): string => (share ? `${(100 * x).toFixed(2)} %` : shown(x));
const shown = (x: number): string => String(Number(x.toPrecision(4)));

/** Text of a report that came from elsewhere, as a cell of a table of Markdown. */
const cell = (text: string): string =>
  text.replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ').replace(/[\\`*_{}[\]<>()#+!|~&@]/g, (mark) => `\\${mark}`);

/** How many classes a summary names. */
const CLASSES = 10;

/**
 * A comparison as Markdown that fits a pull request: the verdict, the numbers of both sides, the classes hurt most.
 *
 * @param report what `compute` gave
 * @param judgement what `judge` gave, if there were limits
 * @param options `title`; `names` of the classes
 */
export function markdown(
  report: ComparisonReport,
  judgement: Judgement | null = null,
  { title = 'Comparison', names }: { title?: string; names?: readonly string[] } = {},
): string {
  const { fidelity, quality } = report;
  const lines: string[] = [];
  const verdict = { passed: '✅ passed', broken: '❌ broken', undecided: '❔ undecided' };
  lines.push(`### ${cell(title)}${judgement ? `: ${verdict[judgement.verdict]}` : ''}`, '');
  for (const { verdict: one, line } of judgement?.results ?? []) {
    lines.push(`- ${verdict[one].split(' ')[0]} ${cell(line)}`);
  }
  if (judgement && judgement.results.length > 0) lines.push('');

  const share = (x: Metric) => (x === null ? '–' : `${(100 * x).toFixed(2)} %`);
  const plain = (x: Metric) => (x === null ? '–' : shown(x));
  const nonFinite = fidelity.nonFinite;
  lines.push(
    `${count(fidelity.samples)} samples; predictions agree on ${share(fidelity.agreement)}; KL ${plain(fidelity.kl.mean)} on ` +
      `average, ${plain(fidelity.kl.largest)} at most; largest |Δp| ${plain(fidelity.difference.largest)}; not finite: ` +
      `${count(nonFinite.baseline)} in the baseline alone, ${count(nonFinite.candidate)} in the candidate alone.`,
    '',
  );
  if (!quality) return lines.join('\n');

  const range = (interval: Interval | null, scale: number) =>
    interval ? `${short(scale * interval[0])} to ${short(scale * interval[1])}` : '–';
  lines.push('| | baseline | candidate | Δ | interval |', '|---|--:|--:|--:|--:|');
  const rows: [string, Delta, boolean][] = Object.entries(quality.deltas).map(([name, one]) => {
    return [name, one, !['loss', 'crossEntropy', 'brier'].includes(name)];
  });
  for (const one of quality.topK) rows.push([`top ${one.k}`, one, true]);
  for (const [name, one, isShare] of rows) {
    if (one.baseline === null && one.candidate === null) continue;
    const write = isShare ? share : plain;
    const change = one.delta === null ? '–' : isShare ? `${short(100 * one.delta)} pp` : shown(one.delta);
    lines.push(
      `| ${name} | ${write(one.baseline)} | ${write(one.candidate)} | ${change} | ${range(one.interval, isShare ? 100 : 1)} |`,
    );
  }
  lines.push('');
  if (quality.p !== null) {
    lines.push(
      `Right → wrong ${count(quality.lost as number)}, wrong → right ${count(quality.won as number)}: McNemar p ${short(quality.p)}.`,
      '',
    );
  }

  const hurt = quality.perClass
    .map((entry, c) => ({ ...entry, c }))
    .filter(({ recall }) => (recall.delta ?? 0) < 0)
    .sort((a, b) => (a.adjusted ?? 1) - (b.adjusted ?? 1) || (a.recall.delta as number) - (b.recall.delta as number));
  if (hurt.length > 0) {
    lines.push('| classes hurt most | samples | recall | lost | won | p (Holm) |', '|---|--:|--:|--:|--:|--:|');
    for (const { c, support, recall, adjusted } of hurt.slice(0, CLASSES)) {
      const name = cell(names?.[c] ?? `class ${c}`);
      const p = adjusted === null ? '–' : short(adjusted);
      lines.push(
        `| ${name} | ${count(support)} | ${share(recall.baseline)} → ${share(recall.candidate)} | ${count(recall.lost)} | ${count(recall.won)} | ${p} |`,
      );
    }
    if (hurt.length > CLASSES) lines.push('', `… and ${count(hurt.length - CLASSES)} more.`);
    lines.push('');
  }
  return lines.join('\n');
}
