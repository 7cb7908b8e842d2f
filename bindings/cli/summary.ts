/** The report for a terminal. */

import type { Judgement } from '../compare/judge.ts';
import { printable } from '../input/foreign-text.ts';
import type { AnyLoss } from '../meter/meter.ts';
import type { SlicedReport } from '../meter/slices.ts';
import {
  between,
  className,
  classOf,
  confidenceOf,
  estimates,
  type Fact,
  fixed,
  groupValue,
  hardLoss,
  type Labels,
  type Metrics,
  percent,
  plain,
  reliabilityNote,
  signedPercent,
  significant,
  topConfusions,
  warningOf,
  weakestClasses,
} from '../report/format.ts';
import { bold, clip, dim, table } from './terminal.ts';

const CLASSES_SHOWN = 15;
const CONFUSIONS_SHOWN = 10;
const WARNINGS_SHOWN = 5;
const GROUPS_SHOWN = 15;
export const NAME_WIDTH = 28;
export const TEXT_WIDTH = 96;
const FACT_WIDTH = 20;

export type Lines = readonly string[];
export type Name = (c: number | null) => string;

export function formatSummary(
  facts: readonly Fact[],
  m: Metrics,
  labels: Labels,
  judgement: Judgement | null = null,
  groups: SlicedReport<AnyLoss> | null = null,
): string {
  const name: Name = (c) => foreign(className(labels, c), NAME_WIDTH);
  const blocks: Lines[] = [
    factLines(facts),
    numbers(m),
    warnings(m, labels),
    groupLines(groups),
    reliability(m),
    classes(m, name),
    confusions(m, name),
    hardest(m, name, labels),
    verdict(judgement),
  ];
  return joined(blocks);
}

/** Blocks of lines with a blank line between them. */
export function joined(blocks: readonly Lines[]): string {
  const shown = blocks.filter((block) => block.length > 0);
  return `${shown.map((block) => block.join('\n')).join('\n\n')}\n`;
}

/** A line for each limit. */
export const verdict = (judgement: Judgement | null): Lines =>
  judgement && judgement.results.length > 0
    ? titled(
        'Limits',
        judgement.verdict,
        judgement.results.map(({ line }) => `  ${printable(line)}`),
      )
    : [];

/** What is known of a run, a line each. */
export const factLines = (facts: readonly Fact[]): string[] =>
  facts.map(([key, value]) => `  ${key.padEnd(FACT_WIDTH)}${printable(value)}`);

/** What somebody else wrote, in so many cells of a line; of a long text no more is looked at than may be shown. */
export const foreign = (text: string, cells: number): string => clip(printable(text.slice(0, 8 * cells)), cells);

export const titled = (title: string, note: string, lines: Lines): Lines => [`${bold(title)}  ${dim(note)}`, ...lines];

function numbers(m: Metrics): Lines {
  const rows = estimates(m).map(([key, value, interval]) => [key.padEnd(FACT_WIDTH), value, interval ?? '']);
  return table(['', ' '.repeat(10), m.intervals ? `${confidenceOf(m)} interval` : ''], rows);
}

/** What is not known for want of detail: many classes may have the same trouble, and a few of them tell it. */
function warnings({ warnings: all = [] }: Metrics, labels: Labels): Lines {
  const shown = all.slice(0, WARNINGS_SHOWN).map((line) => `  ${printable(warningOf(labels, line))}`);
  return all.length > 0 ? titled('Warnings', `${shown.length} of ${plain(all.length)}`, shown) : [];
}

/** The groups that are worst for certain. */
function groupLines(groups: SlicedReport<AnyLoss> | null): Lines {
  if (!groups) return [];
  const { worst, metric, confidence } = groups;
  const shown = worst.slice(0, GROUPS_SHOWN);
  const certain = worst.some(({ interval }) => interval);
  const rows = shown.map(({ name, samples, value, interval }) => [
    foreign(name === '' ? '(none)' : name, NAME_WIDTH),
    plain(samples),
    groupValue(metric)(value),
    ...(certain ? [between(interval, groupValue(metric)) ?? ''] : []),
  ]);
  const [how, note] = certain
    ? [' for certain', `all intervals hold together with ${percent(confidence)}`]
    : ['', 'there are no intervals'];
  return titled(
    'Groups',
    `worst ${metric}${how} first, ${shown.length} of ${plain(worst.length)}; ${note}`,
    table(['group', ' samples', ` ${metric}`, ...(certain ? [' interval'] : [])], rows),
  );
}

function reliability(m: Metrics): Lines {
  const digits = Math.max(2, Math.ceil(Math.log10(m.bins.length)));
  const filled = m.bins.filter(({ count }) => count > 0);
  const head = m.variant === 'softmax' ? ['confidence', ' samples'] : ['probability', ' logits'];
  const rows = filled.map(({ lower, upper, count, confidence, accuracy }) => [
    `${lower.toFixed(digits)}–${upper.toFixed(digits)}`,
    plain(count),
    percent(confidence),
    percent(accuracy),
    confidence === null || accuracy === null ? '' : signedPercent(accuracy - confidence),
  ]);
  return titled('Reliability', reliabilityNote(m), table([...head, ' mean', ' accuracy', ' gap'], rows));
}

function classes(m: Metrics, name: Name): Lines {
  const weakest = weakestClasses(m);
  const curves = m.variant === 'sigmoid' || m.auroc !== null;
  const shown = weakest.slice(0, CLASSES_SHOWN);
  const rows = shown.map((c) => {
    const { support, loss, recall, precision, f1, auroc, averagePrecision, intervals } = m.perClass[c]!;
    const cells = [name(c), plain(support), significant(loss, 4), percent(recall)];
    cells.push(between(intervals?.recall, percent) ?? '', percent(precision), fixed(f1));
    return curves ? [...cells, fixed(auroc), fixed(averagePrecision)] : cells;
  });
  const areas = curves ? [' AUROC', ' AP'] : [];
  const head = ['class', ' support', ' loss', ' recall', ` ${confidenceOf(m)} interval`, ' precision', ' F1', ...areas];
  return titled(
    'Classes',
    `lowest F1 first, ${shown.length} of ${plain(weakest.length)} that occur`,
    table(head, rows),
  );
}

function confusions(m: Metrics, name: Name): Lines {
  const all = m.variant === 'softmax' ? topConfusions(m) : [];
  if (all.length === 0) return [];
  const most = all.slice(0, CONFUSIONS_SHOWN);
  const rows = most.map(({ row, column, count, share, ofColumn }) => {
    return [name(row), name(column), plain(count), percent(share), percent(ofColumn)];
  });
  return titled(
    'Confusions',
    `most frequent first, ${most.length} of ${plain(all.length)} pairs`,
    table(['target', 'prediction', ' samples', ' of the target', ' of the prediction'], rows),
  );
}

function hardest(m: Metrics, name: Name, { texts }: Labels): Lines {
  if (!m.hardest || m.hardest.length === 0) return [];
  const { length: classes } = m.perClass;
  // of one logit nothing is the largest
  const said = classes > 1 ? ['prediction'] : [];
  const [head, ...rows] = table(
    [' index', ' loss', 'target', ...said],
    m.hardest.map(({ index, loss, target, prediction }) => {
      const cells = [plain(index), hardLoss(loss), name(classOf(target, classes)), name(prediction)];
      return cells.slice(0, 3 + said.length);
    }),
  );
  const withTexts = m.hardest.flatMap(({ index }, i) => {
    const text = texts?.get(index);
    return text === undefined ? [rows[i]!] : [rows[i]!, dim(`    ${foreign(text, TEXT_WIDTH)}`)];
  });
  return titled('Hardest samples', 'largest focal loss first', [head!, ...withTexts]);
}
