/** What targets and logits may be, and the options of the losses that say so: through the command as through the library. */
import { writeFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { SigmoidFocalLoss, SoftmaxFocalLoss } from '../bindings/entries/index.ts';
import { FocalMeter } from '../bindings/entries/meter.ts';
import type { Targets } from '../bindings/losses/types.ts';
import { workplace } from './command.ts';
import { Random } from './random.ts';

// every case starts a process, some of them several
vi.setConfig({ testTimeout: 60_000 });

const { at, run, shell, json, write } = workplace();
const plain = (value: unknown) => JSON.parse(JSON.stringify(value));

const [N, C] = [50, 4];
const random = new Random(11);
const logits = random.logits(N * C, 2, 0);
const labels = random.labels(N, C);
const softmax = Float32Array.from(logits, (z, i) => {
  const row = logits.subarray(i - (i % C), i - (i % C) + C);
  return Math.exp(z) / row.reduce((sum, other) => sum + Math.exp(other), 0);
});
const sigmoid = Float32Array.from(logits, (z) => 1 / (1 + Math.exp(-z)));
const withNone = Int32Array.from(labels, (y, i) => (i % 3 === 0 ? C : y));
const floats = { 'z.npy': logits, 'p.npy': softmax, 'q.npy': sigmoid, 'ln.npy': softmax.map(Math.log) };
for (const [name, data] of Object.entries(floats)) write(name, data, [N, C]);
write('y.npy', labels);
write('none.npy', withNone);
const multiHot = Uint8Array.from(logits, () => random.below(2));
const shares = Float32Array.from(logits, () => random.uniform());
write('hot.npy', multiHot, [N, C]);
write('soft.npy', shares, [N, C]);
const rows = (ones: number) => Uint8Array.from(logits, (_, i) => Number(i % C < (i < C ? ones : 1)));
write('tags.npy', rows(2), [N, C]);
write('none-or-one.npy', rows(0), [N, C]);
write('one-hot.npy', rows(1), [N, C]);
write('shares.npy', softmax, [N, C]);
// some logits that do not count, and a sample without any that does
const some = Int8Array.from(multiHot, (t, i) => (i < C || i % 7 === 3 ? -100 : t));
write('some.npy', some, [N, C]);
const hotSome = { data: some, dims: [N, C] };
write(
  'gaps.npy',
  Float32Array.from(some, (t) => (t < 0 ? NaN : t)),
  [N, C],
);
const names = ['a', 'b', 'c', 'd'];
const gaps = Array.from({ length: N }, (_, i) => {
  const of = (data: ArrayLike<number>) => names.map((_, c) => data[i * C + c]);
  return [...of(logits), ...of(some).map((t) => (t === -100 ? '' : t))].join(',');
});
writeFileSync(
  at('gaps.csv'),
  [
    names
      .flatMap((n) => `p_${n}`)
      .concat(names.map((n) => `t_${n}`))
      .join(),
    ...gaps,
  ].join('\n'),
);

const tensor = (data: Float32Array) => ({ data, dims: [N, C] });
const meterOptions = { classes: C, hardest: 10, coverage: true };

/** The report of the library for the same. */
function report(variant: 'softmax' | 'sigmoid', options: object, data: Float32Array, targets: Targets): unknown {
  const meter =
    variant === 'softmax'
      ? new FocalMeter(new SoftmaxFocalLoss(options), { ...meterOptions, confusion: true })
      : new FocalMeter(new SigmoidFocalLoss(options), { ...meterOptions, curves: true });
  meter.update(tensor(data), targets);
  return plain(meter.compute({ confidence: 0.95 }));
}

describe('options of the losses', () => {
  test.concurrent.each<[string, 'softmax' | 'sigmoid', object, Float32Array, Targets]>([
    ['p.npy y.npy --input probabilities', 'softmax', { input: 'probabilities' }, softmax, labels],
    ['ln.npy y.npy --input log-probabilities', 'softmax', { input: 'logProbabilities' }, floats['ln.npy'], labels],
    ['q.npy y.npy --loss sigmoid --input probabilities', 'sigmoid', { input: 'probabilities' }, sigmoid, labels],
    ['z.npy none.npy --loss sigmoid --background 4', 'sigmoid', { background: 4 }, logits, withNone],
    ['z.npy none.npy --loss sigmoid --background 4 --jobs 2', 'sigmoid', { background: 4 }, logits, withNone],
    ['z.npy hot.npy --loss sigmoid', 'sigmoid', {}, logits, { data: multiHot, dims: [N, C] }],
    ['z.npy hot.npy --loss sigmoid --jobs 2 --chunk 64', 'sigmoid', {}, logits, { data: multiHot, dims: [N, C] }],
    ['z.npy some.npy --loss sigmoid', 'sigmoid', {}, logits, { data: some, dims: [N, C] }],
    ['z.npy some.npy --loss sigmoid --jobs 2 --chunk 64', 'sigmoid', {}, logits, { data: some, dims: [N, C] }],
    ['z.npy gaps.npy --loss sigmoid', 'sigmoid', {}, logits, { data: some, dims: [N, C] }],
    ['gaps.csv --target t_* --scores p_* --loss sigmoid', 'sigmoid', {}, logits, { data: some, dims: [N, C] }],
    [
      'z.npy some.npy --loss sigmoid --divisor positives --jobs 2 --chunk 64',
      'sigmoid',
      { divisor: 'positives' },
      logits,
      hotSome,
    ],
    [
      'z.npy y.npy --alpha 1,2,3,4 --divisor weights',
      'softmax',
      { alpha: [1, 2, 3, 4], divisor: 'weights' },
      logits,
      labels,
    ],
    ['z.npy soft.npy --divisor 12.5', 'softmax', { divisor: 12.5 }, logits, { data: shares, dims: [N, C] }],
    ['z.npy soft.npy --loss sigmoid --gamma 1', 'sigmoid', { gamma: 1 }, logits, { data: shares, dims: [N, C] }],
    ['z.npy soft.npy', 'softmax', {}, logits, { data: shares, dims: [N, C] }],
    ['z.npy y.npy --label-smoothing 0.1', 'softmax', { labelSmoothing: 0.1 }, logits, labels],
    [
      'z.npy hot.npy --loss sigmoid --gamma 0 --gamma-negative 4 --clip 0.05',
      'sigmoid',
      { gamma: 0, gammaNegative: 4, clip: 0.05 },
      logits,
      { data: multiHot, dims: [N, C] },
    ],
  ])('evaluate %s', async (line, variant, options, data, targets) => {
    const { metrics } = await json('evaluate', ...line.split(' '));
    expect(metrics).toEqual(report(variant, options, data, targets));
  });

  test('logits left out are told', async () => {
    const { out } = await run('evaluate', 'z.npy', 'some.npy', '--loss', 'sigmoid');
    const single = some.filter((t, i) => t === -100 && i >= C).length;
    expect(out).toContain(`49 of 4 classes, 1 ignored, ${single} single logits ignored`);
    const { code, err } = await run('evaluate', 'z.npy', 'gaps.npy');
    expect(code).toBe(2);
    expect(err).toContain('targets[0] expected a finite number ≥ 0, as single shares are not ignored, got -100');
  });

  test('a comparison of multi-hot targets', async () => {
    const { report } = await json(
      'compare',
      'z.npy',
      'ln.npy',
      'hot.npy',
      '--loss',
      'sigmoid',
      '--gamma-negative',
      '4',
    );
    const loss = new SigmoidFocalLoss({ gammaNegative: 4 });
    const hot = { data: multiHot, dims: [N, C] };
    expect(report.quality.baseline.loss.mean).toBe(loss.forward(tensor(logits), hot));
    expect(report.quality.candidate.loss.mean).toBe(loss.forward(tensor(floats['ln.npy']), hot));
  });

  test('map takes them, and its states are those of evaluate', async () => {
    const line = JSON.stringify({ logits: 'q.npy', targets: 'none.npy' });
    const options = '--loss sigmoid --background 4 --input probabilities';
    const { code, out, err } = await shell(`echo '${line}' | focal-simd map ${options} | focal-simd merge - --json`);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const expected = report('sigmoid', { background: 4, input: 'probabilities' }, sigmoid, withNone);
    expect(JSON.parse(out).metrics).toEqual(expected);
  });

  test('a model against itself, by probabilities', async () => {
    const { report } = await json('compare', 'p.npy', 'p.npy', 'y.npy', '--input', 'probabilities');
    const loss = new SoftmaxFocalLoss({ input: 'probabilities' }).forward(tensor(softmax), labels);
    expect(report.quality.baseline.loss.mean).toBe(loss);
    expect(report.fidelity.agreement).toBe(1);
  });

  test.concurrent.each([
    ['evaluate p.npy y.npy', '50 rows are not negative and sum to 1. If they are, say --input probabilities\n'],
    [
      'evaluate q.npy y.npy --loss sigmoid',
      '50 rows are all between 0 and 1. If they are, say --input probabilities\n',
    ],
    ['evaluate z.npy y.npy', ''],
    ['evaluate p.npy y.npy --input probabilities', ''],
    ['compare z.npy p.npy y.npy', '50 rows are not negative and sum to 1. If they are, say --input probabilities\n'],
    ['compare p.npy p.npy y.npy --input probabilities', ''],
  ])('%s warns of probabilities: %s', async (line, warning) => {
    const { code, err } = await run(...line.split(' '));
    expect(code).toBe(0);
    expect(err).toBe(warning && `focal-simd: warning: the logits look like probabilities: the first ${warning}`);
  });

  test.concurrent.each([
    ['evaluate z.npy tags.npy', 2],
    ['evaluate - tags.npy < z.npy', 2],
    ['compare z.npy z.npy tags.npy', 2],
    ['calibrate z.npy tags.npy', 2],
    ['evaluate z.npy none-or-one.npy', 'none'],
    ['evaluate z.npy one-hot.npy', null],
    ['evaluate z.npy shares.npy', null],
    ['evaluate z.npy tags.npy --loss sigmoid', null],
  ])('%s warns of tags', async (line, ones) => {
    const { code, err } = await shell(`focal-simd ${line}`);
    const warning = `the targets look like tags, any number a sample: one has ${ones}. If they are, say --loss sigmoid`;
    expect(err).toBe(
      ones === null ? '' : `focal-simd: warning: ${warning}: softmax takes them for shares that sum to 1\n`,
    );
    expect(code).toBe(0);
  });

  test.concurrent.each([
    ['evaluate z.npy y.npy --input probabilities', 'between 0 and 1, as probabilities are'],
    ['evaluate p.npy y.npy --input log-probabilities', 'at most 0, as log-probabilities are'],
    ['evaluate - y.npy --input probabilities < z.npy', 'between 0 and 1, as probabilities are'],
  ])('%s warns of logits', async (line, range) => {
    const { code, err } = await shell(`focal-simd ${line}`);
    expect(err).toMatch(
      new RegExp(`warning: the numbers are not all ${range}: one is [^ ]*\\. If they are logits, leave out`),
    );
    expect(code).toBe(0);
  });

  test.concurrent.each([
    ['evaluate z.npy y.npy --background 4', '--background goes with --loss sigmoid alone'],
    ['evaluate z.npy y.npy --clip 0.1', '--clip goes with --loss sigmoid alone'],
    ['evaluate z.npy y.npy --gamma-negative 4', '--gamma-negative goes with --loss sigmoid alone'],
    ['evaluate z.npy y.npy --loss sigmoid --label-smoothing 0.1', '--label-smoothing goes with --loss softmax alone'],
    ['evaluate z.npy y.npy --label-smoothing 1', "argument '1' is invalid. Expected a number in [0, 1)."],
    ['evaluate z.npy y.npy --loss sigmoid --clip -1', "argument '-1' is invalid. Expected a number in [0, 1)."],
    ['evaluate z.npy y.npy --loss sigmoid --background 2', 'background expected none of the classes [0, 4), got 2'],
    ['evaluate z.npy y.npy --loss sigmoid --background -100', 'background expected another label than ignoreIndex'],
    ['evaluate z.npy y.npy --loss sigmoid --background x', "argument 'x' is invalid. Expected a number."],
    ['evaluate z.npy none.npy --loss sigmoid', 'targets[0] expected an integer in [0, 4) or ignore index -100, got 4'],
    ['evaluate z.npy y.npy --divisor positives', "divisor expected 'valid' or 'weights' or a number > 0, got"],
    [
      'evaluate z.npy y.npy --divisor 0',
      "argument '0' is invalid. Expected valid, weights (softmax), positives (sigmoid)",
    ],
    ['evaluate z.npy soft.npy --divisor weights', "targets expected class indices with divisor 'weights' (or divisor"],
    ['evaluate z.npy y.npy --input odds', 'Allowed choices are logits, probabilities, log-probabilities.'],
    ['evaluate z.npy y.npy --input probabilities', 'targets'],
  ])('%s: exit code 2 and one line', async (line, message) => {
    const { code, out, err } = await run(...line.split(' '));
    if (message === 'targets') {
      // numbers below 0 are no probabilities: their logarithm is not a number, which is counted
      expect(JSON.parse((await run(...line.split(' '), '--json')).out).metrics.nan).toBe(N);
      return;
    }
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^focal-simd: .*\n$/);
    expect(err).toContain(message);
  });
});

/** A .npy file of strings as numpy has them. */
function strings(name: string, words: readonly string[], descr: string, shape: readonly number[] = [words.length]) {
  const [, order, kind, width] = /^(.)(.)(\d+)$/.exec(descr) as unknown as [string, string, string, string];
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.map((d) => `${d},`).join(' ')}), }\n`;
  const size = kind === 'U' ? 4 : 1;
  const data = Buffer.alloc(words.length * Number(width) * size);
  words.forEach((word, i) => {
    const at = i * Number(width) * size;
    if (kind === 'S') data.write(word, at, 'utf8');
    else {
      for (const [k, letter] of Array.from(word).entries()) {
        const [point, to] = [letter.codePointAt(0)!, at + 4 * k];
        if (order === '>') data.writeUInt32BE(point, to);
        else data.writeUInt32LE(point, to);
      }
    }
  });
  const prefix = Buffer.from([...'\x93NUMPY\x01\x00'].map((letter) => letter.charCodeAt(0)).concat([0, 0]));
  prefix.writeUInt16LE(header.length, 8);
  writeFileSync(at(name), Buffer.concat([prefix, Buffer.from(header, 'latin1'), data]));
  return name;
}

describe('labels that are names', () => {
  const NAMES = ['cat', 'dog', 'ñandú', '🦉'];
  writeFileSync(at('names.txt'), NAMES.join('\n'));
  const words = Array.from(labels, (y) => NAMES[y]!);
  test.concurrent.each(['<U5', '>U7', '|S9'])('%s', async (descr) => {
    const file = strings(`${descr.slice(1)}.npy`, words, descr);
    const { metrics } = await json('evaluate', 'z.npy', file, '--names', 'names.txt');
    expect(metrics).toEqual(report('softmax', {}, logits, labels));
  });

  test('an empty name stands for none, an axis of size 1 for nothing', async () => {
    const file = strings('some.npy', ['', ...words.slice(1)], '<U5', [N, 1]);
    const { metrics, unlabelled } = await json('evaluate', 'z.npy', file, '--names', 'names.txt');
    expect(unlabelled).toBe(1);
    expect(metrics).toEqual(
      report(
        'softmax',
        {},
        logits,
        Int32Array.from(labels, (y, i) => (i ? y : -100)),
      ),
    );
  });

  test.concurrent.each([
    ['evaluate z.npy a.npy', 'a.npy: strings as labels need the names of the classes (--names), in the order'],
    [
      'evaluate z.npy b.npy --names names.txt',
      "b.npy: targets[1] expected one of 'cat', 'dog', 'ñandú', '🦉', got 'emu'",
    ],
    ['evaluate z.npy a.npy --names names.txt --alpha a.npy', 'a.npy: strings are not read but as labels, save numbers'],
    ['evaluate a.npy a.npy --names names.txt', 'a.npy: strings are not read but as labels, save numbers'],
    ['evaluate z.npy short.npy --names names.txt', 'short.npy: expected shape [50] to go with logits [50,4], got [2]'],
  ])('%s: exit code 2 and one line', async (line, message) => {
    strings('a.npy', words, '<U5');
    strings('b.npy', ['cat', 'emu', ...words.slice(2)], '<U5');
    strings('short.npy', ['cat', 'dog'], '<U5');
    const { code, out, err } = await run(...line.split(' '));
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^focal-simd: .*\n$/);
    expect(err).toContain(message);
  });
});

describe('texts in a column', () => {
  const head = 'label,p_a,p_b,p_c,p_d,review,id';
  const rows = Array.from(labels, (y, i) => {
    return [y, ...logits.subarray(i * C, (i + 1) * C), `"what, ${i}"`, 1000 + i].join(',');
  });
  writeFileSync(at('t.csv'), `${[head, ...rows].join('\n')}\n`);
  writeFileSync(at('review.txt'), Array.from(labels, (_, i) => `line ${i}\n`).join(''));
  const twice = rows.map((row, i) => `${row},${Array.from(logits.subarray(i * C, (i + 1) * C), (z) => -z).join(',')}`);
  writeFileSync(at('both.csv'), `${[`${head},q_a,q_b,q_c,q_d`, ...twice].join('\n')}\n`);

  test.concurrent.each([
    ["evaluate t.csv --target label --scores 'p_*' --text review", 'what, ', 0],
    ["evaluate t.csv --target label --scores 'p_*' --text id --first-index 7", '10', 7],
    ["evaluate t.csv --target label --scores 'p_*' --text review.txt", 'line ', 0],
    ["compare both.csv --target label --baseline 'p_*' --candidate 'q_*' --text review", 'what, ', 0],
  ])('%s', async (line, before, first) => {
    const { code, out, err } = await shell(`focal-simd ${line}`);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    // the text stands below its sample
    const found = Array.from(out.matchAll(new RegExp(`^ *(\\d+) .*\n *${before}(\\d+)$`, 'gm')));
    expect(found.length).toBe(10);
    for (const [, index, n] of found) expect(Number(n)).toBe(Number(index) - first);
  });

  test.concurrent.each([
    ['evaluate t.csv --target label --text id', '--text: column id holds numbers: say which columns are the scores'],
    ['evaluate t.csv --target label --scores review', "column 'review' expected scores, one number a class, got text"],
    ['evaluate t.csv --target label --text nothing', 'nothing: no such file'],
    [
      'evaluate - --format csv --target label --text review',
      'a table from stdin is read once, so that --text takes no',
    ],
  ])('%s: exit code 2 and one line', async (line, message) => {
    const { code, err } = await run(...line.split(' '));
    expect(code).toBe(2);
    expect(err).toContain(message);
  });
});
