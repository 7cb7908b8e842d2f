import type { PairBackend } from '../backend/backend.ts';
import { outOfRange } from '../input/errors.ts';
import type { FocalMeterConstructor } from '../meter/api.ts';
import { type AnyLoss, Meter, type MeterOptions } from '../meter/meter.ts';
import { type ComparisonState, fromBytes, fromJSON } from './codec.ts';
import { Comparison, type ComparisonOptions, splitOptions } from './comparison.ts';
import { Pairs } from './pairs.ts';
import type { Sides } from './sides.ts';

/** What `focal-simd/compare` exports as `FocalComparison`. */
export interface FocalComparisonConstructor {
  /**
   * @param loss the loss by which both sides are evaluated; its reduction does not matter
   * @param options `classes`, and as for a meter; `hardest`, `flips`
   * @throws TypeError or RangeError for an option of the wrong type or value, or an unknown one
   */
  new <L extends AnyLoss>(loss: L, options: ComparisonOptions<L>): Comparison<L>;
  /** @throws TypeError or RangeError when it is not what `toJSON` gave */
  fromJSON(state: ComparisonState): Comparison<AnyLoss>;
  /** @throws TypeError or RangeError when it is not what `toBytes` gave: truncated, corrupt or of another version */
  fromBytes(bytes: Uint8Array): Comparison<AnyLoss>;
}

/** The comparison over a meter and one way of getting what it needs beside. */
export function defineComparison(
  FocalMeter: FocalMeterConstructor,
  provide: () => PairBackend,
): FocalComparisonConstructor {
  return class FocalComparison<L extends AnyLoss> extends Comparison<L> {
    constructor(loss: L, options: ComparisonOptions<L>) {
      const { config, meter } = splitOptions(loss, options);
      const [baseline, candidate] = [0, 1].map(
        () => new FocalMeter<AnyLoss>(loss, meter as unknown as MeterOptions<AnyLoss>),
      ) as [Meter<AnyLoss>, Meter<AnyLoss>];
      const meters = Meter.stateOf(baseline).config;
      if (meters.divisor !== undefined) {
        throw outOfRange(
          'loss',
          "divisor 'valid' in a comparison, which is over samples",
          JSON.stringify(meters.divisor),
        );
      }
      super(provide, { baseline, candidate, pairs: new Pairs(meters, config) });
    }

    static fromJSON(state: ComparisonState): FocalComparison<AnyLoss> {
      return FocalComparison.#of(fromJSON(state, FocalMeter));
    }

    static fromBytes(bytes: Uint8Array): FocalComparison<AnyLoss> {
      return FocalComparison.#of(fromBytes(bytes, FocalMeter));
    }

    /** A comparison that has a state, and so no loss to be constructed from. */
    static #of(sides: Sides): FocalComparison<AnyLoss> {
      const made: unknown = Reflect.construct(Comparison, [provide, sides], FocalComparison);
      return made as FocalComparison<AnyLoss>;
    }
  };
}
