/** Which peers there are on this machine. */
import { loadLimit, loadTorch } from './child.mjs';

const LOADERS = [
  ['tfjs-wasm', async (dir) => (await import('./tfjs.mjs')).loadTfjs(dir)],
  ['onnxruntime-web', async () => (await import('./ort.mjs')).loadWeb()],
  ['onnxruntime-node', async () => (await import('./ort.mjs')).loadNode()],
  ['PyTorch eager', loadTorch],
  ['C -msse4.1', (dir) => loadLimit(false, dir)],
  ['C -mavx2 -mfma', (dir) => loadLimit(true, dir)],
];

/**
 * @param dir a folder for what peers compile and exchange
 * @returns `{ peers, absent }`; absent: `{ name, reason }`
 */
export async function loadPeers(dir) {
  const peers = [];
  const absent = [];
  for (const [name, load] of LOADERS) {
    try {
      peers.push(await load(dir));
    } catch (error) {
      absent.push({ name, reason: String(error.message).split('\n')[0] });
    }
  }
  return { peers, absent };
}
