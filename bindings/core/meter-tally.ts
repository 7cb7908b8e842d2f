import { fromHalf } from '../scalar/half.ts';
import type { MeterBackend as Backend } from './backend.ts';
import { carry, deposit, LIMBS } from './limbs.ts';
import { BIN_WORDS, CLASS_WORDS, type MeterConfig, SUM_WORDS, settingsFrom } from './meter-config.ts';
import type { State } from './meter-state.ts';
import type { Settings } from './options.ts';
import { planSamples } from './plan.ts';
import { loadLabels } from './targets.ts';
import type { Input } from './tensors.ts';
import { Tile } from './tile.ts';

/** Adding it in float64 leaves a multiple of 2^−32, see assembly/exact-sum.ts. */
const ANCHOR = 1572864;
const UNIT = 2 ** 32;
/** Adding and subtracting it rounds to an integer, ties to even. */
const ROUND = 2 ** 52;
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

/** Count a probability in its bin; NaN has none. */
function bin(words: Float64Array, bins: number, count: number, p: number, hit: boolean): void {
  if (Number.isNaN(p)) return;
  const at = bins + BIN_WORDS * Math.min(Math.floor(p * count), count - 1);
  const n = (words[at] as number) + 1;
  words[at] = n;
  if (hit) words[at + 1] = (words[at + 1] as number) + 1;
  words[at + 2] = (words[at + 2] as number) + (p * UNIT + ROUND - ROUND);
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

abstract class Tally {
  protected readonly config: MeterConfig;
  protected readonly settings: Settings;
  protected readonly ranking = new Ranking();
  #uncarried = 0;

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

  /**
   * Whether the kernels' table can take the counts. Emptying it takes a pass over the classes, so few samples of many classes go
   * without.
   */
  protected tabled({ kernels }: Backend, { batch, positions }: Input): boolean {
    const { classes, bins, thresholds } = this.config;
    const fits = classes <= kernels.TALLY_CLASSES && bins <= kernels.TALLY_BINS && thresholds <= 4096;
    return fits && classes <= 4 * batch * positions;
  }

  /** Move what the kernels have counted to the state. */
  protected empty({ kernels, f32, i32 }: Backend, { words, layout }: State): void {
    const { classes, bins } = this.config;
    const table = new Float64Array(f32.buffer, kernels.TALLY, 4 * classes);
    for (let c = 0, from = kernels.TALLY >> 2, at = layout.classes; c < classes; c++, from += 8, at += CLASS_WORDS) {
      const support = i32[from + 4] as number;
      const predicted = i32[from + 6] as number;
      const high = table[4 * c] as number;
      const low = table[4 * c + 1] as number;
      if (support === 0 && predicted === 0 && high === 0 && low === 0) continue;
      words[at] = (words[at] as number) + support;
      words[at + 1] = (words[at + 1] as number) + (i32[from + 5] as number);
      words[at + 2] = (words[at + 2] as number) + predicted;
      depositParts(words, at + 3, high, low);
      carry(words, at + 3, LIMBS);
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
    const { TOTAL, BRIER_TOTAL, CROSS_ENTROPY, BRIER, SAMPLES } = kernels;
    const { settings, config } = this;
    const { words, layout } = state;
    const tile = new Tile(backend, input, planSamples(kernels, input, true));
    const limit = Math.max(1, ...config.topK);
    const tabled = this.tabled(backend, input);
    const load = (): void => {
      backend.loadClassWeights(settings, tile.firstClass, tile.classes);
      tile.load(input.logits, true);
      kernels.leaveOut();
    };
    const release = (): void => {
      if (tile.borrowed) kernels.put(tile.source, kernels.TRUE, 0);
    };
    let pending = 0;
    kernels.clear(TOTAL);
    kernels.clear(BRIER_TOTAL);
    tile.eachSamples(() => {
      const n = tile.samples;
      const valid = loadLabels(kernels, input, tile.firstSample, n, settings.ignoreIndex);
      this.makeRoom(state, n);
      tile.eachClasses(() => {
        load();
        kernels.largest();
        if (tile.whole) {
          kernels.exponentialsSquares();
          kernels.ranks(limit);
        }
        release();
      });
      if (!tile.whole) {
        tile.eachClasses(() => {
          load();
          kernels.exponentialsSquares();
          kernels.ranks(limit);
          release();
        });
      }
      kernels.gaps(n);
      kernels.configure(settings.gamma, settings.smoothing);
      kernels.coreAndEntropies(n);
      kernels.outcomes(n);
      kernels.accumulate(TOTAL, CROSS_ENTROPY, n);
      kernels.accumulate(BRIER_TOTAL, BRIER, n);
      words[layout.samples] = (words[layout.samples] as number) + valid;
      words[layout.ignored] = (words[layout.ignored] as number) + n - valid;
      for (let k = 0; k < config.topK.length; k++) {
        words[layout.topK + k] = (words[layout.topK + k] as number) + kernels.within(n, config.topK[k] as number);
      }
      if (tabled) {
        pending += n;
        if (pending > SAMPLES) {
          this.empty(backend, state);
          pending = n;
        }
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
    if (tabled) this.empty(backend, state);
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

/** Scratch for the sums over the classes of each sample's losses, in class order, whatever the chunks. */
export class SigmoidTally extends Tally {
  readonly #sums = new Float64Array(4096);
  readonly #bits = new Float32Array(1);

  update(backend: Backend, state: State, input: Input, firstIndex: number): void {
    const { kernels } = backend;
    const { TILE, PLANES, TOTAL, BRIER_TOTAL, LABELS, SAMPLES } = kernels;
    const { settings } = this;
    const { words, layout } = state;
    // half tiles: the losses and the cross-entropies of a tile stand in PLANES together
    const half = kernels.LOGITS / 2;
    const tile = new Tile(backend, input, planSamples({ ...kernels, LOGITS: half }, input, false));
    const entropiesAt = PLANES + 4 * half;
    const tabled = this.tabled(backend, input);
    let pending = 0;
    kernels.clear(TOTAL);
    kernels.clear(BRIER_TOTAL);
    tile.eachSamples(() => {
      const n = tile.samples;
      const first = tile.firstSample;
      const valid = loadLabels(kernels, input, first, n, settings.ignoreIndex);
      this.makeRoom(state, n);
      if (state.floor < Infinity) this.#sums.fill(0, 0, n);
      pending += n;
      if (tabled && pending > SAMPLES) {
        this.empty(backend, state);
        pending = n;
      }
      tile.eachClasses(() => {
        const count = n * tile.classes;
        backend.loadClassWeights(settings, tile.firstClass, tile.classes);
        backend.loadLogitWeights(settings, tile);
        tile.load(input.logits, tile.contiguous);
        kernels.configure(settings.gamma, settings.smoothing);
        kernels.turn();
        kernels.oneVersusRestAndEntropies(tile.source, PLANES, entropiesAt, TILE, count);
        kernels.turnBack(tile.borrowed ? tile.source : 0);
        if (valid < n) kernels.scale(entropiesAt, 0);
        kernels.accumulate(TOTAL, entropiesAt, count);
        if (state.floor < Infinity) this.#gather(backend, tile, PLANES);
        if (tabled) this.#countTabled(backend, state, tile, TILE + 4 * half, entropiesAt);
        else this.#count(backend, state, tile);
        kernels.accumulate(BRIER_TOTAL, TILE, count);
      });
      words[layout.samples] = (words[layout.samples] as number) + valid;
      words[layout.ignored] = (words[layout.ignored] as number) + n - valid;
      if (state.floor === Infinity) return;
      const bits = new Uint32Array(this.#bits.buffer);
      for (let i = 0; i < n; i++) {
        const y = backend.i32[(LABELS >> 2) + i] as number;
        if (y < 0) continue;
        this.#bits[0] = this.#sums[i] as number;
        const loss = bitsOf(bits[0] as number);
        if (loss < state.floor) continue;
        this.ranking.settle(input, first + i, y);
        state.offer([firstIndex + first + i, y, this.ranking.prediction, loss]);
      }
    });
    if (tabled) this.empty(backend, state);
    this.collect(backend, state);
  }

  /** Add the losses of a chunk of classes to the sums of their samples. */
  #gather({ f32 }: Backend, { images, positions, classes }: Tile, lossesAt: number): void {
    const sums = this.#sums;
    let at = lossesAt >> 2;
    for (let b = 0; b < images; b++) {
      for (let c = 0; c < classes; c++) {
        for (let i = b * positions; i < (b + 1) * positions; i++) sums[i] = (sums[i] as number) + (f32[at++] as number);
      }
    }
  }

  /** Count the decisions of a chunk of classes: losses in PLANES, probabilities in TILE, which become Brier scores. */
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
    const y = i32[(kernels.LABELS >> 2) + i] as number;
    const score = (kernels.TILE >> 2) + cell;
    if (y < 0) {
      f32[score] = 0;
      return;
    }
    const positive = y === c;
    const at = layout.classes + c * CLASS_WORDS;
    if (positive) words[at] = (words[at] as number) + 1;
    // the logit of the true class was turned: its sigmoid is 1 − p
    const q = f32[score] as number;
    const p = positive ? Math.fround(1 - q) : q;
    f32[score] = q * q;
    addLoss(state, c, f32[(kernels.PLANES >> 2) + cell] as number);
    if (Number.isNaN(p)) return;
    if (p > 0.5) {
      words[at + 2] = (words[at + 2] as number) + 1;
      if (positive) words[at + 1] = (words[at + 1] as number) + 1;
    }
    bin(words, layout.bins, this.config.bins, p, positive);
    this.#score(state, c, positive, Math.floor(p * (this.config.thresholds - 1)));
  }

  #score({ words, layout }: State, c: number, positive: boolean, step: number): void {
    const at = layout.table + (2 * c + (positive ? 1 : 0)) * this.config.thresholds + step;
    words[at] = (words[at] as number) + 1;
  }

  /** The same by the kernels but for the true classes, for losses that are not plain, and for the histograms. */
  #countTabled(backend: Backend, state: State, tile: Tile, overCells: number, overLosses: number): void {
    const { kernels, f32, i32 } = backend;
    const { images, positions, classes, firstClass } = tile;
    const { words, layout } = state;
    const { bins, thresholds } = this.config;
    for (let i = 0; i < images * positions; i++) {
      const y = i32[(kernels.LABELS >> 2) + i] as number;
      if (y < 0) continue;
      if (y < firstClass || y >= firstClass + classes) continue;
      const b = Math.floor(i / positions);
      this.#decide(backend, state, y, i, (b * classes + y - firstClass) * positions + (i % positions));
    }
    const over = kernels.tallyOthers(kernels.PLANES, kernels.TILE, bins, thresholds - 1, overCells, overLosses);
    for (let j = 0; j < over; j++) {
      const cell = i32[(overCells >> 2) + j] as number;
      addLoss(state, firstClass + (Math.floor(cell / positions) % classes), f32[(overLosses >> 2) + j] as number);
    }
    let cell = kernels.PLANES >> 2;
    for (let b = 0; b < images; b++) {
      for (let c = 0, at = layout.table + 2 * firstClass * thresholds; c < classes; c++, at += 2 * thresholds) {
        for (let d = 0; d < positions; d++) {
          const step = i32[cell++] as number;
          if (step >= 0) words[at + step] = (words[at + step] as number) + 1;
        }
      }
    }
  }
}
