/** The groups of samples, those that are worst for certain first. */
import type { AnyLoss } from '../meter/meter.ts';
import type { SlicedReport } from '../meter/slices.ts';
import { Scroll } from './charts.tsx';
import { between, groupValue, NONE, percent, plain } from './format.ts';
import { useText } from './language.ts';
import { Section } from './sections.tsx';

const FIRST = 20;
/** A page with more rows opens slowly. */
const ALL = 2000;

export function Groups({ groups }: { readonly groups: SlicedReport<AnyLoss> }) {
  const t = useText();
  const { worst, metric, confidence } = groups;
  if (worst.length === 0) return null;
  const show = groupValue(metric);
  const table = (rows: typeof worst) => (
    <Scroll label={t('Groups')}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t('group')}</th>
            {[t('samples'), t(metric), t('interval')].map((name) => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
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
      note={t('Worst for certain first; all intervals hold together with {confidence}.', {
        confidence: percent(confidence),
      })}
    >
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
