import { checkNames, common } from '../input/checks.ts';
import { counted, kind, wrongType } from '../input/errors.ts';
import type { Metric, SigmoidReport, SoftmaxReport } from '../meter/report.ts';
import { type Interval, type Power, power } from '../statistics/index.ts';
import type { ComparisonReport } from './fields.ts';
import { checkLimits, type Limits } from './limits.ts';
import { type Change, type Measure, measureOf } from './measures.ts';
import { count, percent, points, significant } from './text.ts';

/** undecided: the interval covers the limit, or there is nothing to tell it from. */
export type Verdict = 'passed' | 'broken' | 'undecided';

/** What came of one limit. */
export interface LimitResult {
  name: string;
  limit: number;
  /**
   * What was held against the limit: by how much it dropped (losses, Brier score, calibration error: rose), below 0
   * where it got better; of an evaluation, the value. null where it is not known.
   */
  value: Metric;
  /** Interval of a drop, with the report's confidence; null where none is claimed. */
  interval: Interval | null;
  /** The class that is worst, of `class-recall` and `class-precision`. */
  class: number | null;
  verdict: Verdict;
  /**
   * The smallest drop that so many samples could have shown, and how many it takes for the limit; null where not known.
   */
  power: Power | null;
  /** All that in one line. */
  line: string;
}

/** What the limits say of a comparison. */
export interface Judgement {
  /** broken where any limit is, else undecided where any is, else passed. */
  verdict: Verdict;
  /** Exit status that goes with it: 0, 1, or 3 where it is undecided. */
  exitCode: 0 | 1 | 3;
  results: LimitResult[];
}

/** Options of `judge`. */
export interface JudgeOptions {
  /**
   * Hold limits against the interval, not against the point estimate: undecided where it covers the limit. Default
   * false.
   */
  decide?: boolean;
  /** Let samples pass that are not finite in the candidate alone. Default false. */
  allowNan?: boolean;
  /** Names of the classes. */
  names?: readonly string[];
}

/**
 * Hold a comparison against limits on how far the candidate may drop. A limit that cannot be told of, because there are
 * no targets or no samples, is undecided.
 *
 * @param report what `compute` of a comparison gave
 * @param limits by name, as `parseLimits` gives them
 * @throws TypeError or RangeError for limits of unknown names or wrong values, and for names of another number of
 *   classes
 */
export function judge(report: ComparisonReport, limits: Limits, options: JudgeOptions = {}): Judgement {
  checkComparisonReport(report);
  const { decide = false, allowNan = false } = common('judge', options, ['decide', 'allowNan', 'names']);
  for (const [name, value] of Object.entries({ decide, allowNan })) {
    if (typeof value !== 'boolean') throw wrongType(name, 'a boolean', value);
  }
  checkNames(options.names, report.fidelity.perClass.length);
  checkLimits(limits, 'max-drop');
  const results = Object.entries(limits).map(([name, limit]) => judgeDrop(report, name, limit, options));
  const { candidate } = report.fidelity.nonFinite;
  if (candidate > 0 && !options.allowNan) {
    const line = `finite: ${counted(candidate, 'sample', count(candidate))} ${candidate === 1 ? 'is' : 'are'} not finite in the candidate alone: broken`;
    results.push({ ...EMPTY, name: 'finite', limit: 0, value: candidate, verdict: 'broken', line });
  }
  return judged(results);
}

/**
 * Hold an evaluation against the least and the most its metrics may be.
 *
 * @param report what `compute` of a meter gave
 * @param limits `min` and `max` by name, as `parseLimits` gives them
 * @throws TypeError or RangeError for limits of unknown names or wrong values, and for names of another number of
 *   classes
 */
export function judgeReport(
  report: SoftmaxReport | SigmoidReport,
  limits: { min?: Limits; max?: Limits },
  options: Pick<JudgeOptions, 'names'> = {},
): Judgement {
  if (typeof Object(report).crossEntropy === 'undefined') {
    throw wrongType('report', 'what compute() of a FocalMeter gave', report);
  }
  if (kind(limits) !== 'Object') throw wrongType('limits', 'an object { min, max }', limits);
  const { min = {}, max = {} } = common('judgeReport', limits, ['min', 'max']) as typeof limits;
  const { names } = common('judgeReport', options, ['names']) as typeof options;
  checkNames(names, report.perClass.length);
  checkLimits(min, 'min');
  checkLimits(max, 'max');
  const judgeAll = (limits: Limits, kind: 'min' | 'max') =>
    Object.entries(limits).map(([name, limit]): LimitResult => {
      const measure = measureOf(name) as Measure;
      const { value, class: worst } = measure.find?.(report) ?? { value: null };
      const verdict =
        value === null ? 'undecided' : (kind === 'min' ? value >= limit : value <= limit) ? 'passed' : 'broken';
      const write = (x: number) => (measure.share ? percent(x) : significant(x));
      const off =
        value === null || verdict === 'passed'
          ? ''
          : `, off by ${measure.share ? points(Math.abs(value - limit)) : significant(Math.abs(value - limit))}`;
      const found = value === null ? `not known${needs(measure)}` : write(value);
      const line = `${name}${classOf(worst, names)} ${found}, ${kind} ${write(limit)}: ${verdict}${off}`;
      return { ...EMPTY, name, limit, value, class: worst ?? null, verdict, line };
    });
  return judged([...judgeAll(min, 'min'), ...judgeAll(max, 'max')]);
}

/** @throws TypeError when it is not what `compute` of a comparison gave */
export function checkComparisonReport(report: unknown): void {
  if (typeof Object(report).fidelity === 'object') return;
  throw wrongType('report', 'what compute() of a FocalComparison gave', report);
}

const EMPTY = { interval: null, class: null, power: null };

function judged(results: LimitResult[]): Judgement {
  const worst = (['broken', 'undecided'] as const).find((one) => results.some(({ verdict }) => verdict === one));
  return { verdict: worst ?? 'passed', exitCode: worst === 'broken' ? 1 : worst === 'undecided' ? 3 : 0, results };
}

/** What has to be counted where a measure is not known. */
const needs = (measure: Measure): string => (measure.needs ? ` (it needs ${measure.needs})` : '');

const classOf = (c: number | undefined, names: readonly string[] | undefined): string =>
  c === undefined ? '' : ` of ${names?.[c] ?? `class ${c}`}`;

function judgeDrop(report: ComparisonReport, name: string, limit: number, options: JudgeOptions): LimitResult {
  const measure = measureOf(name) as Measure;
  const amount = (x: number) => (measure.share ? points(x) : significant(x));
  const change = measure.change?.(report);
  if (!change) {
    const why = report.quality === null ? ' (no sample has a target)' : needs(measure);
    const line = `${name} not known${why}, limit ${amount(limit)}: undecided`;
    return { ...EMPTY, name, limit, value: null, verdict: 'undecided', line };
  }
  const sign = measure.rises ? 1 : -1;
  // no −0 in what is shown
  const drop = change.delta === 0 ? 0 : sign * change.delta;
  const interval = change.interval && turned(change.interval, sign);
  const verdict = options.decide ? decide(interval, limit) : drop > limit ? 'broken' : 'passed';
  const can = powerOf(change, limit, report.confidence);
  const write = (x: Metric) => (x === null ? 'not known' : measure.share ? percent(x) : significant(x));
  const moved = change.delta === 0 ? 'unchanged' : change.delta > 0 ? 'rose' : 'fell';
  const parts = [
    `${name}${classOf(change.class, options.names)} ${moved}${drop === 0 ? '' : ` by ${amount(Math.abs(drop))}`}` +
      ` (${write(change.baseline)} → ${write(change.candidate)})`,
    `limit ${amount(limit)}`,
  ];
  if (options.decide) {
    const ends =
      interval &&
      `${percent(report.confidence)} interval of the ${measure.rises ? 'rise' : 'drop'} ${amount(interval[0])} to ${amount(interval[1])}`;
    parts.push(ends ?? `no interval${measure.noInterval ? ` (${measure.noInterval})` : ''}`);
  }
  const more = verdict === 'undecided' && interval ? enough(drop, interval, limit, change.n) : '';
  const line = `${parts.join(', ')}: ${verdict}${more}`;
  return { name, limit, value: drop, interval, class: change.class ?? null, verdict, power: can, line };
}

function turned([lower, upper]: Interval, sign: 1 | -1): Interval {
  const zero = (x: number) => (x === 0 ? 0 : x);
  return sign > 0 ? [lower, upper] : [zero(-upper), zero(-lower)];
}

/**
 * How many samples it would take for the interval to leave the limit, if nothing else changed: it shrinks with their
 * root.
 */
function enough(drop: number, [lower, upper]: Interval, limit: number, n: number): string {
  const times = ((drop > limit ? drop - lower : upper - drop) / (drop - limit)) ** 2;
  return Number.isFinite(times)
    ? `; about ${count(Math.ceil(times * n))} samples would tell, here are ${count(n)}`
    : '';
}

function decide(interval: Interval | null, limit: number): Verdict {
  if (!interval) return 'undecided';
  return interval[1] <= limit ? 'passed' : interval[0] > limit ? 'broken' : 'undecided';
}

function powerOf({ standardError, n, delta, proportion }: Change, limit: number, confidence: number): Power | null {
  if (standardError === null || limit === 0) return null;
  // back from the standard error to the mean of the squares
  const squares = standardError ** 2 * (n - 1) + delta ** 2;
  const known = power(squares, n, limit, { confidence, proportion });
  // of a limit next to 0
  return Number.isFinite(known.needed) ? known : null;
}
