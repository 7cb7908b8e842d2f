import { describe, expect, test } from 'vitest';
import type { Logits } from '../bindings/losses/types.ts';
import { backends } from './backends.ts';
import { indexOf } from './layout.ts';
import { Random } from './random.ts';
import { type Problem, type Reference, reference } from './reference.ts';
import { bound, expectAll, expectSame, GRAD_UNIT, LOSS_UNIT } from './tolerance.ts';

/** −1000 … 1000: evenly, finely where float32 losses are not all 0, and powers of two towards 0. */
const GAPS = [
  ...Array.from({ length: 2001 }, (_, i) => i - 1000),
  ...Array.from({ length: 1600 }, (_, i) => i / 13.7 - 20),
  ...Array.from({ length: 60 }, (_, i) => 2 ** ((i >> 1) - 22) * (i & 1 ? 1 : -1)),
];

/** Never more logits than this in one problem, but for problems of a single sample. */
const MOST = 20_000;

type Layout = 'rows' | number;

interface Setting {
  loss: 'softmax' | 'sigmoid';
  classes: number;
  /** Rows [N, C], or planes [B, C, D]. */
  layout: Layout;
  gamma: number;
  smoothing: number;
  alpha: 'none' | 'number' | 'classes';
  /** Spread of the logits of the other classes, and where they lie. */
  spread: number;
  offset: number;
}

function logSumExpOfOthers(row: Float64Array, y: number): number {
  let largest = -Infinity;
  for (const [c, z] of row.entries()) if (c !== y) largest = Math.max(largest, z);
  let sum = 0;
  for (const [c, z] of row.entries()) if (c !== y) sum += Math.exp(z - largest);
  return largest === -Infinity ? 0 : largest + Math.log(sum);
}

/** Samples whose margins (sigmoid: logits) are the gaps, as many as there is room for. */
function problemOf(setting: Setting): Problem {
  const { loss, classes, layout, spread, offset, gamma, smoothing } = setting;
  const positions = layout === 'rows' ? 1 : layout;
  const random = new Random(classes * 1000 + positions);
  const perSample = loss === 'softmax' ? 1 : classes;
  const fitting = Math.max(1, Math.floor(Math.min(GAPS.length, (MOST / classes) * perSample) / perSample));
  const batch = Math.ceil(fitting / positions);
  const samples = batch * positions;
  const logits = new Float32Array(samples * classes);
  const targets = random.labels(samples, classes);
  const gapOf = (k: number) => GAPS[Math.floor((k * GAPS.length) / (samples * perSample))]!;
  for (let i = 0; i < samples; i++) {
    const at = (c: number) => indexOf({ classes, positions }, i, c);
    if (loss === 'sigmoid') {
      for (let c = 0; c < classes; c++) logits[at(c)] = gapOf(i * classes + c);
      continue;
    }
    const row = Float64Array.from(random.logits(classes, spread, offset));
    const y = targets[i]!;
    row[y] = logSumExpOfOthers(row, y) + gapOf(i);
    for (const [c, z] of row.entries()) logits[at(c)] = z;
  }
  const alpha = { none: null, number: 0.25, classes: random.weights(classes) }[setting.alpha];
  return { loss, batch, classes, positions, logits, targets, gamma, alpha, smoothing, ignoreIndex: -100 };
}

const known = new Map<string, { problem: Problem; truth: Reference }>();

/** The same problem for every backend. */
function solved(setting: Setting): { problem: Problem; truth: Reference } {
  const key = JSON.stringify(setting);
  let found = known.get(key);
  if (!found) {
    const problem = problemOf(setting);
    found = { problem, truth: reference(problem) };
    known.set(key, found);
  }
  return found;
}

const GAMMAS = [0, 0.3, 0.5, 1, 1.7, 2, 3, 5, 7.5, 20];
const LAYOUTS: Layout[] = ['rows', 1, 2, 7, 49];
const around = <T>(values: readonly T[], i: number): T => values[i % values.length]!;

function* softmaxSettings(): Generator<Setting> {
  const common = { loss: 'softmax', smoothing: 0 } as const;
  let i = 0;
  for (const classes of [2, 3, 4, 5, 8, 10, 16, 17, 21, 33, 64, 100, 129, 150, 1000, 4099]) {
    for (const layout of LAYOUTS) {
      for (let k = 0; k < 3; k++, i++) {
        const alpha = around(['none', 'classes'] as const, i);
        yield { ...common, classes, layout, gamma: around(GAMMAS, i), alpha, ...around(PLACES, i) };
      }
    }
  }
  for (const gamma of GAMMAS) yield { ...common, classes: 10, layout: 'rows', gamma, alpha: 'none', ...PLACES[0]! };
  for (const gamma of GAMMAS) yield { ...common, classes: 21, layout: 49, gamma, alpha: 'none', ...PLACES[0]! };
  // images side by side in planes, of which the last reaches up to the next plane
  for (const classes of [2, 3, 5, 16]) {
    yield { ...common, classes, layout: 257, gamma: 2, alpha: 'none', ...PLACES[0]! };
  }
  // rows that need many tiles, or more than one tile each
  yield { ...common, classes: 32_000, layout: 'rows', gamma: 2, alpha: 'classes', ...PLACES[0]! };
  yield { ...common, classes: 300_000, layout: 'rows', gamma: 0.5, alpha: 'none', ...PLACES[1]! };
  yield { ...common, classes: 40_000, layout: 7, gamma: 1.7, alpha: 'none', ...PLACES[2]! };
}

const PLACES = [
  { spread: 2, offset: 0 },
  { spread: 40, offset: -50 },
  { spread: 0, offset: 7 },
  { spread: 0.01, offset: 3000 },
];

function* sigmoidSettings(): Generator<Setting> {
  const common = { loss: 'sigmoid', spread: 0, offset: 0 } as const;
  let i = 0;
  for (const classes of [1, 2, 3, 5, 16, 21, 33, 1000]) {
    for (const layout of LAYOUTS) {
      for (let k = 0; k < 3; k++, i++) {
        const smoothing = around([1e-3, 0, 0.1, 1e-3, 1e-3, 0, 1e-6], i);
        const alpha = around(['number', 'none', 'classes'] as const, i);
        yield { ...common, classes, layout, gamma: around(GAMMAS, i), smoothing, alpha };
      }
    }
  }
  for (const gamma of GAMMAS) {
    for (const smoothing of [1e-3, 0, 1e-6]) {
      yield { ...common, classes: 10, layout: 'rows', gamma, smoothing, alpha: 'none' };
    }
  }
  yield { ...common, classes: 300_000, layout: 'rows', gamma: 2, smoothing: 1e-3, alpha: 'number' };
}

const title = (s: Setting): string =>
  `${s.loss} C ${s.classes} ${s.layout === 'rows' ? 'rows' : `planes of ${s.layout}`} γ ${s.gamma} α ${s.alpha} ` +
  (s.loss === 'softmax' ? `spread ${s.spread} at ${s.offset}` : `s ${s.smoothing}`);
const table = [...softmaxSettings(), ...sigmoidSettings()].map((s): [string, Setting] => [title(s), s]);

describe.each(backends)('$name', ({ api }) => {
  function evaluate(problem: Problem) {
    const { loss, batch, classes, positions, gamma, alpha, smoothing } = problem;
    const common = { gamma, reduction: 'none' } as const;
    const focal =
      loss === 'softmax'
        ? new api.SoftmaxFocalLoss({ ...common, alpha: alpha as Float32Array | null })
        : new api.SigmoidFocalLoss({ ...common, alpha, smoothing });
    const data = problem.logits as Float32Array;
    const logits: Logits = positions === 1 ? data : { data, dims: [batch, classes, positions] };
    // of one class the target is whether it is the sample's
    const binary = (y: number) => (y === problem.ignoreIndex ? y : 1);
    const targets = classes === 1 ? Int32Array.from(problem.targets, binary) : (problem.targets as Int32Array);
    return { forward: focal.forward(logits, targets), ...focal.valueAndGrad(logits, targets) };
  }

  test.each(table)('%s: within the stated errors', (_, setting) => {
    const { problem, truth } = solved(setting);
    const { forward, value, grad } = evaluate(problem);
    expectSame(value, forward);
    const relative = (unit: number, margins: Float64Array) => (i: number) => bound(unit, problem, margins[i]!);
    const shown = (margins: Float64Array) => (i: number) => `margin ${margins[i]}`;
    expectAll(forward, truth.losses, relative(LOSS_UNIT, truth.margins), shown(truth.margins));
    expectAll(grad, truth.grad, relative(GRAD_UNIT, truth.gradMargins), shown(truth.gradMargins));
  });

  // the promise ends where the loss without its weight leaves the normal float32, which at γ = 0 is a margin of 87.3
  test.each([1e-30, 1e8, 1e30])('weights of %d up to the border of float32', (weight) => {
    const gaps = Array.from({ length: 600 }, (_, k) => k / 10 + 27.3);
    const logits = Float32Array.from(gaps.flatMap((gap) => [gap, 0, -200]));
    const shape = { batch: gaps.length, classes: 3, positions: 1, ignoreIndex: -100 };
    const targets = new Int32Array(gaps.length);
    const alpha = new Float32Array(3).fill(weight);
    const problem: Problem = { ...shape, loss: 'softmax', logits, targets, gamma: 0, alpha, smoothing: 0 };
    const { forward, grad } = evaluate(problem);
    const truth = reference(problem);
    expectAll(forward, truth.losses, (k) => bound(LOSS_UNIT, problem, truth.margins[k]!));
    expectAll(grad, truth.grad, (k) => bound(GRAD_UNIT, problem, truth.gradMargins[k]!));
    // beyond it: no NaN, even where the weighted slope leaves float32
    const loss = new api.SoftmaxFocalLoss({ alpha, reduction: 'none' });
    const steep = loss.valueAndGrad(Float32Array.of(0, 88.5, -Infinity, 88.5, 0, -99), [0, 0], {
      upstream: Float32Array.of(1e10, -1e10),
    });
    expect(steep.grad.some(Number.isNaN)).toBe(false);
  });

  const i = Infinity;
  const ln2 = Math.log(2);
  describe.each([0, 0.3, 1, 2, 7.5])('what is not finite, γ %d', (gamma) => {
    test.each([
      ['a class is impossible', [0, -i, 0], 0, ln2 * 0.5 ** gamma],
      ['only the true class is possible', [0, -i, -i], 0, 0],
      ['the true class is impossible', [-i, 0, 0], 0, i],
      ['no class is possible', [-i, -i, -i], 1, NaN],
      ['+∞ at the true class', [i, 0, 0], 0, NaN],
      ['+∞ at another class', [0, i, 0], 0, NaN],
      ['+∞ and −∞', [i, -i, 0], 1, NaN],
      ['NaN at the true class', [NaN, 0, 0], 0, NaN],
      ['NaN at another class', [0, 0, NaN], 0, NaN],
      ['NaN beside +∞', [0, i, NaN], 0, NaN],
      ['NaN beside −∞', [-i, NaN, -i], 0, NaN],
      ['the largest finite logits', [3.4e38, 3.4e38], 0, ln2 * 0.5 ** gamma],
      ['the largest gap', [-1.7e38, 1.7e38], 0, 3.4e38],
      ['the largest margin', [3.4e38, -3.4e38], 0, 0],
      ['a gap past float32', [-3.4e38, 3.4e38, 0], 0, 6.8e38],
      ['a gap past float32 of two classes', [-3.4e38, 3.4e38], 0, 6.8e38],
      ['one of two classes is impossible', [0, -i], 0, 0],
      ['the true one of two classes is impossible', [0, -i], 1, i],
      ['neither of two classes is possible', [-i, -i], 1, NaN],
      ['+∞ at one of two classes', [0, i], 0, NaN],
      ['NaN at one of two classes', [0, NaN], 0, NaN],
      ['only the true one of many is possible', [-i, -i, 0, ...new Array(60).fill(-i)], 2, 0],
      ['none of many classes is possible', new Array(70).fill(-i), 3, NaN],
      ['NaN among many classes', [...new Array(69).fill(1), NaN], 3, NaN],
      ['+∞ among many classes', [...new Array(69).fill(1), i], 3, NaN],
    ])('softmax, %s', (_, row, y, expected) => {
      const classes = row.length;
      const shape = { classes, gamma, alpha: null, smoothing: 0, ignoreIndex: -100, loss: 'softmax' } as const;
      // among ordinary samples, in rows and in planes, so that every lane and both layouts meet it
      for (const [batch, positions] of [
        [1, 1],
        [19, 1],
        [1, 19],
        [2, 7],
      ] as [number, number][]) {
        for (let special = 0; special < batch * positions; special++) {
          const logits = new Float32Array(batch * positions * classes);
          const at = (c: number) => indexOf({ classes, positions }, special, c);
          for (const [c, z] of row.entries()) logits[at(c)] = z;
          const targets = new Int32Array(batch * positions);
          targets[special] = y;
          const problem = { ...shape, batch, positions, logits, targets };
          const { forward, value, grad } = evaluate(problem);
          const truth = reference(problem);
          expectSame(value, forward);
          expectAll([forward[special]!], [expected], () => bound(LOSS_UNIT, problem, 0));
          expectAll(forward, truth.losses, () => bound(LOSS_UNIT, problem, 0));
          expectAll(grad, truth.grad, () => bound(GRAD_UNIT, problem, 0));
        }
      }
    });

    test.each([0, 1e-3])('sigmoid, smoothing %d', (smoothing) => {
      const row = [i, -i, NaN, 0, 3e38, -3e38, 1];
      const alpha = null;
      const targets = Int32Array.from(row, (_, c) => c);
      const logits = new Float32Array(row.flatMap(() => row));
      const shape = { batch: row.length, classes: row.length, positions: 1, ignoreIndex: -100 };
      const problem: Problem = { ...shape, loss: 'sigmoid', logits, targets, gamma, alpha, smoothing };
      const { forward, value, grad } = evaluate(problem);
      const truth = reference(problem);
      expectSame(value, forward);
      // true class, then the same logit where another class is true
      expect([0, 1, 2].map((c) => forward[c * row.length + c])).toEqual([0, i, NaN]);
      expect([0, 1, 2].map((c) => forward[3 * row.length + c])).toEqual([i, 0, NaN]);
      expectAll(forward, truth.losses, (k) => bound(LOSS_UNIT, problem, Number.isFinite(row[k % 7]) ? 1 : 0));
      expectAll(grad, truth.grad, () => bound(GRAD_UNIT, problem, 0));
    });
  });

  test.each([
    ['softmax', 4],
    ['softmax', 2],
    ['softmax', 90],
    ['sigmoid', 4],
    ['sigmoid', 1],
  ] as const)('%s, %i classes: what is ignored may be anything', (loss, classes) => {
    for (const [batch, positions] of [
      [23, 1],
      [1, 23],
    ] as [number, number][]) {
      const random = new Random(5);
      const logits = random.logits(23 * classes, 3, 0);
      const targets = random.labels(23, classes);
      for (let s = 0; s < 23; s += 3) {
        targets[s] = -100;
        for (let c = 0; c < classes; c++)
          logits[indexOf({ classes, positions }, s, c)] = around([NaN, i, -i, 3e38], c + s);
      }
      const shape = { batch, positions, classes, ignoreIndex: -100 };
      const problem: Problem = { ...shape, loss, logits, targets, gamma: 2, alpha: null, smoothing: 1e-3 };
      const { forward, grad } = evaluate(problem);
      const truth = reference(problem);
      expectAll(forward, truth.losses, (k) => bound(LOSS_UNIT, problem, truth.margins[k]!));
      expectAll(grad, truth.grad, (k) => bound(GRAD_UNIT, problem, truth.gradMargins[k]!));
    }
  });
});
