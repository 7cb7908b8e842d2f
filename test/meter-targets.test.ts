/** Meters, groups and comparisons of every kind of target and of every loss. */
import { describe, expect, test } from 'vitest';
import { backends } from './backends.ts';
import { indexOf, toRows } from './layout.ts';
import { Random } from './random.ts';
import { reference } from './reference.ts';

// biome-ignore lint/suspicious/noExplicitAny: the same calls go to losses and meters of both variants
type Api = any;

/** [batch, classes, positions]: few classes, many, planes, one class, more classes than one chunk holds. */
const SHAPES: [number, number, number][] = [
  [40, 3, 1],
  [9, 33, 1],
  [5, 4, 37],
  [2, 21, 300],
  [30, 1, 1],
  [2, 33_001, 1],
];

function draw([batch, classes, positions]: [number, number, number]) {
  const random = new Random(batch * 7 + classes * 31 + positions);
  const samples = batch * positions;
  const layout = { batch, classes, positions };
  const logits = random.logits(samples * classes, 4, -1);
  const labels = random.labels(samples, classes);
  // a few are of no class, and a few do not count
  const none = labels.map((y, i) => (i % 11 === 3 ? -100 : i % 7 === 2 ? classes : y));
  const oneHot = new Float32Array(logits.length);
  const soft = Float32Array.from(logits, () => random.uniform());
  const multiHot = Int8Array.from(logits, () => (random.below(3) ? 0 : 1));
  // single logits that do not count
  const some = multiHot.map((t) => (random.below(5) ? t : -100));
  const someSoft = soft.map((t) => (random.below(5) ? t : -100));
  none.forEach((y, i) => {
    for (let c = 0; c < classes; c++) {
      const at = indexOf(layout, i, c);
      if (y === -100) oneHot[at] = soft[at] = multiHot[at] = some[at] = someSoft[at] = -100;
      else if (y === c) oneHot[at] = 1;
    }
  });
  const shares = Float32Array.from(logits, () => (random.below(3) ? 0 : random.uniform()));
  const dims = positions > 1 ? [batch, classes, positions] : [batch, classes];
  const tensor = <T>(data: T) => ({ data, dims });
  return { ...layout, samples, logits, labels, none, oneHot, multiHot, soft, some, someSoft, shares, dims, tensor };
}

const near = (got: number | null, want: number, relative = 1e-5) =>
  expect(Math.abs((got as number) - want)).toBeLessThanOrEqual(relative * Math.abs(want) + 1e-9);

describe.each(backends)('$name', ({ name, api }) => {
  const softmax = (options: object): Api => new api.SoftmaxFocalLoss(options);
  const sigmoid = (options: object): Api => new api.SigmoidFocalLoss(options);
  const meterOf = (loss: Api, options: object): Api => new api.FocalMeter(loss, options as never);

  test.each(SHAPES.filter(([, classes]) => classes > 1).map((shape) => [shape]))(
    'sigmoid %s: one-hot targets give the bytes of class indices and background',
    (shape) => {
      const { classes, none, oneHot, logits, tensor } = draw(shape);
      const loss = sigmoid({ background: classes });
      const more = classes < 100 ? { bootstrap: 5 } : {};
      const [a, b] = [0, 1].map(() => meterOf(loss, { classes, curves: classes < 1000, coverage: true, ...more }));
      a.update(tensor(logits), none);
      b.update(tensor(logits), tensor(oneHot));
      const [want, got] = [a.compute(), b.compute()];
      for (const key of ['brier', 'crossEntropy', 'brierSkill']) {
        near(got[key], want[key], 1e-7);
        // the twin adds up what it has in float64
        if (name === 'scalar') got[key] = want[key];
      }
      expect(got).toEqual(want);
      if (name !== 'scalar') expect(b.toBytes()).toEqual(a.toBytes());
    },
  );

  test.each(SHAPES.filter(([, classes]) => classes > 1).map((shape) => [shape]))(
    'softmax %s: one-hot targets count as class indices do',
    (shape) => {
      const { classes, labels, oneHot, logits, tensor, samples } = draw(shape);
      const layout = draw(shape);
      oneHot.fill(0);
      labels.forEach((y, i) => {
        oneHot[indexOf(layout, i, y)] = 1;
      });
      const loss = softmax({});
      const options = { classes, confusion: classes < 100, curves: classes < 1000, hardest: 3 };
      const [a, b] = [0, 1].map(() => meterOf(loss, options));
      a.update(tensor(logits), labels);
      b.update(tensor(logits), tensor(oneHot));
      const [want, got] = [a.compute(), b.compute()];
      for (const key of ['accuracy', 'topK', 'confusion', 'perClass', 'samples', 'ece', 'bins', 'auroc']) {
        if (key !== 'perClass') expect(got[key]).toEqual(want[key]);
      }
      near(got.loss.mean, want.loss.mean);
      near(got.crossEntropy, want.crossEntropy);
      near(got.brier, want.brier);
      expect(got.samples).toBe(samples);
      for (const [k, one] of got.hardest.entries()) {
        expect(one.index).toBe(want.hardest[k].index);
        expect(one.target).toBe(null);
      }
    },
  );

  const KINDS = [
    ['sigmoid multi-hot', { gamma: 2 }, 'multiHot'],
    ['sigmoid soft', { gamma: 1.5, alpha: null }, 'soft'],
    [
      'sigmoid multi-hot, asymmetric',
      { gamma: 1, gammaNegative: 4, clip: 0.05, alpha: null, smoothing: 0 },
      'multiHot',
    ],
    ['sigmoid multi-hot, some ignored', { gamma: 2 }, 'some'],
    ['sigmoid soft, some ignored', { gamma: 1.5 }, 'someSoft'],
    ['sigmoid asymmetric, some ignored', { gamma: 1, gammaNegative: 3, alpha: null }, 'some'],
    ['sigmoid labels, asymmetric', { gamma: 0, gammaNegative: 2, clip: 0.05 }, 'labels'],
    ['softmax soft', { gamma: 2 }, 'shares'],
    ['softmax soft, smoothed', { gamma: 0, labelSmoothing: 0.1 }, 'shares'],
    ['softmax labels, smoothed', { gamma: 2, labelSmoothing: 0.1 }, 'labels'],
  ] as const;
  const CASES = KINDS.flatMap(([kind, options, targets]) =>
    SHAPES.filter(([, classes]) => (kind.startsWith('sigmoid') ? true : classes > 1)).map(
      (shape) => [kind, shape, options, targets] as const,
    ),
  ).filter(([kind, [, classes]]) => classes < 1000 || /multi-hot$|softmax soft$/.test(kind));

  test.each(CASES)(
    '%s %s: the loss of forward, the metrics of float64, whatever the cut',
    (kind, shape, options, key) => {
      const drawn = draw(shape);
      const { batch, classes, positions, samples, logits, tensor } = drawn;
      const variant = kind.startsWith('softmax') ? 'softmax' : 'sigmoid';
      const dense = key !== 'labels' || classes === 1;
      let data: Int32Array | Int8Array | Float32Array = drawn[key];
      if (key === 'labels' && classes === 1) data = drawn.multiHot;
      const targets = dense ? tensor(data) : data;
      const loss = variant === 'softmax' ? softmax(options) : sigmoid(options);
      const config = { classes, coverage: true, hardest: 4, curves: classes < 1000 };
      const whole = meterOf(loss, config);
      whole.update(tensor(logits), targets);
      const report = whole.compute();
      expect(report.loss.mean).toBe(loss.forward(tensor(logits), targets));

      // in parts, merged backwards, and as rows
      const cut = Math.floor(batch / 2);
      const per = dense ? classes * positions : positions;
      const parts = [
        [0, cut],
        [cut, batch],
      ].map(([from, to]) => {
        const meter = meterOf(loss, config);
        const dims = [to! - from!, ...drawn.dims.slice(1)];
        const z = { data: logits.slice(from! * classes * positions, to! * classes * positions), dims };
        const t = data.slice(from! * per, to! * per);
        meter.update(z, dense ? { data: t, dims } : t, { firstIndex: from! * positions });
        return meter;
      });
      parts[1].merge(parts[0]);
      expect(parts[1].toBytes()).toEqual(whole.toBytes());
      if (positions > 1) {
        const rows = meterOf(loss, config);
        const dims = [samples, classes];
        const t = dense ? { data: toRows(drawn, data), dims } : data;
        rows.update({ data: toRows(drawn, logits), dims }, t);
        expect(rows.toBytes()).toEqual(whole.toBytes());
      }
      if (name === 'scalar' || classes > 1000) return;

      // one logit after another
      const ignoreIndex = -100;
      const problem = {
        loss: variant,
        batch,
        classes,
        positions,
        logits,
        targets: data,
        dense,
        smoothing: 0,
        ignoreIndex,
      } as const;
      const entropies = reference({ ...problem, gamma: 0, alpha: null }).losses;
      let [brier, count, right, n] = [0, 0, 0, 0];
      for (let i = 0; i < samples; i++) {
        const t = (c: number) => (dense ? data[indexOf(drawn, i, c)]! : data[i] === c ? 1 : 0);
        if (Array.from({ length: classes }, (_, c) => t(c)).every((own) => own === -100)) continue;
        n++;
        const row = Array.from({ length: classes }, (_, c) => logits[indexOf(drawn, i, c)]!);
        const largest = Math.max(...row);
        const total = row.reduce((sum, z) => sum + Math.exp(z - largest), 0);
        const targetsOf = row.map((_, c) => t(c));
        row.forEach((z, c) => {
          if (t(c) === -100) return;
          const p = variant === 'softmax' ? Math.exp(z - largest) / total : 1 / (1 + Math.exp(-z));
          brier += (p - t(c)) ** 2;
          if (variant === 'sigmoid') {
            count++;
            if (z > 0 === t(c) >= 0.5) right++;
          }
        });
        if (variant === 'sigmoid') continue;
        count++;
        const y = targetsOf.indexOf(targetsOf.reduce((a, b) => Math.max(a, b)));
        if (row.indexOf(largest) === y) right++;
      }
      expect(report.samples).toBe(n);
      expect(report.accuracy).toBeCloseTo(right / count, 12);
      near(report.brier, brier / count);
      near(report.crossEntropy, entropies.reduce((a, b) => a + b, 0) / count);
      for (const { target } of report.hardest) {
        if (dense && classes > 1) expect(target).toBe(null);
        else if (!dense) expect(target).toBeTypeOf('number');
      }
    },
  );

  test('options of the loss change the loss alone', () => {
    const { classes, labels, logits, multiHot, tensor } = draw([40, 5, 1]);
    const compare = (plain: Api, other: Api, targets: unknown) => {
      const [a, b] = [plain, other].map((loss) => {
        const meter = meterOf(loss, { classes, curves: true });
        meter.update(tensor(logits), targets);
        return meter.compute();
      });
      expect(b.loss).not.toEqual(a.loss);
      for (const key of Object.keys(a)) {
        if (['loss', 'perClass', 'gamma', 'labelSmoothing', 'gammaNegative', 'clip'].includes(key)) continue;
        if (key === 'crossEntropy' || key.startsWith('brier')) near(b[key], a[key], 1e-7);
        else expect({ [key]: b[key] }).toEqual({ [key]: a[key] });
      }
    };
    compare(softmax({}), softmax({ labelSmoothing: 0.1 }), labels);
    compare(sigmoid({}), sigmoid({ gammaNegative: 4, clip: 0.05 }), labels);
    compare(sigmoid({}), sigmoid({ gammaNegative: 4, clip: 0.05 }), tensor(multiHot));
  });

  test('an ignored logit counts nowhere, whatever it is; states without one keep their bytes', () => {
    for (const shape of [
      [40, 5, 1],
      [3, 9, 20],
    ] as [number, number, number][]) {
      const drawn = draw(shape);
      const { classes, logits, some, multiHot, tensor, samples } = drawn;
      const options = { classes, curves: true, coverage: true, hardest: 5, bootstrap: 7, threshold: 0.4 };
      const of = (z: Float32Array, t: ArrayLike<number>): Api => {
        const meter = meterOf(sigmoid({ gamma: 1 }), options);
        meter.update(tensor(z), tensor(t));
        return meter;
      };
      const meter = of(logits, some);
      const odd = [NaN, Infinity, -Infinity, 3e38, -0];
      const other = of(
        logits.map((z, i) => (some[i] === -100 ? odd[i % 5]! : z)),
        some,
      );
      expect(other.toBytes()).toEqual(meter.toBytes());
      expect(other.compute({ confidence: 0.9 })).toEqual(meter.compute({ confidence: 0.9 }));
      expect(JSON.parse(JSON.stringify(meter))).toMatchObject({ version: 3 });

      const FocalMeter = api.FocalMeter as Api;
      expect(FocalMeter.fromJSON(JSON.parse(JSON.stringify(meter))).toBytes()).toEqual(meter.toBytes());
      expect(FocalMeter.fromBytes(meter.toBytes()).toBytes()).toEqual(meter.toBytes());
      // merged with one that ignores nothing and taken out again
      const before = meterOf(sigmoid({ gamma: 1 }), { ...options, hardest: 0 });
      before.update(tensor(logits), tensor(multiHot), { firstIndex: samples });
      const plain = before.toBytes();
      const more = meterOf(sigmoid({ gamma: 1 }), { ...options, hardest: 0 });
      more.update(tensor(logits), tensor(some));
      for (const [a, b] of [
        [before.clone(), more],
        [more.clone(), before],
      ]) {
        a.merge(b);
        a.subtract(more);
        expect(a.toBytes()).toEqual(plain);
        expect(() => a.subtract(more)).toThrow(RangeError);
      }
      expect(before.toJSON().version).toBe(2);
      const report = meter.compute();
      expect(report.ignoredLogits).toBe(
        report.samples * classes - report.bins.reduce((n: number, b: Api) => n + b.count, 0),
      );
    }
  });

  test('what no data could give of ignored logits is refused', () => {
    const { classes, logits, some, tensor } = draw([40, 5, 1]);
    const meter = meterOf(sigmoid({}), { classes });
    meter.update(tensor(logits), tensor(some));
    const state = JSON.parse(JSON.stringify(meter));
    const { words } = state;
    const last = words.length - 4 - 3 * 14 - classes;
    const forged = (change: object) => () => (api.FocalMeter as Api).fromJSON({ ...state, ...change });
    expect(forged({ words: words.with(last, 1000) })).toThrow(/at most \d+ ignored logits, got 1000$/);
    expect(forged({ words: words.map((w: number, i: number) => (i >= last ? 0 : w)) })).toThrow(/ignored logits of/);
    expect(forged({ words: words.slice(0, last) })).toThrow('state.words expected');
    expect(forged({ version: 2 })).toThrow('state.words expected');
    expect(forged({ version: 2, words: words.slice(0, last) })).toThrow(RangeError);
    expect(forged({ version: 4 })).toThrow('state.version expected 1 to 3, got 4, made by a newer focal-simd');
    const softmaxState = JSON.parse(JSON.stringify(meterOf(softmax({}), { classes })));
    expect(() => (api.FocalMeter as Api).fromJSON({ ...softmaxState, version: 3 })).toThrow(
      'state.version expected 2, got 3',
    );
  });

  test('groups: each is a meter of its samples', () => {
    for (const [loss, key] of [
      [sigmoid({ gamma: 1 }), 'multiHot'],
      [sigmoid({ gamma: 1 }), 'some'],
      [softmax({ labelSmoothing: 0.1 }), 'shares'],
    ] as const) {
      const drawn = draw([30, 5, 3]);
      const { classes, positions, samples, logits, tensor } = drawn;
      const groups = Array.from({ length: samples }, (_, i) => (i * i) % 3);
      const sliced: Api = new api.SlicedMeter(loss, { classes, curves: true } as never);
      sliced.update(tensor(logits), tensor(drawn[key]), { groups });
      const rows = { z: toRows(drawn, logits), t: toRows(drawn, drawn[key]) };
      for (const { name: group, report } of sliced.compute({ confidence: 0.95 }).groups) {
        const own = meterOf(loss, { classes, curves: true });
        groups.forEach((g, i) => {
          if (String(g) !== group) return;
          const part = (data: Float32Array) => ({
            data: data.slice(i * classes, (i + 1) * classes),
            dims: [1, classes],
          });
          own.update(part(rows.z), part(rows.t));
        });
        expect(report).toEqual(own.compute({ confidence: 0.95 }));
      }
      expect(positions).toBe(3);
    }
  });

  test.each([
    ['sigmoid multi-hot', 'sigmoid', 'multiHot'],
    ['sigmoid some ignored', 'sigmoid', 'some'],
    ['softmax soft', 'softmax', 'shares'],
  ] as const)('a comparison of %s: its sides are meters, one-hot is as labels', (_, variant, key) => {
    const drawn = draw([40, 5, 1]);
    const { classes, logits, tensor, labels } = drawn;
    const loss = variant === 'softmax' ? softmax({}) : sigmoid({});
    const candidate = logits.map((z, i) => z + Math.sin(i * i));
    const compared = (targets: unknown): Api => {
      const comparison: Api = new api.FocalComparison(loss, { classes, hardest: 5, coverage: true } as never);
      comparison.update(tensor(logits), tensor(candidate), targets);
      return comparison;
    };
    const comparison = compared(tensor(drawn[key]));
    const report = comparison.compute();
    for (const [side, data] of [
      ['baseline', logits],
      ['candidate', candidate],
    ] as const) {
      const meter = meterOf(loss, { classes, hardest: 0, coverage: true });
      meter.update(tensor(data), tensor(drawn[key]));
      const { loss: mean, accuracy, brier } = meter.compute();
      expect(report.quality[side].loss).toEqual(mean);
      expect(report.quality[side].accuracy).toBe(accuracy);
      expect(report.quality[side].brier).toBe(brier);
    }
    for (const { target } of report.quality.hardest) expect(target).toBe(null);
    const again = (api.FocalComparison as Api).fromBytes(comparison.toBytes());
    expect(again.compute()).toEqual(report);
    const hot = new Float32Array(logits.length);
    labels.forEach((y, i) => {
      hot[indexOf(drawn, i, y)] = 1;
    });
    const [dense, plain] = [compared(tensor(hot)).compute(), compared(labels).compute()];
    expect(dense.fidelity).toEqual(plain.fidelity);
    expect(dense.quality.candidate.accuracy).toEqual(plain.quality.candidate.accuracy);
  });

  const weights = [0.3, 2, 0.7, 1.1, 0];
  test.each([
    ['softmax weights', softmax({ alpha: weights, divisor: 'weights' }), 'labels'],
    ['softmax weights, smoothed', softmax({ alpha: weights, divisor: 'weights', labelSmoothing: 0.1 }), 'labels'],
    ['softmax, a number', softmax({ divisor: 77.7 }), 'shares'],
    ['sigmoid positives, background', sigmoid({ divisor: 'positives', background: 5 }), 'none'],
    ['sigmoid positives, multi-hot', sigmoid({ divisor: 'positives' }), 'multiHot'],
    ['sigmoid positives, some ignored', sigmoid({ divisor: 'positives' }), 'some'],
    ['sigmoid, a number', sigmoid({ divisor: 16 }), 'soft'],
  ] as const)('divisor: %s, the mean of forward', (_, loss, key) => {
    const drawn = draw([60, 5, 1]);
    const { classes, logits, tensor } = drawn;
    const targets = key === 'labels' || key === 'none' ? drawn[key] : tensor(drawn[key]);
    const meter = meterOf(loss, { classes, coverage: true });
    meter.update(tensor(logits), targets);
    const report = meter.compute({ confidence: 0.95 });
    expect(report.loss.mean).toBe(loss.forward(tensor(logits), targets));
    expect(meterOf(loss, { classes }).compute().loss.mean).toBe(null);
    const again = (api.FocalMeter as Api).fromBytes(meter.toBytes());
    expect(again.compute({ confidence: 0.95 })).toEqual(report);
    expect(() =>
      meter.merge(meterOf(key === 'labels' || key === 'shares' ? softmax({}) : sigmoid({}), { classes })),
    ).toThrow(RangeError);
    const sliced: Api = new api.SlicedMeter(loss, { classes } as never);
    sliced.update(tensor(logits), targets, { groups: Array.from({ length: 60 }, (_, i) => i % 2) });
    expect(sliced.total().compute().loss).toEqual(report.loss);
    expect(() => new api.FocalComparison(loss as never, { classes } as never)).toThrow(
      /^loss expected divisor 'valid' in a comparison/,
    );
  });

  test('divisor weights: the interval of a weighted mean', () => {
    const { classes, labels, logits, tensor } = draw([60, 5, 1]);
    const options = { alpha: weights };
    const meter = meterOf(softmax({ ...options, divisor: 'weights' }), { classes });
    meter.update(tensor(logits), labels);
    const each: Float32Array = softmax({ ...options, reduction: 'none' }).forward(tensor(logits), labels);
    const w = Array.from(labels, (y) => Math.fround(weights[y]!));
    const total = w.reduce((a, b) => a + b);
    const mean = each.reduce((a, b) => a + b, 0) / total;
    const squares = w.reduce((sum, weight, i) => sum + (each[i]! - mean * weight) ** 2, 0);
    const error = Math.sqrt((squares * 60) / 59) / total;
    const [lower, upper] = meter.compute({ confidence: 0.95 }).intervals.loss;
    near((upper - lower) / 2 / 1.959963984540054, error, 1e-5);
    near((upper + lower) / 2, mean);
  });

  test('divisor: shares that no count adds up are refused, and what no loss has', () => {
    const { classes, logits, shares, soft, tensor } = draw([6, 5, 1]);
    for (const [loss, data] of [
      [softmax({ divisor: 'weights' }), shares],
      [sigmoid({ divisor: 'positives' }), soft],
    ] as const) {
      const meter = meterOf(loss, { classes });
      const bytes = meter.toBytes();
      expect(() => meter.update(tensor(logits), tensor(data))).toThrow(
        /^targets expected .* with divisor .*, got shares$/,
      );
      expect(meter.toBytes()).toEqual(bytes);
      const state = JSON.parse(JSON.stringify(meter));
      for (const divisor of [0, -1, 'valid', null, softmax === (loss as unknown) ? 'positives' : 'x']) {
        const forged = { ...state, config: { ...state.config, divisor } };
        expect(() => (api.FocalMeter as Api).fromJSON(forged)).toThrow(/^state.config.divisor expected/);
      }
    }
  });

  test('a comparison: ignored logits differ in nothing, and means are over the logits that are left', () => {
    const drawn = draw([40, 5, 1]);
    const { classes, logits, some, tensor, samples } = drawn;
    const loss = sigmoid({ alpha: null });
    const candidate = logits.map((z, i) => z + Math.sin(i * i));
    const compared = (z: Float32Array): Api => {
      const comparison: Api = new api.FocalComparison(loss, { classes, hardest: 5 } as never);
      comparison.update(tensor(logits), tensor(z), tensor(some));
      return comparison;
    };
    const comparison = compared(candidate);
    const odd = candidate.map((z, i) => (some[i] === -100 ? [NaN, 1e9, -Infinity][i % 3]! : z));
    expect(compared(odd).toBytes()).toEqual(comparison.toBytes());
    expect((api.FocalComparison as Api).fromBytes(comparison.toBytes()).toBytes()).toEqual(comparison.toBytes());

    const { fidelity, quality } = comparison.compute();
    const each = sigmoid({ alpha: null, reduction: 'none' });
    const [before, after] = [logits, candidate].map((z) => each.forward(tensor(z), tensor(some)));
    const left = Array.from(some.keys()).filter((i) => some[i] !== -100);
    const sum = (of: (i: number) => number) => left.reduce((all, i) => all + of(i), 0);
    const yes = (z: Float32Array, i: number) => z[i]! > 0;
    near(fidelity.agreement, sum((i) => Number(yes(logits, i) === yes(candidate, i))) / left.length, 1e-12);
    const right = (z: Float32Array, i: number) => Number(yes(z, i) === (some[i] === 1));
    for (const [name, of] of [
      ['loss', (i: number) => after[i] - before[i]],
      ['accuracy', (i: number) => right(candidate, i) - right(logits, i)],
    ] as const) {
      const mean = sum(of) / left.length;
      near(quality.deltas[name].delta, mean, 1e-6);
      // a sample is a cluster of logits
      const residuals = new Map<number, number>();
      for (const i of left) {
        const sample = Math.floor(i / classes);
        residuals.set(sample, (residuals.get(sample) ?? 0) + of(i) - mean);
      }
      const n = residuals.size;
      expect(n).toBeLessThan(samples);
      const squares = [...residuals.values()].reduce((all, e) => all + e * e, 0);
      near(quality.deltas[name].standardError, Math.sqrt((squares * n) / (n - 1)) / left.length, 1e-5);
    }
  });

  test.each([
    ['softmax', 'probabilities', (x: number) => x, Math.log],
    ['sigmoid', 'probabilities', (x: number) => x, (p: number) => Math.log(p / (1 - p))],
    ['sigmoid', 'logProbabilities', Math.log, (p: number) => Math.log(p / (1 - p))],
  ] as const)('%s, %s: compared as the logits that they stand for', (variant, input, given, logit) => {
    const random = new Random(8);
    for (const shape of [
      [20, 3, 1],
      [4, 5, 7],
      [1, 70_001, 1],
    ] as const) {
      const [batch, classes, positions] = shape;
      const dims = positions > 1 ? [batch, classes, positions] : [batch, classes];
      const draw = () =>
        Float32Array.from({ length: batch * classes * positions }, () => (1 + random.below(1000)) / 1024);
      const [a, b, y] = [draw(), draw(), random.labels(batch * positions, classes)];
      const compare = (options: object, of: (p: number) => number): Api => {
        const loss = variant === 'softmax' ? softmax(options) : sigmoid(options);
        const comparison: Api = new api.FocalComparison(loss, { classes } as never);
        comparison.update(
          { data: a.map(of), dims },
          { data: b.map(of), dims },
          { data: y, dims: [batch, ...dims.slice(2)] },
        );
        return comparison.compute();
      };
      const [got, want] = [compare({ input }, given), compare({}, logit)];
      expect(got.fidelity.samples).toBe(batch * positions);
      near(got.fidelity.agreement, want.fidelity.agreement, 0.02);
      near(got.fidelity.kl.mean, want.fidelity.kl.mean, 1e-4);
      near(got.fidelity.difference.mean, want.fidelity.difference.mean, 1e-4);
      near(got.quality.candidate.loss.mean, want.quality.candidate.loss.mean, 1e-4);
    }
  });
});
