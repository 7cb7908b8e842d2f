/** The parts of a report, drawn the same way in the static page and in the live one, which gives them handlers. */
import { type ComponentChildren, Fragment } from 'preact';
import type { Decisions } from '../meter/metrics/counts.ts';
import { DECISION_METRICS } from '../meter/metrics/decisions.ts';
import { ratio } from '../meter/metrics/estimate.ts';
import { intervalsOf, valuesOf } from '../meter/metrics/evaluate.ts';
import type { Bin } from '../meter/report.ts';
import { Bar, Bars, Chart, type Data, Key, Line, type Point, Scroll, Share, short } from './charts.tsx';
import {
  between,
  className,
  classOf,
  confidenceOf,
  type Estimate,
  estimates,
  fixed,
  hardLoss,
  type Labels,
  type Metrics,
  NONE,
  percent,
  plain,
  signedPercent,
  significant,
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
          {(place) => (
            <Bars
              place={place}
              bins={bins}
              title={({ lower, upper, count }) => `${lower.toFixed(2)}–${upper.toFixed(2)}: ${plain(count)}`}
            />
          )}
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
            {columns.map((column, i) => (
              <Fragment key={i}>
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
              {columns.map((column, i) => {
                const value = column.value(c);
                const drawn = column.draw ? column.draw(c) : column.share ? <Share value={value} /> : null;
                const note = column.note?.(c);
                return (
                  <Fragment key={i}>
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

export interface Sample {
  readonly index: number;
  readonly loss: number | null;
  /** null where it is no class index. */
  readonly target: number | null;
  /** null where it is not known. */
  readonly prediction: number | null;
  /** The row of logits, where the file is at hand, and of targets in its shape those that are not 0. */
  readonly logits?: readonly number[];
  readonly members?: readonly (readonly [c: number, t: number])[];
}

const LOGITS = 6;

/**
 * The samples of an evaluation, with no class for a target that is a label of none; of one logit nothing is the
 * largest.
 */
export const samplesOf = ({ perClass }: Metrics, samples: readonly Sample[]): readonly Sample[] =>
  samples.map((one) => {
    const target = classOf(one.target, perClass.length);
    return {
      ...one,
      target,
      prediction: perClass.length > 1 ? one.prediction : null,
      ...(one.target !== null && target === null && { members: [] }),
    };
  });

/** What a sample wants of the classes that it wants something of. */
const wantedOf = ({ target, members }: Sample): ReadonlyMap<number, number> =>
  new Map(members ?? (target === null ? [] : [[target, 1]]));

/** The largest logits of a sample and those of its targets, as bars. */
function Logits({ sample, labels }: { readonly sample: Sample; readonly labels: Labels }) {
  const t = useText();
  const { logits = [] } = sample;
  const wanted = wantedOf(sample);
  const order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b);
  const rest = order.slice(LOGITS).filter((c) => wanted.has(c));
  const shown = [...order.slice(0, LOGITS), ...rest.slice(0, LOGITS)];
  const finite = shown.map((c) => logits[c]!).filter(Number.isFinite);
  const least = finite.reduce((least, z) => Math.min(least, z), 0);
  const span = finite.reduce((most, z) => Math.max(most, z), 0) - least || 1;
  return (
    <table class="logits">
      <caption class="hidden">{t('Logits')}</caption>
      <tbody>
        {shown.map((c) => (
          <tr key={c} class={wanted.has(c) ? 'is-target' : ''}>
            <th scope="row">
              <bdi>{className(labels, c)}</bdi>
              {wanted.has(c) && <small> {wantedText(t, wanted.get(c)!)}</small>}
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

/** A share of a target is told where it is not the whole. */
const wantedText = (t: Translate, share: number): string =>
  share === 1 ? t('target') : `${t('target')} ${significant(share, 3)}`;

/** So many targets of a sample tell enough. */
const TARGETS = 8;

/** The targets of a sample by name; null where it is not known which they are. */
function targetsOf(sample: Sample, labels: Labels): ComponentChildren {
  const wanted = wantedOf(sample);
  if (wanted.size === 0) return sample.members ? NONE : null;
  const names = Array.from(wanted, ([c]) => className(labels, c));
  const more = names.length > TARGETS ? `, +${names.length - TARGETS}` : '';
  return <bdi>{`${names.slice(0, TARGETS).join(', ')}${more}`}</bdi>;
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
  const entries = samples.map((sample): Entry => {
    const { index, loss, prediction, logits } = sample;
    const targets = targetsOf(sample, labels);
    return {
      index,
      facts: [
        [t('loss'), hardLoss(loss)],
        ...(targets === null ? [] : [[t('target'), targets] as const]),
        ...(prediction === null
          ? []
          : [[t('prediction'), <bdi key={prediction}>{className(labels, prediction)}</bdi>] as const]),
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
      <Samples samples={samplesOf(m, m.hardest)} labels={labels} />
    </Section>
  );
}
