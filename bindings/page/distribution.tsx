/** How the losses are distributed. */
import { useMemo } from 'preact/hooks';
import { Bars, Chart, short } from '../report/charts.tsx';
import { type Metrics, plain, significant } from '../report/format.ts';
import { useText } from '../report/language.ts';
import { Section } from '../report/sections.tsx';
import { lossBins } from './losses.ts';

/** Ticks of an axis of powers of ten: the small and the large ones by their exponent. */
const power = (value: number): string => {
  const exponent = Math.round(Math.log10(value));
  if (exponent > -3 && exponent < 4) return String(Number(value.toPrecision(3)));
  return `10${[...String(exponent)].map((digit) => (digit === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)])).join('')}`;
};

export function Losses({ counts, variant }: { counts: readonly number[]; variant: Metrics['variant'] }) {
  const t = useText();
  const bins = useMemo(() => lossBins(counts), [counts]);
  if (bins.length === 0) return null;
  const counted = variant === 'softmax' ? t('samples') : t('logits');
  const most = bins.reduce((largest, { count }) => Math.max(largest, count), 1);
  return (
    <Section
      title={t('Distribution of the loss')}
      note={t('An octave a bar; what is less than the first counts there.')}
    >
      <div class="charts">
        <Chart
          title={t('Focal loss of each')}
          x={{ label: t('loss'), domain: [bins[0]!.lower, bins.at(-1)!.upper], log: true, format: power }}
          y={{ label: counted, domain: [0, most], ticks: 4, format: short }}
          data={{
            head: [t('loss'), counted],
            rows: bins.map(({ lower, upper, count }) => [
              `${significant(lower, 3)}–${significant(upper, 3)}`,
              plain(count),
            ]),
          }}
        >
          {(place) => <Bars place={place} bins={bins} title={({ count }) => plain(count)} />}
        </Chart>
      </div>
    </Section>
  );
}
