// What the metrics cost: time of FocalMeter.update over that of loss.forward, in paired rounds of one run.
// Seeded logits, standard normal; that of the true class is raised so that about 3 of 4 samples are right ("fitted"), or not
// at all ("random"), where nearly every sample is a miss and takes the longest way.
import { fileURLToPath } from 'node:url';
import { SigmoidFocalLoss, SoftmaxFocalLoss } from '../dist/index.js';
import { FocalMeter } from '../dist/meter.js';

function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function batch(logitCount, classes, fitted) {
  const random = generator(classes);
  const n = Math.floor(logitCount / classes);
  const logits = Float32Array.from({ length: n * classes }, () => {
    return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  });
  const targets = Int32Array.from({ length: n }, () => Math.floor(random() * classes));
  if (fitted) {
    // the largest of C normal logits is about √(2 ln C)
    const lift = Math.sqrt(2 * Math.log(classes)) + 0.5;
    for (let i = 0; i < n; i++) logits[i * classes + targets[i]] += lift;
  }
  return { logits, targets, n };
}

const time = (call) => {
  const start = performance.now();
  call();
  return performance.now() - start;
};
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** One cell: median times in ns a logit, and the median of the rounds' ratios. */
function cell(Loss, classes, fitted, { logitCount, rounds }) {
  const { logits, targets } = batch(logitCount, classes, fitted);
  const loss = new Loss();
  const meter = new FocalMeter(loss, { classes });
  const alone = [];
  const metered = [];
  for (let round = 0; round < rounds; round++) {
    const both = [() => alone.push(time(() => loss.forward(logits, targets)))];
    both.push(() => metered.push(time(() => meter.update(logits, targets))));
    if (round & 1) both.reverse();
    for (const call of both) call();
  }
  const warm = rounds >> 2;
  const ratios = metered.slice(warm).map((t, i) => t / alone[warm + i]);
  const nanoseconds = (times) => (median(times.slice(warm)) * 1e6) / logits.length;
  return { ns: { loss: nanoseconds(alone), meter: nanoseconds(metered) }, ratio: median(ratios) };
}

/** All cells: `{ loss, classes, data, ns: { loss, meter }, ratio }`. */
export function meterCost({ logitCount = 1 << 20, rounds = 100 } = {}) {
  const results = [];
  for (const Loss of [SoftmaxFocalLoss, SigmoidFocalLoss]) {
    for (const data of ['fitted', 'random']) {
      for (const classes of [10, 100, 1000]) {
        const loss = Loss === SoftmaxFocalLoss ? 'softmax' : 'sigmoid';
        results.push({ loss, classes, data, ...cell(Loss, classes, data === 'fitted', { logitCount, rounds }) });
      }
    }
  }
  return results;
}

/** What a cell's ratio should be at most. */
export const mostOf = (classes) => (classes >= 100 ? 1.3 : 1.6);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log('loss     classes  data    alone, ns/logit  metered, ns/logit  ratio  target');
  for (const { loss, classes, data, ns, ratio } of meterCost()) {
    const columns = [loss.padEnd(7), `${classes}`.padStart(8), ` ${data}`];
    columns.push(ns.loss.toFixed(2).padStart(16), ns.meter.toFixed(2).padStart(18), ratio.toFixed(2).padStart(6));
    console.log(columns.join(' '), `  ≤ ${mostOf(classes)}`);
  }
}
