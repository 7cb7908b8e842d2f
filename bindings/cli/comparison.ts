/** What the command gives of a comparison. */

import type { Delta } from '../compare/fields.ts';
import { byHarm } from '../compare/markdown.ts';
import { points, probability, spelt } from '../compare/text.ts';
import { type ComparisonReport, type FocalComparison, judge, markdown } from '../entries/compare.ts';
import {
  CONFIDENCE,
  className,
  classOf,
  describeComparison,
  type Fact,
  hardLoss,
  type Labels,
  NONE,
  percent,
  plain,
  significant,
} from '../report/format.ts';
import type { DropOptions, OutputOptions } from './grammar.ts';
import { textsIn } from './lines.ts';
import { more, page, type Run } from './made.ts';
import type { Result } from './result.ts';
import {
  factLines,
  foreign,
  joined,
  type Lines,
  NAME_WIDTH,
  type Name,
  TEXT_WIDTH,
  titled,
  verdict,
} from './summary.ts';
import { dim, table } from './terminal.ts';

const CLASSES_SHOWN = 15;

export async function comparison(
  both: FocalComparison,
  names: readonly string[] | null,
  options: OutputOptions & DropOptions & { confidence?: number },
  run: Run,
  textsOf = textsIn(options.text),
): Promise<Result> {
  const { confidence = CONFIDENCE } = options;
  const report = both.compute({ confidence });
  const hardest = report.quality?.hardest ?? [];
  const texts = await textsOf(hardest.map(({ index }) => index));
  const { maxDrop = {}, decide = false, allowNan = false } = options;
  const judgement = judge(report, maxDrop, { decide, allowNan, ...(names && { names }) });
  const state = both.toJSON();
  const { config } = state.baseline;
  return {
    state,
    json: { schema: 'focal-simd/comparison/1', ...run, config, report, judgement },
    text: options.markdown
      ? markdown(report, judgement, {
          ...(names && { names }),
          ...(options.title !== undefined && { title: options.title }),
        })
      : summary(run, state, report, { names, texts }, judgement),
    page: () => page(state, { names, texts, judgement, confidence }, options, run),
    judgement,
  };
}

function summary(
  run: Run,
  state: ReturnType<FocalComparison['toJSON']>,
  report: ComparisonReport,
  labels: Labels,
  judgement: ReturnType<typeof judge>,
): string {
  const name: Name = (c) => foreign(className(labels, c), NAME_WIDTH);
  return joined([
    factLines(facts(run, state, report)),
    fidelity(report),
    numbers(report),
    classes(report, name),
    hardest(report, name, labels),
    verdict(judgement),
  ]);
}

function facts(run: Run, state: ReturnType<FocalComparison['toJSON']>, report: ComparisonReport): Fact[] {
  return [['files', run.files.join('  ')], ...describeComparison(state.baseline.config, report), ...more(run)];
}

const or = (x: number | null, write: (x: number) => string): string => (x === null ? NONE : write(x));

function fidelity({ fidelity: f, variant }: ComparisonReport): Lines {
  const broken = f.nonFinite.baseline + f.nonFinite.candidate + f.nonFinite.both;
  const rows: Fact[] = [
    ['agreement', percent(f.agreement)],
    ['KL, mean', significant(f.kl.mean)],
    ['KL, largest', f.kl.infinite > 0 ? `∞ in ${plain(f.kl.infinite)}` : significant(f.kl.largest)],
    ['|Δp|, mean', significant(f.difference.mean)],
    ['|Δp|, largest', significant(f.difference.largest)],
    ...(broken > 0
      ? [
          [
            'not finite',
            `${plain(f.nonFinite.baseline)} / ${plain(f.nonFinite.candidate)} / ${plain(f.nonFinite.both)}`,
          ] as Fact,
        ]
      : []),
  ];
  const what = variant === 'softmax' ? 'predictions and probabilities' : 'decisions and probabilities';
  return titled(
    'Fidelity',
    `${what}, no labels needed`,
    rows.map(([key, value]) => `  ${key.padEnd(20)}${value.padStart(12)}`),
  );
}

/** Metrics that are no shares of 1. */
const NUMBERS = ['loss', 'crossEntropy', 'brier'];
function numbers({ quality, confidence }: ComparisonReport): Lines {
  if (!quality) return [];
  const { deltas, topK, perClass, lost, won, p } = quality;
  const tops = topK
    .filter(({ k }) => k < perClass.length)
    .map((one): [string, Delta] => [`top-${one.k} accuracy`, one]);
  const rows = [...Object.entries(deltas), ...tops]
    .filter(([, { baseline, candidate }]) => baseline !== null || candidate !== null)
    .map(([key, { baseline, candidate, delta, interval }]) => {
      const [value, difference] = NUMBERS.includes(key)
        ? [significant, (x: number) => significant(x, 4)]
        : [percent, points];
      const ends = interval ? `${difference(interval[0])} to ${difference(interval[1])}` : NONE;
      return [spelt(key), value(baseline), value(candidate), or(delta, difference), ends];
    });
  const pairs =
    lost === null || won === null
      ? []
      : [dim(`  right → wrong ${plain(lost)}, wrong → right ${plain(won)}, McNemar p ${or(p, probability)}`)];
  const head = ['', ' baseline', ' candidate', ' Δ', ` ${Math.round(100 * confidence)} % interval`];
  return titled('Quality', 'candidate against baseline, sample by sample', [...table(head, rows), ...pairs]);
}

function classes({ quality }: ComparisonReport, name: Name): Lines {
  const hurt = (quality?.perClass ?? [])
    .map((entry, c) => ({ ...entry, c }))
    .filter(({ recall }) => (recall.delta ?? 0) < 0)
    .sort(byHarm);
  if (hurt.length === 0) return [];
  const shown = hurt.slice(0, CLASSES_SHOWN);
  const rows = shown.map(({ c, support, recall }) => {
    const both = [percent(recall.baseline), percent(recall.candidate)];
    return [name(c), plain(support), ...both, plain(recall.lost), plain(recall.won), or(recall.adjusted, probability)];
  });
  return titled(
    'Classes',
    `hurt most first, ${shown.length} of ${plain(hurt.length)} with less recall`,
    table(['class', ' support', ' baseline', ' candidate', ' lost', ' won', ' p (Holm)'], rows),
  );
}

function hardest({ quality }: ComparisonReport, name: Name, { texts }: Labels): Lines {
  const list = quality?.hardest ?? [];
  if (list.length === 0) return [];
  const { length: classes = 0 } = quality?.perClass ?? [];
  // of one logit nothing is the largest
  const said = classes > 1 ? ['baseline', 'candidate'] : [];
  const [head, ...rows] = table(
    [' index', ' rise', 'target', ...said],
    list.map(({ index, rise, target, baseline, candidate }) => {
      const cells = [plain(index), hardLoss(rise), name(classOf(target, classes))];
      return [...cells, name(baseline.prediction), name(candidate.prediction)].slice(0, 3 + said.length);
    }),
  );
  const lines = list.flatMap(({ index }, i) => {
    const text = texts?.get(index);
    return text === undefined ? [rows[i]!] : [rows[i]!, dim(`    ${foreign(text, TEXT_WIDTH)}`)];
  });
  return titled('Samples hurt most', 'largest rise of the loss first', [head!, ...lines]);
}
