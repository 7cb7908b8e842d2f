import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sigmoidPair, softmaxPair } from '../bindings/backend/scalar/pairs.ts';
import type { ComparisonReport, Delta } from '../bindings/compare/fields.ts';
import { fromHalf } from '../bindings/input/half.ts';
import type { AnyLoss } from '../bindings/meter/meter.ts';
import {
  criticalValue,
  holm,
  mcnemar,
  pairedInterval,
  percentileInterval,
  poissonWeight,
  precisionDifference,
  replicateError,
} from '../bindings/statistics/index.ts';
import { backends } from './backends.ts';
import { Random } from './random.ts';

interface Shape {
  seed: number;
  n: number;
  classes: number;
  scale: number;
  noise: number;
}
interface Golden extends Shape {
  loss: 'softmax' | 'sigmoid';
  // biome-ignore lint/suspicious/noExplicitAny: as compare.py wrote it
  expected: any;
}
const { cases } = JSON.parse(readFileSync(new URL('./golden/compare.json', import.meta.url), 'utf8')) as {
  cases: Golden[];
};

/** As compare.py draws them. */
function draw({ seed, n, classes, scale, noise }: Shape) {
  const random = new Random(seed);
  const bell = () => random.uniform() + random.uniform() + random.uniform() - 1.5;
  const [a, b] = [new Float32Array(n * classes), new Float32Array(n * classes)];
  const targets = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    for (let c = i * classes; c < (i + 1) * classes; c++) {
      a[c] = Math.floor(bell() * scale * 64) / 64;
      b[c] = (a[c] as number) + Math.floor(bell() * noise * 64) / 64;
    }
    const u = random.uniform();
    const y = Math.floor(u * u * classes);
    targets[i] = y;
    if (random.uniform() >= 0.5) continue;
    for (const side of [a, b]) side[i * classes + y] = (side[i * classes + y] as number) + scale;
  }
  return { a, b, targets };
}

function close(got: unknown, want: number, allowed: number): void {
  expect(Math.abs((got as number) - want), `${got} against ${want}`).toBeLessThanOrEqual(allowed);
}

const { NaN: NAN, POSITIVE_INFINITY: INF } = Number;
const shape = { seed: 11, n: 130, classes: 7, scale: 3, noise: 2 };
type Part = [from: number, to: number];
/** The bits of every float16. */
const halves = new Map(Array.from({ length: 65536 }, (_, bits) => [fromHalf(bits), bits]));

describe.each(backends)('FocalComparison on $name', ({ api }) => {
  const { FocalComparison, FocalMeter, SoftmaxFocalLoss, SigmoidFocalLoss } = api;
  const lossOf = (name: string): AnyLoss => (name === 'softmax' ? new SoftmaxFocalLoss() : new SigmoidFocalLoss());
  const both = ['softmax', 'sigmoid'] as const;
  const options = (name: string) => ({
    classes: shape.classes,
    hardest: 6,
    coverage: true,
    ...(name === 'softmax' ? { flips: true, topK: [1, 2] } : {}),
  });
  const make = (name: string) => new FocalComparison<AnyLoss>(lossOf(name), options(name));
  /** Compare parts of a draw, one after the other. */
  const compared = (
    name: string,
    { a, b, targets }: ReturnType<typeof draw>,
    parts: readonly Part[],
    into = make(name),
  ) => {
    for (const [from, to] of parts) {
      const rows = (side: Float32Array) => side.subarray(from * shape.classes, to * shape.classes);
      into.update(rows(a), rows(b), targets.subarray(from, to), { firstIndex: from });
    }
    return into;
  };

  test.each(cases)('agrees with scipy and statsmodels: $loss, $classes classes', (golden) => {
    const { loss, classes, expected, n, noise } = golden;
    const { a, b, targets } = draw(golden);
    const softmax = loss === 'softmax';
    const comparison = new FocalComparison<AnyLoss>(lossOf(loss), {
      classes,
      hardest: 5,
      ...(softmax ? { flips: true, topK: [2] } : {}),
    });
    comparison.update(a, b, targets);
    const { fidelity, quality, samples } = comparison.compute();
    expect([samples, fidelity.samples]).toEqual([n, n]);
    // |Δz| is at most 1.5 · noise; one-vs-rest, the error of each class adds up
    const allowed = 1e-6 * (1 + 1.5 * noise) * (softmax ? 1 : classes);
    close(fidelity.kl.mean, expected.kl[0], allowed);
    close(fidelity.kl.largest, expected.kl[1], allowed);
    expect([fidelity.kl.at, fidelity.kl.infinite]).toEqual([expected.kl[2], 0]);
    close(fidelity.difference.mean, expected.difference[0], 1e-6);
    close(fidelity.difference.largest, expected.difference[1], 1e-6);
    close(fidelity.agreement, expected.agreement, 1e-14);
    const deltas = quality?.deltas as Record<string, Delta>;
    for (const name of ['loss', 'crossEntropy', 'brier', 'accuracy']) {
      const [got, want] = [deltas[name] as Delta, expected[name]];
      if (!want) continue;
      const scale = 2e-6 * (1 + Math.abs(deltas[name]?.baseline as number));
      close(got.delta, want.delta, scale);
      close(got.standardError, want.standardError, scale);
      // a share has the score interval, which is not the normal one
      if (softmax && name === 'accuracy') continue;
      for (const side of [0, 1] as const) close(got.interval?.[side], want.interval[side], scale);
    }
    if (softmax) {
      expect(fidelity.flips).toEqual(expected.flips);
      expect(quality?.topK.map(({ lost, won }) => [lost, won])).toEqual(classes > 2 ? [expected.top2] : []);
      close(deltas.balancedAccuracy?.delta, expected.balancedAccuracy, 1e-12);
      close(deltas.macroF1?.delta, expected.macroF1, 1e-12);
      close(quality?.p, expected.p, 1e-11);
      expect(quality?.hardest?.map(({ index }) => index)).toEqual(expected.hardest);
    } else {
      expect(fidelity.perClass.map(({ left }) => left)).toEqual(expected.left);
      expect(fidelity.perClass.map(({ joined }) => joined)).toEqual(expected.joined);
      expect(quality?.perClass.map(({ recall }) => [recall.lost, recall.won])).toEqual(expected.recall);
    }
    for (const [c, entry] of (quality?.perClass ?? []).entries()) {
      expect([entry.lost, entry.won]).toEqual([expected.lost[c], expected.won[c]]);
      if (expected.classP[c] === undefined) expect([entry.p, entry.adjusted]).toEqual([null, null]);
      else {
        close(entry.p, expected.classP[c], 1e-11);
        close(entry.adjusted, expected.adjusted[c], 1e-10);
      }
    }
  });

  test.each([
    { loss: 'sigmoid', classes: 7, bins: 4 },
    { loss: 'sigmoid', classes: 7, bins: 64 },
    // more classes than the tables of the kernels hold
    { loss: 'sigmoid', classes: 8200, bins: 4 },
    { loss: 'softmax', classes: 7, bins: 4 },
  ])('a comparison, $loss, $classes classes, $bins bins, leaves meters of the same memory as they are', (other) => {
    const { a, b, targets } = draw(shape);
    const few = draw({ ...shape, n: 3, classes: other.classes });
    const comparison = new FocalComparison(lossOf(other.loss), { classes: other.classes, bins: other.bins });
    for (const name of both) {
      const [used, alone] = [1, 2].map(() => new FocalMeter(lossOf(name), { classes: shape.classes }));
      for (const logits of [a, b]) {
        used?.update(logits, targets);
        comparison.update(few.a, few.b, few.targets);
      }
      for (const logits of [a, b]) alone?.update(logits, targets);
      expect(used?.toJSON()).toEqual(alone?.toJSON());
    }
  });

  test.each(both)('%s: the sides are those of two meters, the differences those of their numbers', (name) => {
    const data = draw(shape);
    const { quality } = compared(name, data, [[0, shape.n]]).compute();
    for (const [side, logits] of [
      ['baseline', data.a],
      ['candidate', data.b],
    ] as const) {
      const { hardest: _, flips: __, ...rest } = { flips: false, ...options(name) };
      const meter = new FocalMeter<AnyLoss>(lossOf(name), rest);
      meter.update(logits, data.targets);
      expect(quality?.[side]).toEqual(meter.compute());
    }
    for (const [key, { baseline, candidate, delta }] of Object.entries(quality?.deltas ?? {})) {
      if (baseline === null) expect([candidate, delta], key).toEqual([null, null]);
      else close(delta, (candidate as number) - baseline, 1e-7);
    }
  });

  const kinds = ['rows', 'planes', 'float16', 'soft targets', 'left out', 'smoothed', 'asymmetric', 'memory'] as const;
  test.each(kinds.flatMap((kind) => both.map((name) => [name, kind] as const)))(
    '%s: of many classes and of more samples than are counted at once, too: %s',
    (name, kind) => {
      const softmax = name === 'softmax';
      const [n, classes, positions] = softmax ? [4203, 40, 3] : [900, 40, 3];
      const { a, b, targets } = draw({ seed: 3, n, classes, scale: 3, noise: 1 });
      for (let i = 0; i < n; i += 97) targets[i] = -100;
      a[5 * classes + 1] = NAN;
      b[6 * classes + 2] = INF;
      b[7 * classes + 39] = -INF;
      a.fill(1, 8 * classes, 9 * classes);
      const loss: AnyLoss = softmax
        ? new SoftmaxFocalLoss({ labelSmoothing: kind === 'smoothed' ? 0.1 : 0 })
        : new SigmoidFocalLoss(kind === 'asymmetric' ? { gammaNegative: 4 } : {});
      const rest = {
        classes,
        coverage: true,
        bootstrap: 2,
        curves: true,
        ...(softmax && { topK: [1, 3], confusion: true }),
      };
      const soft = Float32Array.from({ length: n * classes }, (_, i) => (i % 7 === 0 ? 0.5 : 0));
      if (kind === 'left out' && !softmax) {
        for (let i = 0; i < n; i += 90) soft.fill(-100, i * classes, (i + 1 + (i % 4)) * classes - (i % 3));
      }
      const planes = (values: Float32Array) => {
        const data = new Float32Array(values.length);
        for (let i = 0; i < values.length; i++) {
          const [row, c] = [Math.floor(i / classes), i % classes];
          data[(Math.floor(row / positions) * classes + c) * positions + (row % positions)] = values[i] as number;
        }
        return data;
      };
      const dims = kind === 'planes' ? [n / positions, classes, positions] : [n, classes];
      const given = (side: Float32Array) => {
        if (kind === 'planes') return { data: planes(side), dims };
        if (kind === 'float16')
          return { data: Uint16Array.from(side, (z) => halves.get(z) ?? 0x7e00), dims, type: 'float16' };
        if (kind !== 'memory') return { data: side, dims };
        const tensor = api.alloc(dims);
        tensor.data.set(side);
        return tensor;
      };
      const labels =
        kind === 'soft targets' || kind === 'left out'
          ? { data: soft, dims }
          : { data: targets, dims: kind === 'planes' ? [n / positions, positions] : [n] };
      const comparison = new FocalComparison<AnyLoss>(loss, rest);
      const [baseline, candidate] = [given(a), given(b)];
      comparison.update(baseline, candidate, labels);
      const state = comparison.toJSON();
      for (const [side, logits] of [
        ['baseline', baseline],
        ['candidate', candidate],
      ] as const) {
        const meter = new FocalMeter<AnyLoss>(loss, rest);
        meter.update(logits, labels);
        expect(state[side]).toEqual(meter.toJSON());
      }
      // and so the differences are those of their numbers
      const { samples, ignored, quality } = comparison.compute();
      expect([samples, ignored]).toEqual([quality?.baseline.samples, quality?.baseline.ignored]);
      const recalls = quality?.perClass.map(({ recall }) => recall) ?? [];
      for (const { baseline: was, candidate: is, delta } of [...Object.values(quality?.deltas ?? {}), ...recalls]) {
        if (delta !== null) close(delta, (is as number) - (was as number), 1e-6);
      }
      // and so is what is known without labels, of those that are not ignored
      if (labels.data === targets && kind !== 'float16') {
        const kept = Array.from(targets, (_, i) => i).filter((i) => (targets[i] as number) >= 0);
        const rowsOf = (side: Float32Array) =>
          Float32Array.from(kept.flatMap((i) => [...side.subarray(i * classes, (i + 1) * classes)]));
        const alone = new FocalComparison<AnyLoss>(loss, { classes });
        alone.update(rowsOf(a), rowsOf(b));
        const [got, want] = [comparison, alone].map((one) => one.compute().fidelity);
        for (const key of ['kl', 'difference'] as const) {
          expect({ ...got?.[key], at: null }, key).toEqual({ ...want?.[key], at: null });
        }
        expect([got?.agreement, got?.perClass]).toEqual([want?.agreement, want?.perClass]);
      }
      // what is known without labels does not depend on them
      const plain = new FocalComparison<AnyLoss>(loss, { classes });
      const counted = new FocalComparison<AnyLoss>(loss, { classes });
      plain.update(baseline, candidate);
      counted.update(
        baseline,
        candidate,
        new Int32Array(n).fill(1).map((_, i) => i % classes),
      );
      expect(counted.compute().fidelity).toEqual(plain.compute().fidelity);
      if ('free' in baseline) baseline.free();
      if ('free' in candidate) candidate.free();
    },
  );

  test.each(both)('%s: recall and precision by class are those of the samples, one by one', (name) => {
    const { classes, n } = shape;
    const data = draw(shape);
    const comparison = compared(name, data, [[0, n]]);
    const { quality } = comparison.compute({ confidence: 0.9 });
    const chosen = (side: Float32Array, i: number, c: number): boolean => {
      const row = side.subarray(i * classes, (i + 1) * classes);
      return name === 'softmax' ? row.indexOf(Math.max(...row)) === c : row[c]! > 0;
    };
    const z = criticalValue(0.9);
    const tests = quality!.perClass.map(({ recall, precision }, c) => {
      const right = [0, 0, 0] as [number, number, number];
      const wrong = [0, 0, 0] as [number, number, number];
      for (let i = 0; i < n; i++) {
        const [first, second] = [chosen(data.a, i, c), chosen(data.b, i, c)];
        if (first || second) (data.targets[i] === c ? right : wrong)[first && second ? 0 : first ? 1 : 2]++;
      }
      const expected = precisionDifference({ right, wrong }, z)!;
      close(precision.delta, expected.difference, 1e-12);
      const { standardError, interval, p } = precision;
      expect({ standardError, interval, p }).toEqual({ ...expected, difference: undefined });
      expect(precision.n).toBe(right[0] + right[2] + wrong[0] + wrong[2]);
      expect([recall.lost, recall.won, recall.p]).toEqual([right[1], right[2], mcnemar(right[1], right[2])]);
      return [recall.p, expected.p] as const;
    });
    for (const [i, key] of (['recall', 'precision'] as const).entries()) {
      const adjusted = holm(tests.map((pair) => pair[i]!));
      expect(quality!.perClass.map((entry) => entry[key].adjusted)).toEqual(adjusted);
    }
    // who of the samples without targets is right, nobody knows
    comparison.update(data.a, data.b, undefined, { firstIndex: n });
    const { precision } = comparison.compute().quality!.perClass[0]!;
    expect([precision.interval, precision.p, precision.adjusted]).toEqual([null, null, null]);
    expect(precision.delta).not.toBeNull();
  });

  test.each(both)('%s: a model against itself differs in nothing', (name) => {
    fc.assert(
      fc.property(fc.nat(1000), fc.integer({ min: 1, max: 60 }), (seed, n) => {
        const { a, targets } = draw({ ...shape, seed, n });
        const comparison = new FocalComparison<AnyLoss>(lossOf(name), options(name));
        comparison.update(a, a.slice(), targets);
        const { fidelity, quality } = comparison.compute();
        expect([fidelity.agreement, fidelity.kl.mean, fidelity.kl.largest, fidelity.difference.largest]).toEqual([
          1, 0, 0, 0,
        ]);
        for (const { delta } of Object.values(quality?.deltas ?? {})) expect(delta ?? 0).toBe(0);
        for (const key of ['loss', 'crossEntropy', 'brier']) {
          if (n > 1) expect(quality?.deltas[key]?.interval).toEqual([0, 0]);
        }
        for (const { lost, won, p, adjusted } of quality?.perClass ?? []) {
          expect([lost, won, p ?? 1, adjusted ?? 1]).toEqual([0, 0, 1, 1]);
        }
        expect(quality?.hardest).toEqual([]);
        expect(fidelity.perClass.every(({ left, joined }) => left + joined === 0)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  test.each(both)('%s: swapping the sides mirrors every number but the divergence', (name) => {
    const { a, b, targets } = draw(shape);
    const [there, back] = [
      compared(name, { a, b, targets }, [[0, shape.n]]),
      compared(name, { a: b, b: a, targets }, [[0, shape.n]]),
    ].map((one) => one.compute()) as [ComparisonReport, ComparisonReport];
    const mirrored = (x: unknown): unknown => {
      if (typeof x === 'number') return x === 0 ? 0 : -x;
      return Array.isArray(x) ? x.map(mirrored).reverse() : x;
    };
    expect(back.fidelity.agreement).toBe(there.fidelity.agreement);
    expect(back.fidelity.difference).toEqual(there.fidelity.difference);
    expect(back.fidelity.flips).toEqual(
      there.fidelity.flips?.map((row, c) => row.map((_, d) => there.fidelity.flips?.[d]?.[c])),
    );
    for (const [key, delta] of Object.entries(there.quality?.deltas ?? {})) {
      const other = back.quality?.deltas[key] as Delta;
      expect([other.baseline, other.candidate, other.standardError, other.n]).toEqual([
        delta.candidate,
        delta.baseline,
        delta.standardError,
        delta.n,
      ]);
      expect([other.delta, other.interval], key).toEqual([mirrored(delta.delta), mirrored(delta.interval)]);
    }
    for (const [c, entry] of (there.quality?.perClass ?? []).entries()) {
      const other = back.quality?.perClass[c];
      expect([other?.lost, other?.won, other?.p, other?.adjusted]).toEqual([
        entry.won,
        entry.lost,
        entry.p,
        entry.adjusted,
      ]);
      expect(other?.recall.interval).toEqual(mirrored(entry.recall.interval));
    }
    expect(back.quality?.p).toBe(there.quality?.p);
  });

  test.each(both)('%s: swapping the sides leaves the bits of |Δp|, infinite logits or not', (name) => {
    const classes = 40;
    const { a, b } = draw({ ...shape, classes });
    for (let i = 0; i < 60; i++) {
      a[i * classes + 1] = [INF, -INF, 3][i % 3] as number;
      b[i * classes + (i % 5)] = [-INF, 200, -1][i % 3] as number;
    }
    const [there, back] = [
      [a, b],
      [b, a],
    ].map(([first, second]) => {
      const comparison = new FocalComparison<AnyLoss>(lossOf(name), { classes });
      comparison.update(first as Float32Array, second as Float32Array);
      return comparison.compute().fidelity;
    });
    expect(back?.difference).toEqual(there?.difference);
    expect(back?.kl.infinite).not.toBe(0);
  });

  test.each(both)('%s: splits, orders and merge trees give the same bits, in both formats', (name) => {
    const data = draw(shape);
    const whole = compared(name, data, [[0, shape.n]]);
    const bytes = whole.toBytes();
    const report = whole.compute();
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: shape.n - 1 }), { maxLength: 6 }),
        fc.nat(1000),
        fc.boolean(),
        (cuts, seed, json) => {
          const ends = [0, ...cuts.sort((x, y) => x - y), shape.n];
          const parts = ends.slice(1).map((end, i): Part => [ends[i] as number, end]);
          const random = new Random(seed);
          const shuffled = random.permutation(parts.length).map((i) => parts[i] as Part);
          expect(compared(name, data, shuffled).toBytes()).toEqual(bytes);
          let pool = shuffled.map((part) => compared(name, data, [part]));
          while (pool.length > 1) {
            const [x, y, ...rest] = random.permutation(pool.length).map((i) => pool[i]) as [
              (typeof pool)[0],
              (typeof pool)[0],
              ...typeof pool,
            ];
            const sent = json
              ? FocalComparison.fromJSON(JSON.parse(JSON.stringify(y)))
              : FocalComparison.fromBytes(y.toBytes());
            x.merge(sent);
            pool = [x, ...rest];
          }
          expect(pool[0]?.toBytes()).toEqual(bytes);
          expect(pool[0]?.compute()).toEqual(report);
        },
      ),
      { numRuns: 25 },
    );
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    whole.reset();
    expect(whole.toBytes()).toEqual(make(name).toBytes());
  });

  test.each(both.flatMap((name) => [2, 5].map((classes) => [name, classes] as const)))(
    '%s of %i classes: tile after tile is sample after sample, and the sides are two meters',
    (name, classes) => {
      // noise from none on, so that differences lie anywhere
      const n = 9001;
      const { a, b, targets } = draw({ seed: 5, n, classes, scale: 4, noise: 1 });
      for (let i = 0; i < b.length; i++) {
        const z = a[i] as number;
        b[i] = z + ((b[i] as number) - z) * 2 ** -((i * 7) % 29);
      }
      for (let i = 0; i < n; i += 1013) targets[i] = -100;
      a[4 * classes] = NAN;
      b[5000 * classes] = INF;
      // whose cross-entropy leaves float32
      for (const [side, i] of [
        [a, 7],
        [b, 5001],
      ] as const) {
        for (let c = 0; c < classes; c++) side[i * classes + c] = c === targets[i] ? -3e38 : 3e38;
      }
      const rest = { classes, coverage: true };
      const [whole, apart] = [0, 1].map(() => new FocalComparison<AnyLoss>(lossOf(name), rest));
      const rows = (side: Float32Array, from: number, to: number) => side.subarray(from * classes, to * classes);
      whole?.update(a, b, targets);
      for (let from = 0, to = 1; from < n; from = to, to = Math.min(n, to + 1 + (to % 601))) {
        apart?.update(rows(a, from, to), rows(b, from, to), targets.subarray(from, to));
      }
      expect(apart?.toBytes()).toEqual(whole?.toBytes());
      const state = whole?.toJSON();
      for (const [side, logits] of [
        ['baseline', a],
        ['candidate', b],
      ] as const) {
        const meter = new FocalMeter<AnyLoss>(lossOf(name), rest);
        meter.update(logits, targets);
        expect(state?.[side]).toEqual(meter.toJSON());
      }
    },
  );

  test.each(both)('%s: planes, float16 and float64 are the same samples, ignored ones none', (name) => {
    const { classes } = shape;
    const { a, b, targets } = draw(shape);
    const want = compared(name, { a, b, targets }, [[0, shape.n]]).compute();
    const positions = shape.n / 2 + 1;
    const planes = (side: Float32Array) => {
      const data = new Float64Array(2 * classes * positions);
      for (let i = 0; i < shape.n; i++) {
        const [image, at] = [Math.floor(i / (positions - 1)), i % (positions - 1)];
        for (let c = 0; c < classes; c++)
          data[(image * classes + c) * positions + at] = side[i * classes + c] as number;
      }
      return { data, dims: [2, classes, positions] };
    };
    const labels = new Int32Array(2 * positions).fill(-100);
    for (let i = 0; i < shape.n; i++)
      labels[Math.floor(i / (positions - 1)) * positions + (i % (positions - 1))] = targets[i] as number;
    const got = new FocalComparison<AnyLoss>(lossOf(name), options(name));
    got.update(planes(a), planes(b), { data: labels, dims: [2, positions] });
    const { ignored, samples, fidelity, quality } = got.compute();
    expect([ignored, samples]).toEqual([2, shape.n]);
    expect({ ...fidelity, kl: null, difference: null }).toEqual({ ...want.fidelity, kl: null, difference: null });
    expect([fidelity.kl.mean, fidelity.difference.mean]).toEqual([
      want.fidelity.kl.mean,
      want.fidelity.difference.mean,
    ]);
    expect(quality?.deltas).toEqual(want.quality?.deltas);
  });

  test('logits come as the loss says: classes last', () => {
    const { a, b, targets } = draw(shape);
    const [plain, last] = [new SoftmaxFocalLoss(), new SoftmaxFocalLoss({ classAxis: -1 })].map((loss) => {
      return new FocalComparison(loss, { classes: shape.classes });
    });
    const dims = [2, shape.n / 2, shape.classes];
    plain?.update(a, b, targets);
    last?.update({ data: a, dims }, { data: b, dims }, { data: targets, dims: [2, shape.n / 2] });
    plain?.update(a, b);
    last?.update({ data: a, dims }, { data: b, dims });
    expect(last?.toBytes()).toEqual(plain?.toBytes());
  });

  test.each(both)('%s: without targets it is fidelity alone, and the same', (name) => {
    const { a, b, targets } = draw(shape);
    const labelled = compared(name, { a, b, targets }, [[0, shape.n]]).compute();
    const plain = make(name);
    plain.update(a, b);
    expect(plain.compute().fidelity).toEqual(labelled.fidelity);
    expect(plain.compute().quality).toBe(null);
    const tensors = make(name);
    const dims = [shape.n, shape.classes];
    tensors.update({ data: a, dims }, { data: b, dims }, undefined);
    expect(tensors.toBytes()).toEqual(plain.toBytes());
    // labels that come for a part of the samples count for that part
    const mixed = make(name);
    const half = 60 * shape.classes;
    mixed.update(a.subarray(0, half), b.subarray(0, half));
    mixed.update(a.subarray(half), b.subarray(half), targets.subarray(60));
    const report = mixed.compute();
    expect([report.samples, report.quality?.baseline.samples]).toEqual([shape.n, shape.n - 60]);
    expect(report.fidelity).toEqual(labelled.fidelity);
    expect(FocalComparison.fromBytes(mixed.toBytes()).compute()).toEqual(report);
  });

  test('with bootstrap, the interval is that of the differences of the replicates, of the same draws for both', () => {
    const [n, classes, bootstrap, seed] = [60, 3, 40, 9];
    const { a, b, targets } = draw({ ...shape, n, classes });
    const comparison = new FocalComparison(new SoftmaxFocalLoss(), { classes, bootstrap, seed, coverage: true });
    const half = 20 * classes;
    comparison.update(a.subarray(half), b.subarray(half), targets.subarray(20), { firstIndex: 20 });
    comparison.update(a.subarray(0, half), b.subarray(0, half), targets.subarray(0, 20), { firstIndex: 0 });
    const said = [a, b].map((side) =>
      Array.from({ length: n }, (_, i) => {
        const row = [...side.subarray(i * classes, (i + 1) * classes)];
        return row.indexOf(Math.max(...row));
      }),
    ) as [number[], number[]];
    const score = (side: number[], replicate: number): number => {
      const f1 = Array.from({ length: classes }, (_, c) => {
        let [right, of] = [0, 0];
        for (let i = 0; i < n; i++) {
          const weight = poissonWeight(seed, i, replicate);
          if (side[i] === c && targets[i] === c) right += weight;
          of += weight * ((side[i] === c ? 1 : 0) + (targets[i] === c ? 1 : 0));
        }
        return (2 * right) / of;
      });
      return f1.reduce((sum, x) => sum + x) / classes;
    };
    const deltas = Array.from({ length: bootstrap }, (_, r) => score(said[1], r) - score(said[0], r));
    const { macroF1, balancedAccuracy, ece } = comparison.compute({ confidence: 0.9 }).quality?.deltas ?? {};
    const want = percentileInterval(deltas, 0.9) as [number, number];
    for (const side of [0, 1] as const) close(macroF1?.interval?.[side], want[side], 1e-12);
    close(macroF1?.standardError, replicateError(deltas) as number, 1e-12);
    expect(balancedAccuracy?.interval).not.toBe(null);
    expect([ece?.interval, (ece?.standardError as number) > 0]).toEqual([null, true]);
    const same = new FocalComparison(new SoftmaxFocalLoss(), { classes, bootstrap, coverage: true });
    same.update(a, a, targets);
    expect(same.compute().quality?.deltas.macroF1).toMatchObject({ delta: 0, standardError: 0, interval: [0, 0] });
  });

  test('one-vs-rest, decisions are those of the thresholds given', () => {
    const { a, b, targets } = draw(shape);
    const threshold = Array.from({ length: shape.classes }, (_, c) => ({ logit: c / 2 - 1 }));
    const comparison = new FocalComparison(new SigmoidFocalLoss(), { classes: shape.classes, threshold });
    comparison.update(a, b, targets);
    const { quality, fidelity } = comparison.compute();
    for (const [c, { logit }] of threshold.entries()) {
      const count = (side: Float32Array) => side.filter((z, i) => i % shape.classes === c && z > logit).length;
      expect(fidelity.perClass[c]).toMatchObject({ baseline: count(a), candidate: count(b) });
    }
    const { accuracy } = quality?.deltas ?? {};
    close(accuracy?.delta, (accuracy?.candidate as number) - (accuracy?.baseline as number), 1e-12);
  });

  test.each([
    // baseline, candidate, not finite on: baseline alone, candidate alone, both; KL
    ['softmax', [1, 2], [NAN, 2], [0, 1, 0], null],
    ['softmax', [1, INF], [1, 2], [1, 0, 0], null],
    ['softmax', [NAN, 1], [-INF, -INF], [0, 0, 1], null],
    ['softmax', [-INF, 2], [-INF, 1], [0, 0, 0], 0],
    ['softmax', [-INF, 2], [0, 1], [0, 0, 0], Math.log(1 + Math.exp(-1))],
    ['softmax', [0, 2], [-INF, 1], [0, 0, 0], INF],
    ['softmax', [1e30, 1], [1e30, 0], [0, 0, 0], 0],
    ['softmax', [200, -200], [-200, 200], [0, 0, 0], 400],
    ['sigmoid', [1, 2], [1, NAN], [0, 1, 0], null],
    ['sigmoid', [INF, -INF], [INF, -INF], [0, 0, 0], 0],
    ['sigmoid', [INF, 0], [2, 0], [0, 0, 0], Math.log1p(Math.exp(-2))],
    ['sigmoid', [1, 0], [-INF, 0], [0, 0, 0], INF],
    ['sigmoid', [100, -100], [-100, 100], [0, 0, 0], 200],
    ['sigmoid', [0, 0], [1e-4, 0], [0, 0, 0], 1.25e-9],
  ] as const)('%s %j against %j', (name, a, b, [baseline, candidate, neither], kl) => {
    const comparison = new FocalComparison<AnyLoss>(lossOf(name), { classes: 2 });
    comparison.update(Float32Array.from(a), Float32Array.from(b));
    const { nonFinite, kl: found } = comparison.compute().fidelity;
    expect(nonFinite).toEqual({ baseline, candidate, both: neither });
    if (kl === null) expect([found.mean, found.largest]).toEqual([null, null]);
    else if (kl === INF) expect(found).toMatchObject({ mean: null, largest: null, at: 0, infinite: 1 });
    else
      close(
        found.mean,
        kl,
        1e-6 * (1 + Math.max(0, ...a.map((z, c) => Math.abs(z - (b[c] as number))).filter((d) => d < INF))),
      );
    expect(FocalComparison.fromBytes(comparison.toBytes()).compute()).toEqual(comparison.compute());
  });

  test.each(both)('%s: divergence and |Δp| are within their bounds, rows alone and among others', (name) => {
    const random = new Random(5);
    for (const classes of [1, 2, 3, 4, 5, 8, 31, 64, 65, 130, 1000]) {
      // one logit a sample is for the sigmoid loss alone
      if (name === 'softmax' && classes === 1) continue;
      for (const [scale, noise] of [
        [1, 0.001],
        [4, 0.5],
        [30, 10],
        [300, 300],
        [1e-3, 1e-4],
      ] as const) {
        const n = classes > 100 ? 5 : 40;
        const a = random.logits(n * classes, scale, 0);
        const shift = random.uniform() * 50;
        const b = a.map((z) => z + (random.uniform() - 0.5) * noise + (name === 'softmax' ? shift : 0));
        const all = new FocalComparison<AnyLoss>(lossOf(name), { classes });
        all.update(a, b);
        let [sum, most] = [0, 0];
        for (let i = 0; i < n; i++) {
          const rows = [a, b].map((side) => Float64Array.from(side.subarray(i * classes, (i + 1) * classes)));
          const [z, w] = rows as [Float64Array, Float64Array];
          const gap = z.reduce((m, x, c) => Math.max(m, Math.abs(x - (w[c] as number))), 0);
          const want = name === 'softmax' ? softmaxPair(z.slice(), w.slice()) : sigmoidPair(z, w);
          const alone = new FocalComparison<AnyLoss>(lossOf(name), { classes });
          alone.update(a.subarray(i * classes, (i + 1) * classes), b.subarray(i * classes, (i + 1) * classes));
          const { kl, difference } = alone.compute().fidelity;
          close(kl.largest, want.divergence, 1e-6 * (1 + gap) * (name === 'softmax' ? 1 : classes));
          close(difference.largest, want.difference, 1e-6);
          sum += kl.largest as number;
          most = Math.max(most, kl.largest as number);
        }
        const { kl } = all.compute().fidelity;
        expect(kl.largest).toBe(most);
        close(kl.mean, sum / n, 1e-12 * (1 + sum));
      }
    }
  });

  test.each([
    ['sigmoid', 100, 660],
    ['sigmoid', 5001, 13],
    ['softmax', 100, 700],
    ['softmax', 32769, 3],
  ] as const)(
    '%s, %i classes, full tiles: nothing is written over what is still to be compared',
    (name, classes, n) => {
      const random = new Random(classes);
      const a = random.logits(n * classes, 4, 0);
      const b = a.map((z) => Math.round(z * 4) / 4);
      const targets = Int32Array.from({ length: n }, () => random.below(classes));
      const [whole, parts] = [0, 1].map(() => new FocalComparison<AnyLoss>(lossOf(name), { classes }));
      whole?.update(a, b, targets);
      for (let i = 0; i < n; i++) {
        const at = i * classes;
        parts?.update(a.subarray(at, at + classes), b.subarray(at, at + classes), targets.subarray(i, i + 1));
      }
      expect(parts?.toBytes()).toEqual(whole?.toBytes());
    },
  );

  test.each(both)('%s: more classes than a tile holds', (name) => {
    const classes = 65537;
    const a = Float32Array.from({ length: 2 * classes }, (_, i) => ((i * 37) % 101) / 16);
    const b = a.slice();
    b[5] = 20;
    b[classes + 7] = -20;
    const comparison = new FocalComparison<AnyLoss>(lossOf(name), { classes, hardest: 1 });
    comparison.update(a, b, [5, 7]);
    const { fidelity, quality } = comparison.compute();
    expect(fidelity.perClass[5]).toMatchObject(
      name === 'softmax' ? { candidate: 1, joined: 1 } : { left: 0, joined: 0 },
    );
    const second = b.subarray(classes);
    const prediction = second.indexOf(second.reduce((most, z) => Math.max(most, z), 0));
    expect(quality?.hardest).toMatchObject([{ index: 1, target: 7, candidate: { prediction } }]);
    const divergences = [0, 1].map((i) => {
      const rows = [a, b].map((side) => Float64Array.from(side.subarray(i * classes, (i + 1) * classes)));
      const [z, w] = rows as [Float64Array, Float64Array];
      return (name === 'softmax' ? softmaxPair(z, w) : sigmoidPair(z, w)).divergence;
    });
    close(fidelity.kl.largest, Math.max(...divergences), 1e-5);
  });

  test('losses that are not finite: no mean is claimed, and they come first among those that rose', () => {
    const comparison = new FocalComparison(new SoftmaxFocalLoss(), { classes: 2, hardest: 3 });
    comparison.update(
      Float32Array.of(2, 0, 2, 0, -INF, 0, 2, 0),
      Float32Array.of(0, 2, -INF, 0, 2, 0, 1, 0),
      [0, 0, 0, 0],
    );
    const { quality } = comparison.compute();
    expect(quality?.deltas.loss).toMatchObject({ delta: null, interval: null, standardError: null });
    expect(quality?.hardest?.map(({ index, rise }) => [index, rise === null])).toEqual([
      [1, true],
      [0, false],
      [3, false],
    ]);
    expect(quality).toMatchObject({ lost: 2, won: 1 });
  });

  test('of one sample nothing is claimed that needs two', () => {
    const comparison = new FocalComparison(new SoftmaxFocalLoss(), { classes: 2 });
    expect(comparison.compute()).toMatchObject({ samples: 0, quality: null, fidelity: { agreement: null } });
    comparison.update(Float32Array.of(1, 0), Float32Array.of(0, 1), [0]);
    const { quality } = comparison.compute({ confidence: 0.9 });
    expect(quality?.deltas.loss).toMatchObject({ interval: null, standardError: null });
    expect(quality?.deltas.accuracy?.interval).toEqual(pairedInterval(1, 0, 1, criticalValue(0.9)));
  });

  const one = Float32Array.of(1, 2);
  const two = Float32Array.of(1, 2, 3, 4);
  test.each([
    [(c) => c.update(one, two, [0]), 'candidate expected the shape of the baseline, [1,2,1], got [2,2,1]'],
    [(c) => c.update(two, one, [0, 1]), 'candidate expected the shape of the baseline, [2,2,1], got [1,2,1]'],
    [(c) => c.update(two, one), 'candidate expected the shape of the baseline, [2,2,1], got [1,2,1]'],
    [(c) => c.update(Float32Array.of(1), one), 'baseline: logits expected a multiple of 2 classes, got 1'],
    [(c) => c.update({ data: two, dims: [1, 4] }, one), 'baseline: logits expected 2 classes, got 4'],
    [(c) => c.update([1, 2] as never, one), 'baseline: logits expected Float32Array'],
    [(c) => c.update(one, one, [2]), 'targets[0] expected an integer in [0, 2) or ignoreIndex -100, got 2'],
    [(c) => c.update(one, one, [0], { firstIndex: 0.5 }), 'firstIndex expected an integer ≥ 0'],
    [(c) => c.update(one, one, [0], { first: 0 } as never), 'options expected only firstIndex for update, got "first"'],
    [(c) => c.update(one, one, [0], { firstIndex: 0 }), 'firstIndex expected samples that have not been counted yet'],
    [(c) => c.compute({ confidence: 95 }), 'confidence expected a number in (0, 1), got 95'],
    [(c) => c.compute({ level: 0.9 } as never), 'options expected only confidence for compute, got "level"'],
    [(c) => c.merge({} as never), 'other expected a FocalComparison, got Object'],
    [(c) => c.merge(c), 'other expected samples that have not been counted yet'],
    [
      (c) => c.merge(new FocalComparison<AnyLoss>(new SoftmaxFocalLoss(), { classes: 3, coverage: true })),
      'other: classes expected 2, got 3',
    ],
    [
      (c) => c.merge(new FocalComparison<AnyLoss>(new SoftmaxFocalLoss(), { classes: 2, coverage: true, hardest: 1 })),
      'other: hardest expected 0, got 1',
    ],
    [() => new FocalComparison(new SoftmaxFocalLoss(), undefined as never), 'options expected an object with classes'],
    [
      () => new FocalComparison<AnyLoss>(new SoftmaxFocalLoss(), { classes: 2, flips: 1 } as never),
      'flips expected a boolean, got 1',
    ],
    [
      () => new FocalComparison<AnyLoss>(new SigmoidFocalLoss(), { classes: 2, flips: true }),
      'flips expected false for a SigmoidFocalLoss',
    ],
    [
      () => new FocalComparison(new SoftmaxFocalLoss(), { classes: 2, fips: 1 } as never),
      'seed, flips for a comparison of a softmax loss, got "fips"',
    ],
    [
      () => new FocalComparison<AnyLoss>({} as never, { classes: 2 }),
      'loss expected a SoftmaxFocalLoss or SigmoidFocalLoss',
    ],
    [() => FocalComparison.fromJSON({} as never), "state.format expected 'focal-simd/comparison', got undefined"],
    [(c) => FocalComparison.fromJSON({ ...c.toJSON(), version: 2 }), 'made by a newer focal-simd'],
    [(c) => FocalComparison.fromJSON({ ...c.toJSON(), checksum: 1 }), 'state.checksum expected'],
    [(c) => FocalComparison.fromJSON({ ...c.toJSON(), words: [1] }), 'state.words expected'],
    [(c) => FocalComparison.fromBytes(c.toBytes().subarray(0, 60)), 'bytes expected a whole state with its checksum'],
    [() => FocalComparison.fromBytes(Uint8Array.of(1, 2)), 'bytes expected the state of a comparison'],
  ] as [(c: InstanceType<typeof FocalComparison<AnyLoss>>) => unknown, string][])(
    'bad input %#: %s',
    (call, message) => {
      const comparison = new FocalComparison<AnyLoss>(new SoftmaxFocalLoss(), { classes: 2, coverage: true });
      comparison.update(one, one, [1]);
      const before = comparison.toBytes();
      expect(() => call(comparison)).toThrow(message);
      expect(comparison.toBytes()).toEqual(before);
      comparison.update(one, one, [0]);
    },
  );

  test('bytes and JSON that were tampered with are refused, or give what some data could', () => {
    const comparison = compared('softmax', draw(shape), [[0, 20]]);
    const state = comparison.toJSON();
    const random = new Random(3);
    for (let k = 0; k < 200; k++) {
      const words = [...state.words];
      words[random.below(words.length)] = [0, 1, 7, 2 ** 33, -1, 0.5][random.below(6)] as number;
      const same = JSON.stringify(words) === JSON.stringify(state.words);
      const read = () => FocalComparison.fromJSON({ ...state, words });
      if (same) read();
      else expect(read).toThrow(RangeError);
    }
  });
});

test.each(['softmax', 'sigmoid'] as const)(
  '%s: the bytes are those of the same arithmetic, however it was compiled',
  (name) => {
    const bytes = ['simd', 'debug'].map((build) => {
      const { api } = backends.find((one) => one.name === build) as (typeof backends)[0];
      const loss: AnyLoss = name === 'softmax' ? new api.SoftmaxFocalLoss() : new api.SigmoidFocalLoss();
      return [2, 3, 65].map((classes) => {
        const { a, b, targets } = draw({ ...shape, classes });
        const comparison = new api.FocalComparison<AnyLoss>(loss, { classes, hardest: 3 });
        comparison.update(a, b, targets);
        return comparison.toBytes();
      });
    });
    expect(bytes[0]).toEqual(bytes[1]);
  },
);
