/** The parts of a comparison's report: drawn alike in the static page and in the live one. */

import type { ComparisonReport, Delta, QualityReport } from '../compare/fields.ts';
import type { Judgement, LimitResult } from '../compare/judge.ts';
import { byHarm } from '../compare/markdown.ts';
import { points, probability, significant as short4 } from '../compare/text.ts';
import type { Bin } from '../meter/report.ts';
import type { Interval } from '../statistics/index.ts';
import { at, Chart, type Data, Key, Line, type Place, type Point, Scroll, short } from './charts.tsx';
import { Crossed, type Crossing } from './crossing.tsx';
import {
  between,
  className,
  classOf,
  confidenceOf,
  type Estimate,
  hardLoss,
  type Labels,
  NONE,
  percent,
  plain,
  significant,
} from './format.ts';
import { type Translate, useText } from './language.ts';
import {
  type ClassColumn,
  ColumnTable,
  DIAGONAL,
  drawnBins,
  Entries,
  type Entry,
  Figures,
  filledBins,
  Ranked,
  reliabilityTexts,
  Section,
  unit,
} from './sections.tsx';

export interface ComparisonProps {
  readonly r: ComparisonReport;
  readonly labels: Labels;
}

/** All of it, from the verdict to the samples hurt most. */
export function Comparison({
  r,
  labels,
  judgement = null,
}: ComparisonProps & { readonly judgement?: Judgement | null }) {
  return (
    <>
      {judgement && <Verdict judgement={judgement} />}
      <Headline r={r} />
      {r.quality && (
        <>
          <Numbers quality={r.quality} confidence={r.confidence} />
          <Reliability quality={r.quality} />
          <Changes quality={r.quality} labels={labels} />
        </>
      )}
      <Flips r={r} labels={labels} />
      {!r.quality && <Agreement r={r} labels={labels} />}
      {r.quality && <Risen quality={r.quality} labels={labels} />}
    </>
  );
}

const MARKS = { passed: '✓', broken: '✗', undecided: '?' } as const;

/** What the limits say. */
export function Verdict({ judgement: { verdict, results } }: { readonly judgement: Judgement }) {
  const t = useText();
  if (results.length === 0) return null;
  const words = { passed: t('Passed'), broken: t('Broken'), undecided: t('Undecided') };
  const count = (one: LimitResult['verdict']) => results.filter((result) => result.verdict === one).length;
  const how =
    verdict === 'passed'
      ? t('all limits hold')
      : t('{n} of {all} limits', { n: plain(count(verdict)), all: plain(results.length) });
  return (
    <section class={`card verdict ${verdict}`}>
      <h2>
        <i aria-hidden="true">{MARKS[verdict]}</i> {words[verdict]}: {how}
      </h2>
      <ul>
        {results.map(({ name, verdict, line }) => (
          <li key={name} class={verdict}>
            <i role="img" aria-label={words[verdict]}>
              {MARKS[verdict]}
            </i>
            <span>{line}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

const range = ([lower, upper]: Interval, write: (x: number) => string, t: Translate): string =>
  t('{lower} to {upper}', { lower: write(lower), upper: write(upper) });

/** How far the two agree, and how many samples went the one way and the other. */
function Headline({ r: { fidelity, quality, variant } }: { readonly r: ComparisonReport }) {
  const t = useText();
  const { agreement, agreementInterval, kl, difference, nonFinite } = fidelity;
  const sample = (index: number | null) => (index === null ? null : t('in sample {index}', { index: plain(index) }));
  const figures: Estimate[] = [
    [
      variant === 'softmax' ? 'predictions agree' : 'decisions agree',
      percent(agreement),
      between(agreementInterval, percent),
    ],
  ];
  if (quality && quality.lost !== null && quality.won !== null) {
    figures.push(
      ['right → wrong', plain(quality.lost), null],
      ['wrong → right', plain(quality.won), null],
      ['McNemar p', quality.p === null ? NONE : probability(quality.p), t('exact, mid-p')],
    );
  }
  figures.push(
    ['|Δp|, largest', significant(difference.largest, 4), sample(difference.at)],
    ['|Δp|, mean', significant(difference.mean, 4), null],
    kl.infinite > 0
      ? ['KL, largest', '∞', t('in {n} samples', { n: plain(kl.infinite) })]
      : ['KL, largest', significant(kl.largest, 4), sample(kl.at)],
    ['KL, mean', significant(kl.mean, 4), null],
  );
  const [a, b, c] = [nonFinite.baseline, nonFinite.candidate, nonFinite.both].map(plain) as [string, string, string];
  const broken = nonFinite.baseline + nonFinite.candidate + nonFinite.both;
  if (broken > 0) {
    figures.push(['not finite', plain(broken), t('baseline {a}, candidate {b}, both {c}', { a, b, c })]);
  }
  return <Figures of={figures} />;
}

/** Deltas that are no shares, and those of which more is worse. */
const NUMBERS = ['loss', 'crossEntropy', 'brier'];
const HARMS = [...NUMBERS, 'ece'];
const SPELT: Readonly<Record<string, string>> = {
  loss: 'focal loss',
  crossEntropy: 'cross-entropy',
  brier: 'Brier score',
  ece: 'ECE',
  balancedAccuracy: 'balanced accuracy',
  macroRecall: 'macro recall',
  macroF1: 'macro F1',
  microF1: 'micro F1',
  auroc: 'AUROC',
  averagePrecision: 'average precision',
};

/** With its sign, and a minus that is as wide as a plus. */
const signed = (x: number, text: string): string =>
  x < 0 ? `−${text.replace(/^[-−]/, '')}` : x > 0 ? `+${text}` : text;
const signedPoints = (x: number): string => signed(x, points(x));
/** The same in less room, under a number that has the unit. */
const unitless = (x: number): string => signedPoints(x).replace(' pp', '');
const signedNumber = (x: number): string => signed(x, short4(Number(x.toPrecision(3))));

/** Where a difference lies, with its interval, on a scale that has 0 in its middle. */
function Difference({
  delta: { delta, interval },
  most,
  harm = -1,
}: {
  readonly delta: Delta;
  /** The end of the scale. */
  readonly most: number;
  /** The sign of what is worse. */
  readonly harm?: 1 | -1;
}) {
  if (delta === null) return null;
  const x = (value: number) => at(100 + 96 * Math.min(1, Math.max(-1, most > 0 ? value / most : 0)));
  const [lower, upper] = interval ?? [delta, delta];
  const sure = interval !== null && (lower > 0 || upper < 0);
  const kind = !sure ? 'unsure' : delta * harm > 0 ? 'over' : 'accent';
  return (
    <svg class="difference" viewBox="0 0 200 14" preserveAspectRatio="none" aria-hidden="true">
      <path class="zero" d="M100 0V14" />
      {interval && <rect class={kind} x={x(lower)} y="5" width={at(Math.max(1, x(upper) - x(lower)))} height="4" />}
      <rect class={kind} x={x(delta) - 3} y="1" width="6" height="12" />
    </svg>
  );
}

/** The end of a scale that all of them fit on. */
const reach = (deltas: readonly Delta[]): number =>
  deltas.reduce(
    (most, { delta, interval }) =>
      [delta ?? 0, ...(interval ?? [])].reduce((largest, x) => Math.max(largest, Math.abs(x)), most),
    0,
  );

/** The metrics of both sides, and by how much they differ. */
function Numbers({ quality, confidence }: { readonly quality: QualityReport; readonly confidence: number }) {
  const t = useText();
  const tops = quality.topK.map((one) => [`top-${one.k} accuracy`, one] as const);
  const rows = [...Object.entries(quality.deltas).map(([name, one]) => [name, one] as const), ...tops].filter(
    ([, { baseline, candidate }]) => baseline !== null || candidate !== null,
  );
  // shares have one scale; each of the others has its own
  const shares = reach(rows.filter(([name]) => !NUMBERS.includes(name)).map(([, one]) => one));
  return (
    <Section
      title={t('Quality')}
      note={t(
        'The candidate against the baseline, sample by sample; under each difference its {confidence} interval.',
        {
          confidence: confidenceOf({ confidence }),
        },
      )}
    >
      <Scroll label={t('Quality')}>
        <table class="classes">
          <thead>
            <tr>
              <th scope="col">{t('metric')}</th>
              <th scope="col" class="number">
                {t('baseline')}
              </th>
              <th scope="col" class="number">
                {t('candidate')}
              </th>
              <th scope="col" class="number">
                Δ
              </th>
              <td class="bar" />
            </tr>
          </thead>
          <tbody>
            {rows.map(([name, one]) => {
              const number = NUMBERS.includes(name);
              const [value, difference] = number
                ? [(x: number | null) => significant(x, 5), signedNumber]
                : [(x: number | null) => (x === null ? NONE : `${(100 * x).toFixed(2)} %`), signedPoints];
              return (
                <tr key={name}>
                  <th scope="row">{t(SPELT[name] ?? name)}</th>
                  <td class="number">{value(one.baseline)}</td>
                  <td class="number">{value(one.candidate)}</td>
                  <td class="number">
                    {one.delta === null ? NONE : difference(one.delta)}
                    {one.interval && <small>{range(one.interval, number ? signedNumber : unitless, t)}</small>}
                  </td>
                  <td class="bar">
                    <Difference
                      delta={one}
                      most={number ? reach([one]) : shares}
                      harm={HARMS.includes(name) ? 1 : -1}
                    />
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scroll>
    </Section>
  );
}

/** Two lines over the same axes, in the colours of the two sides. */
function Two({ place, lines, steps = false }: { place: Place; lines: readonly (readonly Point[])[]; steps?: boolean }) {
  return (
    <>
      {lines.map((points, i) => (
        <g key={i} class={i === 0 ? 'first' : 'second'}>
          <Line place={place} points={points} steps={steps} class={`line ${i === 0 ? '' : 'second'}`} />
          {!steps &&
            points.map(([x, y]) => (
              <circle key={x} cx={at(place.x(x))} cy={at(place.y(y))} r="2.6" class={i === 0 ? 'accent' : 'over'} />
            ))}
        </g>
      ))}
    </>
  );
}

/** Which colour is which side. */
function Sides({ diagonal = false }: { readonly diagonal?: boolean }) {
  const t = useText();
  return (
    <>
      <Key kind="accent">{t('baseline')}</Key> <Key kind="over">{t('candidate')}</Key>{' '}
      {diagonal && <Key kind="diagonal">{t('calibrated')}</Key>}
    </>
  );
}

/** Both reliability diagrams laid over each other. */
export function Reliability({ quality: { baseline, candidate } }: { readonly quality: QualityReport }) {
  const t = useText();
  const { counted, note, distribution, ...texts } = reliabilityTexts(baseline, t);
  const x = { ...unit, label: texts.x };
  const sides = [drawnBins(baseline), drawnBins(candidate)] as const;
  const most = sides.flat().reduce((largest, { count }) => Math.max(largest, count), 1);
  const outline = (bins: readonly Bin[]): Point[] => [
    [0, bins[0]?.count ?? 0],
    ...bins.map(({ upper, count }): Point => [upper, count]),
  ];
  const names = [t('baseline'), t('candidate')];
  const data: Data = {
    head: [x.label, ...names.flatMap((name) => [counted, t('mean'), t('accuracy')].map((what) => `${name}: ${what}`))],
    rows: sides[0].map(({ lower, upper }, i) => [
      `${lower.toFixed(2)}–${upper.toFixed(2)}`,
      ...sides.flatMap((bins) => {
        const { count, confidence, accuracy } = bins[i]!;
        return [plain(count), percent(confidence), percent(accuracy)];
      }),
    ]),
  };
  return (
    <Section title={t('Reliability')} note={note}>
      <div class="charts">
        <Chart
          title={t('Reliability diagram')}
          note={<Sides diagonal />}
          x={x}
          y={{ ...unit, label: t('accuracy') }}
          data={data}
        >
          {(place) => (
            <>
              <Line place={place} points={DIAGONAL} class="diagonal" />
              <Two
                place={place}
                lines={sides.map((bins) =>
                  filledBins(bins).map(({ confidence, accuracy }): Point => [confidence, accuracy]),
                )}
              />
            </>
          )}
        </Chart>
        <Chart
          title={distribution}
          note={<Sides />}
          x={x}
          y={{ domain: [0, most], ticks: 4, format: short, label: counted }}
          data={{
            head: [x.label, ...names],
            rows: sides[0].map(({ lower, upper, count }, i) => [
              `${lower.toFixed(2)}–${upper.toFixed(2)}`,
              plain(count),
              plain(sides[1][i]!.count),
            ]),
          }}
        >
          {(place) => <Two place={place} lines={sides.map(outline)} steps />}
        </Chart>
      </div>
    </Section>
  );
}

/** The classes whose numbers changed, the one hurt most beyond doubt first. */
function Changes({ quality, labels }: { readonly quality: QualityReport; readonly labels: Labels }) {
  const t = useText();
  const { perClass } = quality;
  const changed = [...perClass.keys()]
    .filter((c) => {
      const { lost, won, precision } = perClass[c]!;
      return lost + won > 0 || (precision.delta ?? 0) !== 0;
    })
    .sort((a, b) => byHarm(perClass[a]!, perClass[b]!));
  const most = { recall: reach(perClass.map((c) => c.recall)), precision: reach(perClass.map((c) => c.precision)) };
  const p = (value: number | null) => (value === null ? NONE : probability(value));
  const pair = (of: 'recall' | 'precision'): ClassColumn[] => [
    {
      name: of,
      value: (c) => perClass[c]![of].candidate,
      note: (c) => t('of {n}', { n: plain(perClass[c]![of].n) }),
      // the unit once: the table is wide
      show: (_, c) =>
        `${percent(perClass[c]![of].baseline).replace(' %', '')} → ${percent(perClass[c]![of].candidate)}`,
    },
    {
      name: `Δ ${of}`,
      value: (c) => perClass[c]![of].delta,
      show: (value) => (value === null ? NONE : signedPoints(value)),
      note: (c) => {
        const { interval } = perClass[c]![of];
        return interval && range(interval, unitless, t);
      },
      draw: (c) => <Difference delta={perClass[c]![of]} most={most[of]} />,
    },
  ];
  const columns: ClassColumn[] = [
    ...pair('recall'),
    { name: 'lost', value: (c) => perClass[c]!.recall.lost, show: (value) => plain(value ?? 0) },
    { name: 'won', value: (c) => perClass[c]!.recall.won, show: (value) => plain(value ?? 0) },
    { name: 'p (Holm)', value: (c) => perClass[c]!.recall.adjusted, show: p },
    ...pair('precision'),
    { name: 'p (Holm)', value: (c) => perClass[c]!.precision.adjusted, show: p },
  ];
  return (
    <Ranked
      title={t('Changes by class')}
      all={changed}
      note={(shown, all) =>
        shown === null
          ? t('{all} classes changed, the one surest to be hurt first.', { all })
          : t('The {shown} surest to be hurt, of {all} that changed.', { shown, all })
      }
      table={(classes) => <ColumnTable labels={labels} columns={columns} classes={classes} />}
    />
  );
}

type ClassCounts = ComparisonReport['fidelity']['perClass'];
type CountName = 'baseline' | 'candidate' | 'left' | 'joined';

/** A column with one of the counts of each class. */
const countOf =
  (perClass: ClassCounts) =>
  (name: CountName): ClassColumn => ({
    name,
    value: (c) => perClass[c]![name],
    show: (value) => plain(value ?? 0),
  });

/** The note of a ranking, and how many of it are shown. */
const firstOf =
  (t: Translate, how: string) =>
  (shown: string | null, all: string): string =>
    shown === null ? how : `${t('The first {shown} of {all}.', { shown, all })} ${how}`;

/** Which prediction became which; one-vs-rest, how many samples left and joined each class. */
function Flips({ r, labels }: ComparisonProps) {
  const t = useText();
  const { flips, perClass } = r.fidelity;
  if (r.variant === 'sigmoid') {
    const moved = (c: number) => perClass[c]!.left + perClass[c]!.joined;
    const count = countOf(perClass);
    return (
      <Ranked
        title={t('Flips')}
        all={[...perClass.keys()].filter((c) => moved(c) > 0).sort((a, b) => moved(b) - moved(a) || a - b)}
        note={firstOf(t, t('Decisions for the class of either side, and samples that left and joined it.'))}
        table={(classes) => (
          <ColumnTable
            labels={labels}
            classes={classes}
            columns={[count('baseline'), count('candidate'), count('left'), count('joined')]}
          />
        )}
      />
    );
  }
  if (!flips || r.fidelity.samples === 0) return null;
  const crossing: Crossing = {
    counts: flips,
    totals: perClass.map(({ baseline }) => baseline),
    title: t('Flips'),
    row: t('baseline'),
    column: t('candidate'),
    says: (row, column) => t('{row} became {column}', { row, column }),
  };
  return (
    <Crossed
      crossing={crossing}
      labels={labels}
      how={t(
        'A row for each prediction of the baseline, a column for each of the candidate; shaded by the share of the row.',
      )}
      size={(rows, columns) =>
        t('All {rows} predictions of the baseline by all {columns} of the candidate', { rows, columns })
      }
      heading={t('Most frequent flips')}
      of={t('of the row')}
    />
  );
}

/** How far the predictions of each class agree, the lowest first. */
function Agreement({ r: { fidelity }, labels }: ComparisonProps) {
  const t = useText();
  const { perClass } = fidelity;
  const agreement = (c: number) => perClass[c]!.agreement ?? 1;
  const count = countOf(perClass);
  return (
    <Ranked
      title={t('Classes')}
      all={[...perClass.keys()]
        .filter((c) => perClass[c]!.baseline + perClass[c]!.candidate > 0)
        .sort((a, b) => agreement(a) - agreement(b) || a - b)}
      note={firstOf(t, t('Lowest agreement first.'))}
      table={(classes) => (
        <ColumnTable
          labels={labels}
          classes={classes}
          columns={[
            count('baseline'),
            count('candidate'),
            { name: 'agreement', value: (c) => perClass[c]!.agreement, show: percent, share: true },
          ]}
        />
      )}
    />
  );
}

/** The samples whose loss rose most, with what both sides said. */
function Risen({
  quality: { hardest = [], perClass },
  labels,
}: {
  readonly quality: QualityReport;
  readonly labels: Labels;
}) {
  const t = useText();
  if (hardest.length === 0) return null;
  const named = (c: number | null) => <bdi>{className(labels, c)}</bdi>;
  const said = ({ prediction, loss }: { prediction: number; loss: number | null }) => (
    <>
      {perClass.length > 1 && named(prediction)}
      <small>{t('loss {loss}', { loss: hardLoss(loss) })}</small>
    </>
  );
  const entries = hardest.map(
    ({ index, target, rise, baseline, candidate }): Entry => ({
      index,
      facts: [
        [t('rise'), hardLoss(rise)],
        ...(target === null ? [] : [[t('target'), named(classOf(target, perClass.length))] as const]),
        [t('baseline'), said(baseline)],
        [t('candidate'), said(candidate)],
      ],
    }),
  );
  return (
    <Section title={t('Samples hurt most')} note={t('Largest rise of the loss first.')}>
      <Entries entries={entries} labels={labels} class="compared" />
    </Section>
  );
}
