import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Reduction } from '../bindings/losses/types.ts';
import { backends } from './backends.ts';
import { type Problem, reference } from './reference.ts';

/** What torchvision, PyTorch, timm, Keras and optax say of every kind of target: golden/targets.py makes it. */
interface Case {
  from: string;
  loss: 'softmax' | 'sigmoid';
  options: {
    gamma: number;
    alpha?: number | number[] | null;
    smoothing?: number;
    labelSmoothing?: number;
    gammaNegative?: number;
    clip?: number;
    background?: number;
    divisor?: 'weights' | 'positives';
    reduction?: Reduction;
  };
  dims: number[];
  logits: number[];
  targets: number[];
  targetDims: number[];
  weights?: number[];
  value: number | number[];
  grad: number[];
}

const { cases }: { cases: Case[] } = JSON.parse(readFileSync(new URL('golden/targets.json', import.meta.url), 'utf8'));
const title = ({ from, loss, options, dims, targetDims }: Case, i: number) =>
  `${i}: ${from} ${loss} [${dims}] [${targetDims}] ${JSON.stringify(options)}`;
const table = cases.map((c, i): [string, Case] => [title(c, i), c]);

test('there are enough of them', () => expect(cases.length).toBeGreaterThanOrEqual(400));

/** Value and gradient of a case by the float64 reference. */
function truly(c: Case): { value: number | number[]; grad: number[]; terms: number[] } {
  const [batch, classes, ...rest] = c.dims as [number, number, ...number[]];
  const positions = rest.reduce((a, b) => a * b, 1);
  const { reduction = 'mean', divisor, alpha = c.loss === 'sigmoid' ? 0.25 : null } = c.options;
  const problem: Problem = {
    ...{ ...c.options, loss: c.loss, batch, classes, positions, logits: c.logits, targets: c.targets, alpha },
    ...{ smoothing: c.options.smoothing ?? 1e-3, ignoreIndex: -100, dense: `${c.dims}` === `${c.targetDims}` },
    weight: (i) => c.weights?.[i] ?? 1,
  };
  const truth = reference(problem);
  const valid = truth.valid * (c.loss === 'sigmoid' && !problem.dense ? classes : 1);
  const count = { weights: truth.weights, positives: Math.max(1, truth.positives), valid }[divisor ?? 'valid'];
  const by = reduction === 'mean' ? count : 1;
  const sum = truth.losses.reduce((a, b) => a + b, 0);
  return {
    value: reduction === 'none' ? Array.from(truth.losses) : sum / by,
    grad: Array.from(truth.grad, (g) => g / by),
    terms: Array.from(truth.gradTerms, (g) => g / by),
  };
}

/** PyTorch gives rows of [B, D…], we one number a sample; optax and torchvision one a logit: the same order. */
function expectClose(
  got: number | ArrayLike<number>,
  want: number | ArrayLike<number>,
  allowed: (i: number) => number,
) {
  const [g, w] = [got, want].map((x) => (typeof x === 'number' ? [x] : Array.from(x))) as [number[], number[]];
  expect(g.length).toBe(w.length);
  for (const [i, x] of w.entries()) {
    if (!(Math.abs((g[i] as number) - x) <= allowed(i))) expect.fail(`[${i}] expected ${x}, got ${g[i]}`);
  }
}

describe('reference', () => {
  test.each(table)('%s', (_, c) => {
    const { value, grad, terms } = truly(c);
    const flat = typeof value === 'number' ? [value] : value;
    // Keras and timm compute in float32, and with probabilities for logarithms
    const [relative, least] = c.from === 'Keras' || c.from === 'timm' ? [2e-5, 5e-6] : [1e-11, 1e-14];
    expectClose(value, c.value, (i) => relative * Math.abs(flat[i] as number) + least);
    expectClose(grad, c.grad, (i) => relative * (terms[i] as number) + least);
  });
});

describe.each(backends)('$name', ({ api }) => {
  test.each(table)('%s', (_, c) => {
    const loss = new (c.loss === 'softmax' ? api.SoftmaxFocalLoss : api.SigmoidFocalLoss)(c.options as never);
    const logits = { data: Float32Array.from(c.logits), dims: c.dims };
    const targets = { data: Float32Array.from(c.targets), dims: c.targetDims };
    const options = c.weights ? { weights: c.weights } : {};
    const { value, grad } = loss.valueAndGrad(logits, targets, options);
    expect(loss.forward(logits, targets, options)).toEqual(value);
    const { terms } = truly(c);
    const clip = c.from === 'Keras' || c.from === 'timm' ? 5e-6 : 0;
    const relative = clip > 0 ? 2e-5 : 5e-6;
    const want = typeof c.value === 'number' ? [c.value] : c.value;
    // logits are at most 12 or so
    expectClose(value, c.value, (i) => relative * Math.abs(want[i] as number) + clip + 1e-37);
    expectClose(grad, c.grad, (i) => 2 * relative * (terms[i] as number) + clip + 1e-37);
  });
});
