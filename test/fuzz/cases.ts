/** Calls drawn from a seed: what is computed, which the reference solves, and how it is handed in. */
import type { Logits, Targets } from '../../bindings/losses/types.ts';
import { Random } from '../random.ts';
import type { Problem } from '../reference.ts';
import { contained } from './containers.ts';

export interface Case {
  readonly problem: Problem;
  /** Those of the loss, but the reduction and what goes with it. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly reduction: 'mean' | 'sum';
  /** What the mean divides by. */
  readonly divisor: 'valid' | 'weights' | 'positives' | number;
  readonly dims: number[];
  readonly logits: Logits;
  readonly targets: Targets;
  /** The numbers given as logits, which those of the problem are unless they are probabilities. */
  readonly values: Float32Array;
  /** One weight a sample, or none. */
  readonly weights: Float32Array | null;
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
  labels: ArrayLike<number>,
  shape: number[],
  bare: boolean,
): { name: string; targets: Targets } {
  const values = Array.from(labels);
  const whole = values.every(Number.isInteger);
  const floats: unknown[] = [Float32Array, Float64Array];
  const kinds = TARGETS.filter(([kind, low, high]) => {
    return (whole || floats.includes(kind)) && values.every((y) => y >= low && y <= high);
  });
  const bigints = () => values.map(BigInt);
  const draw = random.below(8);
  let data: unknown;
  let name: string;
  if (draw === 0) [name, data] = ['numbers', values];
  else if (draw === 1 && whole) [name, data] = ['bigints', bigints()];
  else if (draw === 2) [name, data] = ['Proxy', new Proxy(values, {})];
  else {
    const [kind] = pick(random, kinds);
    const big = kind === BigInt64Array || kind === BigUint64Array;
    ({ name, array: data } = contained(kind, big ? bigints() : values, random));
  }
  if (bare && random.below(2)) return { name, targets: data as Targets };
  return { name: `{${name}}`, targets: { data, [pick(random, ['dims', 'shape'])]: shape } as Targets };
}

type Kind = 'index' | 'hot' | 'soft';
type Input = 'logits' | 'probabilities' | 'logProbabilities';

/** What targets of the logits' own shape may be, by the loss. */
function denseTarget(random: Random, softmax: boolean, kind: Kind): number {
  const draw = random.uniform();
  if (kind === 'hot') return draw < 0.3 ? 1 : 0;
  if (draw < 0.25) return 0;
  if (draw < 0.45) return 1;
  // those of the softmax loss need not be shares
  return Math.fround(softmax && draw > 0.97 ? 1000 * random.uniform() : random.uniform());
}

/** One number a logit: one-hot and shares of two classes as they are met, and any others. */
function denseTargets(random: Random, { classes, positions }: Problem, n: number, softmax: boolean, kind: Kind) {
  const targets = new Float64Array(n * classes);
  const mixed = random.below(3) === 0;
  for (let i = 0; i < n; i++) {
    const at = (c: number) => (Math.floor(i / positions) * classes + c) * positions + (i % positions);
    if (!mixed) {
      for (let c = 0; c < classes; c++) targets[at(c)] = denseTarget(random, softmax, kind);
      continue;
    }
    const share = kind === 'hot' ? 1 : Math.fround(random.uniform());
    targets[at(random.below(classes))] = share;
    if (share < 1) (targets[at(random.below(classes))] as number) = 1 - share;
  }
  return targets;
}

/** Numbers in the place of the logits, with what the logits are then. */
const INPUTS: Record<string, { values: (z: number) => number; logit: (p: number) => number }> = {
  'softmax probabilities': { values: (z) => Math.exp(z / 16), logit: Math.log },
  'softmax logProbabilities': { values: (z) => z, logit: (z) => z },
  'sigmoid probabilities': {
    values: (z) => 1 / (1 + Math.exp(-z / 4)),
    logit: (p) => (p >= 0 && p <= 1 ? Math.log(p) - Math.log1p(-p) : NaN),
  },
  'sigmoid logProbabilities': {
    values: (z) => -Math.log1p(Math.exp(-z / 4)),
    logit: (l) => (l <= 0 ? l - Math.log(-Math.expm1(l)) : NaN),
  },
};

/**
 * @param seed of the run
 * @param index of the case, which alone makes it
 * @param most logits a call has
 */
export function makeCase(seed: number, index: number, most: number): Case {
  const random = new Random(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  for (let i = 0; i < 4; i++) random.uniform();
  const loss = random.below(2) ? 'softmax' : 'sigmoid';
  const softmax = loss === 'softmax';
  const drawn = dimsOf(random, random.below(20) ? Math.min(most, 400) : most, softmax ? 2 : 1);
  const [first, classes, ...rest] = drawn as [number, number, ...number[]];
  const last = random.below(4) === 0;
  // with the classes last every position is a row
  const [batch, positions] = [
    last ? rest.reduce((a, b) => a * b, first) : first,
    last ? 1 : rest.reduce((a, b) => a * b, 1),
  ];
  const dims = last ? [first, ...rest, classes] : drawn;
  const samples = batch * positions;
  const { values: drawnValues, kind: drawnType, raw: drawnRaw } = logitsOf(random, samples * classes);
  const input = pick<Input>(random, ['logits', 'logits', 'logits', 'logits', 'probabilities', 'logProbabilities']);
  const scale = INPUTS[`${loss} ${input}`];
  const type = scale && drawnType === Uint16Array ? Float32Array : drawnType;
  const values = scale ? drawnValues.map(scale.values) : drawnValues;
  const raw = scale ? values : drawnRaw;

  const kind = pick<Kind>(random, ['index', 'index', 'hot', 'soft']);
  // one logit a sample against nothing: the labels are no and yes, and meters want neither to be the ignored one
  const binary = !softmax && classes === 1;
  const dense = kind !== 'index' || binary;
  const ignoreIndex = pick(random, [-100, -100, 255, -1, binary ? -2 : 0]);
  const asymmetric = !softmax && kind !== 'soft' && random.below(4) === 0;
  const gamma = random.below(4) ? pick(random, GAMMAS) : 8 * random.uniform();
  const nowhere = ignoreIndex === -1 ? classes : pick(random, [classes, -1, classes + 3]);
  const background = !softmax && !dense && nowhere !== ignoreIndex && random.below(4) === 0 ? nowhere : null;
  const weighing = random.weights(classes);
  if (random.below(4) === 0) weighing[random.below(classes)] = classes > 1 ? 0 : 1;
  const alpha = pick(random, [null, null, softmax ? null : pick(random, [0.25, 0.5, 0.75, -1]), weighing]);
  const shape = { loss, batch, classes, positions } as const;
  const own = softmax
    ? { smoothing: 0, labelSmoothing: random.below(4) ? 0 : pick(random, [0.1, 0.5, 0.01]) }
    : {
        smoothing: pick(random, [1e-3, 1e-3, 0, 0.0625, 0.5]),
        background,
        ...(asymmetric && { gammaNegative: pick(random, GAMMAS), clip: pick(random, [0, 0.05, 0.3]) }),
      };
  const ignored = softmax && dense ? 0 : pick(random, [0, 0.1, 0.1, 0.5, 1]);
  const problem: Problem = { ...shape, logits: values, targets: [], dense, gamma, alpha, ignoreIndex, ...own };
  if (scale) problem.logits = Float64Array.from(values, scale.logit);
  const targets = dense
    ? denseTargets(random, problem, samples, softmax, binary && kind === 'index' ? 'hot' : kind)
    : Float64Array.from({ length: samples }, () => {
        return background !== null && random.below(3) === 0 ? background : random.below(classes);
      });
  for (let i = 0; i < targets.length; i++) if (random.uniform() < ignored) targets[i] = ignoreIndex;
  problem.targets = targets;

  const weights =
    random.below(4) === 0
      ? Float32Array.from({ length: samples }, () => (random.below(5) ? 4 * random.uniform() : random.below(2)))
      : null;
  if (weights) problem.weight = (i) => weights[i] as number;
  const reduction = pick(random, ['mean', 'sum'] as const);
  const divisor =
    reduction === 'mean' ? pick(random, ['valid', 'valid', softmax ? 'weights' : 'positives', 7.5] as const) : 'valid';
  const options = {
    ...{ gamma, ignoreIndex, alpha },
    ...(softmax ? { labelSmoothing: problem.labelSmoothing } : own),
    ...(last && { classAxis: -1 }),
    ...(scale && { input }),
  };

  const plainRows = dims.length === 2 && samples > 0;
  const { name, array } = contained(type, raw, random);
  const half = type === Uint16Array ? { type: 'float16' } : {};
  const bare = plainRows && type !== Uint16Array && (!dense || binary) && random.below(2) === 1;
  const logits = (bare ? array : { ...half, data: array, [pick(random, ['dims', 'shape'])]: dims }) as Logits;
  const labels = last ? dims.slice(0, -1) : [batch, ...rest];
  const single = last ? [...labels, 1] : [batch, 1, ...rest];
  const given = targetsOf(
    random,
    targets,
    dense && !(binary && random.below(2)) ? dims : random.below(4) ? labels : single,
    dense ? binary : true,
  );
  const upstream = Float32Array.from({ length: samples }, () => (random.uniform() - 0.5) * 4);
  const told = { ...options, alpha: shown(alpha), ...(divisor !== 'valid' && { divisor }) };
  return {
    ...{ problem, options, reduction, divisor, dims, logits, values, weights, upstream, random },
    targets: given.targets,
    title: `${loss} [${dims}] ${name}, ${kind} targets ${given.name}${weights ? ', weighed' : ''}, ${JSON.stringify(told)}`,
  };
}

const shown = (alpha: Problem['alpha']) => (typeof alpha === 'number' || alpha === null ? alpha : 'by class');
