import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { SoftmaxFocalLoss } from '../bindings/entries/index.ts';
import { FocalMeter } from '../bindings/entries/meter.ts';
import type * as Node from '../bindings/entries/node.ts';
import { SlicedMeter } from '../bindings/entries/slices.ts';
import { workplace } from './command.ts';
import { Random } from './random.ts';

// as built, since a worker thread starts from a file of dist/
const { evaluateFiles }: typeof Node = await import(new URL('../dist/node.js', import.meta.url).href);

// every case starts a process, some of them several
vi.setConfig({ testTimeout: 60_000 });

const { at, run, shell, write } = workplace();
const plain = (value: unknown) => JSON.parse(JSON.stringify(value));

const [n, classes] = [300, 4];
const random = new Random(8);
const z = random.logits(n * classes, 3, 0);
const y = random.labels(n, classes);
const names = Array.from({ length: n }, (_, i) => ['de', 'fr', 'zh', ''][(7 * i + (i >> 3)) % 4] as string);
write('z.npy', z, [n, classes]);
write('y.npy', Int32Array.from(y), [n]);
const characters = Int32Array.from(names.flatMap((name) => [0, 1].map((i) => name.codePointAt(i) ?? 0)));
const header = `{'descr': '<U2', 'fortran_order': False, 'shape': (${n},), }`.padEnd(117);
writeFileSync(
  at('strings.npy'),
  Buffer.concat([Buffer.from(`\x93NUMPY\x01\0\x76\0${header}\n`, 'latin1'), Buffer.from(characters.buffer)]),
);
const halves = `{'descr': '<f2', 'fortran_order': False, 'shape': (${n},), }`.padEnd(117);
writeFileSync(
  at('half.npy'),
  Buffer.concat([
    Buffer.from(`\x93NUMPY\x01\0\x76\0${halves}\n`, 'latin1'),
    // 0, 1, 2, 3
    Buffer.from(Uint16Array.from(y, (c) => [0, 0x3c00, 0x4000, 0x4200][c] as number).buffer),
  ]),
);
writeFileSync(at('few.txt'), 'a\nb\n');
writeFileSync(at('latin1.txt'), Buffer.from('caf\xe9\n'.repeat(n), 'latin1'));
writeFileSync(at('groups.txt'), names.map((name) => `${name}\n`).join(''));
write(
  'ids.npy',
  BigInt64Array.from(y, (c) => BigInt(c) - 2n),
  [n],
);
write(
  'halves.npy',
  Float32Array.from(y, (c) => c / 2),
  [n],
);
const rows = Array.from(y, (c, i) => {
  const scores = [...z.subarray(i * classes, (i + 1) * classes)].map(String);
  return ['abcd'[c], names[i], String(c * 10), ...scores];
});
const table = [['label', 'lang', 'age', 'a', 'b', 'c', 'd'], ...rows].map((row) => `${row.join(',')}\n`).join('');
writeFileSync(at('table.csv'), table);
writeFileSync(
  at('table.jsonl'),
  rows
    .map(([label, lang, age, ...s]) => {
      const scores = Object.fromEntries(s.map((x, c) => ['abcd'[c], Number(x)]));
      return `${JSON.stringify({ label, lang: lang === '' ? null : lang, age: Number(age), ...scores })}\n`;
    })
    .join(''),
);

const OPTIONS = { classes, hardest: 10, coverage: true, confusion: true };
const slices = (groups: ArrayLike<string | number>) => {
  const sliced = new SlicedMeter(new SoftmaxFocalLoss(), OPTIONS);
  sliced.update({ data: z, dims: [n, classes] }, y, { groups });
  return sliced;
};
const ages = Array.from(y, (c) => c * 10);

describe('--group-by', () => {
  test.concurrent.each([
    ['a file of lines', 'z.npy y.npy --group-by groups.txt', names],
    ['a file of integers', 'z.npy y.npy --group-by ids.npy', Array.from(y, (c) => c - 2)],
    ['a file of float16', 'z.npy y.npy --group-by half.npy', Array.from(y)],
    ['an array of strings', 'z.npy y.npy --group-by strings.npy', names],
    ['a column', 'table.csv --target label --group-by lang', names],
    ['a column with missing values', 'table.jsonl --target label --group-by lang', names],
    ['a column of numbers, which is no score', 'table.csv --target label --group-by age', ages],
    [
      'a file beside a table',
      'table.csv --target label --scores a --scores b --scores c --scores d --group-by groups.txt',
      names,
    ],
  ])('%s', async (what, line, groups) => {
    const state = `${what.replaceAll(/\W/g, '-')}.json`;
    // the default scores of a table are all numbers but the groups
    const scores = line.includes('--group-by lang')
      ? ['--scores', 'a', '--scores', 'b', '--scores', 'c', '--scores', 'd']
      : [];
    const { out, err } = await run('evaluate', ...line.split(' '), ...scores, '--state', state, '--json');
    expect(err).toMatch(
      groups === ages ? /^\S+ warning: the classes are all columns of numbers, "a", "b", "c", "d"; / : /^$/,
    );
    const found = JSON.parse(out);
    const expected = slices(groups);
    expect(JSON.parse(readFileSync(at(state), 'utf8'))).toEqual(plain(expected));
    expect(found.groups).toEqual(plain(expected.compute({ confidence: 0.95 })));
    const whole = new FocalMeter(new SoftmaxFocalLoss(), OPTIONS);
    whole.update({ data: z, dims: [n, classes] }, y);
    expect(found.metrics).toEqual(plain(whole.compute({ confidence: 0.95 })));
  });

  test('the same bytes by any number of threads, from stdin and merged of shards', async () => {
    const state = async (line: string): Promise<string> => {
      const { code, err } = await shell(`focal-simd ${line} --state jobs.json`);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      return readFileSync(at('jobs.json'), 'utf8');
    };
    const one = await state('evaluate z.npy y.npy --group-by groups.txt --jobs 1 --bootstrap 3');
    expect(await state('evaluate z.npy y.npy --group-by groups.txt --jobs 3 --chunk 100 --bootstrap 3')).toBe(one);
    expect(await state('evaluate - y.npy --format npy --group-by groups.txt --bootstrap 3 < z.npy')).toBe(one);
    for (const [shard, from, to] of [
      [0, 0, 100],
      [1, 100, 300],
    ] as const) {
      write(`z${shard}.npy`, z.slice(from * classes, to * classes), [to - from, classes]);
      write(`y${shard}.npy`, Int32Array.from(y.slice(from, to)), [to - from]);
      await state(`evaluate z${shard}.npy y${shard}.npy --group-by groups.txt --first-index ${from} --bootstrap 3`);
      writeFileSync(at(`${shard}.json`), readFileSync(at('jobs.json')));
    }
    expect(await state('merge 1.json 0.json')).toBe(one);
    const alone = await run('merge', '1.json');
    expect(alone.err).toBe('focal-simd: warning: 100 samples are missing: [0, 100)\n');
    expect((await run('merge', '1.json', '1.json')).err).toContain('expected samples that have not been counted yet');
    await state('evaluate z.npy y.npy');
    expect(await run('merge', '0.json', 'jobs.json')).toMatchObject({ code: 2 });
  });

  test('evaluateFiles takes a column of a table, or the group of each sample', async () => {
    const loss = { name: 'softmax' } as const;
    const { classes: _, ...meter } = OPTIONS;
    const files = { logits: at('z.npy'), targets: at('y.npy') };
    for (const jobs of [1, 2]) {
      const { slices: found, meter: total } = await evaluateFiles(files, {
        loss,
        meter,
        groups: names,
        jobs,
        bytes: 64,
      });
      expect(found?.toBytes()).toEqual(slices(names).toBytes());
      expect(total.toBytes()).toEqual(slices(names).total().toBytes());
      const many = evaluateFiles(files, { loss, groups: names, maxGroups: 2, jobs });
      await expect(many).rejects.toThrow(/expected at most 2 groups/);
    }
    const short = evaluateFiles(files, { loss, groups: ['a'] });
    await expect(short).rejects.toThrow('groups expected 300, one a sample, got 1');
    await expect(evaluateFiles(files, { loss, groups: 'lang' })).rejects.toThrow('columns expected none');
    await expect(evaluateFiles(files, { loss, groups: [{}] as never })).rejects.toThrow('groups[0] expected');
    expect((await evaluateFiles(files, { loss })).slices).toBe(null);
    // JSON keeps no more digits: several groups would be one
    const rows = (group: string) => `{"z": [1, 2], "y": 0, "g": ${group}}\n{"z": [1, 2], "y": 0, "g": null}\n`;
    const grouped = async (group: string) => {
      writeFileSync(at('g.jsonl'), rows(group));
      const { slices } = await evaluateFiles({ table: at('g.jsonl'), target: 'y' }, { loss, groups: 'g' });
      return slices?.compute().groups.map(({ name }) => name);
    };
    expect(await grouped('"1152921504606846977"')).toEqual(['', '1152921504606846977']);
    expect(await grouped('-9007199254740991')).toEqual(['', '-9007199254740991']);
    await expect(grouped('1152921504606846977')).rejects.toThrow(
      "'g'[0] expected an integer below 2^53, or its digits as a text, got 1152921504606847000",
    );
  });

  test('the worst groups for certain, in text and page', async () => {
    const args = ['z.npy', 'y.npy', '--group-by', 'groups.txt', '--worst-by', 'macro.recall', '--bootstrap', 40];
    const { code, out } = await run('evaluate', ...args, '--report', 'groups.html', '--confidence', 0.9);
    expect(code).toBe(0);
    const sliced = new SlicedMeter(new SoftmaxFocalLoss(), { ...OPTIONS, bootstrap: 40 });
    sliced.update({ data: z, dims: [n, classes] }, y, { groups: names });
    const { worst } = sliced.compute({ metric: 'macro.recall', confidence: 0.9 });
    const shown = out.split('\n\n').find((block) => block.startsWith('Groups')) as string;
    expect(shown).toMatch(
      /^Groups {2}worst macro.recall for certain first, 4 of 4; all intervals hold together with 90.0 %/,
    );
    const percent = (x: number) => (100 * x).toFixed(1);
    const lines = worst.map(({ name, samples, value, interval }) => {
      const ends = interval?.map(percent).join(' – ');
      return `${name || '(none)'} ${samples} ${percent(value as number)} % ${ends} %`;
    });
    expect(
      shown
        .split('\n')
        .slice(2)
        .map((line) => line.trim().replaceAll(/ {2,}/g, ' ')),
    ).toEqual(lines);
    const page = readFileSync(at('groups.html'), 'utf8');
    expect(page).toContain('<h2>Groups</h2>');
    for (const { name } of worst.filter(({ name }) => name)) expect(page).toContain(`<bdi>${name}</bdi>`);
    const merged = await run('evaluate', ...args.slice(0, 4), '--state', 'one.json');
    expect(merged.code).toBe(0);
    expect((await run('merge', 'one.json', '--worst-by', 'loss')).out).toContain('worst loss for certain first');
    // no intervals, no certainty
    const bare = await run('evaluate', ...args.slice(0, 6), '--report', 'bare.html');
    const [title, head] = bare.out.split('\n').slice(bare.out.split('\n').findIndex((line) => /^Groups/.test(line)));
    expect(title).toBe('Groups  worst macro.recall first, 4 of 4; there are no intervals');
    expect(head).not.toContain('interval');
    expect(readFileSync(at('bare.html'), 'utf8')).toContain('Worst first; there are no intervals.');
  });

  test.concurrent.each([
    ['too few lines', 'z.npy y.npy --group-by few.txt', /few.txt: expected 300 groups, one for each sample, got 2/],
    [
      'no file',
      'z.npy y.npy --group-by none.txt',
      /none.txt: no such file; --group-by takes a file .*, a column only of a table/,
    ],
    [
      'no column',
      'table.csv --target label --group-by none',
      /--group-by expected a column of the table or a file, got "none"/,
    ],
    ['no integers', 'z.npy y.npy --group-by halves.npy', /halves.npy: groups\[\d+\] expected an integer, got/],
    ['no UTF-8', 'z.npy y.npy --group-by latin1.txt', /latin1.txt: is not UTF-8/],
    ['too many', 'z.npy y.npy --group-by groups.txt --max-groups 2', /groups expected at most 2 groups/],
    ['no groups', 'z.npy y.npy --worst-by loss', /--worst-by goes with groups alone/],
    [
      'no metric',
      'z.npy y.npy --group-by groups.txt --worst-by speed',
      /metric expected a metric over all samples: loss, .*accuracy/,
    ],
    ['an output', 'z.npy y.npy --group-by groups.txt --state groups.txt', /--state would overwrite groups.txt/],
  ])('refuses %s', async (_, line, message) => {
    const { code, err } = await run('evaluate', ...line.split(' '));
    expect({ code, lines: err.trim().split('\n').length }).toEqual({ code: 2, lines: 1 });
    expect(err).toMatch(message);
  });
});
