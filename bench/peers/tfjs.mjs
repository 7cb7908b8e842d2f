/**
 * tfjs-core on its WebAssembly backend, one thread with SIMD. The logits lie in the backend's memory before the clock
 * starts, and so do index and sign tensors made of the labels.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const SMOOTHING = 1e-3;
const ALPHA = 0.25;

export async function loadTfjs(dir) {
  const require = createRequire(import.meta.url);
  const bundle = join(dir, 'tfjs.cjs');
  // The gradients are a module that only bundlers can read.
  await build({
    stdin: {
      contents: `
        import '@tensorflow/tfjs-core/dist/register_all_gradients';
        export * from '@tensorflow/tfjs-core';
        export { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';`,
      resolveDir: fileURLToPath(new URL('.', import.meta.url)),
    },
    outfile: bundle,
    bundle: true,
    platform: 'node',
    mainFields: ['module', 'main'],
    logLevel: 'error',
  });
  const tf = require(bundle);
  tf.setWasmPaths(join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')), '/'));
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  await tf.setBackend('wasm');
  await tf.ready();

  /** p, ce → mean focal loss of the softmax variant. */
  const focal = (ce) => tf.mean(tf.mul(tf.square(tf.sub(1, tf.exp(tf.neg(ce)))), ce));
  /** Loss terms of wrong classes with these logits. */
  const wrong = (z) => {
    const w = tf.add(tf.mul(tf.sigmoid(z), 1 - SMOOTHING), SMOOTHING / 2);
    return tf.mul(tf.square(w), tf.softplus(z));
  };

  return {
    name: 'tfjs-wasm',
    version: tf.version_core,
    modes: ['forward', 'value+grad'],
    async open({ loss, mode, data }) {
      const { batch, classes, positions, logits, targets } = data;
      const shape = positions > 1 ? [batch, classes, positions] : [batch, classes];
      const kept = [];
      const keep = (tensor) => {
        kept.push(tensor);
        return tensor;
      };
      const z = keep(tf.tensor(logits, shape));
      let evaluate;
      if (mode === 'forward') {
        // The label's own logit by gathering: the quickest, though without a gradient.
        const width = positions > 1 ? 3 : 2;
        const at = new Int32Array(targets.length * width);
        targets.forEach((y, n) => {
          at.set(positions > 1 ? [Math.floor(n / positions), y, n % positions] : [n, y], n * width);
        });
        const indices = keep(tf.tensor2d(at, [targets.length, width], 'int32'));
        evaluate = () => {
          const own = tf.gatherND(z, indices);
          if (loss === 'softmax') return focal(tf.sub(tf.reshape(tf.logSumExp(z, 1), [-1]), own));
          const others = tf.sub(tf.sum(wrong(z)), tf.sum(wrong(own)));
          const total = tf.add(tf.mul(others, 1 - ALPHA), tf.mul(tf.sum(wrong(tf.neg(own))), ALPHA));
          return tf.div(total, logits.length);
        };
      } else {
        const hot = new Float32Array(logits.length);
        targets.forEach((y, n) => {
          const b = Math.floor(n / positions);
          hot[(b * classes + y) * positions + (n % positions)] = 1;
        });
        const mask = keep(tf.tensor(hot, shape));
        let value;
        if (loss === 'softmax') {
          value = (x) => {
            const ce =
              positions > 1
                ? tf.sub(tf.logSumExp(x, 1), tf.sum(tf.mul(x, mask), 1))
                : tf.neg(tf.sum(tf.mul(tf.logSoftmax(x), mask), 1));
            return focal(ce);
          };
        } else {
          const sign = keep(tf.tidy(() => tf.sub(1, tf.mul(mask, 2))));
          const alpha = keep(tf.tidy(() => tf.add(1 - ALPHA, tf.mul(mask, 2 * ALPHA - 1))));
          value = (x) => tf.mean(tf.mul(alpha, wrong(tf.mul(x, sign))));
        }
        const both = tf.valueAndGrad(value);
        evaluate = () => both(z);
      }
      const call = (whole) =>
        tf.tidy(() => {
          const result = evaluate();
          if (mode === 'forward') return { value: result.dataSync()[0] };
          // Reading one number waits for nothing: this backend computes at once.
          return { value: result.value.dataSync()[0], grad: whole ? result.grad.dataSync().slice() : null };
        });
      return { check: () => call(true), run: () => call(false).value, close: () => tf.dispose(kept) };
    },
    close() {},
  };
}
