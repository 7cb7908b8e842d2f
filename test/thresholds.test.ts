import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SigmoidFocalLoss, SoftmaxFocalLoss } from '../bindings/entries/index.ts';
import { FocalMeter } from '../bindings/entries/meter.ts';
import { pointAt } from '../bindings/report/curves.tsx';
import { CONFIDENCE, type Metrics } from '../bindings/report/format.ts';
import { Thresholds } from '../bindings/report/thresholds.ts';

const N = 400;
const logit = (i: number, c: number) => Math.fround(7 * Math.sin(i * i * 0.31 + 2.3 * c) + (i % 5) - 2);
const labels = (classes: number) =>
  Int32Array.from({ length: N }, (_, i) => (i % 17 === 16 ? -100 : (i * 7 + (i >> 3)) % classes));
const rows = (classes: number, shift: (c: number) => number = () => 0) =>
  Float32Array.from(
    { length: N * classes },
    (_, k) => logit(Math.floor(k / classes), k % classes) - shift(k % classes),
  );

/** What depends on decisions. */
function decided(m: Metrics) {
  const { accuracy, micro, macro, weighted, perClass } = m;
  const classes = perClass.map(({ recall, precision, f1, specificity, mcc, intervals }) => {
    const { recall: share } = intervals ?? {};
    return { recall, precision, f1, specificity, mcc, share };
  });
  const own =
    m.variant === 'softmax'
      ? [m.balancedAccuracy, m.macroF1, m.meanIou, m.mcc, m.kappa, m.confusion, m.topK, m.intervals?.accuracy]
      : [];
  return { accuracy, micro, macro, weighted, classes, own };
}

const sigmoidMeter = (classes: number, threshold?: object) => {
  const options = { classes, curves: true, ...(threshold && { threshold }) };
  const meter = new FocalMeter(new SigmoidFocalLoss(), options as { classes: number });
  meter.update(rows(classes), labels(classes));
  return meter;
};

const softmaxMeter = (shift: number) => {
  const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes: 2, curves: true, confusion: true, topK: [1] });
  // logits of steps of 1/32, so that a margin is not rounded
  const logits = rows(2, (c) => (c === 1 ? shift : 0)).map((z) => Math.round(z * 32) / 32);
  meter.update(logits, labels(2));
  return meter;
};

/** Edges of cells. */
const threshold = fc.integer({ min: -400, max: 400 }).map((k) => k / 32);

describe('numbers at another threshold', () => {
  test('are, for a sigmoid loss, those of a meter that decides by it', () => {
    const meter = sigmoidMeter(3);
    const moving = Thresholds.of(meter, meter.compute({ confidence: CONFIDENCE }))!;
    fc.assert(
      fc.property(threshold, (logit) => {
        const expected = sigmoidMeter(3, { logit }).compute({ confidence: CONFIDENCE });
        expect(decided(moving.at(logit))).toEqual(decided(expected));
        for (const c of [0, 1, 2]) {
          const { tp, fp, fn, tn } = moving.decisions(c, logit);
          expect(pointAt(meter.curve(c), logit)).toMatchObject({ tp, fp, fn, tn });
        }
      }),
      { numRuns: 30 },
    );
  });

  test('are, between two classes, those of a meter whose logits of the second are lower by it', () => {
    const meter = softmaxMeter(0);
    const moving = Thresholds.of(meter, meter.compute({ confidence: CONFIDENCE }))!;
    expect(moving.main).toBe(1);
    fc.assert(
      fc.property(threshold, (logit) => {
        const expected = softmaxMeter(logit).compute({ confidence: CONFIDENCE });
        expect(decided(moving.at(logit))).toEqual(decided(expected));
      }),
      { numRuns: 30 },
    );
  });

  test('leave what does not depend on decisions, and claim no interval that they do not know', () => {
    const meter = sigmoidMeter(3);
    const m = meter.compute({ confidence: CONFIDENCE });
    const moved = Thresholds.of(meter, m)!.at(1);
    for (const key of ['loss', 'crossEntropy', 'brier', 'ece', 'auroc', 'averagePrecision'] as const) {
      expect(moved[key]).toEqual(m[key]);
    }
    expect(moved.intervals).toMatchObject({ loss: m.intervals!.loss, brier: m.intervals!.brier });
    expect(moved.intervals).not.toHaveProperty('accuracy');
    expect(moved).toMatchObject({ subsetAccuracy: null });
  });

  test('the best one is that of the meter, and one curve of all pools their decisions', () => {
    const meter = sigmoidMeter(3);
    const moving = Thresholds.of(meter, meter.compute())!;
    expect(moving.best(1, { precision: 0.6 })).toEqual(meter.operatingPoint(1, { precision: 0.6 }));
    const { tp, fp } = moving.decisions(null, 0.5);
    const each = [0, 1, 2].map((c) => moving.decisions(c, 0.5));
    expect([tp, fp]).toEqual([each.reduce((sum, one) => sum + one.tp, 0), each.reduce((sum, one) => sum + one.fp, 0)]);
    expect(pointAt(moving.curve(null), 0.5)).toMatchObject({ tp, fp });
  });

  test('need the option curves', () => {
    const meter = new FocalMeter(new SigmoidFocalLoss(), { classes: 2 });
    meter.update(Float32Array.of(1, -1), [0]);
    expect(Thresholds.of(meter, meter.compute())).toBeNull();
  });
});
