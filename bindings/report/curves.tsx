/** ROC and precision-recall curves, with the threshold marked on both. */
import type { OperatingPoint } from '../meter/operating.ts';
import { Chart, type Data, Dot, Key, Line, type Point } from './charts.tsx';
import { className, fixed, type Labels, type Metrics, occurring, percent, plain, significant } from './format.ts';
import { useText } from './language.ts';
import { Section } from './sections.tsx';
import type { CurveOf, Thresholds } from './thresholds.ts';

const unit = { domain: [0, 1], ticks: 5 } as const;

/** A curve beside the others, faint. */
interface Other {
  readonly name: string;
  readonly points: readonly OperatingPoint[];
}

interface CurveChartsProps {
  readonly points: readonly OperatingPoint[];
  /** The point of the threshold. */
  readonly mark: OperatingPoint | null;
  readonly others?: readonly Other[];
}

/** The first point has decided for none: its precision is that of the next one. */
function precisionRecall(points: readonly OperatingPoint[]): Point[] {
  const from = points.findIndex(({ precision }) => precision !== null);
  if (from < 0) return [];
  const rest = points.slice(from).map(({ recall, precision }): Point => [recall ?? 0, precision ?? 0]);
  return [[0, rest[0]![1]], ...rest];
}

const roc = (points: readonly OperatingPoint[]): Point[] =>
  points.map(({ falsePositiveRate, recall }): Point => [falsePositiveRate ?? 0, recall ?? 0]);

/** Rows of the table behind the curves. */
const ROWS = 25;

function dataOf(points: readonly OperatingPoint[], head: readonly string[]): Data {
  const step = Math.max(1, (points.length - 1) / (ROWS - 1));
  const rows = Array.from({ length: Math.min(ROWS, points.length) }, (_, i) => points[Math.round(i * step)]!);
  return {
    head,
    rows: rows.map((point) => [
      thresholdText(point.logit),
      percent(point.falsePositiveRate),
      percent(point.recall),
      percent(point.precision),
      plain(point.tp),
      plain(point.fp),
    ]),
  };
}

/** A threshold as a probability, and as the logit that tells thresholds apart where probabilities no longer do. */
export function thresholdText(logit: number): string {
  const probability = 1 / (1 + Math.exp(-logit));
  if (!Number.isFinite(logit)) return logit > 0 ? '1' : '0';
  return `${significant(probability, 3)} (${logit < 0 ? '−' : ''}${Math.abs(logit).toFixed(2)})`;
}

export function CurveCharts({ points, mark, others = [] }: CurveChartsProps) {
  const t = useText();
  const last = points.at(-1);
  if (!last) return null;
  const { tp, fp } = last;
  const prevalence = tp + fp > 0 ? tp / (tp + fp) : null;
  const head = [
    t('threshold (logit)'),
    t('false positive rate'),
    t('recall'),
    t('precision'),
    t('hits'),
    t('false hits'),
  ];
  const title = mark ? `${t('threshold')} ${thresholdText(mark.logit)}` : '';
  return (
    <div class="charts">
      <Chart
        title={t('ROC curve')}
        note={
          <>
            <Key kind="accent">{t('hits against false hits')}</Key> <Key kind="diagonal">{t('guessing')}</Key>
          </>
        }
        x={{ ...unit, label: t('false positive rate') }}
        y={{ ...unit, label: t('recall') }}
        data={dataOf(points, head)}
      >
        {(place) => (
          <>
            <Line
              place={place}
              points={[
                [0, 0],
                [1, 1],
              ]}
              class="diagonal"
            />
            {others.map(({ name, points }) => (
              <Line key={name} place={place} points={roc(points)} class="line faint" title={name} />
            ))}
            <Line place={place} points={roc(points)} class="line" />
            {mark && <Dot place={place} x={mark.falsePositiveRate ?? 0} y={mark.recall ?? 0} title={title} />}
          </>
        )}
      </Chart>
      <Chart
        title={t('Precision-recall curve')}
        note={
          <>
            <Key kind="accent">{t('right among the hits')}</Key>{' '}
            {prevalence !== null && <Key kind="diagonal">{t('guessing')}</Key>}
          </>
        }
        x={{ ...unit, label: t('recall') }}
        y={{ ...unit, label: t('precision') }}
        data={dataOf(points, head)}
      >
        {(place) => (
          <>
            {prevalence !== null && (
              <Line
                place={place}
                points={[
                  [0, prevalence],
                  [1, prevalence],
                ]}
                class="diagonal"
              />
            )}
            {others.map(({ name, points }) => (
              <Line key={name} place={place} points={precisionRecall(points)} steps class="line faint" title={name} />
            ))}
            <Line place={place} points={precisionRecall(points)} steps class="line" />
            {mark?.precision != null && <Dot place={place} x={mark.recall ?? 0} y={mark.precision} title={title} />}
          </>
        )}
      </Chart>
    </div>
  );
}

/** Of the classes with the lowest average precision so many curves are drawn beside the one of all. */
const OTHERS = 10;

export function othersOf(thresholds: Thresholds, m: Metrics, labels: Labels): Other[] {
  const area = (c: number) => m.perClass[c]?.averagePrecision ?? 1;
  const lowest = occurring(m).sort((a, b) => area(a) - area(b) || a - b);
  return lowest.slice(0, OTHERS).map((c) => ({
    name: `${className(labels, c)}: AUROC ${fixed(m.perClass[c]?.auroc ?? null)}`,
    points: thresholds.curve(c),
  }));
}

/** The point of a curve that a threshold gives: the lowest one that is not below it. */
export const pointAt = (points: readonly OperatingPoint[], logit: number): OperatingPoint | null =>
  points.findLast((point) => point.logit >= logit) ?? points[0] ?? null;

/** What a curve is of. */
export function useCurveName(m: Metrics, labels: Labels): (c: CurveOf) => string {
  const t = useText();
  return (c) => {
    if (c !== null) return className(labels, c);
    return t('all {n} classes, each decision by itself', { n: plain(m.perClass.length) });
  };
}

interface CurvesProps {
  readonly thresholds: Thresholds | null;
  readonly m: Metrics;
  readonly labels: Labels;
}

/** The curves of an evaluation. */
export function Curves({ thresholds, m, labels }: CurvesProps) {
  const t = useText();
  const name = useCurveName(m, labels);
  if (!thresholds) return null;
  const { main, own, decides } = thresholds;
  const points = thresholds.curve(main);
  const others = main === null ? othersOf(thresholds, m, labels) : [];
  return (
    <Section
      title={t('Thresholds')}
      note={
        <>
          {t('Decisions for {what}, by every threshold.', { what: name(main) })}{' '}
          {others.length > 0 && t('Faint: the {n} classes with the lowest average precision.', { n: others.length })}
        </>
      }
    >
      <CurveCharts points={points} mark={decides && own !== null ? pointAt(points, own) : null} others={others} />
    </Section>
  );
}
