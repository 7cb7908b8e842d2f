import { type Block, release, reserve } from '../backend/alloc.ts';
import type { MeterBackend as Backend } from '../backend/backend.ts';
import { COLUMN_GROUP, GROUP_SAMPLES, LEFT_OPEN, SAMPLES, TALLY_BINS, TALLY_CLASSES } from '../backend/constants.ts';
import type { MeterConfig } from './config.ts';
import { emptyBlock, type GroupLayout, groupLayout } from './group-block.ts';
import type { State } from './state.ts';
import type { Destination } from './tally.ts';

/** Most bytes of a memory that blocks of all meters take. Of groups without a block the bindings count the samples. */
const MOST_BYTES = 2 ** 26;

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
  readonly #layout: GroupLayout;
  /** Samples that a block takes before it must be emptied. */
  readonly #room: number;
  readonly #states: (id: number) => State;
  #backend: Backend | null = null;
  /** How many blocks there are; a group's is that of its number. */
  #blocks = 0;
  /** How many of them have a group. */
  #used = 0;
  #block: Block | null = null;
  /** No block has more samples than this. */
  #fullest = 0;
  /** The group of each sample of the input under way. */
  #ids = new Int32Array(0);

  /** @param states the state of each group, by number */
  constructor(config: MeterConfig, states: (id: number) => State) {
    this.#config = config;
    this.#layout = groupLayout(config);
    this.#states = states;
    // of one-vs-rest the word of a bin has the sum of less than 2^20 probabilities
    const share = config.variant === 'softmax' ? 1 : config.classes;
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
    const { classes, bins } = this.#config;
    const { memory, TALLY } = backend.kernels;
    const fits = classes <= TALLY_CLASSES && bins <= TALLY_BINS;
    // a tile has whole images, or a part of one
    if (!TALLY || !fits || Math.min(positions, SAMPLES) > this.#room) return LEFT_OPEN;
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
    this.#used = groups;
    return (this.#block as Block).at;
  }

  /** Samples [first, first + n) are a tile, which is counted next: tell the kernels their blocks. */
  place(first: number, n: number): void {
    if (this.groups === LEFT_OPEN) return;
    const { kernels, i32 } = this.#backend as Backend;
    // blocks that are three quarters full go along, as they would have to be emptied before long
    if (this.#fullest + n > this.#room) this.#empty(Math.min(this.#room * 0.75, this.#room - n));
    const column = (kernels.COLUMNS + COLUMN_GROUP) >> 2;
    i32.set(this.#ids.subarray(first, first + n), column);
    this.#fullest += n;
  }

  /** Move what the blocks hold to the states. */
  flush(): void {
    this.#empty(0);
  }

  /** Empty the blocks that have more samples than so many. */
  #empty(most: number): void {
    this.#fullest = 0;
    const backend = this.#backend;
    if (this.#block === null || backend === null) return;
    const { i32: ints } = backend;
    const views = { ints, shorts: new Uint16Array(ints.buffer), floats: new Float64Array(ints.buffer) };
    const { stride } = this.#layout;
    for (let own = 0, at = this.#block.at; own < this.#used; own++, at += stride) {
      const samples = ints[(at + GROUP_SAMPLES) >> 2] as number;
      if (samples <= most) this.#fullest = Math.max(this.#fullest, samples);
      else emptyBlock(views, at, this.#layout, this.#states(own));
    }
  }
}
