// This build against another, such as a former one: `node bench/former.mjs ../other/dist`. Both run in this process,
// turn by turn, and what counts is the median over the rounds of the ratio of their processor times. Prints every cell
// that is slower than 5 %, then the geometric means; exits with 1 when there is such a cell. What seems to be slower is
// timed again, and longer.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as ours from '../dist/index.js';
import { makeData } from './data.mjs';
import { median, pin } from './measure.mjs';

const MOST = 1.05;
const ROUNDS = 15;
const LOGITS = 1 << 17;

const [other = '', filter = ''] = process.argv.slice(2);
const former = await import(pathToFileURL(resolve(other, 'index.js')).href);

/** Milliseconds of processor time. */
function time(call) {
  const start = process.cpuUsage();
  call();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

function cells() {
  const all = [];
  for (const loss of ['softmax', 'sigmoid']) {
    for (const [layout, positions] of [
      ['rows', 1],
      ['planes', 2],
      ['planes', 7],
      ['planes', 49],
      ['planes', 4096],
    ]) {
      for (const classes of [2, 3, 10, 21, 100, 1000]) {
        for (const gamma of [2, 0.5]) {
          for (const mode of ['forward', 'value+grad']) {
            const batch = Math.max(1, Math.round(LOGITS / (classes * positions)));
            const shape = layout === 'rows' ? 'rows' : `planes D=${positions}`;
            const id = `${loss}/${shape}/C=${classes}/gamma=${gamma}/${mode}`;
            if (id.includes(filter)) all.push({ id, loss, layout, classes, positions, batch, gamma, mode });
          }
        }
      }
    }
  }
  return all;
}

/** One call of a build, on tensors that are made anew for each cell. */
function runner({ SoftmaxFocalLoss, SigmoidFocalLoss }, cell, data) {
  const loss = new (cell.loss === 'softmax' ? SoftmaxFocalLoss : SigmoidFocalLoss)({ gamma: cell.gamma });
  const { batch, classes, positions } = data;
  const planes = cell.layout === 'planes';
  const logits = { data: data.logits, dims: planes ? [batch, classes, positions] : [batch, classes] };
  const targets = planes ? { data: data.targets, dims: [batch, positions] } : data.targets;
  const grad = new Float32Array(data.logits.length);
  if (cell.mode === 'forward') return () => loss.forward(logits, targets);
  return () => loss.valueAndGrad(logits, targets, { grad });
}

function ratio(cell, rounds) {
  const data = makeData(cell);
  const calls = [runner(ours, cell, data), runner(former, cell, data)];
  // turns of a millisecond or more
  for (let i = 0; i < 3; i++) for (const call of calls) call();
  const turn = Math.max(1, Math.ceil(2 / Math.max(0.05, time(calls[1]))));
  const ratios = [];
  for (let round = 0; round < rounds; round++) {
    const times = [0, 0];
    for (const i of round & 1 ? [1, 0] : [0, 1]) {
      times[i] = time(() => {
        for (let k = 0; k < turn; k++) calls[i]();
      });
    }
    ratios.push(times[0] / times[1]);
  }
  return median(ratios);
}

pin();
const results = cells().map((cell) => ({ ...cell, ratio: ratio(cell, ROUNDS) }));
for (const rounds of [4 * ROUNDS, 8 * ROUNDS]) {
  for (const result of results) if (result.ratio > MOST) result.ratio = ratio(result, rounds);
}
const slower = results.filter((result) => result.ratio > MOST);
for (const { id, ratio } of slower) console.log(`${ratio.toFixed(3)}  ${id}`);
for (const mode of ['forward', 'value+grad']) {
  const own = results.filter((result) => result.mode === mode);
  if (own.length === 0) continue;
  const mean = Math.exp(own.reduce((sum, result) => sum + Math.log(result.ratio), 0) / own.length);
  const most = own.reduce((a, b) => (b.ratio > a.ratio ? b : a));
  console.log(
    `${mode}: ${own.length} cells, ${mean.toFixed(3)} of the other's time, at most ${most.ratio.toFixed(3)} (${most.id})`,
  );
}
process.exitCode = slower.length > 0 ? 1 : 0;
