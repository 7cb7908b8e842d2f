/**
 * One seeded corpus of calls over shapes, γ, α, reductions, gradients and special values, hashed into one SHA-256.
 *
 * Plain ECMAScript with no host API, so it runs wherever the package runs. Inputs come from integer arithmetic and from
 * exactly rounded double operations alone (no Math.exp, log, sin or pow), so that every engine builds the same bits; each
 * case is seeded by its own index, so a prefix of the corpus is a corpus.
 */
import { sha256 } from '@noble/hashes/sha2.js';

/** Cases in the whole corpus; each makes at least one call of the package. */
export const CASES = 100_000;
/** Cases of the prefix that a scenario runs where the question is shared state, not bits. */
export const SHORT = 3_000;

/** splitmix32: the same stream of unsigned 32-bit integers in every engine. */
function generator(seed) {
  let state = Math.imul(seed + 1, 0x85ebca6b) ^ 0x5f0ca1;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let t = state ^ (state >>> 16);
    t = Math.imul(t, 0x21f0aaad);
    t = Math.imul(t ^ (t >>> 15), 0x735a2d97);
    return (t ^ (t >>> 15)) >>> 0;
  };
}

const CLASSES = [1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10, 10, 13, 16, 17, 21, 31, 32, 33, 64, 100];
const GAMMAS = [0, 0.3, 0.5, 1, 1.5, 1.7, 2, 2, 2, 2.5, 3, 5];
const SCALES = [0.25, 1, 4, 4, 4, 16, 60, 1000];
const SPECIAL = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -0,
  3.4028234663852886e38,
  -3.4028234663852886e38,
  1.401298464324817e-45,
  88.75,
  -103.9375,
];

/** A batch large enough to stream through many tiles, a long row, a row longer than any scratch block. */
function shapeOf(index, next, pick) {
  if (index === 50_021) return { dims: [2, 262_144], samples: 2 };
  if (index % 9_973 === 2) return { dims: [3, 32_000], samples: 3 };
  if (index % 19_997 === 3) {
    const classes = pick([2, 5, 10, 21]);
    return { dims: [60_007, classes], samples: 60_007 };
  }
  if (index % 19_997 === 4) {
    const classes = pick([2, 5, 10, 21]);
    return { dims: [2, classes, 151, 99], samples: 2 * 151 * 99 };
  }
  if (index % 499 === 5) return { dims: [1 + (next() % 4), 1000], samples: 0 };
  const classes = pick(CLASSES);
  if (next() % 16 < 9) return { dims: [next() % 13, classes] };
  const dims = [1 + (next() % 3), classes];
  for (let rank = 1 + (next() % 3); rank > 0; rank--) dims.push(1 + (next() % 6));
  return { dims };
}

function logitsOf(length, next, pick) {
  const scale = pick(SCALES);
  const special = next() % 8 === 0;
  const ties = next() % 12 === 0;
  const data = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    if (ties) data[i] = (next() % 7) - 3;
    else {
      // A sum of four uniforms is normal enough, and exact in double arithmetic.
      const sum = (next() >>> 8) + (next() >>> 8) + (next() >>> 8) + (next() >>> 8);
      data[i] = (sum / 0x1000000 - 2) * scale;
    }
    if (special && next() % 16 === 0) data[i] = pick(SPECIAL);
  }
  return data;
}

/** Random bits of binary16, most of them of moderate size; infinities and NaN among them. */
function halvesOf(length, next) {
  const bits = new Uint16Array(length);
  for (let i = 0; i < length; i++) {
    const word = next();
    const exponent = word % 64 === 0 ? (word >>> 8) % 32 : 8 + ((word >>> 8) % 14);
    bits[i] = ((word >>> 31) << 15) | (exponent << 10) | ((word >>> 16) & 0x3ff);
  }
  return bits;
}

/** Every kind of integer array a target may come in, with the range it holds. */
const TARGET_KINDS = [
  [Int32Array, -(2 ** 31), 2 ** 31 - 1],
  [Int16Array, -32768, 32767],
  [Int8Array, -128, 127],
  [Uint8Array, 0, 255],
  [Uint8ClampedArray, 0, 255],
  [Uint16Array, 0, 65535],
  [Uint32Array, 0, 2 ** 32 - 1],
  [BigInt64Array, -(2 ** 53), 2 ** 53],
  [Array, -(2 ** 53), 2 ** 53],
];

function targetsOf(samples, classes, ignoreIndex, next, pick) {
  const ignored = [0, 0.125, 0.125, 0.125, 0.5, 1][next() % 6];
  const values = [];
  for (let i = 0; i < samples; i++) values.push(next() / 2 ** 32 < ignored ? ignoreIndex : next() % classes);
  const lowest = ignored > 0 ? Math.min(ignoreIndex, 0) : 0;
  const highest = Math.max(ignoreIndex, classes - 1);
  const [Kind] = pick(TARGET_KINDS.filter(([, low, high]) => low <= lowest && highest <= high));
  return Kind === BigInt64Array ? BigInt64Array.from(values, BigInt) : Kind.from(values);
}

/** One case: the loss to build and what to call it with. Deterministic in `index`. */
function build(index) {
  const next = generator(index);
  const pick = (list) => list[next() % list.length];
  const { dims } = shapeOf(index, next, pick);
  const classes = dims[1];
  const positions = dims.slice(2).reduce((a, b) => a * b, 1);
  const samples = dims[0] * positions;
  const length = samples * classes;
  // one logit a sample is for the sigmoid loss alone
  const sigmoid = next() % 2 === 1 || classes === 1;
  const ignoreIndex = pick([-100, -100, 255, -1]);
  const options = {
    gamma: pick(GAMMAS),
    reduction: pick(['mean', 'sum', 'none', 'none']),
    ignoreIndex,
    ignored: pick(['zero', 'zero', 'drop']),
  };
  // Weights of the sigmoid variant are at most 1, those of the softmax variant any positive number.
  const unit = sigmoid ? 4096 : 512;
  const perClass = () => Float32Array.from({ length: classes }, () => (1 + (next() % 4096)) / unit);
  const weight = next() % 3;
  if (weight === 1) options.alpha = perClass();
  if (weight === 2) options.alpha = sigmoid ? pick([0.25, 0.5, 0.75, 0, -1, null]) : null;
  if (sigmoid) options.smoothing = pick([1e-3, 1e-3, 0, 0.0625, 0.5]);

  const targets = targetsOf(samples, classes, ignoreIndex, next, pick);
  const half = next() % 10 === 0;
  const data = half ? halvesOf(length, next) : logitsOf(length, next, pick);
  let logits;
  if (half) {
    // The two spellings of binary16 must give the same bits, so a runtime that has Float16Array takes that one here.
    const native = next() % 2 === 0;
    logits =
      native && typeof Float16Array === 'function'
        ? { data: new Float16Array(data.buffer), dims }
        : { type: 'float16', data, dims };
  } else if (next() % 8 === 0) logits = { data: Float64Array.from(data), shape: dims };
  else if (dims.length === 2 && samples > 0 && next() % 2 === 0) logits = data;
  else logits = { data, dims };

  const gradient = next() % 2 === 0;
  const extras = {};
  if (gradient) {
    const kind = next() % 4;
    if (kind === 0) extras.grad = new Float32Array(length);
    if (kind === 1 && data instanceof Float32Array && (logits === data || logits.data === data)) extras.grad = data;
    if (options.reduction === 'none' && next() % 3 === 0) {
      extras.upstream = Float32Array.from({ length: samples }, () => ((next() >>> 8) / 0x1000000 - 0.5) * 4);
    }
  }
  const shaped = dims.length > 2 && next() % 2 === 0;
  return {
    sigmoid,
    options,
    logits,
    targets: shaped ? { data: targets, dims: [dims[0], ...dims.slice(2)] } : targets,
    gradient,
    extras,
    classes,
    dims,
    metered: length > 0 && length < 4096 && next() % 16 === 0,
  };
}

/** SHA-256 over numbers, arrays, strings and plain objects; every NaN has the same bits. */
class Digest {
  #hash = sha256.create();
  #chunk = new Uint8Array(1 << 16);
  #view = new DataView(this.#chunk.buffer);
  #used = 0;

  #reserve(bytes) {
    if (this.#used + bytes > this.#chunk.length) {
      this.#hash.update(this.#chunk.subarray(0, this.#used));
      this.#used = 0;
    }
    this.#used += bytes;
    return this.#used - bytes;
  }

  word(value) {
    this.#view.setUint32(this.#reserve(4), value, true);
  }

  double(value) {
    const at = this.#reserve(8);
    if (Number.isNaN(value)) this.#view.setBigUint64(at, 0x7ff8000000000000n, true);
    else this.#view.setFloat64(at, value, true);
  }

  floats(array) {
    this.word(array.length);
    const bits = new Uint32Array(array.buffer, array.byteOffset, array.length);
    for (let i = 0; i < bits.length; i++) this.word((bits[i] & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : bits[i]);
  }

  text(value) {
    this.word(value.length);
    for (let i = 0; i < value.length; i++) this.word(value.charCodeAt(i));
  }

  add(value) {
    // by tag, as results of another frame are of another realm
    const kind = Object.prototype.toString.call(value);
    if (typeof value === 'number') this.double(value);
    else if (typeof value === 'string') this.text(value);
    else if (kind === '[object Uint8Array]') {
      this.word(value.length);
      for (const byte of value) this.word(byte);
    } else if (kind === '[object Float32Array]') this.floats(value);
    else if (value !== null && typeof value === 'object') {
      for (const [key, entry] of Object.entries(value)) {
        this.text(key);
        this.add(entry);
      }
    } else this.text(String(value));
  }

  hex() {
    this.#hash.update(this.#chunk.subarray(0, this.#used));
    return Array.from(this.#hash.digest(), (byte) => byte.toString(16).padStart(2, '0')).join('');
  }
}

/** Compares a case's logits with others of the same shape: the state is of the numbers of both sides and their pairs. */
function compareCase(api, index, { sigmoid, logits, targets, classes, dims }, loss, digest) {
  const next = generator(index + 1_000_003);
  const pick = (list) => list[next() % list.length];
  const size = dims.reduce((a, b) => a * b, 1);
  const candidate = { data: logitsOf(size, next, pick), dims };
  const options = { classes, bins: 5, hardest: 3, ...(sigmoid ? {} : { flips: true }) };
  const comparison = new api.FocalComparison(loss, options);
  comparison.update(logits, candidate, targets);
  // without targets only the pairs are counted
  if (next() % 4 === 0) comparison.update(candidate, logits);
  comparison.compute();
  digest.add(comparison.toBytes());
}

/** Runs one case; returns the number of calls it made. */
function runCase(api, index, digest, comparisons) {
  const { sigmoid, options, logits, targets, gradient, extras, classes, dims, metered } = build(index);
  const loss = new (sigmoid ? api.SigmoidFocalLoss : api.SoftmaxFocalLoss)(options);
  let calls = 0;
  if (metered) {
    const meter = new api.FocalMeter(loss, {
      classes,
      bins: 5,
      hardest: 3,
      ...(sigmoid ? { curves: (index & 1) === 1 } : { topK: [1 + (index % classes)] }),
    });
    meter.update(logits, targets);
    // metrics are derived from the state, and have tests of their own
    meter.compute();
    digest.add(meter.toBytes());
    calls += 3;
    if (api.FocalComparison) compareCase(api, index, { sigmoid, logits, targets, classes, dims }, loss, comparisons);
  }
  if (gradient) {
    const { value, grad } = loss.valueAndGrad(logits, targets, extras);
    digest.add(value);
    digest.add(grad);
  } else digest.add(loss.forward(logits, targets));
  if (index % 16 === 0) {
    const rates = Array.from({ length: 1 + (index % 29) }, (_, i) => 1 + ((index * 31 + i * i * 7) % 97));
    digest.add(api.classWeights(rates, [1, 0, 2, 0.5, 0.75][(index >> 4) % 5]));
    calls++;
  }
  if (index % 64 === 1) {
    // A refused call must be refused everywhere, and must leave no trace in the calls after it.
    try {
      loss.forward(new Float32Array(classes), [classes + (index % 5)]);
      digest.text('accepted');
    } catch (error) {
      digest.text(error.name);
    }
    calls++;
  }
  return calls + 1;
}

/**
 * The corpus as a generator that yields after every case, so that several copies can be interleaved; it returns
 * `{ cases, calls, sha256, comparisons }`: one digest of losses, gradients and states, and one of the states of comparisons, null
 * where the namespace has none.
 *
 * @param {object} api - the package's namespace
 * @param {number} [cases] - how many cases from the start
 */
export function* steps(api, cases = CASES) {
  const digest = new Digest();
  const comparisons = new Digest();
  let calls = 0;
  for (let index = 0; index < cases; index++) {
    try {
      calls += runCase(api, index, digest, comparisons);
    } catch (error) {
      throw new Error(`case ${index}: ${error.stack ?? error}`);
    }
    yield index;
  }
  return { cases, calls, sha256: digest.hex(), comparisons: api.FocalComparison ? comparisons.hex() : null };
}

/** Runs generators in turn, one step each, and returns their results. */
export function interleave(generators) {
  const results = new Array(generators.length);
  for (let open = generators.length; open > 0; ) {
    generators.forEach((generator, i) => {
      if (results[i] !== undefined) return;
      const { done, value } = generator.next();
      if (done) {
        results[i] = value;
        open--;
      }
    });
  }
  return results;
}

/** The digest of the first `cases` cases. */
export const digestOf = (api, cases) => interleave([steps(api, cases)])[0];

/** A few plain values that any backend, exact or not, must agree on to about 1e-5. */
export function sample(api) {
  const next = generator(7);
  const logits = Float32Array.from({ length: 60 * 7 }, () => ((next() >>> 8) / 0x1000000 - 0.5) * 12);
  const targets = Int32Array.from({ length: 60 }, () => next() % 7);
  const softmax = new api.SoftmaxFocalLoss({ gamma: 1.5 });
  const sigmoid = new api.SigmoidFocalLoss({ reduction: 'sum' });
  return [softmax, sigmoid].flatMap((loss) => {
    const { value, grad } = loss.valueAndGrad(logits, targets);
    return [loss.forward(logits, targets), value, ...grad.subarray(0, 14)];
  });
}
