import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ExactSum } from '../bindings/calibrate/exact-sum.ts';
import type { Batch } from '../bindings/calibrate/types.ts';
import { backends } from './backends.ts';
import { Random } from './random.ts';

interface Case {
  loss: 'softmax' | 'sigmoid';
  seed: number;
  n: number;
  classes: number;
  scale: number;
  lift: number;
  /** Targets in the shape of the logits, every so many-th left out. */
  dense?: true;
  leftOut?: number;
  temperature: number;
}
const { cases } = JSON.parse(readFileSync(new URL('./golden/calibrate.json', import.meta.url), 'utf8')) as {
  cases: Case[];
};

/** As calibrate.py draws them. */
function draw({ seed, n, classes, scale, lift }: Omit<Case, 'loss' | 'temperature'>) {
  const random = new Random(seed);
  const logits = new Float32Array(n * classes);
  const targets = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    for (let c = 0; c < classes; c++) {
      const bell = random.uniform() + random.uniform() + random.uniform() - 1.5;
      logits[i * classes + c] = Math.floor(bell * 2 * 1024) / 1024;
    }
    const y = random.below(classes);
    targets[i] = y;
    if (random.uniform() < 0.7) logits[i * classes + y] = (logits[i * classes + y] as number) + lift;
  }
  return { logits: logits.map((z) => z * scale), targets };
}

/** Targets in the shape of the logits, as calibrate.py makes them of labels. */
function soften({ seed, classes, leftOut = 0 }: Case, labels: Int32Array): Float32Array {
  const random = new Random(seed + 1000);
  return Float32Array.from({ length: labels.length * classes }, (_, i) => {
    const share = 0.75 * Number(labels[Math.floor(i / classes)] === i % classes) + Math.floor(random.uniform() * 3) / 8;
    return leftOut > 0 && i % leftOut === 0 ? -100 : share;
  });
}

/** The samples of a batch in parts, the last first. */
function parts({ logits, targets }: { logits: Float32Array; targets: Int32Array }, classes: number, each: number) {
  const batches: Batch[] = [];
  for (let i = 0; i < targets.length; i += each) {
    batches.unshift({
      logits: logits.subarray(i * classes, (i + each) * classes),
      targets: targets.subarray(i, i + each),
      firstIndex: i,
    });
  }
  return batches;
}

const simple = { seed: 5, n: 300, classes: 4, scale: 3, lift: 2 };

describe.each(backends)(
  'fitTemperature on $name',
  ({ name, api: { fitTemperature, FocalMeter, SoftmaxFocalLoss } }) => {
    test.each(name === 'debug' ? cases.slice(0, 3) : cases)(
      "is within 1e-5 of scipy's optimum: $loss, $classes classes, × $scale, dense: $dense",
      async (golden) => {
        const { loss, temperature, n, classes } = golden;
        const drawn: Batch = draw(golden);
        const dims = [n, classes];
        const targets = { data: soften(golden, drawn.targets as Int32Array), dims };
        const batch = golden.dense ? { logits: { data: drawn.logits as Float32Array, dims }, targets } : drawn;
        const got = await fitTemperature(() => [batch], { loss, holdout: 0 });
        expect(got.reason).toBe(null);
        expect(Math.abs((got.temperature as number) / temperature - 1)).toBeLessThan(1e-5);
        expect(got).toMatchObject({ fitted: golden.n, heldOut: 0, before: null, after: null });
        expect(got.passes).toBeLessThanOrEqual(10);
      },
    );

    test.each(['softmax', 'sigmoid'] as const)('%s: in parts, out of order, async, is the same', async (loss) => {
      const batch = draw(simple);
      const whole = await fitTemperature(() => [batch], { loss });
      async function* slowly() {
        for (const part of parts(batch, simple.classes, 77)) {
          await null;
          yield part;
        }
      }
      for (const batches of [() => parts(batch, simple.classes, 77), slowly]) {
        const got = await fitTemperature(batches, { loss });
        expect(Math.abs((got.temperature as number) / (whole.temperature as number) - 1)).toBeLessThan(1e-9);
        expect([got.fitted, got.heldOut, got.before]).toEqual([whole.fitted, whole.heldOut, whole.before]);
      }
      expect(whole.fitted + whole.heldOut).toBe(simple.n);
      expect(Math.abs(whole.heldOut / simple.n - 0.2)).toBeLessThan(0.1);
      expect(whole.after?.crossEntropy).toBeLessThan(whole.before?.crossEntropy as number);
    });

    test('the scores are those of the meter on the held-out part, of which the fit knows nothing', async () => {
      const batch = draw(simple);
      const { classes } = simple;
      const got = await fitTemperature(() => [batch]);
      // spoil what is held out: only the scores change
      const heldOut: number[] = [];
      for (let i = 0; i < simple.n; i++) {
        const alone = await fitTemperature(
          () => [{ ...parts(batch, classes, 1)[simple.n - 1 - i], firstIndex: i } as Batch],
          { holdout: 0.2 },
        );
        if (alone.heldOut) heldOut.push(i);
      }
      expect(heldOut.length).toBe(got.heldOut);
      const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes });
      for (const i of heldOut) {
        meter.update(
          batch.logits.subarray(i * classes, (i + 1) * classes).map((z) => z * (1 / (got.temperature as number))),
          [batch.targets[i] as number],
        );
      }
      const { crossEntropy, brier, ece } = meter.compute();
      expect(got.after).toEqual({ crossEntropy, brier, ece });
      for (const i of heldOut) batch.targets[i] = ((batch.targets[i] as number) + 1) % classes;
      const spoilt = await fitTemperature(() => [batch]);
      expect(spoilt.temperature).toBe(got.temperature);
      expect(spoilt.before).not.toEqual(got.before);
    });

    test.each(['softmax', 'sigmoid'] as const)(
      '%s: targets in the shape of the logits, planes or one-hot',
      async (loss) => {
        const { n, classes } = simple;
        const { logits, targets } = draw(simple);
        const hot = Uint8Array.from(logits, (_, i) => Number(targets[Math.floor(i / classes)] === i % classes));
        const dims = [n, classes];
        const want = await fitTemperature(() => [{ logits, targets }], { loss });
        const got = await fitTemperature(() => [{ logits: { data: logits, dims }, targets: { data: hot, dims } }], {
          loss,
        });
        expect(Math.abs((got.temperature as number) / (want.temperature as number) - 1)).toBeLessThan(1e-9);
        for (const part of ['before', 'after'] as const) {
          for (const score of ['crossEntropy', 'brier', 'ece'] as const) {
            expect(got[part]?.[score]).toBeCloseTo(want[part]?.[score] as number, 6);
          }
        }
        const across = <T extends Float32Array | Uint8Array>(rows: T): T =>
          rows.map((_, i) => rows[(i % n) * classes + Math.floor(i / n)] as number) as T;
        const planes = [1, classes, n];
        const batch = { logits: { data: across(logits), dims: planes }, targets: { data: across(hot), dims: planes } };
        expect(await fitTemperature(() => [batch], { loss })).toEqual(got);
      },
    );

    test('planes, float16, ignored samples', async () => {
      const { classes, n } = simple;
      const { logits, targets } = draw(simple);
      const want = await fitTemperature(() => [{ logits, targets }], { holdout: 0 });
      // two images of [classes, n / 2], with a position that is ignored after every third
      const wide = n / 2 + n / 6;
      const planes = new Float32Array(2 * classes * wide).fill(9);
      const labels = new Int32Array(2 * wide).fill(255);
      for (let i = 0, at = 0; i < n; i++, at++) {
        if (i % 3 === 0 && i > 0) at++;
        if (i === n / 2) at = wide;
        const [b, d] = [Math.floor(at / wide), at % wide];
        labels[at] = targets[i] as number;
        for (let c = 0; c < classes; c++) planes[(b * classes + c) * wide + d] = logits[i * classes + c] as number;
      }
      const batch = { logits: { data: planes, dims: [2, classes, wide] }, targets: { data: labels, dims: [2, wide] } };
      const got = await fitTemperature(() => [batch], { holdout: 0, ignoreIndex: 255 });
      expect(Math.abs((got.temperature as number) / (want.temperature as number) - 1)).toBeLessThan(1e-9);
      const bits = Uint16Array.of(0x3c00, 0, 0x4000, 0, 0, 0x3c00, 0x3c00, 0);
      const half = await fitTemperature(
        () => [{ logits: { data: bits, dims: [4, 2], type: 'float16' }, targets: [0, 1, 1, 0] }],
        { holdout: 0 },
      );
      const full = await fitTemperature(
        () => [{ logits: Float32Array.of(1, 0, 2, 0, 0, 1, 1, 0), targets: [0, 1, 1, 0] }],
        {
          holdout: 0,
        },
      );
      expect(half).toEqual(full);
    });

    const row = (...z: number[]) => Float32Array.from(z);
    test.each([
      ['predicted rightly', row(2, 1, 0, 3), [0, 1], {}],
      ['do not speak for the targets', row(2, 1, 0, 3), [1, 0], {}],
      ['do not speak for the targets', row(1, 1, 2, 2), [1, 0], {}],
      ['no finite likelihood', row(NaN, 1, 0, 3), [1, 0], {}],
      ['no finite likelihood', row(-Infinity, 1, 0, 3), [0, 0], {}],
      ['no samples', row(2, 1), [-100], {}],
      ['predicted rightly', row(2, -1, -3, 3), [0, 1], { loss: 'sigmoid' }],
      ['do not speak for the targets', row(-2, 1, 3, -3), [0, 1], { loss: 'sigmoid' }],
      ['no finite likelihood', row(-2, Infinity, 3, -3), [0, 1], { loss: 'sigmoid' }],
    ] as const)('no finite optimum: %s', async (reason, logits, targets, options) => {
      const got = await fitTemperature(() => [{ logits, targets: [...targets] }], { holdout: 0, ...options });
      expect(got.temperature).toBe(null);
      expect(got.reason).toContain(reason);
    });

    test('a class that is masked out everywhere changes nothing', async () => {
      const { logits, targets } = draw(simple);
      const masked = Float32Array.from({ length: simple.n * 5 }, (_, i) =>
        i % 5 === 4 ? -Infinity : (logits[Math.floor(i / 5) * 4 + (i % 5)] as number),
      );
      for (const loss of ['softmax', 'sigmoid'] as const) {
        const [want, got] = await Promise.all([
          fitTemperature(() => [{ logits, targets }], { loss }),
          fitTemperature(() => [{ logits: masked, targets }], { loss }),
        ]);
        expect(Math.abs((got.temperature as number) / (want.temperature as number) - 1)).toBeLessThan(1e-9);
      }
    });

    const batch = { logits: row(1, 2), targets: [0] };
    const draws = draw({ seed: 1, n: 40, classes: 3, scale: 1, lift: 1 });
    test.each([
      [[], {}, 'batches expected a function that gives them for each pass, got an array of length 0'],
      [() => ({}), {}, 'batches() expected an iterable or async iterable, got Object'],
      [() => [1], {}, 'batch expected an object { logits, targets }, got 1'],
      [() => [batch], { holdout: 1 }, 'holdout expected a number in [0, 1), got 1'],
      [() => [batch], { loss: 'focal' }, "loss expected 'softmax' or 'sigmoid', got \"focal\""],
      [
        () => [batch],
        { gamma: 1 },
        'options expected only loss, holdout, ignoreIndex, bins, input for fitTemperature, got "gamma"',
      ],
      [() => [{ ...batch, targets: [2] }], {}, 'targets[0] expected an integer in [0, 2) or ignoreIndex -100, got 2'],
      [
        () => [{ ...batch, firstIndex: -1 }],
        {},
        'firstIndex expected an integer ≥ 0 that leaves the last index below 2^53, got -1',
      ],
      [() => [batch, { logits: row(1, 2, 3), targets: [0] }], {}, 'logits expected 2 classes, got 3'],
      [
        (
          (used) => () =>
            used
        )([parts({ logits: draws.logits, targets: draws.targets }, 3, 10)].flat().values()),
        { holdout: 0 },
        'batches expected the same samples in every pass, 40 of them, got 0',
      ],
    ])('bad input: %#', async (batches, options, message) => {
      // biome-ignore lint/suspicious/noExplicitAny: wrong on purpose
      await expect(fitTemperature(batches as any, options as any)).rejects.toThrow(message);
    });
  },
);

describe('ExactSum', () => {
  test('is the exact sum, rounded once, in any order', () => {
    // integers of up to 300 bits are float64 and BigInt alike
    const number = fc.tuple(fc.integer({ min: -(2 ** 31), max: 2 ** 31 }), fc.integer({ min: 0, max: 270 }));
    const numbers = fc.array(
      number.map(([m, e]) => m * 2 ** e),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(numbers, (xs) => {
        const sumOf = (list: readonly number[]) => {
          const sum = new ExactSum();
          for (const x of list) sum.add(x);
          return sum;
        };
        const expected = Number(xs.reduce((sum, x) => sum + BigInt(x), 0n));
        const other = sumOf(xs.slice(0, 9));
        for (const part of sumOf(xs.slice(9).reverse()).parts) other.add(part);
        return sumOf(xs).value === expected && sumOf(xs.toReversed()).value === expected && other.value === expected;
      }),
    );
  });
});
