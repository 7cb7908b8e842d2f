import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseHTML } from 'linkedom';
import { h } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { describe, expect, test, vi } from 'vitest';
import { FocalComparison, judge } from '../bindings/entries/compare.ts';
import { SigmoidFocalLoss, SoftmaxFocalLoss } from '../bindings/entries/index.ts';
import { FocalMeter } from '../bindings/entries/meter.ts';
import type { SoftmaxReport } from '../bindings/meter/report.ts';
import { CHINESE } from '../bindings/report/chinese.ts';
import { Confusion } from '../bindings/report/crossing.tsx';
import { figures, fixed, percent, signedPercent } from '../bindings/report/format.ts';
import { Samples } from '../bindings/report/sections.tsx';
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

  test.each([
    [percent, -0.0001, '0.0 %'],
    [percent, -0.02, '−2.0 %'],
    [signedPercent, -0.0001, '+0.0 %'],
    [signedPercent, -0.02, '−2.0 %'],
    [signedPercent, 0.02, '+2.0 %'],
    [fixed, -1e-9, '0.0000'],
    [fixed, -0.5, '−0.5000'],
  ] as const)('what is rounded to 0 has no minus: %o of %d', (write, x, expected) => {
    expect(write(x)).toBe(expected);
  });

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

  test('what acts on a terminal or on the order of letters stands escaped', () => {
    const names = ['\u202ea', '\u001b[2J', 'x\u0000', 'd'];
    const { html } = read({ title: '\u202et', names, texts: targets.map(() => '\u0007\u202e') });
    expect(html).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
    expect(html).toContain('\\u001b[2J');
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

  test('a map of more cells than a page can hold leaves out the faintest, and says so', () => {
    const classes = 300;
    const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes, confusion: true });
    meter.update(new Float32Array(classes), [0]);
    // a tenth of each class is taken for the next, and one sample for each of all others
    const confusion = Array.from({ length: classes }, (_, t) =>
      Array.from({ length: classes }, (_, p) => (p === (t + 1) % classes ? 100 : p === t ? 601 : 1)),
    );
    const perClass = meter.compute().perClass.map((one) => ({ ...one, support: 999 }));
    const m = { ...meter.compute(), samples: 999 * classes, perClass, confusion } as SoftmaxReport;
    const html = renderToString(h(Confusion, { m, labels: { names: null, texts: null } }));
    const { document } = parseHTML(`<body>${html}</body>`);
    const cells = Array.from(
      document.querySelectorAll('.map path'),
      (path) => path.getAttribute('d')!.split('M').length - 1,
    );
    expect(cells.reduce((sum, n) => sum + n, 0)).toBe(2 * classes);
    expect(document.querySelector('.map')!.textContent).toContain('Shares below 1.6 % are not drawn.');
  });

  test('names no class for a label of none of them', () => {
    const meter = new FocalMeter(new SigmoidFocalLoss(), { classes: 1, hardest: 2 });
    meter.update(Float32Array.of(5, -4), Int32Array.of(0, 1));
    const { document } = read({}, meter.toJSON());
    // the loss of the one that is none weighs three times as much
    const told = Array.from(document.querySelectorAll('.samples dl'), ({ children }) => children);
    expect(told.map((facts) => facts[2]!.textContent)).toEqual(['target–', 'targetclass 0']);
    // of one logit none is the largest
    expect(told.map(({ length }) => length)).toEqual([3, 3]);
  });

  test('shows logits and losses that are not finite', () => {
    const sample = { index: 3, loss: null, target: 1, prediction: 0, logits: [Number.NaN, Infinity, -Infinity] };
    const html = renderToString(h(Samples, { samples: [sample], labels: { names: null, texts: null } }));
    expect(html).toContain('NaN or ∞');
    for (const text of ['NaN', '∞', '−∞']) expect(html).toContain(`<td class="number">${text}</td>`);
    expect(html).not.toMatch(/"(NaN|-?Infinity)"/);
  });

  test('refuses what is no state', () => {
    expect(() => renderReport({})).toThrow(RangeError);
    expect(() => renderReport(null)).toThrow(TypeError);
    expect(() => renderReport(state, null)).toThrow(TypeError);
    expect(() => renderReport(meters.softmax)).toThrow(/state\.format expected .*toJSON\(\)/);
    expect(() => renderReport(state, { language: 'de' as never })).toThrow(
      "language expected 'en' or 'zh', got \"de\"",
    );
    expect(() => renderReport(state, { tilte: 'x' })).toThrow(/options expected only title, .* got "tilte"/);
    expect(() => renderReport(state, { names: ['a'] })).toThrow('names expected 4 names, got 1');
  });

  test.each([
    [{ title: 5 }, /^title expected a string, got 5/],
    [{ names: 'abc' }, /^names expected an array of strings/],
    [{ date: '2026' }, /^date expected a Date or null/],
    [{ judgement: { verdict: 'passed' } }, /^judgement expected what judge or judgeReport gave/],
    [{ date: new Date(NaN) }, /^date expected a valid Date/],
    [{ texts: 'abc' }, /^texts expected an array or a Map of strings/],
    [{ texts: { 0: 'a' } }, /^texts expected an array or a Map of strings/],
    [{ facts: 'ab' }, /^facts expected an array of \[name, value\], got "ab"/],
    [{ facts: ['ab'] }, /^facts expected an array of \[name, value\]/],
    [{ confidence: 2 }, /^confidence expected a number in \(0, 1\), got 2/],
  ])('refuses %j', (options, message) => {
    expect(() => renderReport(state, options)).toThrow(message);
  });
});

describe('a comparison', () => {
  const options = { classes: CLASSES, hardest: 4 };
  const comparisons = {
    softmax: new FocalComparison(new SoftmaxFocalLoss(), { ...options, flips: true }),
    sigmoid: new FocalComparison(new SigmoidFocalLoss(), options),
    unlabelled: new FocalComparison(new SoftmaxFocalLoss(), { ...options, flips: true }),
  };
  const other = logits.map((z, i) => z + Math.cos(3 * i));
  for (const [kind, both] of Object.entries(comparisons)) {
    both.update(logits, other, kind === 'unlabelled' ? undefined : targets);
  }
  const { softmax, unlabelled } = comparisons;
  const headings = (document: Document) => Array.from(document.querySelectorAll('h2'), (h2) => h2.textContent);
  const minus = (text: string) => Number.parseFloat(text.replace('−', '-'));

  test.each([
    ['softmax', ['Quality', 'Reliability', 'Changes by class', 'Flips', 'Samples hurt most']],
    ['sigmoid', ['Quality', 'Reliability', 'Changes by class', 'Flips', 'Samples hurt most']],
    ['unlabelled', ['Flips', 'Classes']],
  ] as const)('%s', (kind, expected) => {
    const { html, document } = read({}, comparisons[kind].toJSON());
    expect(headings(document)).toEqual(expected);
    expect(document.title).toBe('Comparison');
    expect(html).not.toMatch(/NaN|undefined|null|Infinity/);
  });

  test('its verdict is that of the limits, line by line', () => {
    const report = softmax.compute();
    const judgement = judge(report, { accuracy: 1, agreement: 0, 'class-recall': 0.001 });
    const { document } = read({ judgement }, softmax.toJSON());
    expect(document.querySelector('.verdict')!.className).toContain('broken');
    expect(headings(document)[0]).toBe('✗ Broken: 2 of 3 limits');
    const lines = Array.from(document.querySelectorAll('.verdict li span'), (line) => line.textContent);
    expect(lines).toEqual(judgement.results.map(({ line }) => line));
    const none = read({ judgement: judge(report, {}) }, softmax.toJSON());
    expect(none.document.querySelector('.verdict')).toBeNull();
  });

  test('lays one diagram over the other, with the numbers of both behind', () => {
    const { document } = read({}, softmax.toJSON());
    const { baseline, candidate } = softmax.compute().quality!;
    const [diagram] = document.querySelectorAll('.chart');
    const dots = (side: string) => diagram!.querySelectorAll(`.${side} circle`).length;
    const filled = [baseline, candidate].map(({ bins }) => bins.filter(({ count }) => count > 0).length);
    expect([dots('first'), dots('second')]).toEqual(filled);
    const [, ...rows] = cells(diagram!.querySelector('.data table')!);
    expect(rows.map((row) => [row[1], row[4]].map(Number))).toEqual(
      baseline.bins.map(({ count }, i) => [count, candidate.bins[i]!.count]),
    );
  });

  test('sorts classes by harm: losers before winners', () => {
    const { document } = read({}, softmax.toJSON());
    const [head, ...rows] = cells(document.querySelectorAll('.classes')[1]!);
    const { perClass } = softmax.compute().quality!;
    const at = head!.indexOf('Δ recall');
    const deltas = rows.map((row) => minus(row[at]!));
    expect(deltas.map(Math.sign)).toEqual(deltas.map(Math.sign).sort((a, b) => a - b));
    expect(deltas.toSorted((a, b) => a - b)).toEqual(
      perClass
        .filter(({ lost, won, precision }) => lost + won > 0 || precision.delta)
        .map(({ recall }) => Number((100 * recall.delta!).toFixed(2)))
        .sort((a, b) => a - b),
    );
  });

  test('shows the flips, and the samples hurt most with what both said', () => {
    const texts = targets.map((_, i) => `text ${i}`);
    const names = ['cat', 'dog', 'cow', 'hen'];
    const { document } = read({ names, texts }, unlabelled.toJSON());
    const [, ...rows] = cells(document.querySelector('.matrix')!);
    expect(rows.map(([, ...row]) => row.map(Number))).toEqual(unlabelled.compute().fidelity.flips);
    const samples = read({ names, texts }, softmax.toJSON()).document.querySelectorAll('.samples li');
    const said = Array.from(samples, (sample) => [
      ...Array.from(sample.querySelectorAll('dd bdi'), (name) => name.textContent),
      sample.querySelector('.text')!.textContent,
    ]);
    expect(said).toEqual(
      softmax
        .compute()
        .quality!.hardest!.map(({ index, target, baseline, candidate }) => [
          ...[target!, baseline.prediction, candidate.prediction].map((c) => names[c]),
          `text ${index}`,
        ]),
    );
  });

  test('nothing counted makes a page, too; what is no state makes none', () => {
    expect(headings(read({}, new FocalComparison(new SoftmaxFocalLoss(), options).toJSON()).document)).toEqual([]);
    expect(() => renderReport({ ...softmax.toJSON(), words: [] })).toThrow(RangeError);
  });

  test('in Chinese', () => {
    const { document } = read({ language: 'zh' }, softmax.toJSON());
    const texts = [...document.querySelectorAll('h1, h2, h3, dt, th[scope=col], figcaption p, .note')];
    const english = texts.map((element) => element.textContent!).filter((text) => /[a-z]{3}/.test(text));
    expect(english.filter((text) => !/^class \d$|McNemar|Holm/.test(text))).toEqual([]);
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
