// What pairing costs: time of FocalComparison.update over that of the updates of two meters, one a side, in paired
// rounds of one run. `node bench/compare-cost.mjs` prints the medians; the ratio is the median of the rounds' ratios.
import { FocalComparison } from '../dist/compare.js';
import { SigmoidFocalLoss, SoftmaxFocalLoss } from '../dist/index.js';
import { FocalMeter } from '../dist/meter.js';
import { makeRows } from './data.mjs';
import { PairedRounds } from './measure.mjs';

const ROUNDS = 100;
/** What the ratio should be at most. */
const MOST = 1.35;

console.log('loss     classes  two meters, ns/logit  comparison, ns/logit  ratio  target');
for (const Loss of [SoftmaxFocalLoss, SigmoidFocalLoss]) {
  for (const classes of [2, 10, 100, 1000]) {
    const { logits: baseline, targets } = makeRows(1 << 20, classes, true);
    // as a quantised model has them: near, some predictions others
    const candidate = baseline.map((z) => Math.round(z * 8) / 8);
    const comparison = new FocalComparison(new Loss(), { classes });
    const meters = [new FocalMeter(new Loss(), { classes }), new FocalMeter(new Loss(), { classes })];
    const rounds = new PairedRounds({
      meters: () => void meters.map((meter, side) => meter.update([baseline, candidate][side], targets)),
      comparison: () => comparison.update(baseline, candidate, targets),
    }).run(ROUNDS);
    const perLogit = (name) => rounds.nanoseconds(name, 2 * baseline.length).toFixed(2);
    const ratio = rounds.ratio('comparison', 'meters');
    const columns = [Loss === SoftmaxFocalLoss ? 'softmax' : 'sigmoid', `${classes}`.padStart(7)];
    columns.push(perLogit('meters').padStart(20), perLogit('comparison').padStart(20), ratio.toFixed(2).padStart(5));
    console.log(columns.join('  '), `  ≤ ${MOST}`);
  }
}
