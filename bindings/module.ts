/** For callers that bring the compiled module themselves: `import { create } from 'focal-simd/module'`. */
import { bindAlloc, type ResidentTensor } from './core/alloc.ts';
import { type Api, bind } from './core/api.ts';
import { wrongType } from './core/errors.ts';
import { bindMeter, type FocalMeterConstructor } from './core/meter-api.ts';
import { over } from './core/provide.ts';
import { isModule } from './core/wasm.ts';

export type * from './core/meter-types.ts';
export type * from './core/types.ts';
export { classWeights } from './core/weights.ts';

/** The losses and the meter. */
export interface Everything extends Api {
  readonly FocalMeter: FocalMeterConstructor;
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
  if (!isModule(module)) throw wrongType('module', 'WebAssembly.Module', module);
  const provide = over(module);
  return { ...bind(provide), FocalMeter: bindMeter(provide), alloc: bindAlloc(provide) };
}
