import { LOGITS, PAIR_COLUMNS, SAMPLE_BYTES, SAMPLES, SUM_LOSS } from '../backend/constants.ts';
import type { PairBackend } from '../backend/pairs.ts';
import { convert } from '../backend/scalar/kernels.ts';
import { BASELINE, CANDIDATE, sigmoidPair, softmaxPair } from '../backend/scalar/pairs.ts';
import type { Input } from '../input/tensors.ts';
import type { MeterConfig } from '../meter/config.ts';
import { Coverage, type Range } from '../meter/coverage.ts';
import { Hardest, lossBits } from '../meter/hardest.ts';
import { prediction } from '../meter/ranking.ts';
import { addSum } from '../meter/tally.ts';
import { type Truth, truthOf } from '../meter/truth.ts';
import { carryAll, combine } from '../meter/words.ts';
import { layoutOf, type PairConfig, type PairLayout } from './layout.ts';
import { byRise, type Rise, rise, riseOf } from './rises.ts';
import { copyRows, copySample } from './rows.ts';

/** The largest number of its kind, as the bits of a float32, and the first sample that has it; index −1: none yet. */
export type Largest = readonly [bits: number, index: number];

/** What the meter of one side found of each sample of an input. */
export interface Numbers {
  readonly loss: Float32Array;
  readonly crossEntropy: Float32Array;
  readonly brier: Float32Array;
  /** Softmax: how many classes come before the true one. */
  readonly rank: Int32Array;
}

export interface Parts {
  readonly words: Float64Array;
  readonly hardest: readonly Rise[];
  readonly largest: readonly [divergence: Largest, difference: Largest];
  readonly coverage: readonly Range[] | null;
}

const NONE: Largest = [0, -1];
/** Columns of PAIRS (assembly/compare/scratch.ts). */
const COLUMNS = {
  baseline: 0,
  candidate: 1,
  divergence: 2,
  difference: 3,
  notFinite: 4,
  before: 5,
  after: 6,
  rose: 7,
  fell: 8,
  squared: 9,
} as const;
/** Samples after which sums are carried: limbs of 32 bits hold so many of them in 53. */
const UNCARRIED = 2 ** 20;

const larger = (a: Largest, b: Largest): Largest => {
  if (a[1] < 0 || b[1] < 0) return a[1] < 0 ? b : a;
  return b[0] > a[0] || (b[0] === a[0] && b[1] < a[1]) ? b : a;
};

/** What is counted of pairs, beside what the meters of the two sides count. */
export class Pairs {
  readonly meter: MeterConfig;
  readonly config: PairConfig;
  readonly layout: PairLayout;
  readonly words: Float64Array;
  readonly rises: Hardest<Rise>;
  readonly coverage: Coverage | null;
  largest: [divergence: Largest, difference: Largest];
  #uncarried = 0;

  constructor(meter: MeterConfig, config: PairConfig, parts?: Parts) {
    this.meter = meter;
    this.config = config;
    this.layout = layoutOf(meter, config);
    this.words = parts?.words ?? new Float64Array(this.layout.length);
    this.rises = new Hardest(config.hardest, byRise, riseOf, parts?.hardest);
    this.largest = parts ? [...parts.largest] : [NONE, NONE];
    this.coverage = meter.coverage ? new Coverage(parts?.coverage ?? []) : null;
  }

  get at(): PairLayout['at'] {
    return this.layout.at;
  }

  /** Carry every sum: the one form of the state. */
  carryAll(): void {
    carryAll(this.layout, this.words);
    this.#uncarried = 0;
  }

  /**
   * Both together.
   *
   * @throws RangeError when samples are in both, as coverage tells, or a count would reach 2^53
   */
  merged(other: Pairs): Pairs {
    return new Pairs(this.meter, this.config, {
      coverage: this.coverage?.union(other.coverage as Coverage).ranges ?? null,
      words: combine(this.layout, this.words, other.words, 1),
      hardest: [...this.rises.samples, ...other.rises.samples],
      largest: [larger(this.largest[0], other.largest[0]), larger(this.largest[1], other.largest[1])],
    });
  }

  /**
   * Count the samples of two inputs of one shape in.
   *
   * @param sides what the meters found of them; null without targets
   */
  add(backend: PairBackend, inputs: Both<Input>, sides: Both<Numbers> | null, firstIndex: number): void {
    const { batch, positions, classes } = inputs[0];
    const n = batch * positions;
    const truth = sides && truthOf(inputs[0], this.meter);
    const most = Math.max(1, Math.min(SAMPLES, Math.floor(LOGITS / classes)));
    for (let first = 0; first < n; first += most) {
      const count = Math.min(most, n - first);
      if (this.#uncarried + count > UNCARRIED) this.carryAll();
      this.#uncarried += count;
      this.#chunk(new Chunk(backend, inputs, first, count, truth), sides, truth, firstIndex + first);
    }
    this.coverage?.add([firstIndex, firstIndex + n]);
  }

  #count(at: number, n = 1): void {
    this.words[at] = (this.words[at] as number) + n;
  }

  #chunk(chunk: Chunk, sides: Both<Numbers> | null, truth: Truth | null, firstIndex: number): void {
    const { at, meter } = this;
    const softmax = meter.variant === 'softmax';
    chunk.compare(!softmax);
    for (let i = 0; i < chunk.n; i++) {
      if (truth && !truth.counts(chunk.first + i)) {
        this.#count(at.totals.ignored);
        chunk.leaveOut(i);
        continue;
      }
      this.#totals(chunk, i, firstIndex + i);
      if (softmax) this.#softmax(chunk, i, truth === null ? null : truth.label(chunk.first + i));
      else this.#sigmoid(chunk, i, truth);
    }
    if (softmax && sides) this.#ranks(sides, chunk, truth as Truth);
    this.#add(chunk, at.totals.divergence, 'divergence');
    this.#add(chunk, at.totals.difference, 'difference');
    if (!sides || !truth) return;
    for (const name of ['loss', 'crossEntropy', 'brier'] as const) {
      chunk.subtract(sides[0][name], sides[1][name]);
      this.#add(chunk, at[name].rose, 'rose');
      this.#add(chunk, at[name].fell, 'fell');
      this.#add(chunk, at[name].squares, 'squared');
    }
    if (this.config.hardest > 0) this.#offer(chunk, sides, truth, firstIndex);
  }

  /** Add a column's numbers to an exact sum. */
  #add(chunk: Chunk, at: number, column: keyof typeof COLUMNS): void {
    const { kernels } = chunk.backend;
    kernels.clear(SUM_LOSS);
    kernels.accumulate(SUM_LOSS, 4 * chunk.at(column), chunk.n);
    addSum(kernels, SUM_LOSS, this.words, at);
  }

  /** What is known of a sample without its label. */
  #totals({ notFinite, divergence, difference }: Chunk, i: number, index: number): void {
    const { totals } = this.at;
    this.#count(totals.samples);
    const side = notFinite[i] as number;
    if (side === BASELINE) this.#count(totals.baselineNotFinite);
    else if (side === CANDIDATE) this.#count(totals.candidateNotFinite);
    else if (side) this.#count(totals.neitherFinite);
    if (side) return;
    // numbers ≥ 0 have the order of their bits
    const [kl, gap] = [divergence[i] as number, difference[i] as number];
    if (kl >= this.largest[0][0]) this.largest[0] = larger(this.largest[0], [kl, index]);
    if (gap >= this.largest[1][0]) this.largest[1] = larger(this.largest[1], [gap, index]);
  }

  #softmax(chunk: Chunk, i: number, y: number | null): void {
    const { at, meter, config } = this;
    const [a, b] = chunk.predictions(i);
    const { stride } = at.predictions;
    this.#count(at.predictions.baseline + a * stride);
    this.#count(at.predictions.candidate + b * stride);
    if (a === b) this.#count(at.predictions.both + a * stride);
    if (config.flips) this.#count(at.flips.samples + a * meter.classes + b);
    if (y === null || (a === y) === (b === y)) return;
    this.#count((a === y ? at.classes.lost : at.classes.won) + y * at.classes.stride);
  }

  /** Which samples are among the top k of one side alone. */
  #ranks([baseline, candidate]: Both<Numbers>, { first, n }: Chunk, truth: Truth): void {
    const { lost, won, stride } = this.at.topK;
    for (let i = 0; i < n; i++) {
      const [was, is] = [baseline.rank[first + i] as number, candidate.rank[first + i] as number];
      if (was === is || !truth.counts(first + i)) continue;
      for (const [row, k] of this.meter.topK.entries()) {
        if (was < k !== is < k) this.#count((was < k ? lost : won) + row * stride);
      }
    }
  }

  #sigmoid({ rows, first }: Chunk, i: number, truth: Truth | null): void {
    const { at, meter, words } = this;
    const { classes, threshold: given } = meter;
    const [threshold, thresholds] = typeof given === 'number' ? [given, null] : [0, given];
    const [a, b] = rows;
    const { baseline, candidate, both, stride } = at.predictions;
    const y = truth?.label(first + i);
    const ignoring = truth?.ignored ? truth : null;
    let gained = 0;
    for (let c = 0, cell = i * classes, row = 0; c < classes; c++, cell++, row += stride) {
      if (ignoring?.ignores(first + i, c)) continue;
      const least = thresholds === null ? threshold : (thresholds[c] as number);
      const was = (a[cell] as number) > least;
      const is = (b[cell] as number) > least;
      if (was) words[baseline + row] = (words[baseline + row] as number) + 1;
      if (is) words[candidate + row] = (words[candidate + row] as number) + 1;
      if (was && is) words[both + row] = (words[both + row] as number) + 1;
      if (was === is || truth === null) continue;
      const positive = truth.dense ? truth.isMember(first + i, c) : y === c;
      const section = positive ? at.classes : at.negatives;
      this.#count((was === positive ? section.lost : section.won) + c * section.stride);
      gained += is === positive ? 1 : -1;
    }
    if (gained !== 0) this.#count(at.decisions.squares, gained * gained);
  }

  /** Offer the samples of a chunk whose loss rose. */
  #offer(chunk: Chunk, [{ loss: before }, { loss: after }]: Both<Numbers>, truth: Truth, firstIndex: number): void {
    const [beforeBits, afterBits] = [bitsOf(before), bitsOf(after)];
    for (let i = 0, j = chunk.first; i < chunk.n; i++, j++) {
      const by = rise(before[j] as number, after[j] as number);
      if (!(by > 0) || by < this.rises.threshold || !truth.counts(j)) continue;
      const said = this.meter.variant === 'softmax' ? chunk.predictions(i) : chunk.largest(i);
      const bits = [lossBits(beforeBits[j] as number), lossBits(afterBits[j] as number)] as const;
      this.rises.offer([firstIndex + i, truth.dense ? null : truth.label(j), ...said, ...bits]);
    }
  }
}

type Both<T> = readonly [baseline: T, candidate: T];

/** Samples [first, first + n) of two inputs, before the kernels. */
class Chunk {
  readonly backend: PairBackend;
  readonly first: number;
  readonly n: number;
  readonly #inputs: Both<Input>;
  readonly #truth: Truth | null;
  /** What is known of each sample: bits of divergence and difference, BASELINE and CANDIDATE where not finite. */
  readonly divergence: Int32Array;
  readonly difference: Int32Array;
  readonly notFinite: Int32Array;
  readonly #predictions: Both<Int32Array>;
  /** The logits of both sides, row by row; of softmax they are gone once compared. */
  #rows: Both<Float32Array | Float64Array>;

  constructor(backend: PairBackend, inputs: Both<Input>, first: number, n: number, truth: Truth | null) {
    this.backend = backend;
    this.first = first;
    this.n = n;
    this.#inputs = inputs;
    this.#truth = truth;
    const column = (name: keyof typeof COLUMNS): Int32Array => backend.i32.subarray(this.at(name), this.at(name) + n);
    this.divergence = column('divergence');
    this.difference = column('difference');
    this.notFinite = column('notFinite');
    this.#predictions = [column('baseline'), column('candidate')];
    const { TILE, PAIRS } = backend.kernels;
    this.#rows = [backend.f32.subarray(TILE >> 2), backend.f32.subarray(PAIRS >> 2)];
  }

  get rows(): Both<Float32Array | Float64Array> {
    return this.#rows;
  }

  /** Where a column begins among the words of the memory. */
  at(name: keyof typeof COLUMNS): number {
    const { PAIRS } = this.backend.kernels;
    return (PAIRS + PAIR_COLUMNS + COLUMNS[name] * SAMPLE_BYTES) >> 2;
  }

  /** Fill the columns of what is known of each sample. */
  compare(sigmoid: boolean): void {
    const { backend, first, n } = this;
    const { kernels } = backend;
    const { classes } = this.#inputs[0];
    if (classes <= LOGITS) {
      copyRows(backend, this.#inputs[0], first, n, kernels.TILE);
      copyRows(backend, this.#inputs[1], first, n, kernels.PAIRS);
      this.#even();
      kernels.pairs(sigmoid, n, classes);
      return;
    }
    // one sample whose classes no tile holds
    const rows = [this.#logits(0), this.#logits(1)] as const;
    this.#rows = rows;
    this.#even();
    const pair = sigmoid ? sigmoidPair(...rows) : softmaxPair(...rows);
    this.#predictions[0][0] = pair.baseline;
    this.#predictions[1][0] = pair.candidate;
    this.notFinite[0] = pair.notFinite;
    backend.f32[this.at('divergence')] = pair.divergence;
    backend.f32[this.at('difference')] = pair.difference;
  }

  /** Make both sides the same where a logit is ignored: it differs in nothing then. */
  #even(): void {
    const truth = this.#truth;
    if (!truth?.ignored) return;
    const { classes } = this.#inputs[0];
    for (let i = 0, at = 0; i < this.n; i++) {
      for (let c = 0; c < classes; c++, at++) {
        if (truth.ignores(this.first + i, c)) this.#rows[0][at] = this.#rows[1][at] = 0;
      }
    }
  }

  /** Have a sample count for nothing. */
  leaveOut(i: number): void {
    this.divergence[i] = 0;
    this.difference[i] = 0;
  }

  /** The predicted classes of both sides, softmax. */
  predictions(i: number): Both<number> {
    return this.notFinite[i] ? this.largest(i) : [this.#predictions[0][i] as number, this.#predictions[1][i] as number];
  }

  /** The classes of the largest logits of both sides. */
  largest(i: number): Both<number> {
    const isLeftOut = (c: number): boolean => this.#truth?.ignores(this.first + i, c) ?? false;
    return [prediction(this.#copy(0, i), isLeftOut), prediction(this.#copy(1, i), isLeftOut)];
  }

  /** By how much the candidate's numbers differ, in the columns `rose`, `fell` and `squared`. */
  subtract(before: Float32Array, after: Float32Array): void {
    const { f32, kernels } = this.backend;
    f32.set(before.subarray(this.first, this.first + this.n), this.at('before'));
    f32.set(after.subarray(this.first, this.first + this.n), this.at('after'));
    kernels.differences(this.n);
  }

  /** The logits of the first sample. */
  #logits(side: 0 | 1): Float64Array {
    const row = this.#copy(side, 0);
    const { scale } = this.#inputs[side];
    if (scale === 0) return row;
    const logits = Float32Array.from(row);
    convert(logits, scale);
    return Float64Array.from(logits);
  }

  #copy(side: 0 | 1, i: number): Float64Array {
    const row = new Float64Array(this.#inputs[side].classes);
    copySample(this.#inputs[side], this.first + i, row);
    return row;
  }
}

/** The values as bits. */
const bitsOf = (values: Float32Array): Uint32Array => new Uint32Array(values.buffer, values.byteOffset, values.length);
