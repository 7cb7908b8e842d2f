// Visual Studio Code's language detector in plain JavaScript, as its package ships the weights: a linear model and a small network
// over the pairs of bytes that begin a text.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const BUCKETS = 5000;
const EMBEDDING = 70;
/** Pairs of bytes that it reads. */
const PAIRS = 10_000;

const u64 = (x) => BigInt.asUintN(64, x);
const [K0, K2] = [0xc3a5c85c97cb3127n, 0x9ae16a3b2f90404fn];
const fold = (x) => x ^ (x >> 47n);

/** FarmHash's Fingerprint64 of 3 to 7 bytes (https://github.com/google/farmhash). */
function fingerprint(bytes) {
  const n = bytes.length;
  if (n === 3) {
    const y = BigInt(bytes[0] + (bytes[1] << 8));
    return u64(fold(u64(y * K2) ^ u64(BigInt(n + (bytes[2] << 2)) * K0)) * K2);
  }
  const u = BigInt(n) + (BigInt(bytes.readUInt32LE(0)) << 3n);
  const v = BigInt(bytes.readUInt32LE(n - 4));
  const factor = K2 + BigInt(2 * n);
  return u64(fold(u64((v ^ fold(u64((u ^ v) * factor))) * factor)) * factor);
}

/** Where the weights of a pair of bytes are. tensorflow.js takes every byte past ASCII for the replacement character. */
function bucket(a, b) {
  const character = (byte) => (byte < 128 ? String.fromCharCode(byte) : '\ufffd');
  return Number(fingerprint(Buffer.from(`${character(a)} ${character(b)}`)) % BigInt(BUCKETS));
}
let table;
const buckets = () => {
  table ??= Uint16Array.from({ length: 1 << 16 }, (_, pair) => bucket(pair >> 8, pair & 255));
  return table;
};

/** The weights of a tensorflow.js model by name, uint8 ones as the float32 they stand for. */
function readWeights(library) {
  const at = (file) => readFileSync(fileURLToPath(import.meta.resolve(`${library}/model/${file}`)));
  const { weightsManifest } = JSON.parse(at('model.json').toString());
  const bytes = new Uint8Array(at('group1-shard1of1.bin'));
  const weights = new Map();
  let offset = 0;
  for (const { name, shape, dtype, quantization } of weightsManifest[0].weights) {
    const size = shape.reduce((product, n) => product * n, 1);
    if (dtype === 'string') {
      const view = new DataView(bytes.buffer);
      const strings = [];
      for (let i = 0; i < size; i++) {
        const length = view.getUint32(offset, true);
        strings.push(Buffer.from(bytes.subarray(offset + 4, offset + 4 + length)).toString());
        offset += 4 + length;
      }
      weights.set(name, strings);
      continue;
    }
    const length = size * (quantization ? 1 : 4);
    const stored = bytes.subarray(offset, offset + length);
    offset += length;
    if (dtype !== 'float32') continue;
    const { scale = 0, min = 0 } = quantization ?? {};
    weights.set(
      name,
      quantization ? Float32Array.from(stored, (q) => q * scale + min) : new Float32Array(stored.slice().buffer),
    );
  }
  return weights;
}

/** max(0, x · kernel + bias), or without the max. */
function dense(x, kernel, bias, relu) {
  const y = Float32Array.from(bias);
  for (let i = 0; i < x.length; i++) {
    const xi = x[i];
    if (xi !== 0) for (let j = 0; j < y.length; j++) y[j] += xi * kernel[i * y.length + j];
  }
  return relu ? y.map((v) => Math.max(v, 0)) : y;
}

/**
 * @param {string} library name of the installed package
 * @returns {{ languages: string[], logits: (text: string) => Float32Array }}
 */
export function loadDetector(library) {
  const weights = readWeights(library);
  const embeddings = weights.get('dnn/input_from_feature_columns/input_layer/content_embedding/embedding_weights');
  const linear = weights.get('linear/linear_model/content/weights');
  const layer = (name) => [weights.get(`dnn/${name}/kernel`), weights.get(`dnn/${name}/bias`)];
  const languages = weights.get('head/predictions/class_string_lookup/Const') ?? weights.get('head/ExpandDims/input');
  const logits = (text) => {
    const bytes = Buffer.from(text);
    const pairs = Math.min(bytes.length - 1, PAIRS);
    const counts = new Uint32Array(BUCKETS);
    for (let i = 0; i < pairs; i++) counts[buckets()[(bytes[i] << 8) | bytes[i + 1]]]++;
    const mean = new Float64Array(EMBEDDING);
    const sum = Float64Array.from(weights.get('linear/linear_model/bias_weights'));
    for (let b = 0; b < BUCKETS; b++) {
      const n = counts[b];
      if (n === 0) continue;
      for (let j = 0; j < EMBEDDING; j++) mean[j] += (n / pairs) * embeddings[b * EMBEDDING + j];
      for (let c = 0; c < languages.length; c++) sum[c] += n * linear[b * languages.length + c];
    }
    const hidden = dense(dense(mean, ...layer('hiddenlayer_0'), true), ...layer('hiddenlayer_1'), true);
    return dense(hidden, ...layer('logits'), false).map((z, c) => z + sum[c]);
  };
  return { languages, logits };
}
