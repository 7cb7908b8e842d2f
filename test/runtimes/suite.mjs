/** What every runtime runs, bundled into one file with the corpus: time the import and the first call, then digest. */
import { digestOf, sample } from './corpus.mjs';

export { CASES, digestOf, interleave, SHORT, sample, steps } from './corpus.mjs';

/**
 * @param {() => object | Promise<object>} load - imports or requires the losses
 * @param {() => object | Promise<object>} loadMeter - imports or requires the meter, and comparisons where they are digested, too;
 *   not timed
 * @param {number} [cases] - length of the corpus prefix; the whole by default
 */
export async function probe(load, loadMeter, cases) {
  const start = performance.now();
  const losses = await load();
  const imported = performance.now();
  const value = new losses.SoftmaxFocalLoss().forward(new Float32Array(10), [3]);
  const called = performance.now();
  if (!(Math.abs(value - 0.81 * Math.LN10) < 1e-5)) throw new Error(`loss of ten equal logits is ${value}`);
  const api = { ...losses, ...(await loadMeter()) };
  return {
    backend: api.backend(),
    importMs: imported - start,
    firstMs: called - imported,
    sample: sample(api),
    ...digestOf(api, cases),
  };
}
