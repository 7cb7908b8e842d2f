import type { MeterBackend } from '../backend/backend.ts';
import { number } from '../input/checks.ts';
import { outOfRange, wrongType } from '../input/errors.ts';
import { type Logits, readInput, type Targets } from '../input/tensors.ts';
import type { SigmoidLoss, SoftmaxLoss } from '../losses/losses.ts';
import { countValid } from '../losses/stream.ts';
import type { MeterConfig, SigmoidMeterOptions, SoftmaxMeterOptions } from './config.ts';
import { report, type SigmoidReport, type SoftmaxReport } from './report.ts';
import { encode, type MeterState, State } from './state.ts';
import { SigmoidTally, SoftmaxTally } from './tally.ts';

// biome-ignore lint/suspicious/noExplicitAny: any reduction will do, the meter has its own
export type AnyLoss = SoftmaxLoss<any> | SigmoidLoss<any>;

/** Options of a meter, by the loss. */
// biome-ignore lint/suspicious/noExplicitAny: as above
export type MeterOptions<L> = L extends SoftmaxLoss<any> ? SoftmaxMeterOptions : SigmoidMeterOptions;

/** What `compute` gives, by the loss. */
export type Report<L> = AnyLoss extends L
  ? SoftmaxReport | SigmoidReport
  : // biome-ignore lint/suspicious/noExplicitAny: as above
    L extends SoftmaxLoss<any>
    ? SoftmaxReport
    : SigmoidReport;

export interface UpdateOptions {
  /**
   * Index of the batch's first sample among all samples of all meters, for `hardest`. Default: the number of samples this
   * meter has seen, ignored ones included.
   */
  firstIndex?: number;
}

/**
 * The loss and the metrics beside it over any number of batches. Every sum in the state is exact: one batch or a million,
 * in any order, over any number of meters merged in any tree give the same bits of `compute` and of `toBytes`.
 *
 * Prediction: the class with the largest logit, as numpy's argmax: of equals the lowest index, and NaN is the largest of
 * all. A sample is among the top k when fewer than k classes come before its own in that order. Where softmax is undefined
 * (NaN or +∞ among the logits) loss, cross-entropy and Brier score are NaN: the sample is counted in `nan`, it has no bin, and
 * the means it enters are null.
 *
 * As a combiner of a distributed engine: create is the constructor, add `update`, merge `merge`, extract `compute`.
 */
export abstract class Meter<L extends AnyLoss> {
  readonly #backend: () => MeterBackend;
  readonly #config: MeterConfig;
  #state: State;
  readonly #tally: SoftmaxTally | SigmoidTally;

  constructor(backend: () => MeterBackend, config: MeterConfig, state = new State(config)) {
    this.#backend = backend;
    this.#config = config;
    this.#state = state;
    this.#tally = config.variant === 'softmax' ? new SoftmaxTally(config) : new SigmoidTally(config);
  }

  /** For what is built on a meter. */
  static backendOf(meter: Meter<AnyLoss>): MeterBackend {
    return meter.#backend();
  }

  /**
   * Count a batch in.
   *
   * @param logits as for the loss's `forward`, of as many classes as the meter
   * @param targets as for the loss's `forward`
   * @param options `firstIndex`
   * @throws as `forward`, and when the number of classes or `firstIndex` do not fit; nothing has changed then
   */
  update(logits: Logits, targets: Targets, options: UpdateOptions = {}): void {
    // options first: see valueAndGrad
    if (typeof options !== 'object' || options === null) throw wrongType('options', 'an object', options);
    for (const key of Object.keys(options)) {
      if (key !== 'firstIndex') throw outOfRange('options', 'only firstIndex', JSON.stringify(key));
    }
    const { firstIndex: given } = options;
    const input = readInput(logits, targets);
    const n = input.batch * input.positions;
    const { classes, ignoreIndex } = this.#config;
    if (n > 0 && input.classes !== classes) throw outOfRange('logits', `${classes} classes`, input.classes);
    const { words, layout } = this.#state;
    const seen = (words[layout.samples] as number) + (words[layout.ignored] as number);
    const firstIndex = given === undefined ? seen : given;
    number('firstIndex', firstIndex, 'an integer ≥ 0 that leaves the last index below 2^53', (x) => {
      return Number.isSafeInteger(x) && x >= 0 && Number.isSafeInteger(x + n);
    });
    if (n === 0) return;
    const backend = this.#backend();
    countValid(backend, input, ignoreIndex);
    this.#tally.update(backend, this.#state, input, firstIndex);
  }

  /** The metrics as a plain object that JSON can hold: null stands for what is not defined or not finite. */
  compute(): Report<L> {
    return report(this.#config, this.#settled()) as Report<L>;
  }

  /**
   * Take in what another meter has counted; the other stays as it is.
   *
   * @throws TypeError when it is no meter of this library, RangeError, naming the difference, when its loss or options differ
   */
  merge(other: Meter<L>): void {
    if (!(other instanceof Meter)) throw wrongType('other', 'a FocalMeter', other);
    for (const key of Object.keys(this.#config) as (keyof MeterConfig)[]) {
      const [mine, theirs] = [JSON.stringify(this.#config[key]), JSON.stringify(other.#config[key])];
      if (mine !== theirs) throw outOfRange(`other: ${key}`, clipped(mine), clipped(theirs));
    }
    this.#settled().merge(other.#settled());
  }

  /** Back to the state of a new meter. */
  reset(): void {
    this.#tally.settle();
    this.#state = new State(this.#config);
  }

  /** The state as a plain object that JSON holds exactly; the format is told in state.ts. */
  toJSON(): MeterState {
    return this.#settled().toJSON();
  }

  /** The state as bytes, a few for each count; the format is told in state.ts. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return encode(this.#settled());
  }

  /** The state with nothing pending. */
  #settled(): State {
    this.#tally.settle();
    this.#state.settle();
    return this.#state;
  }
}

function clipped(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
