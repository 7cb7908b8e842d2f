/** customLoss within tfjs-core and in the models of tfjs-layers, by the backends in JavaScript and WebAssembly. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as Core from '@tensorflow/tfjs-core';
import type * as Layers from '@tensorflow/tfjs-layers';
import { build } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';
import { customLoss, type TfTensor } from '../bindings/entries/tfjs.ts';
import { backends } from './backends.ts';
import { Random } from './random.ts';

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL('..', import.meta.url));
const outfile = join(root, 'build/tfjs-layers.cjs');
// the module that registers the gradients is one that only bundlers can read
await build({
  stdin: {
    contents: `
      import '@tensorflow/tfjs-core/dist/register_all_gradients';
      import '@tensorflow/tfjs-backend-cpu';
      export { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
      export * from '@tensorflow/tfjs-core';
      export * as layers from '@tensorflow/tfjs-layers';`,
    resolveDir: root,
  },
  outfile,
  bundle: true,
  platform: 'node',
  mainFields: ['module', 'main'],
  logLevel: 'error',
});
type Tfjs = typeof Core & { layers: typeof Layers; setWasmPaths: (path: string) => void };
const { layers, ...tf }: Tfjs = require(outfile);
tf.enableProdMode();
tf.setWasmPaths(join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')), '/'));
tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
await tf.setBackend('cpu');

/** What TypeScript forbids. */
const wrong = (value: unknown) => value as never;
const values = (tensor: Core.Tensor): number[] => Array.from(tensor.dataSync());
const expectClose = (got: ArrayLike<number>, want: ArrayLike<number>, part = 2e-6): void => {
  expect(got.length).toBe(want.length);
  const largest = Array.from(want).reduce((a, x) => Math.max(a, Math.abs(x)), 1e-3);
  for (let i = 0; i < want.length; i++) expect(Math.abs(got[i]! - want[i]!), `[${i}]`).toBeLessThan(part * largest);
};

/** The losses in operations of tfjs, for targets in the shape of the logits; one loss a sample. */
function softmaxFocal(t: Core.Tensor, z: Core.Tensor, gamma: number): Core.Tensor {
  const log = tf.logSoftmax(z);
  return tf.neg(tf.sum(tf.mul(t, tf.mul(tf.pow(tf.sub(1, tf.exp(log)), gamma), log)), -1));
}
function sigmoidFocal(t: Core.Tensor, z: Core.Tensor, gamma: number): Core.Tensor {
  const p = tf.sigmoid(z);
  const other = tf.add(tf.mul(p, tf.sub(1, t)), tf.mul(tf.sub(1, p), t));
  const ce = tf.add(tf.sub(tf.relu(z), tf.mul(z, t)), tf.log1p(tf.exp(tf.neg(tf.abs(z)))));
  return tf.mean(tf.mul(tf.pow(other, gamma), ce), -1);
}

const C = 5;
const random = new Random(3);
const SHAPES = [[12], [3, 4], [2, 3, 2]];
const data = random.logits(12 * C, 3, 0);
const indices = random.labels(12, C);
const kinds: Record<string, Float32Array> = {
  'one-hot': Float32Array.from({ length: 12 * C }, (_, i) => (indices[Math.floor(i / C)] === i % C ? 1 : 0)),
  'multi-hot': Float32Array.from(data, () => random.below(2)),
  soft: Float32Array.from(data, () => random.uniform()),
};

describe.each(['cpu', 'wasm'])('on the backend %s', (name) => {
  beforeAll(async () => {
    await tf.setBackend(name);
    await tf.ready();
  });

  describe.each(backends)('$name', ({ api: { SoftmaxFocalLoss, SigmoidFocalLoss } }) => {
    const CASES: [string, 'softmax' | 'sigmoid', string, number[]][] = SHAPES.flatMap((shape) => [
      ...Object.keys(kinds).map((kind): [string, 'sigmoid', string, number[]] => [
        `sigmoid, ${kind} [${shape},${C}]`,
        'sigmoid',
        kind,
        shape,
      ]),
      ...['one-hot', 'soft'].map((kind): [string, 'softmax', string, number[]] => [
        `softmax, ${kind} [${shape},${C}]`,
        'softmax',
        kind,
        shape,
      ]),
    ]);
    test.each(CASES)('%s: values and gradients of each reduction are those of autodiff', (_, variant, kind, shape) => {
      tf.tidy(() => {
        const logits = tf.tensor(data, [...shape, C]);
        const t = tf.tensor(kinds[kind] as Float32Array, [...shape, C]);
        const upstream = tf.tensor(random.logits(12, 1, 0), shape);
        const options = { gamma: 2, alpha: null, smoothing: 0 };
        const ours = (reduction: 'mean' | 'sum' | 'none') => {
          const { smoothing, ...common } = { ...options, reduction };
          const loss =
            variant === 'softmax' ? new SoftmaxFocalLoss(common) : new SigmoidFocalLoss({ smoothing, ...common });
          return customLoss(tf, loss) as (labels: TfTensor, logits: TfTensor) => Core.Tensor;
        };
        const truth = variant === 'softmax' ? softmaxFocal : sigmoidFocal;
        const each = (z: Core.Tensor) => tf.sum(tf.mul(upstream, ours('none')(t, z)));
        const truly = (z: Core.Tensor) => tf.sum(tf.mul(upstream, truth(t, z, 2)));
        const none = ours('none')(t, logits);
        expect(none.shape).toEqual(shape);
        expectClose(values(none), values(truth(t, logits, 2)));
        expectClose(values(tf.grad(each)(logits)), values(tf.grad(truly)(logits)));
        // the mean of sums over classes is that of the logits' losses
        const mean = tf.valueAndGrad((z: Core.Tensor) => ours('mean')(t, z) as Core.Scalar)(logits);
        const means = tf.valueAndGrad((z: Core.Tensor) => tf.mean(truth(t, z, 2)) as Core.Scalar)(logits);
        expect(mean.value.shape).toEqual([]);
        expectClose(values(mean.value), values(means.value));
        expectClose(values(mean.grad), values(means.grad));
        const logitsOrSamples = variant === 'softmax' ? 12 : 12 * C;
        expectClose(values(ours('sum')(t, logits)), [values(means.value)[0]! * logitsOrSamples]);
        expect(Array.from(logits.dataSync()), 'the logits are left alone').toEqual(Array.from(data));
      });
    });

    test.each(SHAPES.map((shape) => [shape]))('class indices for logits [%s, C]: of any kind and shape', (shape) => {
      tf.tidy(() => {
        const logits = tf.tensor(data, [...shape, C]);
        const focal = customLoss(tf, new SoftmaxFocalLoss({ reduction: 'none', ignoreIndex: 3 }));
        const expected = new SoftmaxFocalLoss({ reduction: 'none', ignoreIndex: 3 }).forward(data, indices);
        for (const dtype of ['int32', 'float32'] as const) {
          for (const dims of [shape, [...shape, 1]]) {
            const losses = focal(tf.tensor(indices, dims, dtype), logits);
            expect([losses.shape, losses.dataSync()]).toEqual([shape, expected]);
          }
        }
      });
    });

    test.each([[[4]], [[4, 1]]])('one logit a sample, labels %s', (dims) => {
      tf.tidy(() => {
        const [logits, labels] = [tf.tensor2d([3, -2, 5, -4], [4, 1]), tf.tensor([1, 0, 1, 0], dims)];
        // torchvision's sigmoid_focal_loss
        const focal = (reduction: 'mean' | 'none') =>
          customLoss(tf, new SigmoidFocalLoss({ smoothing: 0, reduction }))(labels, logits);
        expectClose(values(focal('mean')), [0.000346117959275391], 1e-5);
        expect(focal('none').shape).toEqual([4]);
        expectClose(values(tf.mean(focal('none'))), [0.000346117959275391], 1e-5);
      });
    });

    test('ignored samples get no gradient', () => {
      tf.tidy(() => {
        const some = tf.tensor1d([-100, ...indices.slice(1)], 'int32');
        for (const first of [data[0] as number, NaN, Infinity]) {
          const x = tf.tensor2d([first, ...data.slice(1)], [12, C]);
          const loss = (z: Core.Tensor) => customLoss(tf, new SoftmaxFocalLoss())(some, z) as Core.Scalar;
          const grad = Array.from(tf.valueAndGrad(loss)(x).grad.dataSync());
          expect(grad.slice(0, C)).toEqual(Array(C).fill(0));
          expect(grad.slice(C)).not.toContain(0);
        }
      });
    });

    test.each(['mean', 'none'] as const)('reduction %s: no tensor is left over', (reduction) => {
      const loss = customLoss(tf, new SigmoidFocalLoss({ reduction }));
      const [x, labels] = [tf.tensor2d(data, [12, C]), tf.tensor1d(indices, 'int32')];
      const before = tf.memory().numTensors;
      const { value, grad } = tf.valueAndGrad((z: Core.Tensor) => tf.sum(loss(labels, z)) as Core.Scalar)(x);
      tf.dispose([value, grad]);
      tf.dispose(loss(labels, x));
      expect(tf.memory().numTensors).toBe(before);
      tf.dispose([x, labels]);
    });
  });

  describe('models', () => {
    const { SoftmaxFocalLoss, SigmoidFocalLoss } = backends[0]!.api;
    /** Logits that are the inputs, for a rate of 0. */
    const identity = (units: number, loss: (labels: Core.Tensor, logits: Core.Tensor) => Core.Tensor, rate = 0) => {
      const dense = layers.layers.dense({
        units,
        inputShape: [units],
        kernelInitializer: 'identity',
        useBias: false,
      });
      const model = layers.sequential({ layers: [dense] });
      model.compile({ optimizer: tf.train.sgd(rate), loss });
      return model;
    };
    const lossOf = async (fitted: Promise<Layers.History>) => (await fitted).history.loss![0] as number;
    const classWeight = { 0: 1, 1: 9, 2: 0.5 };
    const classes = [0, 2, 1, 1, 0, 2];
    const x = random.logits(6 * 3, 2, 0);
    const batch = () => [tf.tensor2d(x, [6, 3]), tf.oneHot(tf.tensor1d(classes, 'int32'), 3)] as const;
    const options = { epochs: 1, batchSize: 6, verbose: 0, classWeight } as const;
    const weight = classes.map((y) => classWeight[y as 0 | 1 | 2]);
    const weighted = (losses: ArrayLike<number>) => classes.reduce((sum, _, i) => sum + losses[i]! * weight[i]!, 0) / 6;

    test("classWeight weights the losses of reduction 'none', and fit divides by the batch", async () => {
      const each = new SoftmaxFocalLoss({ reduction: 'none' });
      const truth = weighted(each.forward(x, classes));
      expectClose([await lossOf(identity(3, customLoss(tf, each)).fit(...batch(), options))], [truth]);
      const sigmoid = new SigmoidFocalLoss({ reduction: 'none' });
      const logits = sigmoid.forward(x, classes);
      const means = classes.map((_, i) => (logits[3 * i]! + logits[3 * i + 1]! + logits[3 * i + 2]!) / 3);
      expectClose([await lossOf(identity(3, customLoss(tf, sigmoid)).fit(...batch(), options))], [weighted(means)]);
      // as documented: a mean cannot be weighted by sample
      const mean = new SoftmaxFocalLoss();
      const blind = (mean.forward(x, classes) * weight.reduce((a, b) => a + b, 0)) / 6;
      expectClose([await lossOf(identity(3, customLoss(tf, mean)).fit(...batch(), options))], [blind]);
    });

    test('a step of classWeight is that of weights in the gradient', async () => {
      const each = new SoftmaxFocalLoss({ reduction: 'none' });
      const model = identity(3, customLoss(tf, each), 0.5);
      const [inputs, labels] = batch();
      await model.fit(inputs, labels, options);
      const { grad } = new SoftmaxFocalLoss({ reduction: 'sum' }).valueAndGrad(x, classes, { weights: weight });
      const step = tf.matMul(inputs, tf.tensor2d(grad, [6, 3]), true);
      const expected = values(tf.sub(tf.eye(3), tf.mul(0.5 / 6, step)));
      expectClose(values(model.getWeights()[0] as Core.Tensor), expected, 1e-5);
    });

    test('a binary model with classWeight', async () => {
      const each = new SigmoidFocalLoss({ reduction: 'none' });
      const [z, y] = [
        [3, -2, 5, -4],
        [1, 0, 0, 0],
      ] as const;
      const losses = each.forward({ data: Float32Array.from(z), dims: [4, 1] }, [...y]);
      const truth = losses.reduce((sum, l, i) => sum + l * [1, 9][y[i]!]!, 0) / 4;
      const model = identity(1, customLoss(tf, each));
      const fitted = model.fit(tf.tensor2d([...z], [4, 1]), tf.tensor2d([...y], [4, 1]), {
        ...options,
        classWeight: { 0: 1, 1: 9 },
      });
      expectClose([await lossOf(fitted)], [truth]);
    });

    test('fitDataset takes class indices of each kind, where fit wants one-hot', async () => {
      const [inputs] = batch();
      for (const labels of [
        tf.tensor1d(classes, 'int32'),
        tf.tensor2d(classes, [6, 1], 'int32'),
        tf.tensor1d(classes, 'float32'),
      ]) {
        const one = () => ({ done: false, value: { xs: inputs.clone(), ys: labels.clone() } });
        // what is used of tf.data.Dataset
        const dataset = { size: null, iterator: async () => ({ next: async () => one() }) };
        const model = identity(3, customLoss(tf, new SoftmaxFocalLoss()), 0.1);
        const { history } = await model.fitDataset(dataset as never, { epochs: 4, batchesPerEpoch: 1, verbose: 0 });
        const curve = history.loss as number[];
        expect(curve[3]).toBeLessThan(curve[0]!);
        await expect(model.fit(inputs, labels, { verbose: 0 })).rejects.toThrow('target expected');
      }
    });

    test('the gradient as a constant, which backends that cannot be read synchronously leave, makes the same step', async () => {
      const loss = new SoftmaxFocalLoss();
      const [inputs, labels] = batch();
      const [ours, constantly] = [0, 1].map(() => identity(3, customLoss(tf, loss), 0.5)) as [
        Layers.Sequential,
        Layers.Sequential,
      ];
      await ours.fit(inputs, labels, { epochs: 1, batchSize: 6, verbose: 0 });
      const logits = constantly.apply(inputs) as Core.Tensor;
      const { grad } = loss.valueAndGrad({ data: (await logits.data()) as Float32Array, dims: logits.shape }, classes);
      const constant = tf.tensor(grad, logits.shape);
      const optimizer = tf.train.sgd(0.5);
      optimizer.minimize(() => tf.sum(tf.mul(constantly.apply(inputs, { training: true }) as Core.Tensor, constant)));
      expectClose(values(constantly.getWeights()[0]!), values(ours.getWeights()[0]!), 1e-6);
    });

    test('evaluate', async () => {
      const loss = new SoftmaxFocalLoss();
      const model = identity(3, customLoss(tf, loss));
      expectClose(values(model.evaluate(...batch()) as Core.Scalar), [loss.forward(x, classes)]);
    });
  });
});

describe('what is refused', () => {
  const { SoftmaxFocalLoss, SigmoidFocalLoss } = backends[0]!.api;
  const rows = tf.tensor2d(data, [12, C]);
  const flat = tf.tensor1d(indices, 'int32');
  const mean = customLoss(tf, new SoftmaxFocalLoss());
  const multi = customLoss(tf, new SigmoidFocalLoss());
  const drop = new SoftmaxFocalLoss({ reduction: 'none', ignored: 'drop' });
  const on = (backend: string) => customLoss({ ...tf, getBackend: () => backend } as typeof tf, new SoftmaxFocalLoss());
  const shapes = 'labels expected shape [12] or [12,1] (class indices) or [12,5] (one-hot, multi-hot or soft)';
  const probabilities = new SoftmaxFocalLoss({ input: 'probabilities' });
  test.each<[string, () => unknown, unknown, string]>([
    ['no namespace', () => customLoss(wrong(null), new SoftmaxFocalLoss()), TypeError, 'tf expected the namespace'],
    ['no loss', () => customLoss(tf, wrong({})), TypeError, 'loss expected a SoftmaxFocalLoss or SigmoidFocalLoss'],
    ['an array for labels', () => mean(wrong([1]), rows), TypeError, 'labels expected a tf.Tensor, got an array of'],
    ['nothing for logits', () => mean(flat, wrong(undefined)), TypeError, 'logits expected a tf.Tensor, got undefined'],
    ['parts of classes', () => mean(tf.fill([12], 0.5), rows), RangeError, 'targets[0] expected an integer in [0, 5)'],
    ['another shape', () => mean(tf.zeros([3, 4], 'int32'), rows), RangeError, `${shapes}, got [3,4]`],
    ['a label out of range', () => mean(tf.fill([12], 5, 'int32'), rows), RangeError, 'targets[0] expected an integer'],
    ['shares < 0', () => mean(tf.fill([12, C], -1), rows), RangeError, 'targets[0] expected a finite number ≥ 0'],
    ['tags > 1', () => multi(tf.fill([12, C], 2), rows), RangeError, 'targets[0] expected a number in [0, 1]'],
    [
      'words',
      () => mean(tf.tensor1d(Array(12).fill('cat')), rows),
      TypeError,
      'targets[0] expected a number, got "cat"',
    ],
    ['whole logits', () => mean(flat, tf.zeros([12, C], 'int32')), TypeError, 'logits expected float32 (the order is'],
    ['one for the other', () => mean(rows, tf.zeros([12])), RangeError, 'got [12,5] (the order is labels, logits)'],
    ['a scalar for logits', () => mean(tf.scalar(1, 'int32'), tf.scalar(1)), RangeError, 'logits.shape expected'],
    ["ignored 'drop'", () => customLoss(tf, drop), RangeError, "ignored expected 'zero'"],
    ['probabilities', () => customLoss(tf, probabilities)(flat, rows), RangeError, "input expected 'logits'"],
    [
      'WebGPU',
      () => on('webgpu')(flat, rows),
      RangeError,
      "(await tf.setBackend('webgl'), 'wasm' or 'cpu'), got 'webgpu'",
    ],
  ])('%s: a clear error, and the next call works', (_, call, kind, message) => {
    expect(call).toThrow(kind as ErrorConstructor);
    expect(call).toThrow(message);
    expect(Number.isFinite(mean(flat, rows).dataSync()[0])).toBe(true);
    expect(Number.isFinite(on('wasm')(flat, rows).dataSync()[0])).toBe(true);
  });
});
