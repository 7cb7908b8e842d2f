/** For callers that bring the compiled module themselves: `import { create } from 'focal-simd/module'`. */
import { defineAlloc, type ResidentTensor } from '../backend/alloc.ts';
import { backendFrom } from '../backend/provide.ts';
import { kind, wrongType } from '../input/errors.ts';
import { type Api, defineLosses } from '../losses/api.ts';
import { defineMeter, type FocalMeterConstructor } from '../meter/api.ts';
import { defineSlices, type SlicedMeterConstructor } from '../meter/slices-api.ts';

export type * from '../losses/types.ts';
export { classWeights, effectiveWeights } from '../losses/weights.ts';
export type * from '../meter/types.ts';

/** The losses and the meter. */
export interface Everything extends Api {
  readonly FocalMeter: FocalMeterConstructor;
  readonly SlicedMeter: SlicedMeterConstructor;
  readonly alloc: (dims: readonly number[]) => ResidentTensor;
}

/**
 * The library over an instance of its own.
 *
 * @param module `focal-simd/focal.wasm`, compiled
 * @throws TypeError when it is no WebAssembly.Module
 * @example const { SoftmaxFocalLoss } = create(await WebAssembly.compileStreaming(fetch('focal.wasm')));
 */
export function create(module: WebAssembly.Module): Everything {
  if (kind(module) !== 'WebAssembly.Module') throw wrongType('module', 'WebAssembly.Module', module);
  const provide = backendFrom(module);
  const FocalMeter = defineMeter(provide);
  return { ...defineLosses(provide), FocalMeter, SlicedMeter: defineSlices(FocalMeter), alloc: defineAlloc(provide) };
}
