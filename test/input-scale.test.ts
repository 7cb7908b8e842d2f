import { describe, expect, test } from 'vitest';
import { backends } from './backends.ts';
import { Random } from './random.ts';

describe.each(backends)('$name: probabilities where logits are expected', ({ api }) => {
  const P = [0.7, 0.2, 0.1, 0.1, 0.8, 0.1, 0.3, 0.3, 0.4];

  test.each([
    ['logits', Math.log],
    ['probabilities', (x: number) => x],
    ['logProbabilities', Math.log],
  ] as const)('%s: what scikit-learn says of them', (input, of) => {
    const meter = new api.FocalMeter(new api.SoftmaxFocalLoss({ gamma: 0, input }), { classes: 3 });
    meter.update(Float32Array.from(P, of), [0, 1, 0]);
    const { crossEntropy, ece } = meter.compute();
    expect(crossEntropy).toBeCloseTo(0.594597099859626, 6);
    expect(ece).toBeCloseTo(0.3, 6);
  });

  const SHAPES = [
    [7, 3],
    [4, 40],
    [3, 5, 7],
    [2, 3, 257],
    [2, 70_001],
    [50, 2],
  ];
  test.each(SHAPES)('[%i, %i, %s]: the loss of the logits', (...dims) => {
    const [batch, classes, positions = 1] = dims.filter((d) => d !== undefined) as [number, number, number?];
    const random = new Random(classes);
    const z = random.logits(batch * classes * positions, 6, 0);
    const y = random.labels(batch * positions, Math.min(classes, 50));
    const tensor = (data: Float32Array) => ({
      data,
      dims: positions > 1 ? [batch, classes, positions] : [batch, classes],
    });
    const softmax = (options: object) => new api.SoftmaxFocalLoss({ reduction: 'sum', ...options });
    const sigmoid = (options: object) => new api.SigmoidFocalLoss({ reduction: 'sum', ...options });
    const sigma = z.map((v) => 1 / (1 + Math.exp(-v)));
    const logSigma = z.map((v) => -Math.log1p(Math.exp(-v)));
    // softmax normalises what it is given
    const e = z.map((v) => Math.exp(v) / 1e4);
    const close = (a: number, b: number, relative: number) => expect(Math.abs(a / b - 1)).toBeLessThan(relative);
    close(softmax({ input: 'probabilities' }).forward(tensor(e), y), softmax({}).forward(tensor(z), y), 3e-6);
    close(softmax({ input: 'logProbabilities' }).forward(tensor(z), y), softmax({}).forward(tensor(z), y), 1e-15);
    // 1 − p has lost digits where p is close to 1
    close(sigmoid({ input: 'probabilities' }).forward(tensor(sigma), y), sigmoid({}).forward(tensor(z), y), 1e-3);
    close(sigmoid({ input: 'logProbabilities' }).forward(tensor(logSigma), y), sigmoid({}).forward(tensor(z), y), 1e-5);
  });

  test.each([
    ['probabilities', [0, 1, 0.5, NaN, -0.1, 1.5, 1e-40, 2 ** -126], [0, Infinity, Math.LN2, NaN, NaN, NaN, 0, 0]],
    [
      'logProbabilities',
      [-Infinity, 0, -Math.LN2, NaN, -200, 0.1, -1e-30, -87],
      [0, Infinity, Math.LN2, NaN, 0, NaN, 69.0776, 0],
    ],
  ] as const)('one-vs-rest, %s at the ends, as negatives', (input, values, losses) => {
    const loss = new api.SigmoidFocalLoss({ gamma: 0, alpha: null, smoothing: 0, reduction: 'none', input });
    const got = loss.forward({ data: Float32Array.from(values), dims: [8, 1] }, new Uint8Array(8));
    for (const [i, want] of losses.entries()) {
      if (Number.isFinite(want)) expect(got[i], `${values[i]}`).toBeCloseTo(want, 4);
      else expect(got[i], `${values[i]}`).toBe(want);
    }
  });

  test('of probabilities there is no gradient; log-probabilities of a softmax are logits', () => {
    for (const [Loss, input] of [
      [api.SoftmaxFocalLoss, 'probabilities'],
      [api.SigmoidFocalLoss, 'probabilities'],
      [api.SigmoidFocalLoss, 'logProbabilities'],
    ] as const) {
      const loss = new Loss({ input });
      expect(() => loss.valueAndGrad(Float32Array.from(P), [0, 1, 0])).toThrow(
        /^input expected 'logits' where a gradient/,
      );
    }
    const logits = Float32Array.from(P, Math.log);
    const of = (input: 'logits' | 'logProbabilities') => {
      return new api.SoftmaxFocalLoss({ input }).valueAndGrad(logits, [0, 1, 0]);
    };
    expect(of('logProbabilities')).toEqual(of('logits'));
    expect(of('logits').grad.some((g) => g !== 0)).toBe(true);
  });
});
