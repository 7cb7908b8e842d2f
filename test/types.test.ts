/** What the types allow and forbid: the compiler checks this file, and an error that is expected but does not come is one. */
import { describe, expect, expectTypeOf, test } from 'vitest';
import { FocalComparison } from '../bindings/entries/compare.ts';
import {
  classWeights,
  effectiveWeights,
  SigmoidFocalLoss,
  type SigmoidFocalLossOptions,
  SoftmaxFocalLoss,
  type SoftmaxFocalLossOptions,
  type Targets,
} from '../bindings/entries/index.ts';
import type { ComparisonSpec } from '../bindings/entries/node.ts';

const z = { data: Float32Array.of(1, 2, 3, 1, -2, 3), dims: [2, 3] };

describe('what a call gives, by the reduction', () => {
  test.each(['mean', 'sum'] as const)('%s: a number', (reduction) => {
    const softmax = new SoftmaxFocalLoss({ reduction, labelSmoothing: 0.1, divisor: undefined } as {
      reduction: 'mean';
    });
    expectTypeOf(softmax.forward(z, [0, 1])).toEqualTypeOf<number>();
    expectTypeOf(new SoftmaxFocalLoss().valueAndGrad(z, [0, 1])).toEqualTypeOf<{ value: number; grad: Float32Array }>();
    expect(softmax.forward(z, [0, 1])).toBeTypeOf('number');
  });

  test('none: an array', () => {
    const each = new SigmoidFocalLoss({ reduction: 'none', background: 3 });
    expectTypeOf(each.forward(z, [0, 3])).toEqualTypeOf<Float32Array>();
    expectTypeOf(each.valueAndGrad(z, [0, 3]).value).toEqualTypeOf<Float32Array>();
    expect(each.forward(z, [0, 3])).toBeInstanceOf(Float32Array);
  });
});

test('options that only the other loss has are refused by both the compiler and the constructor', () => {
  // @ts-expect-error of the sigmoid loss
  expect(() => new SoftmaxFocalLoss({ background: 3 })).toThrow(RangeError);
  // @ts-expect-error of the sigmoid loss
  expect(() => new SoftmaxFocalLoss({ gammaNegative: 4 })).toThrow(RangeError);
  // @ts-expect-error of the sigmoid loss
  expect(() => new SoftmaxFocalLoss({ clip: 0.05 })).toThrow(RangeError);
  // @ts-expect-error of the sigmoid loss
  expect(() => new SoftmaxFocalLoss({ divisor: 'positives' })).toThrow(RangeError);
  // @ts-expect-error of the softmax loss
  expect(() => new SigmoidFocalLoss({ labelSmoothing: 0.1 })).toThrow(RangeError);
  // @ts-expect-error of the softmax loss
  expect(() => new SigmoidFocalLoss({ divisor: 'weights' })).toThrow(RangeError);
  // @ts-expect-error one weight is none of a class
  expect(() => new SoftmaxFocalLoss({ alpha: 0.25 })).toThrow(TypeError);
});

test('options of comparisons, by the loss and by files', () => {
  new FocalComparison(new SoftmaxFocalLoss(), { classes: 2, flips: true, topK: [1], confusion: true, hardest: 1 });
  new FocalComparison(new SigmoidFocalLoss(), { classes: 2, threshold: { logit: 1 } });
  // @ts-expect-error of the softmax loss
  expect(() => new FocalComparison(new SigmoidFocalLoss(), { classes: 2, flips: true })).toThrow(RangeError);
  // @ts-expect-error of the softmax loss
  expect(() => new FocalComparison(new SigmoidFocalLoss(), { classes: 2, topK: [1] })).toThrow(RangeError);
  // @ts-expect-error of the sigmoid loss
  expect(() => new FocalComparison(new SoftmaxFocalLoss(), { classes: 2, threshold: 0.3 })).toThrow(RangeError);
  const softmax: ComparisonSpec = { loss: { name: 'softmax' }, comparison: { topK: [1], flips: true, bins: 20 } };
  const sigmoid: ComparisonSpec = { loss: { name: 'sigmoid' }, comparison: { threshold: 0.3, hardest: 2 } };
  // @ts-expect-error no such option
  const none: ComparisonSpec = { loss: { name: 'softmax' }, comparison: { fips: true } };
  expect([softmax, sigmoid, none]).toHaveLength(3);
});

test('values that are none of an option', () => {
  // @ts-expect-error 1 or −1
  expect(() => new SoftmaxFocalLoss({ classAxis: 2 })).toThrow(RangeError);
  // @ts-expect-error no such kind of input
  expect(() => new SigmoidFocalLoss({ input: 'odds' })).toThrow(RangeError);
  // @ts-expect-error no such divisor
  expect(() => new SigmoidFocalLoss({ divisor: 'count' })).toThrow(RangeError);
  // @ts-expect-error no such reduction
  expect(() => new SigmoidFocalLoss({ reduction: 'max' })).toThrow(RangeError);
  // @ts-expect-error 0 or 1
  expect(() => classWeights([1, 0], 1, { absent: 2 })).toThrow(RangeError);
  // @ts-expect-error no option of a call
  expect(() => new SoftmaxFocalLoss().forward(z, [0, 1], { weight: [1, 1] })).toThrow(RangeError);
  // @ts-expect-error forward has no gradient
  expect(() => new SoftmaxFocalLoss().forward(z, [0, 1], { upstream: 2 })).toThrow(RangeError);
});

test('targets of every kind', () => {
  const kinds: Targets[] = [
    [0, 1],
    [0n, 1n],
    Uint8Array.of(0, 1),
    BigInt64Array.of(0n, 1n),
    Float32Array.of(0, 1),
    { data: Int32Array.of(0, 1), dims: [2, 1] },
    { data: Uint8Array.of(1, 0, 0, 0, 1, 0), shape: [2, 3] },
    { data: Float64Array.of(1, 0, 0, 0, 0.5, 0.5), dims: Int32Array.of(2, 3) },
  ];
  for (const kind of kinds) expect(new SoftmaxFocalLoss().forward(z, kind)).toBeGreaterThan(0);
  // @ts-expect-error strings are no labels
  expect(() => new SoftmaxFocalLoss().forward(z, ['0', '1'])).toThrow(TypeError);
  // @ts-expect-error logits are a typed array
  expect(() => new SoftmaxFocalLoss().forward([1, 2, 3, 1, -2, 3], [0, 1])).toThrow(TypeError);
});

test('weights of classes and samples are arrays of any kind', () => {
  expectTypeOf(classWeights([0.5, 0.5], 1, { absent: 1 })).toEqualTypeOf<Float32Array>();
  expectTypeOf(effectiveWeights(Int32Array.of(5, 0), 0.9, { absent: 0 })).toEqualTypeOf<Float32Array>();
  const softmax: SoftmaxFocalLossOptions = {
    alpha: effectiveWeights([5, 1, 2]),
    labelSmoothing: 0.1,
    divisor: 'weights',
  };
  const sigmoid: SigmoidFocalLossOptions = { alpha: null, gammaNegative: 4, clip: 0.05, divisor: 'positives' };
  const weights = [1, 2];
  const value = new SoftmaxFocalLoss(softmax).forward(z, [0, 1], { weights });
  expect(value).toBe(new SoftmaxFocalLoss(softmax).forward(z, [0, 1], { weights: Float64Array.from(weights) }));
  expect(new SigmoidFocalLoss(sigmoid).forward(z, [0, 1], { weights: null })).toBeGreaterThan(0);
});
