import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, test } from 'vitest';
import * as losses from '../bindings/entries/index.ts';
import * as meter from '../bindings/entries/meter.ts';
import * as scalar from '../bindings/entries/scalar.ts';
// @ts-expect-error the scripts are plain JavaScript, so that Node 20 runs them
import { ENTRIES, jsrExports, packageExports } from '../scripts/entries.mjs';
// @ts-expect-error as above
import { sizes } from '../scripts/sizes.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string) => readFileSync(`${root}${file}`, 'utf8');
const entry = (name: string) => import(`${root}dist/${name}.js`);

test('package.json and jsr.json export what scripts/entries.mjs lists: run it to write them', () => {
  expect(JSON.parse(read('package.json')).exports).toEqual(packageExports());
  expect(JSON.parse(read('jsr.json')).exports).toEqual(jsrExports());
});

describe.each<{ name: string; node?: boolean }>(ENTRIES)('$name, as built', ({ name, node = false }) => {
  test('exports what its source exports, by the real names', async () => {
    const [built, source] = [await entry(name), await import(`../bindings/entries/${name}.ts`)];
    expect(Object.keys(built)).toEqual(Object.keys(source).sort());
    for (const [key, value] of Object.entries(built)) if (typeof value === 'function') expect(value.name).toBe(key);
  });

  test('needs the modules of Node only where that is said', () => {
    const { outputs } = JSON.parse(read('build/metafile.json'));
    const reached = (file: string): string[] => {
      const paths = outputs[file].imports.map(({ path }: { path: string }) => path);
      return paths.flatMap((path: string) => (path in outputs ? reached(path) : path.startsWith('node:') ? path : []));
    };
    if (!node) expect(reached(`dist/${name}.js`)).toEqual([]);
  });
});

test('the built entries answer as the sources do', async () => {
  const { create } = await entry('module');
  const brought = create(new WebAssembly.Module(readFileSync(`${root}dist/focal.wasm`)));
  const simd = { ...losses, ...meter };
  const logits = { data: Float32Array.from({ length: 120 }, (_, i) => Math.sin(i * 1.7) * 9), dims: [5, 6, 4] };
  const targets = Int32Array.from({ length: 20 }, (_, i) => (i % 4 === 3 ? -100 : (i * 7) % 6));
  const run = (api: typeof simd) =>
    [api.SoftmaxFocalLoss, api.SigmoidFocalLoss].map((Loss) => {
      const loss = new Loss({ alpha: new Array(6).fill(0.5), reduction: 'none' });
      const evaluated = new api.FocalMeter(loss, { classes: 6, hardest: 3 });
      evaluated.update(logits, targets);
      const upstream = new Float32Array(20).fill(3);
      return [
        loss.forward(logits, targets),
        loss.valueAndGrad(logits, targets, { upstream }),
        evaluated.compute(),
        evaluated.toJSON(),
        api.FocalMeter.fromJSON(evaluated.toJSON()).toBytes(),
      ];
    });
  expect(run({ ...(await entry('index')), ...(await entry('meter')) })).toEqual(run(simd));
  expect(run(brought)).toEqual(run(simd));
  expect(run(await entry('scalar'))).toEqual(run(scalar));
});

test('losses and meters of any two built entries go together', async () => {
  const { create } = await entry('module');
  const brought = create(new WebAssembly.Module(readFileSync(`${root}dist/focal.wasm`)));
  const apis = [{ ...(await entry('index')), ...(await entry('meter')) }, await entry('scalar'), brought];
  const whole = new apis[0].FocalMeter(new apis[1].SoftmaxFocalLoss(), { classes: 2 });
  for (const api of apis) {
    for (const other of apis) {
      const part = new api.FocalMeter(new other.SoftmaxFocalLoss(), { classes: 2 });
      part.update(Float32Array.of(1, 2), [1]);
      whole.merge(part);
    }
  }
  expect(whole.compute().samples).toBe(9);
});

describe('customLoss as built', async () => {
  const { customLoss } = await entry('tfjs');
  const { SoftmaxFocalLoss } = await entry('index');
  const focal = customLoss(tf, new SoftmaxFocalLoss());
  const labels = tf.tensor1d([0, 2], 'int32');

  test('trains', () => {
    const x = tf.tensor2d([1, 2, 3, 4, 5, 7], [2, 3]);
    const { value, grad } = tf.valueAndGrad((z: tf.Tensor) => focal(labels, z))(x);
    const expected = new losses.SoftmaxFocalLoss().valueAndGrad(x.dataSync() as Float32Array, [0, 2]);
    expect(value.dataSync()[0]).toBe(Math.fround(expected.value));
    expect(grad.dataSync()).toEqual(expected.grad);
  });

  test.each([
    ['logits', [labels, 1], 'logits expected a tf.Tensor, got 1'],
    ['labels', [null, labels], 'labels expected a tf.Tensor, got null'],
  ])('names the %s that are no tensor', (_, args, message) => {
    expect(() => focal(...args)).toThrow(new TypeError(message));
  });
});

test('an uncaught error prints its line of source, its message and the names of the sources', () => {
  const script = `import { SoftmaxFocalLoss } from 'focal-simd'; new SoftmaxFocalLoss().forward([1], 2);`;
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(stderr).toMatch(/^TypeError: \w+ expected .*, got/m);
  expect(stderr).toMatch(/^ {4}at SoftmaxFocalLoss\.forward \(/m);
  for (const line of stderr.split('\n')) expect(line.length, line).toBeLessThan(240);
  const mapped = spawnSync(process.execPath, ['--enable-source-maps', '--input-type=module', '-e', script], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(mapped.stderr).toContain('bindings/losses/losses.ts:');
});

test('minified by a bundler and gzipped, an application stays within its budget', async () => {
  for (const { name, bytes, most } of await sizes(root)) expect(bytes, name).toBeLessThanOrEqual(most);
});
