import { describe, expect, test } from 'vitest';
import { customLoss } from '../bindings/entries/tfjs.ts';
// @ts-expect-error the example is plain JavaScript, so that Node 20 runs it
import * as autodiff from '../examples/training/autodiff.mjs';
// @ts-expect-error as above
import * as experiment from '../examples/training/experiment.mjs';
import { backends } from './backends.ts';

const { difference, methods, score, split, train } = experiment;
const tf = experiment.tf as typeof import('@tensorflow/tfjs-core');
const days = split(0, 4);

describe.each(backends.filter(({ name }) => name !== 'debug'))('training on the weather, $name', ({ api }) => {
  const all = methods(api, days.rates);

  test.each<[string, number]>(all.map(({ name }: { name: string }, i: number) => [name, i]))(
    '%s: the loss curve is that of autodiff',
    (_, i) => {
      const ours = train(customLoss(tf, all[i].loss), days, 40).curve;
      expect(difference(ours, train(all[i].autodiff, days, 40).curve)).toBeLessThan(1e-4);
      expect(ours.at(-1)).toBeLessThan(0.9 * ours[0]);
    },
  );

  test('rare classes are found once the loss is focal and weighted', () => {
    const [plain, , , weighted] = all.map(
      ({ loss }: { loss: Parameters<typeof customLoss>[1] }, i: number) =>
        i % 3 === 0 && score(train(customLoss(tf, loss), days, 200).predicted, days.test.y),
    );
    const [, , fog, drizzle] = plain.recall;
    expect(fog).toBeLessThan(0.1);
    expect(drizzle).toBe(0);
    expect(weighted.recall[2]).toBeGreaterThan(0.4);
    expect(weighted.recall[3]).toBeGreaterThan(0.2);
    expect(weighted.macroRecall).toBeGreaterThan(plain.macroRecall + 0.15);
  });
});

describe.each(backends)('customLoss, $name', ({ api }) => {
  const { SoftmaxFocalLoss, SigmoidFocalLoss } = api;
  const [C, shape] = [5, [2, 3, 4]];
  const values = Float32Array.from({ length: 24 * C }, (_, i) => 6 * Math.sin(i * i));
  const indices = Int32Array.from({ length: 24 }, (_, i) => (i * 7) % C);
  const logits = tf.tensor(values, [...shape, C]);
  const labels = tf.tensor(indices, shape, 'int32');
  const flat = tf.tensor1d(indices, 'int32');
  const rows = tf.tensor2d(values, [24, C]);
  const alpha = [0.3, 0.5, 0.1, 0.9, 0.4];

  test.each([
    ['softmax', new SoftmaxFocalLoss({ gamma: 1.5, alpha }), autodiff.softmaxFocalLoss({ gamma: 1.5, alpha }), 1],
    ['sigmoid', new SigmoidFocalLoss({ gamma: 2, alpha }), autodiff.sigmoidFocalLoss({ gamma: 2, alpha }), 1],
    ['sum', new SoftmaxFocalLoss({ reduction: 'sum' }), autodiff.softmaxFocalLoss({ gamma: 2 }), 24],
  ])('%s: value and gradient, also of a function of the loss', (_, loss, reference, factor) => {
    const of = (x: typeof logits) => tf.square(customLoss(tf, loss)(labels, x));
    const truth = (x: typeof logits) => tf.square(tf.mul(factor, reference(flat, tf.reshape(x, [24, C]))));
    const [ours, expected] = [tf.valueAndGrad(of)(logits), tf.valueAndGrad(truth)(logits)];
    expect(ours.grad.shape).toEqual([...shape, C]);
    const [value, truly] = [ours.value, expected.value].map((x) => x.dataSync()[0] as number) as [number, number];
    expect(Math.abs(value / truly - 1)).toBeLessThan(1e-6);
    const [g, h] = [ours.grad.dataSync(), expected.grad.dataSync()];
    const scale = Math.max(...h.map(Math.abs));
    expect(Math.max(...g.map((x, i) => Math.abs(x - (h[i] as number))))).toBeLessThan(1e-6 * scale);
    expect(logits.dataSync(), 'the logits are left alone').toEqual(values);
  });

  test('one-hot labels are class indices', () => {
    const loss = customLoss(tf, new SoftmaxFocalLoss());
    const [a, b] = [labels, tf.oneHot(labels, C)].map((given) =>
      tf
        .grad((x) => loss(given, x))(logits)
        .dataSync(),
    );
    expect(a).toEqual(b);
  });

  test('ignored samples get no gradient', () => {
    const some = tf.tensor1d([-100, ...indices.slice(1)], 'int32');
    for (const first of [values[0] as number, NaN, Infinity]) {
      const x = tf.tensor2d([first, ...values.slice(1)], [24, C]);
      const loss = (z: typeof x) => customLoss(tf, new SoftmaxFocalLoss())(some, z);
      const grad = tf.valueAndGrad(loss)(x).grad.dataSync();
      expect(grad.slice(0, C)).toEqual(new Float32Array(C));
      expect(grad.slice(C)).not.toContain(0);
    }
  });

  test('no tensor is left over', () => {
    const loss = customLoss(tf, new SigmoidFocalLoss());
    const before = tf.memory().numTensors;
    const { value, grad } = tf.valueAndGrad((x: typeof rows) => loss(flat, x))(rows);
    tf.dispose([value, grad]);
    tf.dispose(loss(flat, rows));
    expect(tf.memory().numTensors).toBe(before);
  });

  const soft = tf.fill([24, C], 1 / C);
  const none = new SoftmaxFocalLoss({ reduction: 'none' });
  // @ts-expect-error 'none' gives no scalar
  const several = () => customLoss(tf, none)(flat, rows);
  const mean = customLoss(tf, new SoftmaxFocalLoss());
  const wrong = (value: unknown) => value as never;
  test.each<[string, () => unknown, unknown, string]>([
    ['no namespace', () => customLoss(wrong(null), new SoftmaxFocalLoss()), TypeError, 'tf expected the namespace'],
    ['no loss', () => customLoss(tf, wrong({})), TypeError, 'loss expected a loss'],
    [
      'an array for labels',
      () => mean(wrong([1]), rows),
      TypeError,
      'labels expected a tf.Tensor, got an array of length 1',
    ],
    ['nothing for logits', () => mean(flat, wrong(undefined)), TypeError, 'logits expected a tf.Tensor, got undefined'],
    [
      'float indices',
      () => mean(tf.tensor1d(indices, 'float32'), rows),
      TypeError,
      "labels expected class indices of dtype 'int32'",
    ],
    [
      'another shape',
      () => mean(labels, rows),
      RangeError,
      'labels expected shape [24] (class indices) or [24,5] (one-hot)',
    ],
    ['soft labels', () => mean(soft, rows), RangeError, 'labels[0] expected a single 1 among zeros'],
    ['a row of zeros', () => mean(tf.zerosLike(rows), rows), RangeError, 'labels[0] expected a single 1 among zeros'],
    ['two ones', () => mean(tf.onesLike(rows), rows), RangeError, 'labels[0] expected a single 1 among zeros'],
    ['a label out of range', () => mean(tf.fill([24], 5, 'int32'), rows), RangeError, 'targets[0] expected an integer'],
    ['a scalar for logits', () => mean(tf.scalar(1, 'int32'), tf.scalar(1)), RangeError, 'logits.shape expected'],
    ["reduction 'none'", several, TypeError, "loss expected a loss with reduction 'mean' or 'sum'"],
  ])('%s: a clear error', (_, call, kind, message) => {
    expect(call).toThrow(kind as ErrorConstructor);
    expect(call).toThrow(message);
    expect(Number.isFinite(mean(flat, rows).dataSync()[0])).toBe(true);
  });
});
