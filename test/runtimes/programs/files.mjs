// Files on worker threads: the state of three threads is that of one, byte for byte, and a bad label is told with its sample.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { evaluateFiles } from 'focal-simd/node';
import { probe, SHORT } from './suite.js';

const SAMPLES = 50_000;
const CLASSES = 10;
const BAD = 49_000;

const folder = mkdtempSync(join(import.meta.dirname, 'files-'));
function npy(name, descr, shape, data) {
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`.padEnd(117);
  const bytes = new Uint8Array(128 + data.byteLength);
  bytes.set(Uint8Array.from(`\x93NUMPY\x01\0\x76\0${header}\n`, (character) => character.charCodeAt(0)));
  bytes.set(new Uint8Array(data.buffer), 128);
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

try {
  const labels = Int32Array.from({ length: SAMPLES }, (_, i) => (i * 7) % CLASSES);
  const data = Float32Array.from({ length: SAMPLES * CLASSES }, (_, i) => ((i * 2654435761) % 4096) / 512 - 4);
  const logits = npy('logits.npy', '<f4', `${SAMPLES}, ${CLASSES}`, data);
  const targets = npy('targets.npy', '<i4', `${SAMPLES},`, labels);
  const evaluate = (targets, jobs) => evaluateFiles({ logits, targets }, { loss: { name: 'softmax' }, jobs });

  const one = await evaluate(targets, 1);
  const three = await evaluate(targets, 3);
  if (three.jobs !== 3) throw new Error(`${three.jobs} threads evaluated, not 3`);
  const [expected, state] = [one.meter.toBytes(), three.meter.toBytes()];
  if (state.length !== expected.length || !state.every((byte, i) => byte === expected[i]))
    throw new Error('three threads gave another state than one');

  labels[BAD] = CLASSES;
  const message = await evaluate(npy('bad.npy', '<i4', `${SAMPLES},`, labels), 3).then(
    () => 'nothing',
    (error) => error.message,
  );
  if (!message.includes(String(BAD))) throw new Error(`of a bad label in sample ${BAD} it says: ${message}`);
} finally {
  rmSync(folder, { recursive: true });
}
console.log(
  JSON.stringify(
    await probe(
      () => import('focal-simd'),
      () => import('focal-simd/meter'),
      SHORT,
    ),
  ),
);
