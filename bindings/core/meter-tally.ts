import { fromHalf } from '../scalar/half.ts';
import type { Backend } from './backend.ts';
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
/** So many values may go to a pair of pending sums before it must be emptied. */
const PENDING = 4096;
const UNIT = 2 ** 32;
const NAN_BITS = 0x7fc00000;

/**
 * Class by class sums of losses on their way into the state. Values in [2^−51, 128] are split at 2^−32 and gathered in two
 * float64 sums, both exact for 4096 values; others go straight to the limbs.
 */
class ClassLosses {
  readonly #pending: Float64Array;

  constructor(classes: number) {
    this.#pending = new Float64Array(2 * classes);
  }

  add(state: State, c: number, v: number): void {
    if ((v >= 2 ** -51 && v <= 128) || v === 0) {
      const high = v + ANCHOR - ANCHOR;
      const pending = this.#pending;
      pending[2 * c] = (pending[2 * c] as number) + high;
      pending[2 * c + 1] = (pending[2 * c + 1] as number) + (v - high);
      return;
    }
    const { words, layout } = state;
    const at = layout.classes + c * CLASS_WORDS + 3;
    if (v < Infinity) {
      deposit(words, at, v);
      carry(words, at, LIMBS);
    } else {
      const nan = Number.isNaN(v);
      const kind = nan ? layout.nan : layout.infinite;
      words[kind] = (words[kind] as number) + 1;
      words[at + LIMBS] = Math.max(words[at + LIMBS] as number, nan ? 2 : 1);
    }
  }

  flush(state: State, c: number): void {
    const pending = this.#pending;
    const [high, low] = [pending[2 * c] as number, pending[2 * c + 1] as number];
    if (high === 0 && low === 0) return;
    const at = state.layout.classes + c * CLASS_WORDS + 3;
    deposit(state.words, at, high);
    deposit(state.words, at, low);
    carry(state.words, at, LIMBS);
    pending[2 * c] = 0;
    pending[2 * c + 1] = 0;
  }

  flushAll(state: State): void {
    for (let c = 0; 2 * c < this.#pending.length; c++) this.flush(state, c);
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
  words[at + 2] = (words[at + 2] as number) + Math.round(p * UNIT);
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
  protected readonly losses: ClassLosses;
  protected readonly ranking = new Ranking();

  constructor(config: MeterConfig) {
    this.config = config;
    this.settings = settingsFrom(config);
    this.losses = new ClassLosses(config.classes);
  }

  /** Count in an input whose targets are all good. */
  abstract update(backend: Backend, state: State, input: Input, firstIndex: number): void;

  /** Empty what is pending into the state. */
  settle(state: State): void {
    this.losses.flushAll(state);
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
    const { settings } = this;
    const tile = new Tile(backend, input, planSamples(kernels, input, true));
    kernels.clear(kernels.TOTAL);
    kernels.clear(kernels.BRIER_TOTAL);
    tile.eachSamples(() => {
      const n = tile.samples;
      loadLabels(kernels, input, tile.firstSample, n, settings.ignoreIndex);
      tile.eachClasses(() => {
        backend.loadWeights(settings, tile);
        tile.load(input.logits, true);
        kernels.largest();
        if (tile.whole) {
          kernels.exponentialsSquares();
          kernels.ranks();
        }
        tile.release();
      });
      if (!tile.whole) {
        tile.eachClasses(() => {
          tile.load(input.logits, true);
          kernels.exponentialsSquares();
          kernels.ranks();
          tile.release();
        });
      }
      kernels.margins(n);
      kernels.configure(settings.gamma, settings.smoothing);
      kernels.core(n, false);
      kernels.outcomes(n);
      kernels.accumulate(kernels.TOTAL, kernels.LOSS, n);
      kernels.accumulate(kernels.BRIER_TOTAL, kernels.BRIER, n);
      this.#count(backend, state, input, tile.firstSample, n, firstIndex);
    });
    this.collect(backend, state);
  }

  /** Count the outcomes of a tile. */
  #count(backend: Backend, state: State, input: Input, first: number, n: number, firstIndex: number): void {
    const { LABELS, PREDICTED, RANK, FOCAL, CONFIDENCE } = backend.kernels;
    const { f32, i32 } = backend;
    const { words, layout } = state;
    const { topK, bins, confusion, classes } = this.config;
    let ignored = 0;
    for (let i = 0; i < n; i++) {
      const y = i32[(LABELS >> 2) + i] as number;
      if (y < 0) {
        ignored++;
        continue;
      }
      let prediction = i32[(PREDICTED >> 2) + i] as number;
      let rank = i32[(RANK >> 2) + i] as number;
      if (prediction < 0) {
        this.ranking.settle(input, first + i, y);
        ({ prediction, rank } = this.ranking);
      }
      const hit = prediction === y;
      this.losses.add(state, y, f32[(FOCAL >> 2) + i] as number);
      const at = layout.classes + y * CLASS_WORDS;
      const support = (words[at] as number) + 1;
      words[at] = support;
      if (support % PENDING === 0) this.losses.flush(state, y);
      if (hit) words[at + 1] = (words[at + 1] as number) + 1;
      const predicted = layout.classes + prediction * CLASS_WORDS + 2;
      words[predicted] = (words[predicted] as number) + 1;
      for (let k = 0; k < topK.length; k++) {
        if (rank < (topK[k] as number)) words[layout.topK + k] = (words[layout.topK + k] as number) + 1;
      }
      bin(words, layout.bins, bins, f32[(CONFIDENCE >> 2) + i] as number, hit);
      if (confusion) {
        const cell = layout.table + y * classes + prediction;
        words[cell] = (words[cell] as number) + 1;
      }
      const loss = i32[(FOCAL >> 2) + i] as number;
      if (bitsOf(loss) >= state.floor) state.offer([firstIndex + first + i, y, prediction, bitsOf(loss)]);
    }
    words[layout.samples] = (words[layout.samples] as number) + n - ignored;
    words[layout.ignored] = (words[layout.ignored] as number) + ignored;
  }
}

/** Scratch for the sums over the classes of each sample's losses, in class order, whatever the chunks. */
export class SigmoidTally extends Tally {
  readonly #sums = new Float64Array(4096);
  readonly #bits = new Float32Array(1);
  #sinceFlush = 0;

  update(backend: Backend, state: State, input: Input, firstIndex: number): void {
    const { kernels } = backend;
    const { TILE, PLANES, TOTAL, BRIER_TOTAL, LOSS, SLOPE, LABELS } = kernels;
    const { settings } = this;
    // half tiles: the losses and the cross-entropies of a tile stand in PLANES together
    const half = kernels.LOGITS / 2;
    const tile = new Tile(backend, input, planSamples({ ...kernels, LOGITS: half }, input, false));
    const entropiesAt = PLANES + 4 * half;
    const each = typeof settings.negative !== 'number';
    const weight = each ? 1 : (settings.negative as number);
    kernels.clear(TOTAL);
    kernels.clear(BRIER_TOTAL);
    tile.eachSamples(() => {
      const n = tile.samples;
      const first = tile.firstSample;
      const valid = loadLabels(kernels, input, first, n, settings.ignoreIndex);
      if (this.#sinceFlush + n > PENDING) this.settle(state);
      this.#sinceFlush += n;
      this.#sums.fill(0, 0, n);
      tile.eachClasses(() => {
        const count = n * tile.classes;
        backend.loadWeights(settings, tile);
        tile.load(input.logits, tile.contiguous);
        kernels.trueMargins(n);
        kernels.configure(settings.gamma, settings.smoothing);
        kernels.core(n, false);
        kernels.negatives(tile.source, PLANES, count, weight);
        if (each) kernels.weigh(PLANES);
        kernels.put(PLANES, LOSS, 0);
        kernels.configure(0, 0);
        kernels.plain(n);
        // with γ = 0 the slope of a logit is its probability
        kernels.negativesGrad(tile.source, entropiesAt, TILE, count, 1, 1);
        tile.release();
        kernels.put(entropiesAt, LOSS, 0);
        kernels.put(TILE, SLOPE, 0);
        if (valid < n) kernels.scale(entropiesAt, 0);
        kernels.accumulate(TOTAL, entropiesAt, count);
        this.#count(backend, state, tile, PLANES);
        kernels.accumulate(BRIER_TOTAL, TILE, count);
      });
      const { words, layout } = state;
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
    this.collect(backend, state);
  }

  override settle(state: State): void {
    super.settle(state);
    this.#sinceFlush = 0;
  }

  /** Count the decisions of a chunk of classes: losses at `lossesAt`, probabilities in TILE, which become Brier scores. */
  #count(backend: Backend, state: State, tile: Tile, lossesAt: number): void {
    const { LABELS, TILE } = backend.kernels;
    const { f32, i32 } = backend;
    const { words, layout } = state;
    const { bins, thresholds } = this.config;
    const { images, positions, classes, firstClass } = tile;
    for (let b = 0; b < images; b++) {
      for (let c = 0; c < classes; c++) {
        const k = firstClass + c;
        const at = layout.classes + k * CLASS_WORDS;
        const histograms = layout.table + 2 * k * thresholds;
        const run = (b * classes + c) * positions;
        for (let d = 0; d < positions; d++) {
          const i = b * positions + d;
          const y = i32[(LABELS >> 2) + i] as number;
          const cell = (TILE >> 2) + run + d;
          if (y < 0) {
            f32[cell] = 0;
            continue;
          }
          const positive = y === k;
          // the true class has the slope of its own margin: 1 − p
          const slope = f32[cell] as number;
          const p = positive ? 1 - slope : slope;
          f32[cell] = slope * slope;
          const loss = f32[(lossesAt >> 2) + run + d] as number;
          this.losses.add(state, k, loss);
          this.#sums[i] = (this.#sums[i] as number) + loss;
          if (positive) words[at] = (words[at] as number) + 1;
          if (p > 0.5) {
            words[at + 2] = (words[at + 2] as number) + 1;
            if (positive) words[at + 1] = (words[at + 1] as number) + 1;
          }
          bin(words, layout.bins, bins, p, positive);
          if (!Number.isNaN(p)) {
            const score = histograms + (positive ? thresholds : 0) + Math.floor(p * (thresholds - 1));
            words[score] = (words[score] as number) + 1;
          }
        }
      }
    }
  }
}
