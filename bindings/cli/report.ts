/** The page of `--report`: bundled apart into dist/report.js. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom/worker';
import width from 'string-width';
import {
  className,
  type Fact,
  figures,
  hardLoss,
  type Labels,
  type Metrics,
  NONE,
  occurring,
  plain,
  reliabilityNote,
  topConfusions,
  weakestClasses,
} from './format.ts';
import style from './report.css';
import { clip } from './terminal.ts';

const CLASSES_SHOWN = 20;
const CONFUSED_SHOWN = 18;
const NAME_LENGTH = 26;

const { document } = parseHTML('<!doctype html><html lang="en"><head></head><body></body></html>');

type Child = Node | string;

/** An element; text becomes text nodes, so names and texts need no escaping. */
function el(tag: string, attributes: Record<string, string>, ...children: Child[]): Element {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...(children as Node[]));
  return element;
}

/** Names on an axis: short, and no two alike, or they would share a place. */
function nameIn(labels: Labels): (c: number) => string {
  return (c) => {
    const name = className(labels, c);
    const short = clip(name, NAME_LENGTH);
    const alike = labels.names?.some((other, i) => i !== c && clip(other, NAME_LENGTH) === short);
    return alike ? `${short} (${c})` : short;
  };
}

const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 }).format;

const draw = (label: string, options: Plot.PlotOptions): Element => {
  const svg = Plot.plot({ document, style: { fontSize: '12px' }, ...options } as Plot.PlotOptions);
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', label);
  return svg as unknown as Element;
};

/** One self-contained page: nothing is fetched, everything is drawn here as SVG. */
export function renderReport(facts: readonly Fact[], m: Metrics, labels: Labels): string {
  const sections = [
    reliabilitySection(m),
    classesSection(m, labels),
    confusionSection(m, labels),
    hardestSection(m, labels),
  ];
  const pairs = (rows: readonly Fact[]) =>
    rows.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value)));
  const html = el(
    'html',
    { lang: 'en' },
    el(
      'head',
      {},
      el('meta', { charset: 'utf-8' }),
      el('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
      el('title', {}, 'focal-simd report'),
      el('style', {}, style),
    ),
    el(
      'body',
      {},
      el(
        'main',
        {},
        el('header', {}, el('h1', {}, 'focal-simd report'), el('dl', { class: 'facts' }, ...pairs(facts))),
        el('dl', { class: 'figures' }, ...pairs(figures(m))),
        ...sections.filter((one) => one !== null),
      ),
    ),
  );
  return `<!doctype html>\n${html.outerHTML}\n`;
}

function section(title: string, note: string, children: Child[]): Element {
  return el('section', {}, el('h2', {}, title), el('p', { class: 'note' }, note), ...children);
}

/** Bars reach the accuracy of a bin; the red from there to its mean confidence is the gap that ECE adds up. */
function reliabilitySection(m: Metrics): Element | null {
  if (m.samples === 0) return null;
  const filled = m.bins.filter(({ count }) => count > 0);
  const common: Plot.PlotOptions = { width: 480, height: 400, marginBottom: 42 };
  const x: Plot.ScaleOptions = {
    domain: [0, 1],
    label: m.variant === 'softmax' ? 'confidence' : 'probability',
    labelAnchor: 'center',
    labelArrow: 'none',
    ticks: 6,
  };
  const y: Plot.ScaleOptions = { labelAnchor: 'center', labelArrow: 'none', ticks: 6, grid: true };
  const diagram = draw('Reliability diagram', {
    ...common,
    marginLeft: 48,
    x,
    y: { ...y, domain: [0, 1], label: 'accuracy' },
    marks: [
      Plot.rectY(filled, { x1: 'lower', x2: 'upper', y: 'accuracy', fill: 'var(--accent)', inset: 1 }),
      Plot.rectY(filled, {
        x1: 'lower',
        x2: 'upper',
        y1: 'accuracy',
        y2: 'confidence',
        fill: 'var(--warn)',
        fillOpacity: 0.4,
        insetLeft: 1,
        insetRight: 1,
      }),
      Plot.line([0, 1], {
        x: (d) => d,
        y: (d) => d,
        stroke: 'currentColor',
        strokeDasharray: '4 4',
        strokeOpacity: 0.7,
      }),
      Plot.ruleY([0]),
    ],
  });
  const counts = draw('Histogram of the confidence', {
    ...common,
    marginLeft: 66,
    x,
    y: { ...y, label: m.variant === 'softmax' ? 'samples' : 'logits', tickFormat: compact },
    marks: [
      Plot.rectY(m.bins, { x1: 'lower', x2: 'upper', y: 'count', fill: 'var(--accent)', inset: 1 }),
      Plot.ruleY([0]),
    ],
  });
  const note = `Blue: ${reliabilityNote(m)}; on the diagonal the two agree. Red: the gap to the mean of the bin.`;
  return section('Reliability', note, [diagram, counts]);
}

function classesSection(m: Metrics, labels: Labels): Element | null {
  const all = weakestClasses(m);
  const shown = all.slice(0, CLASSES_SHOWN);
  if (shown.length === 0) return null;
  const name = nameIn(labels);
  const measures = ['recall', 'precision', 'F1', ...(m.variant === 'sigmoid' ? ['AUROC'] : [])];
  const cells = shown.flatMap((c) => {
    const { recall, precision, f1 } = m.perClass[c]!;
    const values = [recall, precision, f1, ...(m.variant === 'sigmoid' ? [m.perClass[c]!.auroc] : [])];
    return values.map((value, i) => ({ name: name(c), measure: measures[i]!, value }));
  });
  const common = {
    height: 56 + 22 * shown.length,
    marginTop: 34,
    marginBottom: 10,
    y: { domain: shown.map(name), label: null, tickSize: 0 },
  };
  const bars = draw('Recall, precision and F1 of classes', {
    ...common,
    width: 660,
    marginLeft: 200,
    marginRight: 8,
    fx: { domain: measures, label: null, axis: 'top', padding: 0 },
    // room for the number to the right of each bar
    x: { domain: [0, 1.42], axis: null },
    marks: [
      Plot.barX(cells, { fx: 'measure', y: 'name', x1: 0, x2: 1, fill: 'currentColor', fillOpacity: 0.07, inset: 2 }),
      Plot.barX(cells, { fx: 'measure', y: 'name', x: (d) => d.value ?? 0, fill: 'var(--accent)', inset: 2 }),
      Plot.text(cells, {
        fx: 'measure',
        y: 'name',
        x: 1.37,
        text: (d) => (d.value === null ? NONE : `${(d.value * 100).toFixed(0)} %`),
        textAnchor: 'end',
        fontVariant: 'tabular-nums',
      }),
    ],
  });
  const supports = shown.map((c) => ({ name: name(c), support: m.perClass[c]!.support }));
  const support = draw('Support of classes', {
    ...common,
    width: 250,
    marginLeft: 8,
    marginRight: 44,
    x: { axis: null },
    y: { ...common.y, axis: null },
    marks: [
      Plot.barX(supports, { y: 'name', x: 'support', fill: 'currentColor', fillOpacity: 0.35, inset: 2 }),
      Plot.text(supports, { y: 'name', x: 'support', text: (d) => plain(d.support), textAnchor: 'start', dx: 5 }),
      Plot.text(['support'], { frameAnchor: 'top', dy: -20, text: (d) => d }),
    ],
  });
  const which =
    all.length > shown.length
      ? `The ${shown.length} with the lowest F1 of ${plain(all.length)} that occur.`
      : 'Lowest F1 first.';
  return section('Classes', which, [el('div', { class: 'wide' }, bars, support)]);
}

/** All classes where they are few, else those in the most frequent confusions. */
function confusionSection(m: Metrics, labels: Labels): Element | null {
  if (m.variant !== 'softmax' || !m.confusion || m.samples === 0) return null;
  const { confusion, perClass } = m;
  const all = perClass.length <= CONFUSED_SHOWN;
  const chosen = new Set(all ? perClass.keys() : []);
  for (const { target, prediction } of all ? [] : topConfusions(m)) {
    const more = [target, prediction].filter((c) => !chosen.has(c));
    if (chosen.size + more.length > CONFUSED_SHOWN) break;
    for (const c of more) chosen.add(c);
  }
  if (chosen.size === 0) return null;
  const name = nameIn(labels);
  const domain = Array.from(chosen, name);
  const cells = Array.from(chosen).flatMap((target) =>
    Array.from(chosen, (prediction) => {
      const count = confusion[target]![prediction]!;
      const share = count / (perClass[target]!.support || 1);
      return { target: name(target), prediction: name(prediction), count, share };
    }),
  );
  const filled = cells.filter(({ count }) => count > 0);
  const size = Math.min(46, 760 / domain.length);
  // a name is written flat on the left, and at an angle above; 7 pixels a letter, 14 where they are wide, are ample
  const longest = 7 * domain.reduce((most, name) => Math.max(most, width(name)), 0);
  const left = 16 + longest;
  const top = 24 + 0.75 * longest;
  const matrix = draw('Confusion matrix', {
    width: left + size * domain.length + 90,
    height: top + size * 0.72 * domain.length + 6,
    marginLeft: left,
    marginTop: top,
    marginBottom: 6,
    marginRight: 90,
    x: { domain, axis: 'top', label: null, tickRotate: -50, tickSize: 0 },
    y: { domain, label: null, tickSize: 0 },
    opacity: { type: 'sqrt', domain: [0, 1], range: [0, 1] },
    marks: [
      Plot.cell(cells, { x: 'prediction', y: 'target', fill: 'currentColor', fillOpacity: 0.05, inset: 0.5 }),
      Plot.cell(filled, { x: 'prediction', y: 'target', fill: 'var(--accent)', fillOpacity: 'share', inset: 0.5 }),
      Plot.text(filled, {
        x: 'prediction',
        y: 'target',
        text: (d) => plain(d.count),
        fontSize: 11,
        fill: (d) => (d.share > 0.5 ? 'white' : 'var(--ink)'),
      }),
    ],
  });
  const note = all
    ? 'A row for each target, a column for each prediction; shaded by the share of the target.'
    : `The ${chosen.size} classes in the most frequent confusions, of ${plain(occurring(m).length)} that occur: a row for each target, a column for each prediction; shaded by the share of the target.`;
  return section('Confusion matrix', note, [el('div', { class: 'wide' }, matrix)]);
}

function hardestSection(m: Metrics, labels: Labels): Element | null {
  if (!m.hardest || m.hardest.length === 0) return null;
  const rows = m.hardest.map(({ index, loss, target, prediction }) => {
    const text = labels.texts?.get(index);
    const cells = [
      el('td', { class: 'number' }, plain(index)),
      el('td', { class: 'number' }, hardLoss(loss)),
      el('td', { class: 'name' }, className(labels, target)),
      el('td', { class: 'name' }, className(labels, prediction)),
    ];
    if (text !== undefined) cells.push(el('td', { class: 'text' }, el('bdi', {}, text)));
    return el('tr', {}, ...cells);
  });
  const heads: [string, string][] = [
    ['index', 'number'],
    ['loss', 'number'],
    ['target', ''],
    ['prediction', ''],
    ...(labels.texts ? [['text', ''] as [string, string]] : []),
  ];
  return section('Hardest samples', 'Largest focal loss first.', [
    el(
      'table',
      {},
      el('thead', {}, el('tr', {}, ...heads.map(([head, kind]) => el('th', { class: kind }, head)))),
      el('tbody', {}, ...rows),
    ),
  ]);
}
