import type { MeterBackend } from '../backend/backend.ts';
import { outOfRange, wrongType } from '../input/errors.ts';
import { fromBytes, fromJSON, type MeterState } from './codec.ts';
import { configOf, settingsOf } from './config.ts';
import { type AnyLoss, Meter, type MeterOptions } from './meter.ts';
import { type SlicedOptions, type SlicedState, Slices } from './slices.ts';
import { State } from './state.ts';

export { scalarMeterKernels } from '../backend/scalar/meter-kernels.ts';

/**
 * What `focal-simd/meter` exports. That entry has an instance of the kernels and a memory of its own, whatever entry the
 * losses come from, so it copies tensors of `alloc`; the meter of `create` shares its own.
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
   * @param options those of a meter, without what belongs to single samples, and `maxGroups`
   * @throws TypeError or RangeError for an option of the wrong type or value, or an unknown one
   */
  new <L extends AnyLoss>(loss: L, options: SlicedOptions<L>): Slices<L>;
  /** @throws TypeError or RangeError when it is not what `toJSON` gave */
  fromJSON(state: SlicedState): Slices<AnyLoss>;
}

/** The sliced meter over meters. */
export function bindSlices(FocalMeter: FocalMeterConstructor): SlicedMeterConstructor {
  return class SlicedMeter<L extends AnyLoss> extends Slices<L> {
    constructor(loss: L, options: SlicedOptions<L>) {
      if (typeof options !== 'object' || options === null)
        throw wrongType('options', 'an object with classes', options);
      const { maxGroups, ...own } = options as SlicedOptions<L> & Record<string, unknown>;
      for (const key of ['hardest', 'coverage', 'bootstrap', 'seed']) {
        if (own[key] !== undefined) throw outOfRange('options', 'none that belongs to single samples', `"${key}"`);
      }
      super(new FocalMeter<L>(loss, own as unknown as MeterOptions<L>), maxGroups);
    }

    static fromJSON(state: SlicedState): Slices<AnyLoss> {
      const { maxGroups, states } = readSlices(state);
      const meters = states.map(([name, one]) => [name, FocalMeter.fromJSON(one)] as const);
      const [first] = meters;
      if (!first) throw outOfRange('state.groups', 'at least one group', 'none');
      const empty = first[1].clone();
      empty.reset();
      return new Slices<AnyLoss>(empty, maxGroups).restore(meters);
    }
  };
}

/** The groups of a state, each checked as a meter's. */
function readSlices(value: unknown): { maxGroups: unknown; states: [string, MeterState][] } {
  if (typeof value !== 'object' || value === null) throw wrongType('state', 'an object', value);
  const { format, version, maxGroups, groups } = value as Record<string, unknown>;
  if (format !== 'focal-simd/slices') throw outOfRange('state.format', "'focal-simd/slices'", format);
  if (version !== 1) throw outOfRange('state.version', '1', version);
  if (!Array.isArray(groups)) throw wrongType('state.groups', 'an array', groups);
  const states = groups.map((group, i): [string, MeterState] => {
    const [name, state] = Array.isArray(group) ? group : [];
    if (typeof name !== 'string') throw wrongType(`state.groups[${i}]`, '[name, state]', group);
    return [name, state];
  });
  if (new Set(states.map(([name]) => name)).size < states.length) {
    throw outOfRange('state.groups', 'each group once', 'one twice');
  }
  return { maxGroups, states };
}
