import { Backend, type MeterBackend, type PairBackend } from '../backend/backend.ts';
import {
  COLUMN_BRIER,
  COLUMN_CONFIDENCE,
  COLUMN_CROSS_ENTROPY,
  COLUMN_LOSS,
  COLUMN_PREDICTED,
  COLUMN_RANK,
  FEW,
  LOGITS,
  PAIR_BRIER,
  PAIR_COLUMNS,
  PAIR_CONFIDENCE,
  PAIR_COUNTS,
  PAIR_CROSS_ENTROPY,
  PAIR_DIFFERENCE,
  PAIR_DIVERGENCE,
  PAIR_LABEL,
  PAIR_LOSS,
  PAIR_MOST,
  PAIR_NOT_FINITE,
  PAIR_OWN,
  PAIR_PREDICTED,
  PAIR_RANK,
  SAMPLE_BYTES,
  SAMPLES,
  SUM_COUNT,
  SUM_DIFFERENCE,
  SUM_DIVERGENCE,
  SUM_END,
  SUM_ROSE,
  SUM_SIDES,
  TALLY_BYTES,
  TALLY_CLASSES,
  TRANSPOSED,
} from '../backend/constants.ts';
import { convert } from '../backend/scalar/kernels.ts';
import { BASELINE, CANDIDATE, type Pair, sigmoidPair, softmaxPair } from '../backend/scalar/pairs.ts';
import { outOfRange } from '../input/errors.ts';
import type { Input } from '../input/tensors.ts';
import { planSamples, type Room, SIGMOID_METRICS_ROOM, SOFTMAX_ROOM } from '../losses/plan.ts';
import { goOn, takeSamples } from '../losses/stages.ts';
import type { MeterConfig } from '../meter/config.ts';
import { Coverage, type Range } from '../meter/coverage.ts';
import { floor32 } from '../meter/float-bits.ts';
import { Hardest, lossBits } from '../meter/hardest.ts';
import { prediction } from '../meter/ranking.ts';
import { addSum } from '../meter/sums.ts';
import type { Pass } from '../meter/tally.ts';
import { type Truth, truthOf } from '../meter/truth.ts';
import { carryAll, combine } from '../meter/words.ts';
import { layoutOf, type PairConfig, type PairLayout } from './layout.ts';
import { byRise, type Rise, rise, riseOf } from './rises.ts';
import { copyRows, rowOf } from './rows.ts';

/** The largest number of its kind, as the bits of a float32, and the first sample that has it; index −1: none yet. */
export type Largest = readonly [bits: number, index: number];

type Side = 0 | 1;
type Both<T> = readonly [baseline: T, candidate: T];

export interface Parts {
  readonly words: Float64Array;
  readonly hardest: readonly Rise[];
  readonly largest: readonly [divergence: Largest, difference: Largest];
  readonly coverage: readonly Range[] | null;
}

const NONE: Largest = [0, -1];
/** Samples after which sums are carried: limbs of 32 bits hold so many of them in 53. */
const UNCARRIED = 2 ** 20;
/** Samples of which CHANGED can count what one side decides alone. */
const MOST_TABLED = 2 ** 16 - 1;
/**
 * Logits of either side that are before the kernels together, as far as whole samples allow: what they make of them
 * stays near.
 */
const TILE_LOGITS = 16384;
/** One-vs-rest: logits of a super-row, at least. */
const SUPER_ROW = 64;

const larger = (a: Largest, b: Largest): Largest => {
  if (a[1] < 0 || b[1] < 0) return a[1] < 0 ? b : a;
  return b[0] > a[0] || (b[0] === a[0] && b[1] < a[1]) ? b : a;
};

/** What a logit of one-vs-rest must be above for its class, as a float32. */
const leastOf = (threshold: MeterConfig['threshold'], c: number): number =>
  floor32(typeof threshold === 'number' ? threshold : (threshold[c] as number));

/** Where column k of the pairs begins among the words of the memory. */
const columnAt = ({ kernels }: PairBackend, k: number): number =>
  (kernels.PAIRS + PAIR_COLUMNS + k * SAMPLE_BYTES) >> 2;

/** What a meter has of a tile's samples, and in which column of the pairs it is kept. */
const columnsOf = (
  { LABELS, COLUMNS }: MeterBackend['kernels'],
  side: Side,
  own = COLUMN_RANK,
): [at: number, column: number][] => [
  [COLUMNS + COLUMN_PREDICTED, PAIR_PREDICTED + side],
  [COLUMNS + COLUMN_CONFIDENCE, PAIR_CONFIDENCE + side],
  [COLUMNS + COLUMN_LOSS, PAIR_LOSS + side],
  [COLUMNS + COLUMN_CROSS_ENTROPY, PAIR_CROSS_ENTROPY + side],
  [COLUMNS + COLUMN_BRIER, PAIR_BRIER + side],
  [COLUMNS + own, PAIR_RANK + side],
  [LABELS, PAIR_LABEL],
];

/** Keep what the meter of a side has found of samples [first, first + n), ranks or another column in their place. */
export function keep(to: PairBackend, side: Side, from: MeterBackend, first: number, n: number, own?: number): void {
  for (const [at, k] of columnsOf(from.kernels, side, own)) {
    to.i32.set(from.i32.subarray(at >> 2, (at >> 2) + n), columnAt(to, k) + first);
  }
}

/** Give the first n samples of a side back to its meter, which has the same memory. */
function giveBack(from: PairBackend, side: Side, to: MeterBackend, n: number): void {
  for (const [at, k] of columnsOf(to.kernels, side)) {
    to.i32.copyWithin(at >> 2, columnAt(from, k), columnAt(from, k) + n);
  }
  // kernels go on to the end of a group of samples
  const { LABELS, COLUMNS } = to.kernels;
  for (const at of [LABELS, COLUMNS + COLUMN_PREDICTED]) to.i32.fill(-1, (at >> 2) + n, (at >> 2) + n + 16);
}

/**
 * Whether the sides can go tile by tile together: a tile has all classes, and meters and comparisons have one memory.
 */
export const canStage = (meter: MeterBackend, { kernels }: PairBackend, { variant, classes }: MeterConfig): boolean =>
  classes <= (variant === 'softmax' ? SOFTMAX_ROOM : SIGMOID_METRICS_ROOM).logits &&
  meter.kernels.memory.buffer === kernels.memory.buffer;

/** What a tile of one side has room for while that of the other is there, too. */
const roomOf = ({ variant, classes }: MeterConfig): Room =>
  variant === 'softmax' ? { ...SOFTMAX_ROOM, logits: Math.max(classes, LOGITS / 2) } : SIGMOID_METRICS_ROOM;

/** Samples of a tile. */
function samplesOfTile(meter: MeterConfig): number {
  const { variant, classes } = meter;
  const room = roomOf(meter);
  return variant === 'softmax' ? planSamples({ classes, positions: 1 }, room).images : rowsOfTile(classes, room.logits);
}

/**
 * Samples that are compared together: whole tiles. Softmax transposes rows of few classes, and there is room for the
 * planes of a single tile.
 */
export function samplesOf(meter: MeterConfig): number {
  const tile = samplesOfTile(meter);
  if (meter.variant === 'softmax') return meter.classes > FEW ? SAMPLES : tile;
  return tile * Math.floor(SAMPLES / tile);
}

/** Sets of kernels with other places, by the sets they are made of: made once, they are fast objects of few shapes. */
const others = new WeakMap<MeterBackend, Map<string, MeterBackend>>();

function elsewhere(meter: MeterBackend, name: string, places: Partial<MeterBackend['kernels']>): MeterBackend {
  const known = others.get(meter) ?? new Map<string, MeterBackend>();
  const own = known.get(name) ?? new Backend(meter.name, { ...meter.kernels, ...places });
  others.set(meter, known.set(name, own));
  return own;
}

/**
 * What either side's kernels have elsewhere, so that neither is in the other's way. Softmax has one place for counts;
 * the candidate's tile is in PAIRS, as planes where rows are transposed, else as rows.
 */
export function sidesOf(
  meter: MeterBackend,
  { kernels, i32 }: PairBackend,
  { variant, classes }: MeterConfig,
): Both<MeterBackend> {
  const [SUMS, SUMS_AFTER] = [SUM_SIDES, SUM_SIDES + SUM_COUNT];
  if (variant === 'softmax') {
    const { KEPT, PAIRS } = kernels;
    const places = { KEEP: KEPT + 4 * LOGITS, PLANES: PAIRS, SUMS: SUMS_AFTER };
    return [
      elsewhere(meter, 'baseline', { KEEP: KEPT, SUMS }),
      classes !== 2 && classes <= FEW
        ? elsewhere(meter, 'candidate in planes', places)
        : elsewhere(meter, 'candidate', { ...places, TILE: PAIRS }),
    ];
  }
  const COUNTS = kernels.KEPT + PAIR_COUNTS - meter.kernels.BINS;
  const [BINS, TALLY] = [meter.kernels.BINS + COUNTS, meter.kernels.TALLY + COUNTS];
  i32.fill(0, BINS >> 2, (TALLY + TALLY_BYTES * Math.min(classes, TALLY_CLASSES)) >> 2);
  const [{ rows: ROWS, kept: KEEP }, { rows, kept }] = placesOf(kernels, true);
  return [
    elsewhere(meter, 'baseline, one-vs-rest', { ROWS, KEEP, SUMS }),
    elsewhere(meter, 'candidate, one-vs-rest', { ROWS: rows, KEEP: kept, SUMS: SUMS_AFTER, COUNTS, BINS, TALLY }),
  ];
}

/** One-vs-rest: where the rows of either side are, and what is kept of them. Staged tiles are half as large. */
const placesOf = ({ TILE, PAIRS, KEPT, CHANGED }: PairBackend['kernels'], staged: boolean) =>
  [
    // decisions, and zeros behind them, take the whole of TILE, counts of a super-row half of CHANGED
    { rows: staged ? CHANGED + 2 * LOGITS : TILE, kept: KEPT },
    { rows: PAIRS, kept: staged ? PAIRS + 2 * LOGITS : KEPT + 4 * LOGITS },
  ] as const;

/** One-vs-rest: how many rows make a super-row: whole vectors, unless it would be too long. */
function rowsTogether(classes: number): number {
  const unit = classes % 4 === 0 ? 1 : classes % 2 === 0 ? 2 : 4;
  return unit * classes > LOGITS / 2 ? 1 : unit * Math.ceil(SUPER_ROW / (unit * classes));
}

/** One-vs-rest: rows of a tile, of so many logits at most: whole super-rows. */
function rowsOfTile(classes: number, logits: number): number {
  const rows = rowsTogether(classes);
  return rows * Math.max(1, Math.floor(Math.min(logits / classes, SAMPLES) / rows));
}

/** The stages of both sides, tile by tile, so that what they leave is compared while it is there. */
export class Stages {
  readonly #backend: PairBackend;
  readonly #meter: MeterConfig;
  readonly #sides: Both<MeterBackend>;
  readonly #passes: Both<Pass>;
  /** Samples of a tile, and those that have gone by. */
  readonly #most: number;
  #done = 0;
  /** Whose parameters the kernels have. */
  #side: Side = 1;

  /**
   * Begin.
   *
   * @param sides see sidesOf
   * @param passOf begins the pass of a side, in that room
   */
  constructor(
    backend: PairBackend,
    meter: MeterConfig,
    sides: Both<MeterBackend>,
    passOf: (side: Side, room: Room) => Pass,
  ) {
    this.#backend = backend;
    this.#meter = meter;
    this.#sides = sides;
    this.#most = samplesOfTile(meter);
    const room = roomOf(meter);
    this.#passes = [passOf(0, room), passOf(1, room)];
    for (let sum = SUM_SIDES; sum < SUM_END; sum++) backend.kernels.clear(sum);
  }

  /**
   * Call `visit` when the stages of samples [first, first + n) of the next so many have gone by. Softmax counts the
   * samples of a single tile before the visit, those of several when all have been visited, one side after the other.
   */
  each(samples: number, visit: (first: number, n: number, ignored: number) => void): void {
    const { kernels, f32 } = this.#backend;
    const softmax = this.#meter.variant === 'softmax';
    const start = this.#done;
    const alone = samples <= this.#most;
    for (let first = 0; first < samples; first += this.#most) {
      const n = Math.min(this.#most, samples - first);
      let ignored = 0;
      let valid = -1;
      // of one-vs-rest the side that was the last is the next, as kernels flush some counts when it is the other's turn
      for (const side of softmax || this.#side === 1 ? ([1, 0] as const) : ([0, 1] as const)) {
        this.#turnTo(side);
        const pass = this.#passes[side];
        const { tile } = pass;
        tile.firstImage = start + first;
        tile.images = n;
        tile.positions = 1;
        // both have the same labels
        valid = pass.stages(valid);
        if (alone) pass.count(start, n);
        const place = side ? kernels.PAIRS : kernels.TILE;
        const { source, classes } = tile;
        // it may be in the caller's own memory
        if (softmax && source !== place && tile.form !== TRANSPOSED) {
          f32.copyWithin(place >> 2, source >> 2, (source >> 2) + n * classes);
        }
        ignored = kernels.hold(side, first, n);
      }
      visit(first, n, ignored);
    }
    this.#done += samples;
    if (!alone && softmax) this.#count(start, samples);
  }

  /** All have gone by. */
  end(): void {
    for (const pass of this.#passes) pass.end();
  }

  #turnTo(side: Side): void {
    if (side !== this.#side) goOn(this.#sides[side]);
    this.#side = side;
  }

  #count(first: number, n: number): void {
    for (const side of [0, 1] as const) {
      const meter = this.#sides[side];
      this.#turnTo(side);
      giveBack(this.#backend, side, meter, n);
      takeSamples(meter, n);
      this.#passes[side].count(first, n);
      const { i32 } = this.#backend;
      const { COLUMNS } = meter.kernels;
      for (const [at, k] of columnsOf(meter.kernels, side)) {
        // what was open is settled now, all else is as it was
        if (at !== COLUMNS + COLUMN_PREDICTED && at !== COLUMNS + COLUMN_RANK) continue;
        i32.copyWithin(columnAt(this.#backend, k), at >> 2, (at >> 2) + n);
      }
    }
  }
}

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
  /** Samples whose decisions the kernels have counted. */
  #tabled = 0;

  /** @throws RangeError for flips of one-vs-rest, where a sample has no one prediction */
  constructor(meter: MeterConfig, config: PairConfig, parts?: Parts) {
    if (config.flips && meter.variant === 'sigmoid') {
      throw outOfRange('flips', 'false for a SigmoidFocalLoss (perClass has what left and joined each class)', true);
    }
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

  /** To be called before samples are added. */
  begin({ kernels, f32, i32 }: PairBackend): void {
    for (let sum = SUM_DIVERGENCE; sum < SUM_END; sum++) kernels.clear(sum);
    const { classes, threshold } = this.meter;
    const length = this.#superRow;
    if (length === 0) return;
    const thresholds = f32.subarray(kernels.PAIR_THRESHOLDS >> 2, (kernels.PAIR_THRESHOLDS >> 2) + length + 4);
    for (let c = 0; c < classes; c++) thresholds[c] = leastOf(threshold, c);
    for (let c = classes; c < length; c++) thresholds[c] = thresholds[c - classes] as number;
    thresholds.fill(Infinity, length);
    for (const table of [kernels.DECIDED, kernels.CHANGED]) i32.fill(0, table >> 2, (table >> 2) + length);
  }

  /** And after. */
  end(backend: PairBackend, labelled: boolean): void {
    const { kernels } = backend;
    const { at, words } = this;
    this.#takeDecisions(backend, labelled);
    addSum(kernels, SUM_DIVERGENCE, words, at.totals.divergence);
    addSum(kernels, SUM_DIFFERENCE, words, at.totals.difference);
    for (const [j, { rose, fell, squares }] of [at.loss, at.crossEntropy, at.brier].entries()) {
      for (const [k, to] of [rose, fell, squares].entries()) addSum(kernels, SUM_ROSE + 3 * j + k, words, to);
    }
  }

  /**
   * Add the samples of two inputs of rows, so many at a time; of samples without targets the predictions.
   *
   * @param stages what is to come, of all samples; else there are no more than `most`, and their numbers have been kept
   */
  add(
    backend: PairBackend,
    inputs: Both<Input>,
    labelled: boolean,
    firstIndex: number,
    stages: Stages | null = null,
    most = SAMPLES,
  ): void {
    const samples = inputs[0].batch;
    const chunk = new Chunk(backend, inputs, labelled ? truthOf(inputs[0], this.meter) : null);
    for (let from = 0; from < samples; from += most) {
      chunk.take(from, Math.min(most, samples - from));
      this.#add(backend, chunk, labelled, firstIndex + from, stages);
    }
    stages?.end();
    this.coverage?.add([firstIndex, firstIndex + samples]);
  }

  #add(backend: PairBackend, chunk: Chunk, labelled: boolean, firstIndex: number, stages: Stages | null): void {
    const { n } = chunk;
    this.#uncarried += n;
    if (this.#uncarried > UNCARRIED) {
      this.carryAll();
      this.#uncarried = n;
    }
    if (this.meter.variant === 'softmax') this.#softmax(chunk, labelled, stages);
    else this.#sigmoid(backend, chunk, labelled, stages);
    const squares = backend.kernels.settle(n, labelled);
    if (this.meter.variant === 'sigmoid' && labelled) this.#count(this.at.decisions.squares, squares);
    this.#totals(chunk, firstIndex);
    if (this.config.hardest > 0 && labelled) this.#offer(chunk, firstIndex);
  }

  #count(at: number, n = 1): void {
    this.words[at] = (this.words[at] as number) + n;
  }

  #countNotFinite(sides: number): void {
    const { totals } = this.at;
    if (sides === BASELINE) this.#count(totals.baselineNotFinite);
    else if (sides === CANDIDATE) this.#count(totals.candidateNotFinite);
    else this.#count(totals.neitherFinite);
  }

  /** Count what is known of samples without their labels; ignored ones have no part in it. */
  #totals(chunk: Chunk, firstIndex: number): void {
    const { n, notFinite, ignored } = chunk;
    this.#count(this.at.totals.samples, n - ignored.size);
    this.#count(this.at.totals.ignored, ignored.size);
    for (let i = 0; chunk.anyNotFinite && i < n; i++) {
      if (notFinite[i]) this.#countNotFinite(notFinite[i] as number);
    }
    for (const k of [0, 1] as const) {
      const [most, place] = chunk.largest(k, this.largest[k]);
      if (place >= 0) this.largest[k] = larger(this.largest[k], [most, firstIndex + place]);
    }
  }

  #softmax(chunk: Chunk, labelled: boolean, stages: Stages | null): void {
    const { at, config, meter } = this;
    const { n, labels, ranks } = chunk;
    const { baseline, candidate, both, stride } = at.predictions;
    // fewer than all classes come before any; and only where the predictions differ is one side's the first alone
    const ranked = labelled && meter.topK.some((k) => k < meter.classes);
    const deep = meter.topK.some((k) => k > 1 && k < meter.classes);
    const differing: number[] = [];
    const flip = (a: number, b: number, times: number): void => {
      if (config.flips) this.#count(at.flips.samples + a * meter.classes + b, times);
    };
    chunk.compareSoftmax(
      stages,
      (c, times) => {
        for (const count of [baseline, candidate, both]) this.#count(count + c * stride, times);
        flip(c, c, times);
      },
      (i) => {
        const y = labels[i] as number;
        if (y < 0) {
          chunk.ignored.add(i);
          return;
        }
        const [a, b] = [chunk.predicted(0, i), chunk.predicted(1, i)];
        this.#count(baseline + a * stride);
        this.#count(candidate + b * stride);
        if (a === b) this.#count(both + a * stride);
        flip(a, b, 1);
        if (labelled && (a === y) !== (b === y)) {
          this.#count((a === y ? at.classes.lost : at.classes.won) + y * at.classes.stride);
          differing.push(i);
        }
      },
    );
    if (!ranked) return;
    // which samples are among the top k of one side alone
    const { lost, won } = at.topK;
    const [was, is] = ranks;
    const outcome = (i: number): void => {
      const [before, after] = [was[i] as number, is[i] as number];
      if (before === after || (labels[i] as number) < 0) return;
      for (const [row, k] of meter.topK.entries()) {
        if (before < k !== after < k) this.#count((before < k ? lost : won) + row * at.topK.stride);
      }
    };
    if (deep) for (let i = 0; i < n; i++) outcome(i);
    else differing.forEach(outcome);
  }

  /** One-vs-rest: logits of a super-row; 0 where rows are too long for the kernels. */
  get #superRow(): number {
    const { variant, classes } = this.meter;
    return variant === 'softmax' || classes > LOGITS ? 0 : rowsTogether(classes) * classes;
  }

  /** One-vs-rest: move what the kernels have counted of decisions to the words. */
  #takeDecisions({ kernels, i32 }: PairBackend, labelled: boolean): void {
    const { classes } = this.meter;
    const length = this.#superRow;
    const [decided, changed] = [kernels.DECIDED >> 2, kernels.CHANGED >> 2];
    for (let j = 0, c = 0; j < length; j++) {
      const [both, alone] = [i32[decided + j] as number, i32[changed + j] as number];
      if (both !== 0 || alone !== 0) this.#decided(c, both, alone & 0xffff, alone >>> 16, labelled);
      if (++c === classes) c = 0;
    }
    for (const table of [decided, changed]) i32.fill(0, table, table + length);
    this.#tabled = 0;
  }

  /** How often both sides decide for a class, or one alone; as if no sample were of it. */
  #decided(c: number, both: number, before: number, after: number, labelled: boolean): void {
    const { predictions, negatives } = this.at;
    const row = c * predictions.stride;
    this.#count(predictions.baseline + row, both + before);
    this.#count(predictions.candidate + row, both + after);
    this.#count(predictions.both + row, both);
    if (!labelled) return;
    this.#count(negatives.won + c * negatives.stride, before);
    this.#count(negatives.lost + c * negatives.stride, after);
  }

  #sigmoid(backend: PairBackend, chunk: Chunk, labelled: boolean, stages: Stages | null): void {
    const { at, meter } = this;
    if (this.#tabled + chunk.n > MOST_TABLED) this.#takeDecisions(backend, labelled);
    this.#tabled += chunk.n;
    chunk.compareSigmoid(
      stages,
      meter.threshold,
      (c, both, before, after) => this.#decided(c, both, before, after, labelled),
      (c, isFor) => {
        // of a class that the sample is of; it has been counted as one of another
        const { classes, negatives } = at;
        this.#count((isFor ? classes.won : classes.lost) + c * classes.stride);
        this.#count((isFor ? negatives.lost : negatives.won) + c * negatives.stride, -1);
      },
    );
  }

  /** Offer the samples of a chunk whose loss rose. */
  #offer(chunk: Chunk, firstIndex: number): void {
    const truth = chunk.truth as Truth;
    const [before, after] = chunk.losses;
    const [beforeBits, afterBits] = [bitsOf(before), bitsOf(after)];
    for (let i = 0; i < chunk.n; i++) {
      const by = rise(before[i] as number, after[i] as number);
      if (!(by > 0) || by < this.rises.threshold || !truth.counts(chunk.from + i)) continue;
      const said = [chunk.prediction(0, i), chunk.prediction(1, i)] as const;
      const bits = [lossBits(beforeBits[i] as number), lossBits(afterBits[i] as number)] as const;
      this.rises.offer([firstIndex + i, truth.listed(chunk.from + i), ...said, ...bits]);
    }
  }
}

/** Samples of two inputs of rows, and what is known of each. */
class Chunk {
  /** Which of the inputs' they are: n from this one on. All else counts from it, but inputs and truth. */
  from = 0;
  n = 0;
  readonly inputs: Both<Input>;
  readonly truth: Truth | null;
  /** Bits of divergence and difference; BASELINE and CANDIDATE where not finite. */
  readonly divergence: Int32Array;
  readonly difference: Int32Array;
  readonly notFinite: Int32Array;
  /** Of the meters: predicted classes, −1 where open, ranks, losses, and labels, −1 where ignored. */
  readonly predictions: Both<Int32Array>;
  readonly ranks: Both<Int32Array>;
  readonly losses: Both<Float32Array>;
  readonly labels: Int32Array;
  /** Those that have no part in anything; they are known once the sides are compared. */
  readonly ignored = new Set<number>();
  readonly #backend: PairBackend;

  constructor(backend: PairBackend, inputs: Both<Input>, truth: Truth | null) {
    const column = (k: number) => backend.i32.subarray(columnAt(backend, k), columnAt(backend, k) + SAMPLES);
    const numbers = (k: number) => backend.f32.subarray(columnAt(backend, k), columnAt(backend, k) + SAMPLES);
    this.inputs = inputs;
    this.truth = truth;
    this.divergence = column(PAIR_DIVERGENCE);
    this.difference = column(PAIR_DIFFERENCE);
    this.notFinite = column(PAIR_NOT_FINITE);
    this.predictions = [column(PAIR_PREDICTED), column(PAIR_PREDICTED + 1)];
    this.ranks = [column(PAIR_RANK), column(PAIR_RANK + 1)];
    this.losses = [numbers(PAIR_LOSS), numbers(PAIR_LOSS + 1)];
    this.labels = column(PAIR_LABEL);
    this.#backend = backend;
  }

  /** Go on to other samples. */
  take(from: number, n: number): void {
    this.from = from;
    this.n = n;
    this.ignored.clear();
  }

  /**
   * Softmax, whose predictions are known: fill the columns of what is known of each sample.
   *
   * @param agreed gets on which class the sides agree how often
   * @param changed gets the other samples, those that are open or ignored, too
   */
  compareSoftmax(
    stages: Stages | null,
    agreed: (c: number, times: number) => void,
    changed: (i: number) => void,
  ): void {
    const { kernels, i32 } = this.#backend;
    const { classes } = this.inputs[0];
    const decided = i32.subarray(kernels.DECIDED >> 2, (kernels.DECIDED >> 2) + Math.min(classes, LOGITS));
    decided.fill(0);
    const compare = (first: number, count: number): void => {
      const found = kernels.pairs(false, stages !== null, first, count, classes, 0);
      for (let j = 0; j < found; j++) changed(i32[(kernels.CHANGED >> 2) + j] as number);
    };
    if (stages) {
      stages.each(this.n, compare);
    } else {
      this.#eachTile(Math.max(1, Math.floor(TILE_LOGITS / classes)), compare, (a, b, i) => {
        changed(i);
        return softmaxPair(a, b);
      });
    }
    for (let c = 0; c < decided.length; c++) if (decided[c]) agreed(c, decided[c] as number);
  }

  /** The predicted class of a side, softmax. */
  predicted(side: 0 | 1, i: number): number {
    const c = this.predictions[side][i] as number;
    return c < 0 ? this.prediction(side, i) : c;
  }

  /** Whether a sample is not finite on either side. */
  get anyNotFinite(): boolean {
    return this.#most(2) > 0;
  }

  /** The bits of what `settle` has put to PAIR_MOST. */
  #most(k: number): number {
    return this.#backend.i32[columnAt(this.#backend, PAIR_MOST) + k] as number;
  }

  /**
   * The bits of the largest divergence (0) or difference (1), and the first sample that has it; −1: none, or less than
   * the largest so far.
   */
  largest(which: 0 | 1, [known, index]: Largest): Largest {
    const column = which ? this.difference : this.divergence;
    const most = this.#most(which);
    if (index >= 0 && most < known) return NONE;
    if (most > 0) return [most, column.indexOf(most)];
    // those that do not count have 0, too
    for (let i = 0; i < this.n; i++) if (!this.ignored.has(i) && !this.notFinite[i]) return [0, i];
    return [0, -1];
  }

  /**
   * The same of one-vs-rest, and the decisions.
   *
   * @param decided gets how often both sides decide for a class, and either alone, of rows that are too long for the
   *   kernels
   * @param own gets the decisions of classes that samples are of, where they differ, and whether the candidate's is for
   *   the class
   */
  compareSigmoid(
    stages: Stages | null,
    threshold: MeterConfig['threshold'],
    decided: (c: number, both: number, before: number, after: number) => void,
    own: (c: number, isFor: boolean) => void,
  ): void {
    const { kernels, f32, i32 } = this.#backend;
    const { truth, labels } = this;
    const { classes } = this.inputs[0];
    const rows = rowsTogether(classes);
    const places = placesOf(kernels, stages !== null);
    const compare = (first: number, count: number, ignored: number): void => {
      for (let i = first; ignored > 0 && i < first + count; i++) if ((labels[i] as number) < 0) this.ignored.add(i);
      const leavesOut = this.ignored.size > 0 || truth?.ignored;
      for (const { rows: at, kept } of places) {
        const to = at >> 2;
        f32.fill(-Infinity, to + count * classes, to + Math.ceil(count / rows) * rows * classes);
        for (let i = 0; leavesOut && i < count; i++) {
          for (let c = 0; c < classes; c++) {
            if (!this.#isLeftOut(first + i, c)) continue;
            const cell = i * classes + c;
            f32[to + cell] = -Infinity;
            // and e^−∞, in the place of what the stages have kept of the logit
            if (stages) f32[(kept >> 2) + cell] = 0;
          }
        }
      }
      const found = kernels.pairs(true, stages !== null, first, count, classes, rows * classes);
      for (let j = 0; j < found; j++) {
        const i = i32[columnAt(this.#backend, PAIR_OWN) + j] as number;
        own(labels[i < 0 ? ~i : i] as number, i < 0);
      }
      if (!truth?.dense) return;
      const [before, after] = [places[0].rows >> 2, places[1].rows >> 2];
      for (let i = 0, cell = 0; i < count; i++) {
        for (let c = 0; c < classes; c++, cell++) {
          const least = leastOf(threshold, c);
          const is = (f32[after + cell] as number) > least;
          if ((f32[before + cell] as number) > least !== is && truth.isMember(this.from + first + i, c)) own(c, is);
        }
      }
    };
    if (stages) {
      stages.each(this.n, compare);
      return;
    }
    for (let i = 0; i < this.n; i++) {
      // of dense targets a meter has no labels
      if (truth && (truth.dense ? !truth.counts(this.from + i) : (labels[i] as number) < 0)) this.ignored.add(i);
    }
    if (truth?.dense ?? true) labels.fill(-1);
    this.#eachTile(
      rowsOfTile(classes, TILE_LOGITS),
      (first, count) => compare(first, count, 0),
      (a, b, i) => {
        for (let c = 0; c < classes; c++) {
          if (this.#isLeftOut(i, c)) a[c] = b[c] = -Infinity;
          const least = leastOf(threshold, c);
          const [was, is] = [(a[c] as number) > least, (b[c] as number) > least];
          decided(c, Number(was && is), Number(was && !is), Number(is && !was));
          if (was !== is && truth?.isMember(this.from + i, c)) own(c, is);
        }
        return sigmoidPair(a, b);
      },
    );
  }

  /** The class of the largest logit of a side. */
  prediction(side: 0 | 1, i: number): number {
    return prediction(rowOf(this.inputs[side], this.from + i), (c) => this.#ignores(i, c));
  }

  #ignores(i: number, c: number): boolean {
    return this.truth?.ignores(this.from + i, c) ?? false;
  }

  /** One-vs-rest: whether a logit is ignored; −∞ on both sides differs in nothing and is no decision. */
  #isLeftOut(i: number, c: number): boolean {
    return this.ignored.has(i) || this.#ignores(i, c);
  }

  /** Have the rows before the kernels, so many at a time, or one by one where no tile holds the classes. */
  #eachTile(
    most: number,
    visit: (first: number, n: number) => void,
    one: (a: Float64Array, b: Float64Array, i: number) => Pair,
  ): void {
    const { kernels, f32 } = this.#backend;
    const { classes } = this.inputs[0];
    if (classes > LOGITS) {
      for (let i = 0; i < this.n; i++) {
        const pair = one(this.#logits(0, i), this.#logits(1, i), i);
        const counts = this.ignored.has(i) ? 0 : 1;
        this.notFinite[i] = counts * pair.notFinite;
        f32[columnAt(this.#backend, PAIR_DIVERGENCE) + i] = counts && pair.divergence;
        f32[columnAt(this.#backend, PAIR_DIFFERENCE) + i] = counts && pair.difference;
      }
      return;
    }
    for (let first = 0; first < this.n; first += most) {
      const count = Math.min(most, this.n - first);
      copyRows(this.#backend, this.inputs[0], this.from + first, count, kernels.TILE);
      copyRows(this.#backend, this.inputs[1], this.from + first, count, kernels.PAIRS);
      visit(first, count);
    }
  }

  #logits(side: 0 | 1, i: number): Float64Array {
    const row = rowOf(this.inputs[side], this.from + i);
    const { scale } = this.inputs[side];
    if (scale === 0) return row;
    const logits = Float32Array.from(row);
    convert(logits, scale);
    return Float64Array.from(logits);
  }
}

/** The values as bits. */
const bitsOf = (values: Float32Array): Uint32Array => new Uint32Array(values.buffer, values.byteOffset, values.length);
