import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Logits, Reduction, Targets, ValueAndGrad } from '../bindings/losses/types.ts';
import { backends } from './backends.ts';
import { toRows } from './layout.ts';
import { Random } from './random.ts';
import { reference } from './reference.ts';
import { expectSame } from './tolerance.ts';

type Kind = 'softmax' | 'sigmoid';

/** [batch, classes, positions] logits and their targets, drawn from one seed so that a failure shrinks to small shapes. */
const inputs = (most: { batch: number; classes: number; positions: number }) =>
  fc
    .record({
      batch: fc.integer({ min: 0, max: most.batch }),
      classes: fc.integer({ min: 2, max: most.classes }),
      positions: fc.integer({ min: 1, max: most.positions }),
      seed: fc.nat(),
      scale: fc.constantFrom<number[]>(0.1, 1, 8, 60),
      ignoreIndex: fc.constantFrom<number[]>(-100, 255, 0),
      ignored: fc.constantFrom<number[]>(0, 0.1, 0.6, 1),
    })
    .map((shape) => {
      const { batch, classes, positions, seed, scale, ignoreIndex, ignored } = shape;
      const random = new Random(seed);
      const logits = random.logits(batch * classes * positions, scale, 0);
      const targets = random.labels(batch * positions, classes);
      for (let i = 0; i < targets.length; i++) if (random.uniform() < ignored) targets[i] = ignoreIndex;
      return { ...shape, logits, targets, weights: random.weights(classes) };
    });

type Input = ReturnType<typeof inputs> extends fc.Arbitrary<infer T> ? T : never;

const SMALL = inputs({ batch: 12, classes: 40, positions: 20 });
const ROWS = inputs({ batch: 90, classes: 70, positions: 1 });
const KIND = fc.constantFrom<Kind>('softmax', 'sigmoid');
const GAMMA = fc.constantFrom(0, 0.3, 1, 1.7, 2, 5);
const WEIGHTED = fc.boolean();

/** The logits as a tensor object, which says its shape also where there are no samples. */
const tensor = ({ batch, classes, positions, logits }: Input): Logits => ({
  data: logits,
  dims: [batch, classes, positions],
});

/** Row i of `rows` is row order[i] of the values. */
function gather(values: Float32Array, width: number, order: readonly number[]): Float32Array {
  const out = new Float32Array(order.length * width);
  for (const [i, from] of order.entries()) out.set(values.subarray(from * width, (from + 1) * width), i * width);
  return out;
}

/** Exact sum of float32 numbers, rounded once to float64. */
function exactSum(values: Float32Array): number {
  let sum = 0n;
  for (const v of values) sum += BigInt(v * 2 ** 149);
  return Number(sum) * 2 ** -149;
}

const numberOfRuns = 60;

describe.each(backends)('$name', ({ api }) => {
  interface Options {
    gamma: number;
    weighted: boolean;
    reduction: Reduction;
    ignored?: 'zero' | 'drop';
  }

  function make(kind: Kind, { gamma, weighted, reduction, ignored = 'zero' }: Options, input: Input) {
    const common = { gamma, reduction, ignored, ignoreIndex: input.ignoreIndex };
    const loss =
      kind === 'softmax'
        ? new api.SoftmaxFocalLoss({ ...common, alpha: weighted ? input.weights : null })
        : new api.SigmoidFocalLoss({ ...common, alpha: weighted ? input.weights : 0.25 });
    return loss as {
      forward(logits: Logits, targets: Targets): number | Float32Array;
      valueAndGrad(logits: Logits, targets: Targets, options?: object): ValueAndGrad<Reduction>;
    };
  }

  const holds = (
    name: string,
    arbitrary: fc.Arbitrary<Input>,
    check: (input: Input, kind: Kind, options: Omit<Options, 'reduction'>) => void,
  ) =>
    test(name, () => {
      const property = fc.property(arbitrary, KIND, GAMMA, WEIGHTED, (input, kind, gamma, weighted) =>
        check(input, kind, { gamma, weighted }),
      );
      fc.assert(property, { numRuns: numberOfRuns });
    });

  holds('any order of the samples: the same bits of sum and mean', ROWS, (input, kind, options) => {
    const order = new Random(input.seed + 1).permutation(input.batch);
    const logits = gather(input.logits, input.classes, order);
    const targets = order.map((i) => input.targets[i]!);
    for (const reduction of ['sum', 'mean'] as const) {
      const loss = make(kind, { ...options, reduction }, input);
      expect(loss.forward(logits, targets)).toBe(loss.forward(input.logits, input.targets));
    }
  });

  holds('any split of the batch: the same bits of each loss and of the gradient', SMALL, (input, kind, options) => {
    const { batch, classes, positions, logits, targets } = input;
    const loss = make(kind, { ...options, reduction: 'none' }, input);
    const whole = loss.valueAndGrad(tensor(input), targets);
    const cut = batch ? input.seed % (batch + 1) : 0;
    const parts = [
      [0, cut],
      [cut, batch],
    ].map(([from, to]) => {
      const data = logits.subarray(from! * classes * positions, to! * classes * positions);
      const dims = [to! - from!, classes, positions];
      return loss.valueAndGrad({ data, dims }, targets.subarray(from! * positions, to! * positions));
    });
    expectSame(
      parts.flatMap(({ value }) => [...(value as Float32Array)]),
      whole.value as Float32Array,
    );
    expectSame(
      parts.flatMap(({ grad }) => [...grad]),
      whole.grad,
    );
  });

  holds('sum and mean are the exact sum of the losses, rounded once', SMALL, (input, kind, options) => {
    const { classes, targets, ignoreIndex } = input;
    const [losses, sum, mean] = (['none', 'sum', 'mean'] as const).map((reduction) =>
      make(kind, { ...options, reduction }, input).forward(tensor(input), targets),
    );
    const exact = exactSum(losses as Float32Array);
    const count = targets.filter((y) => y !== ignoreIndex).length * (kind === 'softmax' ? 1 : classes);
    expect(sum).toBe(exact);
    expect(mean).toBe(count ? exact / count : 0);
  });

  holds('N-D layouts give what rows give', SMALL, (input, kind, options) => {
    const { targets } = input;
    const loss = make(kind, { ...options, reduction: 'none' }, input);
    const planes = loss.valueAndGrad(tensor(input), targets);
    const rows = loss.valueAndGrad(
      { data: toRows(input, input.logits), shape: [targets.length, input.classes] },
      targets,
    );
    const losses = planes.value as Float32Array;
    expectSame(kind === 'softmax' ? losses : toRows(input, losses), rows.value as Float32Array);
    expectSame(toRows(input, planes.grad), rows.grad);
  });

  holds("ignored: 'drop' gives what is left without the ignored samples", SMALL, (input, kind, options) => {
    const { classes, targets, ignoreIndex } = input;
    const rows = toRows(input, input.logits);
    const kept = [...targets.keys()].filter((i) => targets[i] !== ignoreIndex);
    const filtered = { data: gather(rows, classes, kept), dims: [kept.length, classes] };
    const labels = kept.map((i) => targets[i]!);
    const all = { data: rows, dims: [targets.length, classes] };
    for (const reduction of ['none', 'sum', 'mean'] as const) {
      const loss = make(kind, { ...options, reduction, ignored: 'drop' }, input);
      const [got, want] = [loss.forward(all, targets), loss.forward(filtered, labels)];
      expect(got).toEqual(want);
    }
    const dropped = make(kind, { ...options, reduction: 'none', ignored: 'drop' }, input).forward(
      tensor(input),
      targets,
    );
    const width = kind === 'softmax' ? 1 : classes;
    const zeroed = make(kind, { ...options, reduction: 'none' }, input).forward(tensor(input), targets) as Float32Array;
    expectSame(dropped as Float32Array, gather(width === 1 ? zeroed : toRows(input, zeroed), width, kept));
  });

  holds('every kind of array gives the same bits', ROWS, (input, kind, options) => {
    const { batch, classes, logits, targets } = input;
    const loss = make(kind, { ...options, reduction: 'none' }, input);
    const want = loss.valueAndGrad({ data: logits, dims: [batch, classes] }, targets);
    const shared = new Float32Array(new SharedArrayBuffer(4 * logits.length));
    shared.set(logits);
    const moved = new Float32Array(logits.length + 3).subarray(3);
    moved.set(logits);
    const wide = BigInt64Array.from(targets, BigInt);
    const movedWide = new BigInt64Array(targets.length + 1).subarray(1);
    movedWide.set(wide);
    const sharedLabels = new Int32Array(new SharedArrayBuffer(4 * targets.length));
    sharedLabels.set(targets);
    const dims = [batch, classes];
    const labels: Targets[] = [targets, wide, [...targets], movedWide, sharedLabels, Int16Array.from(targets)];
    labels.push({ data: wide, dims: [batch] }, { data: targets, shape: [batch] });
    if (targets.every((y) => y >= 0 && y < 256)) labels.push(Uint8Array.from(targets), Uint32Array.from(targets));
    for (const data of [logits, Float64Array.from(logits), shared, moved]) {
      for (const t of labels) {
        const got = loss.valueAndGrad({ data, dims }, t);
        expectSame(got.value as Float32Array, want.value as Float32Array);
        expectSame(got.grad, want.grad);
        if (batch > 0) expectSame(loss.forward(data, t) as Float32Array, want.value as Float32Array);
        else expect(loss.forward({ data, shape: dims }, t)).toEqual(want.value);
      }
    }
    expectSame(logits, moved);
  });

  holds('a gradient into an array of the caller, the logits themselves too', SMALL, (input, kind, options) => {
    const { batch, classes, positions, logits, targets } = input;
    const loss = make(kind, { ...options, reduction: 'mean' }, input);
    const before = logits.slice();
    const want = loss.valueAndGrad(tensor(input), targets);
    expectSame(logits, before);
    const grad = new Float32Array(logits.length + 2).fill(9);
    const got = loss.valueAndGrad(tensor(input), targets, { grad: grad.subarray(1, -1) });
    expect(got.grad.buffer).toBe(grad.buffer);
    expectSame(grad, [9, ...want.grad, 9]);
    expect(got.value).toBe(want.value);
    const own = logits.slice();
    const inPlace = loss.valueAndGrad({ data: own, dims: [batch, classes, positions] }, targets, { grad: own });
    expect(inPlace.grad).toBe(own);
    expectSame(own, want.grad);
    expect(inPlace.value).toBe(want.value);
  });

  holds('an upstream weight multiplies, and 0 comes at ignored samples', SMALL, (input, kind, options) => {
    const { classes, positions, targets, ignoreIndex } = input;
    const none = make(kind, { ...options, reduction: 'none' }, input);
    // powers of two multiply exactly
    const upstream = Float32Array.from(targets, (_, i) => 2 ** ((i % 5) - 2));
    const plain = none.valueAndGrad(tensor(input), targets).grad;
    const weighted = none.valueAndGrad(tensor(input), targets, { upstream }).grad;
    for (const [at, g] of plain.entries()) {
      const sample = Math.floor(at / (classes * positions)) * positions + (at % positions);
      if (targets[sample] === ignoreIndex && g !== 0) expect.fail(`[${at}] expected 0, got ${g}`);
      const expected = Math.abs(g) > 1e-30 ? g * upstream[sample]! : weighted[at]!;
      if (weighted[at] !== expected) expect.fail(`[${at}] expected ${expected}, got ${weighted[at]}`);
    }
    const sum = make(kind, { ...options, reduction: 'sum' }, input);
    expectSame(sum.valueAndGrad(tensor(input), targets).grad, plain);
    const half = sum.valueAndGrad(tensor(input), targets, { upstream: 0.5 }).grad;
    for (const [at, g] of plain.entries()) if (Math.abs(g) > 1e-30) expect(half[at]).toBe(g / 2);
  });

  test('the gradient is what finite differences of the formula give', () => {
    const property = fc.property(SMALL, KIND, GAMMA, fc.nat(), (drawn, kind, gamma, at) => {
      const input = { ...drawn, logits: drawn.logits.map((z) => Math.max(-6, Math.min(6, z))) };
      if (input.logits.length === 0) return;
      const { grad } = make(kind, { gamma, weighted: true, reduction: 'sum' }, input).valueAndGrad(
        tensor(input),
        input.targets,
      );
      const k = at % input.logits.length;
      const losses = (step: number): Float64Array => {
        const logits = Float64Array.from(input.logits);
        logits[k] = logits[k]! + step;
        return reference({ ...input, loss: kind, gamma, logits, alpha: input.weights, smoothing: 1e-3 }).losses;
      };
      // differences first, sum after: the other samples cancel exactly
      const change = (h: number): number => {
        const before = losses(-h);
        return losses(h).reduce((sum, v, i) => sum + (v - before[i]!), 0);
      };
      const h = 1e-3;
      const slope = (8 * change(h) - change(2 * h)) / (12 * h);
      expect(Math.abs(grad[k]! - slope)).toBeLessThanOrEqual(1e-5 * Math.abs(slope) + 1e-8);
    });
    fc.assert(property, { numRuns: numberOfRuns });
  });

  test('γ = 0: cross-entropy, whose gradient is p − 1 and p', () => {
    const property = fc.property(SMALL, (input) => {
      const loss = make('softmax', { gamma: 0, weighted: false, reduction: 'none' }, input);
      const { grad } = loss.valueAndGrad(tensor(input), input.targets);
      const { batch, classes, positions, targets } = input;
      const rows = toRows(input, input.logits);
      const got = toRows(input, grad);
      for (let i = 0; i < batch * positions; i++) {
        if (targets[i] === input.ignoreIndex) continue;
        const row = Float64Array.from(rows.subarray(i * classes, (i + 1) * classes));
        const largest = Math.max(...row);
        const e = row.map((z) => Math.exp(z - largest));
        const total = e.reduce((a, b) => a + b, 0);
        for (let c = 0; c < classes; c++) {
          const others = e.reduce((sum, v, k) => (k === c ? sum : sum + v), 0);
          const want = c === targets[i] ? -others / total : e[c]! / total;
          // 240 is the largest margin there can be
          const error = Math.abs(got[i * classes + c]! - want);
          if (!(error <= 4e-6 * 31 * Math.abs(want) + 2e-38)) expect(got[i * classes + c], `[${i}, ${c}]`).toBe(want);
        }
      }
    });
    fc.assert(property, { numRuns: numberOfRuns });
  });

  holds('a call that fails changes nothing, and the next one is well', SMALL, (input, kind, options) => {
    const { batch, positions, classes, logits, targets, seed } = input;
    if (targets.length === 0) return;
    const loss = make(kind, { ...options, reduction: 'none' }, input);
    const want = loss.valueAndGrad(tensor(input), targets);
    const bad = targets.slice();
    bad[seed % bad.length] = classes + 1000;
    const before = logits.slice();
    const grad = new Float32Array(logits.length).fill(3);
    expect(() => loss.forward(tensor(input), bad)).toThrow(RangeError);
    expect(() => loss.valueAndGrad(tensor(input), bad, { grad })).toThrow(RangeError);
    expect(() => loss.valueAndGrad(tensor(input), bad, { grad: logits })).toThrow(RangeError);
    expect(() => loss.valueAndGrad(tensor(input), targets, { grad: new Float32Array(1 + grad.length) })).toThrow(
      RangeError,
    );
    expect(() => loss.forward({ data: logits, dims: [batch, classes + 1, positions] }, targets)).toThrow(RangeError);
    expectSame(logits, before);
    expectSame(grad, new Float32Array(grad.length).fill(3));
    const again = loss.valueAndGrad(tensor(input), targets);
    expectSame(again.value as Float32Array, want.value as Float32Array);
    expectSame(again.grad, want.grad);
  });

  test.each([
    ['softmax', 10],
    ['softmax', 150],
    ['sigmoid', 10],
  ] as [Kind, number][])('%s, %i classes, over many tiles: order, split and label checks hold', (kind, classes) => {
    const n = Math.floor(1_500_000 / classes);
    const random = new Random(3);
    const logits = random.logits(n * classes, 6, 0);
    const targets = random.labels(n, classes);
    const input = {
      batch: n,
      classes,
      positions: 1,
      logits,
      targets,
      ignoreIndex: -100,
      weights: random.weights(classes),
    };
    const options = { gamma: 2, weighted: true };
    const shape = { ...input, seed: 0, scale: 6, ignored: 0 };
    const none = make(kind, { ...options, reduction: 'none' }, shape);
    const sum = make(kind, { ...options, reduction: 'sum' }, shape);
    const total = sum.forward(logits, targets);
    const losses = none.forward(logits, targets) as Float32Array;
    expect(total).toBe(exactSum(losses));
    const order = random.permutation(n);
    const permuted = order.map((i) => targets[i]!);
    expect(sum.forward(gather(logits, classes, order), permuted)).toBe(total);
    const cut = 12_347 % n;
    const width = losses.length / n;
    expectSame(
      none.forward(logits.subarray(cut * classes), targets.subarray(cut)) as Float32Array,
      losses.subarray(cut * width),
    );
    // the last label of all is wrong: nothing may have been written by then
    const bad = targets.slice();
    bad[n - 1] = classes;
    const grad = new Float32Array(logits.length).fill(3);
    expect(() => none.valueAndGrad(logits, bad, { grad })).toThrow(`targets[${n - 1}]`);
    expect(grad.every((g) => g === 3)).toBe(true);
    expect(sum.forward(logits, targets)).toBe(total);
  });
});
