/** The groups of samples, those that are worst for certain first. */
import type { ComponentChildren } from 'preact';
import type { AnyLoss } from '../meter/meter.ts';
import type { SlicedReport } from '../meter/slices.ts';
import type { Interval } from '../statistics/index.ts';
import { at, Scroll } from './charts.tsx';
import { between, groupValue, type Metrics, NONE, percent, plain } from './format.ts';
import { useText } from './language.ts';
import { Section } from './sections.tsx';

const FIRST = 20;
/** A page with more rows opens slowly. */
const ALL = 2000;

/** What is shown of the report of a SlicedMeter. */
export type GroupsReport = Omit<SlicedReport<AnyLoss>, 'groups'>;

interface GroupsProps {
  readonly groups: GroupsReport;
  /** All groups together. */
  readonly m: Metrics;
  readonly children?: ComponentChildren;
}

/** What a metric of groups is called. */
const NAMES: Readonly<Record<string, string>> = {
  loss: 'focal loss, mean',
  crossEntropy: 'cross-entropy',
  brier: 'Brier score',
};
export const metricName = (metric: string): string => NAMES[metric] ?? metric;

/** The value of a metric of all samples: of a mean over the classes, as `macro.f1`, and of the loss its mean. */
function wholeOf(m: Metrics, metric: string): number | null {
  const [name, part] = metric.split('.') as [string, string?];
  const value = (m as unknown as Record<string, unknown>)[name];
  if (typeof value === 'number') return value;
  return (value as Record<string, number | null> | null | undefined)?.[part ?? 'mean'] ?? null;
}

export function Groups({ groups, m, children }: GroupsProps) {
  const t = useText();
  const { worst, metric, confidence } = groups;
  const whole = wholeOf(m, metric);
  const highest = highestOf(groups, whole);
  if (worst.length === 0) return null;
  const show = groupValue(metric);
  const table = (rows: typeof worst) => (
    <Scroll label={t('Groups')}>
      <table class="classes groups">
        <thead>
          <tr>
            <th scope="col">{t('group')}</th>
            {[t('samples'), t(metricName(metric)), t('interval')].map((name) => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
            <td class="span" />
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, samples, value, interval }) => (
            <tr key={name}>
              <th scope="row">
                <bdi>{name === '' ? NONE : name}</bdi>
              </th>
              <td class="number">{plain(samples)}</td>
              <td class="number">{show(value)}</td>
              <td class="number">{between(interval, show) ?? NONE}</td>
              <td class="span">
                <Span value={value} interval={interval} whole={whole} highest={highest} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
  const rest = worst.slice(FIRST, ALL);
  return (
    <Section
      title={t('Groups')}
      note={
        worst.some(({ interval }) => interval)
          ? t('Worst for certain first; all intervals hold together with {confidence}. The line is all samples.', {
              confidence: percent(confidence),
            })
          : t('Worst first; there are no intervals. The line is all samples.')
      }
    >
      {children}
      {table(worst.slice(0, FIRST))}
      {rest.length > 0 && (
        <details class="data">
          <summary>{t('The other {n} groups', { n: plain(rest.length) })}</summary>
          {table(rest)}
        </details>
      )}
    </Section>
  );
}

/** The end of the scale of all groups: of shares 1. */
function highestOf({ metric, worst }: GroupsReport, whole: number | null): number {
  if (groupValue(metric) === percent) return 1;
  const ends = worst.map(({ value, interval }) => interval?.[1] ?? value ?? 0);
  return ends.reduce((most, end) => Math.max(most, end), whole ?? 0) || 1;
}

interface SpanProps {
  readonly value: number | null;
  readonly interval: Interval | null;
  readonly whole: number | null;
  readonly highest: number;
}

/** An interval on a scale from 0 on, with the value in it and a line where all samples are. */
function Span({ value, interval, whole, highest }: SpanProps) {
  if (value === null) return null;
  const x = (value: number) => at(2 + 196 * Math.min(1, Math.max(0, value / highest)));
  const [lower, upper] = interval ?? [value, value];
  return (
    <svg class="difference" viewBox="0 0 200 14" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" x="2" y="5" width="196" height="4" />
      {whole !== null && <path class="zero" d={`M${x(whole)} 0V14`} />}
      <rect class="accent" x={x(lower)} y="5" width={at(Math.max(1, x(upper) - x(lower)))} height="4" />
      <rect class="accent" x={at(x(value) - 1.5)} y="1" width="3" height="12" />
    </svg>
  );
}
