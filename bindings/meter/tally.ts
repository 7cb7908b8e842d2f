import type { MeterBackend as Backend } from '../backend/backend.ts';
import { carry, deposit, LIMBS } from '../backend/limbs.ts';
import { fromHalf } from '../backend/scalar/half.ts';
import { loadLabels } from '../input/targets.ts';
import type { Input } from '../input/tensors.ts';
import type { Settings } from '../losses/options.ts';
import { planSamples } from '../losses/plan.ts';
import { Tile } from '../losses/tile.ts';
import { BIN_WORDS, CLASS_WORDS, type MeterConfig, SUM_WORDS, settingsFrom } from './config.ts';
import type { State } from './state.ts';

/** Adding it in float64 leaves a multiple of 2^−32, see assembly/exact-sum.ts. */
const ANCHOR = 1572864;
const UNIT = 2 ** 32;
const NAN_BITS = 0x7fc00000;

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

/** Add one loss to a class's sum, without carrying. */
function addLoss({ words, layout }: State, c: number, v: number): void {
  const at = layout.classes + c * CLASS_WORDS + 3;
  if (isPlain(v)) {
    const high = v + ANCHOR - ANCHOR;
    depositParts(words, at, high, v - high);
  } else if (v < Infinity) {
    deposit(words, at, v);
  } else {
    const nan = Number.isNaN(v);
    const kind = nan ? layout.nan : layout.infinite;
    words[kind] = (words[kind] as number) + 1;
    words[at + LIMBS] = Math.max(words[at + LIMBS] as number, nan ? 2 : 1);
  }
}

/** Add the exact sum a backend holds at `accumulator` to the words at `at`. */
function collect({ kernels }: Backend, accumulator: number, words: Float64Array, at: number): void {
  for (let j = 0; j < LIMBS; j++) words[at + j] = (words[at + j] as number) + kernels.limb(accumulator, j);
  carry(words, at, LIMBS);
  const special = kernels.limb(accumulator, LIMBS);
  const flag = special === 0 ? 0 : special === Infinity ? 1 : 2;
  words[at + SUM_WORDS - 1] = Math.max(words[at + SUM_WORDS - 1] as number, flag);
}

/** A probability as bins and thresholds take it: in units of 2^−23, ties to even. */
function rounded(p: number): number {
  return Math.fround(1 + p) - 1;
}

/** Count a probability in its bin; NaN has none. */
function bin(words: Float64Array, bins: number, count: number, probability: number, hit: boolean): void {
  if (Number.isNaN(probability)) return;
  const p = rounded(probability);
  const at = bins + BIN_WORDS * Math.min(Math.floor(p * count), count - 1);
  const n = (words[at] as number) + 1;
  words[at] = n;
  if (hit) words[at + 1] = (words[at + 1] as number) + 1;
  words[at + 2] = (words[at + 2] as number) + p * UNIT;
  if ((n & 0xfffff) === 0) carry(words, at + 2, 2);
}

/** Bits of a loss, one pattern for all NaNs. */
function bitsOf(bits: number): number {
  return (bits & 0x7fffffff) > 0x7f800000 ? NAN_BITS : bits;
}

/**
 * Where ties or NaN leave it open: the prediction, and how many classes come before the true one. A class comes before
 * another when its logit is larger, NaN being the largest, or the same at a lower index.
 */
class Ranking {
  prediction = 0;
  rank = 0;

  settle(input: Input, sample: number, y: number): void {
    const { logits, half, classes, positions } = input;
    const start = Math.floor(sample / positions) * classes * positions + (sample % positions);
    const logit = (c: number): number => {
      const v = logits[start + c * positions] as number;
      return half ? fromHalf(v) : Math.fround(v);
    };
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

/** Whose counts the tables of a backend hold. */
const holders = new WeakMap<Backend, Tally>();

abstract class Tally {
  protected readonly config: MeterConfig;
  protected readonly settings: Settings;
  protected readonly ranking = new Ranking();
  #uncarried = 0;
  /** Samples that the tables hold of this tally. */
  #tabled = 0;
  #settle = (): void => {};

  constructor(config: MeterConfig) {
    this.config = config;
    this.settings = settingsFrom(config);
  }

  /** Count in an input whose targets are all good. */
  abstract update(backend: Backend, state: State, input: Input, firstIndex: number): void;

  /** To be called before n samples are counted: limbs of 32 bits hold 2^20 of them in 53. */
  protected makeRoom(state: State, n: number): void {
    this.#uncarried += n;
    if (this.#uncarried <= 2 ** 20) return;
    state.settle();
    this.#uncarried = n;
  }

  /** Whether the kernels' tables can take the counts. */
  protected tabled({ kernels }: Backend): boolean {
    const { classes, bins, thresholds } = this.config;
    const { TALLY_CLASSES, TALLY_BINS, HISTOGRAM_CELLS } = kernels;
    const fits = classes <= TALLY_CLASSES && bins <= TALLY_BINS && thresholds - 1 <= TALLY_BINS;
    return fits && classes * thresholds <= HISTOGRAM_CELLS;
  }

  /** To be called before n samples are counted in the tables: they are this tally's then, and have room. */
  protected takeTables(backend: Backend, state: State, n: number): void {
    const holder = holders.get(backend);
    if (holder !== this || this.#tabled + n > backend.kernels.SAMPLES) holder?.settle();
    holders.set(backend, this);
    this.#tabled += n;
    this.#settle = () => this.#empty(backend, state);
  }

  /** Move what the tables hold to the state: it is left there from update to update, as that takes a pass over the classes. */
  settle(): void {
    if (this.#tabled > 0) this.#settle();
    this.#tabled = 0;
  }

  /** Move what the kernels have counted to the state. */
  #empty({ kernels, f32, i32 }: Backend, { words, layout }: State): void {
    const { classes, bins, thresholds } = this.config;
    kernels.settlePairs(bins);
    const row = kernels.TALLY_BYTES >> 3;
    const table = new Float64Array(f32.buffer, kernels.TALLY, row * classes);
    for (let c = 0, parts = 0, at = layout.classes; c < classes; c++, parts += row, at += CLASS_WORDS) {
      const counts = (kernels.TALLY >> 2) + 2 * parts + 8;
      words[at] = (words[at] as number) + (i32[counts] as number);
      words[at + 1] = (words[at + 1] as number) + (i32[counts + 1] as number);
      words[at + 2] = (words[at + 2] as number) + (i32[counts + 2] as number);
      depositParts(words, at + 3, table[parts] as number, table[parts + 1] as number);
      deposit(words, at + 3, table[parts + 2] as number);
      deposit(words, at + 3, table[parts + 3] as number);
    }
    table.fill(0);
    for (let b = 0, from = kernels.BINS >> 2, at = layout.bins; b < bins; b++, from += 4, at += BIN_WORDS) {
      words[at] = (words[at] as number) + (i32[from] as number);
      words[at + 1] = (words[at + 1] as number) + (i32[from + 1] as number);
      words[at + 2] = (words[at + 2] as number) + ((i32[from + 2] as number) >>> 0);
      words[at + 3] = (words[at + 3] as number) + (i32[from + 3] as number);
      carry(words, at + 2, 2);
    }
    i32.fill(0, kernels.BINS >> 2, (kernels.BINS >> 2) + 4 * bins);
    const histograms = new Uint16Array(f32.buffer, kernels.HISTOGRAM, classes * thresholds);
    for (let c = 0, cell = 0; c < classes; c++) {
      for (let at = layout.table + 2 * c * thresholds, end = at + thresholds; at < end; at++) {
        words[at] = (words[at] as number) + (histograms[cell++] as number);
      }
    }
    histograms.fill(0);
  }

  protected collect(backend: Backend, { words, layout }: State): void {
    collect(backend, backend.kernels.TOTAL, words, layout.crossEntropy);
    collect(backend, backend.kernels.BRIER_TOTAL, words, layout.brier);
    for (let b = 0; b < this.config.bins; b++) carry(words, layout.bins + b * BIN_WORDS + 2, 2);
  }
}

export class SoftmaxTally extends Tally {
  update(backend: Backend, state: State, input: Input, firstIndex: number): void {
    const { kernels } = backend;
    const { TOTAL, BRIER_TOTAL, CROSS_ENTROPY, BRIER } = kernels;
    const { settings, config } = this;
    const { words, layout } = state;
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
    kernels.configure(settings.gamma, settings.smoothing);
    kernels.clear(BRIER_TOTAL);
    tile.eachSamples(() => {
      const n = tile.samples;
      const valid = loadLabels(kernels, input, tile.firstSample, n, settings.ignoreIndex);
      this.makeRoom(state, n);
      tile.eachClasses(() => {
        load();
        kernels.largestAndPlace();
        if (tile.whole) kernels.squaresAndRanks(limit);
        release();
      });
      if (!tile.whole) {
        tile.eachClasses(() => {
          load();
          kernels.squaresAndRanks(limit);
          release();
        });
      }
      kernels.sampleEntropies(n);
      kernels.outcomes(n);
      kernels.accumulate(TOTAL, CROSS_ENTROPY, n);
      kernels.accumulate(BRIER_TOTAL, BRIER, n);
      words[layout.samples] = (words[layout.samples] as number) + valid;
      words[layout.ignored] = (words[layout.ignored] as number) + n - valid;
      for (let k = 0; k < config.topK.length; k++) {
        words[layout.topK + k] = (words[layout.topK + k] as number) + kernels.within(n, config.topK[k] as number);
      }
      if (tabled) {
        this.takeTables(backend, state, n);
        const over = kernels.tally(n, config.bins);
        const list = kernels.RANK_TIED >> 2;
        for (let j = 0; j < over; j++) {
          this.#count(backend, state, input, tile.firstSample, backend.i32[list + j] as number);
        }
      } else {
        for (let i = 0; i < n; i++) this.#count(backend, state, input, tile.firstSample, i);
      }
      if (config.confusion) this.#confuse(backend, state, n);
      if (config.hardest > 0) this.#pick(backend, state, firstIndex + tile.firstSample, n);
    });
    this.collect(backend, state);
  }

  /** Count the sample at `i` of the tile; its prediction, where it was open, is put in its place. */
  #count({ kernels, f32, i32 }: Backend, state: State, input: Input, first: number, i: number): void {
    const { words, layout } = state;
    const { topK, bins } = this.config;
    const y = i32[(kernels.LABELS >> 2) + i] as number;
    if (y < 0) return;
    let prediction = i32[(kernels.PREDICTED >> 2) + i] as number;
    if (prediction < 0) {
      this.ranking.settle(input, first + i, y);
      prediction = this.ranking.prediction;
      i32[(kernels.PREDICTED >> 2) + i] = prediction;
      const counted = i32[(kernels.RANK >> 2) + i] as number;
      for (let j = 0; j < topK.length; j++) {
        const k = topK[j] as number;
        const change = (this.ranking.rank < k ? 1 : 0) - (counted < k ? 1 : 0);
        words[layout.topK + j] = (words[layout.topK + j] as number) + change;
      }
    }
    const hit = prediction === y;
    const at = layout.classes + y * CLASS_WORDS;
    words[at] = (words[at] as number) + 1;
    if (hit) words[at + 1] = (words[at + 1] as number) + 1;
    const predicted = layout.classes + prediction * CLASS_WORDS + 2;
    words[predicted] = (words[predicted] as number) + 1;
    addLoss(state, y, f32[(kernels.LOSS >> 2) + i] as number);
    bin(words, layout.bins, bins, f32[(kernels.CONFIDENCE >> 2) + i] as number, hit);
  }

  #confuse({ kernels, i32 }: Backend, { words, layout }: State, n: number): void {
    for (let i = 0; i < n; i++) {
      const y = i32[(kernels.LABELS >> 2) + i] as number;
      if (y < 0) continue;
      const cell = layout.table + y * this.config.classes + (i32[(kernels.PREDICTED >> 2) + i] as number);
      words[cell] = (words[cell] as number) + 1;
    }
  }

  #pick({ kernels, i32 }: Backend, state: State, firstIndex: number, n: number): void {
    for (let i = 0; i < n; i++) {
      const y = i32[(kernels.LABELS >> 2) + i] as number;
      if (y < 0) continue;
      const loss = bitsOf(i32[(kernels.LOSS >> 2) + i] as number);
      if (loss >= state.floor) state.offer([firstIndex + i, y, i32[(kernels.PREDICTED >> 2) + i] as number, loss]);
    }
  }
}

export class SigmoidTally extends Tally {
  update(backend: Backend, state: State, input: Input, firstIndex: number): void {
    const { kernels, f32, i32 } = backend;
    const { TILE, PLANES, ENTROPIES, TOTAL, BRIER_TOTAL, CROSS_ENTROPY, BRIER, LABELS } = kernels;
    const { settings } = this;
    const { words, layout } = state;
    // half tiles: the losses and the cross-entropies of a tile stand in PLANES together
    const half = kernels.LOGITS / 2;
    const tile = new Tile(backend, input, planSamples({ ...kernels, LOGITS: half }, input, false));
    const tabled = this.tabled(backend);
    kernels.configure(settings.gamma, settings.smoothing);
    kernels.clear(BRIER_TOTAL);
    tile.eachSamples(() => {
      const n = tile.samples;
      const first = tile.firstSample;
      const valid = loadLabels(kernels, input, first, n, settings.ignoreIndex);
      this.makeRoom(state, n);
      if (tabled) this.takeTables(backend, state, n);
      tile.eachClasses(() => {
        backend.loadClassWeights(settings, tile);
        backend.loadLogitWeights(settings, tile);
        tile.load(input.logits, tile.contiguous);
        kernels.turn();
        kernels.oneVersusRestAndEntropies(tile.source, n * tile.classes);
        kernels.turnBack(tile.borrowed ? tile.source : 0);
        if (valid < n) for (const values of [PLANES, ENTROPIES, TILE]) kernels.scale(values, 0);
        const sound = kernels.gatherSamples();
        if (state.floor < Infinity) kernels.gatherLosses(kernels.SAMPLE_LOSSES);
        if (tabled && sound) this.#countTabled(backend, state, tile, n - valid);
        else this.#count(backend, state, tile);
      });
      kernels.settleSamples(n);
      kernels.accumulate(TOTAL, CROSS_ENTROPY, n);
      kernels.accumulate(BRIER_TOTAL, BRIER, n);
      words[layout.samples] = (words[layout.samples] as number) + valid;
      words[layout.ignored] = (words[layout.ignored] as number) + n - valid;
      if (state.floor === Infinity) return;
      const sums = Float32Array.from(new Float64Array(f32.buffer, kernels.SAMPLE_LOSSES, n));
      const bits = new Uint32Array(sums.buffer);
      for (let i = 0; i < n; i++) {
        const y = i32[(LABELS >> 2) + i] as number;
        const loss = bitsOf(bits[i] as number);
        if (y < 0 || loss < state.floor) continue;
        this.ranking.settle(input, first + i, y);
        state.offer([firstIndex + first + i, y, this.ranking.prediction, loss]);
      }
    });
    this.collect(backend, state);
  }

  /** Count the decisions of a chunk of classes one by one: losses in PLANES, sigmoids in TILE. */
  #count(backend: Backend, state: State, { images, positions, classes, firstClass }: Tile): void {
    for (let b = 0, cell = 0; b < images; b++) {
      for (let c = firstClass; c < firstClass + classes; c++) {
        for (let i = b * positions; i < (b + 1) * positions; i++) this.#decide(backend, state, c, i, cell++);
      }
    }
  }

  /** Count the decision on class c of sample i, whose numbers stand at `cell`. */
  #decide({ kernels, f32, i32 }: Backend, state: State, c: number, i: number, cell: number): void {
    const { words, layout } = state;
    const { bins, thresholds } = this.config;
    const y = i32[(kernels.LABELS >> 2) + i] as number;
    if (y < 0) return;
    const positive = y === c;
    const at = layout.classes + c * CLASS_WORDS;
    if (positive) words[at] = (words[at] as number) + 1;
    // the logit of the true class was turned: its sigmoid is 1 − p
    const q = f32[(kernels.TILE >> 2) + cell] as number;
    const p = positive ? Math.fround(1 - q) : q;
    addLoss(state, c, f32[(kernels.PLANES >> 2) + cell] as number);
    if (Number.isNaN(p)) return;
    if (p > 0.5) {
      words[at + 2] = (words[at + 2] as number) + 1;
      if (positive) words[at + 1] = (words[at + 1] as number) + 1;
    }
    bin(words, layout.bins, bins, p, positive);
    if (thresholds === 0) return;
    const step = layout.table + (2 * c + (positive ? 1 : 0)) * thresholds + Math.floor(rounded(p) * (thresholds - 1));
    words[step] = (words[step] as number) + 1;
  }

  /** The same by the kernels, but for losses above 128 and what a sample counts at its own class's thresholds. */
  #countTabled({ kernels, f32, i32 }: Backend, state: State, tile: Tile, ignored: number): void {
    const { words, layout } = state;
    const { bins, thresholds } = this.config;
    const { samples, positions, classes, firstClass } = tile;
    kernels.turnSigmoids(bins);
    const left = kernels.tallyOneVersusRest(bins, ignored);
    for (let cell = 0; left > 0 && cell < samples * classes; cell++) {
      const v = f32[(kernels.PLANES >> 2) + cell] as number;
      if (v > 128) addLoss(state, firstClass + (Math.floor(cell / positions) % classes), v);
    }
    if (thresholds === 0) return;
    kernels.countSteps(thresholds - 1, ignored);
    for (let i = 0; i < samples; i++) {
      const step = i32[(kernels.STEP >> 2) + i] as number;
      if (step < 0) continue;
      const y = i32[(kernels.LABELS >> 2) + i] as number;
      const at = layout.table + (2 * y + 1) * thresholds + step;
      words[at] = (words[at] as number) + 1;
    }
  }
}
