// What groups cost: time of SlicedMeter.update over that of FocalMeter.update, 100 groups, C = 10, in paired rounds of one run.
// `node bench/slices-cost.mjs` prints the medians; the ratio is the median of the rounds' ratios.
import { SigmoidFocalLoss, SoftmaxFocalLoss } from '../dist/index.js';
import { FocalMeter } from '../dist/meter.js';
import { SlicedMeter } from '../dist/slices.js';
import { makeRows } from './data.mjs';

const [CLASSES, GROUPS, ROUNDS] = [10, 100, 20];
/** Updates of a round: samples wait until their group has some thousands, and each round is to have its share of that. */
const UPDATES = 6;
/** What the ratio should be at most. */
const MOST = 1.3;

const time = (call) => {
  const start = performance.now();
  for (let update = 0; update < UPDATES; update++) call();
  return (performance.now() - start) / UPDATES;
};
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

const { logits, targets } = makeRows(1 << 20, CLASSES, true);
const ids = Int32Array.from(targets, (_, i) => (Math.imul(i + 1, 0x9e3779b1) >>> 16) % GROUPS);
const kinds = { integers: ids, strings: Array.from(ids, (id) => `group ${id}`) };

console.log('loss     groups    one, ns/sample  sliced, ns/sample  ratio  target');
for (const Loss of [SoftmaxFocalLoss, SigmoidFocalLoss]) {
  for (const [kind, groups] of Object.entries(kinds)) {
    const one = new FocalMeter(new Loss(), { classes: CLASSES });
    const sliced = new SlicedMeter(new Loss(), { classes: CLASSES });
    const times = { one: [], sliced: [] };
    for (let round = -ROUNDS >> 2; round < ROUNDS; round++) {
      const calls = [
        ['one', () => one.update(logits, targets)],
        ['sliced', () => sliced.update(logits, targets, { groups })],
      ];
      if (round & 1) calls.reverse();
      // the first quarter warms up
      for (const [name, call] of calls) {
        const took = time(call);
        if (round >= 0) times[name].push(took);
      }
    }
    const perSample = (name) => ((median(times[name]) * 1e6) / targets.length).toFixed(1);
    const ratio = median(times.sliced.map((t, i) => t / times.one[i]));
    const columns = [Loss === SoftmaxFocalLoss ? 'softmax' : 'sigmoid', kind.padEnd(8), perSample('one').padStart(15)];
    console.log(columns.join('  '), perSample('sliced').padStart(18), ratio.toFixed(2).padStart(6), `  ≤ ${MOST}`);
  }
}
