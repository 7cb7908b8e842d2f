import { checkNames, common } from '../input/checks.ts';
import { counted, wrongType } from '../input/errors.ts';
import type { Metric } from '../meter/report.ts';
import type { Interval } from '../statistics/index.ts';
import type { ClassQuality, ComparisonReport, Delta, QualityReport } from './fields.ts';
import { checkComparisonReport, type Judgement } from './judge.ts';
import { count, percent, points, probability, significant, spelt } from './text.ts';

/** Options of the summary in Markdown. */
export interface MarkdownOptions {
  /** Its heading. Default 'Comparison'. */
  title?: string;
  /** Names of the classes. */
  names?: readonly string[];
}

/** How many classes a summary names. */
const CLASSES = 10;
const MARKS = { passed: '✅', broken: '❌', undecided: '❔' };
/** Deltas that are no shares. */
const NUMBERS = ['loss', 'crossEntropy', 'brier'];

/**
 * A comparison as Markdown that fits a pull request: the verdict, the numbers of both sides, the classes hurt most.
 *
 * @param report what `compute` of a comparison gave
 * @param judgement what `judge` gave, where there are limits
 */
export function markdown(
  report: ComparisonReport,
  judgement: Judgement | null = null,
  options: MarkdownOptions = {},
): string {
  checkComparisonReport(report);
  const { title = 'Comparison', names } = common('markdown', options, ['title', 'names']) as MarkdownOptions;
  if (judgement !== null && !Array.isArray(Object(judgement).results)) {
    throw wrongType('judgement', 'what judge gave, or null', judgement);
  }
  checkNames(names, report.fidelity.perClass.length);
  const { quality } = report;
  const heading = judgement ? `${MARKS[judgement.verdict]} ${escaped(title)}: ${judgement.verdict}` : escaped(title);
  const sections = [
    [`### ${heading}`],
    (judgement?.results ?? []).map(({ verdict, line }) => `- ${MARKS[verdict]} ${escaped(line)}`),
    [fidelityLine(report)],
    ...(quality ? [numbers(quality, report.confidence), outcome(quality), classes(quality, names)] : []),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

/** Foreign text in a line of Markdown: no line ends, no controls, and no mark that means anything. */
function escaped(text: string): string {
  return text.replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ').replace(/[\\`*_{}[\]<>#|~&@!]/g, (mark) => `\\${mark}`);
}

const share = (x: Metric): string => (x === null ? '–' : percent(x));
const plain = (x: Metric): string => (x === null ? '–' : significant(x));

function fidelityLine({ fidelity, variant }: ComparisonReport): string {
  const { samples, agreement, kl, difference, nonFinite } = fidelity;
  const what = variant === 'softmax' ? 'predictions' : 'decisions';
  const broken = nonFinite.baseline + nonFinite.candidate + nonFinite.both;
  const rest = broken
    ? ` Not finite: ${count(nonFinite.baseline)} in the baseline alone, ${count(nonFinite.candidate)} in the candidate alone, ${count(nonFinite.both)} in both.`
    : '';
  return (
    `${counted(samples, 'sample', count(samples))}, ${share(agreement)} of the ${what} agree; KL ${plain(kl.mean)} on average, ` +
    `${kl.infinite > 0 ? `∞ in ${counted(kl.infinite, 'sample', count(kl.infinite))}` : `${plain(kl.largest)} at most`}; largest |Δp| ${plain(difference.largest)}.${rest}`
  );
}

function numbers({ deltas, topK }: QualityReport, confidence: number): string[] {
  const rows: (readonly [name: string, delta: Delta])[] = [
    ...Object.entries(deltas),
    ...topK.map((one) => [`top-${one.k} accuracy`, one] as const),
  ];
  return [
    `| | baseline | candidate | Δ | ${percent(confidence)} interval |`,
    '|---|--:|--:|--:|--:|',
    ...rows
      .filter(([, { baseline, candidate }]) => baseline !== null || candidate !== null)
      .map(([name, { baseline, candidate, delta, interval }]) => {
        const isShare = !NUMBERS.includes(name);
        const [value, difference] = isShare ? [share, points] : [plain, significant];
        const ends = (range: Interval) => `${difference(range[0])} to ${difference(range[1])}`;
        const cells = [
          value(baseline),
          value(candidate),
          delta === null ? '–' : difference(delta),
          interval ? ends(interval) : '–',
        ];
        return `| ${spelt(name)} | ${cells.join(' | ')} |`;
      }),
  ];
}

function outcome({ lost, won, p }: QualityReport): string[] {
  if (lost === null || won === null || p === null) return [];
  return [`Right → wrong ${count(lost)}, wrong → right ${count(won)}: McNemar p ${probability(p)}.`];
}

function classes({ perClass }: QualityReport, names: readonly string[] | undefined): string[] {
  const hurt = perClass
    .map((entry, c) => ({ ...entry, c }))
    .filter(({ recall }) => (recall.delta ?? 0) < 0)
    .sort(byHarm);
  if (hurt.length === 0) return [];
  return [
    '| classes hurt most | samples | recall | lost | won | p (Holm) |',
    '|---|--:|--:|--:|--:|--:|',
    ...hurt.slice(0, CLASSES).map(({ c, support, recall }) => {
      const cells = [
        escaped(names?.[c] ?? `class ${c}`),
        count(support),
        `${share(recall.baseline)} → ${share(recall.candidate)}`,
        count(recall.lost),
        count(recall.won),
        recall.adjusted === null ? '–' : probability(recall.adjusted),
      ];
      return `| ${cells.join(' | ')} |`;
    }),
    ...(hurt.length > CLASSES ? ['', `and ${count(hurt.length - CLASSES)} more.`] : []),
  ];
}

/** What is hurt first, the surest before others, then what lost most; what won comes last, the surest at the end. */
export function byHarm(a: ClassQuality, b: ClassQuality): number {
  const keys = ({ recall }: ClassQuality) => {
    const sign = Math.sign(recall.delta ?? 0);
    return [sign, -sign * (recall.adjusted ?? 1), recall.delta ?? 0];
  };
  const [first, second] = [keys(a), keys(b)];
  return first.map((key, i) => key - (second[i] as number)).find((difference) => difference !== 0) ?? 0;
}
