import { describe, expect, test, vi } from 'vitest';
import type { AnyLoss } from '../bindings/meter/meter.ts';
import { backends } from './backends.ts';
import { Random } from './random.ts';

describe.each(backends)('SlicedMeter on $name', ({ api }) => {
  const { FocalMeter, SlicedMeter, SoftmaxFocalLoss, SigmoidFocalLoss } = api;
  const [n, classes] = [3000, 3];
  const random = new Random(4);
  const logits = random.logits(n * classes, 3, 0);
  const targets = random.labels(n, classes);
  targets[5] = -100;
  const groups = Array.from({ length: n }, (_, i) => ['de', 'fr', 'zh', 'en'][((i * i) % 7) % 4] as string);

  test.each(['softmax', 'sigmoid'])(
    '%s: each group has what a meter of its samples has, whatever the split',
    (name) => {
      const loss: AnyLoss = name === 'softmax' ? new SoftmaxFocalLoss() : new SigmoidFocalLoss();
      const options = { classes, curves: true, bins: 5 };
      const whole = new SlicedMeter(loss, options as never);
      whole.update(logits, targets, { groups });
      const pieces = [0, 1].map((half) => {
        const part = new SlicedMeter(loss, options as never);
        for (let i = half * 1500; i < (half + 1) * 1500; i += 300) {
          part.update(
            { data: logits.subarray(i * classes, (i + 300) * classes), dims: [300, classes, 1] },
            targets.subarray(i, i + 300),
            {
              groups: groups.slice(i, i + 300),
            },
          );
        }
        return part;
      });
      pieces[0]?.merge(pieces[1] as never);
      expect(pieces[0]?.toJSON()).toEqual(whole.toJSON());
      expect(SlicedMeter.fromJSON(JSON.parse(JSON.stringify(whole))).compute()).toEqual(whole.compute());
      const report = whole.compute({ confidence: 0.9 });
      expect(report.groups.map((group) => group.name)).toEqual([...new Set(groups)].sort());
      for (const group of report.groups) {
        const own = Array.from(groups, (g, i) => (g === group.name ? i : -1)).filter((i) => i >= 0);
        const meter = new FocalMeter<AnyLoss>(loss, options as never);
        meter.update(
          Float32Array.from(own.flatMap((i) => [...logits.subarray(i * classes, (i + 1) * classes)])),
          own.map((i) => targets[i] as number),
        );
        expect(group.report).toEqual(meter.compute({ confidence: 0.9 }));
      }
    },
  );

  test.each(['softmax', 'sigmoid'])('%s: what belongs to single samples goes by their index among all', (name) => {
    const loss: AnyLoss = name === 'softmax' ? new SoftmaxFocalLoss() : new SigmoidFocalLoss();
    const options = { classes, hardest: 7, coverage: true, bootstrap: 5, seed: 3 } as never;
    const part = (from: number, to: number) =>
      [
        { data: logits.subarray(from * classes, to * classes), dims: [to - from, classes] },
        targets.subarray(from, to),
        { groups: groups.slice(from, to), firstIndex: from },
      ] as const;
    // the second half first, in pieces that a group's samples wait over, the first in two meters
    const meters = [0, 1].map(() => new SlicedMeter(loss, options));
    for (let i = 1500; i < n; i += 500) meters[0]?.update(...part(i, i + 500));
    meters[1]?.update(...part(0, 700));
    meters[0]?.update(...part(700, 1500));
    meters[0]?.merge(meters[1] as never);
    const sliced = SlicedMeter.fromBytes((meters[0] as NonNullable<(typeof meters)[0]>).toBytes());
    expect(sliced.toJSON()).toEqual(meters[0]?.toJSON());
    expect(sliced.toBytes()).toEqual(meters[0]?.toBytes());

    const whole = new FocalMeter<AnyLoss>(loss, options);
    whole.update({ data: logits, dims: [n, classes] }, targets);
    expect(sliced.total().toBytes()).toEqual(whole.toBytes());
    const { groups: reports, missing } = sliced.compute();
    expect(missing).toEqual([]);
    for (const group of reports) {
      const own = new FocalMeter<AnyLoss>(loss, options);
      for (let i = 0; i < n; i++) {
        if (groups[i] === group.name) {
          own.update(logits.subarray(i * classes, (i + 1) * classes), targets.subarray(i, i + 1), { firstIndex: i });
        }
      }
      const { missing, ...expected } = own.compute({ confidence: 0.95 });
      expect(group.report).toEqual(expected);
    }
    // twice is refused, and holes are told
    const before = sliced.toBytes();
    expect(() => sliced.update(...part(10, 20))).toThrow('firstIndex expected samples that have not been counted yet');
    expect(() => sliced.merge(meters[1] as never)).toThrow('other expected samples that have not been counted yet');
    expect(sliced.toBytes()).toEqual(before);
    const hole = new SlicedMeter(loss, options);
    hole.update(...part(10, 20));
    expect(hole.compute().missing).toEqual([[0, 10]]);
    hole.reset();
    hole.update(...part(0, 10));
    expect(hole.toBytes()).not.toEqual(before);
    expect(hole.total().compute().samples).toBe(9);
  });

  test('groups in any array, logits of any layout', () => {
    const labels = [0, 1, 2, 0, 1, 2];
    const planes = { data: random.logits(18, 2, 0), dims: [2, 3, 3] };
    const halves = { data: Uint16Array.from({ length: 18 }, (_, i) => 0x3c00 + 97 * i), dims: [6, 3], type: 'float16' };
    const many = new SlicedMeter(new SoftmaxFocalLoss(), { classes: 3 });
    for (const ids of [
      Int32Array.of(7, -7, 7, -7, 7, -7),
      new Uint8Array(new SharedArrayBuffer(6)).fill(7),
      { ...['7', 7, 7n, '-7', -7, -7n], length: 6 },
      Uint8Array.of(7, 0, 7, 0, 7, 0),
      Float64Array.of(7, 1e15, 7, 1e15, 7, 1e15),
      BigInt64Array.of(7n, -7n, 7n, -7n, 7n, -7n),
      Int32Array.of(7, 2 ** 31 - 1, -(2 ** 31), 7, 7, 7),
      ['7', 7, 7n, '-7', -7, -7n],
    ]) {
      many.update(planes, labels, { groups: ids });
      many.update(halves, labels, { groups: ids });
    }
    const names = many.compute().groups.map(({ name, report }) => [name, report.samples]);
    expect(Object.fromEntries(names)).toEqual({
      7: 56,
      0: 6,
      '-7': 24,
      '1000000000000000': 6,
      '2147483647': 2,
      '-2147483648': 2,
    });
    const one = new FocalMeter(new SoftmaxFocalLoss(), { classes: 3 });
    for (let k = 0; k < 8; k++) {
      one.update(planes, labels);
      one.update(halves, labels);
    }
    expect(many.total().toBytes()).toEqual(one.toBytes());
    for (const wide of [70, 5000]) {
      const z = random.logits(4 * wide, 2, 0);
      const [sliced, alone] = [SlicedMeter, FocalMeter].map((Of) => new Of(new SoftmaxFocalLoss(), { classes: wide }));
      (sliced as InstanceType<typeof SlicedMeter>).update(z, [1, 2, 3, 4], { groups: [1, 2, 1, 2] });
      (alone as InstanceType<typeof FocalMeter>).update(z, [1, 2, 3, 4]);
      const total = (sliced as InstanceType<typeof SlicedMeter>).total();
      expect(total.toBytes()).toEqual((alone as InstanceType<typeof FocalMeter>).toBytes());
    }
  });

  test('the worst first, by an interval that holds for all groups together', () => {
    const meter = new SlicedMeter(new SoftmaxFocalLoss(), { classes: 2 });
    const add = (group: string | number, right: number, wrong: number) => {
      const labels = Int32Array.from({ length: right + wrong }, (_, i) => (i < right ? 1 : 0));
      const z = Float32Array.from({ length: 2 * labels.length }, (_, i) => i % 2);
      meter.update(z, labels, { groups: new Array(labels.length).fill(group) });
    };
    add(10, 1, 2);
    add(9, 500, 500);
    add('2', 990, 10);
    const { groups: all, worst } = meter.compute();
    expect(all.map(({ name }) => name)).toEqual(['2', '9', '10']);
    // a third of three samples is no worse for certain than a half of a thousand
    expect(worst.map(({ name }) => name)).toEqual(['9', '10', '2']);
    const alone = all[1]?.report.intervals?.accuracy as readonly [number, number];
    expect((worst[0]?.interval?.[1] as number) > alone[1]).toBe(true);
    expect(meter.compute({ metric: 'loss' }).worst[0]?.name).toBe('9');
    for (const metric of [
      'speed',
      'samples',
      'micro',
      'macro.speed',
      'toString',
      'macro.toString',
      'bins',
      'loss.sum',
    ]) {
      const message =
        /^metric expected a metric over all samples: loss, .*, accuracy, .*; or macro, .* with recall, .*, got '(.*)'$/;
      expect(() => meter.compute({ metric })).toThrow(message);
      expect(() => meter.compute({ metric })).toThrow(`got '${metric}'`);
    }
    for (const metric of [
      'bins.length',
      'perClass.length',
      'aurocBounds',
      'macro.f1.f1',
      'micro.',
      'loss.mean',
      'macro',
      'samples',
      'toString',
    ]) {
      expect(() => meter.compute({ metric })).toThrow('metric expected a metric over all samples');
    }
    // of metrics without intervals the values decide
    for (const [metric, names] of [
      ['macro.f1', ['10', '9', '2']],
      ['ece', ['10', '2', '9']],
      ['mcc', ['2', '9', '10']],
    ] as const) {
      const { worst: ranked } = meter.compute({ metric });
      expect(ranked.map(({ interval }) => interval)).toEqual([null, null, null]);
      expect(ranked.map(({ name }) => name)).toEqual(names);
    }
  });

  test('names of the same number are groups of their own, in one order', () => {
    const [one, other] = [1, -1].map((step) => {
      const meter = new SlicedMeter(new SoftmaxFocalLoss(), { classes: 2 });
      for (const name of ['7', '07', '007', '-0', '0'].sort(() => step)) {
        meter.update(new Float32Array(2), [0], { groups: [name] });
      }
      return meter.toBytes();
    });
    expect(one).toEqual(other);
  });

  test('integers of any length are ordered as numbers', () => {
    const meter = new SlicedMeter(new SoftmaxFocalLoss(), { classes: 2 });
    const groups = [10n ** 18n, 7, 10 ** 15, -8n, 10n ** 18n - 1n, '007'];
    meter.update(new Float32Array(12), new Int32Array(6), { groups });
    const sorted = ['-8', '007', '7', '1000000000000000', '999999999999999999', '1000000000000000000'];
    expect(meter.compute().groups.map(({ name }) => name)).toEqual(sorted);
  });

  test('where there is no memory for the states of new groups, nothing has changed', () => {
    const meter = new SlicedMeter(new SoftmaxFocalLoss(), { classes: 2 });
    meter.update(new Float32Array(2), [0], { groups: ['a'] });
    const before = meter.toBytes();
    const Whole = globalThis.Float64Array;
    let left = 3;
    vi.stubGlobal(
      'Float64Array',
      new Proxy(Whole, {
        construct(target, args, self) {
          if (args[0] > 100 && left-- === 0) throw new RangeError('Array buffer allocation failed');
          return Reflect.construct(target, args, self);
        },
      }),
    );
    const many = () => meter.update(new Float32Array(20), new Int32Array(10), { groups: [...'bcdefghijk'] });
    try {
      expect(many).toThrow('groups expected as many as there is memory for, got 10 new groups more');
    } finally {
      vi.unstubAllGlobals();
    }
    expect(meter.toBytes()).toEqual(before);
    many();
    expect(meter.compute().groups.map(({ report }) => report.samples)).toEqual(new Array(11).fill(1));
  });

  test('ignored logits are of the groups that have them alone', () => {
    const loss = new SigmoidFocalLoss({ ignoreIndex: -1 });
    const meter = new SlicedMeter(loss, { classes: 2 });
    const logits = { data: Float32Array.of(1, 2, 3, -1, 0, 1, 2, 1, 1, 1), dims: [5, 2] };
    const targets = { data: Int8Array.of(1, 0, -1, 1, 0, 0, 1, 1, -1, -1), dims: [5, 2] };
    meter.update(logits, targets, { groups: ['a', 'b', 'a', 'b', 'c'] });
    for (const [name, state] of meter.toJSON().groups) {
      const own = ['a', 'b', 'a', 'b', 'c'].flatMap((group, i) => (group === name ? [2 * i, 2 * i + 1] : []));
      const alone = new FocalMeter(loss, { classes: 2 });
      const dims = [own.length / 2, 2];
      alone.update(
        { data: Float32Array.from(own, (i) => logits.data[i] as number), dims },
        { data: Int8Array.from(own, (i) => targets.data[i] as number), dims },
      );
      expect(state).toEqual(alone.toJSON());
    }
    expect(SlicedMeter.fromBytes(meter.toBytes()).toBytes()).toEqual(meter.toBytes());
  });

  test('code that runs while groups are read may count, merge and begin anew', () => {
    const make = () => new SlicedMeter(new SoftmaxFocalLoss(), { classes: 2, maxGroups: 4 });
    const z = Float32Array.of(0, 1, 2, 3);
    const other = make();
    other.update(z, [1, 1], { groups: ['c', 'b'] });
    type Meter = ReturnType<typeof make>;
    const cases: [(meter: Meter) => void, string[]][] = [
      [(meter) => meter.update(z, [0, 0], { groups: ['b', 'c'] }), ['a', 'b', 'c', 'd']],
      [(meter) => meter.merge(other), ['a', 'b', 'c', 'd']],
      [(meter) => meter.reset(), ['a', 'b']],
      [(meter) => expect(() => meter.update(z, [0, 2], { groups: ['x', 'b'] })).toThrow('targets[1]'), ['a', 'b', 'd']],
    ];
    for (const [act, names] of cases) {
      const meter = make();
      const expected = make();
      for (const one of [meter, expected]) one.update(z, [0, 1], { groups: ['a', 'd'] });
      act(expected);
      expected.update(z, [1, 0], { groups: ['b', 'a'] });
      const groups = {
        length: 2,
        0: 'b',
        get 1() {
          act(meter);
          return 'a';
        },
      };
      meter.update(z, [1, 0], { groups: groups as unknown as string[] });
      expect(meter.toBytes()).toEqual(expected.toBytes());
      expect(meter.compute().groups.map(({ name }) => name)).toEqual(names);
    }
    // one too many by then
    const full = make();
    full.update(z, [0, 1], { groups: ['a', 'd'] });
    const groups = {
      length: 2,
      0: 'e',
      get 1() {
        full.merge(other);
        return 'a';
      },
    };
    expect(() => full.update(z, [1, 0], { groups: groups as unknown as string[] })).toThrow('at most 4 groups');
    expect(full.compute().groups.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd']);
    full.update(z, [1, 0], { groups: ['c', 'a'] });
    expect(full.total().compute().samples).toBe(6);
  });

  test('what does not fit is refused, and nothing has changed', () => {
    const meter = new SlicedMeter(new SoftmaxFocalLoss(), { classes: 2, maxGroups: 2 });
    const z = new Float32Array(4);
    meter.update(z, [0, 1], { groups: ['a', 1] });
    const before = JSON.stringify(meter);
    expect(() => meter.update(z, [0, 1], { groups: ['b', 'a'] })).toThrow(
      'groups expected at most 2 groups (maxGroups), got 3, "b" the last',
    );
    // integers too, which a failed call has not told either
    for (const groups of [Int32Array.of(1, 5), Uint8Array.of(5, 1), BigInt64Array.of(1n, 5n), [5, 1], [-5, 5]]) {
      expect(() => meter.update(z, [0, 1], { groups })).toThrow('groups expected at most 2 groups');
      expect(JSON.stringify(meter)).toBe(before);
    }
    expect(() => meter.update(z, [0, 1], { groups: ['a'] })).toThrow('groups expected length 2 as the targets, got 1');
    expect(() => meter.update(z, [0, 1], { groups: ['a', 0.5] })).toThrow('groups[1] expected a string or an integer');
    expect(() => meter.update(z, [0, 1], {} as never)).toThrow('groups expected an array');
    expect(() => meter.update(z, [0, 1], { groups: 'aa' as never })).toThrow('groups expected an array');
    expect(() => meter.update(z, [0, 1], { groups: new Set(['a', 1]) as never })).toThrow('groups expected an array');
    expect(() => meter.update(z, [0, 1], { groups: { length: 2, 0: 'a' } as never })).toThrow('groups[1] expected');
    expect(() => meter.update(z, [0, 2], { groups: ['a', 'a'] })).toThrow('targets[1] expected');
    expect(() => meter.update(new Float32Array(6), [0, 0], { groups: ['a', 'a'] })).toThrow(
      'logits expected 2 classes',
    );
    expect(() => meter.merge(new SlicedMeter(new SoftmaxFocalLoss(), { classes: 3 }) as never)).toThrow(
      'other: classes',
    );
    expect(() => meter.merge({} as never)).toThrow('other expected a SlicedMeter');
    expect(() => new SlicedMeter(new SoftmaxFocalLoss(), { classes: 2, groups: 3 } as never)).toThrow(
      'seed, maxGroups for a sliced meter of a softmax loss, got "groups"',
    );
    expect(() => new SlicedMeter(new SoftmaxFocalLoss(), { classes: 2, bootstrap: 3 })).toThrow(
      'bootstrap expected 0 unless coverage is true',
    );
    expect(JSON.stringify(meter)).toBe(before);
    const state = JSON.parse(before);
    const [first, second] = state.groups;
    for (const change of [
      { format: 'x' },
      { version: 2 },
      { maxGroups: undefined },
      { maxGroups: 1 },
      { maxGroups: 1.5 },
      { empty: null },
      { empty: second[1] },
      { coverage: [[0, 3]] },
      { checksum: 1 },
      { groups: [['b', first[1]], second] },
      { groups: [['a']] },
      { groups: [first, first] },
      { groups: [first, ['b', { ...second[1], checksum: 1 }]] },
    ]) {
      expect(() => SlicedMeter.fromJSON({ ...state, ...change })).toThrow(/^state/);
    }
    expect(() => SlicedMeter.fromJSON({ ...state, version: 2 })).toThrow(
      'expected 1, got 2, made by a newer focal-simd',
    );
    const bytes = meter.toBytes();
    expect(() => SlicedMeter.fromBytes(bytes.with(4, 2))).toThrow('expected 1, got 2, made by a newer focal-simd');
    expect(SlicedMeter.fromBytes(bytes).toBytes()).toEqual(bytes);
    for (let i = 0; i < bytes.length; i += 7) {
      expect(() => SlicedMeter.fromBytes(bytes.with(i, (bytes[i] as number) ^ 0x41))).toThrow(RangeError);
      expect(() => SlicedMeter.fromBytes(bytes.slice(0, i))).toThrow(RangeError);
    }
    // no group at all is a state, too, which goes on
    const none = new SlicedMeter(new SoftmaxFocalLoss(), { classes: 2, maxGroups: 2 });
    const again = SlicedMeter.fromBytes(none.toBytes());
    again.update(z, [0, 1], { groups: ['a', 1] });
    expect(JSON.stringify(again)).toBe(before);
  });
});
