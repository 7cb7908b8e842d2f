import { type Block, release, reserve } from '../backend/alloc.ts';
import type { MeterBackend as Backend } from '../backend/backend.ts';
import {
  COLUMN_GROUP,
  GROUP_BINS,
  GROUP_EXTREMES,
  GROUP_IGNORED,
  GROUP_LARGE,
  GROUP_PREDICTED,
  GROUP_RIGHT,
  GROUP_ROW_BYTES,
  GROUP_SAMPLES,
  GROUP_SLOT_BYTES,
  GROUP_SLOTS,
  GROUP_SUMS,
  GROUP_SUPPORT,
  GROUP_WRONG,
  LEFT_OPEN,
  SAMPLES,
  SUM_COUNT,
  TALLY_BINS,
  TALLY_CLASSES,
} from '../backend/constants.ts';
import { carry, deposit, LIMBS } from '../backend/limbs.ts';
import type { MeterConfig } from './config.ts';
import type { State } from './state.ts';
import { addTo, carryBins, depositParts } from './sums.ts';
import type { Destination } from './tally.ts';
import { INFINITE, NAN } from './words.ts';

/** Most bytes of a memory that blocks of all meters take. Of groups without a block the bindings count the samples. */
const MOST_BYTES = 2 ** 26;
/** A line of the cache. */
const LINE = 64;
/** One-vs-rest of so many classes: a tile of images may have more logits of a group than its bins hold. */
const MANY_CLASSES = 512;

/** Where a block has what, in bytes, see GROUP_SAMPLES and what follows it. */
interface Layout {
  readonly ranks: number;
  readonly hits: number;
  /** The four parts of a class's losses, and from one class to the next: the first two, the others. */
  readonly parts: readonly [number, number, number, number];
  readonly steps: readonly [number, number];
  /** What is counted of a class, and from one class to the next. */
  readonly support: number;
  readonly right: number;
  readonly predicted: number;
  readonly supportStep: number;
  readonly predictedStep: number;
  /** From one block to the next. */
  readonly stride: number;
}

function layoutOf({ bins, classes, topK, variant }: MeterConfig): Layout {
  const softmax = variant === 'softmax';
  const hits = GROUP_BINS + 16 * (bins + 1);
  const ranks = GROUP_BINS + 8 * (bins + 1);
  // topK is sorted
  const behind = softmax ? ranks + 4 * ((topK.at(-1) ?? 1) + 1) : hits + 4 * (bins + 1);
  const at = Math.ceil(behind / 16) * 16;
  const rest = at + GROUP_ROW_BYTES * classes;
  const step = 8 * Math.ceil(classes / 4) * 4;
  const end = softmax ? rest + 16 * classes : at + 5.5 * step;
  // an odd number of lines, of which the last is no block's: the same place in many blocks does not fall on the same
  // few lines
  const stride = LINE * ((Math.ceil(end / LINE) + 1) | 1);
  if (!softmax) {
    const parts = [at, at + step, at + 2 * step, at + 3 * step] as const;
    const [support, predicted] = [at + 4 * step, at + 5 * step];
    const own = { support, right: support + 4, predicted, supportStep: 8, predictedStep: 4 };
    return { ranks, hits, parts, steps: [8, 8], ...own, stride };
  }
  const own = { support: at + GROUP_SUPPORT, right: at + GROUP_RIGHT, predicted: at + GROUP_PREDICTED };
  const steps = { supportStep: GROUP_ROW_BYTES, predictedStep: GROUP_ROW_BYTES };
  return { ranks, hits, parts: [at, at + 8, rest, rest + 8], steps: [GROUP_ROW_BYTES, 16], ...own, ...steps, stride };
}

/** Bytes of each memory that blocks take, of all meters. */
const taken = new WeakMap<object, number>();

type Memory = Backend['kernels']['memory'];

/** So many bytes of a memory, zeros, for blocks; null where they would be too many. */
function take(memory: Memory, bytes: number): Block | null {
  const before = taken.get(memory) ?? 0;
  const block = before + bytes > MOST_BYTES ? null : reserve(memory, bytes);
  if (block === null) return null;
  taken.set(memory, before + block.end - block.at);
  new Float64Array(memory.buffer, block.at, (block.end - block.at) >> 3).fill(0);
  return block;
}

function giveBack({ memory, block }: { memory: Memory; block: Block }): void {
  release(memory, block);
  taken.set(memory, (taken.get(memory) as number) - (block.end - block.at));
}

/**
 * Gives back the blocks of meters that nobody has any more. Some runtimes at the edge lack it: there they stay taken.
 */
const left = typeof FinalizationRegistry === 'undefined' ? null : /* @__PURE__ */ new FinalizationRegistry(giveBack);

/**
 * Counts of groups. Each has a state, which the counts of the kernels reach when they are asked for: until then they
 * stay in a block of the kernels' memory, one a group.
 */
export class GroupCounts implements Destination {
  groups: number = LEFT_OPEN;
  readonly #config: MeterConfig;
  readonly #layout: Layout;
  /** Samples that a block takes before it must be emptied. */
  readonly #room: number;
  readonly #states: (id: number) => State;
  #backend: Backend | null = null;
  /** How many blocks there are; a group's is that of its number. */
  #blocks = 0;
  #block: Block | null = null;
  /** Samples since all blocks were seen to have room. */
  #since = 0;
  /** The group of each sample of the input under way. */
  #ids = new Int32Array(0);

  /** @param states the state of each group, by number */
  constructor(config: MeterConfig, states: (id: number) => State) {
    this.#config = config;
    this.#layout = layoutOf(config);
    this.#states = states;
    // of one-vs-rest two words share what a bin gets of a sample; each has the sum of less than 2^20 probabilities
    const share = config.variant === 'softmax' ? 1 : Math.ceil(config.classes / 2);
    this.#room = Math.min(2 * SAMPLES - 1, Math.floor((2 ** 20 - 1) / share));
  }

  /** The state of the group of sample i. */
  stateAt(i: number): State {
    return this.#states(this.#ids[i] as number);
  }

  get groupBytes(): number {
    return this.#layout.stride;
  }

  /**
   * Begin to count an input.
   *
   * @param ids the group of each sample, below `groups`
   */
  begin(backend: Backend, ids: Int32Array<ArrayBuffer>, groups: number, positions: number): void {
    this.#ids = ids;
    this.groups = this.#makeBlocks(backend, groups, positions);
  }

  /** See that the kernels have a block for each group, or for as many as may be. Returns where, or LEFT_OPEN. */
  #makeBlocks(backend: Backend, groups: number, positions: number): number {
    const { variant, classes, bins } = this.#config;
    const { memory, TALLY } = backend.kernels;
    const fits = classes <= TALLY_CLASSES && bins <= TALLY_BINS;
    const few = variant === 'softmax' || classes <= MANY_CLASSES || positions === 1;
    if (!TALLY || !fits || !few) return LEFT_OPEN;
    this.#backend = backend;
    const { stride } = this.#layout;
    if (groups > this.#blocks) {
      this.flush();
      if (this.#block) {
        left?.unregister(this);
        giveBack({ memory, block: this.#block });
        this.#block = null;
        this.#blocks = 0;
      }
      // twice as many, so that groups that come one by one take few moves
      const block = take(memory, 2 * groups * stride) ?? take(memory, groups * stride);
      if (block === null) return LEFT_OPEN;
      left?.register(this, { memory, block }, this);
      this.#block = block;
      this.#blocks = Math.floor((block.end - block.at) / stride);
    }
    return (this.#block as Block).at;
  }

  /** Samples [first, first + n) are a tile, which is counted next: tell the kernels their blocks. */
  place(first: number, n: number): void {
    if (this.groups === LEFT_OPEN) return;
    const { kernels, i32 } = this.#backend as Backend;
    const most = Math.max(n, this.#room >> 1);
    if (this.#since + n > most) {
      this.#empty(this.#room - most);
      this.#since = 0;
    }
    const column = (kernels.COLUMNS + COLUMN_GROUP) >> 2;
    i32.set(this.#ids.subarray(first, first + n), column);
    this.#since += n;
  }

  /** Move what the blocks hold to the states. */
  flush(): void {
    this.#empty(0);
    this.#since = 0;
  }

  /** Empty the blocks that have more samples than so many. */
  #empty(most: number): void {
    const backend = this.#backend;
    if (this.#block === null || backend === null) return;
    const { stride } = this.#layout;
    const { i32 } = backend;
    for (let own = 0, at = this.#block.at; own < this.#blocks; own++, at += stride) {
      if ((i32[(at + GROUP_SAMPLES) >> 2] as number) <= most) continue;
      this.#emptyBlock(backend, at, this.#states(own));
    }
  }

  /** Move what a block holds to the state of its group. */
  #emptyBlock({ i32 }: Backend, block: number, state: State): void {
    const { hits, ranks, parts, steps, support, right, predicted, supportStep, predictedStep, stride } = this.#layout;
    const ints = i32.subarray(block >> 2, (block + stride) >> 2);
    const floats = new Float64Array(i32.buffer, block, stride >> 3);
    const int = (byte: number): number => ints[byte >> 2] as number;
    const float = (byte: number): number => floats[byte >> 3] as number;

    state.makeRoom(int(GROUP_SAMPLES));
    const { words, at, config } = state;
    const softmax = config.variant === 'softmax';
    addTo(words, at.totals.ignored, int(GROUP_IGNORED));
    addTo(words, at.totals.samples, int(GROUP_SAMPLES) - int(GROUP_IGNORED));
    const sums = [
      ...[at.totals.crossEntropy, at.totals.brier],
      ...[at.squares.loss, at.squares.crossEntropy, at.squares.brier],
    ];
    for (let sum = 0; sum < SUM_COUNT; sum++) {
      const to = sums[sum] as number;
      for (let slot = 0; slot < GROUP_SLOTS; slot++) {
        deposit(words, to, float(GROUP_SUMS + GROUP_SLOT_BYTES * slot + 8 * sum));
      }
      addTo(words, to + INFINITE, int(GROUP_EXTREMES + 8 * sum));
      addTo(words, to + NAN, int(GROUP_EXTREMES + 8 * sum + 4));
    }
    for (const part of [0, 8]) deposit(words, at.totals.crossEntropy, float(GROUP_LARGE + part));
    for (const to of sums) carry(words, to, LIMBS);
    for (let c = 0; c < config.classes; c++) {
      const row = at.classes.stride * c;
      const to = at.classes.loss + row;
      depositParts(words, to, float(parts[0] + c * steps[0]), float(parts[1] + c * steps[0]));
      deposit(words, to, float(parts[2] + c * steps[1]));
      deposit(words, to, float(parts[3] + c * steps[1]));
      addTo(words, at.classes.support + row, int(support + c * supportStep));
      addTo(words, at.classes.right + row, int(right + c * supportStep));
      addTo(words, at.classes.predicted + row, int(predicted + c * predictedStep));
    }
    for (let b = 0; b <= config.bins; b++) {
      const row = at.bins.stride * Math.min(b, config.bins - 1);
      for (let j = 0; j < (softmax ? 1 : 2); j++) {
        const word = GROUP_BINS + 8 * (softmax ? b : 2 * b + j);
        const high = int(word + 4) >>> 0;
        const units = (high & (softmax ? 0xf : 0x7ff)) * 2 ** 32 + (int(word) >>> 0);
        addTo(words, at.bins.count + row, softmax ? (high >>> 4) & 0x1fff : high >>> 11);
        if (softmax) addTo(words, at.bins.hits + row, high >>> 17);
        // units of 2^−23; the words have 2^−32
        addTo(words, at.bins.confidence + row + 1, Math.floor(units * 2 ** -23));
        addTo(words, at.bins.confidence + row, (units % 2 ** 23) * 2 ** 9);
      }
      if (!softmax) addTo(words, at.bins.hits + row, int(hits + 4 * b));
    }
    carryBins(state);
    if (softmax) {
      let count = 0;
      for (let rank = 0, j = 0; j < config.topK.length; j++) {
        for (; rank < (config.topK[j] as number); rank++) count += int(ranks + 4 * rank);
        addTo(words, at.topK.hits + j, count);
      }
    } else {
      const high = int(GROUP_WRONG + 4) >>> 0;
      addTo(words, at.decisions.subset, high >>> 8);
      addTo(words, at.decisions.wrongSquares, (high & 0xff) * 2 ** 32 + (int(GROUP_WRONG) >>> 0));
      carry(words, at.decisions.wrongSquares, 2);
    }
    ints.fill(0);
  }
}
