/**
 * Counts of classes by classes: as a table, as a map of the whole, as the largest pairs; cells are chosen in the live
 * page.
 */
import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { Scroll } from './charts.tsx';
import { className, type Labels, type Pair, percent, plain, topPairs } from './format.ts';
import { useText } from './language.ts';
import { Section, type SectionProps } from './sections.tsx';

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

/** Which way an arrow key goes. */
const ARROWS: Readonly<Record<string, readonly [right: number, down: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Numbers, shaded by their share of the row. One stop of the Tab key, and arrow keys from cell to cell. */
function CrossingTable({ crossing, labels, chosen, choose }: CrossingProps) {
  const { counts, totals, title, says, ...names } = crossing;
  const classes = crossedClasses(crossing);
  const [focused, focus] = useState<Cell | null>(null);
  const count = ({ row, column }: Cell): number => counts[row]?.[column] ?? 0;
  const is = (cell: Cell | null | undefined, row: number, column: number) =>
    cell?.row === row && cell.column === column;
  const inTable = (cell: Cell | null | undefined) =>
    cell && classes.includes(cell.row) && classes.includes(cell.column) && count(cell) > 0 ? cell : null;
  const first = () => {
    for (const row of classes) for (const column of classes) if (count({ row, column }) > 0) return { row, column };
    return null;
  };
  const stop = choose ? (inTable(focused) ?? inTable(chosen) ?? first()) : null;
  const onKeyDown = (event: KeyboardEvent) => {
    const arrow = ARROWS[event.key];
    if (!arrow || !stop) return;
    event.preventDefault();
    const [right, down] = arrow;
    let [x, y] = [classes.indexOf(stop.column), classes.indexOf(stop.row)];
    do [x, y] = [x + right, y + down];
    while (x in classes && y in classes && count({ row: classes[y]!, column: classes[x]! }) === 0);
    const table = (event.currentTarget as HTMLElement).querySelectorAll('tbody tr');
    if (x in classes && y in classes) table[y]?.querySelectorAll('td')[x]?.querySelector('button')?.focus();
  };
  return (
    <Scroll label={title}>
      <table class="matrix" {...(choose && { onKeyDown })}>
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
                const n = count({ row, column });
                const kind = row === column ? 'hit' : 'miss';
                const step = shade(n / (totals[row] || 1));
                return (
                  <td key={column} class={n > 0 ? `${kind}${step}` : 'none'}>
                    {choose && n > 0 ? (
                      <button
                        type="button"
                        tabIndex={is(stop, row, column) ? 0 : -1}
                        aria-label={`${says(className(labels, row), className(labels, column))}: ${plain(n)}`}
                        aria-pressed={is(chosen, row, column)}
                        onFocus={() => focus({ row, column })}
                        onClick={() => choose({ row, column })}
                      >
                        {plain(n)}
                      </button>
                    ) : (
                      n > 0 && plain(n)
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

interface MapProps extends CrossingProps {
  /** Says how many rows and columns there are. */
  readonly size: (rows: string, columns: string) => string;
}

/** The whole table in small: where its rows and columns are, and what is drawn. */
interface Drawn {
  readonly rows: readonly number[];
  readonly columns: readonly number[];
  /** A path for each shade, so that it stays sharp at any size. */
  readonly paths: ReadonlyMap<string, string>;
  /** Shares below this are left out; 0 where all are drawn. */
  readonly least: number;
}

function drawn({ counts, totals }: Crossing): Drawn {
  const rows = totals.flatMap((total, c) => (total > 0 ? [c] : []));
  const occurs = new Set(rows);
  const columns = [...rows, ...[...counts.keys()].filter((c) => !occurs.has(c))];
  const shades = Array.from({ length: SHADES }, () => ({ hit: [] as string[], miss: [] as string[] }));
  for (const [y, row] of rows.entries()) {
    for (const [x, column] of columns.entries()) {
      const count = counts[row]![column]!;
      if (count === 0) continue;
      shades[shade(count / totals[row]!)]![row === column ? 'hit' : 'miss'].push(`M${x} ${y}h1v1h-1z`);
    }
  }
  const paths = new Map<string, string>();
  let cells = 0;
  // the darkest first, and no shade in part
  for (let step = SHADES - 1; step >= 0; step--) {
    const { hit, miss } = shades[step]!;
    cells += hit.length + miss.length;
    if (cells > CELLS) return { rows, columns, paths, least: ((step + 1) / SHADES) ** 2 };
    if (hit.length > 0) paths.set(`hit${step}`, hit.join(''));
    if (miss.length > 0) paths.set(`miss${step}`, miss.join(''));
  }
  return { rows, columns, paths, least: 0 };
}

/** How far a pointer may be from a cell, in pixels: cells of a thousand classes are smaller than one. */
const NEAR = 6;

/** The cell that has counts and is nearest to a place of the map, not further than `reach` cells. */
function nearest(crossing: Crossing, { rows, columns }: Drawn, x: number, y: number, reach: number): Cell | null {
  let found: Cell | null = null;
  let least = Number.POSITIVE_INFINITY;
  const [fromX, fromY] = [Math.floor(x - reach), Math.floor(y - reach)];
  for (let row = Math.max(0, fromY); row <= Math.min(rows.length - 1, y + reach); row++) {
    for (let column = Math.max(0, fromX); column <= Math.min(columns.length - 1, x + reach); column++) {
      const cell = { row: rows[row]!, column: columns[column]! };
      const far = Math.hypot(column + 0.5 - x, row + 0.5 - y);
      if (far >= least || crossing.counts[cell.row]![cell.column] === 0) continue;
      [least, found] = [far, cell];
    }
  }
  return found;
}

/** The whole table in small. In the live page a pointer or the arrow keys choose its cells. */
function CrossingMap({ crossing, labels, size, chosen, choose }: MapProps) {
  const t = useText();
  const map = useMemo(() => drawn(crossing), [crossing.counts, crossing.totals]);
  const [pointed, point] = useState<Cell | null>(null);
  const { rows, columns, paths, least } = map;
  const { counts, totals, says } = crossing;
  const title = size(plain(rows.length), plain(columns.length));
  const cursor = pointed ?? chosen ?? null;

  const under = (event: MouseEvent): Cell | null => {
    const svg = event.currentTarget as SVGSVGElement;
    const to = svg.getScreenCTM();
    if (!to) return null;
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(to.inverse());
    return nearest(crossing, map, x, y, Math.max(0.5, NEAR / to.a));
  };
  /** One cell on, or with Shift to the next that has counts and is not on the diagonal. */
  const move = ([right, down]: readonly [number, number], far: boolean, from: Cell): Cell => {
    let [x, y] = [columns.indexOf(from.column), rows.indexOf(from.row)];
    for (;;) {
      [x, y] = [x + right, y + down];
      if (!(x in columns && y in rows)) return from;
      const cell = { row: rows[y]!, column: columns[x]! };
      if (!far || (cell.row !== cell.column && counts[cell.row]![cell.column]! > 0)) return cell;
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const [pair] = topPairs(counts, totals);
    const from = cursor ?? pair ?? { row: rows[0]!, column: columns[0]! };
    const arrow = ARROWS[event.key];
    if (arrow) point(cursor ? move(arrow, event.shiftKey, from) : { row: from.row, column: from.column });
    else if (event.key === 'Enter' && cursor) choose?.(cursor);
    else return;
    event.preventDefault();
  };
  const told = (cell: Cell) => {
    const count = counts[cell.row]![cell.column]!;
    const what = says(className(labels, cell.row), className(labels, cell.column));
    return `${what}: ${plain(count)} (${percent(count / totals[cell.row]!)})`;
  };
  const drawing = (
    <svg
      viewBox={`0 0 ${columns.length} ${rows.length}`}
      role="img"
      aria-label={title}
      {...(choose
        ? {
            onPointerMove: (event: PointerEvent) => point(under(event)),
            onPointerLeave: () => point(null),
            onClick: (event: MouseEvent) => {
              const cell = under(event);
              if (cell) choose(cell);
            },
          }
        : {})}
    >
      <rect class="track" width={columns.length} height={rows.length} />
      {[...paths].map(([kind, path]) => (
        <path key={kind} class={kind} d={path} />
      ))}
      {cursor && <Cross x={columns.indexOf(cursor.column)} y={rows.indexOf(cursor.row)} map={map} />}
    </svg>
  );
  return (
    <figure class="chart map">
      <figcaption>
        <h3>{title}</h3>
      </figcaption>
      {choose ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a widget of its own, which the arrow keys move in
        <div class="live-map" role="application" tabIndex={0} aria-label={title} onKeyDown={onKeyDown}>
          {drawing}
        </div>
      ) : (
        drawing
      )}
      <div>
        {choose && (
          <p class="note pointed" role="status">
            {cursor
              ? told(cursor)
              : t('Point at a cell, or go there by the arrow keys (Shift: to the next confusion).')}
          </p>
        )}
        <p class="note">
          {t('First {first}, last {last}.', {
            first: className(labels, columns[0] ?? 0),
            last: className(labels, columns.at(-1) ?? 0),
          })}{' '}
          {least > 0 && t('Shares below {share} are not drawn.', { share: percent(least) })}
        </p>
      </div>
    </figure>
  );
}

/** Where a cell is: its row and its column as lines, itself framed. */
function Cross({ x, y, map: { rows, columns } }: { readonly x: number; readonly y: number; readonly map: Drawn }) {
  if (x < 0 || y < 0) return null;
  return (
    <g class="cross">
      <path d={`M${x + 0.5} 0V${y}M${x + 0.5} ${y + 1}V${rows.length}`} />
      <path d={`M0 ${y + 0.5}H${x}M${x + 1} ${y + 0.5}H${columns.length}`} />
      <rect x={x} y={y} width="1" height="1" />
    </g>
  );
}

const PAIRS = 20;

interface PairsProps extends Omit<CrossingProps, 'crossing'> {
  /** The one with the largest count first. */
  readonly pairs: readonly Pair[];
  readonly crossing: Pick<Crossing, 'row' | 'column' | 'says'>;
  /** How many of them are shown. Default 20. */
  readonly most?: number;
  readonly heading: string;
  /** What the shares are of. */
  readonly of: string;
}

/** Pairs of different classes, the one with the largest count first. */
export function CrossingPairs({ pairs, crossing, labels, chosen, choose, heading, of, most = PAIRS }: PairsProps) {
  const t = useText();
  const { says } = crossing;
  if (pairs.length === 0) return null;
  const shown = pairs.slice(0, most);
  return (
    <figure class="chart pairs">
      <figcaption>
        <h3>{heading}</h3>
        <p>{t('{shown} of {all} pairs', { shown: shown.length, all: plain(pairs.length) })}</p>
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
            {shown.map(({ row, column, count, share }) => (
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

interface CrossedProps extends MapProps {
  readonly heading: string;
  /** What the shares are of. */
  readonly of: string;
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
  const which = t('The {shown} classes with the largest counts beside the diagonal, of {all} that occur.', {
    shown: classes.length,
    all: plain(totals.filter((total) => total > 0).length),
  });
  return (
    <Section title={title} note={all ? how : `${which} ${how}`}>
      <CrossingTable {...props} />
      {!all && (
        <div class="charts">
          <CrossingMap {...props} size={size} />
          <CrossingPairs {...props} pairs={topPairs(counts, totals)} heading={heading} of={of} />
        </div>
      )}
      {children}
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
  /** The most frequent confusions, where no matrix was counted. */
  readonly pairs?: readonly Pair[];
  readonly children?: ComponentChildren;
}

/** A row for each target, a column for each prediction. */
export function Confusion({ m, labels, chosen, choose, pairs = [], children }: ConfusionProps) {
  const t = useText();
  const totals = useMemo(() => m.perClass.map(({ support }) => support), [m]);
  if (m.variant !== 'softmax' || m.samples === 0) return null;
  const says = {
    row: t('target'),
    column: t('prediction'),
    says: (target: string, prediction: string) => t('{target} taken for {prediction}', { target, prediction }),
  };
  const choice = {
    labels,
    ...(chosen && { chosen: { row: chosen.target, column: chosen.prediction } }),
    ...(choose && { choose: ({ row, column }: Cell) => choose({ target: row, prediction: column }) }),
    of: t('of the target'),
  };
  if (!m.confusion) {
    if (pairs.length === 0) return null;
    return (
      <Section title={t('Most frequent confusions')}>
        <CrossingPairs {...choice} crossing={says} pairs={pairs} most={pairs.length} heading={t('Pairs')} />
        {children}
      </Section>
    );
  }
  return (
    <Crossed
      crossing={{ counts: m.confusion, totals, title: t('Confusion matrix'), ...says }}
      {...choice}
      how={t('A row for each target, a column for each prediction; shaded by the share of the target.')}
      size={(targets, predictions) =>
        t('All {targets} targets that occur by all {predictions} predictions', { targets, predictions })
      }
      heading={t('Most frequent confusions')}
    >
      {children}
    </Crossed>
  );
}
