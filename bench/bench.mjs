/**
 * npm run bench [-- --short] [-- --no-peers] [-- --cells REGEX] [-- --json FILE]
 *
 * Needs `npm run build`; peers need `npm ci --prefix bench/peers` (and gcc, and python3 with torch), and are named as
 * absent without. A run of all cells writes bench/results.json and bench/results.svg; any other writes where --json
 * says, or to a temporary folder.
 */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Presets, SingleBar } from 'cli-progress';
import { allCells, shortCells } from './cells.mjs';
import { makeData } from './data.mjs';
import { arrayDifference, pin, quartile, takeTurns } from './measure.mjs';
import { meterCostApart } from './meter-cost.mjs';
import { loadPeers } from './peers/index.mjs';
import { drawPlot } from './plot.mjs';
import { printReport } from './report.mjs';
import { scalarLoops } from './scalar-loops.mjs';

/** Wasm instances made from here on: their memories are read at the end. Peers come later. */
const instances = [];
const { Instance } = WebAssembly;
WebAssembly.Instance = class extends Instance {
  constructor(...args) {
    super(...args);
    instances.push(this);
  }
};
const simd = await import('focal-simd');
const scalar = await import('focal-simd/scalar');
if (simd.backend() !== 'simd') throw new Error('the SIMD backend does not run here');
WebAssembly.Instance = Instance;

const { values: flags } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    'no-peers': { type: 'boolean', default: false },
    cells: { type: 'string' },
    json: { type: 'string' },
  },
});
const { short } = flags;
const scratch = mkdtempSync(join(tmpdir(), 'focal-simd-bench-'));

/**
 * Relative difference of the mean that a peer may have. The C code adds the losses of a sample in float32, up to 32,000
 * of them; the others add all of them one by one, up to 6.5 million.
 */
const TOLERANCE = {
  scalar: 5e-6,
  'C -msse4.1': 3e-5,
  'C -mavx2 -mfma': 3e-5,
  'scalar loops': 1e-5,
  'PyTorch eager': 1e-5,
};
const TOLERANCE_FLOAT32_SUM = 1e-2;
/**
 * Largest difference of a gradient, relative to its largest number; that of tfjs over 32,000 classes comes to 1.3e-5.
 */
const TOLERANCE_GRAD = 3e-5;

/** Our two backends as peers. */
function backend(name, api) {
  return {
    name,
    modes: ['forward', 'value+grad'],
    open({ loss, gamma, mode, data }) {
      const { batch, classes, positions, layout, logits, targets } = data;
      const Loss = loss === 'softmax' ? api.SoftmaxFocalLoss : api.SigmoidFocalLoss;
      const instance = new Loss({ gamma });
      const rows = layout === 'rows';
      const x = rows ? logits : { data: logits, dims: [batch, classes, positions] };
      const y = rows ? targets : { data: targets, dims: [batch, positions] };
      const run =
        mode === 'forward'
          ? () => ({ value: instance.forward(x, y) })
          : () => instance.valueAndGrad(x, y, { grad: data.grads[name] });
      return { check: run, run, close() {} };
    },
  };
}
/** Hand-written JavaScript. */
const loops = {
  name: 'scalar loops',
  modes: ['forward', 'value+grad'],
  open({ loss, gamma, mode, data }) {
    const grad = mode === 'forward' ? null : data.grads['scalar loops'];
    const run = () => scalarLoops(loss, data, gamma, grad);
    return { check: () => ({ value: run(), grad }), run, close() {} };
  },
};
const ours = backend('focal-simd', simd);
const twin = backend('scalar', scalar);

/** One cell: every contender's answer is held against ours, then all take turns. */
async function runCell(cell, others, limits) {
  const data = makeData(cell);
  const { loss, gamma, mode, logits } = cell;
  const sessions = [];
  const result = { ...cell, ns: {}, best: {}, difference: {}, failed: {} };
  try {
    let reference;
    for (const peer of [ours, twin, ...others]) {
      if (!peer.modes.includes(mode)) continue;
      let session;
      try {
        session = await peer.open({ loss, gamma, mode, data });
        sessions.push(session);
        const answer = await session.check();
        reference ??= answer;
        const difference = Math.abs(answer.value / reference.value - 1);
        const gradDifference = answer.grad ? arrayDifference(answer.grad, reference.grad) : 0;
        const allowed = TOLERANCE[peer.name] ?? TOLERANCE_FLOAT32_SUM;
        if (!(difference <= allowed) || !(gradDifference <= TOLERANCE_GRAD)) {
          throw new Error(`differs from ours: value by ${difference}, gradient by ${gradDifference}`);
        }
        result.difference[peer.name] = difference;
        session.name = peer.name;
        session.async = !([ours, twin, loops].includes(peer) || peer.name === 'tfjs-wasm');
      } catch (error) {
        result.failed[peer.name] = String(error.message).split('\n')[0];
      }
    }
    const samples = await takeTurns(
      sessions.filter((session) => session.name),
      limits,
    );
    for (const [name, ms] of samples) {
      result.ns[name] = (quartile(ms) * 1e6) / logits;
      result.best[name] = (Math.min(...ms) * 1e6) / logits;
    }
  } finally {
    for (const session of sessions) await session.close();
  }
  return result;
}

/** V8 compiles WebAssembly twice, the second time well: run each kind of call until that is over. */
function warmUp() {
  const cells = shortCells();
  const data = makeData({ ...cells[0], batch: 64, classes: 100, positions: 49 });
  const until = performance.now() + (short ? 50 : 3000);
  const shapes = [
    [64, 100, 49],
    [31360, 10, 1],
    [156800, 2, 1],
    [3136, 100, 1],
  ];
  do {
    for (const [batch, classes, positions] of shapes) {
      const targets = new Int32Array(batch * positions);
      for (const loss of ['softmax', 'sigmoid']) {
        for (const gamma of [2, 0.5, 1.7]) {
          for (const mode of ours.modes) {
            for (const peer of [ours, twin, loops]) {
              peer.open({ loss, gamma, mode, data: { ...data, batch, classes, positions, targets } }).run();
            }
          }
        }
      }
    }
  } while (performance.now() < until);
}

/** Nanoseconds of one call with one sample of 10 classes. */
async function callOverhead() {
  const data = makeData({ layout: 'rows', batch: 1, classes: 10, positions: 1 });
  const calls = short ? 100 : 20000;
  const results = [];
  for (const loss of ['softmax', 'sigmoid']) {
    for (const mode of ours.modes) {
      const contenders = [ours, twin].map((peer) => {
        const { run } = peer.open({ loss, gamma: 2, mode, data });
        return {
          name: peer.name,
          run() {
            for (let i = 0; i < calls; i++) run();
          },
        };
      });
      const samples = await takeTurns(contenders, { rounds: short ? 2 : 15, budget: 1e9 });
      const ns = Object.fromEntries([...samples].map(([name, ms]) => [name, (quartile(ms) * 1e6) / calls]));
      results.push({ loss, mode, ns });
    }
  }
  return results;
}

/** ns per logit by the size of one call: 4k to 64M logits. */
async function bySize() {
  const results = [];
  for (const classes of [10, 1000]) {
    for (const loss of ['softmax', 'sigmoid']) {
      for (const logits of short ? [4096] : [4096, 65536, 1 << 20, 1 << 24, 64e6]) {
        const batch = Math.round(logits / classes);
        const cell = {
          loss,
          layout: 'rows',
          classes,
          positions: 1,
          batch,
          logits: batch * classes,
          gamma: 2,
          mode: 'forward',
        };
        const { ns } = await runCell(cell, [], { rounds: logits < 1e6 ? 101 : 7, budget: 500 });
        results.push({ loss, classes, logits: cell.logits, ns });
      }
    }
  }
  return results;
}

/**
 * ns per logit by the length of the stream: the same 1e5 logits again and again. Short streams run one after another
 * until they have taken as long as one of 1e8, and all lengths take turns.
 */
async function byStream() {
  const results = [];
  const data = makeData({ layout: 'rows', batch: 1000, classes: 100, positions: 1 });
  for (const loss of ['softmax', 'sigmoid']) {
    const { run } = ours.open({ loss, gamma: 2, mode: 'forward', data });
    const lengths = short ? [1e5, 1e6] : [1e5, 1e6, 1e7, 1e8, 1e9];
    const total = (logits) => (short ? logits : Math.max(logits, 1e8));
    const streams = lengths.map((logits) => ({
      name: logits,
      run() {
        for (let i = 0; i < total(logits) / 1e5; i++) run();
      },
    }));
    const samples = await takeTurns(streams, { rounds: short ? 2 : 5, budget: 1e9 });
    for (const [logits, ms] of samples) results.push({ loss, logits, ns: (quartile(ms) * 1e6) / total(logits) });
  }
  return results;
}

const wanted = new RegExp(flags.cells ?? '');
const cells = (short ? shortCells() : allCells()).filter((cell) => wanted.test(cell.id));
if (cells.length === 0)
  throw new RangeError(`--cells expected to match a cell such as ${allCells()[0].id}, got ${flags.cells}`);
const usePeers = !short && !flags['no-peers'];
const pinned = pin();
const { peers, absent } = usePeers
  ? await loadPeers(scratch)
  : { peers: [], absent: [{ name: 'peers', reason: short ? 'left out of the short run' : 'left out on request' }] };

const bar = new SingleBar(
  {
    format: '{bar} {value}/{total} {what} {eta_formatted}',
    etaBuffer: 50,
    noTTYOutput: true,
    notTTYSchedule: 30000,
  },
  Presets.shades_classic,
);
const begun = Date.now();
const results = {
  date: new Date().toISOString(),
  short,
  machine: {
    cpu: cpus()[0].model,
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    pinned,
  },
  versions: {
    'focal-simd': JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version,
    node: process.versions.node,
    v8: process.versions.v8,
    ...Object.fromEntries(peers.map(({ name, version }) => [name, version])),
  },
  absent,
  cells: [],
};
warmUp();
bar.start(cells.length, 0, { what: '' });
for (const cell of cells) {
  bar.update({ what: cell.id });
  const others = [loops, ...(cell.peers ? peers : [])];
  const budget = cell.peers && usePeers ? 700 : 200;
  // The largest cells take seconds a round, and their check has warmed them.
  const large = cell.logits > 16e6;
  const limits = short ? { rounds: 2, budget: 0 } : { rounds: 9, budget, least: large ? 1 : 2, warm: !large, turn: 12 };
  results.cells.push(await runCell(cell, others, limits));
  bar.increment();
}
bar.update({ what: '' });
bar.stop();
if (!flags.cells) {
  results.overhead = await callOverhead();
  results.sizes = await bySize();
  results.stream = await byStream();
  results.meter = meterCostApart(short ? { logitCount: 4096, rounds: 4 } : {});
}
for (const peer of peers) peer.close();
results.wasmMemoryBytes = Math.max(...instances.map(({ exports }) => exports.memory.buffer.byteLength));
results.seconds = Math.round((Date.now() - begun) / 1000);

results.targets = printReport(results);
const whole = !short && !flags.cells && usePeers;
const json = resolve(
  flags.json ?? (whole ? fileURLToPath(new URL('results.json', import.meta.url)) : join(scratch, 'results.json')),
);
mkdirSync(dirname(json), { recursive: true });
// Four digits are more than the clock gives.
const digits = (_, value) =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
const compact = (values) => `[\n${values.map((value) => `    ${JSON.stringify(value, digits)}`).join(',\n')}\n  ]`;
const parts = Object.entries(results).map(
  ([key, value]) => `  ${JSON.stringify(key)}: ${Array.isArray(value) ? compact(value) : JSON.stringify(value)}`,
);
writeFileSync(json, `{\n${parts.join(',\n')}\n}\n`);
const svg = json.replace(/(\.json)?$/, '.svg');
writeFileSync(svg, drawPlot(results));
console.log(`\nwrote ${json} and ${svg} (${results.seconds} s)`);
const failures = results.cells.flatMap(({ id, failed }) =>
  Object.entries(failed).map(([name, why]) => `${id}: ${name} ${why}`),
);
if (failures.length > 0) {
  console.error(`\nleft out:\n${failures.join('\n')}`);
  if (failures.some((line) => line.includes('differs from ours'))) process.exitCode = 1;
}
