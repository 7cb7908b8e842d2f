import type { FocalMeterConstructor } from './api.ts';
import { toJSON } from './codec.ts';
import { namedOptions } from './config.ts';
import type { AnyLoss, MeterOptions } from './meter.ts';
import { type SlicedOptions, Slices } from './slices.ts';
import type { SlicedState } from './slices-codec.ts';
import { type SlicedParts, slicesFromBytes, slicesFromJSON } from './slices-codec.ts';
import { State } from './state.ts';

/** What `focal-simd/slices` exports: a meter for each group of samples. */
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
export function defineSlices(FocalMeter: FocalMeterConstructor): SlicedMeterConstructor {
  return class SlicedMeter<L extends AnyLoss> extends Slices<L> {
    constructor(loss: L, options: SlicedOptions<L>) {
      const { maxGroups, ...own } = namedOptions(loss, options, 'a sliced meter', ['maxGroups']);
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
