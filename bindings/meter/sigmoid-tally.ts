import type { MeterBackend as Backend } from '../backend/backend.ts';
import {
  ALL_TOGETHER,
  COLUMN_BRIER,
  COLUMN_CROSS_ENTROPY,
  COLUMN_LOSS,
  COLUMN_WRONG,
  SAMPLES,
  TALLY_LARGEST,
} from '../backend/constants.ts';
import { carry, deposit } from '../backend/limbs.ts';
import { isAsymmetric, LARGEST, loadLabels } from '../input/targets.ts';
import { firstLogit, type Input } from '../input/tensors.ts';
import { loadThresholds } from '../losses/load-weights.ts';
import { SIGMOID_METRICS_ROOM } from '../losses/plan.ts';
import { Call } from '../losses/stages.ts';
import type { Tile } from '../losses/tile.ts';
import { bin, binOf, roundedToUnit } from './bins.ts';
import type { Resampler } from './bootstrap.ts';
import { cellOf } from './cells.ts';
import type { MeterConfig } from './config.ts';
import { floor32 } from './float-bits.ts';
import { lossBits } from './hardest.ts';
import { logitsOf } from './logits-of.ts';
import { prediction } from './ranking.ts';
import type { State } from './state.ts';
import { addLoss, addSample, addTo, addValue, carryBins, UNIT } from './sums.ts';
import { countCells, type Destination, type Pass, Tally, type Visit } from './tally.ts';
import { entropyOf, imagesOf, lossesOf, type Truth, truthOf } from './truth.ts';

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
    for (let k = 0; k < 4; k++) (EIGHT[k] as number) += EIGHT[k + 4] as number;
    (EIGHT[0] as number) += EIGHT[2] as number;
    (EIGHT[1] as number) += EIGHT[3] as number;
    (EIGHT[0] as number) += EIGHT[1] as number;
    sum += (EIGHT[0] as number) < Infinity ? (EIGHT[0] as number) : wide;
  }
  return sum;
}

export class SigmoidTally extends Tally {
  readonly #thresholds: number | Float32Array;

  constructor(config: MeterConfig) {
    super(config);
    const { threshold } = config;
    this.#thresholds = typeof threshold === 'number' ? floor32(threshold) : Float32Array.from(threshold, floor32);
  }

  override update(backend: Backend, to: Destination, input: Input, firstIndex: number, visit: Visit | null): void {
    if (input.dense || isAsymmetric(this.settings)) this.#updateByTargets(backend, to, input, firstIndex, visit);
    else super.update(backend, to, input, firstIndex, visit);
  }

  begin(
    given: Backend,
    to: Destination,
    input: Input,
    firstIndex: number,
    room = SIGMOID_METRICS_ROOM,
    backend = given,
  ): Pass {
    const { kernels } = backend;
    const { settings, config } = this;
    const { bins, hardest } = config;
    const { groups } = to;
    const call = new Call(backend, settings, input, room, { ranks: 1, bins, groups: to });
    const { tile } = call;
    const count = (losses: number): void => {
      const left = kernels.tally();
      if (this.resampler) this.#resample(backend, to, this.resampler, tile, firstIndex);
      if (left < 0) this.#count(backend, to, tile, losses);
      else if (left > 0) this.#countLarge(backend, to, tile, losses);
    };
    const opened = (): void => {
      loadThresholds(backend, this.#thresholds, tile);
      if (!config.curves) return;
      kernels.cells();
      countCells(backend, to, tile.firstSample, tile.images, tile.positions, tile.classes, tile.firstClass);
    };
    return {
      tile,
      stages: (known = -1) => {
        const { samples: n, firstSample: first } = tile;
        const valid = known < 0 ? loadLabels(kernels, input, first, n, settings) : known;
        if (groups === ALL_TOGETHER) {
          to.stateAt(0).makeRoom(n);
          this.takeTables(backend, to.stateAt(0), n);
        }
        to.place?.(first, n);
        call.sumLogits(count, opened);
        const losses = call.finish();
        if (groups <= ALL_TOGETHER) this.#addWrong(backend, to, first, n);
        if (hardest > 0) this.#pick(backend, to, input, losses, first, firstIndex, n);
        this.addSamples(backend, to, first, n, valid);
        return valid;
      },
      count() {},
      end: () => {
        if (groups !== ALL_TOGETHER) return;
        const state = to.stateAt(0);
        this.addSums(backend, state);
        carry(state.words, state.at.decisions.wrongSquares, 2);
      },
    };
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
        const start = firstLogit(input, i);
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

  /**
   * The logits as the kernels read them, and their probabilities, which no target changes; all in the layout of the
   * input.
   */
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
      const start = firstLogit({ classes, positions }, i);
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
