import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AnyLoss, Meter } from '../bindings/meter/meter.ts';
import { backends } from './backends.ts';

interface Fixture {
  name: string;
  // biome-ignore lint/suspicious/noExplicitAny: as version 1 wrote it
  json: any;
  bytes: string;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  report: any;
}
const fixtures: Fixture[] = JSON.parse(readFileSync(new URL('./states/v1.json', import.meta.url), 'utf8'));
const { FocalMeter, SoftmaxFocalLoss, SigmoidFocalLoss } = (backends[0] as (typeof backends)[0]).api;

const fresh = (state: unknown) => JSON.parse(JSON.stringify(state));

/** A report without what it has no counts for, which are areas under curves, and what is not shown any more. */
function withoutCurves(report: Record<string, unknown>): Record<string, unknown> {
  const bare = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).filter(([key]) => key !== 'auroc' && key !== 'averagePrecision'));
  };
  // top-k of as many classes as there are says nothing
  const topK = (report.topK as { k: number }[] | undefined)?.filter(({ k }) => k < 3);
  return { ...(bare(report) as object), ...(topK && { topK }), perClass: (report.perClass as unknown[]).map(bare) };
}

describe('states of version 1', () => {
  test.each(fixtures)('$name: read from JSON and bytes, merged, written as version 2', ({ json, bytes, report }) => {
    const meter = FocalMeter.fromJSON(json);
    const same = FocalMeter.fromBytes(Uint8Array.from(Buffer.from(bytes, 'base64')));
    expect(meter.toBytes()).toEqual(same.toBytes());
    const now = meter.compute() as unknown as Record<string, unknown>;
    expect(withoutCurves(now)).toMatchObject(withoutCurves(report));
    expect(now.auroc ?? null).toBe(null);
    expect(meter.toJSON()).toMatchObject({ version: 2, config: { arithmetic: 1 } });
    expect(FocalMeter.fromJSON(fresh(meter)).toBytes()).toEqual(meter.toBytes());
    expect(FocalMeter.fromBytes(meter.toBytes()).compute()).toEqual(now);
    meter.merge(same);
    expect(meter.compute()).toMatchObject({ samples: 2 * report.samples, nan: 2 * report.nan });
  });

  test('they count no further, are not subtracted, and do not mix with those of today', () => {
    const { json } = fixtures.find(({ name }) => name === 'softmax') as Fixture;
    const old = FocalMeter.fromJSON(json);
    expect(() => old.update(new Float32Array(3), [0])).toThrow('arithmetic 2, got 1: its state is of an older release');
    expect(() => old.subtract(FocalMeter.fromJSON(json))).toThrow('arithmetic expected 2');
    const meter = new FocalMeter<AnyLoss>(new SoftmaxFocalLoss(), { classes: 3 });
    expect(() => meter.merge(old)).toThrow('other: arithmetic expected 2, got 1');
  });

  test.each([
    ['words', 0, 5],
    ['words', 2, 1],
    ['words', 16, 3],
    ['words', 30, -1],
    // a Brier score of 2^9 or more a sample
    ['words', 4 + 13 + 5, 2 ** 31],
  ])('corrupt ones are refused: %s[%i] = %i', (key, i, value) => {
    const state = fresh((fixtures[1] as Fixture).json);
    state[key][i] = value;
    expect(() => FocalMeter.fromJSON(state)).toThrow(RangeError);
  });
});

/** Meters with every part that a state has. */
const full = {
  softmax: () =>
    new FocalMeter<AnyLoss>(new SoftmaxFocalLoss({ gamma: 1.5 }), {
      classes: 3,
      topK: [1, 2, 3],
      bins: 4,
      confusion: true,
      hardest: 3,
      coverage: true,
    }),
  sigmoid: () =>
    new FocalMeter<AnyLoss>(new SigmoidFocalLoss({ alpha: [0.2, 0.3, 0.4] }), {
      classes: 3,
      bins: 4,
      hardest: 3,
      curves: true,
      coverage: true,
    } as never),
};

function counted(create: () => Meter<AnyLoss>): Meter<AnyLoss> {
  const meter = create();
  const n = 60;
  const logits = Float32Array.from({ length: 3 * n }, (_, i) => (((i * 7919) % 101) - 50) / 8);
  const targets = Int32Array.from({ length: n }, (_, i) => (i % 13 === 4 ? -100 : (i * 5) % 3));
  logits[20] = Number.NaN;
  logits[30] = Number.NEGATIVE_INFINITY;
  meter.update(logits, targets, { firstIndex: 40 });
  return meter;
}

describe.each(Object.entries(full))('states of %s meters', (_, create) => {
  test('survive JSON and bytes', () => {
    const meter = counted(create);
    for (const again of [FocalMeter.fromJSON(fresh(meter)), FocalMeter.fromBytes(meter.toBytes()), meter.clone()]) {
      expect(again.toBytes()).toEqual(meter.toBytes());
      expect(again.toJSON()).toEqual(meter.toJSON());
      expect(again.compute()).toEqual(meter.compute());
      expect(again).toBeInstanceOf(FocalMeter);
      // it counts on by itself
      again.update(Float32Array.of(1, 2, 3), [1], { firstIndex: 0 });
      expect(again.toBytes()).not.toEqual(meter.toBytes());
    }
  });

  test('no change of one number passes for a state', () => {
    const state = fresh(counted(create));
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(-1, 1, 2 ** 32, 0.5, Number.NaN), (where, change) => {
        const changed = fresh(state);
        const lists = [changed.words, ...changed.hardest, ...(changed.curves ?? []), ...changed.coverage];
        const flat = lists.flatMap((list: number[]) => list.map((_, i) => [list, i] as const));
        const [list, i] = flat[where % flat.length] as [number[], number];
        list[i] = (list[i] as number) + change;
        expect(() => FocalMeter.fromJSON(changed)).toThrow(/^state/);
      }),
      { numRuns: 300 },
    );
  });

  test('what a meter gives out is not its own', () => {
    const meter = counted(create);
    const before = meter.toBytes();
    const state = fresh(meter);
    const given = meter.toJSON();
    for (const part of [given.config, given.config.topK, given.words, given.hardest, given.coverage]) {
      for (const key of Object.keys(part as object)) (part as unknown as Record<string, unknown>)[key] = 0;
    }
    const report = meter.compute() as unknown as Record<string, unknown>;
    for (const key of ['missing', 'hardest', 'bins', 'perClass']) (report[key] as unknown[]).length = 0;
    expect(meter.toBytes()).toEqual(before);
    expect(fresh(meter)).toEqual(state);
  });

  test('samples that are counted twice are refused, whichever way they come; holes have names', () => {
    const meter = counted(create);
    const before = meter.toBytes();
    const again =
      'expected samples that have not been counted yet (give each shard the index of its first sample: firstIndex, --first-index)';
    expect(() => meter.update(new Float32Array(6), [0, 0], { firstIndex: 39 })).toThrow(
      `firstIndex ${again}, got [40, 41) again`,
    );
    expect(() => meter.update(new Float32Array(6), [0, 0])).toThrow('got [60, 62) again');
    expect(() => meter.merge(meter)).toThrow(`other ${again}, got [40, 100) again`);
    expect(meter.toBytes()).toEqual(before);
    meter.update(new Float32Array(6), [0, -100], { firstIndex: 200 });
    expect(meter.compute()).toMatchObject({
      missing: [
        [0, 40],
        [100, 200],
      ],
    });
  });
});

test('merges that no words would hold are refused', () => {
  const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes: 2, topK: [] });
  meter.update(new Float32Array(2), [0]);
  for (let i = 0; i < 52; i++) meter.merge(meter);
  const before = meter.toBytes();
  expect(() => meter.merge(meter)).toThrow('other expected counts below 2^53 together, got more');
  expect(FocalMeter.fromBytes(meter.toBytes()).toBytes()).toEqual(before);
});

test('no more than 65,536 ranges', () => {
  const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes: 2, topK: [], coverage: true });
  const one = Float32Array.of(0, 0);
  for (let i = 0; i < 2 ** 16; i++) meter.update(one, [0], { firstIndex: 2 * i });
  expect(() => meter.update(one, [0], { firstIndex: 2 ** 18 })).toThrow('at most 65536 ranges of samples apart');
  // what joins two ranges or widens one is welcome
  meter.update(one, [0], { firstIndex: 1 });
  meter.update(one, [0], { firstIndex: 2 ** 17 - 1 });
  expect(meter.toJSON().coverage?.length).toBe(2 ** 16 - 1);
});
