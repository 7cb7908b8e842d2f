/** Charts as SVG: scales and shapes by d3, one frame for all, and the numbers of each in a table behind it. */
import { type ScaleLinear, type ScaleLogarithmic, scaleLinear, scaleLog } from 'd3-scale';
import { curveLinear, curveStepBefore, line as lineOf } from 'd3-shape';
import type { ComponentChildren } from 'preact';
import { useText } from './language.ts';

/** One viewBox for all charts: text stays legible when a phone shrinks it and a desk widens it. */
const WIDTH = 360;
const HEIGHT = 250;
const EDGE = { top: 12, right: 12, bottom: 38, left: 46 };

type Scale = ScaleLinear<number, number> | ScaleLogarithmic<number, number>;
export type Point = readonly [x: number, y: number];

export interface Axis {
  readonly label: string;
  readonly domain: readonly [number, number];
  readonly log?: boolean;
  readonly format?: (value: number) => string;
  readonly ticks?: number;
}

export interface Place {
  readonly x: Scale;
  readonly y: Scale;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** A table of numbers: what a chart shows, for those who would rather read it. */
export interface Data {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });
export const short = (value: number): string => compact.format(value);
const decimal = (value: number): string => String(Number(value.toPrecision(6)));

/**
 * Round coordinates to a tenth of a unit: nobody sees more, and the page is half as large.
 */
export const at = (value: number): number => Math.round(value * 10) / 10;

/** Powers of ten alone, where there are enough of them: labels of a logarithmic axis must not collide. */
function ticksOf(scale: Scale, axis: Axis): number[] {
  const count = axis.ticks ?? 5;
  if (!axis.log) return scale.ticks(count);
  const all = scale.ticks(count);
  const powers = all.filter((value) => Math.abs(Math.log10(value) % 1) < 1e-9);
  const most = powers.length >= 2 ? powers : all;
  const step = Math.ceil(most.length / 6);
  return most.filter((_, i) => i % step === 0);
}

interface FrameProps {
  readonly title: string;
  readonly note?: ComponentChildren;
  readonly x: Axis;
  readonly y: Axis;
  readonly data?: Data;
  readonly children: (place: Place) => ComponentChildren;
}

/** Title, axes, and the data behind. */
export function Chart({ title, note, x, y, data, children }: FrameProps) {
  const scale = ({ log, domain }: Axis, range: [number, number]): Scale =>
    (log ? scaleLog() : scaleLinear()).domain(domain).range(range);
  const place: Place = {
    x: scale(x, [EDGE.left, WIDTH - EDGE.right]),
    y: scale(y, [HEIGHT - EDGE.bottom, EDGE.top]),
    left: EDGE.left,
    right: WIDTH - EDGE.right,
    top: EDGE.top,
    bottom: HEIGHT - EDGE.bottom,
  };
  const { left, right, top, bottom } = place;
  return (
    <figure class="chart">
      <figcaption>
        <h3>{title}</h3>
        {note && <p>{note}</p>}
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={title}>
        <g class="grid">
          {ticksOf(place.y, y).map((value) => (
            <path key={value} d={`M${left} ${at(place.y(value))}H${right}`} />
          ))}
        </g>
        {children(place)}
        <path class="axis" d={`M${left} ${bottom}H${right}`} />
        <g class="ticks" text-anchor="middle">
          {ticksOf(place.x, x).map((value) => (
            <text key={value} x={at(place.x(value))} y={bottom + 14}>
              {(x.format ?? decimal)(value)}
            </text>
          ))}
          <text class="label" x={(left + right) / 2} y={HEIGHT - 6}>
            {x.label}
          </text>
        </g>
        <g class="ticks" text-anchor="end">
          {ticksOf(place.y, y).map((value) => (
            <text key={value} x={left - 6} y={at(place.y(value)) + 3.5}>
              {(y.format ?? decimal)(value)}
            </text>
          ))}
          <text class="label" text-anchor="middle" transform={`translate(10 ${(top + bottom) / 2})rotate(-90)`}>
            {y.label}
          </text>
        </g>
      </svg>
      {data && <DataTable title={title} data={data} />}
    </figure>
  );
}

/** The numbers behind a chart, folded away. */
export function DataTable({ title, data }: { readonly title: string; readonly data: Data }) {
  const t = useText();
  return (
    <details class="data">
      <summary>
        {t('Data')}
        <span class="hidden">: {title}</span>
      </summary>
      <Scroll label={title}>
        <table>
          <thead>
            <tr>
              {data.head.map((head) => (
                <th key={head} scope="col">
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {data.rows.map((row, i) => (
              <tr key={i}>
                {row.map((cell, c) => (
                  <td key={c}>{cell}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </details>
  );
}

/**
 * What may be wider than a phone scrolls by itself, and by the keyboard. A group: landmarks it would make are too many.
 */
export function Scroll({ label, children }: { readonly label: string; readonly children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by the keyboard
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for what is filled in
    <div class="scroll" role="group" tabIndex={0} aria-label={label}>
      {children}
    </div>
  );
}

interface LineProps {
  readonly place: Place;
  readonly points: readonly Point[];
  /** Steps that stand at the height of the point that ends them. */
  readonly steps?: boolean;
  readonly class?: string;
  readonly title?: string;
}

/** A line through points, of which those are left out that nobody can tell from the one before. */
export function Line({ place, points, steps = false, title, ...rest }: LineProps) {
  const path = lineOf<Point>(
    ([x]) => at(x),
    ([, y]) => at(y),
  ).curve(steps ? curveStepBefore : curveLinear);
  const drawn = points.map(([x, y]): Point => [place.x(x), place.y(y)]);
  const d = path(thinned(drawn) as Point[]) ?? '';
  return (
    <path {...rest} fill="none" d={d}>
      {title && <title>{title}</title>}
    </path>
  );
}

/** In units of the drawing. */
const APART = 0.7;

function thinned(points: readonly Point[]): Point[] {
  let last: Point = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return points.filter((point, i) => {
    const far = Math.abs(point[0] - last[0]) >= APART || Math.abs(point[1] - last[1]) >= APART;
    if (far) last = point;
    return far || i === points.length - 1;
  });
}

/** A point that is marked on a line. */
export function Dot({ place, x, y, title }: { place: Place; x: number; y: number; title: string }) {
  return (
    <circle class="dot" cx={at(place.x(x))} cy={at(place.y(y))} r="4.5">
      <title>{title}</title>
    </circle>
  );
}

interface BarProps {
  readonly place: Place;
  readonly x1: number;
  readonly x2: number;
  readonly y1: number;
  readonly y2: number;
  readonly class: string;
  readonly title?: string;
}

/** A bar between two values of x and two of y, with a gap to its neighbours. */
export function Bar({ place, x1, x2, y1, y2, title, ...rest }: BarProps) {
  const [from, to] = [place.x(x1), place.x(x2)];
  const [high, low] = [place.y(Math.max(y1, y2)), place.y(Math.min(y1, y2))];
  const gap = to - from > 4 ? 1 : 0;
  const size = { x: at(from + gap / 2), y: at(high), width: at(to - from - gap), height: at(low - high) };
  return (
    <rect {...rest} {...size}>
      {title && <title>{title}</title>}
    </rect>
  );
}

/** A bar for the count of each bin. */
export function Bars<B extends { readonly lower: number; readonly upper: number; readonly count: number }>({
  place,
  bins,
  title,
}: {
  place: Place;
  bins: readonly B[];
  title: (bin: B) => string;
}) {
  return (
    <>
      {bins.map((bin) => {
        const { lower, upper, count } = bin;
        return (
          <Bar key={lower} place={place} x1={lower} x2={upper} y1={0} y2={count} class="accent" title={title(bin)} />
        );
      })}
    </>
  );
}

/** What a colour stands for: it and its words stay on one line. */
export function Key({ kind, children }: { readonly kind: string; readonly children: ComponentChildren }) {
  return (
    <span class="key">
      <i class={`swatch ${kind}`} /> {children}
    </span>
  );
}

/** A share of a whole as a small bar, beside its number and never under it. */
export function Share({ value }: { readonly value: number | null }) {
  return (
    <svg class="share" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" width="100" height="10" />
      <rect class="accent" width={at(100 * Math.min(1, Math.max(0, value || 0)))} height="10" />
    </svg>
  );
}
