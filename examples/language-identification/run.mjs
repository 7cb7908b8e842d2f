// `npm start`: how well a real language identifier knows the world's languages, told by the focal-simd command.
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as simd from '../../dist/index.js';
import * as scalar from '../../dist/scalar.js';
import { prepare } from './data.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const command = join(here, '../../dist/cli.js');
const data = (name) => `data/${name}`;
const CALLS = 11;

const coloured = process.stdout.isTTY && process.stdout.hasColors();
const bold = (text) => (coloured ? `\x1b[1m${text}\x1b[22m` : text);
const dim = (text) => (coloured ? `\x1b[2m${text}\x1b[22m` : text);
const count = (n) => n.toLocaleString('en-US');

/** The command, as a user runs it; its standard output. */
function focal(...args) {
  return execFileSync(process.execPath, [command, ...args], { cwd: here, encoding: 'utf8' });
}

console.log(bold('\nA language identifier on the Universal Declaration of Human Rights'));
const { arrays, ...facts } = await prepare(join(here, 'data'));
console.log(`  model       fastText lid.176: ${facts.classes} languages`);
console.log(
  `  text        ${count(facts.paragraphs)} paragraphs of ${facts.translations} translations into ${facts.present} of them`,
);
console.log(`  left out    ${facts.withoutClass} translations into languages that the model does not have`);
console.log(
  `  predicted   in ${facts.seconds.toFixed(1)} s, written to ${facts.files.join(', ')} in examples/language-identification/data`,
);

/** Nanoseconds a logit of a forward call: the median, after one to warm up. */
function time(loss, logits, targets) {
  loss.forward(logits, targets);
  const calls = Array.from({ length: CALLS }, () => {
    const start = performance.now();
    loss.forward(logits, targets);
    return performance.now() - start;
  });
  return (calls.sort((a, b) => a - b)[CALLS >> 1] * 1e6) / logits.length;
}

// The softmax loss takes the logarithms of the model's probabilities, the one-vs-rest loss the log odds of each class.
const evaluations = [
  ['softmax', 'logits', 'none', []],
  ['softmax', 'logits', 'auto', ['--alpha', 'auto']],
  ['sigmoid', 'odds', '0.25', []],
  ['sigmoid', 'odds', 'auto', ['--alpha', 'auto']],
];

const head = ['loss', 'class weights', 'mean', 'sum', 'ns/logit', 'scalar twin', 'faster'];
const rows = evaluations.map(([name, file, weights, options]) => {
  const args = ['evaluate', data(`${file}.npy`), data('targets.npy'), '--loss', name, ...options, '--json'];
  const { config, metrics } = JSON.parse(focal(...args));
  const Loss = name === 'softmax' ? 'SoftmaxFocalLoss' : 'SigmoidFocalLoss';
  const alpha = name === 'softmax' && weights === 'none' ? null : config.positive;
  const [fast, slow] = [simd, scalar].map((api) => time(new api[Loss]({ alpha }), arrays[file], arrays.targets));
  return [
    name,
    weights,
    metrics.loss.mean.toFixed(6),
    metrics.loss.sum.toFixed(2),
    fast.toFixed(2),
    slow.toFixed(2),
    `${(slow / fast).toFixed(1)} ×`,
  ];
});
console.log(bold('\nBoth losses, without and with class weights'));
const widths = head.map((cell, c) => Math.max(cell.length, ...rows.map((row) => row[c].length)));
const line = (row) =>
  `  ${row.map((cell, c) => (c < 2 ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))).join('   ')}`;
console.log(dim(line(head)));
for (const row of rows) console.log(line(row));
console.log(dim(`  mean and sum by focal-simd evaluate; time of loss.forward, median of ${CALLS} calls, one thread`));

const args = ['evaluate', data('logits.npy'), data('targets.npy'), '--names', data('labels.txt')];
args.push(
  '--text',
  data('paragraphs.txt'),
  '--alpha',
  'auto',
  '--curves',
  '--bootstrap',
  '200',
  '--report',
  data('report.html'),
);
console.log(bold(`\nexamples/language-identification $ focal-simd ${args.join(' ')}\n`));
execFileSync(process.execPath, [command, ...args], { cwd: here, stdio: 'inherit' });
console.log(`\nThe page with diagrams: examples/language-identification/data/report.html\n`);
