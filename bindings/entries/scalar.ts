/** The scalar twin alone: no WebAssembly is ever compiled. */
import { defineAlloc } from '../backend/alloc.ts';
import { scalar, scalarKernels } from '../backend/provide.ts';
import { scalarPairKernels } from '../backend/scalar/pairs.ts';
import { defineComparison } from '../compare/api.ts';
import type { Comparison } from '../compare/comparison.ts';
import { defineLosses } from '../losses/api.ts';
import type { SigmoidLoss, SoftmaxLoss } from '../losses/losses.ts';
import type { Reduction } from '../losses/options.ts';
import { defineMeter, scalarMeterKernels } from '../meter/api.ts';
import type { AnyLoss, Meter } from '../meter/meter.ts';
import type { Slices } from '../meter/slices.ts';
import { defineSlices } from '../meter/slices-api.ts';

const provide = scalar(scalarKernels);

export type * from '../losses/types.ts';
export { classWeights, effectiveWeights } from '../losses/weights.ts';
export type * from '../meter/types.ts';
export const { SoftmaxFocalLoss, SigmoidFocalLoss, backend } = defineLosses(provide);
export type SoftmaxFocalLoss<R extends Reduction = 'mean'> = SoftmaxLoss<R>;
export type SigmoidFocalLoss<R extends Reduction = 'mean'> = SigmoidLoss<R>;
export const FocalMeter = /* @__PURE__ */ defineMeter(/* @__PURE__ */ scalar(scalarMeterKernels));
export type FocalMeter<L extends AnyLoss = AnyLoss> = Meter<L>;
/** A meter for each group of samples, as that of `focal-simd/slices`. */
export const SlicedMeter = /* @__PURE__ */ defineSlices(FocalMeter);
export type SlicedMeter<L extends AnyLoss = AnyLoss> = Slices<L>;
/** One classifier against another, as that of `focal-simd/compare`. */
export const FocalComparison = /* @__PURE__ */ defineComparison(FocalMeter, /* @__PURE__ */ scalar(scalarPairKernels));
export type FocalComparison<L extends AnyLoss = AnyLoss> = Comparison<L>;
export const alloc = /* @__PURE__ */ defineAlloc(provide);
