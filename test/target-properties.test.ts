/** How the kinds of targets, layouts and options go together: one says in another way what another does. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backends } from './backends.ts';
import { indexOf, toRows } from './layout.ts';
import { Random } from './random.ts';
import { type Problem, reference } from './reference.ts';
import { bound, expectAll, expectSame, GRAD_UNIT, LOSS_UNIT } from './tolerance.ts';

/** Drawn from one seed, so that a failure shrinks to small shapes. */
const INPUT = fc
  .record({
    batch: fc.integer({ min: 0, max: 7 }),
    classes: fc.integer({ min: 2, max: 40 }),
    positions: fc.integer({ min: 1, max: 20 }),
    seed: fc.nat(),
    scale: fc.constantFrom(0.1, 1, 8, 60),
    gamma: fc.constantFrom(0, 0.3, 1, 1.7, 2, 5),
    weighted: fc.boolean(),
  })
  .map((drawn) => {
    const { batch, classes, positions, seed, scale, weighted } = drawn;
    const random = new Random(seed);
    const samples = batch * positions;
    const logits = random.logits(samples * classes, scale, 0);
    const labels = random.labels(samples, classes);
    const oneHot = new Uint8Array(logits.length);
    labels.forEach((y, i) => {
      oneHot[indexOf(drawn, i, y)] = 1;
    });
    const multiHot = Uint8Array.from(logits, () => random.below(2));
    const soft = Float32Array.from(logits, () => random.uniform());
    const alpha = weighted ? random.weights(classes) : null;
    const weights = Float32Array.from({ length: samples }, () => 4 * random.uniform());
    return { ...drawn, samples, logits, labels, oneHot, multiHot, soft, alpha, weights };
  });
type Input = ReturnType<typeof INPUT.generate>['value'];

const dimsOf = ({ batch, classes, positions }: Input) => [batch, classes, positions];
const tensor = <T>(input: Input, data: T) => ({ data, dims: dimsOf(input) });

// biome-ignore lint/suspicious/noExplicitAny: the same calls go to the losses of both variants
type Api = any;
interface Result {
  value: Float32Array;
  grad: Float32Array;
}

const same = (got: Result, want: Result): void => {
  expectSame(got.value, want.value);
  expectSame(got.grad, want.grad);
};

describe.each(backends)('$name', ({ api }) => {
  const Loss: Record<string, Api> = { softmax: api.SoftmaxFocalLoss, sigmoid: api.SigmoidFocalLoss };
  const holds = (name: string, check: (input: Input) => void) =>
    test(name, () => fc.assert(fc.property(INPUT, check), { numRuns: 40 }));
  const forEach = (name: string, check: (input: Input, make: (options?: object) => Api, variant: string) => void) => {
    for (const variant of ['softmax', 'sigmoid']) {
      holds(`${variant}: ${name}`, (input) => {
        const { gamma, alpha } = input;
        const make = (options = {}) => new Loss[variant]({ gamma, alpha, reduction: 'none', ...options });
        check(input, make, variant);
      });
    }
  };

  holds('sigmoid: one-hot targets are class indices, bit by bit', (input) => {
    const { gamma, alpha, labels, oneHot, logits } = input;
    const loss: Api = new api.SigmoidFocalLoss({ gamma, alpha, reduction: 'none' });
    const z = tensor(input, logits);
    same(loss.valueAndGrad(z, tensor(input, oneHot)), loss.valueAndGrad(z, labels));
  });

  holds('softmax: one-hot targets are class indices, within the stated errors', (input) => {
    const { gamma, alpha, labels, oneHot, logits, batch, classes, positions } = input;
    const loss: Api = new api.SoftmaxFocalLoss({ gamma, alpha, reduction: 'none' });
    const got = loss.valueAndGrad(tensor(input, logits), tensor(input, oneHot));
    const shape = { loss: 'softmax', batch, classes, positions } as const;
    const problem: Problem = { ...shape, logits, targets: labels, gamma, alpha, smoothing: 0, ignoreIndex: -100 };
    const { losses, margins, grad, gradMargins } = reference(problem);
    expectAll(got.value, losses, (i) => bound(LOSS_UNIT, problem, margins[i]!));
    const smallest = () => classes * 2 ** -126;
    expectAll(got.grad, grad, (i) => bound(GRAD_UNIT, problem, gradMargins[i]!), undefined, smallest);
  });

  holds('softmax: labelSmoothing is what it makes of one-hot targets, and 0 is none', (input) => {
    const { gamma, alpha, labels, oneHot, logits, classes } = input;
    const z = tensor(input, logits);
    const make = (labelSmoothing: number): Api =>
      new api.SoftmaxFocalLoss({ gamma, alpha, reduction: 'none', labelSmoothing });
    const epsilon = 0.125;
    const smoothed = Float32Array.from(oneHot, (t) => t * (1 - epsilon) + Math.fround(epsilon / classes));
    const want = make(0).valueAndGrad(z, tensor(input, smoothed));
    for (const given of [labels, tensor(input, oneHot)]) {
      const { value } = make(epsilon).valueAndGrad(z, given);
      expectAll(value, want.value, () => 4e-6);
    }
    const plain: Api = new api.SoftmaxFocalLoss({ gamma, alpha, reduction: 'none' });
    same(make(0).valueAndGrad(z, labels), plain.valueAndGrad(z, labels));
  });

  holds('softmax: the loss of soft targets is that of each class by its share', (input) => {
    const { gamma, alpha, logits, soft, samples, classes } = input;
    const loss: Api = new api.SoftmaxFocalLoss({ gamma, alpha, reduction: 'none' });
    const z = tensor(input, logits);
    const want = new Float64Array(samples);
    for (let c = 0; c < classes; c++) {
      const own: Float32Array = loss.forward(z, new Uint8Array(samples).fill(c));
      own.forEach((l, i) => {
        want[i] = want[i]! + l * soft[indexOf(input, i, c)]!;
      });
    }
    expectAll(loss.forward(z, tensor(input, soft)), want, () => 1e-5 * (1 + gamma));
  });

  forEach('weights of 1 are none, bit by bit; weights multiply; of weight 0 nothing matters', (input, make) => {
    const { logits, labels, weights, samples, classes } = input;
    const z = tensor(input, logits);
    const loss = make();
    const plain: Result = loss.valueAndGrad(z, labels);
    same(loss.valueAndGrad(z, labels, { weights: new Float32Array(samples).fill(1) }), plain);
    const weighed: Result = loss.valueAndGrad(z, labels, { weights });
    const perSample = plain.value.length / samples;
    const sampleOf = (i: number) =>
      perSample === 1 ? i : Math.floor(i / (classes * input.positions)) * input.positions + (i % input.positions);
    const want = plain.value.map((l, i) => l * weights[sampleOf(i)]!);
    expectAll(weighed.value, want, () => 2e-7);
    const spoilt = logits.slice();
    for (let c = 0; c < classes && samples; c++) spoilt[indexOf(input, 0, c)] = NaN;
    const none = weights.slice();
    none[0] = 0;
    const without: Result = loss.valueAndGrad(tensor(input, spoilt), labels, { weights: none });
    expect(without.value.some(Number.isNaN) || without.grad.some(Number.isNaN)).toBe(false);
  });

  forEach('classes on the last axis: the bits of rows, and of planes', (input, make, variant) => {
    const { batch, classes, positions, samples, logits, labels, multiHot, soft } = input;
    const rows = toRows(input, logits);
    const numbers = variant === 'softmax' ? soft : multiHot;
    const kinds = [
      [labels, { data: labels, dims: [batch, positions] }, labels],
      [tensor(input, numbers), 0, { data: toRows(input, numbers), dims: [samples, classes] }],
    ] as const;
    for (const [planes, own, flat] of kinds) {
      const image = [batch, positions, classes];
      const last = own || { data: toRows(input, numbers), dims: image };
      const want: Result = make().valueAndGrad({ data: rows, dims: [samples, classes] }, flat);
      same(make({ classAxis: -1 }).valueAndGrad({ data: rows, dims: image }, last), want);
      const got: Result = make().valueAndGrad(tensor(input, logits), planes);
      expectSame(variant === 'softmax' ? got.value : toRows(input, got.value), want.value);
      expectSame(toRows(input, got.grad), want.grad);
    }
  });

  holds('sigmoid: gammaNegative is the gamma of what is not true, and gamma itself changes no bit', (input) => {
    const { gamma, alpha, logits, multiHot } = input;
    const z = tensor(input, logits);
    const t = tensor(input, multiHot);
    const make = (options: object): Api => new api.SigmoidFocalLoss({ gamma, alpha, reduction: 'none', ...options });
    const plain: Result = make({}).valueAndGrad(z, t);
    same(make({ gammaNegative: gamma, clip: 0 }).valueAndGrad(z, t), plain);
    const negatives: Result = make({ gamma: 4 }).valueAndGrad(z, t);
    const both: Result = make({ gammaNegative: 4 }).valueAndGrad(z, t);
    const pick = (a: Float32Array, b: Float32Array) => a.map((x, i) => (multiHot[i] ? x : b[i]!));
    expectAll(both.value, pick(plain.value, negatives.value), () => 4e-6 * 5);
    expectAll(
      both.grad,
      pick(plain.grad, negatives.grad),
      () => 8e-6 * 60,
      undefined,
      () => 2 ** -120,
    );
  });

  holds('sigmoid: the clip leaves the losses of what is true, and lowers no loss below 0', (input) => {
    const { gamma, alpha, logits, multiHot } = input;
    const z = tensor(input, logits);
    const t = tensor(input, multiHot);
    const make = (options: object): Float32Array =>
      new api.SigmoidFocalLoss({ gamma, alpha, smoothing: 0, reduction: 'none', ...options }).forward(z, t);
    const [plain, clipped, more] = [make({}), make({ clip: 0.05 }), make({ clip: 0.3 })];
    plain.forEach((loss, i) => {
      if (multiHot[i]) expect(clipped[i]! / loss || 1).toBeCloseTo(1, 4);
      else {
        // a probability of less than the clip costs nothing
        if (1 / (1 + Math.exp(-logits[i]!)) < 0.2999) expect(more[i]).toBe(0);
        expect(clipped[i]).toBeLessThanOrEqual(loss * 1.00001 + 1e-7);
        expect(more[i]).toBeLessThanOrEqual(clipped[i]! * 1.00001 + 1e-7);
        expect(more[i]).toBeGreaterThanOrEqual(0);
      }
    });
  });

  holds('sigmoid: the background is a row of negatives, bit by bit', (input) => {
    const { gamma, alpha, logits, labels, oneHot, classes, seed } = input;
    const random = new Random(seed + 1);
    const without = Uint8Array.from(oneHot);
    const background = random.below(2) ? -1 : classes;
    const own = labels.map((y, i) => {
      if (random.below(3)) return y;
      without[indexOf(input, i, y)] = 0;
      return background;
    });
    const z = tensor(input, logits);
    const loss: Api = new api.SigmoidFocalLoss({ gamma, alpha, reduction: 'none', background });
    same(loss.valueAndGrad(z, own), loss.valueAndGrad(z, tensor(input, without)));
  });

  forEach('each divisor divides the sum', (input, make, variant) => {
    const { logits, labels, alpha, weights, samples, classes } = input;
    const z = tensor(input, logits);
    const sum: { value: number; grad: Float32Array } = make({ reduction: 'sum' }).valueAndGrad(z, labels, { weights });
    const total = weights.reduce((a, w, i) => a + w * (alpha ? alpha[labels[i]!]! : 1), 0);
    const divisors: [string | number, number][] = [
      ['valid', variant === 'softmax' ? samples : samples * classes],
      variant === 'softmax' ? ['weights', total] : ['positives', Math.max(1, samples)],
      [0.25, 0.25],
    ];
    for (const [divisor, by] of divisors) {
      const loss = make({ reduction: 'mean', divisor });
      const { value, grad } = loss.valueAndGrad(z, labels, { weights });
      expect(loss.forward(z, labels, { weights })).toBe(value);
      if (samples === 0) expect(value).toBe(0);
      else expect(Math.abs(value - sum.value / by)).toBeLessThanOrEqual((1e-6 * sum.value) / by);
      expectAll(
        grad,
        samples ? sum.grad.map((g) => g / by) : [],
        () => 1e-6,
        undefined,
        () => 2 ** -126,
      );
    }
  });

  test('nothing is left: the mean is 0, and so is the gradient', () => {
    const z = Float32Array.of(1, 2, 3, 4);
    const none = new api.SoftmaxFocalLoss({ alpha: [0, 1], divisor: 'weights', labelSmoothing: 0.1 });
    expect(none.valueAndGrad(z, [0, 0])).toEqual({ value: 0, grad: new Float32Array(4) });
    const weights = [0, 0];
    const weightless = new api.SoftmaxFocalLoss({ divisor: 'weights' });
    expect(weightless.valueAndGrad(z, [0, 0], { weights })).toEqual({ value: 0, grad: new Float32Array(4) });
    const background = new api.SigmoidFocalLoss({ background: 2, divisor: 'positives' });
    const sum = new api.SigmoidFocalLoss({ background: 2, reduction: 'sum' });
    expect(background.forward(z, [2, 2])).toBe(sum.forward(z, [2, 2]));
    const ignored = new api.SigmoidFocalLoss({ divisor: 'positives' });
    expect(ignored.forward(z, [-100, -100])).toBe(0);
  });
});
