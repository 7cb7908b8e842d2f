/**
 * npm run bench:jobs [-- --samples N] [-- --classes C] [-- --jobs 1,2,4] [-- --rounds R]
 *
 * evaluateFiles by so many worker threads over one pair of .npy files in the page cache: wall time, start of the
 * threads included, as medians of rounds in which all counts take turns. The states must be the same to the byte.
 */
import { mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { evaluateFiles } from 'focal-simd/node';
import { makeData } from './data.mjs';
import { median } from './measure.mjs';

const processors = availableParallelism();
const counts = [1, 2, 4, 8, 16, 32].filter((n) => n <= Math.max(2, processors));
const { values: flags } = parseArgs({
  options: {
    samples: { type: 'string', default: '1600000' },
    classes: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '5' },
    jobs: { type: 'string', default: counts.join() },
    loss: { type: 'string', default: 'softmax' },
  },
});
const [samples, classes, rounds] = [flags.samples, flags.classes, flags.rounds].map(Number);
const jobs = flags.jobs.split(',').map(Number);
const folder = mkdtempSync(join(tmpdir(), 'focal-simd-jobs-'));
const [logits, targets] = ['logits.npy', 'targets.npy'].map((name) => join(folder, name));

/** One block of random numbers, written until the file has so many samples. */
function npy(path, descr, shape, block) {
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`.padEnd(117);
  const file = openSync(path, 'w');
  writeSync(file, Buffer.from(`\x93NUMPY\x01\0\x76\0${header}\n`, 'latin1'));
  const bytes = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
  const each = bytes.length / BLOCK;
  for (let i = 0; i < samples; i += BLOCK) writeSync(file, bytes.subarray(0, each * Math.min(BLOCK, samples - i)));
}

const BLOCK = 20_000;
const data = makeData({ batch: BLOCK, classes, positions: 1, layout: 'rows' });
npy(logits, '<f4', `${samples}, ${classes}`, data.logits);
npy(targets, '<i4', `${samples},`, Int32Array.from(data.targets));

const times = new Map(jobs.map((n) => [n, []]));
let state;
for (let round = 0; round < rounds; round++) {
  for (const n of jobs) {
    const start = performance.now();
    const { meter } = await evaluateFiles({ logits, targets }, { loss: { name: flags.loss }, meter: {}, jobs: n });
    times.get(n).push((performance.now() - start) / 1000);
    const bytes = Buffer.from(meter.toBytes());
    state ??= bytes;
    if (!state.equals(bytes)) throw new Error(`${n} threads gave another state than ${jobs[0]}`);
  }
}
rmSync(folder, { recursive: true });

const one = median(times.get(jobs[0]));
const gigabytes = (samples * (4 * classes + 4)) / 1e9;
console.log(`${cpus()[0].model}, ${processors} processors, Node ${process.version}`);
console.log(
  `${flags.loss} [${samples}, ${classes}], ${gigabytes.toFixed(2)} GB, medians of ${rounds} rounds; all states the same bytes\n`,
);
console.log('| threads | seconds | GB/s | × |\n|---:|---:|---:|---:|');
for (const n of jobs) {
  const seconds = median(times.get(n));
  console.log(`| ${n} | ${seconds.toFixed(3)} | ${(gigabytes / seconds).toFixed(2)} | ${(one / seconds).toFixed(2)} |`);
}
