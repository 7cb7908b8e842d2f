import {
  className,
  type Fact,
  figures,
  fixed,
  hardLoss,
  type Labels,
  type Metrics,
  percent,
  plain,
  reliabilityNote,
  signedPercent,
  significant,
  topConfusions,
  weakestClasses,
} from './format.ts';
import { bold, clip, dim, table } from './terminal.ts';

const CLASSES_SHOWN = 15;
const CONFUSIONS_SHOWN = 10;
const NAME_WIDTH = 28;
const TEXT_WIDTH = 96;
const FACT_WIDTH = 20;

/** The report for a terminal. */
export function formatSummary(facts: readonly Fact[], m: Metrics, labels: Labels): string {
  const name = (c: number | null) => clip(className(labels, c), NAME_WIDTH);
  const lines = facts.map(([key, value]) => `  ${key.padEnd(FACT_WIDTH)}${value}`);
  lines.push('');
  for (const [key, value] of figures(m)) lines.push(`  ${key.padEnd(FACT_WIDTH)}${value.padStart(12)}`);
  const section = (title: string, note: string) => lines.push('', `${bold(title)}  ${dim(note)}`);

  section('Reliability', reliabilityNote(m));
  lines.push(
    ...table(
      [
        ...(m.variant === 'softmax' ? ['confidence', ' samples'] : ['probability', ' logits']),
        ' mean',
        ' accuracy',
        ' gap',
      ],
      m.bins.map((bin) => [
        `${bin.lower.toFixed(2)}–${bin.upper.toFixed(2)}`,
        plain(bin.count),
        percent(bin.confidence),
        percent(bin.accuracy),
        bin.confidence === null || bin.accuracy === null ? '' : signedPercent(bin.accuracy - bin.confidence),
      ]),
    ),
  );

  const weakest = weakestClasses(m);
  const shown = weakest.slice(0, CLASSES_SHOWN);
  section('Classes', `lowest F1 first, ${shown.length} of ${plain(weakest.length)} that occur`);
  const curves = m.variant === 'sigmoid' ? [' AUROC', ' AP'] : [];
  lines.push(
    ...table(
      ['class', ' support', ' loss', ' recall', ' precision', ' F1', ...curves],
      shown.map((c) => {
        const { support, loss, recall, precision, f1 } = m.perClass[c]!;
        const areas = m.variant === 'sigmoid' ? [m.perClass[c]!.auroc, m.perClass[c]!.averagePrecision] : [];
        const cells = [name(c), plain(support), significant(loss, 4), percent(recall), percent(precision), fixed(f1)];
        return [...cells, ...areas.map(fixed)];
      }),
    ),
  );

  const all = m.variant === 'softmax' ? topConfusions(m) : [];
  if (all.length > 0) {
    const most = all.slice(0, CONFUSIONS_SHOWN);
    section('Confusions', `most frequent first, ${most.length} of ${plain(all.length)} pairs`);
    lines.push(
      ...table(
        ['target', 'prediction', ' samples', ' of the target'],
        most.map((pair) => [name(pair.target), name(pair.prediction), plain(pair.count), percent(pair.share)]),
      ),
    );
  }

  if (m.hardest && m.hardest.length > 0) {
    section('Hardest samples', 'largest focal loss first');
    const [head, ...rows] = table(
      [' index', ' loss', 'target', 'prediction'],
      m.hardest.map((one) => [plain(one.index), hardLoss(one.loss), name(one.target), name(one.prediction)]),
    );
    lines.push(head!);
    for (const [i, { index }] of m.hardest.entries()) {
      lines.push(rows[i]!);
      const text = labels.texts?.get(index);
      if (text !== undefined) lines.push(dim(`    ${clip(text, TEXT_WIDTH)}`));
    }
  }
  return `${lines.join('\n')}\n`;
}
