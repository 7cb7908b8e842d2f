/** `focal-simd compare`, limits, and tables. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { FocalComparison, markdown } from '../bindings/entries/compare.ts';
import { SoftmaxFocalLoss } from '../bindings/entries/index.ts';
import { workplace } from './command.ts';

vi.setConfig({ testTimeout: 60_000 });

const { at, run, shell, json, write } = workplace();
const plain = (value: unknown) => JSON.parse(JSON.stringify(value));

const [SAMPLES, CLASSES] = [120, 4];
const y = Int32Array.from({ length: SAMPLES }, (_, i) => (i * 7 + (i >> 3)) % CLASSES);
const z = Float32Array.from({ length: SAMPLES * CLASSES }, (_, i) => {
  return 3 * Math.sin(i * i + 1) + (y[Math.floor(i / CLASSES)] === i % CLASSES ? 2 : 0);
});
const other = Float64Array.from(z, (x, i) => x + 0.7 * Math.cos(i * 3));
const dims = [SAMPLES, CLASSES];
write('a.npy', z, dims);
write('b.npy', other, dims);
write('y.npy', y);
const row = (data: ArrayLike<number>, i: number) => Array.from(data).slice(i * CLASSES, (i + 1) * CLASSES);
const heads = (prefix: string) => ['cat', 'dog', 'cow', 'hen'].map((name) => `${prefix}_${name}`);
const table = [
  ['label', ...heads('a'), ...heads('b'), 'note'],
  ...Array.from(y, (c, i) => [['cat', 'dog', 'cow', 'hen'][c], ...row(z, i), ...row(other, i), 'x']),
];
writeFileSync(at('both.csv'), table.map((cells) => `${cells.join(',')}\n`).join(''));

const OPTIONS = { classes: CLASSES, hardest: 10, coverage: true, flips: true, confusion: false };
function expected(targets: Int32Array | undefined, candidate: Float64Array | Float32Array = other) {
  const both = new FocalComparison(new SoftmaxFocalLoss(), OPTIONS);
  both.update({ data: z, dims }, { data: candidate, dims }, targets);
  return both;
}

describe('compare', () => {
  test.each([
    ['with targets', ['a.npy', 'b.npy', 'y.npy'], y],
    ['in small pieces', ['a.npy', 'b.npy', 'y.npy', '--chunk', 70], y],
    ['without targets', ['a.npy', 'b.npy'], undefined],
  ])('says what FocalComparison says: %s', async (_, args, targets) => {
    const found = await json('compare', ...args, '--state', 'both.json');
    const own = expected(targets);
    expect(found.schema).toBe('focal-simd/comparison/1');
    expect(found.report).toEqual(plain(own.compute()));
    expect(JSON.parse(readFileSync(at('both.json'), 'utf8'))).toEqual(plain(own.toJSON()));
    const { code, out } = await run('compare', ...args);
    expect({ code, quality: out.includes('Quality  ') }).toEqual({ code: 0, quality: targets !== undefined });
    expect(out).toMatch(/^ {2}agreement +\d+\.\d %$/m);
  });

  test('intervals: of the confidence asked for, from a bootstrap where asked', async () => {
    const args = ['--bootstrap', 20, '--seed', 5, '--confidence', 0.8];
    const { report } = await json('compare', 'a.npy', 'b.npy', 'y.npy', ...args, '--state', 'boot.json');
    const own = new FocalComparison(new SoftmaxFocalLoss(), { ...OPTIONS, bootstrap: 20, seed: 5 });
    own.update({ data: z, dims }, { data: other, dims }, y);
    expect(report).toEqual(plain(own.compute({ confidence: 0.8 })));
    expect(report.quality.deltas.macroF1.interval).toHaveLength(2);
    expect((await json('merge', 'boot.json', '--confidence', 0.8)).report).toEqual(report);
  });

  test('no bit depends on the number of jobs', async () => {
    const [one, three] = [1, 3].map((jobs) => [...['a.npy', 'b.npy', 'y.npy', '--chunk', 300], '--jobs', jobs]);
    await json('compare', ...one!, '--state', 'one-job.json');
    await json('compare', ...three!, '--state', 'jobs.json');
    expect(readFileSync(at('jobs.json'), 'utf8')).toBe(readFileSync(at('one-job.json'), 'utf8'));
    expect((await run('compare', ...three!)).out).toContain('3 jobs');
  });

  test('columns of a table', async () => {
    const found = await json('compare', 'both.csv', '--target', 'label', '--baseline', 'a_*', '--candidate', 'b_*');
    expect(found.report).toEqual(plain(expected(y).compute()));
    const { fidelity } = found.report;
    for (const jobs of [1, 2]) {
      const bare = await json('compare', 'both.csv', '--baseline', 'a_*', '--candidate', 'b_*', '--jobs', jobs);
      expect(bare.report).toMatchObject({ fidelity, quality: null });
    }
  });

  const names = ['cat', 'dog', 'cow', 'hen'];
  const csv = (
    file: string,
    head: (name: string) => string,
    order: number[],
    cell: (i: number, c: number) => unknown,
  ) => {
    const lines = Array.from(y, (c, i) => [...order.map((k) => cell(i, k)), names[c], `text ${i}`].join(','));
    writeFileSync(
      at(file),
      `${[...order.map((k) => head(names[k]!)), 'label', 'note'].join(',')}\n${lines.join('\n')}\n`,
    );
  };
  csv(
    'old.csv',
    (name) => `p_${name}`,
    [0, 1, 2, 3],
    (i, c) => z[i * CLASSES + c],
  );
  csv(
    'new.csv',
    (name) => `p_${name}`,
    [3, 1, 0, 2],
    (i, c) => other[i * CLASSES + c],
  );
  csv(
    'q.csv',
    (name) => `q_${name}`,
    [3, 1, 0, 2],
    (i, c) => other[i * CLASSES + c],
  );
  const records = Array.from(y, (c, i) => ({
    label: names[c],
    ...Object.fromEntries(names.map((name, k) => [`p_${name}`, other[i * CLASSES + k]])),
  }));
  writeFileSync(at('new.jsonl'), records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  writeFileSync(at('names.txt'), 'cat\ndog\ncow\nhen\n');
  const LABELS = ['--target', 'label'];
  test.each([
    ['CSV', ['new.csv', ...LABELS, '--scores', 'p_*'], []],
    ['other formats', ['new.jsonl', ...LABELS, '--scores', 'p_*'], []],
    ['without --target', ['new.csv', '--scores', 'p_*'], [null]],
    ['a pattern each', ['q.csv', ...LABELS, '--baseline', 'p_*', '--candidate', 'q_*'], []],
    ['jobs', ['new.csv', ...LABELS, '--scores', 'p_*', '--jobs', 2, '--chunk', 700], []],
    ['--loss sigmoid', ['new.csv', ...LABELS, '--scores', 'p_*'], ['--loss', 'sigmoid', '--alpha', 'auto']],
    ['--names', ['new.csv', ...LABELS, '--scores', 'p_*', '--names', 'names.txt'], []],
  ])('a table of each model: %s', async (_, args, more) => {
    const labelled = more[0] !== null;
    const own = more.filter((word) => word !== null);
    const bare = labelled ? LABELS : [];
    await json(
      'compare',
      'both.csv',
      ...bare,
      '--baseline',
      'a_*',
      '--candidate',
      'b_*',
      ...own,
      '--state',
      'one.json',
    );
    const found = await json('compare', 'old.csv', ...args, ...own, '--state', 'two.json');
    expect(readFileSync(at('two.json'), 'utf8')).toBe(readFileSync(at('one.json'), 'utf8'));
    expect(found.files).toEqual(['old.csv', args[0]]);
  });

  test('a table of each model: all columns of numbers, with texts of the first', async () => {
    csv('plain-old.csv', String, [0, 1, 2, 3], (i, c) => z[i * CLASSES + c]);
    csv('plain-new.csv', String, [2, 3, 1, 0], (i, c) => other[i * CLASSES + c]);
    const args = ['compare', 'plain-old.csv', 'plain-new.csv', ...LABELS, '--report', 'two.html'];
    const { code, err, out } = await run(...args, '--text', 'note');
    expect({ code, err }).toMatchObject({
      code: 0,
      err: expect.stringContaining('the classes are all columns of numbers'),
    });
    expect(out).toMatch(/^ {4}text \d+$/m);
    expect(readFileSync(at('two.html'), 'utf8')).toContain('hen');
  });

  test('planes, without targets', async () => {
    const shape = [SAMPLES / 4, CLASSES, 2, 2];
    const { report } = await json('compare', write('pa.npy', z, shape), write('pb.npy', other, shape), '--chunk', 100);
    expect(report.fidelity.samples).toBe(SAMPLES);
    expect(report.quality).toBeNull();
  });

  test('a model against itself passes every limit', async () => {
    const limits = 'accuracy=0pp,class-recall=0pp,loss=0,ece=0,agreement=0pp';
    const { code, out } = await run('compare', 'a.npy', 'a.npy', 'y.npy', '--max-drop', limits);
    expect(code).toBe(0);
    expect(out.match(/: passed$/gm)).toHaveLength(5);
  });

  const nan = Float64Array.from(other, (x, i) => (i === 9 ? Number.NaN : x));
  write('nan.npy', nan, dims);
  test.each([
    ['within', ['b.npy', '--max-drop', 'accuracy=50pp'], 0, 'passed'],
    ['given twice', ['b.npy', '--max-drop', 'agreement=0.1pp', '--max-drop', 'accuracy=50pp'], 1, 'broken'],
    ['broken', ['b.npy', '--max-drop', 'accuracy=50pp,agreement=0.1pp'], 1, 'broken'],
    ['undecided', ['b.npy', '--max-drop', 'accuracy=2pp', '--decide'], 3, 'undecided'],
    ['not finite', ['nan.npy'], 1, 'broken'],
    ['not finite, allowed', ['nan.npy', '--allow-nan'], 0, 'passed'],
  ])('limits: %s', async (_, args, exit, verdict) => {
    const { code, out, err } = await run('compare', 'a.npy', args[0]!, 'y.npy', ...args.slice(1), '--json');
    expect({ code, err, verdict: JSON.parse(out).judgement.verdict }).toEqual({ code: exit, err: '', verdict });
  });

  test('--markdown', async () => {
    const { code, out } = await run('compare', 'a.npy', 'b.npy', 'y.npy', '--markdown', '--max-drop', 'accuracy=0.1pp');
    expect(out.replace(/^.*\n\n.*\n/, '')).toBe(markdown(expected(y).compute()).replace(/^.*\n/, ''));
    expect(out).toMatch(/^### . Comparison: (passed|broken)/u);
    expect([0, 1]).toContain(code);
  });

  test('--report is the page of the state, with the verdict; merge draws the same', async () => {
    const limits = ['--max-drop', 'accuracy=0.1pp', '--title', 'Ours'];
    await run('compare', 'a.npy', 'b.npy', 'y.npy', '--state', 's.json', '--report', 'c.html', ...limits);
    await run('merge', 's.json', '--report', 'm.html', ...limits);
    const [page, merged] = ['c.html', 'm.html'].map((name) => readFileSync(at(name), 'utf8')) as [string, string];
    expect(page).toContain('<h1>Ours</h1>');
    expect(page).toMatch(/class="card verdict (passed|broken)"/);
    expect(page).toContain('focal-simd compare a.npy b.npy y.npy');
    const body = (html: string) => html.slice(html.indexOf('</header>'));
    expect(body(merged)).toBe(body(page));
  });

  test('states merge to the bits of one run', async () => {
    for (const [part, from, to] of [
      [0, 0, 50],
      [1, 50, SAMPLES],
    ] as const) {
      const cut = (name: string, data: Float32Array | Float64Array) =>
        write(`${name}${part}.npy`, data.slice(from * CLASSES, to * CLASSES), [to - from, CLASSES]);
      const files = [cut('a', z), cut('b', other), write(`y${part}.npy`, y.slice(from, to))];
      await json('compare', ...files, '--first-index', from, '--state', `part${part}.json`);
    }
    await json('compare', 'a.npy', 'b.npy', 'y.npy', '--state', 'whole.json');
    const merged = await json('merge', 'part1.json', 'part0.json', '--state', 'merged.json', '--max-drop', 'loss=9');
    expect(merged.report).toEqual(plain(expected(y).compute()));
    expect(readFileSync(at('merged.json'), 'utf8')).toBe(readFileSync(at('whole.json'), 'utf8'));
    await json('evaluate', 'a.npy', 'y.npy', '--state', 'one.json');
    for (const [args, message] of [
      [['part0.json', 'one.json'], /one\.json: states of evaluations, of groups and of comparisons do not go together/],
      [['part0.json', '--min', 'accuracy=0.1'], /--min goes with states of evaluations alone/],
      [['one.json', '--max-drop', 'accuracy=1pp'], /--max-drop goes with states of comparisons alone/],
    ] as const) {
      const { code, err } = await run('merge', ...args);
      expect(err).toMatch(message);
      expect(code).toBe(2);
    }
  });

  const [head, first, ...others] = readFileSync(at('new.csv'), 'utf8').trimEnd().split('\n');
  writeFileSync(at('rotated.csv'), [head, ...others, first].join('\n'));
  writeFileSync(at('cut.csv'), [head, first, ...others.slice(0, -1)].join('\n'));
  write('wide.npy', z, [SAMPLES / 2, CLASSES * 2]);
  write('short.npy', z.slice(CLASSES), [SAMPLES - 1, CLASSES]);
  test.each([
    ['no candidate', ['a.npy'], /missing required argument 'candidate'/],
    ['other shapes', ['a.npy', 'short.npy', 'y.npy'], /short\.npy: expected 120 samples .* got 119/],
    [
      'other classes',
      ['a.npy', 'wide.npy', 'y.npy'],
      /wide\.npy: expected 120 .* as the baseline, got 60 .* of 8 classes/,
    ],
    ['other targets', ['a.npy', 'b.npy', 'short.npy'], /short\.npy: expected shape \[120\]/],
    ['limits of evaluate', ['a.npy', 'b.npy', '--min', 'f1=0.5'], /unknown option '--min'; .*compare are --max-drop/],
    [
      'other classes, no targets',
      ['a.npy', 'wide.npy'],
      /wide\.npy: expected 120 samples of 4 classes as the baseline, got 60 samples of 8 classes/,
    ],
    [
      'half a table',
      ['both.csv', '--target', 'label', '--baseline', 'a_*'],
      /--baseline and --candidate each name columns/,
    ],
    ['one pattern of two', ['old.csv', 'q.csv', '--baseline', 'p_*'], /--scores names the columns of both, or/],
    [
      'two kinds of patterns',
      ['old.csv', 'q.csv', '--scores', 'p_*', '--baseline', 'p_*', '--candidate', 'q_*'],
      /--scores names the columns of both, or/,
    ],
    ['two tables and targets', ['old.csv', 'new.csv', 'y.npy', '--target', 'label'], /a third file has no place/],
    [
      'two tables that name no columns',
      ['old.csv', 'new.csv'],
      /old\.csv: is a table \(csv\): name its columns: --target/,
    ],
    [
      'tables of other samples',
      ['old.csv', 'rotated.csv', '--target', 'label', '--scores', 'p_*'],
      /rotated\.csv: row 0: label 'hen', in old\.csv 'cat': the rows must be the same samples in the same order/,
    ],
    [
      'tables of other lengths',
      ['old.csv', 'cut.csv', '--target', 'label', '--scores', 'p_*'],
      /cut\.csv: expected 120 samples of 4 classes as the baseline, got 119 samples/,
    ],
    [
      'scores of a table',
      ['both.csv', '--target', 'label', '--scores', 'a_*'],
      /of one table, --baseline and --candidate each name columns/,
    ],
    [
      'a table and a file',
      ['both.csv', 'a.npy', '--target', 'label', '--baseline', 'a_*', '--candidate', 'b_*'],
      /a\.npy: holds arrays \(npy\), not a table/,
    ],
    ['--decide without limits', ['a.npy', 'b.npy', 'y.npy', '--decide'], /--decide says how the limits of --max-drop/],
    ['stdin', ['a.npy', '-'], /compare reads files, not stdin/],
    ['a name for Markdown', ['a.npy', 'b.npy', '--markdown', '-'], /not stdin; --markdown takes no file, it prints to/],
    [
      'JSON and Markdown',
      ['a.npy', 'b.npy', '--json', '--markdown'],
      /--json and --markdown print to the same standard/,
    ],
    ['weights of no targets', ['a.npy', 'b.npy', '--alpha', 'auto'], /--alpha auto needs targets/],
    ['an unknown limit', ['a.npy', 'b.npy', '--max-drop', 'acuracy=1pp'], /--max-drop.*expected one of accuracy/],
    ['a limit without unit', ['a.npy', 'b.npy', '--max-drop', 'accuracy'], /--max-drop.*accuracy=0\.5pp/],
    ['flips of sigmoid', ['a.npy', 'b.npy', '--loss', 'sigmoid', '--flips'], /--flips goes with --loss softmax alone/],
  ])('refused: %s', async (_, args, message) => {
    const { code, out, err } = await run('compare', ...args);
    expect(err).toMatch(message);
    expect({ code, out, lines: err.trim().split('\n').length }).toEqual({ code: 2, out: '', lines: 1 });
  });
});

describe('evaluate', () => {
  test('a table is its arrays', async () => {
    const arrays = await json('evaluate', 'a.npy', 'y.npy');
    const columns = await json('evaluate', 'both.csv', '--target', 'label', '--scores', 'a_*');
    expect(columns.metrics).toEqual(arrays.metrics);
    const two = ['--scores', 'a_cat', '--scores', 'a_dog', '--scores', 'a_cow', '--scores', 'a_hen'];
    writeFileSync(at('animals.txt'), 'cat\ndog\ncow\nhen\n');
    const named = ['--names', 'animals.txt', ...two];
    expect((await json('evaluate', 'both.csv', '--target', 'label', ...named)).metrics).toEqual(arrays.metrics);
    const { out } = await run('evaluate', 'both.csv', '--target', 'label', '--scores', 'a_*');
    expect(out).toMatch(/^ {2}hen /m);
  });

  test.each([
    [['a.npy', 'y.npy']],
    [['a.npy', 'y.npy', '--loss', 'sigmoid', '--alpha', 'auto', '--first-index', 7]],
    [['tokens3.npy', 'tokens3-y.npy', '--class-axis', 'last', '--backend', 'scalar']],
  ])('no bit depends on the number of jobs: %j', async (args) => {
    write('tokens3.npy', z, [SAMPLES / 3, 3, CLASSES]);
    write('tokens3-y.npy', y, [SAMPLES / 3, 3]);
    const states: string[] = [];
    for (const jobs of [1, 3]) {
      const found = await json('evaluate', ...args, '--jobs', jobs, '--chunk', 64, '--state', `jobs${jobs}.json`);
      expect(found.jobs).toBe(jobs);
      states.push(readFileSync(at(`jobs${jobs}.json`), 'utf8'));
    }
    expect(states[1]).toBe(states[0]);
  });

  test('from stdin', async () => {
    const { metrics } = await json('evaluate', 'a.npy', 'y.npy');
    for (const line of [
      'focal-simd evaluate - y.npy --json < a.npy',
      'focal-simd evaluate a.npy - --json --format npy < y.npy',
      "focal-simd evaluate - --format csv --target label --scores 'a_*' --json < both.csv",
    ]) {
      const { code, out, err } = await shell(line);
      expect({ line, code, err }).toEqual({ line, code: 0, err: '' });
      expect(JSON.parse(out).metrics).toEqual(metrics);
    }
  });

  test('--class-axis last', async () => {
    const last = Float32Array.from(z);
    write('tokens.npy', last, [SAMPLES / 2, 2, CLASSES]);
    write('tokens-y.npy', y, [SAMPLES / 2, 2]);
    const { metrics } = await json('evaluate', 'tokens.npy', 'tokens-y.npy', '--class-axis', 'last');
    expect(metrics).toEqual((await json('evaluate', 'a.npy', 'y.npy')).metrics);
    expect((await run('evaluate', 'tokens.npy', 'tokens-y.npy')).err).toMatch(/--class-axis last/);
  });

  test.each([
    ['met', ['--min', 'accuracy=0.2,class-recall=1%', '--max', 'loss=9'], 0, 'passed'],
    ['broken', ['--min', 'accuracy=99%', '--max', 'loss=9'], 1, 'broken'],
    ['broken, the first of two', ['--min', 'accuracy=99%', '--min', 'class-recall=1%'], 1, 'broken'],
    ['broken the other way', ['--max', 'ece=0.01%'], 1, 'broken'],
  ])('limits %s', async (_, args, exit, verdict) => {
    const { code, out } = await run('evaluate', 'a.npy', 'y.npy', ...args);
    expect(code).toBe(exit);
    expect(out).toMatch(new RegExp(`^Limits {2}${verdict}$`, 'm'));
    const found = await run('evaluate', 'a.npy', 'y.npy', ...args, '--json');
    expect([found.code, JSON.parse(found.out).limits.verdict]).toEqual([exit, verdict]);
  });

  test.each([
    ['no targets', ['a.npy'], /missing required argument 'targets'; .*--target/],
    ['arrays in one file', ['c.npz'], /missing required argument 'targets'; .*: c\.npz:logits c\.npz:targets/],
    ['a table and targets', ['both.csv', 'y.npy', '--target', 'label'], /a second file has no place/],
    ['scores without target', ['both.csv', '--scores', 'a_*'], /--scores goes with --target/],
    ['no such column', ['both.csv', '--target', 'lable'], /both\.csv: .*lable/],
    ['weights from stdin', ['-', 'y.npy', '--alpha', 'auto'], /--alpha auto reads the targets twice/],
    ['two from stdin', ['-', '-'], /only one of the files can come from stdin/],
    ['another format', ['a.npy', 'y.npy', '--format', 'xlsx'], /--format.*Allowed choices/],
    [
      'a limit twice',
      ['a.npy', 'y.npy', '--min', 'loss=1', '--min', 'loss=2'],
      /min expected each name once, got loss/,
    ],
    ['a limit of pp', ['a.npy', 'y.npy', '--min', 'accuracy=5pp'], /--min.*a share/],
    ['a report over a member', ['c.npz:z', 'y.npy', '--report', 'c.npz'], /c\.npz: --report would overwrite/],
  ])('refused: %s', async (_, args, message) => {
    writeFileSync(at('c.npz'), 'x');
    const { code, out, err } = await run('evaluate', ...args);
    expect(err).toMatch(message);
    expect({ code, out, lines: err.trim().split('\n').length }).toEqual({ code: 2, out: '', lines: 1 });
  });
});
