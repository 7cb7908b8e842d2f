import { describe, expect, test } from 'vitest';
import type { AnyLoss, Meter } from '../bindings/meter/meter.ts';
import { backends } from './backends.ts';
import { Random } from './random.ts';

/** Logits of every size: ties, infinities, NaN where asked for, and so large that what they add up to leaves float32. */
function extremes(random: Random, n: number, nan: boolean): Float32Array {
  const kinds = [0, 1, 30, 200, 1e19, 3e38, Infinity];
  return Float32Array.from({ length: n }, () => {
    if (nan && random.below(300) === 0) return NaN;
    const scale = random.below(8) > 0 ? 4 : (kinds[random.below(kinds.length)] as number);
    const z = (random.uniform() - 0.5) * 2;
    return scale === Infinity ? Math.sign(z) * scale : Math.round(z * 64) * (scale / 64);
  });
}

interface Case {
  readonly name: string;
  readonly loss?: object;
  readonly options?: object;
  readonly classes: number;
  readonly samples?: number;
  readonly positions?: number;
  readonly groups?: number;
  readonly kind?: 'plain' | 'wide' | 'nan';
  readonly dense?: boolean;
  readonly half?: boolean;
  /** Softmax alone. */
  readonly topK?: readonly number[];
}

const cases: Case[] = [
  { name: 'ordinary rows', classes: 10 },
  { name: 'more samples of a group than a block takes', classes: 3, samples: 9000, groups: 1 },
  { name: 'more samples of a group than a bin counts', classes: 2, samples: 12000, groups: 1, options: { bins: 1 } },
  { name: 'one group', classes: 4, groups: 1 },
  { name: 'many ranks', classes: 40, topK: [3, 17] },
  { name: 'a group a sample', classes: 7, groups: 1e9, samples: 200 },
  { name: 'every size of logit', classes: 9, kind: 'wide' },
  { name: 'NaN', classes: 6, kind: 'nan' },
  { name: 'two classes', classes: 2, kind: 'wide' },
  { name: 'rows longer than what is looked at together', classes: 700, samples: 40, kind: 'wide' },
  { name: 'images', classes: 5, samples: 20, positions: 61, kind: 'wide' },
  { name: 'images in chunks of classes', classes: 1500, samples: 2, positions: 20 },
  { name: 'images of few classes', classes: 2, samples: 1, positions: 4200 },
  {
    name: 'images of more logits than a bin takes',
    ...{ classes: 600, samples: 1, positions: 4000, groups: 1, options: { bins: 1 } },
  },
  { name: 'half floats', classes: 10, half: true },
  { name: 'dense targets', classes: 3, samples: 300, dense: true },
  {
    name: 'all options',
    classes: 4,
    kind: 'nan',
    options: { bins: 128, curves: true, hardest: 9, coverage: true, bootstrap: 3 },
  },
  { name: 'more bins than the kernels have', classes: 4, kind: 'nan', options: { bins: 200 } },
  { name: 'weights', classes: 4, loss: { gamma: 0.5, alpha: [0.9, 0.1, 0, 1] }, kind: 'wide' },
  { name: 'cross-entropy', classes: 8, loss: { gamma: 0 }, kind: 'wide' },
];

const own = { softmax: { topK: [1, 2, 3], confusion: true }, sigmoid: { threshold: 0.3 } };
const ownLoss = { softmax: { labelSmoothing: 0.1 }, sigmoid: { gammaNegative: 3 } };

describe.each(backends)('SlicedMeter on $name', ({ api, name: backend }) => {
  const { FocalMeter, SlicedMeter, SoftmaxFocalLoss, SigmoidFocalLoss } = api;

  function check(variant: 'softmax' | 'sigmoid', one: Case, seed: number): void {
    const { classes, samples = 500, positions = 1, groups = 5, kind = 'plain', dense = false, half = false } = one;
    const random = new Random(seed);
    const Loss = variant === 'softmax' ? SoftmaxFocalLoss : SigmoidFocalLoss;
    const loss: AnyLoss = new Loss({ ignoreIndex: -7, ...one.loss } as never);
    const topK = variant === 'softmax' && one.topK && { topK: one.topK };
    const options = { classes, ...own[variant], ...topK, ...one.options } as never;
    const length = samples * positions;
    const data =
      kind === 'plain' ? random.logits(length * classes, 3, -1) : extremes(random, length * classes, kind === 'nan');
    const bits = Uint16Array.from(data, () => random.below(0x7c00) | (random.below(2) << 15));
    const ids = Int32Array.from({ length }, () => random.below(groups) - 2);
    const labels = Int32Array.from({ length }, () => (random.below(9) === 0 ? -7 : random.below(classes)));
    const shares = Float32Array.from({ length: length * classes }, () => random.below(3) / 2);
    const targets = dense ? { data: shares, dims: [samples, classes, positions] } : labels;
    const all = half
      ? { data: bits, dims: [samples, classes, positions], type: 'float16' }
      : { data, dims: [samples, classes, positions] };
    const sliced = new SlicedMeter(loss, { ...(options as object), maxGroups: 1e6 } as never);
    sliced.update(all as never, targets as never, { groups: ids });

    const source = half ? bits : data;
    const meters = new Map<number, Meter<AnyLoss>>();
    for (let i = 0; i < length; i++) {
      const id = ids[i] as number;
      const meter = meters.get(id) ?? new FocalMeter<AnyLoss>(loss, options);
      meters.set(id, meter);
      const start = Math.floor(i / positions) * classes * positions + (i % positions);
      const cells = Array.from({ length: classes }, (_, c) => start + c * positions);
      const row = half ? new Uint16Array(classes) : new Float32Array(classes);
      for (const [c, at] of cells.entries()) row[c] = source[at] as number;
      const input = { data: row, dims: [1, classes, 1], ...(half && { type: 'float16' }) };
      const target = dense
        ? { data: Float32Array.from(cells, (at) => shares[at] as number), dims: [1, classes, 1] }
        : labels.subarray(i, i + 1);
      meter.update(input as never, target as never, { firstIndex: i });
    }
    const expected = [...meters].sort(([a], [b]) => a - b);
    // coverage is kept for all groups together
    if ((one.options as { coverage?: boolean } | undefined)?.coverage) {
      const reports = expected.map(([id, meter]) => {
        const { missing: _, ...report } = meter.compute({ confidence: 0.95 });
        return { name: `${id}`, report };
      });
      expect(sliced.compute().groups).toEqual(reports);
    } else {
      const checksums = expected.map(([id, meter]) => [`${id}`, meter.toJSON().checksum]);
      expect(sliced.toJSON().groups.map(([name, { checksum }]) => [name, checksum])).toEqual(checksums);
    }
  }

  test.each(cases)('$name: states of groups are those of meters of their own', (one) => {
    for (const [v, variant] of (['softmax', 'sigmoid'] as const).entries()) check(variant, one, 31 * v + one.classes);
  });

  test.each(['softmax', 'sigmoid'] as const)('%s of targets that labels do not tell', (variant) => {
    check(variant, { name: '', classes: 4, samples: 300, kind: 'wide', loss: ownLoss[variant] }, 3);
  });

  test('more groups than there are blocks for, and two meters in turns', () => {
    const [classes, groups] = [backend === 'simd' ? 2000 : 40, backend === 'simd' ? 500 : 100];
    const random = new Random(8);
    for (const Loss of [SoftmaxFocalLoss, SigmoidFocalLoss]) {
      const loss: AnyLoss = new Loss();
      const meters = [0, 1].map(() => new SlicedMeter(loss, { classes }));
      const wholes = [0, 1].map(() => new FocalMeter(loss, { classes }));
      const first = new FocalMeter(loss, { classes });
      for (let k = 0; k < 6; k++) {
        const rows = 2 * groups;
        const logits = random.logits(rows * classes, 4, 0);
        const targets = random.labels(rows, classes);
        const ids = Int32Array.from({ length: rows }, () => random.below(groups));
        ids[0] = 0;
        const which = k % 2;
        meters[which]?.update(logits, targets, { groups: ids });
        wholes[which]?.update(logits, targets);
        for (let i = 0; which === 0 && i < rows; i++) {
          if (ids[i] === 0) first.update(logits.subarray(i * classes, (i + 1) * classes), targets.subarray(i, i + 1));
        }
      }
      for (const [k, meter] of meters.entries()) expect(meter.total().toBytes()).toEqual(wholes[k]?.toBytes());
      expect(meters[0]?.toJSON().groups[0]?.[1]).toEqual(first.toJSON());
    }
  });

  test.each(['softmax', 'sigmoid'])(
    '%s: tensors of alloc stay readable while blocks make the memory grow',
    (variant) => {
      const [n, classes] = [600, 5];
      const random = new Random(3);
      const loss = variant === 'softmax' ? new SoftmaxFocalLoss() : new SigmoidFocalLoss();
      const logits = api.alloc([n, classes]);
      const shares = api.alloc([n, classes]);
      logits.data.set(Float32Array.from({ length: n * classes }, () => random.uniform() * 8 - 4));
      shares.data.set(Float32Array.from({ length: n * classes }, () => random.uniform()));
      const outside = [logits, shares].map(({ data, dims }) => ({ data: data.slice(), dims }));
      const groups = Array.from({ length: n }, (_, i) => `group ${i}`);
      for (const targets of [shares, Int32Array.from(groups, (_, i) => i % classes)]) {
        const [here, there] = [0, 1].map(() => new SlicedMeter<AnyLoss>(loss, { classes, bins: 128 }));
        here?.update(logits, targets, { groups });
        there?.update(
          outside[0] as object as typeof logits,
          targets === shares ? (outside[1] as typeof shares) : targets,
          { groups },
        );
        expect(here?.toJSON()).toEqual(there?.toJSON());
        expect(here?.total().compute().samples).toBe(n);
      }
      logits.free();
      shares.free();
    },
  );
});
