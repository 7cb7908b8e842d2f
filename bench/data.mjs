/** Seeded data: the same logits and labels in every run, and for every peer. */

/** Mulberry32: uniform in [0, 1). */
function uniform(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Logits drawn once; every cell is filled from them, so that only its shape sets a cell apart. */
const POOL = (() => {
  const random = uniform(20171);
  return Float32Array.from({ length: 1 << 18 }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    return 3 * radius * Math.cos(2 * Math.PI * random());
  });
})();

let logitsBuffer = new Float32Array(0);
let gradBuffers = {};

/**
 * Normal logits (standard deviation 3) of shape [batch, classes, positions] and uniform labels, with a
 * gradient array for each of our backends. The arrays are views of buffers that the next call fills anew.
 */
export function makeData({ layout, batch, classes, positions }) {
  const size = batch * classes * positions;
  if (logitsBuffer.length < size) {
    logitsBuffer = new Float32Array(size);
    gradBuffers = { 'focal-simd': new Float32Array(size), scalar: new Float32Array(size) };
  }
  const logits = logitsBuffer.subarray(0, size);
  for (let at = 0; at < size; at += POOL.length) logits.set(POOL.subarray(0, Math.min(POOL.length, size - at)), at);
  const random = uniform(classes);
  const targets = Int32Array.from({ length: batch * positions }, () => Math.floor(random() * classes));
  const grads = Object.fromEntries(
    Object.entries(gradBuffers).map(([name, buffer]) => [name, buffer.subarray(0, size)]),
  );
  return { layout, batch, classes, positions, logits, targets, grads };
}
