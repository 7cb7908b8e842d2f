/** For callers that bring the compiled module themselves: `import { create } from 'focal-simd/module'`. */
import { type Api, bind } from './core/api.ts';
import { Backend } from './core/backend.ts';
import { wrongType } from './core/errors.ts';
import { bindMeter, type FocalMeterConstructor } from './core/meter-api.ts';
import { instantiate, isModule } from './core/wasm.ts';

export type * from './core/types.ts';
export { classWeights } from './core/weights.ts';

/**
 * The library over an instance of its own.
 *
 * @param module `focal-simd/focal.wasm`, compiled
 * @throws TypeError when it is no WebAssembly.Module
 * @example const { SoftmaxFocalLoss } = create(await WebAssembly.compileStreaming(fetch('focal.wasm')));
 */
export function create(module: WebAssembly.Module): Api & { readonly FocalMeter: FocalMeterConstructor } {
  if (!isModule(module)) throw wrongType('module', 'WebAssembly.Module', module);
  const backend = new Backend('simd', instantiate(module));
  const provide = () => backend;
  return { ...bind(provide), FocalMeter: bindMeter(provide) };
}
