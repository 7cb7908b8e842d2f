import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { AnyLoss } from '../bindings/meter/meter.ts';
import { backends } from './backends.ts';

interface Golden {
  variant: 'softmax' | 'sigmoid';
  classes: number;
  logits: number[];
  targets: number[];
  // biome-ignore lint/suspicious/noExplicitAny: as metrics.py wrote it
  expected: any;
}
const { cases } = JSON.parse(readFileSync(new URL('./golden/metrics.json', import.meta.url), 'utf8')) as {
  cases: Golden[];
};

/** What is 0 by the peers' zero_division and null here. */
const orZero = (values: (number | null)[]) => values.map((x) => x ?? 0);

function expectClose(actual: (number | null)[], expected: (number | null)[], tolerance = 1e-6): void {
  expect(actual.length).toBe(expected.length);
  for (const [i, x] of expected.entries()) {
    if (x === null) {
      expect(actual[i], `${i}`).toBe(null);
      continue;
    }
    expect(Math.abs((actual[i] as number) - x), `${i}: ${actual[i]} against ${x}`).toBeLessThanOrEqual(tolerance);
  }
}

describe.each(backends)('FocalMeter on $name', ({ api }) => {
  const { FocalMeter, SoftmaxFocalLoss, SigmoidFocalLoss } = api;

  test.each(cases.map((golden, i) => ({ i, golden })))(
    'agrees with torchmetrics, scikit-learn and statsmodels, case $i',
    ({ golden }) => {
      const { classes, expected, variant } = golden;
      const logits = Float32Array.from(golden.logits);
      const options = { classes, curves: true };
      const softmax = new SoftmaxFocalLoss({ gamma: 1.5, alpha: Array.from({ length: classes }, (_, c) => 1 + c / 4) });
      const sigmoid = new SigmoidFocalLoss();
      const loss: AnyLoss = variant === 'softmax' ? softmax : sigmoid;
      const own = variant === 'softmax' ? { topK: [1, 2, 3, 5, classes], confusion: true } : {};
      const meter = new FocalMeter<AnyLoss>(loss, { ...options, ...own } as never);
      meter.update(logits, golden.targets);
      // biome-ignore lint/suspicious/noExplicitAny: compared name by name
      const report = meter.compute({ confidence: 0.95, beta: 2 }) as any;

      // of the largest β only the recall is left
      for (const { fBeta, recall } of meter.compute({ beta: 1e300 }).perClass) {
        if (recall !== null) expect(fBeta).toBeCloseTo(recall, 12);
      }

      expect(report.loss.mean).toBe(loss.forward(logits, golden.targets));
      for (const key of ['samples', 'ignored', 'confusion']) expect(report[key], key).toEqual(expected[key]);
      const overall = [
        'accuracy',
        'subsetAccuracy',
        'balancedAccuracy',
        'adjustedBalancedAccuracy',
        'macroF1',
        'meanIou',
      ];
      const counted = [...overall, 'mcc', 'kappa'].filter((key) => key in expected);
      expectClose(
        counted.map((key) => report[key]),
        counted.map((key) => expected[key]),
        1e-11,
      );
      const summed = ['crossEntropy', 'brier', 'ece', 'mce'];
      expectClose(
        summed.map((key) => report[key]),
        summed.map((key) => expected[key]),
        2e-6,
      );
      expectClose([report.brierSkill], [expected.brierSkill], 1e-4);
      for (const { k, accuracy } of report.topK ?? []) {
        expect(k).toBeLessThan(classes);
        expectClose([accuracy], [expected.topK?.[k] ?? expected.accuracy], 1e-11);
      }

      // what depends on how fine the bins are: the definitions over bins, and what those of the very confidences come to
      const { adaptiveEce, equalMassEce, aurc, exactAurc } = expected.fine;
      // biome-ignore lint/suspicious/noExplicitAny: as above
      const binned = (bins: number): any => {
        const one = new FocalMeter<AnyLoss>(loss, { classes, bins } as never);
        one.update(logits, golden.targets);
        return one.compute();
      };
      const fine = binned(200);
      expectClose([fine.adaptiveEce, fine.aurc ?? null], [adaptiveEce, aurc ?? null], 1e-7);
      if (golden.targets.length >= 140) {
        const finest = binned(2 ** 14);
        if (aurc !== undefined) expectClose([finest.aurc], [exactAurc], 1e-3);
        if (finest.adaptiveEce !== null) expectClose([finest.adaptiveEce], [equalMassEce], 0.01);
      }
      const { classwiseEce, apart } = expected.classwise;
      // of many samples those near an edge of a bin even out
      expectClose([report.classwiseEce], [classwiseEce], golden.targets.length >= 140 ? 1 / 256 : apart);
      for (const [normalize, shares] of Object.entries<number[][]>(expected.normalized ?? {})) {
        const { normalizedConfusion } = meter.compute({ normalize } as never) as { normalizedConfusion: number[][] };
        // scikit-learn puts 0 where there is nothing to divide by
        expectClose(orZero(normalizedConfusion.flat()), shares.flat(), 1e-11);
        const counts: number[] = expected.confusion.flat();
        const sum = (of: number[]) => of.reduce((a, b) => a + b, 0);
        for (const [k, share] of normalizedConfusion.flat().entries()) {
          const [t, p] = [Math.floor(k / classes), k % classes];
          const row = sum(counts.slice(t * classes, (t + 1) * classes));
          const column = sum(counts.filter((_, i) => i % classes === p));
          const whole = normalize === 'true' ? row : normalize === 'pred' ? column : sum(counts);
          expect(share === null).toBe(whole === 0);
        }
      }

      // biome-ignore lint/suspicious/noExplicitAny: as above
      const perClass: any[] = report.perClass;
      const column = (key: string) => perClass.map((entry) => entry[key]);
      expect(column('support')).toEqual(expected.support);
      // biome-ignore lint/suspicious/noExplicitAny: as above
      for (const [key, means] of Object.entries<any>(expected.decisions)) {
        expectClose(orZero(column(key)), means.perClass, 1e-11);
        for (const mean of ['micro', 'macro', 'weighted'])
          expectClose(orZero([report[mean][key]]), [means[mean]], 1e-11);
      }
      expect(column('dice')).toEqual(column('f1'));
      if (expected.classAccuracy) expectClose(column('accuracy'), expected.classAccuracy, 1e-11);

      // areas: the bounds are certain, the value is near where few logits tie
      for (const key of ['auroc', 'averagePrecision']) {
        for (const [c, exact] of expected[key].entries()) {
          const [value, bounds] = [perClass[c][key], perClass[c][`${key}Bounds`]];
          if (exact === null) {
            expect([value, bounds]).toEqual([null, null]);
            continue;
          }
          expect(bounds[0], `${key} of ${c}`).toBeLessThanOrEqual(exact + 1e-11);
          expect(bounds[1], `${key} of ${c}`).toBeGreaterThanOrEqual(exact - 1e-11);
          expect(value >= bounds[0] && value <= bounds[1]).toBe(true);
          expect(Math.abs(value - exact)).toBeLessThanOrEqual(Math.max(1e-6, bounds[1] - bounds[0]));
        }
      }

      // intervals: Wilson's to the last digits, those of means as their squares are rounded
      for (const [key, interval] of Object.entries<number[]>(expected.intervals)) {
        expectClose(
          report.intervals[key],
          interval.map((x) => Math.max(0, x)),
          /accuracy/i.test(key) ? 1e-11 : 1e-5,
        );
      }
      // biome-ignore lint/suspicious/noExplicitAny: as above
      for (const [key, intervals] of Object.entries<any>(expected.classIntervals)) {
        for (const [c, interval] of intervals.entries()) {
          const known = perClass[c].intervals[key];
          if (interval === null) expect(known).toBe(undefined);
          else expectClose(known, interval, 1e-11);
        }
      }
    },
  );

  const NAN = Number.NaN;
  test.each([
    // logits, target, prediction, top-1, top-2
    [[1, 2, 2], 1, 1, 1, 1],
    [[1, 2, 2], 2, 1, 0, 1],
    [[2, 2, 2], 2, 0, 0, 0],
    [[3, NAN, 4], 2, 1, 0, 1],
    [[3, NAN, NAN], 0, 1, 0, 0],
    [[NAN, 1, NAN], 2, 0, 0, 1],
    [[1, Infinity, Infinity], 2, 1, 0, 1],
    [[1, Infinity, 0], 1, 1, 1, 1],
    [[-Infinity, -Infinity, -Infinity], 1, 0, 0, 1],
    [[-Infinity, 0, -Infinity], 1, 1, 1, 1],
    [[-Infinity, 0, -Infinity], 2, 1, 0, 0],
    [[0, -0, -1], 1, 0, 0, 1],
  ])('the first of equals wins, NaN is above all: %j of class %i', (row, target, prediction, top1, top2) => {
    const loss = new SoftmaxFocalLoss();
    // as a row of few classes, as a row of many, as one position of planes, and from float64
    const wide = Float32Array.from({ length: 40 }, (_, c) => row[c] ?? -Infinity);
    const planes = Float32Array.from({ length: 15 }, (_, i) => row[Math.floor(i / 5)] as number);
    for (const [logits, targets, classes] of [
      [Float32Array.from(row), [target], 3],
      [wide, [target], 40],
      [{ data: planes, dims: [1, 3, 5] }, [-100, -100, target, -100, -100], 3],
      [Float64Array.from(row), [target], 3],
    ] as const) {
      const meter = new FocalMeter(loss, { classes, topK: [1, 2], confusion: true, hardest: 1 });
      meter.update(logits, targets);
      const report = meter.compute();
      expect(report.confusion?.[target]?.indexOf(1)).toBe(prediction);
      expect(report.hardest?.[0]).toMatchObject({ target, prediction });
      expect(report.topK.map(({ accuracy }) => accuracy)).toEqual([top1, top2]);
      expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    }
  });

  test('NaN and infinite losses are counted, and shown as null', () => {
    const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes: 3, hardest: 4 });
    meter.update(Float32Array.of(0, 0, 0, NAN, 0, 0, -Infinity, 0, 0, 9, 0, 0), [0, 0, 0, 0]);
    const report = meter.compute();
    expect(report).toMatchObject({ samples: 4, nan: 1, infinite: 1, loss: { mean: null, sum: null }, ece: null });
    expect(report.hardest?.map(({ index, loss }) => [index, loss === null])).toEqual([
      [1, true],
      [2, true],
      [0, false],
      [3, false],
    ]);
    expect(FocalMeter.fromBytes(meter.toBytes()).compute()).toEqual(report);
  });

  test('a confidence of 1 falls in the last bin', () => {
    const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes: 2, bins: 4 });
    meter.update(Float32Array.of(100, 0, 0, 100, 0, 0), [0, 0, 0]);
    expect(meter.compute().bins.map(({ count }) => count)).toEqual([0, 0, 1, 2]);
  });

  test('nothing counted: null, not NaN', () => {
    const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes: 2 });
    meter.update(new Float32Array(0), []);
    meter.update(new Float32Array(4), [-100, -100]);
    expect(meter.compute()).toMatchObject({ samples: 0, ignored: 2, accuracy: null, ece: null, loss: { mean: null } });
    const sigmoid = new FocalMeter(new SigmoidFocalLoss(), { classes: 2 });
    expect(sigmoid.compute()).toMatchObject({ samples: 0, accuracy: null, auroc: null, ece: null });
  });

  test('a weight of −0 is one of 0', () => {
    const states = [0, -0].map((weight) => {
      const meter = new FocalMeter(new SoftmaxFocalLoss({ alpha: [weight, 1] }), { classes: 2, hardest: 3 });
      meter.update(Float32Array.of(1, 2, 3, 4), [0, 1]);
      return FocalMeter.fromBytes(meter.toBytes()).toJSON();
    });
    expect(states[1]).toEqual(states[0]);
    expect(states[0]?.hardest).toHaveLength(2);
  });

  test('the hardest samples: by loss, ties by index, global by firstIndex', () => {
    const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes: 2, hardest: 3 });
    meter.update(Float32Array.of(0, 1, 0, 0, 0, 1), [0, 0, 0], { firstIndex: 100 });
    meter.update(Float32Array.of(0, 1, 0, 2), [0, 1], { firstIndex: 7 });
    expect(meter.compute().hardest?.map(({ index, prediction }) => [index, prediction])).toEqual([
      [7, 1],
      [100, 1],
      [102, 1],
    ]);
    const sigmoid = new FocalMeter(new SigmoidFocalLoss(), { classes: 3, hardest: 2 });
    const logits = Float32Array.of(1, 2, 3, 4, 5, 6, 0, 0, 0);
    sigmoid.update(logits, [0, 0, 1]);
    const sums = new SigmoidFocalLoss({ reduction: 'none' }).forward(logits, [0, 0, 1]);
    const hardest = sigmoid.compute().hardest ?? [];
    expect(hardest.map(({ index, prediction }) => [index, prediction])).toEqual([
      [1, 2],
      [0, 2],
    ]);
    expectClose([hardest[0]?.loss ?? null], [(sums[3] as number) + (sums[4] as number) + (sums[5] as number)]);
  });

  test('a failed update leaves the state as it was', () => {
    for (const loss of [new SoftmaxFocalLoss(), new SigmoidFocalLoss()]) {
      const meter = new FocalMeter<AnyLoss>(loss, { classes: 3, hardest: 2 });
      const n = 9000;
      const logits = Float32Array.from({ length: 3 * n }, (_, i) => (i * 7) % 5);
      const targets = new Int32Array(n);
      meter.update(logits, targets);
      const before = meter.toBytes();
      targets[8500] = 3;
      expect(() => meter.update(logits, targets)).toThrow('targets[8500] expected an integer in [0, 3)');
      expect(() => meter.update(logits.subarray(0, 8), [0, 0])).toThrow('logits expected 3 classes, got 4');
      expect(() => meter.update(logits.subarray(0, 6), [0, 0], { firstIndex: -1 })).toThrow('firstIndex');
      expect(() => meter.update(logits.subarray(0, 6), [0, 0], { first: 1 } as never)).toThrow('"first"');
      expect(meter.toBytes()).toEqual(before);
    }
  });

  test.each([
    [{ classes: 0 }, 'classes expected a positive integer below 2^31, got 0'],
    [{}, 'classes expected'],
    [{ classes: 3, topK: [0] }, 'topK[0] expected'],
    [{ classes: 3, topK: 5 }, 'topK expected an array of integers, got 5'],
    [{ classes: 3, bins: 1.5 }, 'bins expected'],
    [{ classes: 3, confusion: 1 }, 'confusion expected a boolean, got 1'],
    [{ classes: 3, hardest: -1 }, 'hardest expected'],
    [{ classes: 3, thresholds: 100 }, 'options expected curves: true in the place of thresholds'],
    [{ classes: 3, coverage: 'yes' }, 'coverage expected a boolean'],
    [{ classes: 4 }, 'alpha expected 4 weights, got 3'],
  ])('refuses options %j', (options, message) => {
    expect(() => new FocalMeter(new SoftmaxFocalLoss({ alpha: [1, 2, 3] }), options as never)).toThrow(message);
  });

  test('refuses what is no loss, and options of the other variant', () => {
    expect(() => new FocalMeter({} as never, { classes: 2 } as never)).toThrow('loss expected a SoftmaxFocalLoss or');
    expect(() => new FocalMeter(new SigmoidFocalLoss(), { classes: 2, topK: [1] } as never)).toThrow('"topK"');
  });

  test('merges only meters of the same configuration, and names the difference', () => {
    const loss = new SoftmaxFocalLoss();
    const meter = new FocalMeter(loss, { classes: 3 });
    for (const [other, message] of [
      [new FocalMeter(new SoftmaxFocalLoss({ gamma: 3 }), { classes: 3 }), 'other: gamma expected 2, got 3'],
      [new FocalMeter(loss, { classes: 4 }), 'other: classes expected 3, got 4'],
      [new FocalMeter(loss, { classes: 3, bins: 10 }), 'other: bins expected 15, got 10'],
      [new FocalMeter(new SoftmaxFocalLoss({ alpha: [1, 1, 2] }), { classes: 3 }), 'other: positive expected 1, got'],
      [new FocalMeter(new SigmoidFocalLoss(), { classes: 3 }), 'other: variant expected "softmax", got "sigmoid"'],
      [{}, 'other expected a FocalMeter'],
    ] as const) {
      expect(() => meter.merge(other as never)).toThrow(message);
    }
    // the reduction is not part of what is measured
    meter.merge(new FocalMeter(new SoftmaxFocalLoss({ reduction: 'none' }), { classes: 3 }) as never);
  });

  test('corrupt and truncated states are refused, whatever the byte', () => {
    const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes: 3, hardest: 2 });
    meter.update(Float32Array.of(1, 2, 3, 4, 5, 7), [0, 1]);
    const bytes = meter.toBytes();
    for (let i = 0; i < bytes.length; i++) {
      expect(() => FocalMeter.fromBytes(bytes.subarray(0, i))).toThrow(RangeError);
      const corrupt = bytes.slice();
      corrupt[i] = (corrupt[i] as number) ^ 0x10;
      expect(() => FocalMeter.fromBytes(corrupt)).toThrow(/bytes expected (the state|version|a whole state)/);
    }
    expect(() => FocalMeter.fromBytes('x' as never)).toThrow(TypeError);
    const state = JSON.parse(JSON.stringify(meter));
    for (const [change, message] of [
      [{ version: 4 }, 'state.version expected 1 to 3, got 4, made by a newer focal-simd'],
      [{ version: 0 }, 'state.version expected 1 to 3, got 0'],
      [{ format: 'x' }, 'state.format'],
      [{ words: state.words.slice(1) }, 'state.words expected'],
      [{ words: state.words.map((word: number, i: number) => (i === 0 ? 5 : word)) }, 'add up to 5 samples'],
      [{ words: state.words.map((word: number, i: number) => (i === 2 ? 2 ** 32 : word)) }, 'a carried sum'],
      [{ words: state.words.map((word: number, i: number) => (i === 9 ? -1 : word)) }, 'state.words[9]'],
      [{ hardest: state.hardest.toReversed() }, 'state.hardest expected samples by loss'],
      [{ hardest: [[1, 2, 3]] }, 'state.hardest[0]'],
      [{ config: { ...state.config, gamma: -1 } }, 'state.config.gamma'],
      [{ config: { ...state.config, variant: 'x' } }, 'state.config.variant'],
      [{ config: { ...state.config, more: 1 } }, '"more"'],
    ] as const) {
      expect(() => FocalMeter.fromJSON({ ...state, ...change } as never)).toThrow(message);
    }
    expect(FocalMeter.fromJSON(state).toBytes()).toEqual(bytes);
  });

  test('classes that no table and no tile hold', () => {
    for (const classes of [8193, 70000]) {
      const logits = new Float32Array(2 * classes);
      logits[5] = 3;
      logits[classes + 69] = 2;
      logits[classes + classes - 1] = 2;
      const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes, topK: [1, 2], hardest: 2 });
      meter.update(logits, [5, classes - 1]);
      const report = meter.compute();
      expect(report.accuracy).toBe(0.5);
      expect(report.topK[1]?.accuracy).toBe(1);
      expect(report.perClass[69]?.precision).toBe(0);
      const sum = 2 * Math.exp(2) + classes - 2;
      const p = Math.exp(2) / sum;
      const top = Math.exp(3) / (Math.exp(3) + classes - 1);
      const brier = [p, top].map(
        (q, i) => (1 - q) ** 2 + (i ? 0 : p * p) + (classes - (i ? 1 : 2)) * (q / Math.exp(i ? 3 : 2)) ** 2,
      );
      expectClose([report.brier], [((brier[0] as number) + (brier[1] as number)) / 2]);
    }
  });
});

test.each(backends)('$name: a meter of one class does not take no or yes for the label to ignore', ({ api }) => {
  for (const ignoreIndex of [0, 1]) {
    const loss = new api.SigmoidFocalLoss({ ignoreIndex });
    expect(() => new api.FocalMeter(loss, { classes: 1 })).toThrow(/^ignoreIndex expected a label other than 0 and 1/);
    expect(new api.FocalMeter(loss, { classes: 2 }).compute().samples).toBe(0);
  }
});
