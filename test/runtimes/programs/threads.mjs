// Three workers and the main thread run the corpus at once; then the workers share one logits buffer and write the
// gradients of their shares into another, as a data-parallel trainer would.
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { probe, SHORT } from './suite.js';

const SAMPLES = 300;
const CLASSES = 10;
const WORKERS = 3;
let api;
const load = async () => {
  api = await import('focal-simd');
  return api;
};
const loadMeter = () => import('focal-simd/meter');
const gradient = (...call) => new api.SoftmaxFocalLoss({ reduction: 'none' }).valueAndGrad(...call).grad;
const targets = Int32Array.from({ length: SAMPLES }, (_, i) => (i * 7) % CLASSES);

if (isMainThread) {
  const bytes = 4 * SAMPLES * CLASSES;
  const logits = new Float32Array(new SharedArrayBuffer(bytes));
  for (let i = 0; i < logits.length; i++) logits[i] = ((i * 2654435761) % 4096) / 512 - 4;
  const grad = new Float32Array(new SharedArrayBuffer(bytes));
  const workers = Array.from({ length: WORKERS }, (_, index) => {
    const worker = new Worker(new URL(import.meta.url));
    return new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.postMessage({ index, logits, grad });
    }).finally(() => worker.terminate());
  });
  const own = await probe(load, loadMeter, SHORT);
  const others = await Promise.all(workers);
  const whole = gradient(logits, targets);
  if (!whole.every((g, i) => Object.is(g, grad[i]))) throw new Error('gradients written by workers differ');
  for (const other of others) {
    if (other.sha256 !== own.sha256) throw new Error(`a worker's digest is ${other.sha256}, not ${own.sha256}`);
    if (other.backend !== own.backend) throw new Error(`a worker's backend is ${other.backend}`);
  }
  console.log(JSON.stringify(own));
} else {
  parentPort.once('message', async ({ index, logits, grad }) => {
    const share = SAMPLES / WORKERS;
    const [from, to] = [index * share, (index + 1) * share];
    const part = (array) => array.subarray(from * CLASSES, to * CLASSES);
    const report = await probe(load, loadMeter, SHORT);
    gradient(part(logits), targets.subarray(from, to), { grad: part(grad) });
    parentPort.postMessage(report);
  });
}
