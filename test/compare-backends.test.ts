import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { FocalComparison, judge } from '../bindings/entries/compare.ts';
import { SoftmaxFocalLoss } from '../bindings/entries/index.ts';
import { Random } from './random.ts';

// one instance of tfjs, which a CommonJS and an ES module of it would not be
const require = createRequire(import.meta.url);
const tf = require('@tensorflow/tfjs-core');
require('@tensorflow/tfjs-backend-cpu');
const { setWasmPaths } = require('@tensorflow/tfjs-backend-wasm');

const [SAMPLES, INPUTS, HIDDEN, CLASSES] = [600, 32, 64, 10];

test('one model on two backends of TensorFlow.js: the same predictions, and how far the probabilities are apart', async () => {
  const random = new Random(7);
  const draw = (rows: number, columns: number) => ({
    data: random.logits(rows * columns, 1, 0),
    shape: [rows, columns],
  });
  const [x, first, second] = [draw(SAMPLES, INPUTS), draw(INPUTS, HIDDEN), draw(HIDDEN, CLASSES)];
  setWasmPaths(join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')), '/'));
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);

  const logitsOn = async (backend: string): Promise<Float32Array> => {
    expect(await tf.setBackend(backend)).toBe(true);
    await tf.ready();
    return tf.tidy(() => {
      const [input, a, b] = [x, first, second].map(({ data, shape }) => tf.tensor(data, shape));
      return tf
        .matMul(tf.tanh(tf.matMul(input, a)), b)
        .dataSync()
        .slice();
    });
  };
  const [cpu, wasm] = [await logitsOn('cpu'), await logitsOn('wasm')];
  const targets = Int32Array.from({ length: SAMPLES }, () => random.below(CLASSES));
  const comparison = new FocalComparison(new SoftmaxFocalLoss(), { classes: CLASSES });
  comparison.update(cpu, wasm, targets);
  const report = comparison.compute();
  const { fidelity, quality } = report;
  // the backends do sum in different orders, or there would be nothing to find
  expect(cpu).not.toEqual(wasm);
  expect(fidelity.agreement).toBe(1);
  expect(fidelity.difference.largest).toBeGreaterThan(0);
  expect(fidelity.difference.largest).toBeLessThan(1e-5);
  expect(fidelity.kl.largest).toBeLessThan(1e-5);
  expect(quality).toMatchObject({ lost: 0, won: 0, p: 1 });
  expect(Math.abs(quality?.deltas.loss?.delta as number)).toBeLessThan(1e-6);
  expect(judge(report, { accuracy: 0, agreement: 0, 'class-recall': 0, loss: 1e-6 }).verdict).toBe('passed');
});
