import type { MeterBackend } from '../backend/backend.ts';
import { wrongType } from '../input/errors.ts';
import { fromBytes, fromJSON, type MeterState, toJSON } from './codec.ts';
import { configOf, settingsOf } from './config.ts';
import { type AnyLoss, Meter, type MeterOptions } from './meter.ts';
import { type SlicedOptions, type SlicedState, Slices } from './slices.ts';
import { type SlicedParts, slicesFromBytes, slicesFromJSON } from './slices-codec.ts';
import { State } from './state.ts';

export { scalarMeterKernels } from '../backend/scalar/meter-kernels.ts';

/**
 * What `focal-simd/meter` exports. It shares the memory of the default entry and so reads tensors of that one's `alloc` in
 * place; those of others it copies.
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
export function bindMeter(provide: () => MeterBackend): FocalMeterConstructor {
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

/** What `focal-simd/meter` exports beside the meter: one of each group of samples. */
export interface SlicedMeterConstructor {
  /**
   * @param loss the loss to evaluate; its reduction does not matter
   * @param options those of a meter, and `maxGroups`
   * @throws TypeError or RangeError for an option of the wrong type or value, or an unknown one
   */
  new <L extends AnyLoss>(loss: L, options: SlicedOptions<L>): Slices<L>;
  /** @throws TypeError or RangeError when it is not what `toJSON` gave */
  fromJSON(state: SlicedState): Slices<AnyLoss>;
  /** @throws TypeError or RangeError when it is not what `toBytes` gave: truncated, corrupt or of another version */
  fromBytes(bytes: Uint8Array): Slices<AnyLoss>;
}

/** The sliced meter over meters. */
export function bindSlices(FocalMeter: FocalMeterConstructor): SlicedMeterConstructor {
  return class SlicedMeter<L extends AnyLoss> extends Slices<L> {
    constructor(loss: L, options: SlicedOptions<L>) {
      if (typeof options !== 'object' || options === null)
        throw wrongType('options', 'an object with classes', options);
      const { maxGroups, ...own } = options as SlicedOptions<L> & Record<string, unknown>;
      super(new FocalMeter<L>(loss, own as unknown as MeterOptions<L>), maxGroups);
    }

    static fromJSON(state: SlicedState): SlicedMeter<AnyLoss> {
      return SlicedMeter.#of(slicesFromJSON(state));
    }

    static fromBytes(bytes: Uint8Array): SlicedMeter<AnyLoss> {
      return SlicedMeter.#of(slicesFromBytes(bytes));
    }

    /** One that has a state, and so no loss to be constructed from. */
    static #of({ maxGroups, empty, coverage, groups }: SlicedParts): SlicedMeter<AnyLoss> {
      const { config } = empty;
      const whole = FocalMeter.fromJSON(toJSON(new State({ ...config, coverage: coverage !== null })));
      const made: Slices<AnyLoss> = Reflect.construct(Slices, [whole, maxGroups, coverage ?? []], SlicedMeter);
      return made.restore(groups);
    }
  };
}
