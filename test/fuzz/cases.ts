/** Calls drawn from a seed: what is computed, which the reference solves, and how it is handed in. */
import type { Logits, Targets } from '../../bindings/losses/types.ts';
import { Random } from '../random.ts';
import type { Problem } from '../reference.ts';
import { contained } from './containers.ts';

export interface Case {
  readonly problem: Problem;
  readonly options: { gamma: number; ignoreIndex: number; alpha?: Problem['alpha']; smoothing?: number };
  readonly reduction: 'mean' | 'sum';
  readonly dims: number[];
  readonly logits: Logits;
  readonly targets: Targets;
  /** One factor a sample, for gradients. */
  readonly upstream: Float32Array;
  readonly random: Random;
  /** In words, for the log. */
  readonly title: string;
}

const CLASSES = [1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 16, 17, 21, 31, 32, 33, 34, 63, 64, 65, 100, 129];
const GAMMAS = [0, 0.3, 0.5, 1, 1.5, 1.7, 2, 2, 2, 3, 5, 7.5];
const SCALES = [0, 0.01, 0.25, 1, 4, 4, 4, 16, 60, 1000];
const SPECIAL = [
  NaN,
  Infinity,
  -Infinity,
  -Infinity,
  -0,
  3.4028234663852886e38,
  -3.4028234663852886e38,
  2 ** -149,
  88.75,
];

const pick = <T>(random: Random, list: readonly T[]): T => list[random.below(list.length)] as T;

/** Rows, images of few and of many positions, one large axis at a time. */
function dimsOf(random: Random, most: number, fewest: number): number[] {
  const drawn = random.below(12) ? pick(random, CLASSES) : 1 + random.below(Math.min(4096, most));
  const classes = Math.max(fewest, drawn);
  const room = Math.max(1, Math.floor(most / classes));
  const kind = random.below(8);
  if (kind < 3) return [random.below(Math.min(room, 24) + 1), classes];
  if (kind === 3) return [1 + random.below(room), classes];
  const positions = kind === 4 ? 1 + random.below(room) : 1 + random.below(Math.min(room, 64));
  const batch = random.below(Math.min(kind === 5 ? 64 : 4, Math.floor(room / positions)) + 1);
  const width = pick(
    random,
    [1, 1, 2, 3, 7].filter((d) => positions % d === 0),
  );
  return width > 1 ? [batch, classes, positions / width, width] : [batch, classes, positions];
}

/** The number that the bits of a binary16 stand for. */
function half(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction);
}

function halfBits(random: Random, special: boolean): number {
  const exponent = special && random.below(16) === 0 ? random.below(32) : 8 + random.below(13);
  return (random.below(2) << 15) | (exponent << 10) | random.below(1024);
}

/** Logits as float32 numbers and as an array of some type that holds them. */
function logitsOf(random: Random, length: number): { values: Float32Array; kind: unknown; raw: ArrayLike<number> } {
  const special = random.below(8) === 0;
  if (random.below(6) === 0) {
    const raw = Uint16Array.from({ length }, () => halfBits(random, special));
    return { values: Float32Array.from(raw, half), kind: Uint16Array, raw };
  }
  const scale = pick(random, SCALES);
  const ties = random.below(10) === 0;
  const offset = random.below(6) ? 0 : pick(random, [-50, 7, 3000]);
  const draw = () => (ties ? random.below(5) - 2 : (random.uniform() + random.uniform() - 1) * scale + offset);
  const double = random.below(5) === 0;
  const raw = Float64Array.from({ length }, () => (special && random.below(16) === 0 ? pick(random, SPECIAL) : draw()));
  const values = Float32Array.from(raw);
  return { values, kind: double ? Float64Array : Float32Array, raw: double ? raw : values };
}

/** Kinds of targets with the range they hold. */
const TARGETS: [unknown, number, number][] = [
  [Int8Array, -128, 127],
  [Uint8Array, 0, 255],
  [Uint8ClampedArray, 0, 255],
  [Int16Array, -32768, 32767],
  [Uint16Array, 0, 65535],
  [Int32Array, -(2 ** 31), 2 ** 31 - 1],
  [Uint32Array, 0, 2 ** 32 - 1],
  [Float32Array, -(2 ** 24), 2 ** 24],
  [Float64Array, -(2 ** 53), 2 ** 53],
  [BigInt64Array, -(2 ** 53), 2 ** 53],
  [BigUint64Array, 0, 2 ** 53],
];

function targetsOf(
  random: Random,
  labels: Int32Array,
  shape: number[],
  rows: boolean,
): { name: string; targets: Targets } {
  const kinds = TARGETS.filter(([, low, high]) => labels.every((y) => y >= low && y <= high));
  const bigints = Array.from(labels, BigInt);
  const draw = random.below(8);
  let data: unknown;
  let name: string;
  if (draw === 0) [name, data] = ['numbers', Array.from(labels)];
  else if (draw === 1) [name, data] = ['bigints', bigints];
  else if (draw === 2) [name, data] = ['Proxy', new Proxy(Array.from(labels), {})];
  else {
    const [kind] = pick(random, kinds);
    const big = kind === BigInt64Array || kind === BigUint64Array;
    ({ name, array: data } = contained(kind, big ? bigints : labels, random));
  }
  if (rows && random.below(2)) return { name, targets: data as Targets };
  return { name: `{${name}}`, targets: { data, [pick(random, ['dims', 'shape'])]: shape } as Targets };
}

/**
 * @param seed of the run
 * @param index of the case, which alone makes it
 * @param most logits a call has
 * @param alloc of the backend, for logits in its memory
 */
export function makeCase(seed: number, index: number, most: number): Case {
  const random = new Random(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  for (let i = 0; i < 4; i++) random.uniform();
  const loss = random.below(2) ? 'softmax' : 'sigmoid';
  const dims = dimsOf(random, random.below(20) ? Math.min(most, 400) : most, loss === 'softmax' ? 2 : 1);
  const [batch, classes, ...rest] = dims as [number, number, ...number[]];
  const positions = rest.reduce((a, b) => a * b, 1);
  const samples = batch * positions;
  const { values, kind, raw } = logitsOf(random, samples * classes);
  // one logit a sample against nothing: the labels are no and yes, and meters want neither to be the ignored one
  const binary = loss === 'sigmoid' && classes === 1;
  const ignoreIndex = pick(random, [-100, -100, 255, -1, binary ? -2 : 0]);
  const ignored = pick(random, [0, 0.1, 0.1, 0.5, 1]);
  const labels = Int32Array.from({ length: samples }, () => {
    return random.uniform() < ignored ? ignoreIndex : random.below(binary ? 2 : classes);
  });

  const gamma = random.below(4) ? pick(random, GAMMAS) : 8 * random.uniform();
  const softmax = loss === 'softmax';
  const smoothing = softmax ? 0 : pick(random, [1e-3, 1e-3, 0, 0.0625, 0.5]);
  const alpha = pick(random, [
    null,
    null,
    softmax ? null : pick(random, [0.25, 0.5, 0.75, -1]),
    random.weights(classes),
  ]);
  const options = { gamma, ignoreIndex, alpha, ...(!softmax && { smoothing }) };

  const rows = dims.length === 2 && samples > 0;
  const { name, array } = contained(kind, raw, random);
  const type = kind === Uint16Array ? { type: 'float16' } : {};
  const bare = rows && kind !== Uint16Array && random.below(2) === 1;
  const logits = (bare ? array : { ...type, data: array, [pick(random, ['dims', 'shape'])]: dims }) as Logits;
  const given = targetsOf(random, labels, [batch, ...rest], true);
  const upstream = Float32Array.from({ length: samples }, () => (random.uniform() - 0.5) * 4);
  return {
    problem: {
      ...{ loss, batch, classes, positions, logits: values, targets: labels, gamma, alpha, smoothing, ignoreIndex },
      ...(binary && { dense: true }),
    },
    options,
    reduction: pick(random, ['mean', 'sum']),
    dims,
    logits,
    targets: given.targets,
    upstream,
    random,
    title: `${loss} [${dims}] ${name}, targets ${given.name}, ${JSON.stringify({ ...options, alpha: shown(alpha) })}`,
  };
}

const shown = (alpha: Problem['alpha']) => (typeof alpha === 'number' || alpha === null ? alpha : 'by class');
