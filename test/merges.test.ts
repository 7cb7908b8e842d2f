import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AnyLoss, Meter } from '../bindings/meter/meter.ts';
import { backends } from './backends.ts';
import { Random } from './random.ts';

/** Every option of a meter that changes what its state holds. */
const OPTIONS = fc.record({
  curves: fc.boolean(),
  coverage: fc.constant(true),
  bootstrap: fc.constantFrom(0, 3),
  bins: fc.constantFrom(1, 15),
  confusion: fc.boolean(),
});
const LOGITS = fc.constantFrom(0, 1, 40, Number.NaN, Infinity, -Infinity);

/** Samples, and where they are cut into batches, each of which goes to one of three meters in some order. */
const DRAWN = fc.record({
  variant: fc.constantFrom('softmax' as const, 'sigmoid' as const),
  seed: fc.nat(),
  classes: fc.constantFrom(2, 3, 7),
  cuts: fc.array(fc.record({ n: fc.integer({ min: 1, max: 20 }), meter: fc.nat({ max: 2 }), odd: LOGITS }), {
    minLength: 1,
    maxLength: 8,
  }),
  options: OPTIONS,
});

describe.each(backends)('meters of parts on $name', ({ name, api }) => {
  const { FocalMeter, SlicedMeter, SoftmaxFocalLoss, SigmoidFocalLoss } = api;
  const runs = name === 'debug' ? 20 : 60;

  test('merged they are the meter of all, and what is subtracted was never there', () => {
    const property = fc.property(DRAWN, ({ variant, seed, classes, cuts, options: { confusion, ...own } }) => {
      const loss: AnyLoss = variant === 'softmax' ? new SoftmaxFocalLoss() : new SigmoidFocalLoss();
      const options = { classes, ...own, ...(variant === 'softmax' && { confusion }) };
      const create = (): Meter<AnyLoss> => new FocalMeter<AnyLoss>(loss, options as never);
      const random = new Random(seed);
      let first = 0;
      const batches = cuts.map(({ n, meter, odd }) => {
        const logits = random.logits(n * classes, 3, 0);
        if (odd !== 0) logits[random.below(logits.length)] = odd;
        const targets = random.labels(n, classes);
        const groups = Array.from({ length: n }, () => `${random.below(4)}`);
        const firstIndex = first;
        first += n;
        return { logits: { data: logits, dims: [n, classes] }, targets, groups, firstIndex, meter };
      });
      const whole = create();
      const parts = [create(), create(), create()];
      const sliced = [0, 1, 2].map(() => new SlicedMeter<AnyLoss>(loss, options as never));
      for (const { logits, targets, firstIndex } of batches) whole.update(logits, targets, { firstIndex });
      // the last batch first
      for (const { logits, targets, groups, firstIndex, meter } of batches.toReversed()) {
        parts[meter]?.update(logits, targets, { firstIndex });
        sliced[meter]?.update(logits, targets, { firstIndex, groups });
      }
      const [a, b, c] = parts as [Meter<AnyLoss>, Meter<AnyLoss>, Meter<AnyLoss>];
      const before = [a.toBytes(), b.toBytes(), c.toBytes()];
      const all = c.clone();
      all.merge(b);
      all.merge(a);
      expect(all.toBytes()).toEqual(whole.toBytes());
      all.subtract(c);
      all.subtract(a);
      expect(all.toBytes()).toEqual(before[1]);
      expect([a.toBytes(), b.toBytes(), c.toBytes()]).toEqual(before);
      const [x, y, z] = sliced as [(typeof sliced)[0], (typeof sliced)[0], (typeof sliced)[0]];
      y.merge(z);
      x.merge(y);
      expect(x.total().toBytes()).toEqual(whole.toBytes());
      expect(SlicedMeter.fromBytes(x.toBytes()).total().compute({ confidence: 0.9 })).toEqual(
        whole.compute({ confidence: 0.9 }),
      );
    });
    fc.assert(property, { numRuns: runs });
  });
});
