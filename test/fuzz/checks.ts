/** What has to hold of every case, on every backend. Each check throws where it does not. */
import assert from 'node:assert/strict';
import { indexOf, toRows } from '../layout.ts';
import type { Random } from '../random.ts';
import { type Problem, type Reference, reference } from '../reference.ts';
import { bound, boundOfSum, expectAll, expectSame, GRAD_UNIT, LARGEST, LOSS_UNIT, used } from '../tolerance.ts';
import type { Case } from './cases.ts';
import { contained } from './containers.ts';
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

/** A tensor over plain arrays, targets, and the options that go with them: the samples [from, to) of a case's batch. */
function part({ problem, values, weights }: Case, from: number, to: number) {
  const { classes, positions, dense } = problem;
  const per = dense ? classes * positions : positions;
  const logits = values.slice(from * classes * positions, to * classes * positions);
  const targets = Float64Array.from(problem.targets).slice(from * per, to * per);
  const own = positions > 1 ? [to - from, classes, positions] : [to - from, classes];
  const data = dense && classes > 1 ? { data: targets, dims: own } : targets;
  return [{ data: logits, dims: own }, data, weighed(weights?.slice(from * positions, to * positions))] as const;
}

const weighed = (weights: ArrayLike<number> | null | undefined) => (weights ? { weights } : {});

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

/** What is allowed of a number whose terms cannot be but rounded: see docs/numerics.md. */
function tolerances({ problem, options }: Case, truth: Reference) {
  const { classes, positions, gamma, gammaNegative = gamma } = problem;
  const { input = 'logits' } = options;
  const weight = problem.weight ?? (() => 1);
  const perSample = classes * positions;
  /** The sample of a logit. */
  const sampleOf = (i: number) => Math.floor(i / perSample) * positions + (i % positions);
  const ofLoss = (i: number) => (problem.loss === 'softmax' ? i : sampleOf(i));
  // probabilities become logits that are rounded to float32
  const rounded = (i: number): number => {
    if (input === 'logits') return 0;
    const z = problem.loss === 'softmax' ? largestOf(problem, i) : Math.abs(problem.logits[i] as number);
    return 5e-7 * Math.max(1, z) * (1 + Math.max(gamma, gammaNegative));
  };
  const margin = (i: number) => truth.margins[i] as number;
  const largestTarget = mostTarget(problem);
  return {
    sampleOf,
    loss: (i: number) => bound(LOSS_UNIT, problem, margin(i)) + rounded(i),
    lossBeyond: (i: number) => {
      const w = weight(ofLoss(i));
      // below float32 before its weight raises it, it may be 0
      return (truth.lossCuts[i] as number) + ((truth.losses[i] as number) < w * 2 ** -126 ? w * 2 ** -126 : 0);
    },
    grad: (i: number) => bound(GRAD_UNIT, problem, truth.gradMargins[i] as number),
    gradBeyond: (i: number, factor = 1) => {
      const terms = (truth.gradTerms[i] as number) * Math.abs(factor);
      const w = weight(sampleOf(i)) * Math.abs(factor);
      const cut = (truth.gradCuts[i] as number) * Math.abs(factor);
      // terms below float32 may be 0
      const lost = classes * 2 ** -126 * Math.max(1, w) * Math.max(1, largestTarget);
      return bound(GRAD_UNIT, problem, truth.gradMargins[i] as number) * terms + lost + cut;
    },
  };
}

const mostTarget = ({ targets, dense, loss }: Problem): number =>
  dense && loss === 'softmax' ? Array.from(targets).reduce((a, t) => Math.max(a, t), 1) : 1;

/** The largest magnitude of a finite logit of a sample. */
function largestOf(problem: Problem, i: number): number {
  let largest = 0;
  for (let c = 0; c < problem.classes; c++) {
    const z = Math.abs(problem.logits[indexOf(problem, i, c)] as number);
    if (z < Infinity) largest = Math.max(largest, z);
  }
  return largest;
}

/** A loss of several classes is a sum of so large ones. */
const FAR = 2 ** 120;

/** Losses and gradients: within the stated errors, the same bits whatever the layout and the cut, inputs left alone. */
function checkLoss(caller: Caller, given: Case, truth: Reference) {
  const { problem, options, reduction, divisor, dims, logits, targets, values, weights, upstream, random } = given;
  const { batch, positions, classes, dense } = problem;
  const each = caller.loss(problem, { ...options, reduction: 'none' });
  const before = [bytesOf(logits), isProxy(targets) ? null : bytesOf(targets)];
  const extra = weighed(weights && (contained(Float32Array, weights, random).array as Float32Array));
  const losses: Float32Array = each.forward(logits, targets, extra);
  const allowed = tolerances(given, truth);
  // what leaves float32 before its weight brings it back may be infinite
  const far = (i: number) =>
    losses[i] === Infinity && (Math.abs(truth.margins[i] as number) > FAR || (truth.losses[i] as number) > LARGEST);
  const wanted = truth.losses.map((loss, i) => (far(i) ? Infinity : loss));
  expectAll(losses, wanted, allowed.loss, (i) => `loss at margin ${truth.margins[i]}`, allowed.lossBeyond);

  const scaled = caller.loss(problem, { ...options, reduction, ...(reduction === 'mean' && { divisor }) });
  const value: number = scaled.forward(logits, targets, extra);
  const total = wanted.reduce((a, b) => a + b, 0);
  const by = reduction === 'mean' ? divisorOf(given, truth) : 1;
  const beyond = wanted.reduce((sum, _, i) => sum + allowed.lossBeyond(i), 0) / by;
  if (
    used(value, total / by, boundOfSum(wanted, allowed.loss) + 1e-12 + (divisor === 'weights' ? 1e-6 : 0), beyond) > 1
  )
    assert.fail(`${reduction} by ${divisor} expected ${total / by}, got ${value}`);

  // the logarithms of a softmax's probabilities are logits of it
  if (options.input && !(problem.loss === 'softmax' && options.input === 'logProbabilities')) {
    assert.throws(() => each.valueAndGrad(logits, targets), /^RangeError: input expected 'logits' where a gradient/);
  } else {
    const grad = random.below(2) ? new Float32Array(values.length).fill(7) : undefined;
    const both = each.valueAndGrad(logits, targets, { upstream, ...extra, ...(grad && { grad }) });
    if (grad) assert.equal(both.grad, grad);
    expectSame(both.value, losses);
    const factor = (i: number) => upstream[allowed.sampleOf(i)] as number;
    const expected = truth.grad.map((g, i) => (g === 0 ? 0 : g * factor(i)));
    // what is below float32 before upstream raises it may be 0
    const raised = (i: number) => (Math.abs(truth.grad[i] as number) < 2 ** -126 ? 1 : 0);
    expectAll(
      both.grad,
      expected,
      raised,
      (i) => `gradient at margin ${truth.gradMargins[i]}`,
      (i) => allowed.gradBeyond(i, factor(i)),
    );

    // in place, by a scalar factor
    const own = values.slice();
    const scalar = random.below(3) ? 1 : 0.5;
    const plain = part(given, 0, batch)[1];
    const targetsThere = dense && classes > 1 ? { data: (plain as Api).data, dims } : plain;
    const place = scaled.valueAndGrad({ data: own, dims }, targetsThere, { grad: own, upstream: scalar, ...extra });
    assert.ok(Object.is(place.value, value), `in place expected ${value}, got ${place.value}`);
    const scale = scalar / by;
    expectAll(
      own,
      truth.grad.map((g) => (g === 0 ? 0 : g * scale)),
      divisor === 'weights' ? () => 1e-6 : () => 0,
      (i) => `gradient in place ${i}`,
      (i) => allowed.gradBeyond(i, scale),
    );

    // in the kernels' own memory: the same bits, and left as it was
    if (random.below(4) === 0) {
      const resident = caller.api.alloc(dims);
      resident.data.set(values);
      expectSame(each.forward(resident, targetsThere, extra), losses);
      const there = each.valueAndGrad(resident, targetsThere, { upstream, ...extra });
      expectSame(there.grad, both.grad);
      expectSame(resident.data, values);
      resident.free();
    }
  }
  const after = [bytesOf(logits), isProxy(targets) ? null : bytesOf(targets)];
  assert.deepEqual(after, before, 'the inputs are left alone');

  // in two parts, and as rows: the same bits of every loss
  if (batch > 1) {
    const cut = 1 + random.below(batch - 1);
    const [a, b] = [part(given, 0, cut), part(given, cut, batch)];
    const parts = [each.forward(...a), each.forward(...b)];
    expectSame(Float32Array.from(parts.flatMap((p: Float32Array) => [...p])), losses);
  }
  if (positions > 1) {
    const rows = { data: toRows(problem, values), dims: [batch * positions, classes] };
    const flat =
      dense && classes > 1 ? { data: toRows(problem, problem.targets), dims: rows.dims } : part(given, 0, batch)[1];
    const asRows = each.forward(rows, flat, extra);
    expectSame(asRows, problem.loss === 'softmax' ? losses : toRows(problem, losses));
    // with the classes last, the same rows
    const last = caller.loss(problem, { ...options, reduction: 'none', classAxis: -1 });
    const image = [batch, positions, classes];
    const labels = dense && classes > 1 ? { data: (flat as Api).data, dims: image } : flat;
    expectSame(last.forward({ data: rows.data, dims: image }, labels, extra), asRows);
  }
  return { losses, truth: { ...truth, losses: wanted } };
}

/** What the mean divides by; nothing is left of a sum of nothing. */
function divisorOf({ problem, divisor }: Case, truth: Reference): number {
  if (typeof divisor === 'number') return divisor;
  if (divisor === 'positives') return Math.max(1, truth.positives);
  if (divisor === 'weights') return truth.weights || Infinity;
  return (problem.loss === 'softmax' || problem.dense ? truth.valid : truth.valid * problem.classes) || Infinity;
}

/** A call with one bad label is refused, in words, and changes nothing. */
function checkRefusal(caller: Caller, given: Case) {
  const { problem, options, dims, values, random } = given;
  const { loss: variant, classes, dense, clip = 0, gamma, gammaNegative = gamma } = problem;
  const flat = Float64Array.from(problem.targets);
  if (flat.length === 0) return;
  const i = random.below(flat.length);
  const asymmetric = clip > 0 || gammaNegative !== gamma;
  const bad = !dense
    ? [classes + 7, -5, 2 ** 31, 0.5, NaN, 2 ** 60, -Infinity]
    : variant === 'softmax'
      ? [-0.5, NaN, Infinity, -1e-30, -Infinity, 2 ** 130, -1]
      : [1.5, -0.5, NaN, 2, Infinity, asymmetric ? 0.5 : 1.01, -7];
  flat[i] = bad[random.below(bad.length)] as number;
  const targets = dense && classes > 1 ? { data: flat, dims } : flat;
  const logits = values.slice();
  const loss = caller.loss(problem, options);
  const message = new RegExp(`^targets\\[${i}\\] expected`);
  const refused = { name: /^(Range|Type)Error$/, message };
  assert.throws(() => loss.forward({ data: logits, dims }, targets), refused);
  if (!options.input)
    assert.throws(() => loss.valueAndGrad({ data: logits, dims }, targets, { grad: logits }), refused);
  expectSame(logits, values);
  if (!isMetered(given)) return;
  const meter = caller.meter(loss, { classes: problem.classes });
  const bytes = meter.toBytes();
  assert.throws(() => meter.update({ data: logits, dims }, targets), refused);
  assert.deepEqual(meter.toBytes(), bytes, 'a refused update leaves the meter alone');
}

/** Whether meters take the case: no weights. What logits are made of is rounded. */
function isMetered({ problem, options, weights }: Case): boolean {
  const { dense, loss, ignoreIndex, classes } = problem;
  if (weights || options.input) return false;
  if (!dense || loss === 'softmax') return true;
  return classes > 1 || (ignoreIndex !== 0 && ignoreIndex !== 1);
}

/** Meters: the metrics of the reference; the same bytes whatever the cut, the order, the layout and the merges. */
function checkMeter(caller: Caller, given: Case, tallied: Tallied, losses: Float32Array) {
  const { problem, options, logits, targets, values, random } = given;
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
    const [z, t] = part(given, from, to);
    meter.update(z, t, { firstIndex: from * positions });
    return meter;
  });
  const [a, b, c] = meters as [Api, Api, Api];
  b.merge(c);
  a.merge(random.below(2) ? { meter: caller.fromBytes(b.toBytes()) } : b);
  assert.deepEqual(a.toBytes(), bytes, 'merged parts give the bytes of the whole');
  const rows = caller.meter(loss, config);
  const flat = { data: toRows(problem, values), dims: [batch * positions, classes] };
  const dense = problem.dense && classes > 1;
  rows.update(flat, dense ? { data: toRows(problem, problem.targets), dims: flat.dims } : problem.targets);
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
  const order = [...losses.keys()].filter((i) => problem.dense || problem.targets[i] !== problem.ignoreIndex);
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
  if (given.values.length > 0 && given.random.below(3) === 0 && isMetered(given)) {
    checkMeter(caller, given, meterReference(given.problem, truth, given.random), losses);
  }
}
