/** All classes: sorted, filtered, copied. */
import { useMemo, useState } from 'preact/hooks';
import { className, type Labels, type Metrics, plain, weakestClasses } from '../report/format.ts';
import { useText } from '../report/language.ts';
import { type ClassColumn, ClassTable, classColumns, Section } from '../report/sections.tsx';
import { copy } from './output.tsx';

const PAGE = 50;

interface Order {
  readonly column: string;
  readonly descending: boolean;
}

/** All classes: sorted by any column, filtered by name, copied as CSV. */
export function AllClasses({ m, labels }: { m: Metrics; labels: Labels }) {
  const t = useText();
  const [order, setOrder] = useState<Order>({ column: 'F1', descending: false });
  const [filter, setFilter] = useState('');
  const [shown, setShown] = useState(PAGE);
  const [copied, setCopied] = useState(false);
  const columns = classColumns(m);
  const column = columns.find(({ name }) => name === order.column);
  const found = useMemo(() => {
    const wanted = filter.toLowerCase();
    const all = weakestClasses(m).filter((c) => className(labels, c).toLowerCase().includes(wanted));
    const sign = order.descending ? -1 : 1;
    const by = (c: number) => column?.value(c) ?? Number.NEGATIVE_INFINITY;
    return column
      ? all.sort((a, b) => sign * (by(a) - by(b)) || a - b)
      : all.sort((a, b) => sign * className(labels, a).localeCompare(className(labels, b)) || a - b);
  }, [m, labels.names, filter, order.column, order.descending]);
  const name = (one: ClassColumn | null) => one?.name ?? 'class';
  const head = (one: ClassColumn | null) => (
    <button
      type="button"
      class="head"
      onClick={() => setOrder({ column: name(one), descending: order.column === name(one) && !order.descending })}
    >
      {t(name(one))}
      <span aria-hidden="true">{order.column === name(one) ? (order.descending ? ' ▼' : ' ▲') : ''}</span>
    </button>
  );
  const csv = () => {
    const cell = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const rows = found.map((c) => [className(labels, c), ...columns.map(({ value }) => String(value(c) ?? ''))]);
    return [['class', ...columns.map(name)], ...rows].map((row) => row.map(cell).join(',')).join('\n');
  };
  return (
    <Section title={t('Classes')} note={t('{n} that occur', { n: plain(found.length) })}>
      <div class="tools">
        <label>
          {t('Filter')}
          <input type="search" value={filter} onInput={({ currentTarget }) => setFilter(currentTarget.value)} />
        </label>
        <button
          type="button"
          onClick={async () => {
            await copy(csv());
            setCopied(true);
          }}
        >
          {copied ? t('Copied') : t('Copy as CSV')}
        </button>
      </div>
      <ClassTable
        m={m}
        labels={labels}
        classes={found.slice(0, shown)}
        head={head}
        sorted={(one) => (order.column === name(one) ? (order.descending ? 'descending' : 'ascending') : undefined)}
      />
      {found.length > shown && (
        <button type="button" onClick={() => setShown(shown * 4)}>
          {t('More of the {n}', { n: plain(found.length) })}
        </button>
      )}
    </Section>
  );
}
