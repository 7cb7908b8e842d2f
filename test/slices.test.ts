import { describe, expect, test } from 'vitest';
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
    expect(() => meter.compute({ metric: 'speed' })).toThrow(
      "metric expected the name of a metric over all samples, got 'speed'",
    );
  });

  test('what does not fit is refused, and nothing has changed', () => {
    const meter = new SlicedMeter(new SoftmaxFocalLoss(), { classes: 2, maxGroups: 2 });
    const z = new Float32Array(4);
    meter.update(z, [0, 1], { groups: ['a', 1] });
    const before = JSON.stringify(meter);
    expect(() => meter.update(z, [0, 1], { groups: ['b', 'a'] })).toThrow(
      'groups expected at most 2 groups (maxGroups), got 3',
    );
    expect(() => meter.update(z, [0, 1], { groups: ['a'] })).toThrow('groups expected length 2 as the targets, got 1');
    expect(() => meter.update(z, [0, 1], { groups: ['a', 0.5] })).toThrow('groups[1] expected a string or an integer');
    expect(() => meter.update(z, [0, 1], {} as never)).toThrow('groups expected an array');
    expect(() => meter.update(z, [0, 2], { groups: ['a', 'a'] })).toThrow('targets[1] expected');
    expect(() => meter.update(new Float32Array(6), [0, 0], { groups: ['a', 'a'] })).toThrow(
      'logits expected 2 classes',
    );
    expect(() => meter.merge(new SlicedMeter(new SoftmaxFocalLoss(), { classes: 3 }) as never)).toThrow(
      'other: classes',
    );
    expect(() => meter.merge({} as never)).toThrow('other expected a SlicedMeter');
    expect(() => new SlicedMeter(new SoftmaxFocalLoss(), { classes: 2, hardest: 3 } as never)).toThrow('got "hardest"');
    expect(JSON.stringify(meter)).toBe(before);
    for (const change of [{ format: 'x' }, { version: 2 }, { groups: [] }, { groups: [['a']] }]) {
      expect(() => SlicedMeter.fromJSON({ ...JSON.parse(before), ...change })).toThrow(/^state/);
    }
  });
});
