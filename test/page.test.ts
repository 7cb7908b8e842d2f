import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { fromBlob } from '../bindings/files/source.ts';
import { commandLine, compareLine, DEFAULTS } from '../bindings/page/command.ts';
import { guess } from '../bindings/page/guess.ts';
import { linesOf } from '../bindings/page/lines.ts';
import { LossCounts, lossBins } from '../bindings/page/losses.ts';
import type { Choices, Part } from '../bindings/page/protocol.ts';

const html = readFileSync(fileURLToPath(new URL('../dist/focal.html', import.meta.url)), 'utf8');

describe('dist/focal.html', () => {
  test('runs its own script and style alone, and asks nobody for anything', () => {
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)![1]!;
    const between = (tag: string) => new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(html)![1]!;
    const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`script-src ${hash(between('script'))} 'wasm-unsafe-eval';`);
    expect(policy).toContain(`style-src ${hash(between('style'))};`);
    expect(policy).toContain('worker-src blob:');
    expect(policy).not.toMatch(/unsafe-inline|unsafe-eval'(?<!wasm-unsafe-eval')|https?:/);
    expect(html.match(/<script/g)).toHaveLength(1);
    expect(html).not.toMatch(/\b(src|href)="(?!data:)/);
  });

  test('weighs less than 400 kB, gzipped', () => {
    expect(gzipSync(html, { level: 9 }).length).toBeLessThan(400_000);
  });
});

const part = (name: string, kind: Part['kind'], shape: number[] = [], more: Partial<Part> = {}): Part => ({
  id: name,
  file: 0,
  name,
  member: null,
  kind,
  shape,
  ...more,
});

describe('guess', () => {
  test.each([
    [
      'rows',
      [part('a.npy', 'floats', [50, 10]), part('b.npy', 'integers', [50])],
      { 'a.npy': 'logits', 'b.npy': 'targets' },
      { loss: 'softmax', classAxis: 1 },
    ],
    [
      'planes, targets first',
      [part('y.npy', 'integers', [2, 8, 9]), part('z.npy', 'floats', [2, 5, 8, 9])],
      { 'y.npy': 'targets', 'z.npy': 'logits' },
      { loss: 'softmax', classAxis: 1 },
    ],
    [
      'classes last',
      [part('z.npy', 'floats', [2, 8, 9, 5]), part('y.npy', 'integers', [2, 8, 9])],
      { 'z.npy': 'logits', 'y.npy': 'targets' },
      { classAxis: -1 },
    ],
    [
      'two models',
      [part('new.npy', 'floats', [50, 3]), part('baseline.npy', 'floats', [50, 3]), part('y.npy', 'integers', [50])],
      { 'new.npy': 'logits', 'baseline.npy': 'baseline', 'y.npy': 'targets' },
      { loss: 'softmax' },
    ],
    [
      'dense targets',
      [part('scores.npy', 'floats', [50, 3]), part('labels.npy', 'floats', [50, 3])],
      { 'scores.npy': 'logits', 'labels.npy': 'targets' },
      { loss: 'sigmoid' },
    ],
    [
      'names and texts',
      [
        part('z.npy', 'floats', [50, 3]),
        part('y.npy', 'integers', [50]),
        part('t.txt', 'lines', [50]),
        part('n.txt', 'lines', [3]),
      ],
      { 'z.npy': 'logits', 'y.npy': 'targets', 't.txt': 'texts', 'n.txt': 'names' },
      {},
    ],
    [
      'probabilities',
      [part('val_probs.npy', 'floats', [50, 3]), part('y.npy', 'integers', [50])],
      { 'val_probs.npy': 'logits', 'y.npy': 'targets' },
      { loss: 'softmax', input: 'probabilities', curves: false },
    ],
    [
      'logarithms of two probabilities',
      [part('log_probs.npy', 'floats', [50, 2]), part('y.npy', 'integers', [50])],
      { 'log_probs.npy': 'logits', 'y.npy': 'targets' },
      { loss: 'softmax', input: 'logProbabilities', curves: true },
    ],
    [
      'two models by their names',
      [part('model_int8.npy', 'floats', [50, 3]), part('model.npy', 'floats', [50, 3])],
      { 'model_int8.npy': 'logits', 'model.npy': 'baseline' },
      {},
    ],
    [
      'groups',
      [part('site.npy', 'integers', [50]), part('z.npy', 'floats', [50, 3]), part('a.npy', 'integers', [50])],
      { 'site.npy': 'groups', 'z.npy': 'logits', 'a.npy': 'targets' },
      {},
    ],
    [
      'logits among arrays of one size',
      [part('a.npz:extra', 'floats', [50, 3]), part('a.npz:logits', 'floats', [50, 3]), part('y', 'integers', [50])],
      { 'a.npz:extra': 'unused', 'a.npz:logits': 'logits', y: 'targets' },
      {},
    ],
    [
      'targets that do not fit, for the reader to say why',
      [part('z.npy', 'floats', [50, 3]), part('y.npy', 'integers', [49])],
      { 'z.npy': 'logits', 'y.npy': 'targets' },
      {},
    ],
    [
      'one logit a sample',
      [part('z.npy', 'floats', [50]), part('y.npy', 'integers', [50])],
      { 'z.npy': 'logits', 'y.npy': 'targets' },
      { loss: 'sigmoid', curves: true },
    ],
    ['states', [part('a.json', 'state'), part('b.json', 'state')], { 'a.json': 'state', 'b.json': 'state' }, {}],
    [
      'a table',
      [
        part('t.csv', 'table', [], {
          columns: [
            { name: 'text', kind: 'text' },
            { name: 'label', kind: 'text' },
            { name: 'p_a', kind: 'number' },
          ],
        }),
      ],
      { 't.csv': 'logits' },
      { target: 'label', text: 'text' },
    ],
    [
      'two tables of the same columns, by their names',
      ['new.csv', 'old.jsonl'].map((name) =>
        part(name, 'table', [], {
          columns: [
            { name: 'label', kind: 'text' },
            { name: name === 'new.csv' ? 'p_a' : 'p_b', kind: 'number' },
            { name: name === 'new.csv' ? 'p_b' : 'p_a', kind: 'number' },
          ],
        }),
      ),
      { 'new.csv': 'logits', 'old.jsonl': 'baseline' },
      { target: 'label' },
    ],
    [
      'a table, and one of other columns',
      ['a.csv', 'b.csv'].map((name) =>
        part(name, 'table', [], {
          columns: [
            { name: 'label', kind: 'text' },
            { name, kind: 'number' },
          ],
        }),
      ),
      { 'a.csv': 'logits', 'b.csv': 'unused' },
      { target: 'label' },
    ],
    [
      'a table with a column of targets a class',
      [
        part('t.csv', 'table', [], {
          columns: ['p_a', 'p_b', 'y_a', 'y_b'].map((name) => ({ name, kind: 'number' })),
        }),
      ],
      { 't.csv': 'logits' },
      { target: 'y_*', loss: 'sigmoid', curves: true },
    ],
    [
      'shares of one whole',
      [part('z.npy', 'floats', [50, 3]), part('soft_labels.npy', 'floats', [50, 3])],
      { 'z.npy': 'logits', 'soft_labels.npy': 'targets' },
      { loss: 'softmax' },
    ],
    ['logits alone', [part('z.npy', 'floats', [50, 3])], { 'z.npy': 'logits' }, {}],
  ] as const)('%s', (_, parts, roles, choices) => {
    const found = guess(parts);
    expect(found.roles).toEqual(roles);
    expect(found.choices).toMatchObject(choices);
  });
});

test('the command line quotes names and says what is not the default', () => {
  const parts = [part("it's z.npy", 'floats', [5, 3]), part('y.npy', 'integers', [5]), part('n.txt', 'lines', [3])];
  const roles = { "it's z.npy": 'logits', 'y.npy': 'targets', 'n.txt': 'names' } as const;
  const choices = { ...DEFAULTS, loss: 'sigmoid', gamma: 1.5, alpha: '0.1, 0.2 0.3', curves: true } as const;
  expect(commandLine({ parts, roles, choices })).toBe(
    `focal-simd evaluate 'it'\\''s z.npy' y.npy --loss sigmoid --gamma 1.5 --alpha 0.1,0.2,0.3 --names n.txt`,
  );
  expect(commandLine({ parts, roles, choices: DEFAULTS })).toBe(
    `focal-simd evaluate 'it'\\''s z.npy' y.npy --names n.txt`,
  );
  const rare: Choices = {
    ...{ ...DEFAULTS, loss: 'sigmoid', curves: true, input: 'logProbabilities', clip: 0.05, gammaNegative: 4 },
    ...{ background: -1, ignoreIndex: 255, classAxis: -1, smoothing: 0, bins: 20, labelSmoothing: 0.1 },
  };
  expect(commandLine({ parts, roles, choices: rare })).toBe(
    `focal-simd evaluate 'it'\\''s z.npy' y.npy --loss sigmoid --smoothing 0 --clip 0.05 --gamma-negative 4 ` +
      '--background -1 --ignore-index 255 --input log-probabilities --class-axis last --bins 20 --names n.txt',
  );
  const smoothed = { ...DEFAULTS, labelSmoothing: 0.1, clip: 0.05, input: 'probabilities' } as const;
  expect(commandLine({ parts, roles, choices: smoothed })).toBe(
    `focal-simd evaluate 'it'\\''s z.npy' y.npy --label-smoothing 0.1 --input probabilities --names n.txt`,
  );
  const two = [...parts, part('old.npy', 'floats', [5, 3])];
  const sides = { ...roles, 'old.npy': 'baseline' } as const;
  expect(compareLine({ parts: two, roles: sides, choices: { ...DEFAULTS, curves: true } })).toBe(
    `focal-simd compare old.npy 'it'\\''s z.npy' y.npy --curves --names n.txt`,
  );
  const table = [part('t.csv', 'table')];
  const columns = { ...DEFAULTS, target: 'label', scores: 'b_*, c', baseline: 'a_*', text: 'words' };
  const one = { parts: table, roles: { 't.csv': 'logits' }, choices: columns } as const;
  expect(commandLine(one)).toBe(`focal-simd evaluate t.csv --target label --scores 'b_*' --scores c --text words`);
  expect(compareLine(one)).toBe(
    `focal-simd compare t.csv --target label --baseline 'a_*' --candidate 'b_*' --candidate c --text words`,
  );
  expect(compareLine({ ...one, choices: { ...columns, target: '', text: '' } })).toBe(
    `focal-simd compare t.csv --baseline 'a_*' --candidate 'b_*' --candidate c`,
  );
  const tables = [part('new.csv', 'table'), part('old.csv', 'table')];
  const models = { parts: tables, roles: { 'new.csv': 'logits', 'old.csv': 'baseline' } } as const;
  const alike = { ...DEFAULTS, target: 'label', scores: 'p_*' };
  expect(compareLine({ ...models, choices: alike })).toBe(
    `focal-simd compare old.csv new.csv --target label --scores 'p_*'`,
  );
  expect(compareLine({ ...models, choices: { ...alike, baseline: 'q_*, r' } })).toBe(
    `focal-simd compare old.csv new.csv --target label --baseline 'q_*' --baseline r --candidate 'p_*'`,
  );
  const states = [part('a.json', 'state'), part('b.json', 'state')];
  const both = { 'a.json': 'state', 'b.json': 'state' } as const;
  expect(commandLine({ parts: states, roles: both, choices: DEFAULTS })).toBe('focal-simd merge a.json b.json');
});

test('losses are counted by octaves, none lost but what is not finite', () => {
  const losses = new LossCounts();
  const values = Array.from({ length: 1000 }, (_, i) => 2 ** ((i % 40) - 30) * (1 + (i % 7) / 8));
  losses.add(Float32Array.from([...values, 0, Infinity, NaN]));
  const bins = lossBins(losses.counts);
  expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(1001);
  for (const { lower, upper, count } of bins.slice(1)) {
    expect(count).toBe(values.filter((loss) => loss >= lower && loss < upper).length);
  }
});

test('lines end at \\n or \\r\\n and nowhere else, whatever the size', async () => {
  const lines = Array.from({ length: 40_000 }, (_, i) => `${i} é\u2028语言\r${'x'.repeat(1 + (i % 97))}`);
  const found: string[] = [];
  for await (const line of linesOf(
    fromBlob(new Blob([lines.map((line, i) => line + (i % 2 ? '\n' : '\r\n')).join('')])),
  )) {
    found.push(line);
  }
  expect(found).toEqual(lines);
});
