/** The parts of a report, drawn the same way in the static page and in the live one, which gives them handlers. */
import { type ComponentChildren, Fragment } from 'preact';
import type { Decisions } from '../meter/metrics/counts.ts';
import { DECISION_METRICS } from '../meter/metrics/decisions.ts';
import { ratio } from '../meter/metrics/estimate.ts';
import { intervalsOf, valuesOf } from '../meter/metrics/evaluate.ts';
import type { Bin } from '../meter/report.ts';
import { Bar, Chart, type Data, Key, Line, type Point, Scroll, Share, short } from './charts.tsx';
import {
  between,
  className,
  confidenceOf,
  type Estimate,
  estimates,
  fixed,
  hardLoss,
  type Labels,
  type Metrics,
  percent,
  plain,
  signedPercent,
  significant,
  topPairs,
  warningOf,
  weakestClasses,
} from './format.ts';
import { type Translate, useText } from './language.ts';

export interface SectionProps {
  readonly m: Metrics;
  readonly labels: Labels;
}

export function Section({
  title,
  note,
  children,
}: {
  title: string;
  note?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <section class="card">
      <h2>{title}</h2>
      {note && <p class="note">{note}</p>}
      {children}
    </section>
  );
}

/** So many of one kind tell it. */
const WARNINGS = 5;

/** The single numbers of an evaluation, each with its interval where there is one. */
export function Headline({ m, labels }: SectionProps) {
  const t = useText();
  const { warnings = [] } = m;
  return (
    <>
      <Figures of={estimates(m)} />
      {m.intervals && (
        <p class="note intervals">
          {t('Below a number, its {n} interval, where its counts give one.', { n: confidenceOf(m) })}
        </p>
      )}
      {warnings.slice(0, WARNINGS).map((warning) => (
        <p key={warning} class="note">
          {warningOf(labels, warning)}
        </p>
      ))}
    </>
  );
}

/** Numbers, each with its name above and its interval below. */
export function Figures({ of }: { readonly of: readonly Estimate[] }) {
  const t = useText();
  return (
    <dl class="figures">
      {of.map(([name, value, interval]) => (
        <div key={name}>
          <dt>{t(name)}</dt>
          <dd>{value}</dd>
          {interval && <dd>{interval}</dd>}
        </div>
      ))}
    </dl>
  );
}

interface DecisionFiguresProps {
  readonly decisions: Decisions;
  /** Of the intervals. */
  readonly confidence: number;
}

/** What decisions for or against a class come to. */
export function DecisionFigures({ decisions, confidence }: DecisionFiguresProps) {
  const { fp, tn } = decisions;
  const values = valuesOf(DECISION_METRICS, decisions);
  const intervals = intervalsOf(DECISION_METRICS, decisions, [], confidence);
  const figure = (name: string, key: string, show: (value: number | null) => string): Estimate => [
    name,
    show(values[key] ?? null),
    between(intervals[key], show),
  ];
  return (
    <Figures
      of={[
        figure('recall', 'recall', percent),
        figure('precision', 'precision', percent),
        figure('F1', 'f1', fixed),
        figure('specificity', 'specificity', percent),
        ['false positive rate', percent(ratio(fp, fp + tn)), null],
        figure('MCC', 'mcc', fixed),
      ]}
    />
  );
}

export const unit = { domain: [0, 1], ticks: 5 } as const;

/** More bins than a reader can tell apart are drawn several together. */
const BINS = 100;

/** The bins as they are drawn. */
export function drawnBins({ bins }: Metrics): Bin[] {
  const each = Math.ceil(bins.length / BINS);
  if (each <= 1) return bins;
  return Array.from({ length: Math.ceil(bins.length / each) }, (_, i) => {
    const part = bins.slice(i * each, (i + 1) * each);
    const count = part.reduce((sum, bin) => sum + bin.count, 0);
    const mean = (of: 'confidence' | 'accuracy') =>
      count > 0 ? part.reduce((sum, bin) => sum + bin.count * (bin[of] ?? 0), 0) / count : null;
    const { lower } = part[0]!;
    const { upper } = part.at(-1)!;
    return { lower, upper, count, confidence: mean('confidence'), accuracy: mean('accuracy') };
  });
}

/** Those with anything in them. */
export const filledBins = (bins: readonly Bin[]) =>
  bins.flatMap(({ confidence, accuracy, ...bin }) =>
    confidence === null || accuracy === null ? [] : [{ ...bin, confidence, accuracy }],
  );

/** What the bins of a variant are about. */
export function reliabilityTexts({ variant }: Pick<Metrics, 'variant'>, t: Translate) {
  return variant === 'softmax'
    ? {
        x: t('confidence'),
        counted: t('samples'),
        note: t('How often predictions of a confidence are right.'),
        distribution: t('Distribution of confidence'),
      }
    : {
        x: t('probability'),
        counted: t('logits'),
        note: t('How often classes of a probability are the target.'),
        distribution: t('Distribution of probability'),
      };
}

export const DIAGONAL: readonly Point[] = [
  [0, 0],
  [1, 1],
];

/** How sure predictions are, and how often they are right then. */
export function Reliability({ m }: { readonly m: Metrics }) {
  const t = useText();
  if (m.samples === 0) return null;
  const { counted, note, distribution, ...texts } = reliabilityTexts(m, t);
  const x = { ...unit, label: texts.x };
  const bins = drawnBins(m);
  const filled = filledBins(bins);
  const data: Data = {
    head: [x.label, counted, t('mean'), t('accuracy'), t('gap')],
    rows: bins.map(({ lower, upper, count, confidence, accuracy }) => [
      `${lower.toFixed(2)}–${upper.toFixed(2)}`,
      plain(count),
      percent(confidence),
      percent(accuracy),
      confidence === null || accuracy === null ? '' : signedPercent(accuracy - confidence),
    ]),
  };
  const most = bins.reduce((largest, { count }) => Math.max(largest, count), 1);
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  return (
    <Section title={t('Reliability')} note={note}>
      <div class="charts">
        <Chart
          title={t('Reliability diagram')}
          note={
            <>
              <Key kind="accent">{t('accuracy')}</Key> <Key kind="over">{t('too sure by so much')}</Key>{' '}
              <Key kind="under">{t('not sure enough by so much')}</Key> <Key kind="diagonal">{t('calibrated')}</Key>
            </>
          }
          x={x}
          y={{ ...unit, label: t('accuracy') }}
          data={data}
        >
          {(place) => (
            <>
              {filled.map(({ lower, upper, accuracy, confidence }) => {
                const title = `${x.label} ${percent(confidence)}, ${t('accuracy')} ${percent(accuracy)}`;
                const span = { place, x1: lower, x2: upper, title };
                const kind = accuracy < confidence ? 'over' : 'under';
                return (
                  <g key={lower}>
                    <Bar {...span} y1={0} y2={Math.min(accuracy, confidence)} class="accent" />
                    <Bar {...span} y1={accuracy} y2={confidence} class={kind} />
                  </g>
                );
              })}
              <Line place={place} points={DIAGONAL} class="diagonal" />
            </>
          )}
        </Chart>
        <Chart
          title={distribution}
          x={x}
          y={{ domain: [0, most], ticks: 4, format: short, label: counted }}
          data={{
            head: [x.label, counted, t('share')],
            rows: bins.map(({ lower, upper, count }) => [
              `${lower.toFixed(2)}–${upper.toFixed(2)}`,
              plain(count),
              percent(total > 0 ? count / total : null),
            ]),
          }}
        >
          {(place) =>
            bins.map(({ lower, upper, count }) => (
              <Bar
                key={lower}
                place={place}
                x1={lower}
                x2={upper}
                y1={0}
                y2={count}
                class="accent"
                title={`${lower.toFixed(2)}–${upper.toFixed(2)}: ${plain(count)}`}
              />
            ))
          }
        </Chart>
      </div>
    </Section>
  );
}

/** A column of the table of classes. */
export interface ClassColumn {
  readonly name: string;
  readonly value: (c: number) => number | null;
  readonly show: (value: number | null, c: number) => string;
  /** A share of a whole, which a bar shows beside the number. */
  readonly share?: boolean;
  /** What is drawn beside the number, where that is no bar of a share. */
  readonly draw?: (c: number) => ComponentChildren;
  /** What stands under the number, smaller. */
  readonly note?: (c: number) => string | null;
}

export function classColumns(m: Metrics): ClassColumn[] {
  const { perClass } = m;
  const columns: ClassColumn[] = [
    { name: 'support', value: (c) => perClass[c]!.support, show: (value) => plain(value ?? 0) },
    { name: 'recall', value: (c) => perClass[c]!.recall, show: percent, share: true },
    { name: 'precision', value: (c) => perClass[c]!.precision, show: percent, share: true },
    { name: 'F1', value: (c) => perClass[c]!.f1, show: fixed, share: true },
    { name: 'loss', value: (c) => perClass[c]!.loss, show: (value) => significant(value, 4) },
  ];
  if (m.variant === 'sigmoid') {
    columns.push({ name: 'AUROC', value: (c) => m.perClass[c]!.auroc, show: fixed });
    columns.push({ name: 'AP', value: (c) => m.perClass[c]!.averagePrecision, show: fixed });
  }
  return columns;
}

interface ColumnTableProps {
  readonly labels: Labels;
  readonly columns: readonly ClassColumn[];
  readonly classes: readonly number[];
  /** Draws the head of a column, which sorts in the live page. */
  readonly head?: (column: ClassColumn | null) => ComponentChildren;
  readonly sorted?: (column: ClassColumn | null) => 'ascending' | 'descending' | undefined;
  /** Draws the name of a class, which chooses it in the live page. */
  readonly name?: (c: number) => ComponentChildren;
}

export const ClassTable = ({ m, ...rest }: Omit<ColumnTableProps, 'columns'> & SectionProps) => (
  <ColumnTable columns={classColumns(m)} {...rest} />
);

/** A row a class. */
export function ColumnTable({ labels, columns, classes, head, sorted, name }: ColumnTableProps) {
  const t = useText();
  const aria = (column: ClassColumn | null) => {
    const order = sorted?.(column);
    return order ? { 'aria-sort': order } : {};
  };
  return (
    <Scroll label={t('Classes')}>
      <table class="classes">
        <thead>
          <tr>
            <th scope="col" {...aria(null)}>
              {head ? head(null) : t('class')}
            </th>
            {columns.map((column) => (
              <Fragment key={column.name}>
                <th scope="col" class="number" {...aria(column)}>
                  {head ? head(column) : t(column.name)}
                </th>
                {(column.share || column.draw) && <td class="bar" />}
              </Fragment>
            ))}
          </tr>
        </thead>
        <tbody>
          {classes.map((c) => (
            <tr key={c}>
              <th scope="row">{name ? name(c) : <bdi>{className(labels, c)}</bdi>}</th>
              {columns.map((column) => {
                const value = column.value(c);
                const drawn = column.draw ? column.draw(c) : column.share ? <Share value={value} /> : null;
                const note = column.note?.(c);
                return (
                  <Fragment key={column.name}>
                    <td class="number">
                      {column.show(value, c)}
                      {note && <small>{note}</small>}
                    </td>
                    {drawn && <td class="bar">{drawn}</td>}
                  </Fragment>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** How many are shown at once. */
const FIRST = 20;
/** A page with more rows opens slowly. */
const ALL = 2000;

interface RankedProps {
  readonly title: string;
  readonly all: readonly number[];
  /** What is said where all are shown, and where only the first are. */
  readonly note: (shown: string | null, all: string) => string;
  readonly table: (classes: readonly number[]) => ComponentChildren;
}

/** Classes in an order, those after the first folded away. */
export function Ranked({ title, all, note, table }: RankedProps) {
  const t = useText();
  if (all.length === 0) return null;
  const first = all.slice(0, FIRST);
  const rest = all.slice(FIRST, ALL);
  return (
    <Section title={title} note={note(rest.length > 0 ? plain(first.length) : null, plain(all.length))}>
      {table(first)}
      {rest.length > 0 && (
        <details class="data">
          <summary>{t('The other {n} classes', { n: plain(rest.length) })}</summary>
          {table(rest)}
        </details>
      )}
    </Section>
  );
}

export function Classes({ m, labels }: SectionProps) {
  const t = useText();
  return (
    <Ranked
      title={t('Classes')}
      all={weakestClasses(m)}
      note={(shown, all) =>
        shown === null
          ? t('Lowest F1 first.')
          : t('The {shown} with the lowest F1 of {all} that occur.', { shown, all })
      }
      table={(classes) => <ClassTable m={m} labels={labels} classes={classes} />}
    />
  );
}

/** Largest number of classes whose matrix is a table of numbers. */
const TABLE = 20;
const SHADES = 8;
/** More would make a page of megabytes, and be too small to see. */
const CELLS = 60_000;

/** Square root, so that a few per cent of mistakes can be told from none. */
const shade = (share: number): number => Math.min(SHADES - 1, Math.floor(Math.sqrt(share) * SHADES));

/** One count of a table of classes by classes. */
export interface Cell {
  readonly row: number;
  readonly column: number;
}

/** Counts of classes by classes, and what its rows and columns are. */
export interface Crossing {
  /** [row][column] */
  readonly counts: readonly (readonly number[])[];
  /** Of each row, what its counts are shares of. */
  readonly totals: readonly number[];
  readonly title: string;
  readonly row: string;
  readonly column: string;
  readonly says: (row: string, column: string) => string;
}

interface CrossingProps {
  readonly crossing: Crossing;
  readonly labels: Labels;
  readonly chosen?: Cell | null;
  readonly choose?: (cell: Cell) => void;
}

/** The classes in the largest counts beside the diagonal; all, where they are few. */
function crossedClasses({ counts, totals }: Crossing): number[] {
  if (counts.length <= TABLE) return [...counts.keys()];
  const found = new Set<number>();
  for (const { row, column } of topPairs(counts, totals)) {
    const more = [row, column].filter((c) => !found.has(c));
    if (found.size + more.length > TABLE) break;
    for (const c of more) found.add(c);
  }
  return [...found];
}

/** Numbers, shaded by their share of the row. */
function CrossingTable({ crossing, labels, chosen, choose }: CrossingProps) {
  const { counts, totals, title, says, ...names } = crossing;
  const classes = crossedClasses(crossing);
  return (
    <Scroll label={title}>
      <table class="matrix">
        <thead>
          <tr>
            <td class="corner">
              {names.row} ↓ {names.column} →
            </td>
            {classes.map((c) => (
              <th key={c} scope="col">
                <bdi title={className(labels, c)}>{className(labels, c)}</bdi>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {classes.map((row) => (
            <tr key={row}>
              <th scope="row">
                <bdi title={className(labels, row)}>{className(labels, row)}</bdi>
              </th>
              {classes.map((column) => {
                const count = counts[row]![column]!;
                const kind = row === column ? 'hit' : 'miss';
                const step = shade(count / (totals[row] || 1));
                const is = chosen?.row === row && chosen.column === column;
                return (
                  <td key={column} class={count > 0 ? `${kind}${step}` : 'none'}>
                    {choose && count > 0 ? (
                      <button
                        type="button"
                        aria-label={`${says(className(labels, row), className(labels, column))}: ${plain(count)}`}
                        aria-pressed={is}
                        onClick={() => choose({ row, column })}
                      >
                        {plain(count)}
                      </button>
                    ) : (
                      count > 0 && plain(count)
                    )}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

interface MapProps extends Omit<CrossingProps, 'chosen' | 'choose'> {
  /** Says how many rows and columns there are. */
  readonly size: (rows: string, columns: string) => string;
}

/** The whole table in small: a path for each shade, so that it stays sharp at any size. */
function CrossingMap({ crossing: { counts, totals }, labels, size }: MapProps) {
  const t = useText();
  const rows = totals.flatMap((total, c) => (total > 0 ? [c] : []));
  const occurs = new Set(rows);
  const columns = [...rows, ...[...counts.keys()].filter((c) => !occurs.has(c))];
  const paths = new Map<string, string[]>();
  let cells = 0;
  for (const [y, row] of rows.entries()) {
    for (let x = 0; x < columns.length; x++) {
      const column = columns[x]!;
      const count = counts[row]![column]!;
      if (count === 0 || cells >= CELLS) continue;
      cells++;
      const kind = `${row === column ? 'hit' : 'miss'}${shade(count / totals[row]!)}`;
      const path = paths.get(kind) ?? [];
      path.push(`M${x} ${y}h1v1h-1z`);
      paths.set(kind, path);
    }
  }
  const title = size(plain(rows.length), plain(columns.length));
  return (
    <figure class="chart map">
      <figcaption>
        <h3>{title}</h3>
      </figcaption>
      <svg viewBox={`0 0 ${columns.length} ${rows.length}`} role="img" aria-label={title}>
        <rect class="track" width={columns.length} height={rows.length} />
        {[...paths].map(([kind, path]) => (
          <path key={kind} class={kind} d={path.join('')} />
        ))}
      </svg>
      <p class="note">
        {t('First {first}, last {last}.', {
          first: className(labels, columns[0] ?? 0),
          last: className(labels, columns.at(-1) ?? 0),
        })}
      </p>
    </figure>
  );
}

const PAIRS = 20;

interface PairsProps extends CrossingProps {
  readonly heading: string;
  /** What the shares are of. */
  readonly of: string;
}

/** Pairs of different classes, the one with the largest count first. */
function CrossingPairs({ crossing, labels, chosen, choose, heading, of }: PairsProps) {
  const t = useText();
  const { counts, totals, says } = crossing;
  const pairs = topPairs(counts, totals);
  if (pairs.length === 0) return null;
  const most = pairs.slice(0, PAIRS);
  return (
    <figure class="chart pairs">
      <figcaption>
        <h3>{heading}</h3>
        <p>{t('{shown} of {all} pairs', { shown: most.length, all: plain(pairs.length) })}</p>
      </figcaption>
      <Scroll label={heading}>
        <table>
          <thead>
            <tr>
              <th scope="col">{crossing.row}</th>
              <th scope="col">{crossing.column}</th>
              <th scope="col" class="number">
                {t('samples')}
              </th>
              <th scope="col" class="number">
                {of}
              </th>
            </tr>
          </thead>
          <tbody>
            {most.map(({ row, column, count, share }) => (
              <tr key={`${row},${column}`}>
                <td>
                  <bdi>{className(labels, row)}</bdi>
                </td>
                <td>
                  <bdi>{className(labels, column)}</bdi>
                </td>
                <td class="number">
                  {choose ? (
                    <button
                      type="button"
                      class="link"
                      aria-pressed={chosen?.row === row && chosen.column === column}
                      aria-label={`${says(className(labels, row), className(labels, column))}: ${plain(count)}`}
                      onClick={() => choose({ row, column })}
                    >
                      {plain(count)}
                    </button>
                  ) : (
                    plain(count)
                  )}
                </td>
                <td class="number">{percent(share)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </figure>
  );
}

interface CrossedProps extends PairsProps, MapProps {
  readonly how: string;
  readonly children?: ComponentChildren;
}

/** A whole section: the table, and where there are many classes the map and the pairs. */
export function Crossed({ how, size, heading, of, children, ...props }: CrossedProps) {
  const t = useText();
  const { counts, title, totals } = props.crossing;
  const classes = crossedClasses(props.crossing);
  if (classes.length === 0) return null;
  const all = counts.length <= TABLE;
  const which = t('The {shown} classes in the most frequent confusions, of {all} that occur.', {
    shown: classes.length,
    all: plain(totals.filter((total) => total > 0).length),
  });
  return (
    <Section title={title} note={all ? how : `${which} ${how}`}>
      <CrossingTable {...props} />
      {children}
      {!all && (
        <div class="charts">
          <CrossingMap {...props} size={size} />
          <CrossingPairs {...props} heading={heading} of={of} />
        </div>
      )}
    </Section>
  );
}

export interface Chosen {
  readonly target: number;
  readonly prediction: number;
}

interface ConfusionProps extends SectionProps {
  readonly chosen?: Chosen | null;
  readonly choose?: (cell: Chosen) => void;
  readonly children?: ComponentChildren;
}

/** A row for each target, a column for each prediction. */
export function Confusion({ m, labels, chosen, choose, children }: ConfusionProps) {
  const t = useText();
  if (m.variant !== 'softmax' || m.samples === 0 || !m.confusion) return null;
  const crossing: Crossing = {
    counts: m.confusion,
    totals: m.perClass.map(({ support }) => support),
    title: t('Confusion matrix'),
    row: t('target'),
    column: t('prediction'),
    says: (target, prediction) => t('{target} taken for {prediction}', { target, prediction }),
  };
  return (
    <Crossed
      crossing={crossing}
      labels={labels}
      {...(chosen && { chosen: { row: chosen.target, column: chosen.prediction } })}
      {...(choose && { choose: ({ row, column }: Cell) => choose({ target: row, prediction: column }) })}
      how={t('A row for each target, a column for each prediction; shaded by the share of the target.')}
      size={(targets, predictions) =>
        t('All {targets} targets that occur by all {predictions} predictions', { targets, predictions })
      }
      heading={t('Most frequent confusions')}
      of={t('of the target')}
    >
      {children}
    </Crossed>
  );
}

export interface Sample {
  readonly index: number;
  readonly loss: number | null;
  /** null where it is no class index. */
  readonly target: number | null;
  readonly prediction: number;
  /** The row of logits, where the file is at hand. */
  readonly logits?: readonly number[];
}

const LOGITS = 6;

/** The largest logits of a sample and that of its target, as bars. */
function Logits({ sample, labels }: { readonly sample: Sample; readonly labels: Labels }) {
  const t = useText();
  const { logits = [], target } = sample;
  const order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b);
  const shown = order.slice(0, LOGITS);
  if (target !== null && !shown.includes(target) && target < logits.length) shown.push(target);
  const finite = shown.map((c) => logits[c]!).filter(Number.isFinite);
  const least = finite.reduce((least, z) => Math.min(least, z), 0);
  const span = finite.reduce((most, z) => Math.max(most, z), 0) - least || 1;
  return (
    <table class="logits">
      <caption class="hidden">{t('Logits')}</caption>
      <tbody>
        {shown.map((c) => (
          <tr key={c} class={c === target ? 'is-target' : ''}>
            <th scope="row">
              <bdi>{className(labels, c)}</bdi>
              {c === target && <small> {t('target')}</small>}
            </th>
            <td class="number">{significant(logits[c]!, 4)}</td>
            <td class="bar">
              <Share value={(logits[c]! - least) / span} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A sample: its index, what is told of it, and what is drawn below. */
export interface Entry {
  readonly index: number;
  readonly facts: readonly (readonly [name: string, value: ComponentChildren])[];
  readonly below?: ComponentChildren;
}

interface EntriesProps {
  readonly entries: readonly Entry[];
  readonly labels: Labels;
  readonly class?: string;
}

/** Samples with their texts. A list, as texts may be long and screens narrow. */
export function Entries({ entries, labels, ...rest }: EntriesProps) {
  const t = useText();
  return (
    <ol class={`samples ${rest.class ?? ''}`}>
      {entries.map(({ index, facts, below }) => {
        const text = labels.texts?.get(index);
        return (
          <li key={index}>
            <dl>
              {[[t('index'), plain(index)] as const, ...facts].map(([name, value]) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>{value}</dd>
                </div>
              ))}
            </dl>
            {text !== undefined && (
              <p class="text">
                <bdi>{text}</bdi>
              </p>
            )}
            {below}
          </li>
        );
      })}
    </ol>
  );
}

/** Samples with what was wanted and what was said. */
export function Samples({ samples, labels }: { readonly samples: readonly Sample[]; readonly labels: Labels }) {
  const t = useText();
  const named = (c: number | null) => <bdi>{className(labels, c)}</bdi>;
  const entries = samples.map((sample): Entry => {
    const { index, loss, target, prediction, logits } = sample;
    return {
      index,
      facts: [
        [t('loss'), hardLoss(loss)],
        ...(target === null ? [] : [[t('target'), named(target)] as const]),
        [t('prediction'), named(prediction)],
      ],
      below: logits && <Logits sample={sample} labels={labels} />,
    };
  });
  return <Entries entries={entries} labels={labels} />;
}

export function Hardest({ m, labels }: SectionProps) {
  const t = useText();
  if (!m.hardest || m.hardest.length === 0) return null;
  return (
    <Section title={t('Hardest samples')} note={t('Largest focal loss first.')}>
      <Samples samples={m.hardest} labels={labels} />
    </Section>
  );
}
