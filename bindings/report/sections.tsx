/** The parts of a report, drawn the same way in the static page and in the live one, which gives them handlers. */
import { type ComponentChildren, Fragment } from 'preact';
import type { Decisions } from '../meter/metrics/counts.ts';
import { DECISION_METRICS } from '../meter/metrics/decisions.ts';
import { ratio } from '../meter/metrics/estimate.ts';
import { intervalsOf, valuesOf } from '../meter/metrics/evaluate.ts';
import type { Bin } from '../meter/report.ts';
import { Bar, Chart, type Data, Key, Line, Scroll, Share, short } from './charts.tsx';
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
  occurring,
  percent,
  plain,
  signedPercent,
  significant,
  topConfusions,
  warningOf,
  weakestClasses,
} from './format.ts';
import { useText } from './language.ts';

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

/** The single numbers, each with its interval where there is one. */
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

const unit = { domain: [0, 1], ticks: 5 } as const;

/** More bins than a reader can tell apart are drawn several together. */
const BINS = 100;

function drawnBins({ bins }: Metrics): Bin[] {
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

/** How sure predictions are, and how often they are right then. */
export function Reliability({ m }: { readonly m: Metrics }) {
  const t = useText();
  if (m.samples === 0) return null;
  const softmax = m.variant === 'softmax';
  const x = { ...unit, label: softmax ? t('confidence') : t('probability') };
  const counted = softmax ? t('samples') : t('logits');
  const bins = drawnBins(m);
  const filled = bins.flatMap(({ lower, upper, count, confidence, accuracy }) =>
    confidence === null || accuracy === null ? [] : [{ lower, upper, count, confidence, accuracy }],
  );
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
    <Section
      title={t('Reliability')}
      note={
        softmax
          ? t('How often predictions of a confidence are right.')
          : t('How often classes of a probability are the target.')
      }
    >
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
              <Line
                place={place}
                points={[
                  [0, 0],
                  [1, 1],
                ]}
                class="diagonal"
              />
            </>
          )}
        </Chart>
        <Chart
          title={softmax ? t('Distribution of confidence') : t('Distribution of probability')}
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
  readonly show: (value: number | null) => string;
  /** A share of a whole, which a bar shows beside the number. */
  readonly share?: boolean;
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

interface ClassTableProps extends SectionProps {
  readonly classes: readonly number[];
  /** Draws the head of a column, which sorts in the live page. */
  readonly head?: (column: ClassColumn | null) => ComponentChildren;
  readonly sorted?: (column: ClassColumn | null) => 'ascending' | 'descending' | undefined;
  /** Draws the name of a class, which chooses it in the live page. */
  readonly name?: (c: number) => ComponentChildren;
}

export function ClassTable({ m, labels, classes, head, sorted, name }: ClassTableProps) {
  const t = useText();
  const columns = classColumns(m);
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
                {column.share && <td class="bar" />}
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
                return (
                  <Fragment key={column.name}>
                    <td class="number">{column.show(value)}</td>
                    {column.share && (
                      <td class="bar">
                        <Share value={value} />
                      </td>
                    )}
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

const WEAKEST = 20;
/** A page with more rows opens slowly. */
const ALL = 2000;

export function Classes({ m, labels }: SectionProps) {
  const t = useText();
  const all = weakestClasses(m);
  if (all.length === 0) return null;
  const first = all.slice(0, WEAKEST);
  const rest = all.slice(WEAKEST, ALL);
  const note =
    rest.length > 0
      ? t('The {shown} with the lowest F1 of {all} that occur.', { shown: first.length, all: plain(all.length) })
      : t('Lowest F1 first.');
  return (
    <Section title={t('Classes')} note={note}>
      <ClassTable m={m} labels={labels} classes={first} />
      {rest.length > 0 && (
        <details class="data">
          <summary>{t('The other {n} classes', { n: plain(rest.length) })}</summary>
          <ClassTable m={m} labels={labels} classes={rest} />
        </details>
      )}
    </Section>
  );
}

/** Largest number of classes whose matrix is a table of numbers. */
const TABLE = 20;
const SHADES = 8;
/** More would make a page of megabytes, and be too small to see. */
const CELLS = 60_000;

/** Square root, so that a few per cent of mistakes can be told from none. */
const shade = (share: number): number => Math.min(SHADES - 1, Math.floor(Math.sqrt(share) * SHADES));

export interface Chosen {
  readonly target: number;
  readonly prediction: number;
}

interface ConfusionProps extends SectionProps {
  readonly chosen?: Chosen | null;
  readonly choose?: (cell: Chosen) => void;
}

/** The classes in the most frequent confusions; all, where they are few. */
export function confusedClasses(m: Metrics): number[] {
  if (m.variant !== 'softmax' || !m.confusion) return [];
  if (m.perClass.length <= TABLE) return [...m.perClass.keys()];
  const found = new Set<number>();
  for (const { target, prediction } of topConfusions(m)) {
    const more = [target, prediction].filter((c) => !found.has(c));
    if (found.size + more.length > TABLE) break;
    for (const c of more) found.add(c);
  }
  return [...found];
}

/** A row for each target, a column for each prediction: numbers, shaded by their share of the target. */
export function ConfusionTable({ m, labels, chosen, choose }: ConfusionProps) {
  const t = useText();
  if (m.variant !== 'softmax' || !m.confusion) return null;
  const { confusion, perClass } = m;
  const classes = confusedClasses(m);
  const label = (target: number, prediction: number) =>
    t('{target} taken for {prediction}', {
      target: className(labels, target),
      prediction: className(labels, prediction),
    });
  return (
    <Scroll label={t('Confusion matrix')}>
      <table class="matrix">
        <thead>
          <tr>
            <td class="corner">
              {t('target')} ↓ {t('prediction')} →
            </td>
            {classes.map((c) => (
              <th key={c} scope="col">
                <bdi title={className(labels, c)}>{className(labels, c)}</bdi>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {classes.map((target) => (
            <tr key={target}>
              <th scope="row">
                <bdi title={className(labels, target)}>{className(labels, target)}</bdi>
              </th>
              {classes.map((prediction) => {
                const count = confusion[target]![prediction]!;
                const kind = target === prediction ? 'hit' : 'miss';
                const step = shade(count / (perClass[target]!.support || 1));
                const is = chosen?.target === target && chosen.prediction === prediction;
                return (
                  <td key={prediction} class={count > 0 ? `${kind}${step}` : 'none'}>
                    {choose && count > 0 ? (
                      <button
                        type="button"
                        aria-label={`${label(target, prediction)}: ${plain(count)}`}
                        aria-pressed={is}
                        onClick={() => choose({ target, prediction })}
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

/** The whole matrix in small: a path for each shade, so that it stays sharp at any size. */
export function ConfusionMap({ m, labels }: SectionProps) {
  const t = useText();
  if (m.variant !== 'softmax' || !m.confusion) return null;
  const { confusion, perClass } = m;
  const classes = occurring(m);
  const occurs = new Set(classes);
  const columns = [...classes, ...[...perClass.keys()].filter((c) => !occurs.has(c))];
  const paths = new Map<string, string[]>();
  let cells = 0;
  for (const [row, target] of classes.entries()) {
    const counts = confusion[target]!;
    for (let column = 0; column < columns.length; column++) {
      const prediction = columns[column]!;
      const count = counts[prediction]!;
      if (count === 0 || cells >= CELLS) continue;
      cells++;
      const kind = `${target === prediction ? 'hit' : 'miss'}${shade(count / perClass[target]!.support)}`;
      const path = paths.get(kind) ?? [];
      path.push(`M${column} ${row}h1v1h-1z`);
      paths.set(kind, path);
    }
  }
  const title = t('All {targets} targets that occur by all {predictions} predictions', {
    targets: plain(classes.length),
    predictions: plain(columns.length),
  });
  return (
    <figure class="chart map">
      <figcaption>
        <h3>{title}</h3>
      </figcaption>
      <svg viewBox={`0 0 ${columns.length} ${classes.length}`} role="img" aria-label={title}>
        <rect class="track" width={columns.length} height={classes.length} />
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

/** Pairs of classes, the one most often taken for the other first. */
export function ConfusionPairs({ m, labels, chosen, choose }: ConfusionProps) {
  const t = useText();
  const pairs = m.variant === 'softmax' ? topConfusions(m) : [];
  if (pairs.length === 0) return null;
  const most = pairs.slice(0, PAIRS);
  return (
    <figure class="chart pairs">
      <figcaption>
        <h3>{t('Most frequent confusions')}</h3>
        <p>{t('{shown} of {all} pairs', { shown: most.length, all: plain(pairs.length) })}</p>
      </figcaption>
      <Scroll label={t('Most frequent confusions')}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t('target')}</th>
              <th scope="col">{t('prediction')}</th>
              <th scope="col" class="number">
                {t('samples')}
              </th>
              <th scope="col" class="number">
                {t('of the target')}
              </th>
            </tr>
          </thead>
          <tbody>
            {most.map(({ target, prediction, count, share }) => (
              <tr key={`${target},${prediction}`}>
                <td>
                  <bdi>{className(labels, target)}</bdi>
                </td>
                <td>
                  <bdi>{className(labels, prediction)}</bdi>
                </td>
                <td class="number">
                  {choose ? (
                    <button
                      type="button"
                      class="link"
                      aria-pressed={chosen?.target === target && chosen.prediction === prediction}
                      aria-label={`${t('{target} taken for {prediction}', {
                        target: className(labels, target),
                        prediction: className(labels, prediction),
                      })}: ${plain(count)}`}
                      onClick={() => choose({ target, prediction })}
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

export function Confusion(props: ConfusionProps & { readonly children?: ComponentChildren }) {
  const { m } = props;
  const t = useText();
  const classes = confusedClasses(m);
  if (m.variant !== 'softmax' || m.samples === 0 || classes.length === 0) return null;
  const all = m.perClass.length <= TABLE;
  const how = t('A row for each target, a column for each prediction; shaded by the share of the target.');
  const which = t('The {shown} classes in the most frequent confusions, of {all} that occur.', {
    shown: classes.length,
    all: plain(occurring(m).length),
  });
  return (
    <Section title={t('Confusion matrix')} note={all ? how : `${which} ${how}`}>
      <ConfusionTable {...props} />
      {props.children}
      {!all && (
        <div class="charts">
          <ConfusionMap {...props} />
          <ConfusionPairs {...props} />
        </div>
      )}
    </Section>
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

/** Samples with what was wanted and what was said. A list, as texts may be long and screens narrow. */
export function Samples({ samples, labels }: { readonly samples: readonly Sample[]; readonly labels: Labels }) {
  const t = useText();
  return (
    <ol class="samples">
      {samples.map((sample) => {
        const text = labels.texts?.get(sample.index);
        return (
          <li key={sample.index}>
            <dl>
              <div>
                <dt>{t('index')}</dt>
                <dd>{plain(sample.index)}</dd>
              </div>
              <div>
                <dt>{t('loss')}</dt>
                <dd>{hardLoss(sample.loss)}</dd>
              </div>
              {sample.target !== null && (
                <div>
                  <dt>{t('target')}</dt>
                  <dd>
                    <bdi>{className(labels, sample.target)}</bdi>
                  </dd>
                </div>
              )}
              <div>
                <dt>{t('prediction')}</dt>
                <dd>
                  <bdi>{className(labels, sample.prediction)}</bdi>
                </dd>
              </div>
            </dl>
            {text !== undefined && (
              <p class="text">
                <bdi>{text}</bdi>
              </p>
            )}
            {sample.logits && <Logits sample={sample} labels={labels} />}
          </li>
        );
      })}
    </ol>
  );
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
