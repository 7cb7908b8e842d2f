import type { Input } from '../input/tensors.ts';
import type { MeterConfig } from '../meter/config.ts';
import { Coverage, type Range } from '../meter/coverage.ts';
import { lossBits } from '../meter/hardest.ts';
import { carryAll, combine } from '../meter/words.ts';
import { addSum } from './differences.ts';
import {
  BASELINE,
  CANDIDATE,
  copySample,
  type Fidelity,
  roomFor,
  sigmoidFidelity,
  softmaxFidelity,
} from './fidelity.ts';
import { layoutOf, type PairConfig, type PairLayout } from './layout.ts';
import { prediction, rank } from './ranking.ts';
import { type Rise, Rises, rise } from './rises.ts';

/** The largest number of its kind, as the bits of a float32, and the first sample that has it; index −1: none yet. */
export type Largest = readonly [bits: number, index: number];

/** What the meter of one side found of each sample of an input. */
export interface Numbers {
  readonly loss: Float32Array;
  readonly crossEntropy: Float32Array;
  readonly brier: Float32Array;
}

export interface Parts {
  readonly words: Float64Array;
  readonly hardest: readonly Rise[];
  readonly largest: readonly [divergence: Largest, difference: Largest];
  readonly coverage: readonly Range[] | null;
}

const NONE: Largest = [0, -1];
/** Samples that are gone through at once. */
const CHUNK = 4096;
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
  readonly rises: Rises;
  readonly coverage: Coverage | null;
  largest: [divergence: Largest, difference: Largest];
  #uncarried = 0;

  constructor(meter: MeterConfig, config: PairConfig, parts?: Parts) {
    this.meter = meter;
    this.config = config;
    this.layout = layoutOf(meter, config);
    this.words = parts?.words ?? new Float64Array(this.layout.length);
    this.rises = new Rises(config.hardest, parts?.hardest);
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
  add(baseline: Input, candidate: Input, sides: readonly [Numbers, Numbers] | null, firstIndex: number): void {
    const n = baseline.batch * baseline.positions;
    const fidelity = roomFor(Math.min(n, CHUNK));
    const rows = [new Float64Array(baseline.classes), new Float64Array(baseline.classes)] as const;
    const counted = new Uint8Array(Math.min(n, CHUNK));
    for (let first = 0; first < n; first += CHUNK) {
      const end = Math.min(first + CHUNK, n);
      if (this.#uncarried + CHUNK > UNCARRIED) this.carryAll();
      this.#uncarried += CHUNK;
      counted.fill(0);
      for (let i = first; i < end; i++) {
        const y = sides ? Number(baseline.targets[i]) : null;
        if (y === this.meter.ignoreIndex) {
          this.#count(this.at.totals.ignored);
          this.#skip(fidelity, i - first);
          continue;
        }
        counted[i - first] = 1;
        copySample(baseline, i, rows[0]);
        copySample(candidate, i, rows[1]);
        if (this.meter.variant === 'softmax') this.#softmax(rows, y, fidelity, i - first);
        else this.#sigmoid(rows, y, fidelity, i - first);
      }
      this.#totals(fidelity, counted, end - first, firstIndex + first);
      if (sides) this.#differences(sides, baseline, fidelity, first, end, firstIndex);
    }
    this.coverage?.add([firstIndex, firstIndex + n]);
  }

  #count(at: number, n = 1): void {
    this.words[at] = (this.words[at] as number) + n;
  }

  #skip(fidelity: Fidelity, i: number): void {
    fidelity.notFinite[i] = 0;
    fidelity.divergence[i] = 0;
    fidelity.difference[i] = 0;
  }

  #softmax(rows: readonly [Float64Array, Float64Array], y: number | null, fidelity: Fidelity, i: number): void {
    const { at, meter, config } = this;
    // before the rows are written over
    const ranks = y === null ? null : [rank(rows[0], y), rank(rows[1], y)];
    softmaxFidelity(rows[0], rows[1], fidelity, i);
    const [a, b] = [fidelity.baseline[i] as number, fidelity.candidate[i] as number];
    const { stride } = at.predictions;
    this.#count(at.predictions.baseline + a * stride);
    this.#count(at.predictions.candidate + b * stride);
    if (a === b) this.#count(at.predictions.both + a * stride);
    if (config.flips) this.#count(at.flips.samples + a * meter.classes + b);
    if (y === null || !ranks) return;
    if ((a === y) !== (b === y)) this.#count((a === y ? at.classes.lost : at.classes.won) + y * at.classes.stride);
    for (const [k, most] of meter.topK.entries()) {
      const [was, is] = ranks.map((above) => above < most);
      if (was !== is) this.#count((was ? at.topK.lost : at.topK.won) + k * at.topK.stride);
    }
  }

  #sigmoid(rows: readonly [Float64Array, Float64Array], y: number | null, fidelity: Fidelity, i: number): void {
    const { at, meter } = this;
    sigmoidFidelity(rows[0], rows[1], fidelity, i);
    fidelity.baseline[i] = prediction(rows[0]);
    fidelity.candidate[i] = prediction(rows[1]);
    let gained = 0;
    for (let c = 0; c < meter.classes; c++) {
      const was = (rows[0][c] as number) > 0;
      const is = (rows[1][c] as number) > 0;
      const row = c * at.predictions.stride;
      if (was) this.#count(at.predictions.baseline + row);
      if (is) this.#count(at.predictions.candidate + row);
      if (was && is) this.#count(at.predictions.both + row);
      if (was === is || y === null) continue;
      const positive = y === c;
      const section = positive ? at.classes : at.negatives;
      this.#count((was === positive ? section.lost : section.won) + c * section.stride);
      gained += is === positive ? 1 : -1;
    }
    if (y !== null) this.#count(at.decisions.squares, gained * gained);
  }

  /** Of a chunk of samples, that begins at `firstIndex`: what is known without labels. */
  #totals(fidelity: Fidelity, counted: Uint8Array, n: number, firstIndex: number): void {
    const { totals } = this.at;
    const { notFinite, divergence, difference } = fidelity;
    const largest = [bitsOf(divergence), bitsOf(difference)];
    for (let i = 0; i < n; i++) {
      if (!counted[i]) continue;
      this.#count(totals.samples);
      const side = notFinite[i];
      if (side) {
        if (side === BASELINE) this.#count(totals.baselineNotFinite);
        else if (side === CANDIDATE) this.#count(totals.candidateNotFinite);
        else this.#count(totals.neitherFinite);
        continue;
      }
      for (const which of [0, 1] as const) {
        const bits = largest[which]?.[i] as number;
        if (bits < this.largest[which][0]) continue;
        this.largest[which] = larger(this.largest[which], [bits, firstIndex + i]);
      }
    }
    addSum(this.words, totals.divergence, divergence, 0, n);
    addSum(this.words, totals.difference, difference, 0, n);
  }

  /** Of samples [first, end) of an input: by how much the candidate's numbers differ. */
  #differences(
    sides: readonly [Numbers, Numbers],
    { targets }: Input,
    fidelity: Fidelity,
    first: number,
    end: number,
    firstIndex: number,
  ): void {
    const [rose, fell, squares] = [0, 0, 0].map(() => new Float32Array(end - first)) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    for (const name of ['loss', 'crossEntropy', 'brier'] as const) {
      const [before, after] = [sides[0][name], sides[1][name]];
      for (let i = first; i < end; i++) {
        const d = Math.fround((after[i] as number) - (before[i] as number));
        // NaN is counted once, with the rises
        rose[i - first] = d > 0 || Number.isNaN(d) ? d : 0;
        fell[i - first] = d < 0 ? -d : 0;
        squares[i - first] = d * d;
      }
      const at = this.at[name];
      addSum(this.words, at.rose, rose, 0, end - first);
      addSum(this.words, at.fell, fell, 0, end - first);
      addSum(this.words, at.squares, squares, 0, end - first);
    }
    if (this.config.hardest === 0) return;
    const [before, after] = [sides[0].loss, sides[1].loss];
    const [beforeBits, afterBits] = [bitsOf(before), bitsOf(after)];
    for (let i = first; i < end; i++) {
      const y = Number(targets[i]);
      const by = rise(before[i] as number, after[i] as number);
      if (!(by > 0) || by < this.rises.threshold || y === this.meter.ignoreIndex) continue;
      const said = [fidelity.baseline[i - first] as number, fidelity.candidate[i - first] as number] as const;
      const bits = [lossBits(beforeBits[i] as number), lossBits(afterBits[i] as number)] as const;
      this.rises.offer([firstIndex + i, y, ...said, ...bits]);
    }
  }
}

/** The values as bits. */
const bitsOf = (values: Float32Array): Uint32Array => new Uint32Array(values.buffer, values.byteOffset, values.length);
