import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { areas, bounds } from '../bindings/meter/areas.ts';
import { CELLS, cellOf, lowerEdge, upperEdge } from '../bindings/meter/cells.ts';
import { CurveCounts } from '../bindings/meter/curve-counts.ts';
import type { AnyLoss, Meter } from '../bindings/meter/meter.ts';
import { backends } from './backends.ts';
import { Random } from './random.ts';

/** The areas by sorting, as scikit-learn has them. */
function exact(scores: ArrayLike<number>, positive: ArrayLike<boolean>): { auroc: number; averagePrecision: number } {
  const order = Array.from(scores, (_, i) => i).sort((a, b) => (scores[b] as number) - (scores[a] as number));
  let [tp, fp, area, steps] = [0, 0, 0, 0];
  for (let i = 0; i < order.length; ) {
    let [p, n] = [0, 0];
    const score = scores[order[i] as number];
    for (; i < order.length && scores[order[i] as number] === score; i++) positive[order[i] as number] ? p++ : n++;
    area += n * (tp + p / 2);
    tp += p;
    fp += n;
    if (p > 0) steps += (p * tp) / (tp + fp);
  }
  return { auroc: area / tp / fp, averagePrecision: steps / tp };
}

function cellsOf(scores: ArrayLike<number>, positive: ArrayLike<boolean>) {
  const curves = new CurveCounts(1);
  for (let i = 0; i < scores.length; i++) {
    curves.add(0, cellOf(scores[i] as number), positive[i] ? 0 : 1, positive[i] ? 1 : 0);
  }
  return [...curves.cells(0)];
}

describe('cells', () => {
  const f32 = new Float32Array(1);
  const i32 = new Int32Array(f32.buffer);
  /** The float32 after x, that is the next larger one. */
  const after = (x: number): number => {
    f32[0] = x;
    i32[0] = x === 0 ? 1 : (i32[0] as number) + (x > 0 ? 1 : -1);
    return f32[0] as number;
  };

  test('every cell is (lower, upper], and all of them cover the line', () => {
    expect(CELLS).toBeLessThanOrEqual(16384);
    expect(upperEdge(0)).toBe(-Infinity);
    expect(upperEdge(CELLS - 1)).toBe(Infinity);
    for (let cell = 0; cell < CELLS; cell++) {
      const upper = upperEdge(cell);
      expect(Math.fround(upper)).toBe(upper);
      expect(cellOf(upper)).toBe(cell);
      if (cell + 1 < CELLS) expect(cellOf(after(upper)), `past ${upper}`).toBe(cell + 1);
      if (cell > 0) expect(lowerEdge(cell)).toBeLessThan(upper);
    }
    expect(cellOf(-0)).toBe(cellOf(0));
    expect(upperEdge(cellOf(0))).toBe(0);
  });

  test('they are 1/32 wide from 1 to 128, and 32 an octave around', () => {
    for (const z of [1.5, -1.5, 17, -99, 127.9]) {
      const cell = cellOf(z);
      expect(upperEdge(cell) - lowerEdge(cell)).toBe(1 / 32);
    }
    for (const z of [0.7, -0.7, 1.1 * 2 ** -20, 200, -3000]) {
      const cell = cellOf(z);
      const octave = 2 ** Math.floor(Math.log2(Math.abs(z)));
      expect(upperEdge(cell) - lowerEdge(cell)).toBe(octave / 32);
    }
  });
});

describe('areas', () => {
  test('bounds contain the exact areas: 100,000 random cases', () => {
    const random = new Random(7);
    for (let k = 0; k < 100_000; k++) {
      const n = 2 + random.below(12);
      const scale = [0.01, 0.1, 1, 40][random.below(4)] as number;
      const offset = [0, 0, 3, -70][random.below(4)] as number;
      const scores = Float32Array.from({ length: n }, () => Math.round(random.uniform() * 16) * scale * 0.125 + offset);
      const positive = Array.from({ length: n }, () => random.uniform() < 0.4);
      positive[0] = true;
      positive[1] = false;
      const truth = exact(scores, positive);
      const cells = cellsOf(scores, positive);
      const known = bounds(cells);
      const estimate = areas(cells);
      for (const name of ['auroc', 'averagePrecision'] as const) {
        const [lower, upper] = known[`${name}Bounds`] as readonly [number, number];
        const fits =
          lower <= truth[name] &&
          truth[name] <= upper &&
          lower <= (estimate[name] ?? -1) &&
          (estimate[name] ?? 2) <= upper;
        if (!fits)
          expect.fail(
            `${name} ${truth[name]}, estimated ${estimate[name]}, of [${lower}, ${upper}]: ${scores} ${positive}`,
          );
      }
    }
  });

  test('the bounds of many positives in one cell are taken in groups', () => {
    const [lower, upper] = bounds([[9, 20_000, 50_000]]).averagePrecisionBounds as readonly [number, number];
    let sum = 0;
    for (let i = 1; i <= 50_000; i++) sum += i / (i + 20_000);
    expect(lower).toBeLessThanOrEqual(sum / 50_000);
    expect(lower).toBeGreaterThan(sum / 50_000 - 1e-3);
    expect(upper).toBe(1);
  });

  test.each([0.5, 2, 8])('within 1e-3 and 5e-3 of the exact areas, spread %d', (spread) => {
    const random = new Random(11);
    for (const offset of [-100, -59, -9, 0, 1, 30, 64, 100]) {
      for (const rate of [0.01, 0.1, 0.5]) {
        const n = 40_000;
        const positive = Array.from({ length: n }, () => random.uniform() < rate);
        // the sum of four uniforms has a variance of 1/3
        const noise = random.logits(n, spread * Math.sqrt(3), offset);
        const scores = noise.map((z, i) => z + (positive[i] ? 1.5 * spread : 0));
        const truth = exact(scores, positive);
        const estimate = areas(cellsOf(scores, positive));
        expect(Math.abs((estimate.auroc as number) - truth.auroc)).toBeLessThan(1e-3);
        expect(Math.abs((estimate.averagePrecision as number) - truth.averagePrecision)).toBeLessThan(5e-3);
      }
    }
  });
});

describe.each(backends)('curves of a meter on $name', ({ api }) => {
  const { FocalMeter, SoftmaxFocalLoss, SigmoidFocalLoss } = api;

  test('rare positives at small probabilities, where bins of the probability said .5', () => {
    let s = 1;
    const uniform = () => {
      s = (s * 1103515245 + 12345) % 2147483648;
      return s / 2147483648;
    };
    const n = 20000;
    const z = new Float32Array(2 * n);
    const y = new Uint8Array(n);
    for (let i = 0; i < n; i++) {
      y[i] = uniform() < 0.01 ? 1 : 0;
      z[2 * i + 1] = -9 + 2 * (uniform() + uniform() + uniform() - 1.5) + (y[i] ? 2 : 0);
      z[2 * i] = -(z[2 * i + 1] as number);
    }
    const meter = new FocalMeter(new SigmoidFocalLoss(), { classes: 2, curves: true });
    meter.update(z, y);
    const [, rare] = meter.compute().perClass;
    expect(Math.abs((rare?.auroc ?? 0) - 0.9169340283522595)).toBeLessThan(1e-3);
    expect(Math.abs((rare?.averagePrecision ?? 0) - 0.29663048170675654)).toBeLessThan(5e-3);
  });

  test('equal logits: .5, whatever they are, and the report warns', () => {
    for (const logit of [-59, -2.2, 0, 3, 64]) {
      const meter = new FocalMeter(new SigmoidFocalLoss(), { classes: 1, curves: true });
      meter.update({ data: new Float32Array(200).fill(logit), dims: [200, 1] }, new Int32Array(200));
      expect(meter.compute().perClass[0]?.auroc).toBe(null);
      const two = new FocalMeter(new SigmoidFocalLoss(), { classes: 2, curves: true });
      two.update(
        new Float32Array(400).fill(logit),
        Int32Array.from({ length: 200 }, (_, i) => i % 2),
      );
      const report = two.compute();
      expect(report.auroc).toBe(0.5);
      expect(report.aurocBounds).toEqual([0, 1]);
      expect(report.warnings?.[0]).toMatch(/^AUROC of class 0 is only known to be 0.000 to 1.000/);
    }
  });

  const dataset = (seed: number, n: number, classes: number, scale: number) => {
    const random = new Random(seed);
    const targets = random.labels(n, classes);
    const logits = random.logits(n * classes, scale, -1);
    for (const [i, y] of targets.entries()) logits[i * classes + y] = (logits[i * classes + y] as number) + scale / 2;
    return { logits, targets };
  };

  test('softmax: one class against the rest, by its probability', () => {
    const [n, classes] = [1500, 4];
    const { logits, targets } = dataset(3, n, classes, 3);
    const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes, curves: true });
    meter.update(logits, targets);
    const { perClass, classwiseEce } = meter.compute();
    let sum = 0;
    for (let c = 0; c < classes; c++) {
      const p = Array.from(targets, (_, i) => {
        const row = logits.subarray(i * classes, (i + 1) * classes);
        return Math.exp(row[c] as number) / row.reduce((all, z) => all + Math.exp(z), 0);
      });
      const truth = exact(
        p,
        Array.from(targets, (y) => y === c),
      );
      expect(Math.abs((perClass[c]?.auroc ?? 0) - truth.auroc)).toBeLessThan(1e-3);
      expect(Math.abs((perClass[c]?.averagePrecision ?? 0) - truth.averagePrecision)).toBeLessThan(5e-3);
      const gaps = new Float64Array(15);
      for (const [i, q] of p.entries()) gaps[Math.floor(q * 15)]! += (targets[i] === c ? 1 : 0) - q;
      sum += gaps.reduce((all, gap) => all + Math.abs(gap), 0) / n;
    }
    expect(Math.abs((classwiseEce ?? 0) - sum / classes)).toBeLessThan(4e-3);
    // rows, planes, cuts: the same cells
    const again = new FocalMeter(new SoftmaxFocalLoss(), { classes, curves: true });
    for (let i = 0; i < n; i += 500) {
      again.update(logits.subarray(i * classes, (i + 500) * classes), targets.subarray(i, i + 500));
    }
    expect(again.toBytes()).toEqual(meter.toBytes());
  });

  test('softmax: extreme logits have margins too, where softmax is defined', () => {
    const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes: 3, curves: true });
    const inf = Number.POSITIVE_INFINITY;
    meter.update(
      Float32Array.of(-inf, 0, -inf, 1e38, -1e38, 0, inf, 0, 0, Number.NaN, 0, 0, -inf, -inf, -inf),
      [1, 0, 0, 0, 0],
    );
    const margins = (c: number) => meter.curve(c).map(({ logit }) => logit);
    // only the first two samples have a softmax
    expect(meter.curve(0).at(-1)).toMatchObject({ tp: 1, fp: 0 });
    expect(margins(1)[0]).toBe(inf);
    expect(meter.compute().auroc).not.toBe(null);
  });

  test('a threshold fed back gives the counts that it promised', () => {
    const [n, classes] = [700, 3];
    const { logits, targets } = dataset(5, n, classes, 4);
    const create = (threshold?: unknown): Meter<AnyLoss> =>
      new FocalMeter<AnyLoss>(new SigmoidFocalLoss(), {
        classes,
        curves: true,
        ...(threshold ? { threshold } : {}),
      } as never);
    const meter = create();
    meter.update(logits, targets);
    const criteria = [
      { precision: 0.7 },
      { recall: 0.9 },
      { specificity: 0.95 },
      { falsePositiveRate: 0.1 },
      { fBeta: 2 },
      { cost: { falsePositive: 1, falseNegative: 5 } },
    ];
    for (const criterion of criteria) {
      const points = Array.from({ length: classes }, (_, c) => meter.operatingPoint(c, criterion));
      const again = create(points.map((point) => ({ logit: point?.logit })));
      again.update(logits, targets);
      for (const [c, one] of again.compute({ beta: 2 }).perClass.entries()) {
        const { recall, precision, specificity, f1, mcc } = points[c] as NonNullable<(typeof points)[0]>;
        expect(one).toMatchObject({ recall, precision, specificity, f1, mcc });
      }
    }
    // every point of the curve holds, and the best by each criterion is among them
    const curve = meter.curve(1);
    const best = (of: (point: (typeof curve)[0]) => number) => Math.max(...curve.map(of));
    const recallAt = best(({ precision, recall }) => ((precision ?? 0) >= 0.7 ? (recall ?? 0) : 0));
    expect(meter.operatingPoint(1, { precision: 0.7 })?.recall).toBe(recallAt);
    const cost = (point: { fp: number; fn: number }) => point.fp + 5 * point.fn;
    expect(cost(meter.operatingPoint(1, criteria[5] as never) as never)).toBe(-best((point) => -cost(point)));
    for (let i = 0; i < curve.length; i += 40) {
      const { logit, tp, fp } = curve[i] as (typeof curve)[0];
      const again = create({ logit });
      again.update(logits, targets);
      const { recall, precision } = again.compute().perClass[1] as { recall: number | null; precision: number | null };
      expect([recall, precision]).toEqual([tp / (tp + (curve[i]?.fn ?? 0)), tp + fp > 0 ? tp / (tp + fp) : null]);
    }
    expect(meter.operatingPoint(0, { precision: 1 })?.precision ?? 1).toBe(1);
  });

  test('decisions go by the logit, also a hair above the threshold', () => {
    const tiny = 2 ** -149;
    const meter = new FocalMeter(new SigmoidFocalLoss(), { classes: 2 });
    meter.update(Float32Array.of(tiny, 0, -0, -tiny, 1e-7, -1e-7), [0, 1, 0]);
    expect(meter.compute()).toMatchObject({ accuracy: 5 / 6, subsetAccuracy: 2 / 3 });
    const at = new FocalMeter(new SigmoidFocalLoss(), { classes: 2, threshold: [0.9, { logit: -1 }] });
    at.update(Float32Array.of(2.19, -1, 2.2, -0.99), [0, 1]);
    const [high, low] = at.compute().perClass;
    expect([high?.recall, high?.precision, low?.recall, low?.precision]).toEqual([0, 0, 1, 1]);
  });

  test.each([
    [{ threshold: 0 }, 'threshold expected a probability in (0, 1) or { logit }, got 0'],
    [{ threshold: 1 }, 'got 1'],
    [{ threshold: 'x' }, 'threshold expected'],
    [{ threshold: { logit: Number.NaN } }, 'threshold.logit expected a finite number, got NaN'],
    [{ threshold: [0.5] }, 'threshold expected 2 thresholds, got 1'],
    [{ threshold: [0.5, null] }, 'threshold[1] expected'],
    [{ bootstrap: 10 }, 'bootstrap expected 0 unless coverage is true, got 10'],
    [{ bootstrap: 10, coverage: true, seed: -1 }, 'seed expected an integer in [0, 2^32), got -1'],
  ])('refuses options %j', (options, message) => {
    expect(() => new FocalMeter(new SigmoidFocalLoss(), { classes: 2, ...options } as never)).toThrow(message);
  });

  test('refuses curves that are not kept, classes that are not there, criteria that are none', () => {
    const without = new FocalMeter(new SigmoidFocalLoss(), { classes: 2 });
    expect(() => without.curve(0)).toThrow('curves expected true, as nothing is counted otherwise, got false');
    const meter = new FocalMeter(new SigmoidFocalLoss(), { classes: 2, curves: true });
    expect(meter.curve(0)).toEqual([]);
    expect(meter.operatingPoint(0, { recall: 0.5 })).toBe(null);
    for (const [c, criterion, message] of [
      [2, { recall: 0.5 }, 'c expected an integer in [0, 2), got 2'],
      [0, { recall: 2 }, 'recall expected a number in [0, 1], got 2'],
      [0, { f1: 1 }, 'cost (F1: { fBeta: 1 }), got { f1 }'],
      [0, {}, 'criterion expected one of precision, recall'],
      [0, { recall: 1, precision: 1 }, 'criterion expected one of'],
      [0, null, 'criterion expected an object, got null'],
      [0, { cost: { falsePositive: 1 } }, 'cost.falseNegative expected'],
      [0, { fBeta: 0 }, 'fBeta expected a finite number > 0, got 0'],
    ] as const) {
      expect(() => meter.operatingPoint(c, criterion as never)).toThrow(message);
    }
    expect(() => new FocalMeter(new SoftmaxFocalLoss(), { classes: 2, threshold: 0.5 } as never)).toThrow(
      '"threshold"',
    );
  });

  test('cells of random logits: curves that end in the counts of the class', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.float({ noNaN: true }), fc.boolean()), { minLength: 1, maxLength: 30 }),
        (samples) => {
          const meter = new FocalMeter(new SigmoidFocalLoss(), { classes: 2, curves: true });
          meter.update(
            Float32Array.from(samples.flatMap(([z]) => [z, 0])),
            samples.map(([, positive]) => (positive ? 0 : 1)),
          );
          const reached = samples.filter(([z]) => z !== -Infinity);
          const last = meter.curve(0).at(-1);
          expect([last?.tp, last?.fp]).toEqual([
            reached.filter(([, p]) => p).length,
            reached.filter(([, p]) => !p).length,
          ]);
          for (const { logit, tp, fp } of meter.curve(0)) {
            const above = samples.filter(([z]) => z > logit);
            expect([tp, fp]).toEqual([above.filter(([, p]) => p).length, above.filter(([, p]) => !p).length]);
          }
        },
      ),
    );
  });
});
