import { getEventListeners } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dump } from 'npyjs';
import { describe, expect, test, vi } from 'vitest';
import { fitTemperature } from '../bindings/entries/calibrate.ts';
import { FocalComparison } from '../bindings/entries/compare.ts';
import { SoftmaxFocalLoss } from '../bindings/entries/index.ts';
import * as meters from '../bindings/entries/meter.ts';
import type * as Node from '../bindings/entries/node.ts';
import * as slices from '../bindings/entries/slices.ts';
import { defineCompareFiles, defineFiles } from '../bindings/files/node/pool.ts';
import { npy } from './numpy.ts';
import { Random } from './random.ts';

// as built, since a worker thread starts from a file of dist/
const built = new URL('../dist/node.js', import.meta.url).href;
const { calibrateFiles, compareFiles, evaluateFiles, evaluateShard, mapShards, mergeStates }: typeof Node =
  await import(built);

// starting threads takes its time where processors are few
vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), 'focal-simd-jobs-'));
const at = (name: string) => join(folder, name);
const fixture = (name: string) => fileURLToPath(new URL(`files/${name}`, import.meta.url));

const [N, C] = [6000, 7];
const random = new Random(5);
const z = random.logits(N * C, 3, 0);
const y = random.labels(N, C);
writeFileSync(at('z.npy'), new Uint8Array(dump(z, [N, C])));
writeFileSync(at('planes.npy'), new Uint8Array(dump(z, [4, C, 30, 50])));
writeFileSync(at('y.npy'), new Uint8Array(dump(y)));
writeFileSync(at('planes-y.npy'), new Uint8Array(dump(y, [4, 30, 50])));
const FILES = { logits: at('z.npy'), targets: at('y.npy') };

describe('the bytes are the same for any number of threads', () => {
  test.each([
    ['softmax', FILES, { loss: { name: 'softmax' }, meter: { hardest: 9, confusion: true, coverage: true } }],
    ['sigmoid', FILES, { loss: { name: 'sigmoid' }, meter: { hardest: 9, curves: true, coverage: true } }],
    [
      'images',
      { logits: at('planes.npy'), targets: at('planes-y.npy') },
      { loss: { name: 'softmax', gamma: 1.5 }, meter: { hardest: 3 } },
    ],
    ['the scalar twin', FILES, { loss: { name: 'softmax' }, backend: 'scalar' }],
    [
      'Parquet',
      { table: fixture('zstd.parquet'), target: 'label', scores: 'p_*' },
      { loss: { name: 'softmax' }, meter: { coverage: true } },
    ],
    [
      'a compressed archive, by one',
      { logits: fixture('compressed.npz'), targets: fixture('compressed.npz') },
      { loss: { name: 'softmax' } },
    ],
    ['CSV, by one', { table: fixture('named.csv'), target: 'label', scores: 'p_*' }, { loss: { name: 'softmax' } }],
  ] as [string, Parameters<typeof evaluateFiles>[0], Node.FilesOptions][])('%s', async (_, files, options) => {
    const one = await evaluateFiles(files, { ...options, jobs: 1, firstIndex: 100 });
    for (const jobs of [2, 3]) {
      const seen: number[] = [];
      const many = await evaluateFiles(files, {
        ...options,
        jobs,
        firstIndex: 100,
        bytes: 2000,
        onProgress: (samples) => seen.push(samples),
      });
      expect(many.meter.toBytes()).toEqual(one.meter.toBytes());
      expect(many).toMatchObject({ samples: one.samples, missing: one.missing, names: one.names });
      expect(seen.at(-1)).toBe(one.samples);
      expect(seen).toEqual([...seen].sort((a, b) => a - b));
      expect(many.jobs).toBe(/by one/.test(_) ? 1 : jobs);
    }
  });

  test('small inputs are done by one', async () => {
    expect((await evaluateFiles(FILES, { loss: { name: 'softmax' } })).jobs).toBe(1);
  });
});

describe('compareFiles', () => {
  const other = z.map((x, i) => x + Math.cos(3 * i));
  writeFileSync(at('w.npy'), new Uint8Array(dump(other, [N, C])));
  writeFileSync(at('w64.npy'), new Uint8Array(dump(Float64Array.from(other), [N, C])));
  writeFileSync(at('planes-w.npy'), new Uint8Array(dump(other, [4, C, 30, 50])));
  const pair = { baseline: at('z.npy'), candidate: at('w.npy'), targets: at('y.npy') };
  const comparison = { hardest: 9, flips: true, coverage: true };

  test.each([
    ['softmax', pair, { loss: { name: 'softmax' }, comparison }],
    ['another type', { ...pair, candidate: at('w64.npy') }, { loss: { name: 'softmax' }, comparison }],
    ['no targets', { baseline: at('z.npy'), candidate: at('w.npy') }, { loss: { name: 'softmax' }, comparison }],
    ['sigmoid', pair, { loss: { name: 'sigmoid' }, comparison: { curves: true, coverage: true } }],
    [
      'images, without targets',
      { baseline: at('planes.npy'), candidate: at('planes-w.npy') },
      { loss: { name: 'softmax' } },
    ],
    ['the scalar twin', pair, { loss: { name: 'softmax' }, comparison, backend: 'scalar' }],
    [
      'Parquet',
      { table: fixture('zstd.parquet'), target: 'label', baseline: 'p_*', candidate: 'p_*' },
      { loss: { name: 'softmax' } },
    ],
    [
      'two tables',
      { baseline: fixture('zstd.parquet'), candidate: fixture('gzip.parquet'), target: 'label', scores: 'p_*' },
      { loss: { name: 'softmax' }, comparison: { hardest: 9, coverage: true } },
    ],
    [
      'two tables, one of them CSV, by one',
      { baseline: fixture('zstd.parquet'), candidate: fixture('named.csv'), target: 'label', scores: ['p_*'] },
      { loss: { name: 'sigmoid' } },
    ],
    [
      'CSV, by one',
      { table: fixture('named.csv'), target: 'label', baseline: 'p_*', candidate: 'p_*' },
      { loss: { name: 'softmax' } },
    ],
  ] as [string, Node.PairFiles, Node.CompareFilesOptions][])('the same bytes: %s', async (title, files, options) => {
    const one = await compareFiles(files, { ...options, jobs: 1, firstIndex: 100 });
    for (const jobs of [2, 3]) {
      const seen: number[] = [];
      const onProgress = (samples: number) => seen.push(samples);
      const many = await compareFiles(files, { ...options, jobs, firstIndex: 100, bytes: 2000, onProgress });
      expect(many.comparison.toBytes()).toEqual(one.comparison.toBytes());
      expect(many).toMatchObject({ samples: one.samples, missing: one.missing, names: one.names });
      expect(seen.at(-1)).toBe(one.samples);
      expect(many.jobs).toBe(/by one/.test(title) ? 1 : jobs);
    }
  });

  test('counts what update counts', async () => {
    const own = new FocalComparison(new SoftmaxFocalLoss(), { classes: C, ...comparison });
    own.update(z, other, y);
    writeFileSync(at('fortran-z.npy'), npy(z, [N, C], true));
    writeFileSync(at('fortran-w.npy'), npy(other, [N, C], true));
    for (const [baseline, candidate] of [
      ['z.npy', 'w.npy'],
      ['z.npy', 'fortran-w.npy'],
      ['fortran-z.npy', 'w.npy'],
      ['fortran-z.npy', 'fortran-w.npy'],
    ] as const) {
      const files = { ...pair, baseline: at(baseline), candidate: at(candidate) };
      const options = { loss: { name: 'softmax' }, comparison, jobs: 2, bytes: 50_000 } as const;
      const { comparison: found } = await compareFiles(files, options);
      expect(found.toBytes()).toEqual(own.toBytes());
    }
  });

  const labels = y.slice();
  labels[4321] = 71;
  writeFileSync(at('bad-pair.npy'), new Uint8Array(dump(labels)));
  writeFileSync(at('short.npy'), new Uint8Array(dump(z.slice(C), [N - 1, C])));
  writeFileSync(at('wide.npy'), new Uint8Array(dump(z, [N / 2, 2 * C])));
  const softmax = { loss: { name: 'softmax' } };
  test.each([
    [
      'a bad label',
      { ...pair, targets: at('bad-pair.npy') },
      softmax,
      /bad-pair\.npy: targets\[4321\] expected .*got 71$/,
    ],
    [
      'fewer samples',
      { ...pair, candidate: at('short.npy') },
      softmax,
      /short\.npy: expected 6000 samples of 7 classes as the baseline, got 5999 samples of 7/,
    ],
    [
      'other classes',
      { ...pair, candidate: at('wide.npy'), targets: undefined },
      softmax,
      /wide\.npy: expected 6000 samples of 7 classes as the baseline, got 3000 samples of 14/,
    ],
    ['one model', { logits: at('z.npy'), targets: at('y.npy') }, softmax, /^files expected an object \{ baseline/],
    ['a missing file', { ...pair, candidate: at('none.npy') }, softmax, /none\.npy: no such file/],
    ['no options', pair, undefined, /options expected an object with loss/],
    ['a meter', pair, { ...softmax, meter: {} }, /options expected only .*got "meter"/],
    ['an unknown option', pair, { ...softmax, comparison: { flip: true } }, /got "flip"/],
  ])('refused: %s', async (_, files, options, message) => {
    for (const jobs of [1, 2]) {
      const run = compareFiles(files as never, (options && { ...options, jobs, bytes: 500 }) as never);
      await expect(run).rejects.toThrow(message);
    }
  });

  test('a worker that dies is told with its samples', async () => {
    const program = new URL('./files/dying-worker.mjs', import.meta.url);
    const backend = async () => FocalComparison;
    const compare = defineCompareFiles({ auto: backend, scalar: backend }, program);
    await expect(compare(pair, { loss: { name: 'softmax' }, jobs: 2 })).rejects.toThrow(
      /^a worker died \(exit code 3\) while it worked on samples \d+ to \d+ of .*z\.npy, .*y\.npy, .*w\.npy$/,
    );
  });
});

describe('calibrateFiles', () => {
  test.each([
    ['softmax', FILES, { loss: 'softmax' }],
    ['sigmoid', FILES, { loss: 'sigmoid', holdout: 0.5 }],
    ['nothing held out', FILES, { holdout: 0 }],
    ['images', { logits: at('planes.npy'), targets: at('planes-y.npy') }, { firstIndex: 7 }],
    ['the scalar twin', FILES, { backend: 'scalar' }],
  ] as [string, typeof FILES, Node.CalibrateFilesOptions][])('the same bits: %s', async (_, files, options) => {
    const { jobs, ...one } = await calibrateFiles(files, { ...options, jobs: 1 });
    expect(jobs).toBe(1);
    expect(one.temperature).toBeGreaterThan(0);
    for (const many of [2, 3]) {
      expect(await calibrateFiles(files, { ...options, jobs: many, bytes: 2000 })).toEqual({ ...one, jobs: many });
    }
  });

  test('as fitTemperature, whatever the batches', async () => {
    const { jobs: _, ...found } = await calibrateFiles(FILES, { jobs: 2 });
    const cut = (from: number, to: number) => ({
      logits: { data: z.slice(from * C, to * C), dims: [to - from, C] },
      targets: y.slice(from, to),
      firstIndex: from,
    });
    expect(await fitTemperature(() => [cut(0, N)])).toEqual(found);
    expect(await fitTemperature(() => [cut(17, N), cut(0, 17)])).toEqual(found);
  });

  const labels = y.slice();
  labels[4321] = 71;
  writeFileSync(at('bad-calibrate.npy'), new Uint8Array(dump(labels)));
  test.each([
    ['a bad label', { ...FILES, targets: at('bad-calibrate.npy') }, {}, /targets\[4321\] expected .*got 71$/],
    ['a missing file', { ...FILES, logits: at('none.npy') }, {}, /none\.npy: no such file/],
    ['an unknown option', FILES, { meter: {} }, /options expected only .*got "meter"/],
    ['a holdout', FILES, { holdout: 1 }, /holdout expected a number in \[0, 1\), got 1/],
    ['a loss', FILES, { loss: 'hinge' }, /loss expected 'softmax' or 'sigmoid'/],
  ])('refused: %s', async (_, files, options, message) => {
    for (const jobs of [1, 2]) {
      await expect(calibrateFiles(files, { ...options, jobs, bytes: 500 } as never)).rejects.toThrow(message);
    }
  });
});

describe('faults', () => {
  const labels = y.slice();
  labels[N - 5] = 70;
  labels[4321] = 71;
  writeFileSync(at('bad.npy'), new Uint8Array(dump(labels)));
  const bad = { ...FILES, targets: at('bad.npy') };

  test.each([1, 2, 3])('a bad label is told by its index, the first of several: %d', async (jobs) => {
    for (let trial = 0; trial < 2; trial++) {
      const run = evaluateFiles(bad, { loss: { name: 'softmax' }, jobs, bytes: 500 });
      await expect(run).rejects.toThrow(/bad\.npy: targets\[4321\] expected .*got 71$/);
      await expect(run).rejects.toMatchObject({ name: 'FileError', file: at('bad.npy') });
    }
  });

  test('a worker that dies', async () => {
    const program = new URL('./files/dying-worker.mjs', import.meta.url);
    const all = async () => ({ ...meters, ...slices });
    const evaluate = defineFiles({ auto: all, scalar: all }, program);
    const abort = new AbortController();
    // the other one would live for ever
    setTimeout(() => abort.abort(new Error('too late')), 20_000);
    const run = evaluate(FILES, { loss: { name: 'softmax' }, jobs: 1 });
    expect((await run).samples).toBe(N);
    const dying = evaluate(FILES, { loss: { name: 'softmax' }, jobs: 2, signal: abort.signal });
    await expect(dying).rejects.toThrow(
      /^a worker died \(exit code 3\) while it worked on samples \d+ to \d+ of .*z\.npy, .*y\.npy$/,
    );
  }, 30_000);

  test.each([1, 2])('abort ends all: %d', async (jobs) => {
    const abort = new AbortController();
    const seen: number[] = [];
    const run = evaluateFiles(FILES, {
      loss: { name: 'softmax' },
      jobs,
      bytes: 500,
      signal: abort.signal,
      onProgress: (samples) => {
        seen.push(samples);
        abort.abort(new Error('enough'));
      },
    });
    await expect(run).rejects.toThrow('enough');
    expect(seen[0]).toBeLessThan(N);
    const whole = new AbortController();
    const finished = { loss: { name: 'softmax' }, jobs, signal: whole.signal } as const;
    await evaluateFiles(FILES, finished);
    expect(getEventListeners(whole.signal, 'abort')).toHaveLength(0);
    const throwing = { ...finished, bytes: 500, onProgress: () => expect.fail('mine') };
    await expect(evaluateFiles(FILES, throwing)).rejects.toThrow('mine');
    const early = AbortSignal.abort(new Error('before'));
    await expect(evaluateFiles(FILES, { loss: { name: 'softmax' }, jobs, signal: early })).rejects.toThrow('before');
  });

  test.each([
    ['no options', FILES, undefined, /options expected an object with loss/],
    ['an unknown option', FILES, { loss: { name: 'softmax' }, job: 2 }, /options expected only .*got "job"/],
    ['a signal that is none', FILES, { loss: { name: 'softmax' }, signal: {} }, /signal expected an AbortSignal/],
    ['jobs 0', FILES, { loss: { name: 'softmax' }, jobs: 0 }, /jobs expected an integer in \[1, 1024\], got 0/],
    ['a backend', FILES, { loss: { name: 'softmax' }, backend: 'gpu' }, /backend expected 'auto' or 'scalar'/],
    [
      'bytes by two',
      { ...FILES, targets: new Uint8Array(dump(y)) },
      { loss: { name: 'softmax' }, jobs: 2 },
      /jobs expected 1 for files that are not told by paths/,
    ],
    [
      'a missing file',
      { ...FILES, logits: at('none.npy') },
      { loss: { name: 'softmax' }, jobs: 2 },
      /none\.npy: no such file/,
    ],
  ])('%s', async (_, files, options, message) => {
    await expect(evaluateFiles(files as never, options as never)).rejects.toThrow(message);
  });
});

describe('shards and states by the line', () => {
  const cut = [0, 17, 3000, N];
  const lines = cut.slice(1).map((to, i) => {
    const from = cut[i]!;
    writeFileSync(at(`z${i}.npy`), new Uint8Array(dump(z.slice(from * C, to * C), [to - from, C])));
    writeFileSync(at(`y${i}.npy`), new Uint8Array(dump(y.slice(from, to))));
    return JSON.stringify({ logits: at(`z${i}.npy`), targets: at(`y${i}.npy`), firstIndex: from });
  });
  const options = { loss: { name: 'softmax' }, meter: { hardest: 4 } } as const;
  const collect = async (shards: string[]) => {
    const states: string[] = [];
    for await (const state of mapShards(shards, options)) states.push(state);
    return states;
  };

  test('merge to the bytes of the whole, in any order', async () => {
    const states = await collect([...lines, '']);
    expect(states.every((state) => !state.includes('\n'))).toBe(true);
    const whole = await evaluateShard(FILES, { ...options, meter: { hardest: 4, coverage: true } });
    expect((await mergeStates(states)).toBytes()).toEqual(whole.meter.toBytes());
    expect((await mergeStates(states.reverse())).toBytes()).toEqual(whole.meter.toBytes());
    const [last] = states;
    expect(states.length).toBe(3);
    expect((await mergeStates([last!])).compute().missing).toEqual([[0, 3000]]);
  });

  test('a table in a line', async () => {
    const line = JSON.stringify({ table: fixture('named.csv'), target: 'label', scores: 'p_*' });
    const [state] = await collect([line]);
    expect(meters.FocalMeter.fromJSON(JSON.parse(state!)).compute().samples).toBe(50);
  });

  test('what is wrong is told with its line', async () => {
    await expect(collect([lines[0]!, '{'])).rejects.toThrow(/^line 2 expected JSON, got '\{'/);
    await expect(collect(['', '7'])).rejects.toThrow(/^line 2 expected an object/);
    await expect(collect(['{"logit":"z.npy"}'])).rejects.toThrow(
      /^line 1: a shard expected only logits, .* got "logit"/,
    );
    await expect(collect([lines[0]!.replace('z0', 'none')])).rejects.toThrow(/^line 1: .*none\.npy: no such file/);
    const [a, b] = await collect(lines);
    await expect(mergeStates([a!, b!, a!])).rejects.toThrow(/^line 3: /);
    await expect(mergeStates([a!.replace('"gamma":2', '"gamma":3')])).rejects.toThrow(/^line 1: /);
    await expect(mergeStates([])).rejects.toThrow(/states expected at least one line, got none/);
  });
});
