import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backends } from './backends.ts';
import { Random } from './random.ts';
import { expectSame } from './tolerance.ts';

type Loss = 'SoftmaxFocalLoss' | 'SigmoidFocalLoss';
const LOSSES: Loss[] = ['SoftmaxFocalLoss', 'SigmoidFocalLoss'];

/** [N, C] as [1, C, N]. */
function planesOf(rows: Float32Array, classes: number): Float32Array {
  const n = rows.length / classes;
  return Float32Array.from(rows, (_, i) => rows[(i % n) * classes + Math.floor(i / n)] as number);
}

/** Values that meet one another often, or lie anywhere, or far apart. */
const draw = (random: Random, kind: number): number => {
  if (kind === 0) return random.below(5) / 2 - 1;
  if (kind === 1) return (random.uniform() - 0.5) * 12;
  return (random.uniform() - 0.5) * 10 ** random.below(4);
};

const CLASSES = fc.oneof(
  { arbitrary: fc.integer({ min: 2, max: 40 }), weight: 3 },
  { arbitrary: fc.integer({ min: 120, max: 300 }), weight: 2 },
  { arbitrary: fc.integer({ min: 1000, max: 5000 }), weight: 1 },
);

describe.each(backends)('$name', ({ name, api }) => {
  const numRuns = name === 'debug' ? 8 : 40;

  // what a sample comes to depends on its logits and its label, not on the layout, nor on what lies beside it
  test.each(LOSSES)('%s: rows and planes, whole and in pieces, give the same bits', (loss) => {
    const property = fc.property(
      CLASSES,
      fc.integer({ min: 1, max: 40 }),
      fc.nat(),
      fc.nat(2),
      (classes, most, seed, kind) => {
        const random = new Random(seed);
        const n = Math.max(1, Math.min(most, Math.floor(20_000 / classes)));
        const rows = Float32Array.from({ length: n * classes }, () => draw(random, kind));
        const targets = Int32Array.from({ length: n }, () => (random.below(9) ? random.below(classes) : -100));
        const focal = new api[loss]({ reduction: 'none' });
        const whole = focal.valueAndGrad({ data: rows, dims: [n, classes] }, targets);
        const meter = new api.FocalMeter(focal, { classes, hardest: 3 });
        meter.update({ data: rows, dims: [n, classes] }, targets);
        const planes = planesOf(rows, classes);
        const across = focal.valueAndGrad({ data: planes, dims: [1, classes, n] }, targets);
        const turn = (values: Float32Array) => (values.length === n ? values : planesOf(values, classes));
        expectSame(across.value as Float32Array, turn(whole.value as Float32Array));
        expectSame(across.grad, planesOf(whole.grad, classes));

        const pieces = new api.FocalMeter(focal, { classes, hardest: 3 });
        for (let from = 0; from < n; ) {
          const to = Math.min(n, from + 1 + random.below(9));
          const part = rows.subarray(from * classes, to * classes);
          const labels = targets.subarray(from, to);
          const data = random.below(2) ? part : planesOf(part, classes);
          const dims = data === part ? [to - from, classes] : [1, classes, to - from];
          pieces.update({ data, dims }, labels);
          const { value, grad } = focal.valueAndGrad({ data, dims }, labels);
          const rowsAgain =
            data === part
              ? grad
              : Float32Array.from(part, (_, i) => {
                  return grad[(i % classes) * (to - from) + Math.floor(i / classes)] as number;
                });
          expectSame(rowsAgain, whole.grad.subarray(from * classes, to * classes));
          if (loss === 'SoftmaxFocalLoss')
            expectSame(value as Float32Array, (whole.value as Float32Array).subarray(from, to));
          from = to;
        }
        expect(pieces.toBytes()).toEqual(meter.toBytes());
      },
    );
    fc.assert(property, { numRuns });
  });

  // classes that no tile holds at once come in chunks, whose size goes by the layout
  test.each(LOSSES)('%s: classes in chunks, whatever they are', (loss) => {
    for (const [n, classes] of [
      [3, 70_000],
      [30, 4_500],
      [700, 300],
    ] as const) {
      const random = new Random(classes);
      const rows = Float32Array.from({ length: n * classes }, () => draw(random, 1));
      const targets = random.labels(n, classes);
      const focal = new api[loss]({ reduction: 'none' });
      const meters = [
        { data: rows, dims: [n, classes] },
        { data: planesOf(rows, classes), dims: [1, classes, n] },
      ].map((logits) => {
        const meter = new api.FocalMeter(focal, { classes });
        meter.update(logits, targets);
        return meter.toBytes();
      });
      expect(Buffer.compare(meters[0] as Uint8Array, meters[1] as Uint8Array)).toBe(0);
    }
  });

  // one sample, every label in turn: its confidence and its bin stay what they are
  test('the probability of a prediction does not depend on the label', () => {
    const property = fc.property(fc.integer({ min: 2, max: 150 }), fc.nat(), fc.nat(2), (classes, seed, kind) => {
      const random = new Random(seed);
      const row = Float32Array.from({ length: classes }, () => draw(random, kind));
      const labels = Array.from({ length: Math.min(classes, 12) }, (_, c) =>
        classes > 12 ? random.below(classes) : c,
      );
      for (const layout of [
        [labels.length, classes],
        [1, classes, labels.length],
      ]) {
        const rows = Float32Array.from({ length: labels.length * classes }, (_, i) => row[i % classes] as number);
        const logits = { data: layout.length === 2 ? rows : planesOf(rows, classes), dims: layout };
        const softmax = new api.FocalMeter(new api.SoftmaxFocalLoss(), { classes, bins: 7 });
        softmax.update(logits, labels);
        const together = softmax.compute().bins.filter(({ count }) => count > 0);
        expect(together.length).toBe(1);
        for (const y of labels) {
          const alone = new api.FocalMeter(new api.SoftmaxFocalLoss(), { classes, bins: 7 });
          alone.update(row, [y]);
          expect(alone.compute().bins.find(({ count }) => count > 0)?.confidence).toBe(together[0]?.confidence);
        }
        const sigmoid = labels.map((y) => {
          const meter = new api.FocalMeter(new api.SigmoidFocalLoss(), { classes, bins: 7 });
          meter.update(row, [y]);
          return meter.compute().bins.map(({ count, confidence }) => [count, confidence]);
        });
        for (const bins of sigmoid) expect(bins).toEqual(sigmoid[0]);
      }
    });
    fc.assert(property, { numRuns });
  });

  test('a logit above 0 is a positive decision, however small it is', () => {
    const logits = [1e-45, 1e-30, 1e-8, 3.3e-7, 1, 80, Infinity, 0, -0, -1e-45, -1e-8, -1, -Infinity];
    const positives = logits.filter((z) => z > 0).length;
    // as the class of its sample, and as another
    for (const y of [0, 1]) {
      const meter = new api.FocalMeter(new api.SigmoidFocalLoss(), { classes: 2 });
      meter.update(
        Float32Array.from(logits.flatMap((z) => [z, -1])),
        logits.map(() => y),
      );
      const { perClass } = meter.compute();
      const right = perClass[0]?.accuracy as number;
      expect(right * logits.length).toBeCloseTo(y === 0 ? positives : logits.length - positives, 9);
    }
  });

  test('what weighs nothing loses nothing, and no NaN is lost', () => {
    const loss = new api.SigmoidFocalLoss({ alpha: 1, reduction: 'none' });
    expect([...(loss.forward(Float32Array.of(Infinity, 0), [1]) as Float32Array)]).toEqual([
      0,
      expect.closeTo(0.1735, 3),
    ]);
    for (const gamma of [0, 2, 1e4, 1e300, Number.MAX_VALUE]) {
      const focal = new api.SigmoidFocalLoss({ gamma, smoothing: 0.9, reduction: 'none' });
      const { value, grad } = focal.valueAndGrad(Float32Array.of(Infinity, 3, -3, -Infinity), [1, 1]);
      expect((value as Float32Array)[0]).toBe(Infinity);
      expect([...(value as Float32Array), ...grad].some(Number.isNaN)).toBe(false);
      const softmax = new api.SoftmaxFocalLoss({ gamma }).valueAndGrad(Float32Array.of(1, 2, 3, 60, -60, 0), [0, 0]);
      expect([...softmax.grad, softmax.value].some(Number.isNaN)).toBe(false);
    }
    const [one, two] = [0, 0].map(() => new api.FocalMeter(new api.SigmoidFocalLoss({ alpha: 1 }), { classes: 2 }));
    one?.update(Float32Array.of(Infinity, 0, NaN, 0), [1, 1]);
    two?.update(Float32Array.of(Infinity, 0), [1]);
    two?.update(Float32Array.of(NaN, 0), [1]);
    expect(two?.toBytes()).toEqual(one?.toBytes());
    expect(one?.compute().nan).toBe(1);
  });

  test('the lowest finite logit among impossible classes is certain', () => {
    for (const classes of [3, 40]) {
      for (const y of [0, 2, classes - 1]) {
        const row = new Float32Array(classes).fill(-Infinity);
        row[y] = -3.4028234663852886e38;
        for (const layout of [
          [1, classes],
          [1, classes, 1],
        ]) {
          const meter = new api.FocalMeter(new api.SoftmaxFocalLoss(), { classes, bins: 4, confusion: true });
          meter.update({ data: row, dims: layout }, [y]);
          meter.update({ data: row, dims: layout }, [(y + 1) % classes]);
          const { bins, confusion } = meter.compute();
          expect(bins.map(({ count, confidence }) => [count, confidence])).toEqual([
            [0, null],
            [0, null],
            [0, null],
            [2, 1],
          ]);
          expect([confusion?.[y]?.[y], confusion?.[(y + 1) % classes]?.[y]]).toEqual([1, 1]);
        }
      }
    }
  });

  test('sums of a sample that leave float32 are finite', () => {
    const classes = 20;
    const meter = new api.FocalMeter(new api.SigmoidFocalLoss({ gamma: 0, alpha: null }), { classes, hardest: 1 });
    meter.update(new Float32Array(classes).fill(3e38), [0]);
    const report = meter.compute();
    expect(report.crossEntropy).toBeCloseTo((19 * Math.fround(3e38)) / 20, -30);
    expect(report.hardest?.[0]?.loss).toBe(3.4028234663852886e38);
  });
});

test('predictions and decisions are the same on every backend', () => {
  const property = fc.property(fc.integer({ min: 2, max: 90 }), fc.nat(), fc.nat(2), (classes, seed, kind) => {
    const random = new Random(seed);
    const n = 1 + random.below(60);
    const logits = Float32Array.from({ length: n * classes }, () => draw(random, kind));
    const targets = random.labels(n, classes);
    const [simd, ...others] = backends.map(({ api }) => {
      const softmax = new api.FocalMeter(new api.SoftmaxFocalLoss(), { classes, confusion: true, topK: [1, 2, 5] });
      softmax.update(logits, targets);
      const sigmoid = new api.FocalMeter(new api.SigmoidFocalLoss(), { classes });
      sigmoid.update(logits, targets);
      const { confusion, topK } = softmax.compute();
      const counts = sigmoid.compute().perClass.map(({ accuracy, precision, recall }) => [accuracy, precision, recall]);
      return { confusion, topK, counts };
    });
    for (const other of others) expect(other).toEqual(simd);
  });
  fc.assert(property, { numRuns: 60 });
});
