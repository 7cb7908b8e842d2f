/** Seeded data: the same logits and labels in every run, and for every peer. */

/** Mulberry32, the one generator of all benchmarks: uniform in [0, 1). */
function uniform(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Normal numbers of mean 0. */
function normals(length, deviation, random) {
  return Float32Array.from({ length }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    return deviation * radius * Math.cos(2 * Math.PI * random());
  });
}

const labels = (length, classes, random) => Int32Array.from({ length }, () => Math.floor(random() * classes));

/** Logits drawn once; every cell is filled from them, so that only its shape sets a cell apart. */
const POOL = normals(1 << 18, 3, uniform(20171));

let logitsBuffer = new Float32Array(0);
let gradBuffers = {};
/** Who writes gradients in this process. */
const OURS = ['focal-simd', 'scalar', 'scalar loops'];

/**
 * Normal logits (standard deviation 3) of shape [batch, classes, positions] and uniform labels, with a
 * gradient array for each contender in this process. The arrays are views of buffers that the next call fills anew.
 */
export function makeData({ layout, batch, classes, positions }) {
  const size = batch * classes * positions;
  if (logitsBuffer.length < size) {
    logitsBuffer = new Float32Array(size);
    gradBuffers = Object.fromEntries(OURS.map((name) => [name, new Float32Array(size)]));
  }
  const logits = logitsBuffer.subarray(0, size);
  for (let at = 0; at < size; at += POOL.length) logits.set(POOL.subarray(0, Math.min(POOL.length, size - at)), at);
  const targets = labels(batch * positions, classes, uniform(classes));
  const grads = Object.fromEntries(
    Object.entries(gradBuffers).map(([name, buffer]) => [name, buffer.subarray(0, size)]),
  );
  return { layout, batch, classes, positions, logits, targets, grads };
}

/**
 * Rows of standard normal logits. Fitted: that of the true class is raised so that about 3 of 4 samples are right;
 * otherwise nearly all of many classes are wrong.
 */
export function makeRows(logitCount, classes, fitted) {
  const random = uniform(classes);
  const samples = Math.floor(logitCount / classes);
  const logits = normals(samples * classes, 1, random);
  const targets = labels(samples, classes, random);
  // the largest of C normal logits is about √(2 ln C)
  const lift = fitted ? Math.sqrt(2 * Math.log(classes)) + 0.5 : 0;
  for (let i = 0; i < samples; i++) logits[i * classes + targets[i]] += lift;
  return { logits, targets };
}
