/**
 * What states take: `node scripts/state-sizes.mjs` prints the bytes of `toBytes()` after 20,000 samples, with `--write`
 * into docs/metrics.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SigmoidFocalLoss, SoftmaxFocalLoss } from '../dist/index.js';
import { FocalMeter } from '../dist/meter.js';

const [SAMPLES, BATCH] = [20_000, 1000];
const CLASSES = [2, 10, 100, 1000];
const KINDS = [
  ['softmax', SoftmaxFocalLoss, {}],
  ['softmax, `confusion`', SoftmaxFocalLoss, { confusion: true }],
  ['softmax, `curves`', SoftmaxFocalLoss, { curves: true }],
  ['softmax, `coverage`, `hardest: 10`', SoftmaxFocalLoss, { coverage: true, hardest: 10 }],
  ['softmax, `coverage`, `bootstrap: 100`', SoftmaxFocalLoss, { coverage: true, bootstrap: 100 }],
  ['sigmoid', SigmoidFocalLoss, {}],
  ['sigmoid, `curves`', SigmoidFocalLoss, { curves: true }],
];

/** Logits of a spread of 3 and labels, seeded; the state is the same in every run. */
function* batches(classes) {
  let state = 1;
  const uniform = () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 2 ** 31;
  };
  for (let from = 0; from < SAMPLES; from += BATCH) {
    const targets = Int32Array.from({ length: BATCH }, () => Math.floor(uniform() * classes));
    const logits = Float32Array.from({ length: BATCH * classes }, () => 6 * (uniform() + uniform() + uniform() - 1.5));
    for (const [i, y] of targets.entries()) logits[i * classes + y] += 4;
    yield [{ data: logits, dims: [BATCH, classes] }, targets];
  }
}

const sizes = KINDS.map(() => []);
for (const classes of CLASSES) {
  const meters = KINDS.map(([, Loss, options]) => new FocalMeter(new Loss(), { classes, ...options }));
  for (const [logits, targets] of batches(classes)) for (const meter of meters) meter.update(logits, targets);
  for (const [k, meter] of meters.entries()) sizes[k].push(meter.toBytes().length);
}
const shown = (bytes) =>
  bytes < 10_000 ? `${bytes} B` : bytes < 1e6 ? `${(bytes / 1000).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
const head = ['', ...CLASSES.map((classes) => `C = ${classes.toLocaleString('en-US')}`)];
const rows = KINDS.map(([name], k) => [name, ...sizes[k].map(shown)]);
const table = [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows]
  .map((row) => `| ${row.join(' | ')} |`)
  .join('\n');
console.log(table);

const BEGIN = '<!-- sizes: made by scripts/state-sizes.mjs -->\n';
const END = '<!-- end of sizes -->\n';
if (process.argv.includes('--write')) {
  const path = fileURLToPath(new URL('../docs/metrics.md', import.meta.url));
  const [before, rest] = readFileSync(path, 'utf8').split(BEGIN);
  writeFileSync(path, `${before}${BEGIN}\n${table}\n\n${END}${rest.split(END)[1]}`);
}
