import { carry, LIMBS } from '../backend/limbs.ts';
import { arrayKind, isShared } from '../input/arrays.ts';
import { number } from '../input/checks.ts';
import { outOfRange, wrongType } from '../input/errors.ts';
import { viewOf } from '../input/tensors.ts';
import { BIN_WORDS, CLASS_WORDS, type Layout, layoutOf, type MeterConfig, readConfig } from './config.ts';

/**
 * The state of a meter and its two forms.
 *
 * All counts and exact sums are words: integers in [0, 2^53), in the order of `Layout`. Two states are merged word by
 * word, followed by a carry in each sum, so that a given set of samples has one state whatever way it was counted.
 *
 * JSON: `{ format, version, config, words, hardest }`, hardest as `[index, target, prediction, loss]`, the loss as the bits
 * of its float32.
 *
 * Bytes: "FSMT", the version (1 byte), the length of the configuration (varint), the configuration as JSON in UTF-8, the
 * words (varints), the number of hardest samples (varint) and the four numbers of each (varints), CRC-32 of all that (4
 * bytes, little-endian). A varint has 7 bits a byte, the lowest first, the top bit set in all bytes but the last.
 */
export const VERSION = 1;
const FORMAT = 'focal-simd/meter';
const MAGIC = [0x46, 0x53, 0x4d, 0x54];

/** [index, target, prediction, bits of the loss] of one sample. */
export type Hard = readonly [index: number, target: number, prediction: number, loss: number];

export interface MeterState {
  readonly format: typeof FORMAT;
  readonly version: number;
  readonly config: MeterConfig;
  readonly words: readonly number[];
  readonly hardest: readonly Hard[];
}

/** By loss, the largest first (bits of float32 ≥ 0 have the order of the numbers, NaN above all), then by index. */
function order(a: Hard, b: Hard): number {
  return b[3] - a[3] || a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

export class State {
  readonly config: MeterConfig;
  readonly layout: Layout;
  readonly words: Float64Array;
  #hardest: Hard[] = [];
  /** Bits of the loss a sample must reach to be among the hardest. */
  floor: number;

  constructor(config: MeterConfig) {
    this.config = config;
    this.layout = layoutOf(config);
    if (this.layout.length > 2 ** 31) throw outOfRange('classes', 'a state of at most 2^31 words', this.layout.length);
    this.words = new Float64Array(this.layout.length);
    this.floor = config.hardest > 0 ? 0 : Infinity;
  }

  /** Offer a sample; the list is cut only now and then. */
  offer(sample: Hard): void {
    this.#hardest.push(sample);
    if (this.#hardest.length >= 2 * this.config.hardest + 64) this.#prune();
  }

  get hardest(): readonly Hard[] {
    this.#prune();
    return this.#hardest;
  }

  /** Carry every sum of losses: the one form of the state. */
  settle(): void {
    for (const at of this.#sums()) carry(this.words, at, LIMBS);
  }

  merge(other: State): void {
    const { words, layout, config } = this;
    const theirs = other.words;
    const flags = Array.from(this.#sums(), (at) => Math.max(words[at + LIMBS] as number, theirs[at + LIMBS] as number));
    for (let i = 0; i < words.length; i++) words[i] = (words[i] as number) + (theirs[i] as number);
    let i = 0;
    for (const at of this.#sums()) {
      carry(words, at, LIMBS);
      words[at + LIMBS] = flags[i++] as number;
    }
    for (let b = 0; b < config.bins; b++) carry(words, layout.bins + b * BIN_WORDS + 2, 2);
    this.#hardest = [...this.#hardest, ...other.#hardest];
    this.#prune();
  }

  toJSON(): MeterState {
    return {
      format: FORMAT,
      version: VERSION,
      config: this.config,
      words: Array.from(this.words),
      hardest: [...this.hardest],
    };
  }

  /** Where the exact sums stand. */
  *#sums(): Generator<number> {
    const { crossEntropy, brier, classes } = this.layout;
    yield crossEntropy;
    yield brier;
    for (let c = 0; c < this.config.classes; c++) yield classes + c * CLASS_WORDS + 3;
  }

  #prune(): void {
    const { hardest } = this.config;
    this.#hardest.sort(order);
    if (this.#hardest.length > hardest) this.#hardest.length = hardest;
    if (hardest > 0 && this.#hardest.length === hardest) this.floor = this.#hardest[hardest - 1]?.[3] as number;
  }

  /** Fill a new state from its words and hardest samples, or say what is wrong with them. */
  static from(config: MeterConfig, words: ArrayLike<unknown>, hardest: readonly unknown[]): State {
    const { length } = layoutOf(config);
    if (words.length !== length) throw outOfRange('state.words', `${length} words`, words.length);
    const state = new State(config);
    const count = (name: string, x: unknown) =>
      number(name, x, 'an integer in [0, 2^53)', (w) => Number.isSafeInteger(w) && w >= 0);
    for (let i = 0; i < length; i++) state.words[i] = count(`state.words[${i}]`, words[i]);
    for (const at of state.#sums()) {
      if (
        state.words.subarray(at, at + LIMBS - 1).some((limb) => limb >= 2 ** 32) ||
        (state.words[at + LIMBS] as number) > 2
      ) {
        throw outOfRange(`state.words[${at}]`, 'a carried sum', 'another');
      }
    }
    state.#check();
    if (hardest.length > config.hardest)
      throw outOfRange('state.hardest', `at most ${config.hardest} samples`, hardest.length);
    state.#hardest = hardest.map((entry, i) => {
      const name = `state.hardest[${i}]`;
      if (!Array.isArray(entry) || entry.length !== 4)
        throw wrongType(name, '[index, target, prediction, loss]', entry);
      const [index, target, prediction, loss] = entry.map((x) => count(name, x)) as [number, number, number, number];
      if (target >= config.classes || prediction >= config.classes)
        throw outOfRange(name, `classes below ${config.classes}`, `[${entry}]`);
      if (loss > 0x7f800000 && loss !== 0x7fc00000) throw outOfRange(name, 'the bits of a loss', loss);
      return [index, target, prediction, loss];
    });
    if (state.#hardest.some((entry, i) => i > 0 && order(state.#hardest[i - 1] as Hard, entry) > 0)) {
      throw outOfRange('state.hardest', 'samples by loss and index', 'another order');
    }
    state.#prune();
    return state;
  }

  /** Counts that must agree with one another. */
  #check(): void {
    const { words, layout, config } = this;
    const samples = words[layout.samples] as number;
    let support = 0;
    let right = 0;
    for (let c = 0; c < config.classes; c++) {
      const at = layout.classes + c * CLASS_WORDS;
      support += words[at] as number;
      right += words[at + 1] as number;
      if ((words[at + 1] as number) > Math.min(words[at] as number, words[at + 2] as number)) {
        throw outOfRange(`state.words[${at + 1}]`, 'no more than predicted and than there are', words[at + 1]);
      }
    }
    if (support !== samples || right > samples) {
      throw outOfRange('state.words', `counts of the classes that add up to ${samples} samples`, support);
    }
    let binned = 0;
    for (let b = 0; b < config.bins; b++) binned += words[layout.bins + b * BIN_WORDS] as number;
    const most = config.variant === 'softmax' ? samples : samples * config.classes;
    if (binned > most) throw outOfRange('state.words', `bins of at most ${most} samples`, binned);
  }
}

/** The state that `toJSON` gave. */
export function readState(value: unknown): State {
  if (typeof value !== 'object' || value === null) throw wrongType('state', 'an object', value);
  const { format, version, config, words, hardest } = value as Record<string, unknown>;
  if (format !== FORMAT) throw outOfRange('state.format', `'${FORMAT}'`, format);
  if (version !== VERSION) throw outOfRange('state.version', `${VERSION}`, version);
  if (!Array.isArray(words)) throw wrongType('state.words', 'an array', words);
  if (!Array.isArray(hardest)) throw wrongType('state.hardest', 'an array', hardest);
  return State.from(readConfig(config), words, hardest);
}

function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let k = 0; k < 8; k++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  return ~crc >>> 0;
}

export function encode(state: State): Uint8Array<ArrayBuffer> {
  const out: number[] = [...MAGIC, VERSION];
  const put = (x: number): void => {
    let rest = x;
    for (; rest >= 128; rest = Math.floor(rest / 128)) out.push(128 + (rest % 128));
    out.push(rest);
  };
  const config = new TextEncoder().encode(JSON.stringify(state.config));
  put(config.length);
  for (const byte of config) out.push(byte);
  for (const word of state.words) put(word);
  put(state.hardest.length);
  for (const sample of state.hardest) for (const x of sample) put(x);
  const bytes = new Uint8Array(out.length + 4);
  bytes.set(out);
  new DataView(bytes.buffer).setUint32(out.length, crc32(bytes.subarray(0, out.length)), true);
  return bytes;
}

export function decode(value: unknown): State {
  if (arrayKind(value) !== 'Uint8Array') throw wrongType('bytes', 'Uint8Array', value);
  const view = viewOf('bytes', value) as Uint8Array;
  const bytes = isShared(view) ? view.slice() : view;
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) throw outOfRange('bytes', 'the state of a meter', 'something else');
  if (bytes[4] !== VERSION) throw outOfRange('bytes', `version ${VERSION}`, `${bytes[4]}`);
  const end = bytes.length - 4;
  if (end < 5 || new DataView(bytes.buffer, bytes.byteOffset).getUint32(end, true) !== crc32(bytes.subarray(0, end))) {
    throw outOfRange('bytes', 'a whole state with its checksum', 'a truncated or corrupt one');
  }
  let at = 5;
  const broken = () => outOfRange('bytes', 'a well-formed state', `something else at byte ${at}`);
  const get = (): number => {
    let x = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++] as number;
      if (at > end || scale > 2 ** 49) throw broken();
      x += (byte & 127) * scale;
      if (byte < 128) return x;
    }
  };
  const length = get();
  if (length > end - at) throw broken();
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes.subarray(at, at + length)));
  } catch {
    throw broken();
  }
  at += length;
  const config = readConfig(json);
  const count = layoutOf(config).length;
  // a word takes at least a byte
  if (count > end - at) throw broken();
  const words = Float64Array.from({ length: count }, get);
  const entries = get();
  if (entries > end - at) throw broken();
  const hardest = Array.from({ length: entries }, () => [get(), get(), get(), get()]);
  if (at !== end) throw broken();
  return State.from(config, words, hardest);
}
