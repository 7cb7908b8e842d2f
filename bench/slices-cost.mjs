// What groups cost: time of SlicedMeter.update over that of FocalMeter.update, 100 groups, C = 10, in paired rounds of
// one run. `node bench/slices-cost.mjs` prints the medians; the ratio is the median of the rounds' ratios.
import { SigmoidFocalLoss, SoftmaxFocalLoss } from '../dist/index.js';
import { FocalMeter } from '../dist/meter.js';
import { SlicedMeter } from '../dist/slices.js';
import { makeRows } from './data.mjs';
import { PairedRounds } from './measure.mjs';

const [CLASSES, GROUPS, ROUNDS] = [10, 100, 20];
/** Updates of a round: now and then one empties the blocks of groups, and each round is to have its share of that. */
const UPDATES = 6;
/** What the ratio should be at most. */
const MOST = 1.3;

const { logits, targets } = makeRows(1 << 20, CLASSES, true);
const ids = Int32Array.from(targets, (_, i) => (Math.imul(i + 1, 0x9e3779b1) >>> 16) % GROUPS);
const kinds = { integers: ids, strings: Array.from(ids, (id) => `group ${id}`) };

console.log('loss     groups    one, ns/sample  sliced, ns/sample  ratio  target');
for (const Loss of [SoftmaxFocalLoss, SigmoidFocalLoss]) {
  for (const [kind, groups] of Object.entries(kinds)) {
    const one = new FocalMeter(new Loss(), { classes: CLASSES });
    const sliced = new SlicedMeter(new Loss(), { classes: CLASSES });
    const calls = {
      one: () => one.update(logits, targets),
      sliced: () => sliced.update(logits, targets, { groups }),
    };
    const rounds = new PairedRounds(calls, UPDATES).run(ROUNDS);
    const perSample = (name) => rounds.nanoseconds(name, targets.length).toFixed(1);
    const ratio = rounds.ratio('sliced', 'one');
    const columns = [Loss === SoftmaxFocalLoss ? 'softmax' : 'sigmoid', kind.padEnd(8), perSample('one').padStart(15)];
    console.log(columns.join('  '), perSample('sliced').padStart(18), ratio.toFixed(2).padStart(6), `  ≤ ${MOST}`);
  }
}
