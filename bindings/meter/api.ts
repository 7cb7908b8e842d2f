import type { MeterBackend } from '../backend/backend.ts';
import { fromBytes, fromJSON, type MeterState } from './codec.ts';
import { configOf, settingsOf } from './config.ts';
import { type AnyLoss, Meter, type MeterOptions } from './meter.ts';
import { State } from './state.ts';

export { scalarMeterKernels } from '../backend/scalar/meter-kernels.ts';

/**
 * What `focal-simd/meter` exports. It shares the memory of the default entry and so reads tensors of that one's `alloc`
 * in place; those of others it copies.
 */
export interface FocalMeterConstructor {
  /**
   * @param loss the loss to evaluate; its reduction does not matter
   * @param options `classes` and which metrics to keep
   * @throws TypeError or RangeError for an option of the wrong type or value, or an unknown one
   */
  new <L extends AnyLoss>(loss: L, options: MeterOptions<L>): Meter<L>;
  /** @throws TypeError or RangeError when it is not what `toJSON` gave */
  fromJSON(state: MeterState): Meter<AnyLoss>;
  /** @throws TypeError or RangeError when it is not what `toBytes` gave: truncated, corrupt or of another version */
  fromBytes(bytes: Uint8Array): Meter<AnyLoss>;
}

/** The meter over one way of getting a backend. */
export function defineMeter(provide: () => MeterBackend): FocalMeterConstructor {
  return class FocalMeter<L extends AnyLoss> extends Meter<L> {
    constructor(loss: L, options: MeterOptions<L>) {
      const { classAxis, input, variant } = settingsOf(loss);
      super(provide, new State(configOf(loss, options)), { classAxis, input, variant });
    }

    static fromJSON(state: MeterState): FocalMeter<AnyLoss> {
      return FocalMeter.#of(fromJSON(state));
    }

    static fromBytes(bytes: Uint8Array): FocalMeter<AnyLoss> {
      return FocalMeter.#of(fromBytes(bytes));
    }

    /** A meter that has a state, and so no loss to be constructed from. */
    static #of(state: State): FocalMeter<AnyLoss> {
      return Reflect.construct(Meter, [provide, state], FocalMeter);
    }
  };
}
