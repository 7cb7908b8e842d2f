/**
 * The block of a group in the kernels' memory (GROUP_SAMPLES and what follows it in backend/constants.ts): where it has
 * what, and how its counts reach a state.
 */
import {
  GROUP_BINS,
  GROUP_BRIERS,
  GROUP_ENTROPIES,
  GROUP_EXTREMES,
  GROUP_IGNORED,
  GROUP_LARGE,
  GROUP_LOSSES,
  GROUP_PREDICTED,
  GROUP_RANKS,
  GROUP_SAMPLES,
  GROUP_SLOT_BYTES,
  GROUP_SLOTS,
  GROUP_WRONG,
} from '../backend/constants.ts';
import { carry, deposit, LIMBS } from '../backend/limbs.ts';
import type { MeterConfig } from './config.ts';
import type { State } from './state.ts';
import { addTo, carryBins, depositParts } from './sums.ts';
import { INFINITE, NAN } from './words.ts';

/** A line of the cache. */
const LINE = 64;

/** Where a block has what, in bytes. */
export interface GroupLayout {
  /** From one block to the next. */
  readonly stride: number;
  /** Softmax: ranks that are told apart; the rows of classes, the bytes of one, and what is behind them all. */
  readonly ranks: number;
  readonly rows: number;
  readonly row: number;
  readonly rest: number;
  /** One-vs-rest: the hits; of the classes predictions, members, losses; from one part of these to the next. */
  readonly hits: number;
  readonly predicted: number;
  readonly members: number;
  readonly losses: number;
  readonly step: number;
}

export function groupLayout({ bins, classes, topK, variant }: MeterConfig): GroupLayout {
  const behind = upTo(16, GROUP_BINS + 8 * (bins + 1));
  // topK is sorted
  const ranks = topK.at(-1) ?? 1;
  const row = upTo(16, GROUP_RANKS + 2 * (ranks + 1));
  const rest = behind + row * (classes + 1);
  const predicted = behind + upTo(16, 2 * (bins + 1));
  const all = upTo(4, classes);
  const members = predicted + 4 * all;
  const losses = members + 4 * all;
  const end = variant === 'softmax' ? rest + 16 * classes : losses + 32 * upTo(2, classes);
  // an odd number of lines, of which the last is no block's: the same place in many blocks does not fall on the same
  // few lines
  const stride = LINE * ((Math.ceil(end / LINE) + 1) | 1);
  const step = 8 * upTo(2, classes);
  return { stride, ranks, rows: behind, row, rest, hits: behind, predicted, members, losses, step };
}

const upTo = (unit: number, n: number): number => Math.ceil(n / unit) * unit;

/** Views of the kernels' memory. */
export interface Views {
  readonly ints: Int32Array;
  readonly shorts: Uint16Array;
  readonly floats: Float64Array;
}

/** Reads a number of a block at a byte of it. */
type Read = (byte: number) => number;
interface Contents {
  readonly int: Read;
  readonly short: Read;
  readonly float: Read;
}

/** Move what the block at a byte of the memory holds to the state of its group. */
export function emptyBlock({ ints, shorts, floats }: Views, block: number, layout: GroupLayout, state: State): void {
  const contents: Contents = {
    int: (byte) => ints[(block + byte) >> 2] as number,
    short: (byte) => shorts[(block + byte) >> 1] as number,
    float: (byte) => floats[(block + byte) >> 3] as number,
  };
  addSums(contents, state);
  if (state.config.variant === 'softmax') addRows(contents, layout, state);
  else addColumns(contents, layout, state);
  carryBins(state);
  ints.fill(0, block >> 2, (block + layout.stride) >> 2);
}

/** Add samples and their sums. */
function addSums({ int, float }: Contents, state: State): void {
  const samples = int(GROUP_SAMPLES);
  state.makeRoom(samples);
  const { words, at } = state;
  addTo(words, at.totals.ignored, int(GROUP_IGNORED));
  addTo(words, at.totals.samples, samples - int(GROUP_IGNORED));
  for (const part of [0, 8]) deposit(words, at.totals.crossEntropy, float(GROUP_LARGE + part));
  const sums = [
    [GROUP_ENTROPIES, GROUP_EXTREMES, at.totals.crossEntropy],
    [GROUP_ENTROPIES + 8, GROUP_EXTREMES + 8, at.squares.crossEntropy],
    [GROUP_BRIERS, GROUP_EXTREMES + GROUP_SLOT_BYTES, at.totals.brier],
    [GROUP_BRIERS + 8, GROUP_EXTREMES + GROUP_SLOT_BYTES + 8, at.squares.brier],
    // the losses themselves are in the sums of the classes
    [GROUP_LOSSES + 8, GROUP_EXTREMES + 2 * GROUP_SLOT_BYTES + 8, at.squares.loss],
  ] as const;
  for (const [slots, extremes, to] of sums) {
    for (let slot = 0; slot < GROUP_SLOTS; slot++) deposit(words, to, float(slots + GROUP_SLOT_BYTES * slot));
    addTo(words, to + INFINITE, int(extremes));
    addTo(words, to + NAN, int(extremes + 4));
    carry(words, to, LIMBS);
  }
}

/** Softmax: add what is counted of classes, ranks and bins. */
function addRows({ int, short, float }: Contents, { ranks, rows, row, rest }: GroupLayout, state: State): void {
  const { words, at, config } = state;
  const byRank = new Float64Array(ranks + 1);
  // the last row is no class's
  for (let c = 0; c <= config.classes; c++) {
    const own = rows + row * c;
    let support = 0;
    for (let rank = 0; rank <= ranks; rank++) {
      const count = short(own + GROUP_RANKS + 2 * rank);
      (byRank[rank] as number) += count;
      support += count;
    }
    if (c === config.classes) break;
    addClass(state, c, support, short(own + GROUP_RANKS), short(own + GROUP_PREDICTED));
    addLosses(state, c, float(own), float(own + 8), float(rest + 16 * c), float(rest + 16 * c + 8));
  }
  for (let count = 0, rank = 0, j = 0; j < config.topK.length; j++) {
    for (; rank < (config.topK[j] as number); rank++) count += byRank[rank] as number;
    addTo(words, at.topK.hits + j, count);
  }
  for (let b = 0; b <= config.bins; b++) {
    const [low, high] = [int(GROUP_BINS + 8 * b), int(GROUP_BINS + 8 * b + 4)];
    addBin(state, b, (high >>> 4) & 0x1fff, high >>> 17, (high & 0xf) * 2 ** 32 + (low >>> 0));
  }
}

/** One-vs-rest: add what is counted of classes, bins and decisions. */
function addColumns({ int, short, float }: Contents, layout: GroupLayout, state: State): void {
  const { words, at, config } = state;
  const { hits, predicted, members, losses, step } = layout;
  for (let c = 0; c < config.classes; c++) {
    const [own, member] = [losses + 8 * c, members + 4 * c];
    addClass(state, c, short(member), short(member + 2), int(predicted + 4 * c));
    addLosses(state, c, float(own), float(own + step), float(own + 2 * step), float(own + 3 * step));
  }
  for (let b = 0; b <= config.bins; b++) {
    const [low, high] = [int(GROUP_BINS + 8 * b), int(GROUP_BINS + 8 * b + 4)];
    addBin(state, b, high >>> 11, short(hits + 2 * b), (high & 0x7ff) * 2 ** 32 + (low >>> 0));
  }
  const high = int(GROUP_WRONG + 4) >>> 0;
  addTo(words, at.decisions.subset, high >>> 8);
  addTo(words, at.decisions.wrongSquares, (high & 0xff) * 2 ** 32 + (int(GROUP_WRONG) >>> 0));
  carry(words, at.decisions.wrongSquares, 2);
}

function addClass({ words, at }: State, c: number, support: number, right: number, predicted: number): void {
  const to = at.classes.stride * c;
  addTo(words, at.classes.support + to, support);
  addTo(words, at.classes.right + to, right);
  addTo(words, at.classes.predicted + to, predicted);
}

/** Add the four parts of a class's losses. */
function addLosses({ words, at }: State, c: number, high: number, low: number, third: number, fourth: number): void {
  const to = at.classes.loss + at.classes.stride * c;
  depositParts(words, to, high, low);
  deposit(words, to, third);
  deposit(words, to, fourth);
}

/** Add to a bin; the sum of the confidences is in units of 2^−23. */
function addBin({ words, at, config }: State, b: number, samples: number, hits: number, sum: number): void {
  const to = at.bins.stride * Math.min(b, config.bins - 1);
  addTo(words, at.bins.count + to, samples);
  addTo(words, at.bins.hits + to, hits);
  // the words have 2^−32
  addTo(words, at.bins.confidence + to + 1, Math.floor(sum * 2 ** -23));
  addTo(words, at.bins.confidence + to, (sum % 2 ** 23) * 2 ** 9);
}
