import { readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { fitTemperature } from '../bindings/entries/calibrate.ts';
import { openArray } from '../bindings/files/open.ts';
import { fromBytes } from '../bindings/files/source.ts';
import { workplace } from './command.ts';

vi.setConfig({ testTimeout: 60_000 });

const { at, run, json, write } = workplace();

const [SAMPLES, CLASSES] = [200, 4];
const y = Int32Array.from({ length: SAMPLES }, (_, i) => (i * 7 + (i >> 3)) % CLASSES);
// right more often than not, and far too sure
const z = Float32Array.from({ length: SAMPLES * CLASSES }, (_, i) => {
  return 9 * Math.sin(i * i + 1) + (y[Math.floor(i / CLASSES)] === i % CLASSES ? 8 : 0);
});
write('z.npy', z, [SAMPLES, CLASSES]);
write('y.npy', y);

describe('calibrate', () => {
  test.each([
    ['softmax', []],
    ['sigmoid', ['--loss', 'sigmoid', '--holdout', 0.5, '--bins', 5, '--chunk', 64]],
  ] as const)('says what fitTemperature says: %s', async (loss, args) => {
    const options = loss === 'softmax' ? {} : { loss, holdout: 0.5, bins: 5 };
    const batch = { logits: { data: z, dims: [SAMPLES, CLASSES] }, targets: y };
    const expected = await fitTemperature(() => [batch], options);
    expect(expected.temperature).toBeGreaterThan(1.5);
    const { files, ...found } = await json('calibrate', 'z.npy', 'y.npy', ...args);
    expect(files).toEqual(['z.npy', 'y.npy']);
    expect(found).toEqual({ loss, ...expected });
    const { out } = await run('calibrate', 'z.npy', 'y.npy', ...args);
    expect(out).toMatch(new RegExp(`^ {2}temperature +${expected.temperature!.toPrecision(6)}$`, 'm'));
    expect(out).toMatch(/^ {2}ECE +0\.\d{4} +0\.\d{4}$/m);
  });

  const halves = Uint16Array.from(z, (x) => {
    const exponent = Math.floor(Math.log2(Math.abs(x)));
    const fraction = Math.floor((Math.abs(x) / 2 ** exponent - 1) * 1024);
    return (x < 0 ? 0x8000 : 0) + (exponent + 15) * 1024 + fraction;
  });
  const half = (bits: number) => (1 + (bits & 1023) / 1024) * 2 ** (((bits >> 10) & 31) - 15) * (bits >> 15 ? -1 : 1);
  test.each([
    ['f4', z, Array.from(z)],
    ['f8', Float64Array.from(z, (x) => x + 1e-9), Array.from(z, (x) => x + 1e-9)],
    ['f2', halves, Array.from(halves, half)],
  ] as const)('--apply writes the logits over the temperature: %s', async (dtype, data, numbers) => {
    for (const dims of [
      [SAMPLES, CLASSES],
      [SAMPLES / 2, CLASSES, 2],
    ]) {
      const labels = write('labels.npy', y, dims.length === 2 ? [SAMPLES] : [SAMPLES / 2, 2]);
      const name = write(`${dtype}.npy`, data, dims, { dtype: dtype as 'f4' });
      const { temperature } = await json('calibrate', name, labels, '--apply', 'out.npy');
      const array = await openArray(fromBytes(readFileSync(at('out.npy'))));
      expect([array.dtype, array.shape]).toEqual(['float32', dims]);
      expect(Array.from(await array.read(), Number)).toEqual(numbers.map((x) => Math.fround(x / temperature)));
    }
  });

  // what a temperature makes of logits does not depend on what is added to all of a row
  const rows = (of: (row: Float32Array) => Iterable<number>) =>
    Float32Array.from(
      Array.from({ length: SAMPLES }, (_, i) => [...of(z.slice(i * CLASSES, (i + 1) * CLASSES))]).flat(),
    );
  const softmax = (row: Float32Array) => {
    const all = Array.from(row, Math.exp);
    const total = all.reduce((a, b) => a + b);
    return all.map((e) => e / total);
  };
  test.each([
    ['softmax', 'probabilities', rows(softmax)],
    ['softmax', 'log-probabilities', rows((row) => softmax(row).map(Math.log))],
    ['sigmoid', 'probabilities', z.map((x) => 1 / (1 + Math.exp(-x / 4)))],
    ['sigmoid', 'log-probabilities', z.map((x) => -Math.log1p(Math.exp(-x / 4)))],
  ] as const)('%s of %s: the temperature of the logits that they stand for', async (loss, input, data) => {
    const own = loss === 'softmax' ? z : z.map((x) => x / 4);
    write('own.npy', own, [SAMPLES, CLASSES]);
    write('given.npy', data, [SAMPLES, CLASSES]);
    const want = await json('calibrate', 'own.npy', 'y.npy', '--loss', loss);
    const args = [
      'calibrate',
      'given.npy',
      'y.npy',
      '--loss',
      loss,
      '--input',
      input,
      '--apply',
      'out.npy',
      '--jobs',
      2,
    ];
    const { code, err } = await run(...args);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const got = await json(...args);
    expect(got.temperature).toBeCloseTo(want.temperature, 3);
    expect(got.before.crossEntropy).toBeCloseTo(want.before.crossEntropy, 4);
    const out = Array.from(await (await openArray(fromBytes(readFileSync(at('out.npy'))))).read(), Number);
    for (let i = 0; i < out.length; i += CLASSES) {
      for (let c = 1; c < CLASSES; c++) {
        const gap = (a: ArrayLike<number>) => a[i + c]! - (loss === 'softmax' ? a[i]! : 0);
        expect(gap(out) * got.temperature).toBeCloseTo(gap(own), 2);
      }
    }
  });

  test('no finite temperature: null with its reason, and nothing to apply', async () => {
    const sure = Float32Array.from(z, (_, i) => (y[Math.floor(i / CLASSES)] === i % CLASSES ? 5 : 0));
    write('sure.npy', sure, [SAMPLES, CLASSES]);
    const { temperature, reason } = await json('calibrate', 'sure.npy', 'y.npy');
    expect([temperature, typeof reason]).toEqual([null, 'string']);
    const { code, out, err } = await run('calibrate', 'sure.npy', 'y.npy', '--apply', 'none.npy');
    expect({ code, told: out.includes(`temperature         –  ${reason}`) }).toEqual({ code: 2, told: true });
    expect(err).toBe(`focal-simd: --apply: there is no temperature to divide by: ${reason}\n`);
  });

  test.each([
    ['over the logits', ['--apply', 'z.npy'], /z\.npy: --apply would overwrite/],
    ['no share', ['--holdout', 1], /--holdout.*Expected a number in \[0, 1\)/],
    ['another loss', ['--loss', 'hinge'], /softmax, sigmoid/],
  ])('refused: %s', async (_, args, message) => {
    const { code, out, err } = await run('calibrate', 'z.npy', 'y.npy', ...args);
    expect(err).toMatch(message);
    expect({ code, out, lines: err.trim().split('\n').length }).toEqual({ code: 2, out: '', lines: 1 });
  });
});
