/**
 * onnxruntime on the graphs of onnx.mjs, one thread: in WebAssembly (onnxruntime-web) and native (onnxruntime-node).
 */
import { createRequire } from 'node:module';
import { focalGraph } from './onnx.mjs';

const require = createRequire(import.meta.url);

async function load(name) {
  const runtime = await import(name);
  const ort = runtime.InferenceSession ? runtime : runtime.default;
  if (name === 'onnxruntime-web') ort.env.wasm.numThreads = 1;
  // Without it every session tells of its graph's folded constants.
  ort.env.logLevel = 'error';
  const { version } = JSON.parse(
    require('node:fs').readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url)),
  );
  return {
    name,
    version,
    modes: ['forward'],
    async open({ loss, data }) {
      const { batch, classes, positions, logits, targets } = data;
      const session = await ort.InferenceSession.create(focalGraph(loss, data), {
        executionProviders: [name === 'onnxruntime-web' ? 'wasm' : 'cpu'],
        intraOpNumThreads: 1,
        interOpNumThreads: 1,
        graphOptimizationLevel: 'all',
      });
      const tail = positions > 1 ? [positions] : [];
      const feeds = {
        logits: new ort.Tensor('float32', logits, [batch, classes, ...tail]),
        labels: new ort.Tensor('int64', BigInt64Array.from(targets, BigInt), [batch, 1, ...tail]),
      };
      const run = async () => (await session.run(feeds))[session.outputNames[0]].data[0];
      return { check: async () => ({ value: await run() }), run, close: () => session.release() };
    },
    close() {},
  };
}

export const loadWeb = () => load('onnxruntime-web');
export const loadNode = () => load('onnxruntime-node');
