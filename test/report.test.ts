import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseHTML } from 'linkedom';
import { describe, expect, test, vi } from 'vitest';
import { SigmoidFocalLoss, SoftmaxFocalLoss } from '../bindings/entries/index.ts';
import { FocalMeter } from '../bindings/entries/meter.ts';
import { CHINESE } from '../bindings/report/chinese.ts';
import { figures } from '../bindings/report/format.ts';
import type { ReportOptions } from '../bindings/report/types.ts';

// a page of a thousand classes takes its time to be parsed
vi.setConfig({ testTimeout: 30_000 });

const root = fileURLToPath(new URL('..', import.meta.url));
const { renderReport } = await import(`${root}dist/report.js`);

const CLASSES = 4;
const SAMPLES = 60;
const logits = Float32Array.from({ length: SAMPLES * CLASSES }, (_, i) => Math.fround(4 * Math.sin(i * i + 1)));
const targets = Array.from({ length: SAMPLES }, (_, i) => (i * 7 + (i >> 2)) % CLASSES);
const meters = {
  softmax: new FocalMeter(new SoftmaxFocalLoss(), { classes: CLASSES, confusion: true, hardest: 5 }),
  sigmoid: new FocalMeter(new SigmoidFocalLoss(), { classes: CLASSES, hardest: 5 }),
};
for (const meter of Object.values(meters)) meter.update(logits, targets);
const state = meters.softmax.toJSON();

const read = (options: ReportOptions = {}, of: unknown = state) => {
  const html: string = renderReport(of, { date: null, ...options });
  return { html, document: parseHTML(html).document };
};
/** The texts of the cells of a table. */
const cells = (table: Element) =>
  Array.from(table.querySelectorAll('tr'), (row) => Array.from(row.children, (cell) => cell.textContent!));

describe('renderReport', () => {
  test('needs no DOM, no WebAssembly, and gives the same bytes for the same state', () => {
    expect('document' in globalThis).toBe(false);
    expect(read().html).toBe(read().html);
    expect(read({}, JSON.parse(JSON.stringify(state))).html).toBe(read().html);
  });

  test('its head says what was evaluated, how, by what, and how to get the same', () => {
    const date = new Date('2026-11-27T12:34:56Z');
    const { document } = read({ title: 'Nightly', model: 'v2', command: 'focal-simd evaluate z y', date });
    expect(document.title).toBe('Nightly');
    expect(document.querySelector('h1')!.textContent).toBe('Nightly');
    const facts = Object.fromEntries(
      Array.from(document.querySelectorAll('.facts div'), ({ children: [name, value] }) => [
        name!.textContent,
        value!.textContent,
      ]),
    );
    expect(facts).toMatchObject({
      model: 'v2',
      loss: 'softmax, gamma 2, no class weights',
      samples: '60 of 4 classes',
      date: '2026-11-27 12:34 UTC',
      reproduce: 'focal-simd evaluate z y',
    });
    expect(facts['made by']).toMatch(/^focal-simd \d/);
  });

  test('shows the counts of the confusion matrix', () => {
    const [, ...rows] = cells(read().document.querySelector('.matrix')!);
    const { confusion } = meters.softmax.compute();
    expect(rows.map(([, ...row]) => row.map(Number))).toEqual(confusion);
  });

  test.each(['softmax', 'sigmoid'] as const)(
    'has a table behind each chart, and every number of the bins: %s',
    (kind) => {
      const { document } = read({}, meters[kind].toJSON());
      const charts = [...document.querySelectorAll('.chart:not(.map, .pairs)')];
      expect(charts.length).toBe(2);
      for (const chart of charts) expect(chart.querySelectorAll('.data tbody tr').length).toBeGreaterThan(0);
      const [, ...rows] = cells(charts[0]!.querySelector('.data table')!);
      expect(rows.map((row) => Number(row[1]))).toEqual(meters[kind].compute().bins.map(({ count }) => count));
    },
  );

  test('draws the curves that a meter has counted, marked at its threshold', () => {
    const meter = new FocalMeter(new SigmoidFocalLoss(), { classes: CLASSES, curves: true });
    meter.update(logits, targets);
    const { document } = read({}, meter.toJSON());
    const charts = [...document.querySelectorAll('.chart')];
    expect(charts.map((chart) => chart.querySelector('h3')!.textContent)).toEqual([
      'Reliability diagram',
      'Distribution of probability',
      'ROC curve',
      'Precision-recall curve',
    ]);
    for (const chart of charts) expect(chart.querySelectorAll('.data tbody tr').length).toBeGreaterThan(0);
    expect(document.querySelectorAll('.dot').length).toBe(2);
  });

  test('shows intervals below the numbers that have one', () => {
    const shown = Array.from(read().document.querySelectorAll('.figures div'), ({ textContent }) => textContent!);
    const { accuracy, intervals } = meters.softmax.compute({ confidence: 0.95 });
    const [lower, upper] = intervals!.accuracy!;
    const share = (x: number) => (100 * x).toFixed(1);
    expect(shown).toContain(`accuracy${share(accuracy!)} %${share(lower)} – ${share(upper)} %`);
  });

  test('classes of one name keep a row each', () => {
    const names = ['same', 'same', 'same', 'other'];
    const [, ...rows] = cells(read({ names }).document.querySelector('.classes')!);
    expect(rows.map(([name]) => name).sort()).toEqual([...names].sort());
  });

  test('tells too sure from not sure enough', () => {
    const colours = (right: boolean, scale: number) => {
      const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes: 2, bins: 4 });
      meter.update(Float32Array.from([scale, 0]), [right ? 0 : 1]);
      const { document } = read({}, meter.toJSON());
      return Array.from(document.querySelectorAll('.chart:first-child rect'), (bar) => [
        bar.getAttribute('class'),
        Number(bar.getAttribute('height')) > 0,
      ]);
    };
    expect(colours(false, 1)).toEqual([
      ['accent', false],
      ['over', true],
    ]);
    expect(colours(true, 1)).toEqual([
      ['accent', true],
      ['under', true],
    ]);
  });

  test('texts and names are text, whatever they hold', () => {
    const evil = '</style></title><script>alert(1)</script><img src=x onerror=alert(1)>"\'&';
    const texts = targets.map(() => evil);
    const { html, document } = read({ title: evil, model: evil, names: [evil, evil, evil, evil], texts });
    expect(document.querySelectorAll('script, img').length).toBe(0);
    expect(document.querySelector('.text')!.textContent).toBe(evil);
    expect(html).toContain(`default-src 'none'`);
  });

  test('a thousand classes make a page that opens', () => {
    const classes = 1000;
    const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes, confusion: true });
    const many = Float32Array.from({ length: classes * classes }, (_, i) => Math.sin(i * i));
    meter.update(
      { data: many, dims: [classes, classes] },
      Int32Array.from({ length: classes }, (_, i) => i),
    );
    const { html, document } = read({}, meter.toJSON());
    expect(html.length).toBeLessThan(2_000_000);
    expect(document.querySelectorAll('.classes tbody tr').length).toBe(classes);
    expect(cells(document.querySelector('.matrix')!).length).toBe(21);
  });

  test('refuses what is no state', () => {
    expect(() => renderReport({})).toThrow(RangeError);
    expect(() => renderReport(null)).toThrow(TypeError);
    expect(() => renderReport(state, null)).toThrow(TypeError);
  });
});

describe('Chinese', () => {
  const folders = ['bindings/report', 'bindings/page'].map((folder) => `${root}${folder}`);
  const sources = folders.flatMap((folder) => {
    const files = readdirSync(folder).filter((name) => /\.tsx?$/.test(name));
    return files.map((name) => readFileSync(`${folder}/${name}`, 'utf8'));
  });
  const said = sources.flatMap((text) => [...text.matchAll(/\bt\(\s*'((?:[^'\\]|\\.)*)'/g)].map(([, said]) => said!));
  const numbers = Object.values(meters).flatMap((meter) => figures(meter.compute()).map(([name]) => name));
  const NAMES = /^(top-\d+ accuracy|[A-Z]+)$/;

  test.each([...new Set([...said, ...numbers])].filter((text) => !NAMES.test(text)))('has %s', (text) => {
    expect(CHINESE[text.replaceAll("\\'", "'")]).toBeTypeOf('string');
  });

  test('no translation loses a value', () => {
    const values = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();
    for (const [english, chinese] of Object.entries(CHINESE)) expect(values(chinese), english).toEqual(values(english));
  });

  test('makes a Chinese page', () => {
    const { document } = read({ language: 'zh' });
    expect(document.documentElement.lang).toBe('zh-Hans');
    expect(document.querySelector('.figures')!.textContent).toContain('准确率');
    expect(document.querySelector('.card h2')!.textContent).toBe('校准');
  });
});
