/**
 * How often intervals of 95 % hold what they claim: simulations with a known truth, which are samples drawn with
 * replacement from a population whose metrics are counted. `npm run test:slow` prints the table and fails where the
 * share of intervals that hold the truth is not between 93 and 97 %; `--write` puts it into docs/numerics.md. Seeded:
 * the same numbers every time.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SigmoidFocalLoss, SoftmaxFocalLoss } from '../dist/index.js';
import { FocalMeter } from '../dist/meter.js';

const SIMULATIONS = 2000;
const POPULATION = 100_000;
const [LEAST, MOST] = [0.93, 0.97];

/** A small generator (mulberry32); the numbers are the same in every run. */
function generator(seed) {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
}

/** Rows of logits, of each class a normal distribution around `lift` for the true one. */
function populationOf(rates, lift, seed) {
  const { uniform, normal } = generator(seed);
  const classes = rates.length;
  const targets = new Int32Array(POPULATION);
  const logits = new Float32Array(POPULATION * classes);
  for (let i = 0; i < POPULATION; i++) {
    let rest = uniform();
    let y = 0;
    while (y < classes - 1 && rest >= rates[y]) rest -= rates[y++];
    targets[i] = y;
    for (let c = 0; c < classes; c++)
      logits[i * classes + c] = 1.5 * normal() + (c === y ? lift : 0) + Math.log(rates[c]);
  }
  return { logits, targets, classes };
}

const overall = (name) => [name, (report) => ({ value: report[name], interval: report.intervals?.[name] })];
const ofClass = (c, name) => [
  `${name} of class ${c}`,
  ({ perClass }) => ({ value: perClass[c][name], interval: perClass[c].intervals?.[name] }),
];
const loss = ['loss', ({ loss, intervals }) => ({ value: loss.mean, interval: intervals?.loss })];
const top = (k) => [
  `top-${k} accuracy`,
  ({ topK }) => ({
    value: topK.find((one) => one.k === k).accuracy,
    interval: topK.find((one) => one.k === k).interval,
  }),
];
const mean = (of, name) => [
  `${of}.${name}`,
  (report) => ({ value: report[of][name], interval: report.intervals?.[`${of}.${name}`] }),
];

// every class has at least 30 samples on average; proportions have np and n(1 − p) of at least 10
const counted = [loss, overall('crossEntropy'), overall('brier'), overall('accuracy')];
const alike = populationOf([1 / 3, 1 / 3, 1 / 3], 2.5, 1);
const SCENARIOS = [
  {
    name: 'softmax, 3 classes alike, n = 150',
    Loss: SoftmaxFocalLoss,
    population: alike,
    n: 150,
    options: { bootstrap: 200, topK: [1, 2] },
    metrics: [
      ...[overall('crossEntropy'), overall('brier'), overall('accuracy'), top(1), ofClass(0, 'recall')],
      ...[overall('macroF1'), overall('balancedAccuracy'), mean('macro', 'precision')],
    ],
  },
  {
    name: 'softmax, 3 classes alike, n = 400',
    Loss: SoftmaxFocalLoss,
    population: alike,
    n: 400,
    options: {},
    metrics: counted,
  },
  {
    name: 'softmax, 60, 30 and 10 %, n = 400',
    Loss: SoftmaxFocalLoss,
    population: populationOf([0.6, 0.3, 0.1], 2.5, 2),
    n: 400,
    options: { bootstrap: 200, curves: true },
    metrics: [
      ...[...counted, ofClass(1, 'precision'), ofClass(2, 'recall')],
      ...[overall('macroF1'), overall('balancedAccuracy'), overall('kappa'), ofClass(0, 'auroc'), ofClass(1, 'auroc')],
    ],
  },
  {
    name: 'sigmoid, 50, 30 and 20 %, n = 200',
    Loss: SigmoidFocalLoss,
    population: populationOf([0.5, 0.3, 0.2], 2, 4),
    n: 200,
    options: { curves: true },
    metrics: [
      ...[
        ...counted,
        overall('subsetAccuracy'),
        ofClass(0, 'accuracy'),
        ofClass(1, 'specificity'),
        ofClass(2, 'prevalence'),
      ],
      ...[ofClass(0, 'auroc'), ofClass(1, 'auroc'), ofClass(2, 'auroc')],
    ],
  },
];

function meterOf({ Loss, population: { classes }, options }, more) {
  return new FocalMeter(new Loss(), { classes, coverage: true, ...options, ...more });
}

/** The share of simulations in which each metric's interval holds its value in the population. */
function coverageOf(scenario, seed) {
  const { population, n, metrics } = scenario;
  const { logits, targets, classes } = population;
  const whole = meterOf(scenario, { bootstrap: 0 });
  whole.update({ data: logits, dims: [POPULATION, classes] }, targets);
  const truth = whole.compute();
  const { uniform } = generator(seed);
  const held = metrics.map(() => 0);
  const z = new Float32Array(n * classes);
  const y = new Int32Array(n);
  for (let k = 0; k < SIMULATIONS; k++) {
    for (let i = 0; i < n; i++) {
      const from = Math.floor(uniform() * POPULATION);
      y[i] = targets[from];
      for (let c = 0; c < classes; c++) z[i * classes + c] = logits[from * classes + c];
    }
    const meter = meterOf(scenario, scenario.options.bootstrap ? { seed: k } : {});
    meter.update({ data: z, dims: [n, classes] }, y);
    const report = meter.compute({ confidence: 0.95 });
    for (const [j, [, find]] of metrics.entries()) {
      const { interval } = find(report);
      const { value } = find(truth);
      if (interval && interval[0] <= value && value <= interval[1]) held[j]++;
    }
  }
  return metrics.map(([name], j) => ({ name, truth: metrics[j][1](truth).value, share: held[j] / SIMULATIONS }));
}

const BEGIN = '<!-- coverage: made by scripts/coverage.mjs -->\n';
const END = '<!-- end of coverage -->\n';
const percent = (x) => `${(100 * x).toFixed(1)} %`;

const rows = [];
let failed = 0;
for (const [k, scenario] of SCENARIOS.entries()) {
  console.log(scenario.name);
  for (const { name, truth, share } of coverageOf(scenario, 100 + k)) {
    const good = share >= LEAST && share <= MOST;
    if (!good) failed++;
    console.log(
      `  ${name.padEnd(28)} ${truth.toFixed(4).padStart(8)} ${percent(share).padStart(8)} ${good ? '' : '  out of 93–97 %'}`,
    );
    rows.push(`| ${scenario.name} | \`${name}\` | ${truth.toFixed(4)} | ${percent(share)} |`);
  }
}
if (process.argv.includes('--write')) {
  const path = fileURLToPath(new URL('../docs/numerics.md', import.meta.url));
  const text = readFileSync(path, 'utf8');
  const [before, rest] = text.split(BEGIN);
  const [, after] = rest.split(END);
  const head = '| simulation | metric | truth | intervals that hold it |\n| --- | --- | --- | --- |';
  writeFileSync(path, `${before}${BEGIN}\n${head}\n${rows.join('\n')}\n\n${END}${after}`);
}
console.log(failed > 0 ? `${failed} of ${rows.length} are out of 93–97 %` : `all ${rows.length} within 93–97 %`);
process.exitCode = failed > 0 ? 1 : 0;
