import { ALL_TOGETHER } from '../backend/constants.ts';
import { outOfRange } from '../input/errors.ts';
import type { MeterConfig } from './config.ts';
import { Coverage, type Range } from './coverage.ts';
import { CurveCounts } from './curve-counts.ts';
import { byLoss, type Hard, Hardest, lossOf } from './hardest.ts';
import { layoutOf, type MeterLayout } from './layout.ts';
import { carryAll, combine } from './words.ts';

/** What a meter has counted. Two states of a configuration are merged part by part, exactly, in any order. */
export interface Parts {
  readonly words: Float64Array;
  readonly hardest: readonly Hard[];
  /** Of each class, with the option `curves`. */
  readonly curves: CurveCounts | null;
  /** With the option `coverage`. */
  readonly coverage: readonly Range[] | null;
}

export class State {
  readonly config: MeterConfig;
  #layout: MeterLayout;
  #words: Float64Array;
  readonly hardest: Hardest<Hard>;
  readonly curves: CurveCounts | null;
  readonly coverage: Coverage | null;
  /** See Destination (tally.ts): all samples are counted here. */
  readonly groups = ALL_TOGETHER;
  /** Samples since sums have been carried. */
  #uncarried = 0;

  constructor(config: MeterConfig, parts?: Parts) {
    this.config = config;
    this.#layout = roomy(layoutOf(config));
    this.#words = parts?.words ?? new Float64Array(this.#layout.length);
    if (this.#words.length > this.#layout.length) this.#layout = layoutOf(config, true);
    this.hardest = new Hardest(config.hardest, byLoss, lossOf, parts?.hardest);
    this.curves = parts?.curves ?? (config.curves ? new CurveCounts(config.classes) : null);
    this.coverage = config.coverage ? new Coverage(parts?.coverage ?? []) : null;
  }

  stateAt(_: number): State {
    return this;
  }

  get layout(): MeterLayout {
    return this.#layout;
  }

  get words(): Float64Array {
    return this.#words;
  }

  /** Where each section and field stands among the words. */
  get at(): MeterLayout['at'] {
    return this.#layout.at;
  }

  /** Whether there are samples of which some logits are ignored. */
  get ignoring(): boolean {
    return this.at.ignoredLogits.rows > 0;
  }

  /** Make room for samples of which some logits are ignored; words that were read before are out of date then. */
  allowIgnoring(): void {
    if (this.ignoring) return;
    this.#layout = roomy(layoutOf(this.config, true));
    this.#words = lengthened(this.#words, this.#layout);
  }

  /** To be called before n samples are counted: limbs of 32 bits hold 2^20 of them in 53. */
  makeRoom(n: number): void {
    this.#uncarried += n;
    if (this.#uncarried <= 2 ** 20) return;
    this.carryAll();
    this.#uncarried = n;
  }

  /** Carry every sum: the one form of the state. */
  carryAll(): void {
    carryAll(this.layout, this.words);
  }

  /**
   * Both together.
   *
   * @throws RangeError when samples are in both, as coverage tells, or a count would reach 2^53
   */
  merged(other: State): State {
    const { coverage, curves, config } = this;
    return new State(config, {
      coverage: coverage ? coverage.union(other.coverage as Coverage).ranges : null,
      words: this.#combined(other, 1),
      hardest: [...this.hardest.samples, ...other.hardest.samples],
      curves: curves ? curves.combined(other.curves as CurveCounts, 1) : null,
    });
  }

  /**
   * This one as if it had never counted what the other has.
   *
   * @throws RangeError when it has not, or when `hardest` keeps samples, which cannot be told apart afterwards
   */
  without(other: State): State {
    const { coverage, curves, config } = this;
    if (config.hardest > 0) throw outOfRange('hardest', '0 in meters that are subtracted', config.hardest);
    if (config.arithmetic < 2) {
      throw outOfRange('arithmetic', '2 or more in meters that are subtracted', config.arithmetic);
    }
    return new State(config, {
      coverage: coverage ? coverage.without(other.coverage as Coverage).ranges : null,
      words: this.#combined(other, -1),
      hardest: [],
      curves: curves ? curves.combined(other.curves as CurveCounts, -1) : null,
    });
  }

  /** The words of both, and no more of them than their counts ask for. */
  #combined(other: State, sign: 1 | -1): Float64Array {
    const { layout } = this.ignoring ? this : other;
    const words = combine(layout, lengthened(this.words, layout), lengthened(other.words, layout), sign);
    const { samples, rows } = layout.at.ignoredLogits;
    const none = words.subarray(samples, samples + rows).every((n) => n === 0);
    return none ? words.slice(0, layoutOf(this.config).length) : words;
  }

  /** A copy that shares nothing. */
  clone(): State {
    return this.merged(new State(this.config));
  }
}

function roomy(layout: MeterLayout): MeterLayout {
  if (layout.length > 2 ** 31) throw outOfRange('classes', 'a state of at most 2^31 words', layout.length);
  return layout;
}

/** The words, and zeros where the layout has more. */
function lengthened(words: Float64Array, { length }: MeterLayout): Float64Array {
  if (words.length === length) return words;
  const more = new Float64Array(length);
  more.set(words);
  return more;
}
