import type { MeterBackend as Backend } from '../backend/backend.ts';
import { carry, deposit, LIMBS } from '../backend/limbs.ts';
import { loadLabels } from '../input/targets.ts';
import type { Input } from '../input/tensors.ts';
import type { Settings } from '../losses/options.ts';
import { planSamples } from '../losses/plan.ts';
import { ln } from '../losses/portable.ts';
import { Tile } from '../losses/tile.ts';
import { Resampler } from './bootstrap.ts';
import { cellOf } from './cells.ts';
import { type MeterConfig, settingsFrom } from './config.ts';
import type { CurveCounts } from './curve-counts.ts';
import { lossBits } from './hardest.ts';
import { logitsOf } from './logits-of.ts';
import { marginsOf } from './margins.ts';
import type { State } from './state.ts';
import { INFINITE, NAN } from './words.ts';

/** Adding it in float64 leaves a multiple of 2^−32, see assembly/exact-sum.ts. */
const ANCHOR = 1572864;
const UNIT = 2 ** 32;
/** The largest float32. */
const LARGEST = 3.4028234663852886e38;

/** Values in [2^−51, 128], and 0, are split at 2^−32, the others go to the limbs bit by bit. */
function isPlain(v: number): boolean {
  return (v >= 2 ** -51 && v <= 128) || v === 0;
}

/**
 * Add to a sum, without carrying, sums of up to 4096 plain values as tally (assembly/metrics.ts) makes them: multiples of
 * 2^−32 and what is left over. The limbs they reach are known: units 2^−85, 2^−53, 2^−21, 2^11.
 */
function depositParts(words: Float64Array, at: number, high: number, low: number): void {
  const top = Math.floor(high * 2 ** -11);
  const below = high - top * 2 ** 11;
  const middle = Math.floor(below * 2 ** 21);
  const bottom = Math.trunc(low * 2 ** 53);
  words[at + 2] = (words[at + 2] as number) + (low - bottom * 2 ** -53) * 2 ** 85;
  words[at + 3] = (words[at + 3] as number) + (below - middle * 2 ** -21) * 2 ** 53 + bottom;
  words[at + 4] = (words[at + 4] as number) + middle;
  words[at + 5] = (words[at + 5] as number) + top;
}

/** Add n to a count. */
function addTo(words: Float64Array, at: number, n: number): void {
  words[at] = (words[at] as number) + n;
}

/** Add one loss to a class's sum, without carrying. */
function addLoss({ words, at }: State, c: number, v: number): void {
  const sum = at.classes.loss + c * at.classes.stride;
  if (isPlain(v)) {
    const high = v + ANCHOR - ANCHOR;
    depositParts(words, sum, high, v - high);
  } else if (v < Infinity) {
    deposit(words, sum, v);
  } else {
    addTo(words, sum + (Number.isNaN(v) ? NAN : INFINITE), 1);
  }
}

/** What sums exactly. */
interface Summing {
  readonly kernels: Pick<Backend['kernels'], 'TOTAL' | 'accumulate' | 'clear' | 'limb'>;
  readonly f32: Float32Array;
}

/** Add n float32 values ≥ 0 to an exact sum of the state. */
export function addSum({ kernels, f32 }: Summing, words: Float64Array, at: number, values: number, n: number): void {
  const { TOTAL } = kernels;
  kernels.accumulate(TOTAL, values, n);
  for (let j = 0; j < LIMBS; j++) addTo(words, at + j, kernels.limb(TOTAL, j));
  carry(words, at, LIMBS);
  const special = kernels.limb(TOTAL, LIMBS);
  kernels.clear(TOTAL);
  // the kernels tell only whether some were +∞ or NaN
  if (special === 0) return;
  for (const v of f32.subarray(values >> 2, (values >> 2) + n)) {
    if (!(v < Infinity)) addTo(words, at + (Number.isNaN(v) ? NAN : INFINITE), 1);
  }
}

/** Add their squares, each rounded to float32, to another; the values are gone then. */
function addSquares(backend: Backend, words: Float64Array, at: number, values: number, n: number): void {
  const { f32 } = backend;
  for (let i = values >> 2, end = i + n; i < end; i++) f32[i] = (f32[i] as number) * (f32[i] as number);
  addSum(backend, words, at, values, n);
}

/** A probability as bins and thresholds take it: in units of 2^−23, ties to even. */
function rounded(p: number): number {
  return Math.fround(1 + p) - 1;
}

/** The bin of a probability that has been rounded. */
const binOf = (p: number, bins: number): number => Math.min(Math.floor(p * bins), bins - 1);

/** Count a probability in its bin; NaN has none. */
function bin({ words, at, config }: State, probability: number, hit: boolean): void {
  if (Number.isNaN(probability)) return;
  const p = rounded(probability);
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
    const above = (a: number, b: number): boolean => a > b || (Number.isNaN(a) && !Number.isNaN(b));
    const z = logit(y);
    let best = logit(0);
    this.prediction = 0;
    this.rank = 0;
    for (let c = 0; c < classes; c++) {
      const v = logit(c);
      if (above(v, best)) {
        best = v;
        this.prediction = c;
      }
      if (above(v, z) || (c < y && !above(z, v))) this.rank++;
    }
  }
}

/** ln p, −∞ of 0. */
const lnOrNothing = (p: number): number => (p > 0 ? ln(p) : p === 0 ? -Infinity : NaN);

/** Whose counts the tables of a backend hold. */
const holders = new WeakMap<Backend, Tally>();

/** Gets samples [first, first + n) of an input: 0 where they are ignored. */
export type Visit = (backend: Backend, first: number, n: number) => void;

/** Counts batches into the state of a meter. */
export abstract class Tally {
  protected readonly config: MeterConfig;
  protected readonly settings: Settings;
  protected readonly ranking = new Ranking();
  protected readonly resampler: Resampler | null;
  #uncarried = 0;
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
   * @param visit called after each tile, while LOSS, CROSS_ENTROPY, BRIER and, of softmax, RANK hold its samples' numbers
   */
  abstract update(backend: Backend, state: State, input: Input, firstIndex: number, visit: Visit | null): void;

  /** To be called before n samples are counted: limbs of 32 bits hold 2^20 of them in 53. */
  protected makeRoom(state: State, n: number): void {
    this.#uncarried += n;
    if (this.#uncarried <= 2 ** 20) return;
    state.carryAll();
    this.#uncarried = n;
  }

  /** Whether the kernels' tables can take the counts. */
  protected tabled({ kernels }: Backend): boolean {
    const { classes, bins } = this.config;
    return classes <= kernels.TALLY_CLASSES && bins <= kernels.TALLY_BINS;
  }

  /** To be called before n samples are counted in the tables: they are this tally's then, and have room. */
  protected takeTables(backend: Backend, state: State, n: number): void {
    const holder = holders.get(backend);
    if (holder !== this || this.#tabled + n > backend.kernels.SAMPLES) holder?.flush();
    holders.set(backend, this);
    this.#tabled += n;
    this.#emptyTables = () => emptyTables(backend, state);
  }

  /** Move what the tables hold to the state: it is left there from update to update, as that takes a pass over the classes. */
  flush(): void {
    if (this.#tabled > 0) this.#emptyTables();
    this.#tabled = 0;
  }

  /** The sums over a tile's n samples, whose numbers are gone then, and how many samples there are. */
  protected addSums(backend: Backend, { words, at }: State, n: number, valid: number): void {
    const { CROSS_ENTROPY, BRIER, LOSS } = backend.kernels;
    addSum(backend, words, at.totals.crossEntropy, CROSS_ENTROPY, n);
    addSum(backend, words, at.totals.brier, BRIER, n);
    addSquares(backend, words, at.squares.crossEntropy, CROSS_ENTROPY, n);
    addSquares(backend, words, at.squares.brier, BRIER, n);
    addSquares(backend, words, at.squares.loss, LOSS, n);
    addTo(words, at.totals.samples, valid);
    addTo(words, at.totals.ignored, n - valid);
  }
}

/** Move what the kernels have counted to the state. */
function emptyTables({ kernels, f32, i32 }: Backend, { words, at, config }: State): void {
  const { classes, bins } = config;
  kernels.settlePairs(bins);
  const row = kernels.TALLY_BYTES >> 3;
  const table = new Float64Array(f32.buffer, kernels.TALLY, row * classes);
  for (let c = 0, parts = 0, to = 0; c < classes; c++, parts += row, to += at.classes.stride) {
    const counts = (kernels.TALLY >> 2) + 2 * parts + 8;
    addTo(words, at.classes.support + to, i32[counts] as number);
    // decisions of one-vs-rest depend on thresholds, and are counted from the logits
    if (config.variant === 'softmax') {
      addTo(words, at.classes.right + to, i32[counts + 1] as number);
      addTo(words, at.classes.predicted + to, i32[counts + 2] as number);
    }
    const sum = at.classes.loss + to;
    depositParts(words, sum, table[parts] as number, table[parts + 1] as number);
    deposit(words, sum, table[parts + 2] as number);
    deposit(words, sum, table[parts + 3] as number);
  }
  table.fill(0);
  for (let b = 0, from = kernels.BINS >> 2, to = 0; b < bins; b++, from += 4, to += at.bins.stride) {
    addTo(words, at.bins.count + to, i32[from] as number);
    addTo(words, at.bins.hits + to, i32[from + 1] as number);
    addTo(words, at.bins.confidence + to, (i32[from + 2] as number) >>> 0);
    addTo(words, at.bins.confidence + to + 1, i32[from + 3] as number);
    carry(words, at.bins.confidence + to, 2);
  }
  i32.fill(0, kernels.BINS >> 2, (kernels.BINS >> 2) + 4 * bins);
}

class SoftmaxTally extends Tally {
  update(backend: Backend, state: State, input: Input, firstIndex: number, visit: Visit | null): void {
    const { kernels } = backend;
    const { settings, config } = this;
    const { words, at } = state;
    const tile = new Tile(backend, input, planSamples(kernels, input, true));
    // topK is sorted
    const limit = config.topK.at(-1) ?? 1;
    const tabled = this.tabled(backend);
    const load = (): void => {
      backend.loadClassWeights(settings, tile);
      tile.load(input.logits, true);
      kernels.leaveOut();
    };
    const release = (): void => {
      if (tile.borrowed) kernels.put(tile.source, kernels.TRUE, 0);
    };
    /** Classes that do not fit one tile come by twice. */
    const scanAndSum = (scan: () => void, sum: () => void): void => {
      tile.eachClasses(() => {
        load();
        scan();
        if (tile.whole) sum();
        release();
      });
      if (tile.whole) return;
      tile.eachClasses(() => {
        load();
        sum();
        release();
      });
    };
    kernels.configure(settings.gamma, settings.smoothing, true);
    tile.eachSamples(() => {
      const n = tile.samples;
      const valid = loadLabels(kernels, input, tile.firstSample, n, settings);
      this.makeRoom(state, n);
      scanAndSum(
        () => kernels.largestAndPlace(),
        () => kernels.squaresAndRanks(limit),
      );
      kernels.sampleEntropies(n);
      if (kernels.outcomes(n) > 0) {
        kernels.review(n, true);
        scanAndSum(
          () => kernels.largest(),
          () => kernels.exponentials(false),
        );
        kernels.review(n, false);
      }
      kernels.confidences(n);
      for (const [j, k] of config.topK.entries()) addTo(words, at.topK.hits + j, kernels.within(n, k));
      if (tabled) {
        this.takeTables(backend, state, n);
        const over = kernels.tally(n, config.bins);
        const list = kernels.PASSED_OVER >> 2;
        for (let j = 0; j < over; j++) {
          this.#count(backend, state, input, tile.firstSample, backend.i32[list + j] as number);
        }
      } else {
        for (let i = 0; i < n; i++) this.#count(backend, state, input, tile.firstSample, i);
      }
      if (config.confusion) this.#confuse(backend, state, n);
      if (config.hardest > 0) this.#pick(backend, state, firstIndex + tile.firstSample, n);
      if (state.curves) this.#countMargins(backend, state.curves, input, tile.firstSample, n);
      if (this.resampler) this.#resample(backend, state, this.resampler, firstIndex + tile.firstSample, n);
      visit?.(backend, tile.firstSample, n);
      this.addSums(backend, state, n, valid);
    });
    for (let b = 0, to = at.bins.confidence; b < config.bins; b++, to += at.bins.stride) carry(words, to, 2);
  }

  /** Count the sample at `i` of the tile; its prediction and rank, where they were open, are put in their places. */
  #count({ kernels, f32, i32 }: Backend, state: State, input: Input, first: number, i: number): void {
    const { words, at } = state;
    const { topK } = this.config;
    const y = i32[(kernels.LABELS >> 2) + i] as number;
    if (y < 0) return;
    let prediction = i32[(kernels.PREDICTED >> 2) + i] as number;
    if (prediction < 0) {
      this.ranking.settle(input, first + i, y);
      prediction = this.ranking.prediction;
      i32[(kernels.PREDICTED >> 2) + i] = prediction;
      const counted = i32[(kernels.RANK >> 2) + i] as number;
      i32[(kernels.RANK >> 2) + i] = this.ranking.rank;
      for (const [j, k] of topK.entries()) {
        addTo(words, at.topK.hits + j, (this.ranking.rank < k ? 1 : 0) - (counted < k ? 1 : 0));
      }
    }
    const hit = prediction === y;
    const row = at.classes.stride * y;
    addTo(words, at.classes.support + row, 1);
    if (hit) addTo(words, at.classes.right + row, 1);
    addTo(words, at.classes.predicted + at.classes.stride * prediction, 1);
    addLoss(state, y, f32[(kernels.LOSS >> 2) + i] as number);
    bin(state, f32[(kernels.CONFIDENCE >> 2) + i] as number, hit);
  }

  #confuse({ kernels, i32 }: Backend, { words, at }: State, n: number): void {
    for (let i = 0; i < n; i++) {
      const y = i32[(kernels.LABELS >> 2) + i] as number;
      if (y < 0) continue;
      addTo(words, at.confusion.samples + y * this.config.classes + (i32[(kernels.PREDICTED >> 2) + i] as number), 1);
    }
  }

  /** Count the margin of each class in its cell. */
  #countMargins({ kernels, i32 }: Backend, curves: CurveCounts, input: Input, first: number, n: number): void {
    const row = new Float32Array(input.classes);
    for (let i = 0; i < n; i++) {
      const y = i32[(kernels.LABELS >> 2) + i] as number;
      if (y < 0) continue;
      const logit = logitsOf(input, first + i);
      // of probabilities, the logarithms are logits
      for (let c = 0; c < row.length; c++) row[c] = input.scale === 1 ? lnOrNothing(logit(c)) : logit(c);
      marginsOf(row, row);
      for (const [c, x] of row.entries()) {
        if (!Number.isNaN(x)) curves.add(c, cellOf(x), y === c ? 0 : 1, y === c ? 1 : 0);
      }
    }
  }

  #resample({ kernels, f32, i32 }: Backend, state: State, resampler: Resampler, firstIndex: number, n: number): void {
    const { support, right, predicted, stride } = state.at.replicateClasses;
    for (let i = 0; i < n; i++) {
      const y = i32[(kernels.LABELS >> 2) + i] as number;
      if (y < 0) continue;
      const prediction = i32[(kernels.PREDICTED >> 2) + i] as number;
      const p = rounded(f32[(kernels.CONFIDENCE >> 2) + i] as number);
      resampler.places.push(support + y * stride, predicted + prediction * stride);
      if (prediction === y) resampler.places.push(right + y * stride);
      if (!Number.isNaN(p)) resampler.addToBin(binOf(p, this.config.bins), prediction === y, p * UNIT);
      resampler.add(state, firstIndex + i, 1);
    }
  }

  #pick({ kernels, i32 }: Backend, { hardest }: State, firstIndex: number, n: number): void {
    for (let i = 0; i < n; i++) {
      const y = i32[(kernels.LABELS >> 2) + i] as number;
      if (y < 0) continue;
      const loss = lossBits(i32[(kernels.LOSS >> 2) + i] as number);
      if (loss < hardest.threshold) continue;
      hardest.offer([firstIndex + i, y, i32[(kernels.PREDICTED >> 2) + i] as number, loss]);
    }
  }
}

class SigmoidTally extends Tally {
  /** Wrong decisions of each sample of the tile, and for the bootstrap whether each decision is for the class. */
  #wrong = new Int32Array();
  #decided = new Uint8Array();

  update(backend: Backend, state: State, input: Input, firstIndex: number, visit: Visit | null): void {
    const { kernels } = backend;
    const { TILE, PLANES, ENTROPIES } = kernels;
    const { settings } = this;
    // half tiles: the losses and the cross-entropies of a tile stand in PLANES together
    const half = kernels.LOGITS / 2;
    if (this.#wrong.length < kernels.SAMPLES) this.#wrong = new Int32Array(kernels.SAMPLES);
    if (this.resampler && this.#decided.length < half) this.#decided = new Uint8Array(half);
    const tile = new Tile(backend, input, planSamples({ ...kernels, LOGITS: half }, input, false));
    const tabled = this.tabled(backend);
    kernels.configure(settings.gamma, settings.smoothing, true);
    tile.eachSamples(() => {
      const n = tile.samples;
      const valid = loadLabels(kernels, input, tile.firstSample, n, settings);
      this.makeRoom(state, n);
      this.#wrong.fill(0, 0, n);
      if (tabled) this.takeTables(backend, state, n);
      tile.eachClasses(() => {
        backend.loadClassWeights(settings, tile);
        backend.loadLogitWeights(settings, tile);
        tile.load(input.logits, tile.contiguous);
        state.curves?.count(backend.i32, kernels.LABELS >> 2, tile);
        this.#decide(backend, state, tile);
        kernels.turn();
        kernels.decisions();
        kernels.turnBack(tile.borrowed ? tile.source : 0);
        if (valid < n) for (const values of [PLANES, ENTROPIES, TILE]) kernels.scale(values, 0);
        const sound = kernels.gatherSamples();
        kernels.gatherLosses(kernels.SAMPLE_LOSSES);
        const counted = tabled && sound;
        kernels.turnDecisions(counted ? this.config.bins : 0);
        if (this.resampler) this.#resample(backend, state, this.resampler, tile, firstIndex + tile.firstSample);
        if (counted) this.#countTabled(backend, state, tile, n - valid);
        else this.#count(backend, state, tile);
      });
      kernels.settleSamples(n);
      this.#gatherLosses(backend, n);
      this.#addWrong(backend, state, n);
      if (this.config.hardest > 0) this.#pick(backend, state, input, tile.firstSample, firstIndex, n);
      visit?.(backend, tile.firstSample, n);
      this.addSums(backend, state, n, valid);
    });
    const { words, at } = state;
    for (let b = 0, to = at.bins.confidence; b < at.bins.rows; b++, to += at.bins.stride) carry(words, to, 2);
    carry(words, at.decisions.wrongSquares, 2);
  }

  /** Count the decisions for and against the classes of a chunk, from its logits. */
  #decide({ kernels, f32, i32 }: Backend, { words, at, config }: State, tile: Tile): void {
    const { images, positions, classes, firstClass, imageStride, classStride } = tile;
    const { threshold } = config;
    const labels = kernels.LABELS >> 2;
    const wrong = this.#wrong;
    for (let c = 0; c < classes; c++) {
      const y = firstClass + c;
      const t = typeof threshold === 'number' ? threshold : (threshold[y] as number);
      let predicted = 0;
      let right = 0;
      for (let b = 0, i = 0; b < images; b++) {
        const from = (tile.source >> 2) + b * imageStride + c * classStride;
        for (let d = 0; d < positions; d++, i++) {
          const label = i32[labels + i] as number;
          const yes = (f32[from + d] as number) > t;
          if (this.resampler) this.#decided[(b * classes + c) * positions + d] = yes ? 1 : 0;
          if (label < 0 || (!yes && label !== y)) continue;
          if (yes) predicted++;
          if (yes && label === y) right++;
          else wrong[i] = (wrong[i] as number) + 1;
        }
      }
      addTo(words, at.classes.predicted + y * at.classes.stride, predicted);
      addTo(words, at.classes.right + y * at.classes.stride, right);
    }
  }

  /** Count a chunk of classes one by one: losses in PLANES, sigmoids in TILE. */
  #count(backend: Backend, state: State, tile: Tile): void {
    const { words, at } = state;
    const { f32, kernels } = backend;
    this.#each(backend, tile, (c, _, cell, positive, p) => {
      if (positive) addTo(words, at.classes.support + at.classes.stride * c, 1);
      addLoss(state, c, f32[(kernels.PLANES >> 2) + cell] as number);
      bin(state, p, positive);
    });
  }

  /** Visit what is counted of a chunk: class, sample, cell of the tile, whether the sample is of the class, probability. */
  #each(
    { kernels, f32, i32 }: Backend,
    { images, positions, classes, firstClass }: Tile,
    visit: (c: number, i: number, cell: number, positive: boolean, p: number) => void,
  ): void {
    for (let i = 0; i < images * positions; i++) {
      const y = i32[(kernels.LABELS >> 2) + i] as number;
      if (y < 0) continue;
      const start = Math.floor(i / positions) * classes * positions + (i % positions);
      for (let c = 0; c < classes; c++) {
        const cell = start + c * positions;
        // the sign tells on which side of 0 the logit is
        visit(firstClass + c, i, cell, y === firstClass + c, Math.abs(f32[(kernels.TILE >> 2) + cell] as number));
      }
    }
  }

  #resample(backend: Backend, state: State, resampler: Resampler, tile: Tile, firstIndex: number): void {
    const { support, right, predicted, stride } = state.at.replicateClasses;
    const last = tile.firstClass + tile.classes - 1;
    this.#each(backend, tile, (c, i, cell, positive, p) => {
      const yes = this.#decided[cell] === 1;
      const row = c * stride;
      if (positive) resampler.places.push(support + row);
      if (yes) resampler.places.push(predicted + row);
      if (yes && positive) resampler.places.push(right + row);
      if (!Number.isNaN(p)) resampler.addToBin(binOf(rounded(p), this.config.bins), positive, rounded(p) * UNIT);
      if (c === last) resampler.add(state, firstIndex + i, tile.firstClass === 0 ? 1 : 0);
    });
  }

  /** The same by the kernels, but for losses above 128. */
  #countTabled({ kernels, f32 }: Backend, state: State, tile: Tile, ignored: number): void {
    const { samples, positions, classes, firstClass } = tile;
    const left = kernels.tallyOneVersusRest(this.config.bins, ignored);
    for (let cell = 0; left > 0 && cell < samples * classes; cell++) {
      const v = f32[(kernels.PLANES >> 2) + cell] as number;
      // NaN too
      if (!(v <= 128)) addLoss(state, firstClass + (Math.floor(cell / positions) % classes), v);
    }
  }

  #addWrong({ kernels, i32 }: Backend, { words, at }: State, n: number): void {
    for (let i = 0; i < n; i++) {
      if ((i32[(kernels.LABELS >> 2) + i] as number) < 0) continue;
      const wrong = this.#wrong[i] as number;
      if (wrong === 0) addTo(words, at.decisions.subset, 1);
      else addTo(words, at.decisions.wrongSquares, wrong * wrong);
    }
  }

  /** The losses of each sample, summed up, to LOSS: float32, finite where they are. */
  #gatherLosses({ kernels, f32 }: Backend, n: number): void {
    const sums = new Float64Array(f32.buffer, kernels.SAMPLE_LOSSES, n);
    const losses = kernels.LOSS >> 2;
    for (let i = 0; i < n; i++) {
      const sum = sums[i] as number;
      f32[losses + i] = sum < Infinity ? Math.min(sum, LARGEST) : sum;
    }
  }

  #pick({ kernels, i32 }: Backend, state: State, input: Input, first: number, firstIndex: number, n: number): void {
    for (let i = 0; i < n; i++) {
      const y = i32[(kernels.LABELS >> 2) + i] as number;
      const loss = lossBits(i32[(kernels.LOSS >> 2) + i] as number);
      if (y < 0 || loss < state.hardest.threshold) continue;
      this.ranking.settle(input, first + i, y);
      state.hardest.offer([firstIndex + first + i, y, this.ranking.prediction, loss]);
    }
  }
}

export const tallyOf = (config: MeterConfig): Tally =>
  config.variant === 'softmax' ? new SoftmaxTally(config) : new SigmoidTally(config);
