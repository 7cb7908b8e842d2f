import type { MeterBackend as Backend } from '../backend/backend.ts';
import {
  ALL_TOGETHER,
  BIN_BYTES,
  BIN_CONFIDENCE,
  BIN_HITS,
  COLUMN_BRIER,
  COLUMN_BYTES,
  COLUMN_CROSS_ENTROPY,
  COLUMN_FAR,
  COLUMN_LOSS,
  LEFT_OPEN,
  SAMPLES,
  SUM_BRIER,
  SUM_BRIER_SQUARES,
  SUM_ENTROPY_SQUARES,
  SUM_LOSS,
  SUM_LOSS_SQUARES,
  TALLY_BINS,
  TALLY_BYTES,
  TALLY_CLASSES,
  TALLY_PREDICTED,
  TALLY_RIGHT,
  TALLY_SUPPORT,
} from '../backend/constants.ts';
import type { MeterKernels } from '../backend/kernels.ts';
import { carry, deposit } from '../backend/limbs.ts';
import type { Input } from '../input/tensors.ts';
import type { Settings } from '../losses/options.ts';
import type { Room } from '../losses/plan.ts';
import type { Tile } from '../losses/tile.ts';
import { Resampler } from './bootstrap.ts';
import { type MeterConfig, settingsFrom } from './config.ts';
import { Ranking } from './ranking.ts';
import type { State } from './state.ts';
import { addSample, addSum, addTo, carryBins, depositParts } from './sums.ts';

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

/**
 * An update under way: for each tile its stages, then, of so many samples that COLUMNS hold, what is counted of them.
 */
export interface Pass {
  readonly tile: Tile;
  /**
   * Returns how many samples are not ignored.
   *
   * @param known the same, where the labels of the tile are before the kernels already; −1: they are not
   */
  stages(known?: number): number;
  count(first: number, n: number): void;
  end(): void;
}

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

  /**
   * Begin an update, of one-vs-rest one by labels alone; tiles go by the kernels of `staged`, which may have other
   * places for them.
   */
  abstract begin(
    backend: Backend,
    to: Destination,
    input: Input,
    firstIndex: number,
    room?: Room,
    staged?: Backend,
  ): Pass;

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
    const { SUMS = 0 } = kernels;
    addSum(kernels, SUMS + SUM_LOSS, words, at.totals.crossEntropy);
    addSum(kernels, SUMS + SUM_BRIER, words, at.totals.brier);
    addSum(kernels, SUMS + SUM_ENTROPY_SQUARES, words, at.squares.crossEntropy);
    addSum(kernels, SUMS + SUM_BRIER_SQUARES, words, at.squares.brier);
    addSum(kernels, SUMS + SUM_LOSS_SQUARES, words, at.squares.loss);
    carryBins(state);
  }
}

const FAR = new Float64Array(1);
const HALVES = new Int32Array(FAR.buffer);

/** Move what the kernels have counted to the state. */
function emptyTables({ kernels, f32, i32 }: Backend, { words, at, config }: State): void {
  const { classes, bins } = config;
  kernels.flush();
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

/** Count the cells that the kernels have found, [image][class][position], of samples from `first` of the input on. */
export function countCells(
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
