import type { MeterBackend } from '../backend/backend.ts';
import { common, firstOf, number } from '../input/checks.ts';
import { counted, outOfRange, wrongType } from '../input/errors.ts';
import { type Input, type Logits, type Reading, readInput, type Targets } from '../input/tensors.ts';
import type { SigmoidLoss, SoftmaxLoss } from '../losses/losses.ts';
import type { Room } from '../losses/plan.ts';
import { metered, survey } from '../losses/survey.ts';
import { type MeterState, toBytes, toJSON } from './codec.ts';
import { ARITHMETIC, checkSame, type SigmoidMeterOptions, type SoftmaxMeterOptions } from './config.ts';
import type { Cell } from './curve-counts.ts';
import { type Criterion, curveOf, type OperatingPoint, operatingPointOf } from './operating.ts';
import {
  COMPUTE_OPTIONS,
  type ComputeOptions,
  computeOptions,
  report,
  type SigmoidReport,
  type SoftmaxReport,
} from './report.ts';
import { State } from './state.ts';
import { tallyOf } from './tallies.ts';
import type { Pass, Tally, Visit } from './tally.ts';

/** A loss of either variant, of any entry; its reduction does not matter to a meter. */
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

/** Options of `update`. */
export interface UpdateOptions {
  /**
   * Index of the batch's first sample among all samples of all meters, for `hardest` and `coverage`. Default: the
   * number of samples this meter has seen, ignored ones included.
   */
  firstIndex?: number;
}

/**
 * The loss and the metrics beside it over any number of batches. Every sum in the state is exact: one batch or a
 * million, in any order, over any number of meters merged in any tree give the same bits of `compute` and of `toBytes`.
 *
 * Prediction: the class with the largest logit, as numpy's argmax: of equals the lowest index, and NaN is the largest
 * of all. A sample is among the top k when fewer than k classes come before its own in that order. Where softmax is
 * undefined (NaN or +∞ among the logits) loss, cross-entropy and Brier score are NaN: the sample is counted in `nan`,
 * it has no bin, and the means it enters are null.
 *
 * As a combiner of a distributed engine: create is the constructor, add `update`, merge `merge`, extract `compute`.
 */
export class Meter<L extends AnyLoss> {
  readonly #backend: () => MeterBackend;
  #state: State;
  readonly #tally: Tally;
  readonly #reading: Reading;

  /**
   * @param state what it has counted so far; it is the meter's own from now on
   * @param reading how logits come, as the loss says; no part of the state
   */
  constructor(backend: () => MeterBackend, state: State, reading: Reading = { classAxis: 1 }) {
    this.#backend = backend;
    this.#state = state;
    this.#reading = reading;
    this.#tally = tallyOf(state.config);
  }

  /** For what is built on a meter: its backend. */
  static backendOf(meter: Meter<AnyLoss>): MeterBackend {
    return meter.#backend();
  }

  /** For what is built on a meter: the input of an update, read as its loss says. */
  static read(meter: Meter<AnyLoss>, logits: Logits, targets: Targets): Input {
    return readInput(logits, targets, { ...meter.#reading, classes: meter.#state.config.classes });
  }

  /** For what is built on a meter: its state, with nothing pending. */
  static stateOf(meter: Meter<AnyLoss>): State {
    return meter.#settled();
  }

  /** For what is built on a meter: another one of its kind, which has counted this. */
  static withState(meter: Meter<AnyLoss>, state: State): Meter<AnyLoss> {
    const made: unknown = Reflect.construct(
      Meter,
      [meter.#backend, state, meter.#reading],
      meter.constructor as typeof Meter,
    );
    return made as Meter<AnyLoss>;
  }

  /** For what is built on a meter: how its logits come. */
  static readingOf(meter: Meter<AnyLoss>): Reading {
    return meter.#reading;
  }

  /** For what is built on a meter: leave nothing in the tables of the kernels. */
  static flush(meter: Meter<AnyLoss>): void {
    meter.#tally.flush();
  }

  /** For what is built on a meter: begin to count in an input that has been checked, as a tally does. */
  static begin(meter: Meter<AnyLoss>, input: Input, firstIndex: number, room: Room, staged: MeterBackend): Pass {
    meter.#state.coverage?.add([firstIndex, firstIndex + input.batch * input.positions]);
    return meter.#tally.begin(meter.#backend(), meter.#state, input, firstIndex, room, staged);
  }

  /** For what is built on a meter: count in an input that has been checked. */
  static count(meter: Meter<AnyLoss>, input: Input, firstIndex: number, visit: Visit | null): void {
    const n = input.batch * input.positions;
    meter.#tally.update(meter.#backend(), meter.#state, input, firstIndex, visit);
    meter.#state.coverage?.add([firstIndex, firstIndex + n]);
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
    // options first: see valueAndGrad; the state last, as code of the caller may have changed it
    const { firstIndex: given } = common('update', options, ['firstIndex']);
    const input = Meter.read(this as unknown as Meter<AnyLoss>, logits, targets);
    const { words, at, coverage, config } = this.#state;
    const { classes, arithmetic } = config;
    const n = input.batch * input.positions;
    if (n > 0 && input.classes !== classes) throw outOfRange('logits', counted(classes, 'class'), input.classes);
    const seen = (words[at.totals.samples] as number) + (words[at.totals.ignored] as number);
    const first = firstOf(n, given === undefined ? seen : given);
    if (arithmetic !== ARITHMETIC) {
      throw outOfRange(
        'update',
        `a meter of arithmetic ${ARITHMETIC}`,
        `${arithmetic}: its state is of an older release`,
      );
    }
    if (!Number.isSafeInteger((seen + n) * classes)) throw outOfRange('update', 'counts below 2^53', 'more');
    coverage?.check([first, first + n]);
    if (n === 0) return;
    const { settings } = this.#tally;
    survey(this.#backend(), settings, input, null);
    Meter.count(this as unknown as Meter<AnyLoss>, metered(input, settings), first, null);
  }

  /**
   * The metrics as a plain object that JSON can hold: null stands for what is not defined or not finite.
   *
   * @param options `confidence`, in (0, 1), adds intervals; `beta` > 0 adds F_β; `normalize` adds the confusions as
   *   shares
   * @throws TypeError or RangeError for an option of the wrong type or value, or an unknown one, and for `normalize`
   *   where no confusions are counted
   */
  compute(options?: ComputeOptions): Report<L> {
    const checked = computeOptions(common('compute', options, COMPUTE_OPTIONS), this.#state.config);
    return report(this.#settled(), checked) as Report<L>;
  }

  /**
   * The ROC and precision-recall curves of class c: the decisions on it at every threshold between cells that hold a
   * sample.
   *
   * @returns points from the highest threshold down: none decided for the class first
   * @throws RangeError without the option `curves`, or when c is no class
   */
  curve(c: number): OperatingPoint[] {
    return curveOf(this.#cells(c));
  }

  /**
   * The threshold of class c that is best by a criterion, and all metrics there; given to a sigmoid meter as
   * `threshold: { logit }`, it gives these counts. Softmax: of the class's margin, the class against the rest.
   *
   * @param criterion `{ precision }`, `{ recall }`, `{ specificity }`, `{ falsePositiveRate }`, `{ fBeta }` or `{ cost
   *   }`
   * @returns null when no threshold holds it
   * @throws RangeError as `curve`; TypeError or RangeError for a criterion of the wrong type or value
   */
  operatingPoint(c: number, criterion: Criterion): OperatingPoint | null {
    return operatingPointOf(this.#cells(c), criterion);
  }

  /**
   * Take in what another meter has counted; the other stays as it is.
   *
   * @throws TypeError when it is no meter of this library; RangeError, naming the difference, when its loss or options
   *   differ, and, with `coverage`, when samples are in both; nothing has changed then
   */
  merge(other: Meter<L>): void {
    const theirs = this.#fitting(other);
    this.#state = this.#settled().merged(theirs);
  }

  /**
   * Take out what another meter has counted, the inverse of `merge`, for sliding windows: the state is, to the bit,
   * that of a meter that never had it. The other stays as it is.
   *
   * @throws as `merge`; RangeError with `hardest`, and when the other's samples are not all in this one
   */
  subtract(other: Meter<L>): void {
    const theirs = this.#fitting(other);
    this.#state = this.#settled().without(theirs);
  }

  /** A meter that has counted the same, and counts on by itself. */
  clone(): Meter<L> {
    const mine = this as unknown as Meter<AnyLoss>;
    return Meter.withState(mine, this.#settled().clone()) as unknown as Meter<L>;
  }

  /** Back to the state of a new meter. */
  reset(): void {
    this.#tally.flush();
    this.#state = new State(this.#state.config);
  }

  /** The state as a plain object that JSON holds exactly; the format is told in codec.ts. */
  toJSON(): MeterState {
    return toJSON(this.#settled());
  }

  /** The state as bytes, a few for each count; the format is told in codec.ts. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return toBytes(this.#settled());
  }

  /** The counts of class c by cell of the logit. */
  #cells(c: number): Cell[] {
    const { curves, config } = this.#settled();
    if (!curves) throw outOfRange('curves', 'true, as nothing is counted otherwise', config.curves);
    const expected = `an integer in [0, ${config.classes})`;
    return [...curves.cells(number('c', c, expected, (x) => Number.isInteger(x) && x >= 0 && x < config.classes))];
  }

  /** The state of another meter of this configuration. */
  #fitting(other: unknown): State {
    if (!(typeof other === 'object' && other !== null && #state in other))
      throw wrongType('other', 'a FocalMeter', other);
    checkSame(this.#state.config, other.#state.config);
    return other.#settled();
  }

  /** The state with nothing pending. */
  #settled(): State {
    this.#tally.flush();
    this.#state.carryAll();
    return this.#state;
  }
}
