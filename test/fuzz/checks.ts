/** What has to hold of every case, on every backend. Each check throws where it does not. */
import assert from 'node:assert/strict';
import { toRows } from '../layout.ts';
import type { Random } from '../random.ts';
import { type Problem, type Reference, reference } from '../reference.ts';
import { bound, boundOfSum, expectAll, expectSame, GRAD_UNIT, LOSS_UNIT, used } from '../tolerance.ts';
import type { Case } from './cases.ts';
import { meterReference, type Tallied } from './meter-reference.ts';

// biome-ignore lint/suspicious/noExplicitAny: the same calls go to losses and meters of both variants
export type Api = any;

/** The API, with every call counted. */
export class Caller {
  calls = 0;
  readonly api: Api;

  constructor(api: Api) {
    this.api = api;
  }

  loss(problem: Problem, options: object): Api {
    const loss = new this.api[problem.loss === 'softmax' ? 'SoftmaxFocalLoss' : 'SigmoidFocalLoss'](options);
    return {
      loss,
      forward: (...args: unknown[]) => this.#count(() => loss.forward(...args)),
      valueAndGrad: (...args: unknown[]) => this.#count(() => loss.valueAndGrad(...args)),
    };
  }

  meter(loss: Api, options: object): Api {
    const meter = this.#count(() => new this.api.FocalMeter(loss.loss, options));
    return {
      meter,
      update: (...args: unknown[]) => this.#count(() => meter.update(...args)),
      merge: (other: Api) => this.#count(() => meter.merge(other.meter)),
      compute: () => this.#count(() => meter.compute()),
      toBytes: () => this.#count(() => meter.toBytes()),
    };
  }

  fromBytes(bytes: Uint8Array): Api {
    return this.#count(() => this.api.FocalMeter.fromBytes(bytes));
  }

  #count<T>(call: () => T): T {
    this.calls++;
    return call();
  }
}

/** One tensor over plain arrays: the samples [from, to) of a problem's batch. */
function part(problem: Problem, from: number, to: number) {
  const { classes, positions } = problem;
  const logits = (problem.logits as Float32Array).slice(from * classes * positions, to * classes * positions);
  const targets = (problem.targets as Int32Array).slice(from * positions, to * positions);
  return [{ data: logits, dims: [to - from, classes, positions] }, targets] as const;
}

const arrayOf = (given: Api): ArrayLike<number> => (ArrayBuffer.isView(given) ? given : given.data) as never;
const isProxy = (given: Api): boolean => !ArrayBuffer.isView(given) && !ArrayBuffer.isView(given?.data);
const bytesOf = (given: Api): Uint8Array => {
  const { buffer, byteOffset, byteLength } = view(arrayOf(given));
  return new Uint8Array(buffer, byteOffset, byteLength).slice();
};
/** Where the memory of a typed array is, whatever a subclass says. */
function view(array: unknown): { buffer: ArrayBuffer; byteOffset: number; byteLength: number } {
  const get = (key: string) => {
    const prototype = Object.getPrototypeOf(Uint8Array.prototype);
    return (Object.getOwnPropertyDescriptor(prototype, key) as PropertyDescriptor).get?.call(array);
  };
  return { buffer: get('buffer'), byteOffset: get('byteOffset'), byteLength: get('byteLength') };
}

/** Losses and gradients: within the stated errors, the same bits whatever the layout and the cut, inputs left alone. */
function checkLoss(
  caller: Caller,
  { problem, options, reduction, dims, logits, targets, upstream, random }: Case,
  truth: Reference,
) {
  const { batch, positions, classes } = problem;
  const each = caller.loss(problem, { ...options, reduction: 'none' });
  const before = [bytesOf(logits), isProxy(targets) ? null : bytesOf(targets)];
  const losses: Float32Array = each.forward(logits, targets);
  const lossBound = (i: number) => bound(LOSS_UNIT, problem, truth.margins[i] as number);
  // what leaves float32 before its weight brings it back may be infinite
  const far = (i: number) => Math.abs(truth.margins[i] as number) > 2 ** 128 && losses[i] === Infinity;
  const wanted = truth.losses.map((loss, i) => (far(i) ? Infinity : loss));
  expectAll(losses, wanted, lossBound, (i) => `loss at margin ${truth.margins[i]}`);

  const scaled = caller.loss(problem, { ...options, reduction });
  const value: number = scaled.forward(logits, targets);
  const total = wanted.reduce((a, b) => a + b, 0);
  const count = problem.loss === 'softmax' ? truth.valid : truth.valid * classes;
  const divisor = reduction === 'mean' ? count || 1 : 1;
  if (used(value, total / divisor, boundOfSum(wanted, lossBound) + 1e-12) > 1)
    assert.fail(`${reduction} expected ${total / divisor}, got ${value}`);

  const grad = random.below(2) ? new Float32Array(problem.logits.length).fill(7) : undefined;
  const both = each.valueAndGrad(logits, targets, { upstream, ...(grad && { grad }) });
  if (grad) assert.equal(both.grad, grad);
  expectSame(both.value, losses);
  const gradBound = (i: number) => bound(GRAD_UNIT, problem, truth.gradMargins[i] as number);
  const sampleOf = (i: number) => Math.floor(i / (classes * positions)) * positions + (i % positions);
  const expected = truth.grad.map((g, i) => (g === 0 ? 0 : g * (upstream[sampleOf(i)] as number)));
  // what is below float32 before upstream raises it may be 0
  const raised = (i: number) => (Math.abs(truth.grad[i] as number) < 2 ** -126 ? 1 : gradBound(i));
  expectAll(both.grad, expected, raised, (i) => `gradient at margin ${truth.gradMargins[i]}`);
  const after = [bytesOf(logits), isProxy(targets) ? null : bytesOf(targets)];
  assert.deepEqual(after, before, 'the inputs are left alone');

  // in place, by a scalar factor
  const own = (problem.logits as Float32Array).slice();
  const factor = random.below(3) ? 1 : 0.5;
  const place = scaled.valueAndGrad({ data: own, dims }, problem.targets, { grad: own, upstream: factor });
  assert.ok(Object.is(place.value, value), `in place expected ${value}, got ${place.value}`);
  const scale = factor / divisor;
  expectAll(
    own,
    truth.grad.map((g) => (g === 0 ? 0 : g * scale)),
    gradBound,
    (i) => `gradient in place ${i}`,
  );

  // in the kernels' own memory: the same bits, and left as it was
  if (random.below(4) === 0) {
    const resident = caller.api.alloc(dims);
    resident.data.set(problem.logits);
    expectSame(each.forward(resident, targets), losses);
    const there = each.valueAndGrad(resident, targets, { upstream });
    expectSame(there.grad, both.grad);
    expectSame(resident.data, problem.logits);
    resident.free();
  }

  // in two parts, and as rows: the same bits of every loss
  if (batch > 1) {
    const cut = 1 + random.below(batch - 1);
    const parts = [part(problem, 0, cut), part(problem, cut, batch)].map((args) => each.forward(...args));
    expectSame(Float32Array.from(parts.flatMap((p: Float32Array) => [...p])), losses);
  }
  if (positions > 1) {
    const rows = toRows(problem, problem.logits);
    const asRows = each.forward({ data: rows, dims: [batch * positions, classes] }, problem.targets);
    expectSame(asRows, problem.loss === 'softmax' ? losses : toRows(problem, losses));
  }
  return { losses, truth: { ...truth, losses: wanted } };
}

/** A call with one bad label is refused, in words, and changes nothing. */
function checkRefusal(caller: Caller, { problem, options, dims, random }: Case) {
  const samples = problem.batch * problem.positions;
  if (samples === 0) return;
  const targets = Float64Array.from(problem.targets);
  const i = random.below(samples);
  // between no and yes one logit takes any number
  const half = problem.classes === 1 ? 1.5 : 0.5;
  const bad = [Math.max(2, problem.classes), -5, 2 ** 31, half, NaN, 2 ** 60, -Infinity][random.below(7)] as number;
  targets[i] = bad;
  const logits = (problem.logits as Float32Array).slice();
  const loss = caller.loss(problem, options);
  const message = new RegExp(`^targets\\[${i}\\] expected`);
  const refused = { name: /^(Range|Type)Error$/, message };
  assert.throws(() => loss.forward({ data: logits, dims }, targets), refused);
  assert.throws(() => loss.valueAndGrad({ data: logits, dims }, targets, { grad: logits }), refused);
  expectSame(logits, problem.logits);
  const meter = caller.meter(loss, { classes: problem.classes });
  const bytes = meter.toBytes();
  assert.throws(() => meter.update({ data: logits, dims }, targets), refused);
  assert.deepEqual(meter.toBytes(), bytes, 'a refused update leaves the meter alone');
}

/** Meters: the metrics of the reference; the same bytes whatever the cut, the order, the layout and the merges. */
function checkMeter(
  caller: Caller,
  { problem, options, logits, targets, random }: Case,
  tallied: Tallied,
  losses: Float32Array,
) {
  const { batch, positions, classes } = problem;
  const loss = caller.loss(problem, options);
  const softmax = problem.loss === 'softmax';
  const hardest = random.below(3) ? 0 : 1 + random.below(6);
  const config = {
    classes,
    bins: tallied.bins,
    hardest,
    ...(softmax && { topK: tallied.topK, confusion: classes <= 64 }),
  };
  const whole = caller.meter(loss, config);
  whole.update(logits, targets);
  const bytes: Uint8Array = whole.toBytes();
  const report = whole.compute();
  tallied.check(report);
  if (softmax && hardest) checkHardest(report.hardest, problem, losses, hardest);

  const edges = [0, random.below(batch + 1), random.below(batch + 1), batch].sort((a, b) => a - b);
  const meters = edges.slice(1).map((to, k) => {
    const from = edges[k] as number;
    const meter = caller.meter(loss, config);
    meter.update(...part(problem, from, to), { firstIndex: from * positions });
    return meter;
  });
  const [a, b, c] = meters as [Api, Api, Api];
  b.merge(c);
  a.merge(random.below(2) ? { meter: caller.fromBytes(b.toBytes()) } : b);
  assert.deepEqual(a.toBytes(), bytes, 'merged parts give the bytes of the whole');
  const rows = caller.meter(loss, config);
  rows.update({ data: toRows(problem, problem.logits), dims: [batch * positions, classes] }, problem.targets);
  assert.deepEqual(rows.toBytes(), bytes, 'rows give the bytes of planes');
  checkCorrupted(caller, bytes, random);
}

/** Largest losses first, ties by index; what is not finite comes before all. */
function checkHardest(
  list: { index: number; loss: number | null }[],
  problem: Problem,
  losses: Float32Array,
  most: number,
) {
  const key = (i: number) => (Number.isFinite(losses[i]) ? (losses[i] as number) : Infinity);
  const order = [...losses.keys()].filter((i) => problem.targets[i] !== problem.ignoreIndex);
  order.sort((i, j) => key(j) - key(i) || i - j);
  const expected = order.slice(0, most).map(key);
  assert.deepEqual(
    list.map(({ loss }) => loss ?? Infinity),
    expected,
    'the hardest losses',
  );
  for (const { index, loss } of list) assert.equal(loss ?? Infinity, key(index), `loss of hardest ${index}`);
}

/** Bytes with a bit turned, or cut off, are refused. */
function checkCorrupted(caller: Caller, bytes: Uint8Array, random: Random) {
  const broken = random.below(4) ? bytes.slice() : bytes.slice(0, random.below(bytes.length));
  if (broken.length === bytes.length) (broken[random.below(bytes.length)] as number) ^= 1 << random.below(8);
  assert.throws(() => caller.fromBytes(broken), { name: /^(Range|Type)Error$/ });
}

/** Everything for one case; the decisions of all backends are compared by the caller. */
export function checkCase(caller: Caller, given: Case): void {
  const { losses, truth } = checkLoss(caller, given, reference(given.problem));
  if (given.random.below(8) === 0) checkRefusal(caller, given);
  if (given.problem.logits.length > 0 && given.random.below(3) === 0) {
    checkMeter(caller, given, meterReference(given.problem, truth, given.random), losses);
  }
}
