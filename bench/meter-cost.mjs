// What the metrics cost: time of FocalMeter.update over that of loss.forward, in paired rounds of one run. "Fitted":
// about 3 of 4 samples are right. "Random": nearly every sample is a miss and takes the longest way. Prints a table;
// asked by bench.mjs, with the options of `meterCost` as JSON for an argument, it prints the cells as JSON.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SigmoidFocalLoss, SoftmaxFocalLoss } from '../dist/index.js';
import { FocalMeter } from '../dist/meter.js';
import { makeRows } from './data.mjs';
import { PairedRounds } from './measure.mjs';

/** One cell, which is timed for some rounds now and some later. */
function cell(Loss, classes, data, logitCount) {
  const { logits, targets } = makeRows(logitCount, classes, data === 'fitted');
  const loss = new Loss();
  const meter = new FocalMeter(loss, { classes });
  const paired = new PairedRounds({
    loss: () => loss.forward(logits, targets),
    meter: () => meter.update(logits, targets),
  });
  return {
    run: (rounds) => paired.run(rounds),
    result() {
      const name = Loss === SoftmaxFocalLoss ? 'softmax' : 'sigmoid';
      const ns = (call) => paired.nanoseconds(call, logits.length);
      const ratio = paired.ratio('meter', 'loss');
      return { loss: name, classes, data, ns: { loss: ns('loss'), meter: ns('meter') }, ratio };
    },
  };
}

/** A noisy neighbour is to hit a few rounds of all cells rather than all rounds of a few. */
const PASSES = 4;

/**
 * All cells: `{ loss, classes, data, ns: { loss, meter }, ratio }`, medians, of the ratio that of the rounds' ratios.
 */
function meterCost({ logitCount = 1 << 20, rounds = 100 } = {}) {
  const cells = [SoftmaxFocalLoss, SigmoidFocalLoss].flatMap((Loss) =>
    ['fitted', 'random'].flatMap((data) => [10, 100, 1000].map((classes) => cell(Loss, classes, data, logitCount))),
  );
  for (let pass = 0; pass < PASSES; pass++) for (const { run } of cells) run(rounds / PASSES);
  return cells.map(({ result }) => result());
}

/** What a cell's ratio should be at most. */
export const mostOf = (classes) => (classes >= 100 ? 1.3 : 1.6);

/** All cells in a process of their own, which has nothing else in its caches and its heap. */
export function meterCostApart(options) {
  const script = fileURLToPath(import.meta.url);
  return JSON.parse(execFileSync(process.execPath, [script, JSON.stringify(options)], { encoding: 'utf8' }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [options] = process.argv.slice(2);
  if (options) {
    console.log(JSON.stringify(meterCost(JSON.parse(options))));
  } else {
    console.log('loss     classes  data    alone, ns/logit  metered, ns/logit  ratio  target');
    for (const { loss, classes, data, ns, ratio } of meterCost()) {
      const columns = [loss.padEnd(7), `${classes}`.padStart(8), ` ${data}`];
      columns.push(ns.loss.toFixed(2).padStart(16), ns.meter.toFixed(2).padStart(18), ratio.toFixed(2).padStart(6));
      console.log(columns.join(' '), `  ≤ ${mostOf(classes)}`);
    }
  }
}
