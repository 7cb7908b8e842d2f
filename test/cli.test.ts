import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import { classWeights, SigmoidFocalLoss, SoftmaxFocalLoss } from '../bindings/entries/index.ts';
import { FocalMeter } from '../bindings/entries/meter.ts';
import * as scalar from '../bindings/entries/scalar.ts';
import { workplace } from './command.ts';

// every case starts a process, some of them several
vi.setConfig({ testTimeout: 60_000 });

const real = (name: string) => fileURLToPath(new URL(`npy/${name}.npy`, import.meta.url));
const { at, run, shell, json, write } = workplace();

/** What JSON makes of it. */
const plain = (value: unknown) => JSON.parse(JSON.stringify(value));

// any fixed numbers will do: 37 rows of 5 classes, and 3 × 4 × 5 positions of 5 classes
const CLASSES = 5;
const wave = (length: number) => Float32Array.from({ length }, (_, i) => Math.fround(4 * Math.sin(i * i + 1)));
const labelsOf = (length: number) => Array.from({ length }, (_, i) => (i * 7 + (i >> 2)) % CLASSES);
const rows = { z: wave(37 * CLASSES), y: labelsOf(37), dims: [37, CLASSES], targetDims: [37] };
const planes = { z: wave(3 * CLASSES * 20), y: labelsOf(60), dims: [3, CLASSES, 4, 5], targetDims: [3, 4, 5] };
write('z.npy', rows.z, rows.dims);
write('y.npy', Int32Array.from(rows.y), rows.targetDims);
write('planes.npy', planes.z, planes.dims);
write('planes-y.npy', Uint8Array.from(planes.y), planes.targetDims);

const COMMON = { classes: CLASSES, hardest: 10, coverage: true };
const OPTIONS = { ...COMMON, confusion: true };

describe('evaluate', () => {
  const floats = {
    f4: rows.z,
    f8: Float64Array.from(rows.z),
    f2: Uint16Array.from(rows.z, (_, i) => 0x3c00 + i * 37 + (i % 3 === 0 ? 0x8000 : 0)),
  };
  const integers = {
    i1: Int8Array,
    u1: Uint8Array,
    i2: Int16Array,
    u2: Uint16Array,
    i4: Int32Array,
    u4: Uint32Array,
    i8: BigInt64Array,
    u8: BigUint64Array,
  };
  const dtypes = [...Object.keys(floats).map((f) => [f, 'i4']), ...Object.keys(integers).map((i) => ['f4', i])];
  test.concurrent.each(dtypes)('logits %s, targets %s', async (f, i) => {
    const data = floats[f as keyof typeof floats];
    const labels = i!.endsWith('8') ? integers[i as 'i8'].from(rows.y.map(BigInt)) : integers[i as 'i4'].from(rows.y);
    const logits = write(`z-${f}-${i}.npy`, data, rows.dims, { dtype: f as 'f4' });
    const targets = write(`y-${f}-${i}.npy`, labels, rows.targetDims);
    const meter = new FocalMeter(new SoftmaxFocalLoss(), OPTIONS);
    meter.update({ data, dims: rows.dims, type: f === 'f2' ? 'float16' : 'float' }, rows.y);
    expect((await json('evaluate', logits, targets)).metrics).toEqual(plain(meter.compute({ confidence: 0.95 })));
  });

  test.concurrent.each([
    ['rows-float32', 'rows-targets', 'rows-float32'],
    ['rows-float64-v2', 'rows-targets', 'rows-float64-v2'],
    ['planes-float16-v3', 'planes-targets', 'planes-float16-v3'],
    ['fortran', 'rows-targets', 'rows-float32'],
    ['big-endian', 'rows-targets', 'rows-float32'],
  ])('%s.npy as NumPy wrote it', async (logits, targets, same) => {
    const { metrics } = await json('evaluate', real(logits!), real(targets!));
    const [rows, bytes] = [targets === 'rows-targets', readFileSync(real(same!))];
    const dims = rows ? [6, 3] : [2, 3, 2, 2];
    const count = dims.reduce((a, b) => a * b, 1);
    const itemsize = same!.includes('float16') ? 2 : same!.includes('float64') ? 8 : 4;
    const data = new Uint8Array(bytes.subarray(bytes.length - count * itemsize)).buffer;
    const typed = { 2: Uint16Array, 4: Float32Array, 8: Float64Array }[itemsize]!;
    const y = rows ? [0, 1, 2, 2, 1, 0] : [0, 1, 2, 0, 1, 1, 0, 2];
    const tensor = { data: new typed(data), dims, type: itemsize === 2 ? 'float16' : 'float' };
    expect(metrics.loss.mean).toBe(new SoftmaxFocalLoss().forward(tensor, y));
    expect(metrics.samples).toBe(y.length);
  });

  test.concurrent.each([
    ['softmax', 'z.npy', 'y.npy'],
    ['softmax', 'planes.npy', 'planes-y.npy'],
    ['sigmoid', 'z.npy', 'y.npy'],
    ['sigmoid', 'planes.npy', 'planes-y.npy'],
  ])('no bit depends on the chunk: %s, %s', async (loss, z, y) => {
    const results = await Promise.all(
      // a byte (one sample comes whole), parts of an image, an image and a bit, all
      [1, 90, 450, 1 << 22].map(async (chunk) => {
        const state = `chunk-${z}-${loss}-${chunk}.json`;
        const { metrics } = await json('evaluate', z, y, '--loss', loss, '--chunk', chunk, '--state', state);
        return { metrics, state: readFileSync(at(state), 'utf8') };
      }),
    );
    for (const result of results) expect(result).toEqual(results[0]);
  });

  test('alpha auto is classWeights over the classes that occur', async () => {
    const y = rows.y.map((c) => (c === 3 ? 1 : c));
    const targets = write('y-absent.npy', Int32Array.from(y));
    const counts = [0, 1, 2, 4].map((c) => y.filter((one) => one === c).length);
    const [w0, w1, w2, w4] = classWeights(counts) as unknown as number[];
    const weights = [w0!, w1!, w2!, 1, w4!];
    const softmax = await json('evaluate', 'z.npy', targets, '--alpha', 'auto');
    expect(softmax.config.positive).toEqual(weights);
    expect(softmax.metrics.loss.mean).toBe(new SoftmaxFocalLoss({ alpha: weights }).forward(rows.z, y));
    const sigmoid = await json('evaluate', 'z.npy', targets, '--alpha', 'auto', '--loss', 'sigmoid');
    const odds = weights.map((w) => w / (1 + w));
    expect(sigmoid.metrics.loss.mean).toBe(new SigmoidFocalLoss({ alpha: odds }).forward(rows.z, y));
  });

  const weights = [1, 2, 0.5, 3, 0.25];
  write('weights.npy', Float64Array.from(weights));
  writeFileSync(at('weights.txt'), `${weights.join('\n')}\n`);
  test.concurrent.each([[weights.join(',')], ['weights.npy'], ['weights.txt']])('alpha %s', async (alpha) => {
    const { metrics } = await json('evaluate', 'z.npy', 'y.npy', '--alpha', alpha, '--gamma', 0.5);
    const loss = new SoftmaxFocalLoss({ alpha: weights, gamma: 0.5 });
    expect(metrics.loss.mean).toBe(loss.forward(rows.z, rows.y));
  });

  test('the other options reach the loss and the meter', async () => {
    const softmax = await json('evaluate', 'z.npy', 'y.npy', '--ignore-index', 2, '--top-k', '1,3', '--bins', 4);
    const own = new FocalMeter(new SoftmaxFocalLoss({ ignoreIndex: 2 }), { ...OPTIONS, topK: [1, 3], bins: 4 });
    own.update({ data: rows.z, dims: rows.dims }, rows.y);
    expect(softmax.metrics).toEqual(plain(own.compute({ confidence: 0.95 })));

    const args = ['--loss', 'sigmoid', '--smoothing', 0.1, '--alpha', 0.7, '--backend', 'scalar'];
    const sigmoid = await json('evaluate', 'z.npy', 'y.npy', ...args);
    const twin = new scalar.SigmoidFocalLoss({ alpha: 0.7, smoothing: 0.1 });
    const meter = new scalar.FocalMeter(twin, { ...COMMON, curves: true });
    meter.update({ data: rows.z, dims: rows.dims }, rows.y);
    expect(sigmoid.metrics).toEqual(plain(meter.compute({ confidence: 0.95 })));
    expect(sigmoid.backend).toBe('scalar');
  });

  test('intervals: of the confidence asked for, from a bootstrap where asked, merged as counted', async () => {
    const args = ['--bootstrap', 30, '--seed', 3, '--confidence', 0.8, '--normalize', 'pred'];
    const { metrics } = await json('evaluate', 'z.npy', 'y.npy', ...args, '--state', 'boot.json');
    const own = new FocalMeter(new SoftmaxFocalLoss(), { ...OPTIONS, bootstrap: 30, seed: 3 });
    own.update({ data: rows.z, dims: rows.dims }, rows.y);
    const report = own.compute({ confidence: 0.8, normalize: 'pred' });
    expect(metrics).toEqual(plain(report));
    const merged = await json('merge', 'boot.json', '--confidence', 0.8, '--normalize', 'pred');
    expect(merged.metrics).toEqual(metrics);
    const { out } = await run('merge', 'boot.json', '--confidence', 0.8);
    const shown = (name: string) => new RegExp(`^ {2}${name} +(\\S.*)$`, 'm').exec(out)?.[1];
    const percent = (x: number) => (100 * x).toFixed(1);
    const [lower, upper] = report.intervals!.accuracy!;
    expect(shown('accuracy')).toBe(`${percent(report.accuracy!)} %  ${percent(lower)} – ${percent(upper)} %`);
    const [low, high] = report.intervals!.macroF1!;
    expect(shown('macro F1')).toBe(`${report.macroF1!.toFixed(4)}  ${low.toFixed(4)} – ${high.toFixed(4)}`);
    expect(shown('ECE')).toBe(`${report.ece!.toFixed(4)}  ± ${report.standardErrors!.ece!.toFixed(4)} SE`);
    expect(out).toMatch(/^ +80 % interval$/m);
    const refused = await run('evaluate', 'z.npy', 'y.npy', '--seed', 3);
    expect(refused).toMatchObject({ code: 2, err: 'focal-simd: --seed goes with --bootstrap\n' });
  });

  test('nothing to evaluate', async () => {
    const z = write('none-z.npy', new Float32Array(0), [0, 3]);
    const y = write('none-y.npy', new Int8Array(0), [0]);
    expect((await json('evaluate', z, y, '--report', 'none.html')).metrics.samples).toBe(0);
    expect((await run('evaluate', z, y)).out).toContain('0 of 3 classes');
  });

  test('the text names classes and hardest samples', async () => {
    writeFileSync(at('names.txt'), 'zero\none\ntwo\nthree\nfour\n');
    writeFileSync(at('texts.txt'), rows.y.map((_, i) => `text of ${i}\n`).join(''));
    const { out } = await run(
      'evaluate',
      'z.npy',
      'y.npy',
      '--names',
      'names.txt',
      '--text',
      'texts.txt',
      '--hardest',
      1,
    );
    const loss = new SoftmaxFocalLoss({ reduction: 'none' }).forward(rows.z, rows.y);
    const hardest = loss.indexOf(Math.max(...loss));
    expect(out).toContain(`text of ${hardest}\n`);
    expect(out).toMatch(/\n {2}(zero|one|two|three|four) +\d/);
  });
});

test('of one logit the text names the class where it is the target', async () => {
  write('logit.npy', Float32Array.of(1, 5, -4));
  write('yes.npy', Int32Array.of(1, 0, 1));
  const { out } = await run('evaluate', 'logit.npy', 'yes.npy', '--loss', 'sigmoid');
  const [head, ...lines] = out.slice(out.indexOf('Hardest')).trimEnd().split('\n').slice(1);
  expect(head!.trim().split(/ +/)).toEqual(['index', 'loss', 'target']);
  expect(lines.map((line) => line.trim().replace(/ +[\d.e-]+ +/, ' '))).toEqual(['1 –', '2 class 0', '0 class 0']);
  write('less.npy', Float32Array.of(-1, -5, 4));
  const pair = await run('compare', 'less.npy', 'logit.npy', 'yes.npy', '--loss', 'sigmoid');
  expect(pair.out).toMatch(/ index +rise +target\n +1 +[\d.]+ +–\n +2 +[\d.]+ +class 0\n/);
});

describe('merge', () => {
  test.each(['softmax', 'sigmoid'])('equals one evaluation of everything: %s', async (loss) => {
    const cut = 11;
    const parts = [0, 1].map((part) => {
      const [from, to] = part === 0 ? [0, cut] : [cut, 37];
      const z = write(`z${part}.npy`, rows.z.slice(from * CLASSES, to * CLASSES), [to - from, CLASSES]);
      return [z, write(`y${part}.npy`, Int32Array.from(rows.y.slice(from, to))), from] as const;
    });
    const states = await Promise.all(
      parts.map(async ([z, y, first], part) => {
        const state = `${loss}-${part}.json`;
        await json('evaluate', z, y, '--loss', loss, '--first-index', first, '--state', state);
        return state;
      }),
    );
    const whole = await json('evaluate', 'z.npy', 'y.npy', '--loss', loss, '--state', 'whole.json');
    for (const order of [states, [...states].reverse()]) {
      expect((await json('merge', ...order, '--state', 'merged.json')).metrics).toEqual(whole.metrics);
      expect(readFileSync(at('merged.json'), 'utf8')).toBe(readFileSync(at('whole.json'), 'utf8'));
    }
    const piped = await shell(`cat ${states.join(' ')} | focal-simd merge - --json --state merged.json`);
    expect({ ...piped, out: JSON.parse(piped.out).metrics }).toEqual({ code: 0, out: whole.metrics, err: '' });
    expect(readFileSync(at('merged.json'), 'utf8')).toBe(readFileSync(at('whole.json'), 'utf8'));
    expect((await run('merge', ...states)).out).toContain(`loss                ${loss}, gamma 2`);
  });
});

describe('the report', () => {
  test.each(['softmax', 'sigmoid'])('is one page that fetches nothing: %s', async (loss) => {
    writeFileSync(at('evil.txt'), '<script>alert(1)</script>\n&amp;\n"quoted"\n\u202ertl\nplain\n');
    writeFileSync(at('evil-texts.txt'), rows.y.map(() => '<img src=x onerror=alert(1)>\n').join(''));
    const page = `${loss}.html`;
    const args = ['--loss', loss, '--report', page, '--names', 'evil.txt', '--text', 'evil-texts.txt'];
    await json('evaluate', 'z.npy', 'y.npy', ...args);
    const html = readFileSync(at(page), 'utf8');
    expect(html.startsWith('<!doctype html>')).toBe(true);
    const free = html.replace('<link rel="icon" href="data:,"', '');
    expect(free).not.toMatch(/https?:|\bsrc=["']|<link|<script|<img|@import|url\((?!#)/);
    expect(html).toContain('&lt;img src=x onerror=alert(1)>');
    expect(html).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe('bad input: exit code 2 and one line', () => {
  const bytes = readFileSync(at('z.npy'));
  const cut = (name: string, length: number) => writeFileSync(at(name), bytes.subarray(0, length));
  cut('cut.npy', bytes.length - 1);
  cut('cut-header.npy', 40);
  cut('cut-magic.npy', 5);
  writeFileSync(at('long.npy'), Buffer.concat([bytes, Buffer.alloc(3)]));
  writeFileSync(at('text.npy'), 'this is not an array of numbers');
  writeFileSync(at('empty.npy'), '');
  writeFileSync(at('version.npy'), Buffer.concat([bytes.subarray(0, 6), Buffer.from([9]), bytes.subarray(7)]));
  writeFileSync(at('header.npy'), Buffer.from(bytes.toString('latin1').replace("'shape'", "'shame'"), 'latin1'));
  write('int.npy', Int32Array.from(rows.y), [37, 1]);
  write('flat.npy', rows.z);
  write('no-class.npy', new Float32Array(0), [37, 0]);
  write('y36.npy', Int32Array.from(rows.y.slice(1)));
  write(
    'y-half.npy',
    Float32Array.from(rows.y, (c) => c + 0.5),
  );
  write(
    'y-high.npy',
    Int32Array.from(rows.y, (c, i) => (i === 17 ? 12 : c)),
  );
  write(
    'y-low.npy',
    BigInt64Array.from(rows.y, (c, i) => (i === 3 ? -(2n ** 40n) : BigInt(c))),
  );
  write('matrix.npy', Float32Array.from([1, 2, 3, 4]), [2, 2]);
  writeFileSync(at('words.txt'), 'one two');
  writeFileSync(at('four.txt'), 'a\nb\nc\nd\n');
  writeFileSync(at('metrics.json'), '{"files":["z.npy"],"metrics":{}}');
  writeFileSync(at('broken.json'), '{"format":');
  writeFileSync(at('other.json'), '{"format":"something else"}');

  const evaluate = (...args: (string | number)[]) => ['evaluate', ...args];
  const zy = (...args: (string | number)[]) => ['evaluate', 'z.npy', 'y.npy', ...args];
  const table: [string, (string | number)[], RegExp][] = [
    ['a missing file', evaluate('none.npy', 'y.npy'), /^focal-simd: none\.npy: no such file/],
    ['missing targets', evaluate('z.npy', 'none.npy'), /none\.npy: no such file/],
    ['a folder', evaluate('.', 'y.npy'), /^focal-simd: \.: not a regular file/],
    ['no .npy file', evaluate('text.npy', 'y.npy'), /text\.npy: not a \.npy file/],
    ['an empty file', evaluate('empty.npy', 'y.npy'), /empty\.npy: not a \.npy file/],
    ['an unknown version', evaluate('version.npy', 'y.npy'), /version\.npy: .*version 9 is not known/],
    [
      'a header without shape',
      evaluate('header.npy', 'y.npy'),
      /header\.npy: not a \.npy header, its keys must be descr, fortran_order and shape/,
    ],
    ['truncated data', evaluate('cut.npy', 'y.npy'), /cut\.npy: truncated, shape \[37,5\] needs 740 bytes .* has 739/],
    ['a truncated header', evaluate('cut-header.npy', 'y.npy'), /cut-header\.npy: truncated within the header/],
    ['a truncated magic', evaluate('cut-magic.npy', 'y.npy'), /cut-magic\.npy: not a \.npy file/],
    ['too much data', evaluate('long.npy', 'y.npy'), /long\.npy: 3 bytes more than shape \[37,5\] needs/],
    ['logits of integers', evaluate('int.npy', 'y.npy'), /int\.npy: dtype expected .*float32.*, got int32/],
    ['complex logits', evaluate(real('complex'), 'y.npy'), /complex numbers .* numpy\.save\(file, array\.real\)/],
    ['structured logits', evaluate(real('structured'), 'y.npy'), /a structured dtype is not an array of numbers/],
    [
      'targets between integers',
      evaluate('z.npy', 'y-half.npy'),
      /targets\[0\] expected an integer, as floats .*, got 0\.5/,
    ],
    ['logits of one dimension', evaluate('flat.npy', 'y.npy'), /y\.npy: expected shape \[185\].* got \[37\]/],
    ['logits of no dimension', evaluate(real('scalar'), 'y.npy'), /expected shape \[B, C\].*got \[\]/],
    ['no class', evaluate('no-class.npy', 'y.npy'), /at least one class, got shape \[37,0\]/],
    ['shapes that differ', evaluate('z.npy', 'y36.npy'), /y36\.npy: expected shape \[37\].*got \[36\]/],
    ['ranks that differ', evaluate('planes.npy', 'y.npy'), /expected shape \[3,4,5\].*got \[37\]/],
    ['a label too high', evaluate('z.npy', 'y-high.npy'), /targets\[17\] expected an integer in \[0, 5\).*got 12/],
    ['a label too low', evaluate('z.npy', 'y-low.npy'), /targets\[3\] expected .*, got -1099511627776/],
    ['gamma < 0', zy('--gamma', -1), /gamma expected a finite number ≥ 0, got -1/],
    [
      'gamma that is no number',
      zy('--gamma', 'two'),
      /'--gamma <number>' argument 'two' is invalid. Expected a number/,
    ],
    ['alpha of another length', zy('--alpha', '1,2'), /alpha expected 5 weights, got 2/],
    ['alpha below 0 in a class', zy('--alpha=1,2,-1,1,1'), /alpha\[2\] expected a float32 number ≥ 0, got -1/],
    ['alpha that is no file', zy('--alpha', 'none.txt'), /none\.txt: no such file/],
    ['alpha of words', zy('--alpha', 'words.txt'), /words\.txt: expected numbers/],
    ['alpha of rank 2', zy('--alpha', 'matrix.npy'), /matrix\.npy: expected shape \[C\], got \[2,2\]/],
    ['an unknown loss', zy('--loss', 'hinge'), /argument 'hinge' is invalid.*softmax, sigmoid/],
    ['smoothing of softmax', zy('--smoothing', 0.1), /--smoothing goes with --loss sigmoid alone/],
    ['top-k of sigmoid', zy('--loss', 'sigmoid', '--top-k', 3), /--top-k goes with --loss softmax alone/],
    ['top-k 0', zy('--top-k', '5,0'), /--top-k.*Expected an integer in \[1, /],
    ['bins 0', zy('--bins', 0), /--bins.*Expected an integer in \[1, /],
    ['an unknown option', zy('--smothing', 1), /unknown option '--smothing'/],
    ['an unknown command', ['evalute', 'z.npy', 'y.npy'], /unknown command 'evalute'/],
    ['a missing argument', evaluate('z.npy'), /missing required argument 'targets'/],
    ['an argument too many', evaluate('z.npy', 'y.npy', 'x.npy'), /too many arguments/],
    ['names that are too few', zy('--names', 'four.txt'), /four\.txt: names expected 5 names, got 4/],
    ['texts that are too few', zy('--text', 'four.txt'), /four\.txt: expected 37 lines, one for each sample, got 4/],
    ['a state that can not be written', zy('--state', 'none/state.json'), /none\/state\.json: no such file or folder/],
    ['a missing state', ['merge', 'none.json'], /none\.json: no such file/],
    [
      'a state that is no JSON',
      ['merge', 'broken.json'],
      /broken\.json: expected a state, the JSON that --state writes: .*JSON/,
    ],
    ['an empty state', ['merge', 'empty.npy'], /empty\.npy: expected a state, .*: empty$/m],
    [
      'what --json printed',
      ['merge', 'metrics.json'],
      /metrics\.json: state\.format .*--state writes\), got undefined/,
    ],
    ['a name for the page', ['page', 'x.html'], /too many arguments for 'page'.*; --output says where/],
    ['a state of something else', ['merge', 'other.json'], /other\.json: state/],
  ];
  test.concurrent.each(table)('%s', async (_, args, message) => {
    const { code, out, err } = await run(...args);
    expect(err).toMatch(message);
    expect(err.trim().split('\n')).toHaveLength(1);
    expect({ code, out }).toEqual({ code: 2, out: '' });
  });

  test.each([
    ['none', '', 'stdin: expected a state a line, got none'],
    ['not one', 'echo; echo x', 'stdin, line 1: .*JSON.*'],
    [
      'one twice',
      'cat chunk-z.npy-softmax-1.json chunk-z.npy-softmax-90.json',
      String.raw`stdin, line 2: .*\[0, 37\) again`,
    ],
  ])('states from stdin: %s', async (_, from, message) => {
    const { code, err } = await shell(`{ true; ${from} ${from && ';'} } | focal-simd merge -`);
    expect(err).toMatch(new RegExp(`^focal-simd: ${message}\\n$`));
    expect(code).toBe(2);
  });

  test('states of different losses', async () => {
    await json(...zy('--state', 'gamma2.json'));
    await json(...zy('--state', 'gamma3.json', '--gamma', 3));
    const { code, err } = await run('merge', 'gamma2.json', 'gamma3.json');
    expect(err).toBe('focal-simd: gamma3.json: other: gamma expected 2, got 3\n');
    expect(code).toBe(2);
  });
});
