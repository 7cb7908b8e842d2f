import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { crc32, deflateRawSync } from 'node:zlib';
import { dump } from 'npyjs';
import { describe, expect, test } from 'vitest';
import { FocalComparison } from '../bindings/entries/compare.ts';
import {
  countTargets,
  evaluateShard,
  FileError,
  type Files,
  fromBytes,
  fromStream,
  inspect,
  openArray,
  openDataset,
  type Source,
} from '../bindings/entries/files.ts';
import { SigmoidFocalLoss, SoftmaxFocalLoss } from '../bindings/entries/index.ts';
import { FocalMeter } from '../bindings/entries/meter.ts';
import { compareDatasets, openPair, type PairFiles } from '../bindings/files/compare.ts';
import { Random } from './random.ts';

const path = (name: string) => fileURLToPath(new URL(`files/${name}`, import.meta.url));
const bytes = (name: string) => new Uint8Array(readFileSync(path(name)));
const expected = JSON.parse(readFileSync(path('expected.json'), 'utf8'));
const SOFTMAX = { loss: { name: 'softmax' }, meter: { hardest: 5, confusion: true } } as const;
const NAMES = ['ant', 'bee', 'cat'];

const file = (name: string): Source => fromBytes(bytes(name), name);
const text = (name: string, content: string): Source => fromBytes(new TextEncoder().encode(content), name);
const stream = (name: string): Source =>
  fromStream(name, async function* () {
    const all = bytes(name);
    for (let at = 0, step = 1; at < all.length; at += step, step = (step * 7) % 97) yield all.subarray(at, at + step);
  });

function state(y: number[]): Uint8Array {
  const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes: 3, ...SOFTMAX.meter });
  meter.update({ data: Float32Array.from(expected.z), dims: [50, 3] }, y);
  return meter.toBytes();
}
const ROWS = state(expected.y);
const MISSING = state(expected.y.map((c: number, i: number) => (i % 7 === 0 ? -100 : c)));

describe('arrays in one file', () => {
  test.each([
    ['both.npz:logits', 'both.npz:targets'],
    ['both.npz', 'both.npz'],
    ['compressed.npz:logits', 'compressed.npz:targets'],
    ['compressed.npz:fortran', 'one.npz'],
    ['tensors.safetensors:logits', 'tensors.safetensors:targets'],
    ['tensors.safetensors:half', 'tensors.safetensors'],
    ['tensors.safetensors:bf16', 'both.npz:targets'],
    ['tensors.safetensors:double', 'tensors.safetensors:targets'],
  ])('%s, %s', async (logits, targets) => {
    const resolve = async (place: string) => file(place);
    for (const bytes of [undefined, 100]) {
      const { meter } = await evaluateShard({ logits, targets }, { ...SOFTMAX, resolve, ...(bytes && { bytes }) });
      expect(meter.toBytes()).toEqual(ROWS);
    }
  });

  test('an image of a compressed member that is longer than a chunk', async () => {
    const npz = bytes('compressed.npz');
    const files = { logits: { file: npz, member: 'planes' }, targets: { file: npz, member: 'y' } };
    const { meter } = await evaluateShard(files, { ...SOFTMAX, bytes: 16 });
    const own = new FocalMeter(new SoftmaxFocalLoss(), { classes: 3, ...SOFTMAX.meter });
    own.update({ data: Float32Array.from(expected.planes), dims: [2, 3, 4] }, expected.planesY);
    expect(meter.toBytes()).toEqual(own.toBytes());
  });

  test('what they hold', async () => {
    const shapes = async (name: string) =>
      (await inspect(file(name))).arrays!.map(({ member, dtype, shape }) => `${member} ${dtype} ${shape}`);
    expect(await shapes('both.npz')).toEqual([
      'logits float32 50,3',
      'targets int64 50',
      'planes float32 2,3,2,2',
      'words string 1',
    ]);
    expect((await shapes('tensors.safetensors')).sort()).toEqual([
      'bf16 bfloat16 50,3',
      'double float64 50,3',
      'half float16 50,3',
      'hit bool 50',
      'logits float32 50,3',
      'targets int64 50',
    ]);
  });
});

describe('tables', () => {
  const named = ['named.csv', 'named.tsv', 'semicolons.csv', 'named.jsonl'];
  const parquet = ['none', 'snappy', 'gzip', 'zstd', 'brotli', 'lz4'].map((codec) => `${codec}.parquet`);
  test.each([...named, ...parquet])('%s', async (name) => {
    for (const scores of [undefined, 'p_*', NAMES.map((c) => `p_${c}`)]) {
      const files = { table: file(name), target: 'label', scores };
      // names of the classes are those of the columns, unless a pattern says what of them
      const names = scores === 'p_*' ? null : NAMES;
      for (const bytes of [undefined, 50]) {
        const result = await evaluateShard(files, { ...SOFTMAX, names, ...(bytes && { bytes }) });
        expect(result).toMatchObject({ samples: 50, missing: 0, names: NAMES });
        expect(result.meter.toBytes()).toEqual(ROWS);
      }
    }
  });

  test.each(['missing.csv', 'missing.jsonl', 'missing.parquet'])('labels that are missing: %s', async (name) => {
    const { meter, missing, names } = await evaluateShard({ table: file(name), target: 'label' }, SOFTMAX);
    expect({ missing, names }).toEqual({ missing: 8, names: ['0', '1', '2'] });
    expect(meter.toBytes()).toEqual(MISSING);
    const dataset = await openDataset({ table: file(name), target: 'label' });
    const valid = expected.y.filter((_: number, i: number) => i % 7 !== 0);
    expect([...(await countTargets(dataset))]).toEqual(
      [0, 1, 2].map((c) => valid.filter((y: number) => y === c).length),
    );
  });

  test.each(['lists.jsonl', 'lists.parquet'])('lists of scores: %s', async (name) => {
    for (const scores of [undefined, 'logits']) {
      const { meter, names } = await evaluateShard({ table: file(name), target: 'label', scores }, SOFTMAX);
      expect(meter.toBytes()).toEqual(ROWS);
      expect(names).toBe(null);
    }
  });

  test.each(['named.csv', 'named.jsonl'])('a stream: %s', async (name) => {
    const files = { table: { file: stream(name), format: name.slice(6) as 'csv' }, target: 'label', scores: 'p_*' };
    expect((await evaluateShard(files, SOFTMAX)).meter.toBytes()).toEqual(ROWS);
  });

  test.each([...named, ...parquet])('any rows, with columns beside: %s', async (name) => {
    const dataset = await openDataset({ table: file(name), target: 'label', scores: 'p_*' }, { columns: ['text'] });
    for (const [from, to] of [
      [0, 50],
      [3, 4],
      [19, 41],
      [49, 50],
    ] as const) {
      const seen: unknown[] = [];
      const z: number[] = [];
      for await (const { columns, logits, first } of dataset.chunks(from, to, { bytes: 200 })) {
        expect(first).toBe(from + seen.length);
        seen.push(...columns.text!);
        z.push(...(logits.data as Float64Array));
      }
      expect(seen).toEqual(Array.from({ length: to - from }, (_, i) => `a, "b"\n${from + i}`));
      // JSON of pandas has no −0
      expect(z.map((x) => x + 0)).toEqual(expected.z.slice(3 * from, 3 * to).map((x: number) => x + 0));
    }
    expect(dataset.samples).toBe(name.endsWith('parquet') ? 50 : null);
  });

  describe('classes go by their names, not by where their columns stand', () => {
    const table = text(
      't.csv',
      'p_ant,p_bee,p_cat,q_cat,q_ant,q_bee,label\n3,1,0,0,3,1,ant\n0,2,1,1,0,2,bee\n0,1,5,5,0,1,cat\n',
    );

    test('names in another order than the columns', async () => {
      for (const names of [
        ['ant', 'bee', 'cat'],
        ['cat', 'ant', 'bee'],
        ['x', 'y', 'z'],
      ]) {
        const dataset = await openDataset({ table, target: 'q_cat', scores: 'p_*' }, { names });
        const [chunk] = [(await dataset.chunks().next()).value!];
        expect(dataset.names).toEqual(names);
        const order = names[0] === 'cat' ? [2, 0, 1] : [0, 1, 2];
        expect([...(chunk.logits.data as Float64Array).subarray(0, 3)]).toEqual(order.map((c) => [3, 1, 0][c]));
      }
    });

    test('names that are those of some of the columns, at other places', async () => {
      const opened = openDataset({ table, target: 'label', scores: 'p_*' }, { names: ['bee', 'dog', 'cat'] });
      await expect(opened).rejects.toThrow(/names put class 'bee' where 'p_ant' is, not 'p_bee'/);
    });

    test('two models with their columns in different orders', async () => {
      const { baseline, candidate } = await openPair({ table, target: 'label', baseline: 'p_*', candidate: 'q_*' });
      const rows = await Promise.all(
        [baseline, candidate].map(async (side) => [
          ...((await side.chunks().next()).value!.logits.data as Float64Array),
        ]),
      );
      expect(candidate.names).toEqual(['ant', 'bee', 'cat']);
      expect(rows[1]).toEqual(rows[0]);
    });
  });

  describe('a table of each model', () => {
    const N = 9000;
    const CLASSES = ['ant', 'bee', 'cat'];
    const score = (i: number, c: number, side: number) => 3 * Math.sin(i * 7 + c * 3 + 1) + side * Math.cos(i * 3 + c);
    const label = (i: number) => (i % 11 === 3 ? '' : CLASSES[(i * 5 + (i >> 3)) % 3]!);
    // the cells of one side are longer, so that the blocks of the two texts end at other rows
    const cell = (i: number, c: number, side: number) =>
      side === 0 ? score(i, c, 0).toFixed(3) : score(i, c, 1).toPrecision(15);
    const rows = (count: number, line: (i: number) => string, head: string) =>
      `${[head, ...Array.from({ length: count }, (_, i) => line(i))].join('\n')}\n`;
    const side = (order: readonly number[], which: number, prefix: string, more = '', count = N) =>
      rows(
        count,
        (i) => order.map((c) => cell(i, c, which)).join(',') + (more && `,${label(i)}`),
        order.map((c) => `${prefix}${CLASSES[c]}`).join(',') + (more && `,${more}`),
      );
    const old = side([0, 1, 2], 0, 'p_', 'label');
    const joined = rows(
      N,
      (i) => [...[0, 1, 2].map((c) => cell(i, c, 0)), ...[2, 0, 1].map((c) => cell(i, c, 1)), label(i)].join(','),
      'p_ant,p_bee,p_cat,q_cat,q_ant,q_bee,label',
    );
    const jsonl = Array.from({ length: N }, (_, i) => {
      const scores = [1, 2, 0].map((c) => [`p_${CLASSES[c]}`, Number(cell(i, c, 1))]);
      return JSON.stringify({ ...Object.fromEntries(scores), label: label(i) || null });
    });

    async function counted(files: PairFiles, bytes = 1 << 16, sigmoid = false, classes = 3) {
      const pair = await openPair(files);
      const loss = sigmoid ? new SigmoidFocalLoss() : new SoftmaxFocalLoss();
      const options = { classes, hardest: 7, coverage: true, ...(!sigmoid && { flips: true }) };
      const both = new FocalComparison(loss as SoftmaxFocalLoss, options);
      const counts = await compareDatasets(pair, both, { bytes, firstIndex: 40 });
      await pair.close();
      return { state: both.toBytes(), samples: counts.samples, missing: counts.missing, names: pair.candidate.names };
    }
    const one = (labelled = true): PairFiles => ({
      table: text('joined.csv', joined),
      ...(labelled && { target: 'label' }),
      baseline: 'p_*',
      candidate: 'q_*',
    });
    const two = (name: string, content: string, others = {}, labelled = true): PairFiles => ({
      baseline: text('old.csv', old),
      candidate: text(name, content),
      scores: 'p_*',
      ...(labelled && { target: 'label' }),
      ...others,
    });

    test.each([
      ['columns in another order', 'new.csv', side([2, 0, 1], 1, 'p_', 'label'), {}],
      ['no labels of its own', 'new.csv', side([1, 2, 0], 1, 'p_'), {}],
      ['another format', 'new.jsonl', `${jsonl.join('\n')}\n`, {}],
      ['columns called otherwise', 'new.csv', side([1, 0, 2], 1, 'q_', 'label'), { candidateScores: 'q_*' }],
      [
        'columns named one by one',
        'new.csv',
        side([1, 0, 2], 1, 'q_'),
        { candidateScores: ['q_ant', 'q_bee', 'q_cat'] },
      ],
      [
        'all other columns',
        'new.csv',
        side([1, 0, 2], 1, '', 'label'),
        { scores: undefined, baseline: text('old.csv', old.replaceAll('p_', '')) },
      ],
    ] as const)('is the table of both, to the bit: %s', async (_, name, content, others) => {
      for (const bytes of [1 << 16, 1 << 22]) {
        const found = await counted(two(name, content, others), bytes);
        expect({ ...found, names: null }).toEqual({ ...(await counted(one())), names: null });
        expect(found.missing).toBe(Array.from({ length: N }, (_, i) => label(i)).filter((y) => y === '').length);
      }
    });

    test('one-vs-rest, without labels, the other way round', async () => {
      const content = side([2, 0, 1], 1, 'p_', 'label');
      for (const [sigmoid, labelled] of [
        [true, true],
        [true, false],
        [false, false],
      ] as const) {
        const found = await counted(two('new.csv', content, {}, labelled), 5000, sigmoid);
        expect(found.state).toEqual((await counted(one(labelled), 1 << 20, sigmoid)).state);
      }
      const { baseline, candidate, ...others } = two('new.csv', content) as { baseline: Source; candidate: Source };
      const swapped = await counted({ ...others, baseline: candidate, candidate: baseline, target: 'label' });
      expect(swapped.names).toEqual(['cat', 'ant', 'bee']);
    });

    test.each([
      ['named.csv', 'zstd.parquet'],
      ['gzip.parquet', 'named.jsonl'],
      ['zstd.parquet', 'gzip.parquet'],
    ])('formats that know their length and such that do not: %s, %s', async (a, b) => {
      const ours: PairFiles = { baseline: file(a), candidate: file(b), target: 'label', scores: 'p_*' };
      const { state } = await counted(ours, 200);
      const table = file('named.csv');
      const same = await counted({ table, target: 'label', baseline: 'p_*', candidate: 'p_*' });
      expect(state).toEqual(same.state);
    });

    test('lists of scores, in the order they have, beside columns', async () => {
      const files = { baseline: file('lists.jsonl'), candidate: file('named.csv'), target: 'label' };
      const { state, names } = await counted({ ...files, scores: 'logits', candidateScores: 'p_*' }, 200);
      const same = { table: file('named.csv'), target: 'label', baseline: 'p_*', candidate: 'p_*' };
      expect(state).toEqual((await counted(same)).state);
      expect(names).toEqual(NAMES);
    });

    test('images of which one side is read whole, the other in parts', async () => {
      const dims = [4, 3, 5, 7];
      const [a, b] = [0, 1].map((which) => {
        const data = Float32Array.from({ length: 420 }, (_, i) => score(i, i % 3, which));
        return new Uint8Array(dump(data, dims));
      }) as [Uint8Array, Uint8Array];
      const y = new Uint8Array(
        dump(
          Uint8Array.from({ length: 140 }, (_, i) => i % 3),
          [4, 5, 7],
        ),
      );
      const once = (data: Uint8Array) =>
        fromStream('stream.npy', async function* () {
          yield data;
        });
      const files = (ours: Source, theirs: Source) => ({
        baseline: ours,
        candidate: theirs,
        targets: fromBytes(y, 'y.npy'),
      });
      const whole = await counted(files(fromBytes(a, 'a.npy'), fromBytes(b, 'b.npy')));
      for (const [ours, theirs] of [
        [once(a), fromBytes(b, 'b.npy')],
        [fromBytes(a, 'a.npy'), once(b)],
      ] as const) {
        expect((await counted(files(ours, theirs), 200)).state).toEqual(whole.state);
      }
    });

    test('names that are not those of the columns do not pair these by where they stand', async () => {
      const small = (order: number[]) => text('x.csv', side(order, 0, 'p_', '', 3));
      const files = { baseline: small([0, 1, 2]), candidate: small([2, 0, 1]), scores: 'p_*' };
      const { baseline, candidate } = await openPair(files, { names: ['x', 'y', 'z'] });
      const [ours, theirs] = await Promise.all(
        [baseline, candidate].map(async (one) => (await one.chunks().next()).value),
      );
      expect(theirs.logits.data).toEqual(ours.logits.data);
      expect([baseline.names, candidate.names]).toEqual([ours, theirs].map(() => ['x', 'y', 'z']));
    });

    const lines = side([2, 0, 1], 1, 'p_', 'label').split('\n');
    const edited = (row: number, edit: (line: string) => string) =>
      lines.map((line, i) => (i === row + 1 ? edit(line) : line)).join('\n');
    const soft = (y: string) => `p_a,p_b,y_a,y_b\n1,2,0,1\n3,4,${y}\n`;
    const SAME = 'the rows must be the same samples in the same order';
    const WIDE = side([0, 1, 2], 1, 'p_', 'label').replace('p_cat', 'p_cow');
    test.each([
      [
        'fewer rows',
        two('new.csv', side([0, 1, 2], 1, 'p_', '', N - 1)),
        'new.csv: expected 9000 samples of 3 classes as the baseline, got 8999 samples of 3 classes',
      ],
      [
        'more rows',
        { ...two('new.csv', lines.join('\n')), baseline: text('old.csv', side([0, 1, 2], 0, 'p_', 'label', 70)) },
        'new.csv: expected 70 samples of 3 classes as the baseline, got 9000 samples of 3 classes',
      ],
      [
        'none',
        two('new.csv', 'p_ant,p_bee,p_cat\n'),
        'new.csv: expected 9000 samples of 3 classes as the baseline, got 0 samples of 3 classes',
      ],
      [
        'more rows than a file knows to have',
        { ...two('new.csv', lines.join('\n')), baseline: file('zstd.parquet'), target: undefined },
        'new.csv: expected 50 samples of 3 classes as the baseline, got 9000 samples of 3 classes',
      ],
      [
        'another label',
        two(
          'new.csv',
          edited(7777, (line) => line.replace(/[a-z]*$/, 'bee')),
        ),
        `new.csv: row 7777: label 'bee', in old.csv '${label(7777)}': ${SAME}`,
      ],
      [
        'no label',
        two(
          'new.csv',
          edited(12, (line) => line.replace(/[a-z]*$/, '')),
        ),
        `new.csv: row 12: label none, in old.csv '${label(12)}': ${SAME}`,
      ],
      [
        'a word that is no label',
        two(
          'new.csv',
          edited(12, (line) => line.replace(/[a-z]*$/, 'elk')),
        ),
        "new.csv: targets[12] (column 'label') expected one of 'ant', 'bee', 'cat', got 'elk'",
      ],
      [
        'other soft labels',
        {
          baseline: text('a.csv', soft('1,0.5')),
          candidate: text('b.csv', soft('1,0.25')),
          target: 'y_*',
          scores: 'p_*',
        },
        `b.csv: row 1: label of class 'b' 0.25, in a.csv 0.5: ${SAME}`,
      ],
      ['another class', two('new.csv', WIDE), "new.csv: has no scores of the baseline's class 'cat'"],
      [
        'a class more',
        two('new.csv', WIDE.replace('label', 'p_cat'), {}, false),
        "new.csv: has scores of class 'cow', which the baseline has not",
      ],
      [
        'a column more',
        two('new.csv', lines.join('\n').replace('label', 'note'), {
          scores: undefined,
          baseline: text('old.csv', `id,${old.replaceAll('\n', '\n7,').slice(0, -2)}`),
        }),
        "new.csv: has no scores of the baseline's class 'id': say which are the scores",
      ],
      [
        'one class less, in lists',
        {
          baseline: file('lists.jsonl'),
          candidate: text('b.csv', soft('1,0.5')),
          target: 'label',
          scores: 'logits',
          candidateScores: 'p_*',
        },
        'b.csv: expected 3 classes as the baseline, got 2 classes',
      ],
      [
        'no labels in the baseline',
        two('new.csv', lines.join('\n'), { target: 'truth' }),
        "old.csv: has no column 'truth'; its columns are 'p_ant', 'p_bee', 'p_cat', 'label'",
      ],
      [
        'an array',
        two('new.csv', '', { candidate: file('rows.npy') }),
        'rows.npy: holds arrays (npy), not a table with one row a sample',
      ],
    ] as [string, PairFiles, string][])('refused: %s', async (_, files, message) => {
      const found = counted(files, 3000);
      await expect(found).rejects.toThrow(FileError);
      await expect(found).rejects.toThrow(new RegExp(`^${message.replace(/[[\]().]/g, '\\$&')}$`));
    });
  });

  test('targets in columns of their own, in the order of the scores', async () => {
    const dataset = await openDataset({ table: file('multi.csv'), target: 'y_*', scores: 'p_*' });
    const hot: number[] = [];
    for await (const { targets } of dataset.chunks()) hot.push(...(targets.data as never as Float64Array));
    expect(hot).toEqual(expected.y.flatMap((y: number) => [0, 1, 2].map((c) => Number(c === y))));
    expect([...(await countTargets(dataset))]).toEqual(
      [0, 1, 2].map((c) => expected.y.filter((y: number) => y === c).length),
    );
  });

  test('columns and their kinds', async () => {
    const kinds = async (name: string) =>
      (await inspect(file(name))).columns!.map((column) => `${column.name} ${column.kind}`);
    const columns = ['text text', 'label text', 'p_ant number', 'p_bee number', 'p_cat number'];
    for (const name of ['named.csv', 'named.jsonl', 'zstd.parquet']) expect(await kinds(name)).toEqual(columns);
    for (const name of ['lists.jsonl', 'lists.parquet'])
      expect(await kinds(name)).toEqual(['label number', 'logits list']);
    expect(await inspect(file('gzip.parquet'))).toMatchObject({ format: 'parquet', rows: 50, arrays: null });
  });

  test.each([
    // numbers that are names are names, whatever the order of the columns
    ['label,s_2,s_1\n1,0.5,2\n2,3,-1\n', [1, 0]],
    // else they are indices; so are whole floats and booleans
    ['label,s_a,s_b\n1,0.5,2\n0.0,3,-1\nb,1,2\n', [1, 0, 1]],
    ['label,s_a,s_b\n,0.5,2\n-100,3,-1\n"",1,2\nNaN,1,2\n', [-100, -100, -100, -100]],
    ['label,s_a,s_b\n a ,0.5,2\n"b",3,-1', [0, 1]],
    // of one class numbers tell whether, the name that it is the class, whatever the column is called
    ['label,s_1\n1,0.5\n0,3\n', [1, 0]],
    ['label,s_0\n1,0.5\n0,3\n', [1, 0]],
    ['label,s_spam\nspam,0.5\n,3\n0,1\n', [1, -100, 0]],
    ['label,s_spam\nTrue,0.5\nfalse,3\n', [1, 0]],
    // booleans are numbers, and so names where the names are numbers
    ['label,s_1,s_0\nTrue,0.5,2\nFalse,3,-1\n', [0, 1]],
    ['label,s_true,s_false\ntrue,0.5,2\nfalse,3,-1\n', [0, 1]],
    ['label,s_a,s_b\nTRUE,0.5,2\nFALSE,3,-1\n', [1, 0]],
  ])('labels of %j', async (content, labels) => {
    const dataset = await openDataset({ table: text('x.csv', content), target: 'label', scores: 's_*' });
    const seen: number[] = [];
    for await (const { targets } of dataset.chunks()) seen.push(...(targets.data as Int32Array));
    expect(seen).toEqual(labels);
  });

  test('a word that one class is not called', async () => {
    const dataset = await openDataset({ table: text('x.csv', 'a,label\n1,no\n'), target: 'label' });
    const expected = "x.csv: targets[0] (column 'label') expected 0 or 1 ('a' stands for 1), got 'no'";
    await expect(dataset.chunks().next()).rejects.toThrow(expected);
  });

  test('names that several classes have: only labels that are one of them are refused', async () => {
    const labels = async (label: string) => {
      const table = text('x.csv', `s_0,s_1,s_2,label\n1,2,3,${label}\n`);
      const dataset = await openDataset(
        { table, target: 'label', scores: 's_*' },
        { names: ['crane', 'owl', 'crane'] },
      );
      return [...((await dataset.chunks().next()).value!.targets.data as Int32Array)];
    };
    expect([await labels('owl'), await labels('2')]).toEqual([[1], [2]]);
    await expect(labels('crane')).rejects.toThrow(
      "targets[0] (column 'label') is 'crane', as several classes are called",
    );
  });

  test('booleans of JSON go by the names, too', async () => {
    const table = text('x.jsonl', '{"y": true, "s_1": 2, "s_0": 1}\n{"y": false, "s_1": 2, "s_0": 1}\n');
    const dataset = await openDataset({ table, target: 'y', scores: 's_*' });
    expect([...((await dataset.chunks().next()).value!.targets.data as Int32Array)]).toEqual([0, 1]);
  });

  test('scores that are not finite, or missing', async () => {
    const content = 'label,a,b\n0,inf,-Infinity\n0,nan,\n0,1e3, 2 \n';
    const dataset = await openDataset({ table: text('x.csv', content), target: 'label' });
    for await (const { logits } of dataset.chunks()) {
      expect([...(logits.data as Float64Array)]).toEqual([Infinity, -Infinity, NaN, NaN, 1000, 2]);
    }
  });

  test.each(['', 'Unnamed: 0', '__index_level_0__'])(
    'numbers of rows as pandas writes them are no scores: "%s"',
    async (own) => {
      const table = text('x.csv', `${own},s_a,s_b,label\n0,1,2,1\n1,3,4,0\n`);
      expect((await openDataset({ table, target: 'label' })).names).toEqual(['s_a', 's_b']);
      const named = await openDataset({ table, target: 'label', scores: [own, 's_b'] });
      expect(named.names).toEqual([own, 's_b']);
    },
  );

  test('JSON as Python writes it', async () => {
    const lines = '{"label": 0, "z": [NaN, Infinity], "say \\"NaN": "NaN"}\n{"label": NaN, "z": [-Infinity, 1e3]}\n';
    const table = text('x.jsonl', lines);
    const dataset = await openDataset({ table, target: 'label' }, { columns: ['say "NaN'] });
    const { logits, targets, columns } = (await dataset.chunks().next()).value!;
    expect([...(logits.data as Float64Array)]).toEqual([NaN, Infinity, -Infinity, 1000]);
    expect([...(targets.data as Int32Array)]).toEqual([0, -100]);
    expect(columns).toEqual({ 'say "NaN': ['NaN', null] });
  });

  test('a header and rows that are longer than a block', async () => {
    const classes = 40_000;
    const header = ['label', ...Array.from({ length: classes }, (_, c) => `class_${c}`)].join();
    const row = (y: number) => [y, ...Array.from({ length: classes }, (_, c) => (c * 31 + y) % 17)].join();
    const dataset = await openDataset({
      table: text('wide.csv', `${header}\n${row(3)}\n${row(4)}\n`),
      target: 'label',
      scores: 'class_*',
    });
    expect(dataset.classes).toBe(classes);
    let rows = 0;
    for await (const { logits, samples } of dataset.chunks(0, undefined, { bytes: 1 })) {
      expect((logits.data as Float64Array)[1]).toBe((31 + 3 + rows) % 17);
      rows += samples;
    }
    expect(rows).toBe(2);
  });
});

describe('what is wrong is said in one line that names the file', () => {
  const csv = (content: string, more = {}): Files => ({ table: text('x.csv', content), target: 'label', ...more });
  const jsonl = (content: string, more = {}): Files => ({ table: text('x.jsonl', content), target: 'label', ...more });
  const arrays = (logits: Source | { file: Source; member: string }): Files => ({
    logits,
    targets: file('y-int64.npy'),
  });
  const npz = bytes('both.npz');
  const compressed = bytes('compressed.npz');
  const tensors = bytes('tensors.safetensors');
  const parquet = bytes('snappy.parquet');
  const edit = (from: Uint8Array, at: number, ...values: number[]) => {
    const out = from.slice();
    out.set(values, at < 0 ? out.length + at : at);
    return out;
  };
  const safetensors = (header: string, data = 0) => {
    const out = new Uint8Array(8 + header.length + data);
    new DataView(out.buffer).setBigUint64(0, BigInt(header.length), true);
    out.set(Buffer.from(header, 'latin1'), 8);
    return fromBytes(out, 'x.safetensors');
  };
  /** An archive of one deflated member that says it has `size` bytes. */
  const zip = (data: Uint8Array, size: number) => {
    const packed = deflateRawSync(data);
    const entry = (local: boolean) => {
      const out = Buffer.alloc(local ? 30 : 46);
      out.writeUInt32LE(local ? 0x04034b50 : 0x02014b50, 0);
      const at = local ? 4 : 6;
      out.writeUInt16LE(8, at + 4);
      out.writeUInt32LE(crc32(data), at + 10);
      out.writeUInt32LE(packed.length, at + 14);
      out.writeUInt32LE(size, at + 18);
      out.writeUInt16LE(5, at + 22);
      return Buffer.concat([out, Buffer.from('z.npy')]);
    };
    const [local, central] = [entry(true), entry(false)];
    const end = Buffer.alloc(22);
    end.writeUInt32LE(0x06054b50, 0);
    end.writeUInt16LE(1, 10);
    end.writeUInt32LE(central.length, 12);
    end.writeUInt32LE(local.length + packed.length, 16);
    return fromBytes(new Uint8Array(Buffer.concat([local, packed, central, end])), 'bomb.npz');
  };
  const zeros = (length: number, shape: string) => {
    const out = new Uint8Array(length);
    out.set(
      Buffer.from(
        `\x93NUMPY\x01\x00\x76\x00${`{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117)}\n`,
        'latin1',
      ),
    );
    return out;
  };

  const cases: [string, Files, RegExp][] = [
    [
      'no such column',
      csv('a,label\n1,0\n', { target: 'lable' }),
      /x\.csv: has no column 'lable'; its columns are 'a', 'label'/,
    ],
    ['no such scores', csv('a,label\n1,0\n', { scores: 'p_*' }), /has no column like 'p_\*'/],
    [
      'scores with commas',
      csv('a,b,label\n1,0,0\n', { scores: 'a,b' }),
      /has no column 'a,b' \(several are a pattern, p_\*/,
    ],
    [
      'a label that is a part of a column',
      csv('p_a,p_b,label\n1,0,b\n'),
      /expected one of 'p_a', 'p_b', got 'b'; with scores 'p_\*' \(--scores\) the class of column 'p_b' is 'b'/,
    ],
    ['two stars', csv('a,label\n1,0\n', { scores: '*_*' }), /a pattern has one \*/],
    ['no scores', csv('a,label\nx,0\n'), /has no columns of numbers beside 'label'/],
    ['several lists', jsonl('{"a":[1,2],"b":[1],"label":0}\n'), /has several columns of lists beside 'label'/],
    [
      'the target among the scores',
      csv('a,label\n1,0\n', { scores: ['a', 'label'] }),
      /column 'label' is among the scores and the targets/,
    ],
    ['a score twice', csv('a,label\n1,0\n', { scores: ['a', 'a'] }), /column 'a' is among the scores twice/],
    [
      'a score that is a word',
      csv('a,b,label\n1,2,0\n3,oops,1\n', { scores: ['a', 'b'] }),
      /logits\[1\] \(column 'b'\) expected a number, got "oops"/,
    ],
    [
      'an unknown name',
      csv('p_a,p_b,label\n1,2,a\n3,4,c\n', { scores: 'p_*' }),
      /targets\[1\] \(column 'label'\) expected one of 'a', 'b', got 'c'/,
    ],
    [
      'a number that is no name',
      csv('p_1,p_2,label\n1,2,1\n3,4,0\n', { scores: 'p_*' }),
      /targets\[1\] \(column 'label'\) expected one of '1', '2', got '0'/,
    ],
    [
      'a fraction',
      csv('p_a,p_b,label\n1,2,0.5\n', { scores: 'p_*' }),
      /targets\[0\] .*expected one of 'a', 'b', got '0.5'/,
    ],
    [
      'an index too high',
      csv('p_a,p_b,label\n1,2,0\n1,2,2\n', { scores: 'p_*' }),
      /x\.csv: targets\[1\] expected .*got 2/,
    ],
    ['a short row', csv('a,b,label\n1,2,0\n1,2\n'), /row 1 has 2 fields, the header 3/],
    [
      'a missing quote',
      csv('a,b,c,label\n1,1,"2,0\n1,1,2,0\n'),
      /row 0 has 3 fields, the header 4; is a quote missing\?/,
    ],
    ['columns of one name', csv('a,a,label\n1,2,0\n'), /two columns named 'a'/],
    ['an empty file', csv(''), /is empty, a header line/],
    [
      'UTF-16',
      { table: fromBytes(new Uint8Array([0xff, 0xfe, 0x61, 0]), 'x.csv'), target: 'a' },
      /is UTF-16, save it as UTF-8/,
    ],
    [
      'gzip by another name',
      { table: fromBytes(new Uint8Array([0x1f, 0x8b, 8, 0]), 'x.csv.gz'), target: 'a' },
      /x\.csv\.gz: is compressed by gzip, which is not read: gunzip it/,
    ],
    [
      'gzip, of a format that is said',
      { table: { file: fromBytes(new Uint8Array([0x1f, 0x8b]), 'x'), format: 'csv' }, target: 'a' },
      /gunzip/,
    ],
    ['gzip', { table: fromBytes(new Uint8Array([0x1f, 0x8b, 8, 0]), 'x.csv'), target: 'a' }, /is compressed by gzip/],
    ['no UTF-8', { table: fromBytes(new Uint8Array([0x61, 0xff, 0x62]), 'x.csv'), target: 'a' }, /is not UTF-8/],
    ['no JSON', jsonl('{"a":1,"label":0}\n{"a":}\n'), /x\.jsonl: row 1 is no JSON: '\{"a":\}'/],
    ['an array of objects', jsonl('[{"a":1}]\n'), /row 0 expected an object.*jq -c/],
    ['a number as a row', jsonl('{"a":1,"b":2,"label":0}\n7\n'), /row 1 expected an object, got '7'/],
    ['no row', jsonl('\n\n'), /is empty, one JSON object a line/],
    [
      'lists of several lengths',
      jsonl('{"s":[1,2],"label":0}\n{"s":[1],"label":0}\n'),
      /logits\[1\] \(column 's'\) expected a list of 2 numbers, got \[1\]/,
    ],
    [
      'a list of words',
      jsonl('{"s":[1,2],"label":0}\n{"s":[1,{}],"label":0}\n'),
      /logits\[1\] \(column 's'\) expected numbers, got \{\}/,
    ],
    [
      'targets of other classes',
      csv('p_a,p_b,y_a\n1,2,0\n', { target: 'y_*', scores: 'p_*' }),
      /1 columns of targets for 2 of scores/,
    ],
    ['a table as logits', arrays(file('named.csv')), /named\.csv: is a table \(csv\): name its columns: --target/],
    ['arrays as a table', { table: file('both.npz'), target: 'label' }, /holds arrays \(npz\), not a table/],
    ['several arrays', arrays(file('compressed.npz')), /y-int64\.npy|^/],
    [
      'an unknown member',
      arrays({ file: file('both.npz'), member: 'logit' }),
      /both\.npz: has no array 'logit' \(as in file\.npz:name\): 'logits', 'targets', 'planes', 'words'/,
    ],
    ['a member of strings', arrays({ file: file('both.npz'), member: 'words' }), /both\.npz:words: strings/],
    ['an archive without its end', arrays(fromBytes(npz.slice(0, -1), 'x.npz')), /x\.npz: not a whole \.npz file/],
    [
      'an archive through a pipe',
      arrays({ file: stream('both.npz'), member: 'logits' }),
      /can not be read from a pipe/,
    ],
    [
      'a directory of 65,535 members',
      arrays(fromBytes(edit(npz, -12, 0xff, 0xff), 'x.npz')),
      /its directory does not fit/,
    ],
    [
      'corrupt deflated data',
      arrays(fromBytes(edit(compressed, 120, 0, 1, 2, 3, 4, 5, 6, 7), 'x.npz')),
      /x\.npz:logits: /,
    ],
    [
      'a bomb that says it is small',
      arrays(zip(zeros(50_000_000, '(50, 3)'), 728)),
      /bomb\.npz:z: has more than the 728 bytes it declares/,
    ],
    [
      'a bomb that says it is large',
      arrays(zip(zeros(100_000, '(1000000000, 3)'), 2 ** 32 - 2)),
      /bomb\.npz:z: truncated|more than shape|expected shape/,
    ],
    [
      'a header that lies about its size',
      arrays(zip(zeros(728, '(1000000000, 3)'), 728)),
      /truncated, shape \[1000000000,3\] needs/,
    ],
    [
      'safetensors without its header',
      arrays(fromBytes(tensors.slice(0, 200), 'x.safetensors')),
      /x\.safetensors: not a \.safetensors file/,
    ],
    [
      'safetensors without its data',
      arrays({ file: fromBytes(tensors.slice(0, -1000), 'x.safetensors'), member: 'logits' }),
      /x\.safetensors:logits: truncated/,
    ],
    ['a header that is no JSON', arrays(safetensors('{"logits": ')), /its header is no JSON/],
    ...(
      [
        ['a hole', [0, 4], [8, 12], 12, /do not lie one after another/],
        ['bytes shared', [0, 8], [4, 8], 8, /do not lie one after another/],
        ['an end before the beginning', [0, 4], [4, 0], 4, /do not lie one after another/],
        ['bytes behind', [0, 4], [4, 8], 10, /it has 2 bytes more than its tensors/],
      ] as const
    ).map(([what, one, two, data, message]): [string, Files, RegExp] => {
      const entry = (offsets: readonly number[]) => `{"dtype":"F32","shape":[1],"data_offsets":[${offsets}]}`;
      return [`tensors with ${what}`, arrays(safetensors(`{"x":${entry(two)},"logits":${entry(one)}}`, data)), message];
    }),
    [
      'an entry without offsets',
      arrays(safetensors('{"logits":{"dtype":"F32","shape":[1]}}')),
      /the entry of 'logits' is broken/,
    ],
    [
      'offsets that do not fit the shape',
      arrays(safetensors('{"logits":{"dtype":"F32","shape":[2,3],"data_offsets":[0,4]}}', 4)),
      /shape \[2,3\] of float32 can not be 4 bytes/,
    ],
    [
      'an unknown dtype',
      arrays(safetensors('{"logits":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}', 4)),
      /dtype 'F8_E4M3' is not read/,
    ],
    [
      'Parquet without its end',
      { table: fromBytes(parquet.slice(0, -1), 'x.parquet'), target: 'label' },
      /x\.parquet: parquet/,
    ],
    [
      'Parquet cut in the middle',
      {
        table: fromBytes(Uint8Array.from([...parquet.slice(0, 300), ...parquet.slice(2000)]), 'x.parquet'),
        target: 'label',
      },
      /x\.parquet: /,
    ],
    ['Parquet through a pipe', { table: stream('snappy.parquet'), target: 'label' }, /can not be read from a pipe/],
  ];
  test.each(cases)('%s', async (name, files, message) => {
    if (name === 'several arrays')
      return expect(openArray(file('compressed.npz'), 'nothing')).rejects.toThrow(
        /holds several arrays, say which .*'logits', 'targets'/,
      );
    const run = evaluateShard(files, SOFTMAX);
    await expect(run).rejects.toThrow(message);
    await expect(run).rejects.toThrow(FileError);
    await expect(run).rejects.toThrow(/^[^\n]*$/);
  });

  test('options', async () => {
    await expect(openDataset(null as never)).rejects.toThrow(/files expected an object/);
    await expect(openDataset({ logit: 'z.npy', targets: 'y.npy' } as never)).rejects.toThrow(
      /files expected an object { logits, targets } .*, got { logit, targets }/,
    );
    // words that are wrong must not go unseen
    for (const files of [
      { logits: file('rows.npy'), targets: file('y-int64.npy'), group: 'lang' },
      { table: file('named.csv'), target: 'label', score: 'p_*' },
      { table: file('named.csv'), target: 'label', firstIndex: 7 },
    ]) {
      const got = `got { ${Object.keys(files).join(', ')} }`;
      await expect(openDataset(files)).rejects.toThrow(`or { table, target, scores }, ${got}`);
    }
    for (const files of [
      { baseline: file('rows.npy'), candidate: file('rows.npy'), targets: file('y-int64.npy'), scores: 'p_*' },
      { table: file('named.csv'), targets: 'label', baseline: 'p_*', candidate: 'p_*' },
      { baseline: file('rows.npy') },
    ]) {
      await expect(openPair(files as never)).rejects.toThrow(/^files expected .*, got \{ /);
    }
    await expect(openArray({ file: file('rows.npy'), fomat: 'npy' } as never)).rejects.toThrow(
      'array expected an object { file, member, format }, got { file, fomat }',
    );
    await expect(openArray('rows.npy')).rejects.toThrow('rows.npy: is no URL (paths are read by focal-simd/node)');
    await expect(openDataset({ table: file('named.csv') } as never)).rejects.toThrow(
      /target expected the name of a column/,
    );
    await expect(openDataset({ table: file('named.csv'), target: 'label' }, { columns: ['no'] })).rejects.toThrow(
      /has no column 'no'/,
    );
    const npy = { logits: file('rows.npy'), targets: file('y-int64.npy') };
    await expect(openDataset(npy, { columns: ['text'] })).rejects.toThrow(
      /columns expected none, .* with the group of each sample, got 'text'/,
    );
    await expect(openArray({ file: file('rows.npy'), format: 'xls' as never })).rejects.toThrow(
      /format expected 'npy' or /,
    );
  });
});

describe('broken files end in an error of the file or in a result, soon', () => {
  const formats: [string, (source: Source) => Files][] = [
    [
      'both.npz',
      (logits) => ({ logits: { file: logits, member: 'logits' }, targets: { file: logits, member: 'targets' } }),
    ],
    [
      'compressed.npz',
      (logits) => ({ logits: { file: logits, member: 'logits' }, targets: { file: logits, member: 'targets' } }),
    ],
    ['tensors.safetensors', (logits) => ({ logits, targets: logits })],
    ['rows.npy', (logits) => ({ logits, targets: file('y-int64.npy') })],
    ['named.csv', (table) => ({ table, target: 'label' })],
    ['lists.jsonl', (table) => ({ table, target: 'label' })],
    ...['none', 'snappy', 'gzip', 'zstd', 'brotli', 'lz4', 'lists'].map((name): [string, (source: Source) => Files] => [
      `${name}.parquet`,
      (table) => ({ table, target: 'label' }),
    ]),
  ];
  test.each(formats)(
    '%s',
    async (name, files) => {
      const whole = bytes(name);
      const random = new Random(7);
      for (let trial = 0; trial < 300; trial++) {
        // Parquet is cut alone: hyparquet believes the lengths of runs within a page, up to 2^31
        const cut = trial % 3 === 0 || name.endsWith('parquet');
        const broken = whole.slice(0, cut ? random.below(whole.length) : whole.length);
        for (let k = name.endsWith('parquet') ? 0 : 1 + random.below(4); k > 0 && broken.length > 0; k--) {
          // sizes are more often hit by bytes that are all ones
          broken[random.below(broken.length)] = random.uniform() < 0.3 ? 255 : random.below(256);
        }
        try {
          await evaluateShard(files(fromBytes(broken, name)), { ...SOFTMAX, bytes: 200 });
        } catch (error) {
          const known =
            error instanceof FileError || /^(targets|logits|classes|topK|names)/.test((error as Error).message);
          if (!known) throw new Error(`trial ${trial}: ${(error as Error).stack}`);
          expect((error as Error).message).not.toMatch(/\n/);
        }
      }
    },
    60_000,
  );

  test('a footer of Parquet that makes no sense: said in words of the file', async () => {
    const whole = bytes('snappy.parquet');
    const random = new Random(5);
    const footer = new DataView(whole.buffer).getUint32(whole.length - 8, true);
    const told = new Set<string>();
    for (let trial = 0; trial < 400; trial++) {
      const broken = whole.slice();
      for (let k = 0; k < 3; k++) broken[whole.length - 9 - random.below(footer)] = random.below(256);
      try {
        await openDataset({ table: fromBytes(broken, 'x.parquet'), target: 'label' });
      } catch (error) {
        told.add((error as Error).message);
      }
    }
    expect(told).toContain('x.parquet: is damaged, or not Parquet');
    const engines = [...told].filter((message) => /undefined|not a function|argument|Cannot/.test(message));
    expect(engines).toEqual([]);
  });
});
