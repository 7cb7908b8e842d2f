import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Reduction, ValueAndGrad } from '../bindings/losses/types.ts';
import { backends } from './backends.ts';
import { indexOf } from './layout.ts';
import { Random } from './random.ts';
import { type Problem, type Reference, reference } from './reference.ts';
import { bound, boundOfSum, expectAll, expectSame, GRAD_UNIT, LOSS_UNIT, used } from './tolerance.ts';

type Json = number | 'NaN' | 'Infinity' | '-Infinity';

/** An array, by its length, the sum of its absolute values, and some of its values; or a number. */
type Recorded = Json | { length: number; total: Json; values: Json[] };

interface Case {
  loss: 'softmax' | 'sigmoid';
  dims: [number, number, ...number[]];
  seed: number;
  scale: number;
  offset: number;
  boost: number;
  ignored: number;
  logits?: Json[];
  targets?: number[];
  gamma: number;
  alpha: null | number | 'classes';
  reduction: Reduction;
  ignoreIndex: number;
  upstream?: null | number | 'samples';
  /** PyTorch in float64 and float32; extended precision where float64 PyTorch is off. */
  double: Recorded;
  single: Recorded;
  exact?: Recorded;
  grad: Exclude<Recorded, Json>;
  exactGrad?: Exclude<Recorded, Json>;
}

interface Goldens {
  forward: Case[];
  gradient: Case[];
  classWeights: { rates: number[]; beta: number; double: number[]; single: number[] }[];
}

const goldens: Goldens = JSON.parse(readFileSync(new URL('golden/losses.json', import.meta.url), 'utf8'));

/** What a case asks for, drawn as golden/losses.py draws it. */
interface Drawn {
  problem: Problem;
  logits: Float32Array;
  targets: Int32Array;
  upstream: number | Float32Array;
  truth: Reference;
  /** Places in `truth.losses` of the losses that are not ignored, in the order of the samples. */
  kept: number[];
  divisor: number;
}

function draw(c: Case): Drawn {
  const [batch, classes, ...rest] = c.dims;
  const positions = rest.reduce((product, d) => product * d, 1);
  const samples = batch * positions;
  let logits: Float32Array;
  let targets: Int32Array;
  if (c.logits && c.targets) {
    logits = Float32Array.from(c.logits, Number);
    targets = Int32Array.from(c.targets);
  } else {
    logits = new Random(c.seed).logits(samples * classes, c.scale, c.offset);
    targets = new Random(c.seed + 1).labels(samples, classes);
    const ignored = new Random(c.seed + 2);
    for (let i = 0; i < samples; i++) {
      const at = indexOf({ classes, positions }, i, targets[i]!);
      if (c.boost) logits[at] = logits[at]! + c.boost;
      if (ignored.uniform() < c.ignored) targets[i] = c.ignoreIndex;
    }
  }
  const alpha = c.alpha === 'classes' ? new Random(c.seed + 3).weights(classes) : c.alpha;
  const upstream = c.upstream === 'samples' ? new Random(c.seed + 4).weights(samples) : (c.upstream ?? 1);
  const { loss, gamma, ignoreIndex } = c;
  const problem: Problem = {
    ...{ loss, batch, classes, positions, logits, targets, gamma, alpha, ignoreIndex },
    smoothing: 1e-3,
    upstream: (i) => (typeof upstream === 'number' ? upstream : upstream[i]!),
  };
  const truth = reference(problem);
  const each = loss === 'softmax' ? 1 : classes;
  const kept: number[] = [];
  for (let i = 0; i < samples; i++) {
    if (targets[i] === ignoreIndex) continue;
    for (let k = 0; k < each; k++) kept.push(indexOf({ classes: each, positions }, i, k));
  }
  const divisor = c.reduction === 'mean' ? truth.valid * each || 1 : 1;
  return { problem, logits, targets, upstream, truth, kept, divisor };
}

/** The places golden/losses.py records of an array. */
function picked(length: number): number[] {
  if (length <= 12) return Array.from({ length }, (_, i) => i);
  return Array.from({ length: 12 }, (_, k) => Math.floor((k * (length - 1)) / 11));
}

/** Hold a number or array against what was recorded of it. Element i may be off by relative(i), truth tells how big it is. */
function expectRecorded(
  got: number | ArrayLike<number>,
  want: Recorded,
  truth: ArrayLike<number>,
  relative: (i: number) => number,
): void {
  if (typeof want !== 'object') {
    expect(used(got as number, Number(want), boundOfSum(truth, relative)), `${got} for ${want}`).toBeLessThanOrEqual(1);
    return;
  }
  const array = got as ArrayLike<number>;
  expect(array.length).toBe(want.length);
  const places = picked(want.length);
  expectAll(
    places.map((i) => array[i]!),
    want.values.map(Number),
    (k) => relative(places[k]!),
  );
  const total = Array.from(array).reduce((sum, v) => sum + Math.abs(v), 0);
  expect(used(total, Number(want.total), boundOfSum(truth, relative)), `total ${total}`).toBeLessThanOrEqual(1);
}

/** Where float32 PyTorch has no more than rounding errors of its own, its answer must be met to 2e−6. */
function expectSingle(got: number | ArrayLike<number>, c: Case): void {
  const flat = (recorded: Recorded): number[] =>
    typeof recorded === 'object' ? recorded.values.map(Number) : [Number(recorded)];
  const single = flat(c.single);
  const double = flat(c.exact ?? c.double);
  const places = typeof c.single === 'object' ? picked(c.single.length) : [0];
  for (const [k, i] of places.entries()) {
    const [a, b] = [single[k]!, double[k]!];
    if (!(Math.abs(a - b) <= 5e-7 * Math.abs(b))) continue;
    const value = typeof got === 'number' ? got : got[i]!;
    expect(used(value, a, 2e-6), `${value} for float32 ${a}`).toBeLessThanOrEqual(1);
  }
}

const title = (c: Case, i: number): string => {
  const input = c.logits ? `[${c.logits}]` : `${c.scale}·z${c.offset ? ` + ${c.offset}` : ''}`;
  const options = `γ ${c.gamma} α ${c.alpha} ${c.reduction}${c.ignored ? ` ${100 * c.ignored} % ignored` : ''}`;
  return `${i}: ${c.loss} [${c.dims}] ${input} ${options}`;
};
const table = [...goldens.forward, ...goldens.gradient].map((c, i): [string, Case] => [title(c, i), c]);

describe('reference', () => {
  test.each(table)('%s', (_, c) => {
    const { truth, kept, divisor } = draw(c);
    const losses = kept.map((i) => truth.losses[i]!);
    const value = c.reduction === 'none' ? losses : losses.reduce((sum, v) => sum + v, 0) / divisor;
    expectRecorded(value, c.exact ?? c.double, losses, () => 3e-12);
    if (c.grad) {
      const grad = truth.grad.map((g) => g / divisor);
      expectRecorded(grad, c.exactGrad ?? c.grad, grad, () => 3e-12);
    }
  });
});

describe.each(backends)('$name', ({ api }) => {
  function call(c: Case, { problem, logits, targets, upstream }: Drawn, ignored: 'zero' | 'drop') {
    const { gamma, reduction, ignoreIndex } = c;
    const options = { gamma, reduction, ignoreIndex, ignored };
    const loss =
      c.loss === 'softmax'
        ? new api.SoftmaxFocalLoss({ ...options, alpha: problem.alpha as Float32Array | null })
        : new api.SigmoidFocalLoss({ ...options, alpha: problem.alpha });
    const z = c.dims.length > 2 ? { data: logits, dims: c.dims } : logits;
    // PyTorch's module takes 0 for the class of one logit, as it does of many
    const given = c.dims[1] === 1 ? targets.map((y) => (y === ignoreIndex ? y : 1)) : targets;
    if (!c.grad) return { value: loss.forward(z, given) };
    return loss.valueAndGrad(z, given, { upstream }) as ValueAndGrad<Reduction>;
  }

  test.each(table)('%s', (_, c) => {
    const drawn = draw(c);
    const { problem, truth, kept, divisor } = drawn;
    const losses = kept.map((i) => truth.losses[i]!);
    if (c.loss === 'softmax' && c.dims[1] === 1 && c.dims[0] > 0) {
      expect(() => call(c, drawn, 'drop')).toThrow(/at least 2 classes \(SigmoidFocalLoss/);
      return;
    }
    const answer: { value: number | Float32Array; grad?: Float32Array } = call(c, drawn, 'drop');
    const relative = (k: number) => bound(LOSS_UNIT, problem, truth.margins[kept[k]!]!);
    expectRecorded(answer.value, c.exact ?? c.double, losses, relative);
    expectSingle(answer.value, c);
    if (c.reduction === 'none') {
      const zeroed = call(c, drawn, 'zero').value as Float32Array;
      const expected = new Float32Array(truth.losses.length);
      for (const [k, i] of kept.entries()) expected[i] = (answer.value as Float32Array)[k]!;
      expectSame(zeroed, expected);
    }
    if (answer.grad) {
      const grad = truth.grad.map((g) => g / divisor);
      const relativeGrad = (i: number) => bound(GRAD_UNIT, problem, truth.gradMargins[i]!);
      expectRecorded(answer.grad, c.exactGrad ?? c.grad, grad, relativeGrad);
    }
  });

  test.each(goldens.classWeights)('class weights of $rates, beta $beta', ({ rates, beta, double, single }) => {
    const weights = api.classWeights(rates, beta);
    expect(weights).toBeInstanceOf(Float32Array);
    expectAll(weights, double, () => 2 ** -24);
    expectAll(weights, single, () => 1e-6);
  });
});
