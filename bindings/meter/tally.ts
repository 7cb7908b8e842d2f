import type { MeterBackend as Backend } from '../backend/backend.ts';
import {
  ALL_TOGETHER,
  BIN_BYTES,
  BIN_CONFIDENCE,
  BIN_HITS,
  COLUMN_BRIER,
  COLUMN_BYTES,
  COLUMN_CONFIDENCE,
  COLUMN_CROSS_ENTROPY,
  COLUMN_FAR,
  COLUMN_LOSS,
  COLUMN_PASSED_OVER,
  COLUMN_PREDICTED,
  COLUMN_RANK,
  COLUMN_WRONG,
  LEFT_OPEN,
  PROBABILITIES,
  SAMPLES,
  SUM_BRIER,
  SUM_BRIER_SQUARES,
  SUM_ENTROPY_SQUARES,
  SUM_INFINITE,
  SUM_LOSS,
  SUM_LOSS_SQUARES,
  SUM_NAN,
  TALLY_BINS,
  TALLY_BYTES,
  TALLY_CLASSES,
  TALLY_LARGEST,
  TALLY_PREDICTED,
  TALLY_RIGHT,
  TALLY_SUPPORT,
} from '../backend/constants.ts';
import type { Kernels, MeterKernels } from '../backend/kernels.ts';
import { carry, deposit, LIMBS } from '../backend/limbs.ts';
import { isAsymmetric, LARGEST, loadLabels } from '../input/targets.ts';
import type { Input } from '../input/tensors.ts';
import { loadThresholds } from '../losses/load-weights.ts';
import type { Settings } from '../losses/options.ts';
import { SIGMOID_METRICS_ROOM, SOFTMAX_ROOM } from '../losses/plan.ts';
import { lnOrNothing } from '../losses/portable.ts';
import { Call } from '../losses/stages.ts';
import type { Tile } from '../losses/tile.ts';
import { Resampler } from './bootstrap.ts';
import { cellOf } from './cells.ts';
import { type MeterConfig, settingsFrom } from './config.ts';
import { lossBits } from './hardest.ts';
import { logitsOf } from './logits-of.ts';
import { marginsOf } from './margins.ts';
import { isAbove, prediction } from './ranking.ts';
import type { State } from './state.ts';
import { addSample, addTo, addValue, carryBins, depositParts, UNIT } from './sums.ts';
import { entropyOf, imagesOf, lossesOf, replaced, type Truth, truthOf } from './truth.ts';
import { INFINITE, NAN } from './words.ts';

/** Add one loss to a class's sum, without carrying. */
function addLoss({ words, at }: State, c: number, v: number): void {
  addValue(words, at.classes.loss + c * at.classes.stride, v);
}

/** Add an exact sum of the kernels to one of the state. */
export function addSum(kernels: Pick<Kernels, 'limb'>, sum: number, words: Float64Array, at: number): void {
  for (let j = 0; j < LIMBS; j++) addTo(words, at + j, kernels.limb(sum, j));
  addTo(words, at + INFINITE, kernels.limb(sum, SUM_INFINITE));
  addTo(words, at + NAN, kernels.limb(sum, SUM_NAN));
  carry(words, at, LIMBS);
}

/** A probability as bins and thresholds take it: in units of 2^−23, ties to even. */
function roundedToUnit(p: number): number {
  return Math.fround(1 + p) - 1;
}

/** The bin of a probability that has been rounded. */
const binOf = (p: number, bins: number): number => Math.min(Math.floor(p * bins), bins - 1);

/** Count a probability in its bin; NaN has none. */
function bin({ words, at, config }: State, probability: number, hit: boolean): void {
  if (Number.isNaN(probability)) return;
  const p = roundedToUnit(probability);
  const row = at.bins.stride * binOf(p, config.bins);
  addTo(words, at.bins.count + row, 1);
  if (hit) addTo(words, at.bins.hits + row, 1);
  addTo(words, at.bins.confidence + row, p * UNIT);
  if (((words[at.bins.count + row] as number) & 0xfffff) === 0) carry(words, at.bins.confidence + row, 2);
}

/**
 * Where ties or NaN leave it open: the prediction, and how many classes come before the true one. A class comes before
 * another when its logit is larger, NaN being the largest, or the same at a lower index.
 */
class Ranking {
  prediction = 0;
  rank = 0;

  settle(input: Input, sample: number, y: number): void {
    const { classes } = input;
    const logit = logitsOf(input, sample);
    const z = logit(y);
    let best = logit(0);
    this.prediction = 0;
    this.rank = 0;
    for (let c = 0; c < classes; c++) {
      const v = logit(c);
      if (isAbove(v, best)) {
        best = v;
        this.prediction = c;
      }
      if (isAbove(v, z) || (c < y && !isAbove(z, v))) this.rank++;
    }
  }
}

/** Whose counts the tables of a memory hold, by the address of TALLY. */
const holders = new WeakMap<object, Map<number, Tally>>();

function holdersOf({ memory }: MeterKernels): Map<number, Tally> {
  const known = holders.get(memory) ?? new Map<number, Tally>();
  holders.set(memory, known);
  return known;
}

/** Where an input is counted: in one state, or each of its samples in that of its group. */
export interface Destination {
  /** See PARAM_GROUPS and PARAM_GROUP_BYTES. */
  readonly groups: number;
  readonly groupBytes?: number;
  /** The state of sample i of the input. */
  stateAt(i: number): State;
  /** Samples [first, first + n) are a tile, which is counted next. */
  place?(first: number, n: number): void;
}

/** Gets samples [first, first + n) of an input: 0 where they are ignored. */
export type Visit = (backend: Backend, first: number, n: number) => void;

/** Counts batches into the state of a meter. */
export abstract class Tally {
  protected readonly config: MeterConfig;
  readonly settings: Settings;
  protected readonly ranking = new Ranking();
  protected readonly resampler: Resampler | null;
  /** Samples that the tables hold of this tally. */
  #tabled = 0;
  #emptyTables = (): void => {};

  constructor(config: MeterConfig) {
    this.config = config;
    this.settings = settingsFrom(config);
    this.resampler = config.bootstrap > 0 ? new Resampler(config.bootstrap) : null;
  }

  /**
   * Count in an input whose targets are all good.
   *
   * @param to a state, or groups that have begun
   * @param visit called after each tile, while COLUMNS hold its samples' numbers
   */
  abstract update(backend: Backend, to: Destination, input: Input, firstIndex: number, visit: Visit | null): void;

  /**
   * To be called before n samples are counted in the tables, if they hold so much: they are this tally's then, and have
   * room.
   */
  protected takeTables(backend: Backend, state: State, n: number): void {
    const { classes, bins } = this.config;
    if (!backend.kernels.TALLY || classes > TALLY_CLASSES || bins > TALLY_BINS) return;
    const held = holdersOf(backend.kernels);
    const holder = held.get(backend.kernels.TALLY);
    if (holder !== this || this.#tabled + n > SAMPLES) holder?.flush();
    held.set(backend.kernels.TALLY, this);
    this.#tabled += n;
    this.#emptyTables = () => emptyTables(backend, state);
  }

  /**
   * Move what the tables hold to the state: it is left there from update to update, as that takes a pass over the
   * classes.
   */
  flush(): void {
    if (this.#tabled > 0) this.#emptyTables();
    this.#tabled = 0;
  }

  /** The samples of a tile are there: of groups, one by one, unless their blocks tell. */
  protected addSamples({ kernels, i32 }: Backend, to: Destination, first: number, n: number, valid: number): void {
    if (to.groups === ALL_TOGETHER) {
      const { words, at } = to.stateAt(0);
      addTo(words, at.totals.samples, valid);
      addTo(words, at.totals.ignored, n - valid);
    }
    for (let i = 0; i < n && to.groups === LEFT_OPEN; i++) {
      const state = to.stateAt(first + i);
      const ignored = (i32[(kernels.LABELS >> 2) + i] as number) < 0;
      addTo(state.words, ignored ? state.at.totals.ignored : state.at.totals.samples, 1);
    }
  }

  /** With LEFT_OPEN: add the numbers of a sample of the tile, which is not ignored. */
  protected addOpen({ kernels, f32, i32 }: Backend, state: State, i: number): void {
    state.makeRoom(1);
    const column = (at: number): number => f32[((kernels.COLUMNS + at) >> 2) + i] as number;
    let entropy = column(COLUMN_CROSS_ENTROPY);
    if (entropy < 0) {
      const half = (kernels.COLUMNS + COLUMN_FAR) >> 2;
      HALVES[0] = i32[half + i] as number;
      HALVES[1] = i32[half + (COLUMN_BYTES >> 2) + i] as number;
      deposit(state.words, state.at.totals.crossEntropy, FAR[0] as number);
      entropy = 0;
    }
    addSample(state, column(COLUMN_LOSS), entropy, column(COLUMN_BRIER));
  }

  /** The sums of the call, and what must be carried after it. */
  protected addSums({ kernels }: Backend, state: State): void {
    const { words, at } = state;
    addSum(kernels, SUM_LOSS, words, at.totals.crossEntropy);
    addSum(kernels, SUM_BRIER, words, at.totals.brier);
    addSum(kernels, SUM_ENTROPY_SQUARES, words, at.squares.crossEntropy);
    addSum(kernels, SUM_BRIER_SQUARES, words, at.squares.brier);
    addSum(kernels, SUM_LOSS_SQUARES, words, at.squares.loss);
    carryBins(state);
  }
}

const FAR = new Float64Array(1);
const HALVES = new Int32Array(FAR.buffer);

/** Move what the kernels have counted to the state. */
function emptyTables({ kernels, f32, i32 }: Backend, { words, at, config }: State): void {
  const { classes, bins } = config;
  kernels.flush(bins);
  const parts = new Float64Array(f32.buffer, kernels.TALLY, (TALLY_BYTES >> 3) * classes);
  for (let c = 0, to = 0; c < classes; c++, to += at.classes.stride) {
    const row = kernels.TALLY + c * TALLY_BYTES;
    addTo(words, at.classes.support + to, i32[(row + TALLY_SUPPORT) >> 2] as number);
    addTo(words, at.classes.right + to, i32[(row + TALLY_RIGHT) >> 2] as number);
    addTo(words, at.classes.predicted + to, i32[(row + TALLY_PREDICTED) >> 2] as number);
    const sum = at.classes.loss + to;
    const first = c * (TALLY_BYTES >> 3);
    depositParts(words, sum, parts[first] as number, parts[first + 1] as number);
    deposit(words, sum, parts[first + 2] as number);
    deposit(words, sum, parts[first + 3] as number);
  }
  parts.fill(0);
  for (let b = 0, to = 0; b < bins; b++, to += at.bins.stride) {
    const row = kernels.BINS + b * BIN_BYTES;
    addTo(words, at.bins.count + to, i32[row >> 2] as number);
    addTo(words, at.bins.hits + to, i32[(row + BIN_HITS) >> 2] as number);
    addTo(words, at.bins.confidence + to, (i32[(row + BIN_CONFIDENCE) >> 2] as number) >>> 0);
    addTo(words, at.bins.confidence + to + 1, i32[((row + BIN_CONFIDENCE) >> 2) + 1] as number);
    carry(words, at.bins.confidence + to, 2);
  }
  i32.fill(0, kernels.BINS >> 2, (kernels.BINS + BIN_BYTES * bins) >> 2);
}

/** Logits of one-vs-rest that are counted together where labels alone do not tell. */
const TOGETHER = 1 << 20;

/** Sum of float32 numbers, one after another in float64. */
function sumOf(n: number, value: (c: number) => number): number {
  let sum = 0;
  for (let c = 0; c < n; c++) sum += value(c);
  return sum;
}

const EIGHT = new Float32Array(8);

/** The same by float32 sums of eight, as the kernels make them; of eight that leave float32, in float64. */
function sumByEight(n: number, value: (c: number) => number): number {
  let sum = 0;
  for (let from = 0; from < n; from += 8) {
    let wide = 0;
    for (let k = 0; k < 8; k++) {
      EIGHT[k] = from + k < n ? value(from + k) : 0;
      wide += EIGHT[k] as number;
    }
    for (let k = 0; k < 4; k++) EIGHT[k] = (EIGHT[k] as number) + (EIGHT[k + 4] as number);
    EIGHT[0] = (EIGHT[0] as number) + (EIGHT[2] as number);
    EIGHT[1] = (EIGHT[1] as number) + (EIGHT[3] as number);
    EIGHT[0] = (EIGHT[0] as number) + (EIGHT[1] as number);
    sum += (EIGHT[0] as number) < Infinity ? (EIGHT[0] as number) : wide;
  }
  return sum;
}

/**
 * Softmax: losses, ranks and predictions of a tile whose labels are loaded, and the probabilities of what is predicted, which
 * have the same bits whatever the labels.
 */
function decide(kernels: MeterKernels, call: Call): void {
  call.scanAndSum();
  call.finish();
  if (kernels.decide() > 0) {
    kernels.review(true, call.tile.whole);
    call.scanAndSumAgain();
    kernels.review(false, false);
  }
}

/** An update under way: for each tile its stages, then, of so many samples that COLUMNS hold, what is counted of them. */
export interface Pass {
  readonly tile: Tile;
  stages(): void;
  count(first: number, n: number): void;
  end(): void;
}

/** Softmax: the pass of an input whose targets nobody asks for. */
export function predictions(backend: Backend, settings: Settings, input: Input, room = SOFTMAX_ROOM): Pass {
  const { kernels, i32 } = backend;
  // every label does
  const plain = { ...settings, labelSmoothing: 0 };
  const call = new Call(backend, plain, input, room, { ranks: 1, bins: 1 });
  const { tile } = call;
  return {
    tile,
    stages() {
      i32.fill(0, kernels.LABELS >> 2, (kernels.LABELS >> 2) + tile.samples);
      kernels.labels(tile.samples, input.classes, -1);
      decide(kernels, call);
    },
    count() {},
    end() {},
  };
}

export class SoftmaxTally extends Tally {
  update(backend: Backend, to: Destination, input: Input, firstIndex: number, visit: Visit | null): void {
    const pass = this.begin(backend, to, input, firstIndex);
    const { tile } = pass;
    tile.eachSamples(() => {
      pass.stages();
      pass.count(tile.firstSample, tile.samples);
      visit?.(backend, tile.firstSample, tile.samples);
    });
    pass.end();
  }

  /** Begin an update; stages go by the kernels of `staged`, which may have another place for the tile. */
  begin(
    backend: Backend,
    to: Destination,
    given: Input,
    firstIndex: number,
    room = SOFTMAX_ROOM,
    staged = backend,
  ): Pass {
    const { kernels, i32 } = backend;
    const { config } = this;
    const own = replaced(backend, this.settings, given);
    const { input, settings } = own ?? { input: given, settings: this.settings };
    // topK is sorted
    const call = new Call(staged, settings, input, room, {
      ranks: config.topK.at(-1) ?? 1,
      bins: config.bins,
      groups: to,
    });
    const { tile } = call;
    return {
      tile,
      stages: () => {
        const n = tile.samples;
        const valid = loadLabels(kernels, input, tile.firstSample, n, settings);
        decide(kernels, call);
        own?.put(tile.firstSample, n);
        if (config.curves) this.#countMargins(backend, to, input, tile);
        this.addSamples(backend, to, tile.firstSample, n, valid);
      },
      count: (first, n) => {
        if (to.groups === ALL_TOGETHER) {
          const state = to.stateAt(0);
          state.makeRoom(n);
          for (const [j, k] of config.topK.entries()) addTo(state.words, state.at.topK.hits + j, kernels.topK(k));
          this.takeTables(backend, state, n);
        }
        to.place?.(first, n);
        const passedOver = kernels.tally();
        if (passedOver < 0) for (let i = 0; i < n; i++) this.#count(backend, to, input, first, i);
        for (let j = 0; j < passedOver; j++) {
          const i = i32[((kernels.COLUMNS + COLUMN_PASSED_OVER) >> 2) + j] as number;
          this.#count(backend, to, input, first, i);
        }
        if (config.confusion) this.#confuse(backend, to, first, n);
        if (config.hardest > 0) this.#pick(backend, to, firstIndex, first, n, own?.dense ?? false);
        if (this.resampler) this.#resample(backend, to, this.resampler, firstIndex, first, n);
      },
      end: () => {
        if (to.groups === ALL_TOGETHER) this.addSums(backend, to.stateAt(0));
      },
    };
  }

  /** Count the sample at `i` of the tile; its prediction and rank, where they were open, are put in their places. */
  #count(backend: Backend, to: Destination, input: Input, first: number, i: number): void {
    const { kernels, f32, i32 } = backend;
    const { topK } = this.config;
    const y = i32[(kernels.LABELS >> 2) + i] as number;
    if (y < 0) return;
    const state = to.stateAt(first + i);
    const { words, at } = state;
    const open = to.groups === LEFT_OPEN;
    if (open) this.addOpen(backend, state, i);
    let rank = open ? (i32[((kernels.COLUMNS + COLUMN_RANK) >> 2) + i] as number) : Infinity;
    let prediction = i32[((kernels.COLUMNS + COLUMN_PREDICTED) >> 2) + i] as number;
    if (prediction < 0) {
      this.ranking.settle(input, first + i, y);
      prediction = this.ranking.prediction;
      i32[((kernels.COLUMNS + COLUMN_PREDICTED) >> 2) + i] = prediction;
      rank = this.ranking.rank;
      i32[((kernels.COLUMNS + COLUMN_RANK) >> 2) + i] = rank;
    }
    for (const [j, k] of topK.entries()) if (rank < k) addTo(words, at.topK.hits + j, 1);
    const hit = prediction === y;
    const row = at.classes.stride * y;
    addTo(words, at.classes.support + row, 1);
    if (hit) addTo(words, at.classes.right + row, 1);
    addTo(words, at.classes.predicted + at.classes.stride * prediction, 1);
    addLoss(state, y, f32[((kernels.COLUMNS + COLUMN_LOSS) >> 2) + i] as number);
    bin(state, f32[((kernels.COLUMNS + COLUMN_CONFIDENCE) >> 2) + i] as number, hit);
  }

  #confuse({ kernels, i32 }: Backend, to: Destination, first: number, n: number): void {
    const { classes } = this.config;
    for (let i = 0; i < n; i++) {
      const y = i32[(kernels.LABELS >> 2) + i] as number;
      if (y < 0) continue;
      const { words, at } = to.stateAt(first + i);
      const prediction = i32[((kernels.COLUMNS + COLUMN_PREDICTED) >> 2) + i] as number;
      addTo(words, at.confusion.samples + y * classes + prediction, 1);
    }
  }

  /** Count the margin of each class in its cell. */
  #countMargins(backend: Backend, to: Destination, input: Input, tile: Tile): void {
    const { kernels, i32 } = backend;
    const { samples: n, firstSample: first } = tile;
    // of probabilities, logarithms to the last bit are logits; and a chunk of the classes has no margins
    const known = tile.whole && input.scale !== PROBABILITIES;
    const over = known ? kernels.cells() : n;
    if (known) {
      const [images, positions] = tile.planar ? [1, n] : [n, 1];
      countCells(backend, to, first, images, positions, tile.classes, 0);
    }
    const list = (kernels.COLUMNS + COLUMN_PASSED_OVER) >> 2;
    for (let j = 0; j < over; j++) {
      const i = known ? (i32[list + j] as number) : j;
      const y = i32[(kernels.LABELS >> 2) + i] as number;
      if (y >= 0) this.#countSample(to, input, first + i, y);
    }
  }

  #countSample(to: Destination, input: Input, sample: number, y: number): void {
    const row = new Float32Array(input.classes);
    const logit = logitsOf(input, sample);
    for (let c = 0; c < row.length; c++) row[c] = input.scale === PROBABILITIES ? lnOrNothing(logit(c)) : logit(c);
    marginsOf(row, row);
    for (const [c, x] of row.entries()) {
      if (!Number.isNaN(x)) to.stateAt(sample).curves?.add(c, cellOf(x), y === c ? 0 : 1, y === c ? 1 : 0);
    }
  }

  #resample(
    { kernels, f32, i32 }: Backend,
    to: Destination,
    resampler: Resampler,
    firstIndex: number,
    first: number,
    n: number,
  ): void {
    for (let i = 0; i < n; i++) {
      const y = i32[(kernels.LABELS >> 2) + i] as number;
      if (y < 0) continue;
      const state = to.stateAt(first + i);
      const { support, right, predicted, stride } = state.at.replicateClasses;
      const prediction = i32[((kernels.COLUMNS + COLUMN_PREDICTED) >> 2) + i] as number;
      const p = roundedToUnit(f32[((kernels.COLUMNS + COLUMN_CONFIDENCE) >> 2) + i] as number);
      resampler.places.push(support + y * stride, predicted + prediction * stride);
      if (prediction === y) resampler.places.push(right + y * stride);
      if (!Number.isNaN(p)) resampler.addToBin(binOf(p, this.config.bins), prediction === y, p * UNIT);
      resampler.add(state, firstIndex + first + i, 1);
    }
  }

  #pick(
    { kernels, i32 }: Backend,
    to: Destination,
    firstIndex: number,
    first: number,
    n: number,
    dense: boolean,
  ): void {
    const losses = (kernels.COLUMNS + COLUMN_LOSS) >> 2;
    for (let i = 0; i < n; i++) {
      const y = i32[(kernels.LABELS >> 2) + i] as number;
      if (y < 0) continue;
      const loss = lossBits(i32[losses + i] as number);
      const { hardest } = to.stateAt(first + i);
      if (loss < hardest.threshold) continue;
      const prediction = i32[((kernels.COLUMNS + COLUMN_PREDICTED) >> 2) + i] as number;
      hardest.offer([firstIndex + first + i, dense ? null : y, prediction, loss]);
    }
  }
}

/** Count the cells that the kernels have found, [image][class][position], of samples from `first` of the input on. */
function countCells(
  { kernels, i32 }: Backend,
  to: Destination,
  first: number,
  images: number,
  positions: number,
  classes: number,
  firstClass: number,
): void {
  const cells = i32.subarray(kernels.CELLS >> 2);
  if (to.groups === ALL_TOGETHER) {
    to.stateAt(0).curves?.count(cells, images, positions, classes, firstClass);
    return;
  }
  for (let i = 0; i < images * positions; i++) {
    const d = i % positions;
    to.stateAt(first + i).curves?.countSample(cells, (i - d) * classes + d, positions, classes, firstClass);
  }
}

/** The largest float32 that is not above x: a float32 is above the one where it is above the other. */
export function floor32(x: number): number {
  const near = Math.fround(x);
  if (near <= x) return near;
  FLOAT[0] = near;
  BITS[0] = (BITS[0] as number) + (near > 0 ? -1 : 1);
  return near === 0 ? -(2 ** -149) : (FLOAT[0] as number);
}
const FLOAT = new Float32Array(1);
const BITS = new Int32Array(FLOAT.buffer);

class SigmoidTally extends Tally {
  readonly #thresholds: number | Float32Array;

  constructor(config: MeterConfig) {
    super(config);
    const { threshold } = config;
    this.#thresholds = typeof threshold === 'number' ? floor32(threshold) : Float32Array.from(threshold, floor32);
  }

  update(backend: Backend, to: Destination, input: Input, firstIndex: number, visit: Visit | null): void {
    const { kernels } = backend;
    const { settings, config } = this;
    if (input.dense || isAsymmetric(settings)) {
      this.#updateByTargets(backend, to, input, firstIndex, visit);
      return;
    }
    const { bins, hardest } = config;
    const { groups } = to;
    const call = new Call(backend, settings, input, SIGMOID_METRICS_ROOM, { ranks: 1, bins, groups: to });
    const { tile } = call;
    tile.eachSamples(() => {
      const { samples: n, firstSample: first } = tile;
      const valid = loadLabels(kernels, input, first, n, settings);
      if (groups === ALL_TOGETHER) {
        to.stateAt(0).makeRoom(n);
        this.takeTables(backend, to.stateAt(0), n);
      }
      to.place?.(first, n);
      call.sumLogits(
        (losses) => {
          const left = kernels.tally();
          if (this.resampler) this.#resample(backend, to, this.resampler, tile, firstIndex);
          if (left < 0) this.#count(backend, to, tile, losses);
          else if (left > 0) this.#countLarge(backend, to, tile, losses);
        },
        () => {
          loadThresholds(backend, this.#thresholds, tile);
          if (!config.curves) return;
          kernels.cells();
          countCells(backend, to, first, tile.images, tile.positions, tile.classes, tile.firstClass);
        },
      );
      const losses = call.finish();
      if (groups <= ALL_TOGETHER) this.#addWrong(backend, to, first, n);
      if (hardest > 0) this.#pick(backend, to, input, losses, first, firstIndex, n);
      this.addSamples(backend, to, first, n, valid);
      visit?.(backend, first, n);
    });
    if (groups !== ALL_TOGETHER) return;
    const state = to.stateAt(0);
    this.addSums(backend, state);
    carry(state.words, state.at.decisions.wrongSquares, 2);
  }

  /** Where labels alone do not tell: images together, one logit after another. */
  #updateByTargets(backend: Backend, to: Destination, input: Input, firstIndex: number, visit: Visit | null): void {
    const { batch, classes, positions } = input;
    const step = Math.max(1, Math.floor(TOGETHER / (classes * positions)));
    for (let b = 0; b < batch; b += step) {
      const first = b * positions;
      const shifted: Visit | null = visit && ((where, from, n) => visit(where, first + from, n));
      const some = imagesOf(input, b, Math.min(batch, b + step));
      this.#countByTargets(backend, (i) => to.stateAt(first + i), some, firstIndex + first, shifted);
    }
    if (to.groups !== ALL_TOGETHER) return;
    const state = to.stateAt(0);
    carryBins(state);
    carry(state.words, state.at.decisions.wrongSquares, 2);
  }

  #countByTargets(
    backend: Backend,
    stateAt: (i: number) => State,
    input: Input,
    firstIndex: number,
    visit: Visit | null,
  ): void {
    const { settings, config, resampler } = this;
    const { classes, positions } = input;
    const n = input.batch * positions;
    const truth = truthOf(input, settings);
    const losses = lossesOf(backend, settings, input);
    const entropies = lossesOf(backend, entropyOf(settings), input);
    const { logits, probabilities } = this.#logits(backend, input, truth);
    const sums = new Float32Array(3 * SAMPLES);
    const sumBits = new Int32Array(sums.buffer);
    const wrongs = new Int32Array(SAMPLES);
    for (let first = 0; first < n; first += SAMPLES) {
      const count = Math.min(SAMPLES, n - first);
      sums.fill(0);
      wrongs.fill(0);
      for (let k = 0; k < count; k++) {
        const i = first + k;
        const state = stateAt(i);
        state.makeRoom(1);
        const ignored = truth.ignored?.[i] ?? 0;
        // of groups, those that have such samples alone
        if (ignored > 0 && ignored < classes) state.allowIgnoring();
        const { words, at, curves, hardest } = state;
        addTo(words, truth.counts(i) ? at.totals.samples : at.totals.ignored, 1);
        if (!truth.counts(i)) continue;
        const rows = at.classes;
        const { support, right, predicted, stride } = at.replicateClasses;
        const start = Math.floor(i / positions) * classes * positions + (i % positions);
        let wrong = 0;
        for (let c = 0, cell = start; c < classes; c++, cell += positions) {
          if (truth.ignores(i, c)) {
            addTo(words, at.ignoredLogits.samples + c * at.ignoredLogits.stride, 1);
            resampler?.ignored.push(c);
            continue;
          }
          const p = probabilities[cell] as number;
          const member = truth.isMember(i, c);
          const least = typeof config.threshold === 'number' ? config.threshold : (config.threshold[c] as number);
          const yes = (logits[cell] as number) > least;
          const row = c * rows.stride;
          if (member) addTo(words, rows.support + row, 1);
          if (yes) addTo(words, rows.predicted + row, 1);
          if (yes && member) addTo(words, rows.right + row, 1);
          if (yes !== member) wrong++;
          addLoss(state, c, losses[cell] as number);
          bin(state, p, member);
          if (curves && !Number.isNaN(logits[cell])) {
            curves.add(c, cellOf(logits[cell] as number), member ? 0 : 1, member ? 1 : 0);
          }
          if (!resampler) continue;
          if (member) resampler.places.push(support + c * stride);
          if (yes) resampler.places.push(predicted + c * stride);
          if (yes && member) resampler.places.push(right + c * stride);
          if (!Number.isNaN(p))
            resampler.addToBin(binOf(roundedToUnit(p), config.bins), member, roundedToUnit(p) * UNIT);
        }
        resampler?.add(state, firstIndex + i, 1);
        wrongs[k] = wrong;
        if (wrong === 0) addTo(words, at.decisions.subset, 1);
        else addTo(words, at.decisions.wrongSquares, wrong * wrong);

        const cells = (c: number): number => start + c * positions;
        const loss = sumOf(classes, (c) => losses[cells(c)] as number);
        const entropy = sumByEight(classes, (c) => entropies[cells(c)] as number);
        const brier = sumByEight(classes, (c) => {
          if (truth.ignores(i, c)) return 0;
          const gap = (probabilities[cells(c)] as number) - truth.target(i, c);
          return Math.fround(Math.fround(gap) * Math.fround(gap));
        });
        // what leaves float32 but is not infinite goes to the sum at once
        const far = Math.fround(entropy) === Infinity && entropy < Infinity;
        if (far) deposit(words, at.totals.crossEntropy, entropy);
        sums[k] = loss < Infinity ? Math.min(loss, LARGEST) : loss;
        sums[SAMPLES + k] = far ? 0 : entropy;
        sums[2 * SAMPLES + k] = brier;
        const [l, e, b] = [sums[k], sums[SAMPLES + k], sums[2 * SAMPLES + k]] as [number, number, number];
        addSample(state, l, e, b);
        if (ignored > 0) {
          const { ignoredProducts: products } = at;
          addTo(words, products.squares, ignored * ignored);
          addTo(words, products.wrong, ignored * wrong);
          addValue(words, products.loss, Math.fround(ignored * l));
          addValue(words, products.crossEntropy, Math.fround(ignored * e));
          addValue(words, products.brier, Math.fround(ignored * b));
        }
        const found = lossBits(sumBits[k] as number);
        if (config.hardest === 0 || found < hardest.threshold) continue;
        const logit = logitsOf(input, i);
        const row = Float64Array.from({ length: classes }, (_, c) => logit(c));
        const said = prediction(row, (c) => truth.ignores(i, c));
        hardest.offer([firstIndex + i, truth.listed(i), said, found]);
      }
      if (!visit) continue;
      // the passes above have left those of their last tile
      loadLabels(backend.kernels, input, first, count, settings);
      for (let k = 0; k < count; k++) {
        if (!truth.counts(first + k)) backend.i32[(backend.kernels.LABELS >> 2) + k] = -1;
      }
      for (const [j, column] of [COLUMN_LOSS, COLUMN_CROSS_ENTROPY, COLUMN_BRIER].entries()) {
        backend.f32.set(sums.subarray(j * SAMPLES, j * SAMPLES + count), (backend.kernels.COLUMNS + column) >> 2);
      }
      backend.i32.set(wrongs.subarray(0, count), (backend.kernels.COLUMNS + COLUMN_WRONG) >> 2);
      visit(backend, first, count);
    }
  }

  /** The logits as the kernels read them, and their probabilities, which no target changes; all in the layout of the input. */
  #logits(backend: Backend, input: Input, truth: Truth) {
    const { kernels } = backend;
    const { batch, classes, positions } = input;
    const logits = new Float32Array(batch * positions * classes);
    const probabilities = new Float32Array(logits.length);
    // as if they were of no class; the kernels' tables have no room for so many bins
    const targets = Int32Array.from({ length: batch * positions }, (_, i) => (truth.counts(i) ? classes : -1));
    const settings = { ...entropyOf(this.settings), ignoreIndex: -1, background: classes };
    const labelled: Input = { ...input, dense: false, targets };
    const call = new Call(backend, settings, labelled, SIGMOID_METRICS_ROOM, { ranks: 1, bins: 2 ** 31 - 1 });
    const { tile } = call;
    tile.eachSamples(() => {
      loadLabels(kernels, labelled, tile.firstSample, tile.samples, settings);
      call.sumLogits(
        () => {
          kernels.tally();
          tile.store(probabilities, kernels.TILE);
        },
        () => {
          loadThresholds(backend, this.#thresholds, tile);
          tile.store(logits, tile.source);
        },
      );
      call.finish();
    });
    // the sign tells on which side of 0 the logit is
    for (let i = 0; i < probabilities.length; i++) probabilities[i] = Math.abs(probabilities[i] as number);
    return { logits, probabilities };
  }

  /** Count a chunk of classes one by one: decisions in TILE. */
  #count(backend: Backend, to: Destination, tile: Tile, losses: number): void {
    const { f32 } = backend;
    this.#each(backend, tile, (c, i, cell, positive, p, isFor) => {
      const state = to.stateAt(tile.firstSample + i);
      const { words, at } = state;
      const row = at.classes.stride * c;
      if (positive) addTo(words, at.classes.support + row, 1);
      if (isFor) addTo(words, at.classes.predicted + row, 1);
      if (isFor && positive) addTo(words, at.classes.right + row, 1);
      addLoss(state, c, f32[(losses >> 2) + cell] as number);
      bin(state, p, positive);
    });
  }

  /**
   * Visit what is counted of a chunk: class, sample, cell of the tile, whether the sample is of the class, probability,
   * whether the decision is for the class.
   */
  #each(
    { kernels, f32, i32 }: Backend,
    { images, positions, classes, firstClass }: Tile,
    visit: (c: number, i: number, cell: number, positive: boolean, p: number, isFor: boolean) => void,
  ): void {
    for (let i = 0; i < images * positions; i++) {
      const y = i32[(kernels.LABELS >> 2) + i] as number;
      if (y < 0) continue;
      const start = Math.floor(i / positions) * classes * positions + (i % positions);
      for (let c = 0; c < classes; c++) {
        const cell = start + c * positions;
        const at = (kernels.TILE >> 2) + cell;
        const p = Math.abs(f32[at] as number);
        visit(firstClass + c, i, cell, y === firstClass + c, p, (i32[at] as number) < 0 && !Number.isNaN(p));
      }
    }
  }

  #resample(backend: Backend, to: Destination, resampler: Resampler, tile: Tile, firstIndex: number): void {
    const { firstSample, firstClass } = tile;
    const last = firstClass + tile.classes - 1;
    this.#each(backend, tile, (c, i, _, positive, p, isFor) => {
      const state = to.stateAt(firstSample + i);
      const { support, right, predicted, stride } = state.at.replicateClasses;
      const row = c * stride;
      if (positive) resampler.places.push(support + row);
      if (isFor) resampler.places.push(predicted + row);
      if (isFor && positive) resampler.places.push(right + row);
      if (!Number.isNaN(p))
        resampler.addToBin(binOf(roundedToUnit(p), this.config.bins), positive, roundedToUnit(p) * UNIT);
      if (c === last) resampler.add(state, firstIndex + firstSample + i, firstClass === 0 ? 1 : 0);
    });
  }

  /** Add the losses that no table takes. */
  #countLarge({ f32 }: Backend, to: Destination, tile: Tile, losses: number): void {
    const { samples, positions, classes, firstClass, firstSample } = tile;
    for (let cell = 0; cell < samples * classes; cell++) {
      const v = f32[(losses >> 2) + cell] as number;
      // NaN too
      if (v <= TALLY_LARGEST) continue;
      const row = Math.floor(cell / positions);
      const i = Math.floor(row / classes) * positions + (cell % positions);
      addLoss(to.stateAt(firstSample + i), firstClass + (row % classes), v);
    }
  }

  /** How many decisions on each sample are wrong. */
  #addWrong(backend: Backend, to: Destination, first: number, n: number): void {
    const { kernels, i32 } = backend;
    const wrongAt = (kernels.COLUMNS + COLUMN_WRONG) >> 2;
    const together = to.groups === ALL_TOGETHER;
    let [none, squares] = [0, 0];
    for (let i = 0; i < n; i++) {
      if ((i32[(kernels.LABELS >> 2) + i] as number) < 0) continue;
      const wrong = i32[wrongAt + i] as number;
      if (wrong === 0) none++;
      squares += wrong * wrong;
      if (together) continue;
      const state = to.stateAt(first + i);
      this.addOpen(backend, state, i);
      addDecisions(state, none, squares);
      [none, squares] = [0, 0];
    }
    if (together) addDecisions(to.stateAt(0), none, squares);
  }

  #pick(
    { kernels, i32 }: Backend,
    to: Destination,
    input: Input,
    losses: number,
    first: number,
    firstIndex: number,
    n: number,
  ): void {
    const { classes, background } = this.config;
    for (let i = 0; i < n; i++) {
      const y = i32[(kernels.LABELS >> 2) + i] as number;
      const loss = lossBits(i32[(losses >> 2) + i] as number);
      if (y < 0) continue;
      const { hardest } = to.stateAt(first + i);
      if (loss < hardest.threshold) continue;
      this.ranking.settle(input, first + i, y);
      const target = y === classes && background !== null ? background : y;
      hardest.offer([firstIndex + first + i, target, this.ranking.prediction, loss]);
    }
  }
}

/** Add up how many samples have no wrong decision, and the squares of how many each has. */
function addDecisions({ words, at }: State, none: number, squares: number): void {
  addTo(words, at.decisions.subset, none);
  addTo(words, at.decisions.wrongSquares, squares);
}

export const tallyOf = (config: MeterConfig): Tally =>
  config.variant === 'softmax' ? new SoftmaxTally(config) : new SigmoidTally(config);
