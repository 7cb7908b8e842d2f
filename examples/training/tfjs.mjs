// TensorFlow.js for plain Node: tfjs-core with all its gradients and the backend in JavaScript. A bundler takes the three
// lines below as they are; Node cannot, as the module that registers the gradients is ESM in a CommonJS package.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const bundle = new URL('../../build/tfjs.cjs', import.meta.url);
await build({
  stdin: {
    contents: `
      export * from '@tensorflow/tfjs-core';
      import '@tensorflow/tfjs-core/dist/register_all_gradients';
      import '@tensorflow/tfjs-backend-cpu';`,
    resolveDir: fileURLToPath(new URL('.', import.meta.url)),
  },
  outfile: fileURLToPath(bundle),
  bundle: true,
  platform: 'node',
  mainFields: ['module', 'main'],
  logLevel: 'error',
});

/** The namespace `tf`. */
export const tf = (await import(bundle.href)).default;
// production mode: no advice on standard output to install a native backend
tf.enableProdMode();
await tf.ready();
