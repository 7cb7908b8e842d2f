import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AnyLoss, Meter } from '../bindings/meter/meter.ts';
import { backends } from './backends.ts';
import { indexOf } from './layout.ts';

/** Logits with ties, extremes and now and then what is no number. */
const logit = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: -32, max: 32 }).map((x) => x / 4) },
  { weight: 10, arbitrary: fc.float({ min: -20, max: 20, noNaN: true }) },
  { weight: 2, arbitrary: fc.float({ noDefaultInfinity: true, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(-Infinity, -1000, 1000) },
);
const odd = fc.oneof({ weight: 60, arbitrary: logit }, { weight: 1, arbitrary: fc.constantFrom(Infinity, NaN) });

/** A data set of classes and positions, its samples, and where to cut it. */
const dataset = (value: fc.Arbitrary<number>) =>
  fc
    .record({
      classes: fc.integer({ min: 2, max: 20 }),
      positions: fc.constantFrom(1, 1, 3),
      batch: fc.integer({ min: 1, max: 25 }),
    })
    .chain(({ classes, positions, batch }) =>
      fc.record({
        classes: fc.constant(classes),
        positions: fc.constant(positions),
        batch: fc.constant(batch),
        logits: fc.array(value, { minLength: batch * classes * positions, maxLength: batch * classes * positions }),
        targets: fc.array(
          fc.oneof({ weight: 9, arbitrary: fc.nat(classes - 1) }, { weight: 1, arbitrary: fc.constant(-100) }),
          {
            minLength: batch * positions,
            maxLength: batch * positions,
          },
        ),
        cuts: fc.array(fc.nat(batch), { maxLength: 6 }),
        // which two of the meters left are merged next
        merges: fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 7, maxLength: 7 }),
      }),
    );

describe.each(backends)('FocalMeter on $name', ({ api }) => {
  const { FocalMeter, SoftmaxFocalLoss, SigmoidFocalLoss } = api;
  const variants = [
    [
      'softmax',
      (classes: number) =>
        new FocalMeter(new SoftmaxFocalLoss({ gamma: 0.5 }), { classes, topK: [1, 3], confusion: true, hardest: 5 }),
    ],
    ['sigmoid', (classes: number) => new FocalMeter(new SigmoidFocalLoss(), { classes })],
    [
      'sigmoid with curves',
      (classes: number) => new FocalMeter(new SigmoidFocalLoss(), { classes, curves: true, hardest: 5 }),
    ],
    [
      'softmax with everything',
      (classes: number) =>
        new FocalMeter(new SoftmaxFocalLoss(), {
          classes,
          topK: [1, 3],
          curves: true,
          coverage: true,
          bootstrap: 4,
          seed: 9,
          hardest: 5,
        }),
    ],
    [
      'sigmoid with everything',
      (classes: number) =>
        new FocalMeter(new SigmoidFocalLoss(), {
          classes,
          curves: true,
          coverage: true,
          bootstrap: 4,
          hardest: 5,
          threshold: Array.from({ length: classes }, (_, c) => ({ logit: c / 4 - 1 })),
        }),
    ],
  ] as const;

  test.each(variants)('%s: any split, any order, any merge tree gives the same bytes', (_, create) => {
    fc.assert(
      fc.property(dataset(odd), ({ classes, positions, batch, logits, targets, cuts, merges }) => {
        const size = classes * positions;
        const add = (meter: ReturnType<typeof create>, from: number, to: number): void => {
          const data = Float32Array.from(logits.slice(from * size, to * size));
          const labels = Int32Array.from(targets.slice(from * positions, to * positions));
          // a shard is handed over in either tensor layout; [B, C, 1] is [B, C]
          meter.update({ data, dims: [to - from, classes, positions] }, labels, { firstIndex: from * positions });
        };
        const whole = create(classes);
        add(whole, 0, batch);
        const edges = [...new Set([0, ...cuts, batch])].sort((a, b) => a - b);
        const shards = edges.slice(1).map((to, i) => ({ from: edges[i] as number, to }));

        // one meter, the shards in reverse
        const reversed = create(classes);
        for (const { from, to } of shards.toReversed()) add(reversed, from, to);
        expect(reversed.toBytes()).toEqual(whole.toBytes());
        expect(reversed.compute()).toEqual(whole.compute());

        // a combiner: create, add, merge, extract, with states that travel between machines
        const meters = shards.map(({ from, to }, i) => {
          const meter = create(classes);
          add(meter, from, to);
          if (i % 3 === 1) return FocalMeter.fromBytes(meter.toBytes());
          return i % 3 === 2 ? FocalMeter.fromJSON(JSON.parse(JSON.stringify(meter))) : meter;
        });
        for (const [a, b] of merges) {
          if (meters.length < 2) break;
          const [into] = meters.splice(a % meters.length, 1);
          const other = meters[b % meters.length];
          into?.merge(other as never);
          meters[b % meters.length] = into as never;
        }
        expect(meters[0]?.toBytes()).toEqual(whole.toBytes());
        expect(JSON.stringify(meters[0])).toBe(JSON.stringify(whole));
        expect(meters[0]?.compute()).toEqual(whole.compute());
      }),
      { numRuns: 60 },
    );
  });

  test.each(['softmax', 'sigmoid'])(
    '%s: a window that had a batch and lost it has the bits of one that never had it',
    (name) => {
      const create = (classes: number, coverage: boolean): Meter<AnyLoss> =>
        name === 'softmax'
          ? new FocalMeter<AnyLoss>(new SoftmaxFocalLoss(), {
              classes,
              topK: [1, 3],
              confusion: true,
              coverage,
            } as never)
          : new FocalMeter<AnyLoss>(new SigmoidFocalLoss(), { classes, curves: true, coverage } as never);
      fc.assert(
        fc.property(dataset(odd), fc.boolean(), ({ classes, positions, batch, logits, targets, cuts }, coverage) => {
          const size = classes * positions;
          const [from = 0, to = batch] = [...new Set(cuts)].sort((a, b) => a - b);
          const part = (a: number, b: number) => {
            const meter = create(classes, coverage);
            const data = Float32Array.from(logits.slice(a * size, b * size));
            const labels = Int32Array.from(targets.slice(a * positions, b * positions));
            meter.update({ data, dims: [b - a, classes, positions] }, labels, { firstIndex: a * positions });
            return meter;
          };
          const [before, gone, after] = [part(0, from), part(from, to), part(to, batch)];
          const kept = before.clone();
          kept.merge(after);
          const window = part(0, batch);
          window.subtract(gone);
          expect(window.toBytes()).toEqual(kept.toBytes());
          window.merge(gone);
          expect(window.toBytes()).toEqual(part(0, batch).toBytes());
          window.subtract(window.clone());
          expect(window.toBytes()).toEqual(create(classes, coverage).toBytes());
        }),
        { numRuns: 60 },
      );
    },
  );

  test('subtract refuses what was never counted, and meters that keep the hardest', () => {
    const [mine, theirs] = [0, 1].map((y) => {
      const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes: 2, coverage: true });
      meter.update(Float32Array.of(0, 1, 0, 2), [y, y], { firstIndex: 2 * y });
      return meter;
    }) as [Meter<AnyLoss>, Meter<AnyLoss>];
    const before = mine.toBytes();
    expect(() => mine.subtract(theirs)).toThrow('other expected samples that this one has counted, got [2, 4)');
    const [a, b] = [1, 2].map((n) => {
      const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes: 2 });
      meter.update(new Float32Array(2 * n), new Int32Array(n));
      return meter;
    }) as [Meter<AnyLoss>, Meter<AnyLoss>];
    expect(() => a.subtract(b)).toThrow('other expected a part of what this one has counted');
    expect(mine.toBytes()).toEqual(before);
    const hard = new FocalMeter(new SoftmaxFocalLoss(), { classes: 2, hardest: 1 });
    expect(() => hard.subtract(hard)).toThrow('hardest expected 0 in meters that are subtracted, got 1');
  });

  test('one batch of a million logits or many, of a size that fills tables and tiles', () => {
    const classes = 7;
    const n = 20000;
    // exponents far apart, so that a sum in float64 would depend on the order
    const logits = Float32Array.from({ length: n * classes }, (_, i) => ((i * 2654435761) % 1000) / 20 - 25);
    const targets = Int32Array.from({ length: n }, (_, i) =>
      i % 11 === 0 ? -100 : i < 12000 ? 3 : (i * 31) % classes,
    );
    for (const [name, create] of variants) {
      const whole = create(classes);
      whole.update(logits, targets);
      const pieces = create(classes);
      for (let i = n; i > 0; i -= 1733) {
        const from = Math.max(0, i - 1733);
        pieces.update(logits.subarray(from * classes, i * classes), targets.subarray(from, i), { firstIndex: from });
      }
      expect(pieces.toBytes()).toEqual(whole.toBytes());
      // with coverage nothing can be counted twice
      if (name.endsWith('everything')) continue;
      const twice = FocalMeter.fromBytes(whole.toBytes());
      twice.merge(twice);
      const again = create(classes);
      again.update(logits, targets, { firstIndex: 0 });
      again.update(logits, targets, { firstIndex: 0 });
      expect(twice.toBytes()).toEqual(again.toBytes());
      again.reset();
      expect(again.toBytes()).toEqual(create(classes).toBytes());
    }
  });

  test('meters that take turns do not mix', () => {
    const classes = 6;
    const n = 40;
    const logits = Float32Array.from({ length: n * classes }, (_, i) => ((i * 2654435761) % 1000) / 50 - 10);
    const targets = Int32Array.from({ length: n }, (_, i) => (i % 9 === 0 ? -100 : (i * 5) % classes));
    const all = [...variants, ...variants].map(([, create]) => create(classes));
    for (let i = 0; i < n; i += 8) {
      for (const meter of all) {
        meter.update(logits.subarray(i * classes, (i + 8) * classes), targets.subarray(i, i + 8), { firstIndex: i });
      }
      all[1]?.compute();
    }
    for (const [k, [, create]] of variants.entries()) {
      const alone = create(classes);
      alone.update(logits, targets);
      expect(all[k]?.toBytes()).toEqual(alone.toBytes());
      expect(all[k + variants.length]?.toBytes()).toEqual(alone.toBytes());
    }
  });

  test.each([
    ['rows', 1],
    ['planes', 11],
  ])('sigmoid, %s: losses of every size, from 2^-149 to over 128, add up exactly in their classes', (_, positions) => {
    const classes = 6;
    const n = 198;
    const batch = n / positions;
    // the losses of classes 0 to 4 have sizes of their own, those of class 5 all of them
    const sizes = [0, -9, -14, -24, -31, 300];
    const logits = Float32Array.from({ length: n * classes }, (_, i) => {
      const c = Math.floor(i / positions) % classes;
      return (sizes[c < 5 ? c : i % 6] as number) + ((i * 37) % 16) / 16;
    });
    const targets = Int32Array.from({ length: n }, (_, i) => (i % 7 === 0 ? -100 : i % 3));
    const meter = new FocalMeter(new SigmoidFocalLoss(), { classes });
    meter.update({ data: logits, dims: [batch, classes, positions] }, targets);
    const { perClass, samples } = meter.compute();
    const losses = new SigmoidFocalLoss({ reduction: 'none' }).forward(
      { data: logits, dims: [batch, classes, positions] },
      targets,
    );
    const units = new Array(classes).fill(0n);
    for (const [i, v] of losses.entries()) units[Math.floor(i / positions) % classes] += BigInt(v * 2 ** 149);
    expect(perClass.map(({ loss }) => loss)).toEqual(units.map((sum) => (Number(sum) * 2 ** -149) / samples));
  });

  test('softmax: agrees with a plain evaluation in float64', () => {
    fc.assert(
      fc.property(dataset(logit), ({ classes, positions, batch, logits, targets }) => {
        const data = Float32Array.from(logits);
        const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes, topK: [1, 2], confusion: true });
        meter.update({ data, dims: [batch, classes, positions] }, targets);
        const report = meter.compute();
        let valid = 0;
        let top2 = 0;
        let brier = 0;
        const confusion = Array.from({ length: classes }, () => new Array(classes).fill(0));
        let impossible = false;
        for (const [i, y] of targets.entries()) {
          if (y < 0) continue;
          valid++;
          const z = Array.from({ length: classes }, (_, c) => data[indexOf({ classes, positions }, i, c)] as number);
          const order = z
            .map((_, c) => c)
            .sort((a, b) =>
              (z[b] as number) > (z[a] as number) ? 1 : (z[b] as number) < (z[a] as number) ? -1 : a - b,
            );
          confusion[y][order[0] as number]++;
          if (order[0] === y || order[1] === y) top2++;
          const most = z[order[0] as number] as number;
          const e = z.map((v) => Math.exp(v - most));
          const sum = e.reduce((a, b) => a + b, 0);
          impossible ||= Number.isNaN(sum);
          brier += e.reduce((total, v, c) => total + (v / sum - (c === y ? 1 : 0)) ** 2, 0);
        }
        expect(report.confusion).toEqual(confusion);
        if (valid === 0) return;
        expect(report.topK.map(({ k }) => k)).toEqual([1, 2].filter((k) => k < classes));
        if (classes > 2) expect(report.topK[1]?.accuracy).toBe(top2 / valid);
        if (impossible) expect(report.brier).toBe(null);
        else expect(report.brier).toBeCloseTo(brier / valid, 5);
      }),
      { numRuns: 150 },
    );
  });
});
