import { describe, expect, test } from 'vitest';
import type { AnyLoss, Meter } from '../bindings/meter/meter.ts';
import { poissonWeight, wilson } from '../bindings/statistics/index.ts';
import { backends } from './backends.ts';
import { Random } from './random.ts';

const { FocalMeter, SoftmaxFocalLoss, SigmoidFocalLoss } = (backends[0] as (typeof backends)[0]).api;
const Z = 1.959963984540054;

const close = (actual: readonly number[] | undefined, expected: readonly number[], tolerance = 1e-9) => {
  expect(actual?.length).toBe(expected.length);
  for (const [i, x] of expected.entries()) expect(Math.abs((actual?.[i] as number) - x)).toBeLessThan(tolerance);
};

/** Mean ± z · standard error of the mean, in float64. */
function normal(values: readonly number[]): [number, number] {
  const n = values.length;
  const mean = values.reduce((a, b) => a + b, 0) / n;
  const variance = values.reduce((all, x) => all + (x - mean) ** 2, 0) / (n - 1);
  const reach = Z * Math.sqrt(variance / n);
  return [mean - reach, mean + reach];
}

function data(seed: number, n: number, classes: number) {
  const random = new Random(seed);
  const targets = random.labels(n, classes);
  const logits = random.logits(n * classes, 3, 0);
  for (const [i, y] of targets.entries()) logits[i * classes + y] = (logits[i * classes + y] as number) + 1.5;
  return { logits, targets };
}

describe('intervals', () => {
  const [n, classes] = [400, 3];
  const { logits, targets } = data(1, n, classes);

  test('softmax: Wilson for proportions, normal for means', () => {
    const loss = new SoftmaxFocalLoss({ gamma: 1.5 });
    const meter = new FocalMeter(loss, { classes, topK: [1, 2], curves: true, coverage: true });
    meter.update(logits, targets);
    const plain = meter.compute();
    expect(plain.intervals).toBe(undefined);
    const { intervals = {}, perClass, topK, accuracy, balancedAccuracy, ...rest } = meter.compute({ confidence: 0.95 });
    const hits = Math.round((accuracy as number) * n);
    close(intervals.accuracy, wilson(hits, n, Z) as [number, number]);
    close(topK[0]?.interval as [number, number], wilson(hits, n, Z) as [number, number]);
    const losses = new SoftmaxFocalLoss({ gamma: 1.5, reduction: 'none' }).forward(logits, targets);
    close(intervals.loss, normal([...losses]), 1e-6);
    const entropies = new SoftmaxFocalLoss({ gamma: 0, reduction: 'none' }).forward(logits, targets);
    close(intervals.crossEntropy, normal([...entropies]), 1e-6);
    const [one] = perClass;
    close(
      one?.intervals?.recall,
      wilson((one?.recall as number) * (one?.support as number), one?.support as number, Z) as never,
    );
    const [low, high] = (one?.intervals?.auroc ?? []) as [number, number];
    expect(low).toBeLessThan(one?.auroc as number);
    expect(high - low).toBeLessThan(0.2);
    // without a bootstrap there is none for what has no formula
    expect(intervals).not.toHaveProperty('macroF1');
    expect(balancedAccuracy).not.toBe(null);
    expect(rest.standardErrors).toBe(undefined);
    // narrower with less confidence
    expect((meter.compute({ confidence: 0.5 }).intervals?.accuracy?.[0] ?? 0) > (intervals.accuracy?.[0] ?? 1)).toBe(
      true,
    );
  });

  test('sigmoid: the sample is the unit, as decisions on one hang together', () => {
    const meter = new FocalMeter(new SigmoidFocalLoss(), { classes });
    meter.update(logits, targets);
    const { intervals = {}, accuracy } = meter.compute({ confidence: 0.95 });
    const losses = new SigmoidFocalLoss({ reduction: 'none' }).forward(logits, targets);
    const perSample = Array.from(
      { length: n },
      (_, i) => losses.subarray(3 * i, 3 * i + 3).reduce((a, b) => a + b, 0) / 3,
    );
    close(intervals.loss, normal(perSample), 1e-6);
    const right = Array.from({ length: n }, (_, i) => {
      const row = logits.subarray(3 * i, 3 * i + 3);
      return row.reduce((all, z, c) => all + (z > 0 === (targets[i] === c) ? 1 : 0), 0) / 3;
    });
    const [low, high] = normal(right);
    expect(accuracy).toBeCloseTo((low + high) / 2, 12);
    // Wilson's of as many independent decisions is near the normal one
    close(intervals.accuracy, [low, high], 3e-3);
  });

  test('the mean area: at least as wide as it is over independent sets of samples, as wide where the areas hang together', () => {
    const odds = ([low, high]: readonly number[]) =>
      [low!, high!].map((a) => Math.log(a / (1 - a))) as [number, number];
    // of two classes the areas are the same
    const two = new FocalMeter(new SoftmaxFocalLoss(), { classes: 2, curves: true });
    const both = data(5, 300, 2);
    two.update(both.logits, both.targets);
    const { intervals = {}, perClass } = two.compute({ confidence: 0.95 });
    close(intervals.auroc, perClass[0]?.intervals?.auroc as [number, number], 1e-3);

    const means: number[] = [];
    let widths = 0;
    for (let seed = 0; seed < 200; seed++) {
      const meter = new FocalMeter(new SigmoidFocalLoss(), { classes, curves: true });
      const own = data(100 + seed, 150, classes);
      meter.update(own.logits, own.targets);
      const report = meter.compute({ confidence: 0.95 });
      const [low, high] = odds(report.intervals?.auroc as [number, number]);
      means.push((low + high) / 2);
      widths += (high - low) / 2 / Z / 200;
    }
    const mean = means.reduce((a, b) => a + b) / 200;
    const spread = Math.sqrt(means.reduce((all, x) => all + (x - mean) ** 2, 0) / 199);
    expect(spread / widths).toBeLessThan(1.1);
    expect(spread / widths).toBeGreaterThan(0.3);
    // none where one class says nothing
    const one = new FocalMeter(new SigmoidFocalLoss(), { classes: 2, curves: true });
    one.update(Float32Array.of(1, 0, 2, 5, -1, 3, 0.5, 1), [0, 0, 1, 1]);
    expect(one.compute({ confidence: 0.95 }).intervals).not.toHaveProperty('auroc');
  });

  test.each([
    { confidence: 0 },
    { confidence: 1 },
    { confidence: Number.NaN },
    { beta: 0 },
    { confidence: '0.9' },
    { level: 0.9 },
  ])('refuses %j', (options) => {
    const meter = new FocalMeter(new SigmoidFocalLoss(), { classes });
    expect(() => meter.compute(options as never)).toThrow(/^(confidence|beta|options) expected/);
  });
});

describe('bootstrap', () => {
  const [n, classes, B] = [300, 4, 40];
  const { logits, targets } = data(2, n, classes);
  targets[7] = -100;

  test.each(['softmax', 'sigmoid'])('%s: a replicate counts every sample as often as its hash says', (name) => {
    const create = (options: object): Meter<AnyLoss> =>
      new FocalMeter<AnyLoss>(name === 'softmax' ? new SoftmaxFocalLoss() : new SigmoidFocalLoss(), {
        classes,
        ...options,
      } as never);
    const meter = create({ coverage: true, bootstrap: B, seed: 5 });
    meter.update(logits, targets, { firstIndex: 1000 });
    const { intervals = {}, standardErrors } = meter.compute({ confidence: 0.9 });
    const replicates = Array.from({ length: B }, (_, b) => {
      const one = create({});
      for (let i = 0; i < n; i++) {
        for (let w = poissonWeight(5, 1000 + i, b); w > 0; w--) {
          one.update(logits.subarray(i * classes, (i + 1) * classes), targets.subarray(i, i + 1));
        }
      }
      return one.compute();
    });
    const quantiles = (values: number[]) => {
      const sorted = values.toSorted((a, b) => a - b);
      const at = (q: number) => {
        const [place, below] = [q * (B - 1), Math.floor(q * (B - 1))];
        const low = sorted[below] as number;
        return low + ((sorted[below + 1] as number) - low) * (place - below);
      };
      return [at(0.05), at(0.95)] as const;
    };
    close(intervals['macro.f1'], quantiles(replicates.map(({ macro }) => macro.f1 as number)));
    close(intervals['weighted.mcc'], quantiles(replicates.map(({ weighted }) => weighted.mcc as number)));
    const eces = replicates.map(({ ece }) => ece as number);
    const mean = eces.reduce((a, b) => a + b, 0) / B;
    const error = Math.sqrt(eces.reduce((all, x) => all + (x - mean) ** 2, 0) / (B - 1));
    expect(standardErrors?.ece).toBeCloseTo(error, 9);
    expect(intervals).not.toHaveProperty('ece');
  });
});
