import type { MeterBackend as Backend } from '../backend/backend.ts';
import {
  ALL_TOGETHER,
  COLUMN_CONFIDENCE,
  COLUMN_LOSS,
  COLUMN_PASSED_OVER,
  COLUMN_PREDICTED,
  COLUMN_RANK,
  LEFT_OPEN,
  PROBABILITIES,
  TRANSPOSED,
} from '../backend/constants.ts';
import type { MeterKernels } from '../backend/kernels.ts';
import { loadLabels } from '../input/targets.ts';
import type { Input } from '../input/tensors.ts';
import type { Settings } from '../losses/options.ts';
import { SOFTMAX_ROOM } from '../losses/plan.ts';
import { lnOrNothing } from '../losses/portable.ts';
import { Call } from '../losses/stages.ts';
import type { Tile } from '../losses/tile.ts';
import { bin, binOf, roundedToUnit } from './bins.ts';
import type { Resampler } from './bootstrap.ts';
import { cellOf } from './cells.ts';
import { lossBits } from './hardest.ts';
import { logitsOf } from './logits-of.ts';
import { marginsOf } from './margins.ts';
import { addLoss, addTo, UNIT } from './sums.ts';
import { countCells, type Destination, type Pass, Tally } from './tally.ts';
import { replaced } from './truth.ts';

/**
 * Softmax: losses, ranks and predictions of a tile whose labels are loaded, and the probabilities of what is predicted,
 * which have the same bits whatever the labels.
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

/** Softmax: the pass of an input whose targets nobody asks for. */
export function predictions(backend: Backend, settings: Settings, input: Input, room = SOFTMAX_ROOM): Pass {
  const { kernels, i32 } = backend;
  // every label does
  const plain = { ...settings, labelSmoothing: 0 };
  const call = new Call(backend, plain, input, room, { ranks: 1, bins: 1 });
  const { tile } = call;
  return {
    tile,
    stages(known = -1) {
      if (known < 0) {
        i32.fill(0, kernels.LABELS >> 2, (kernels.LABELS >> 2) + tile.samples);
        kernels.labels(tile.samples, input.classes, -1);
      }
      decide(kernels, call);
      return tile.samples;
    },
    count() {},
    end() {},
  };
}

export class SoftmaxTally extends Tally {
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
      stages: (known = -1) => {
        const n = tile.samples;
        const valid = known < 0 ? loadLabels(kernels, input, tile.firstSample, n, settings) : known;
        decide(kernels, call);
        own?.put(tile.firstSample, n);
        if (config.curves) this.#countMargins(backend, to, input, tile);
        this.addSamples(backend, to, tile.firstSample, n, valid);
        return valid;
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
        if (to.groups === ALL_TOGETHER) this.addSums(staged, to.stateAt(0));
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
      const [images, positions] = tile.form === TRANSPOSED || tile.classStride > 1 ? [1, n] : [n, 1];
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
