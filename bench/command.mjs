/**
 * npm run bench:command [-- --samples N] [-- --classes C]
 *
 * The command against what else one would run on the same .npy files, as whole processes: wall time and peak memory of
 * each, start-up included. Python is python3 or what PYTHON names; what it lacks is named as absent. The files are in
 * the page cache, contenders take turns, medians are shown, and their numbers must agree. Linux alone tells the peak of
 * a process.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { makeData } from './data.mjs';

const { values: flags } = parseArgs({
  options: {
    samples: { type: 'string', default: '500000' },
    classes: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '3' },
  },
});
const [samples, classes, rounds] = [flags.samples, flags.classes, flags.rounds].map(Number);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'focal-simd-command-'));
const [logits, targets] = ['logits.npy', 'targets.npy'].map((name) => join(folder, name));

function npy(path, descr, shape, data) {
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`.padEnd(117);
  const head = Buffer.from(`\x93NUMPY\x01\0\x76\0${header}\n`, 'latin1');
  writeFileSync(path, Buffer.concat([head, Buffer.from(data.buffer, data.byteOffset, data.byteLength)]));
}

/** Three of four samples right, as of a model that works. */
function write() {
  const data = makeData({ layout: 'rows', batch: samples, classes, positions: 1 });
  data.targets.forEach((y, i) => {
    if (i % 4) data.logits[i * classes + y] += 8;
  });
  npy(logits, '<f4', `${samples}, ${classes}`, data.logits);
  npy(targets, '<i4', `${samples},`, data.targets);
}

/** Run a program to its end: what it prints, seconds, and its peak memory in MiB. */
function run([program, ...args]) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const printed = ['', ''];
    child.stdout.on('data', (text) => (printed[0] += text));
    child.stderr.on('data', (text) => (printed[1] += text));
    let peak = 0;
    const watch = setInterval(() => {
      try {
        const [, kilobytes] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
        peak = Math.max(peak, Number(kilobytes ?? 0) / 1024);
      } catch {
        // it has just ended, or this is no Linux
      }
    }, 3);
    child.on('error', reject);
    child.on('close', (code) => {
      clearInterval(watch);
      const seconds = (performance.now() - start) / 1000;
      if (code === 0) resolve({ output: JSON.parse(printed[0]), seconds, peak });
      else reject(new Error(printed[1].trim().split('\n').at(-1) ?? `exit code ${code}`));
    });
  });
}

/** The command's JSON in the form that the scripts print. */
const ours = ({ metrics }) => ({
  ...metrics,
  loss: metrics.loss.mean,
  top5: metrics.topK.find(({ k }) => k === 5).accuracy,
  hardest: metrics.hardest.map(({ index }) => index),
});
const python = process.env.PYTHON ?? 'python3';
const contenders = [
  ['focal-simd evaluate', [process.execPath, here('../dist/cli.js'), 'evaluate', logits, targets, '--json'], ours],
  ['numpy + scipy + scikit-learn', [python, here('python/evaluate.py'), logits, targets]],
  ['torch + torchmetrics, 1 thread', [python, here('python/evaluate_torch.py'), logits, targets, '1']],
  [
    `torch + torchmetrics, ${availableParallelism()} threads`,
    [python, here('python/evaluate_torch.py'), logits, targets],
  ],
];
const SAME = ['loss', 'crossEntropy', 'accuracy', 'balancedAccuracy', 'top5', 'macroF1', 'brier', 'ece', 'mce'];

try {
  write();
  const results = new Map();
  const absent = [];
  let reference;
  for (let round = 0; round < rounds; round++) {
    for (const [name, command, read = (output) => output] of contenders) {
      if (absent.some((other) => other.name === name)) continue;
      try {
        const { output, seconds, peak } = await run(command);
        const numbers = read(output);
        reference ??= numbers;
        for (const key of SAME) {
          const [got, expected] = [numbers[key], reference[key]];
          if (!(Math.abs(got - expected) < 1e-4)) throw new Error(`${key} is ${got}, not ${expected}`);
        }
        results.set(name, [...(results.get(name) ?? []), { seconds, peak }]);
      } catch (error) {
        absent.push({ name, reason: error.message });
        if (name === contenders[0][0]) throw error;
      }
    }
  }
  const median = (list, key) => list.map((one) => one[key]).sort((a, b) => a - b)[list.length >> 1];
  const megabytes = (readFileSync(logits).length / 1e6).toFixed(0);
  console.log(
    `[${samples}, ${classes}] float32, ${megabytes} MB in the page cache; ${cpus()[0].model}, ${cpus().length} processors\n`,
  );
  console.log('| whole process | wall time | peak memory | times as long |\n| --- | ---: | ---: | ---: |');
  const base = median(results.get(contenders[0][0]), 'seconds');
  for (const [name, list] of results) {
    const seconds = median(list, 'seconds');
    const cells = [
      name,
      `${seconds.toFixed(2)} s`,
      `${median(list, 'peak').toFixed(0)} MiB`,
      `${(seconds / base).toFixed(1)}×`,
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
  for (const { name, reason } of absent) console.log(`absent: ${name} (${reason})`);
  if (absent.some(({ reason }) => / is .*, not /.test(reason))) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
