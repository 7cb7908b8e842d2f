import { readdirSync, readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { backends } from './backends.ts';
import { Random } from './random.ts';

/** Anything at all, where the types would forbid it. */
const any = (value: unknown) => value as never;

type Numbers = Float32Array | Float64Array | Int32Array | Uint8Array | Uint16Array | BigInt64Array;

/** A subclass as people write them: a constructor of its own, which `subarray` and `slice` would call. */
function labelled<T extends Numbers>(values: T): T {
  const Base = values.constructor as new (n: number) => T;
  // @ts-expect-error a mixin of any typed array
  class Labelled extends Base {
    label: string;
    constructor(n: number, label: string) {
      super(n);
      this.label = label;
    }
  }
  const out = new Labelled(values.length, 'x') as unknown as T;
  out.set(any(values));
  return out;
}

function lying<T extends Numbers>(values: T): T {
  const out = values.slice() as T;
  for (const [key, value] of Object.entries({ length: 2, byteOffset: 4, byteLength: 8, buffer: new ArrayBuffer(8) })) {
    Object.defineProperty(out, key, { get: () => value });
  }
  return Object.assign(out, { subarray: () => new Float32Array(2), slice: () => [] });
}

function disguised<T extends Numbers>(values: T): T {
  return Object.defineProperty(values.slice(), Symbol.toStringTag, { value: 'Date' }) as T;
}

/** The values at `offset` elements into a buffer. */
function within<T extends Numbers>(buffer: ArrayBuffer, values: T, offset: number, length?: number): T {
  const View = values.constructor as new (b: ArrayBuffer, at: number, n?: number) => T;
  const out = new View(buffer, offset * values.BYTES_PER_ELEMENT, length);
  out.set(any(values));
  return out;
}
type Resizable = new (
  bytes: number,
  options: { maxByteLength: number },
) => ArrayBuffer & { resize(bytes: number): void };
const Resizable = ArrayBuffer as unknown as Resizable;
const Shared = SharedArrayBuffer as unknown as Resizable;

/** The same numbers in memory of every kind. */
const MEMORIES: Record<string, <T extends Numbers>(values: T) => T> = {
  plain: (values) => values,
  'a subclass': labelled,
  'getters of its own': lying,
  'another toStringTag': disguised,
  'another realm': (values) => {
    const name = Object.prototype.toString.call(values).slice(8, -1);
    return runInNewContext(`${name}.from(values)`, { values });
  },
  'an offset': (values) => within(new ArrayBuffer(values.byteLength + 64), values, 3, values.length),
  'shared memory': (values) => within(any(new SharedArrayBuffer(values.byteLength)), values, 0),
  'growable shared memory': (values) =>
    within(new Shared(values.byteLength, { maxByteLength: 2 * values.byteLength + 8 }), values, 0),
  'a resizable buffer': (values) => {
    const buffer = new Resizable(values.byteLength + 16, { maxByteLength: values.byteLength + 99 });
    return within(buffer, values, 1, values.length);
  },
  'a resizable buffer to its end': (values) => {
    const buffer = new Resizable(8, { maxByteLength: values.byteLength + 99 });
    const out = within(buffer, values.subarray(0, 0) as typeof values, 0);
    buffer.resize(values.byteLength);
    out.set(any(values));
    return out;
  },
};

/** Labels of every kind. */
const LABELS: Record<string, (labels: Int32Array) => unknown> = {
  Int8Array: (y) => Int8Array.from(y),
  Int16Array: (y) => Int16Array.from(y),
  Int32Array: (y) => y,
  BigInt64Array: (y) => BigInt64Array.from(y, (v) => BigInt(v)),
  Float32Array: (y) => Float32Array.from(y),
  Float64Array: (y) => Float64Array.from(y),
  'an array': (y) => [...y],
  'an array of bigints': (y) => Array.from(y, BigInt),
  'a proxy': (y) => new Proxy([...y], {}),
  'an array of another realm': (y) => runInNewContext('Array.from(y)', { y }),
  'an array with getters': (y) => {
    const out = [...y];
    // it differs when it is read again
    for (const [i, value] of y.entries()) {
      let reads = 0;
      Object.defineProperty(out, i, { get: () => (reads++ ? 1e6 : value) });
    }
    return out;
  },
};

const SHAPES = [
  [3, 3],
  [40, 7],
  [300, 40],
  [1, 3, 300],
  [3, 2, 257],
  [5, 40, 3],
  [2, 9000],
] as [number, number, number?][];

describe.each(backends)('$name: the caller’s objects', ({ name, api, kernels }) => {
  /** Losses, gradient, bytes of a meter. */
  function answers(kind: 'softmax' | 'sigmoid', logits: unknown, targets: () => unknown, classes: number) {
    const loss =
      kind === 'softmax'
        ? new api.SoftmaxFocalLoss({ reduction: 'none' })
        : new api.SigmoidFocalLoss({ reduction: 'none' });
    const forward = loss.forward(any(logits), any(targets()));
    const { value, grad } = loss.valueAndGrad(any(logits), any(targets()));
    const meter = new api.FocalMeter(loss, { classes });
    meter.update(any(logits), any(targets()));
    return [forward, value, grad, meter.toBytes()].map((array) => Buffer.from(array.buffer).toString('base64'));
  }

  test.each(SHAPES)('[%i, %i, %s]: whatever the arrays are, the answer is that of plain ones', (batch, classes, d) => {
    const random = new Random(batch + classes);
    const dims = d ? [batch, classes, d] : [batch, classes];
    const samples = batch * (d ?? 1);
    const z = random.logits(samples * classes, 3, 0);
    const y = random.labels(samples, Math.min(classes, 100));
    const values: Numbers[] = [z, Float64Array.from(z)];
    const many = samples * classes > 3_000 || name === 'debug';
    for (const kind of ['softmax', 'sigmoid'] as const) {
      const want = answers(kind, { data: z, dims }, () => y, classes);
      for (const logits of values) {
        for (const [memory, make] of Object.entries(MEMORIES)) {
          expect(
            answers(kind, { data: make(logits), dims }, () => make(y), classes),
            memory,
          ).toEqual(want);
          if (many) continue;
          for (const [type, convert] of Object.entries(LABELS)) {
            const targets = () => {
              const labels = convert(y);
              return ArrayBuffer.isView(labels) && memory !== 'another realm' ? make(labels as Numbers) : labels;
            };
            const got = answers(kind, { data: make(logits), dims }, targets, classes);
            expect(got, `${memory}, ${type}`).toEqual(want);
          }
        }
      }
      expect(
        answers(kind, { data: z, dims }, () => y, classes),
        'and so is that of plain ones afterwards',
      ).toEqual(want);
    }
  });

  const z = () => Float32Array.of(1, 2, 3, 0, 1, 0.5, 2, 2, 1);
  const y = () => Int32Array.of(0, 1, 2);
  const loss = new api.SoftmaxFocalLoss({ reduction: 'none' });
  const want = loss.forward(z(), y());

  const gone = {
    detached: <T extends Numbers>(values: T): T => {
      structuredClone(values.buffer, { transfer: [values.buffer as ArrayBuffer] });
      return values;
    },
    'out of the bounds of a shrunk buffer': <T extends Numbers>(values: T): T => {
      const buffer = new Resizable(values.byteLength + 8, { maxByteLength: values.byteLength + 8 });
      const out = within(buffer, values, 1, values.length);
      buffer.resize(4);
      return out;
    },
    'a shrunk buffer to its end': <T extends Numbers>(values: T): T => {
      const buffer = new Resizable(values.byteLength + 8, { maxByteLength: values.byteLength + 8 });
      const View = values.constructor as new (b: ArrayBuffer, at: number) => T;
      const out = new View(buffer, 8);
      buffer.resize(4);
      return out;
    },
  };
  test.each(Object.entries(gone))('%s: refused wherever it comes', (_, make) => {
    const none = new Float32Array(0);
    const meter = new api.FocalMeter(loss, { classes: 3 });
    for (const call of [
      () => loss.forward(make(z()), y()),
      () => loss.forward({ data: make(z()), dims: [0, 3] }, []),
      () => loss.forward(z(), make(y())),
      () => loss.forward({ data: none, dims: [0, 3] }, make(y())),
      () => loss.valueAndGrad(z(), y(), { grad: make(z()) }),
      () => loss.valueAndGrad(z(), y(), { upstream: make(Float32Array.of(1, 1, 1)) }),
      () => meter.update(make(z()), y()),
      () => api.FocalMeter.fromBytes(make(meter.toBytes() as Uint8Array)),
    ]) {
      expect(call).toThrow(TypeError);
      expect(call).toThrow(/expected an attached array, got "a detached or shrunk one"$/);
    }
  });

  /** Everything of a call that may run code of the caller, given what it is to run. */
  const HOOKS: Record<string, (hook: () => void) => [logits: unknown, targets: unknown, options?: unknown]> = {
    'a getter of the options': (hook) => [
      z(),
      y(),
      {
        get grad() {
          return hook() as undefined;
        },
      },
    ],
    'the data of the targets': (hook) => [
      z(),
      {
        dims: [3],
        get data() {
          hook();
          return y();
        },
      },
    ],
    'an element of the targets': (hook) => [
      z(),
      new Proxy([0, 1, 2], { get: (o, p) => (p === '2' && hook(), Reflect.get(o, p)) }),
    ],
    'an element of the dims': (hook) => [
      {
        data: z(),
        dims: {
          length: 2,
          get 0() {
            hook();
            return 3;
          },
          1: 3,
        },
      },
      y(),
    ],
    'the type': (hook) => [
      {
        data: z(),
        dims: [3, 3],
        get type() {
          hook();
          return 'float32';
        },
      },
      y(),
    ],
  };
  test.each(Object.entries(HOOKS))('%s may make other calls', (_, make) => {
    const other = new api.SoftmaxFocalLoss({ gamma: 0, alpha: [3, 4] });
    const interfere = () => void other.valueAndGrad(Float32Array.of(5, 5, 5, 1, 1, 1), [1, 1, 1]);
    const [logits, targets, options] = make(interfere);
    expect(loss.valueAndGrad(any(logits), any(targets), any(options)).value).toEqual(want);
    expect(loss.forward(any(logits), any(make(interfere)[1]))).toEqual(want);
  });

  test.each(Object.entries(HOOKS))('%s may shrink the logits: refused, and nothing has changed', (_, make) => {
    const buffer = new Resizable(36, { maxByteLength: 64 });
    const data = within(buffer, z(), 0);
    const shrink = () => buffer.resize(0);
    const [logits, targets, options] = make(shrink);
    const tensor = ArrayBuffer.isView(logits) ? data : Object.defineProperty(logits as object, 'data', { value: data });
    expect(() => loss.valueAndGrad(any(tensor), any(targets), any(options))).toThrow(/^logits/);
    expect(loss.forward(z(), y())).toEqual(want);
  });

  test('targets that differ when they are read again: a failed call changes nothing', () => {
    const n = 70_000;
    const flip = (first: number, then: number) => {
      let reads = 0;
      const targets = new Array(n).fill(0);
      return Object.defineProperty(targets, n - 1, { get: () => (reads++ ? then : first) });
    };
    const mean = new api.SoftmaxFocalLoss();
    const grad = new Float32Array(2 * n).fill(1);
    const meter = new api.FocalMeter(mean, { classes: 2 });
    const before = meter.toBytes();
    expect(() => mean.valueAndGrad(grad, flip(99, 0), { grad })).toThrow(/^targets\[69999\] .* got 99$/);
    expect(() => meter.update(new Float32Array(2 * n), flip(99, 0))).toThrow(/^targets\[69999\] .* got 99$/);
    expect(grad.every((v) => v === 1)).toBe(true);
    expect(meter.toBytes()).toEqual(before);
    expect(mean.forward(new Float32Array(2 * n), flip(0, 99))).toBeCloseTo(Math.LN2 / 4, 6);
  });

  test.each([
    ['sigmoid', 'Uint8Array', 2],
    ['sigmoid', 'Float32Array', 1.5],
    ['sigmoid', 'BigInt64Array', 2n],
    ['softmax', 'Float32Array', -1],
    ['softmax', 'Float64Array', NaN],
    ['softmax', 'BigInt64Array', -1n],
  ] as const)(
    '%s, a number of a %s in the second 65,536 that is no target: named, and nothing has changed',
    (variant, type, bad) => {
      const dims = [40_000, 2];
      const data = new globalThis[type](80_000) as Float64Array;
      const at = 79_999;
      const numbers = new (variant === 'softmax' ? api.SoftmaxFocalLoss : api.SigmoidFocalLoss)();
      const grad = new Float32Array(80_000).fill(1);
      const logits = { data: grad, dims };
      const meter = new api.FocalMeter(numbers, { classes: 2 });
      const before = meter.toBytes();
      const value = numbers.forward(logits, { data, dims });
      data[at] = any(bad);
      const message = new RegExp(`^targets\\[${at}\\] .* got ${bad}$`);
      expect(() => numbers.valueAndGrad(logits, { data, dims }, { grad })).toThrow(message);
      expect(() => meter.update(logits, { data, dims })).toThrow(message);
      expect(grad.every((v) => v === 1)).toBe(true);
      expect(meter.toBytes()).toEqual(before);
      data[at] = any(type.startsWith('Big') ? 0n : 0);
      expect(numbers.valueAndGrad(logits, { data, dims }, { grad }).value).toBe(value);
      meter.update(logits, { data, dims });
    },
  );

  /** What counts, how a batch is given to each, and how one is read back. */
  const COUNTERS = {
    FocalMeter: {
      make: () => new api.FocalMeter(loss, { classes: 3, coverage: true }),
      args: (logits: unknown, targets: unknown, options: object) => [logits, targets, options],
      read: (state: unknown) => api.FocalMeter.fromJSON(any(state)).compute(),
    },
    FocalComparison: {
      make: () => new api.FocalComparison(loss, { classes: 3, coverage: true }),
      args: (logits: unknown, targets: unknown, options: object) => [z(), logits, targets, options],
      read: (state: unknown) => api.FocalComparison.fromJSON(any(state)).compute(),
    },
    SlicedMeter: {
      make: () => new api.SlicedMeter(loss, { classes: 3, coverage: true }),
      args: (logits: unknown, targets: unknown, options: object) => [logits, targets, { ...options, groups: y() }],
      read: (state: unknown) => api.SlicedMeter.fromJSON(any(state)).total().compute(),
    },
  };
  const batch = (hook: () => void, where: 'logits' | 'targets') => {
    const tensor = (data: unknown, dims: number[]) => ({
      dims,
      get data() {
        hook();
        return data;
      },
    });
    return where === 'logits' ? [tensor(z(), [3, 3]), y()] : [z(), tensor(y(), [3])];
  };
  test.each(
    Object.keys(COUNTERS).flatMap((counter) => (['logits', 'targets'] as const).map((where) => [counter, where])),
  )('%s: %s that reset it or count into it: a state that can be read', (counter, where) => {
    const { make, args, read } = COUNTERS[counter as 'FocalMeter'];
    const hooks = {
      reset: [3, (one: ReturnType<typeof make>) => one.reset()],
      update: [
        9,
        (one: ReturnType<typeof make>) => one.update(...(args(z(), y(), { firstIndex: 10 }) as [never, never])),
      ],
      merge: [
        9,
        (one: ReturnType<typeof make>) => {
          const other = make();
          other.update(...(args(z(), y(), { firstIndex: 20 }) as [never, never]));
          one.merge(other);
        },
      ],
    } as const;
    for (const [name, [samples, hook]] of Object.entries(hooks)) {
      const one = make();
      one.update(...(args(z(), y(), {}) as [never, never]));
      let done = false;
      const once = () => {
        if (!done) hook(one);
        done = true;
      };
      one.update(
        ...(args(...(batch(once, where as 'logits') as [unknown, unknown]), { firstIndex: 3 }) as [never, never]),
      );
      expect(read(JSON.parse(JSON.stringify(one))).samples, name).toBe(samples);
    }
  });

  test('a comparison reads its targets once, and refuses what is gone since', () => {
    const comparison = new api.FocalComparison(loss, { classes: 3 });
    const before = comparison.toBytes();
    let reads = 0;
    const targets = Object.defineProperty([0, 1, 2], 1, { get: () => (reads++ ? 99 : 1) });
    comparison.update(z(), z(), targets);
    const { samples, quality } = comparison.compute();
    expect([samples, quality?.candidate.samples, reads]).toEqual([3, 3, 1]);
    comparison.reset();
    for (const lost of [z(), y()]) {
      const candidate = batch(() => gone.detached(lost), 'logits')[0];
      const call = () =>
        lost instanceof Float32Array
          ? comparison.update(lost, any(candidate), y())
          : comparison.update(z(), any(candidate), lost);
      expect(call).toThrow(/^baseline.* expected .*attached arrays?, got "a detached or shrunk one"$/);
      expect(comparison.toBytes()).toEqual(before);
    }
  });

  test.each([
    ['the targets', (grad: Float32Array) => [new Int32Array(grad.buffer, 0, 2)]],
    ['a part of them', (grad: Float32Array) => [new Uint8Array(grad.buffer, 22, 2)]],
    ['upstream', (grad: Float32Array) => [Int32Array.of(1, 1), new Float32Array(grad.buffer, 16, 2)]],
  ])('grad over %s is refused', (_, make) => {
    const grad = new Float32Array(6);
    const [targets, upstream] = make(grad) as [Int32Array, Float32Array?];
    const call = () =>
      loss.valueAndGrad(Float32Array.of(1, 2, 3, 4, 5, 6), targets, { grad, ...(upstream && { upstream }) });
    expect(call).toThrow(RangeError);
    expect(call).toThrow(/^grad expected memory apart from (targets|upstream), got an overlap$/);
    expect(grad).toEqual(new Float32Array(6));
  });

  test('the caller’s own array comes back as grad', () => {
    const grad = labelled(new Float32Array(9));
    expect(loss.valueAndGrad(z(), y(), { grad }).grad).toBe(grad);
    expect(Array.from(grad)).toEqual(Array.from(loss.valueAndGrad(z(), y()).grad));
  });

  test('options hold at the size they state', () => {
    const classes = 300_000;
    const alpha = new Float32Array(classes).fill(0.5);
    const logits = new Float32Array(classes);
    const weighted = new api.SoftmaxFocalLoss({ gamma: 0, alpha });
    expect(weighted.forward(logits, [7])).toBeCloseTo(Math.log(classes) / 2, 4);
    expect(api.classWeights(alpha)).toHaveLength(classes);
    const topK = Array.from({ length: classes }, (_, i) => i + 1);
    const meter = new api.FocalMeter(new api.SoftmaxFocalLoss(), {
      classes: 10,
      topK,
      bins: 200_000,
      hardest: 200_000,
    });
    meter.update(new Float32Array(10), [7]);
    const report = meter.compute();
    // top-k of 10 classes and more says nothing, and is counted all the same
    expect(report.topK.map(({ accuracy }) => accuracy)).toEqual([0, 0, 0, 0, 0, 0, 0, 1, 1]);
    expect(meter.toJSON().config.topK).toHaveLength(classes);
    expect(report.bins).toHaveLength(200_000);
    meter.merge(api.FocalMeter.fromBytes(meter.toBytes()) as typeof meter);
    expect(meter.compute().samples).toBe(2);
  });

  if (name !== 'scalar') {
    test('alloc splits and joins what is given back: no more memory than was ever in use at once', () => {
      const random = new Random(11);
      const held: ReturnType<typeof api.alloc>[] = [];
      const pages = () => kernels.memory.buffer.byteLength / 65536;
      const size = (n: number) => Math.ceil((4 * n + 1024) / 65536);
      let live = 0;
      let most = 0;
      const start = pages();
      for (let step = 0; step < 400; step++) {
        if (held.length > 0 && random.uniform() < 0.5) {
          const [tensor] = held.splice(random.below(held.length), 1) as [(typeof held)[0]];
          live -= size(tensor.data.length);
          tensor.free();
        } else {
          const tensor = api.alloc([random.below(100_000)]);
          // nobody else's, and zeros
          expect(tensor.data.every((v) => v === 0)).toBe(true);
          tensor.data.fill(step + 1);
          live += size(tensor.data.length);
          held.push(tensor);
        }
        most = Math.max(most, live);
        for (const { data } of held) if (data.length > 0) expect(data[0]).toBe(data[data.length - 1]);
      }
      // half as much again for gaps
      expect(pages() - start).toBeLessThan(1.5 * most);
      for (const tensor of held) tensor.free();
      const grown = pages();
      const whole = api.alloc([(grown - start) * 16384 - 256]);
      expect(pages(), 'all of it is one block again').toBe(grown);
      whole.free();
      for (let k = 1; k < 100; k++) api.alloc([16384 * k - 300]).free();
      expect(pages() - start).toBeLessThanOrEqual(Math.max(grown - start, 100));
    });
  }

  test.each([
    [[2 ** 31], /^dims expected at most 2\^30 elements, got \[2147483648\]$/],
    [[2 ** 40, 2 ** 40], /^dims expected at most 2\^30 elements/],
    [[2 ** 60], /^dims\[0\] expected an integer ≥ 0/],
    [new Array(33).fill(1), /^dims expected at most 32 dimensions, got 33$/],
  ])('alloc refuses %j', (dims, message) => {
    expect(() => api.alloc(dims)).toThrow(RangeError);
    expect(() => api.alloc(dims)).toThrow(message);
  });
});

test('no data is ever spread into arguments, of which engines take some 100,000', () => {
  const sources = new URL('../bindings/', import.meta.url);
  for (const file of readdirSync(sources, { recursive: true, encoding: 'utf8' })) {
    if (!/\.tsx?$/.test(file) || /generated/.test(file)) continue;
    const text = readFileSync(new URL(file, sources), 'utf8');
    expect(text.match(/\b(Math\.\w+|push|unshift|splice|concat|of|fromCharCode)\([^\n{]*\.\.\.[^\n]*/), file).toBe(
      null,
    );
  }
});
