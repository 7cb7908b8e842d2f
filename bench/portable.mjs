/**
 * The short benchmark, in whatever runtime it is loaded: 18 cells, each forward and with the gradient, against
 * hand-written scalar loops in that runtime. Plain ECMAScript with no host API but a clock.
 */
import { makeData } from './data.mjs';
import { scalarLoops } from './scalar-loops.mjs';

const LOGITS = 1 << 17;

/** [classes, positions]; rows where there is one position. */
const SHAPES = [
  [2, 1],
  [3, 1],
  [10, 1],
  [21, 1],
  [100, 1],
  [1000, 1],
  [3, 49],
  [21, 49],
  [21, 4096],
];

/** `{ id, loss, classes, positions, batch, logits, mode }` */
export const PORTABLE_CELLS = ['softmax', 'sigmoid'].flatMap((loss) =>
  ['forward', 'value+grad'].flatMap((mode) =>
    SHAPES.map(([classes, positions]) => {
      const batch = Math.max(1, Math.round(LOGITS / (classes * positions)));
      const shape = positions === 1 ? 'rows' : `planes D=${positions}`;
      const id = `${loss}/${shape}/C=${classes}/${mode}`;
      return { id, loss, classes, positions, batch, logits: batch * classes * positions, mode };
    }),
  ),
);

/**
 * Both contenders of a cell, held against each other before anything is timed.
 *
 * @param api with SoftmaxFocalLoss and SigmoidFocalLoss
 * @returns `{ ours, loops }`: functions that make so many calls
 * @throws Error where they differ
 */
export function openCell(api, cell) {
  const { loss, classes, positions, batch, logits, mode } = cell;
  const data = makeData(cell);
  const instance = new (loss === 'softmax' ? api.SoftmaxFocalLoss : api.SigmoidFocalLoss)();
  const [mine, theirs] = mode === 'forward' ? [null, null] : [new Float32Array(logits), new Float32Array(logits)];
  const input = { data: data.logits, dims: positions === 1 ? [batch, classes] : [batch, classes, positions] };
  const targets = { data: data.targets, dims: positions === 1 ? [batch] : [batch, positions] };
  const one = {
    ours: mine
      ? () => instance.valueAndGrad(input, targets, { grad: mine }).value
      : () => instance.forward(input, targets),
    loops: () => scalarLoops(loss, data, 2, theirs),
  };
  const [a, b] = [one.ours(), one.loops()];
  if (!(Math.abs(a / b - 1) < 1e-5)) throw new Error(`${cell.id}: ${a} is not ${b}`);
  if (mine) {
    const far = mine.findIndex((g, i) => !(Math.abs(g - theirs[i]) <= 1e-5 * Math.abs(theirs[i]) + 1e-6 / batch));
    if (far >= 0) throw new Error(`${cell.id}: gradient ${far} is ${mine[far]}, not ${theirs[far]}`);
  }
  const times = (call) => (count) => {
    for (let i = 0; i < count; i++) call();
  };
  return { ours: times(one.ours), loops: times(one.loops) };
}

const median = (values) => Float64Array.from(values).sort()[values.length >> 1];

/**
 * Time one cell: both contenders take turns, as long as the clock needs to tell.
 *
 * @param contenders `{ ours, loops }`: (count) => ms that so many calls take, possibly a promise
 * @param turn ms a turn takes at least
 * @returns `{ ns: { ours, loops }, ratio }`: medians, of the ratio that of the rounds
 */
export async function timeCell({ logits }, contenders, { rounds = 5, turn = 40 } = {}) {
  const names = Object.keys(contenders);
  const counts = {};
  for (const name of names) {
    let [count, ms] = [1, 0];
    for (; ; count *= 2) {
      ms = await contenders[name](count);
      if (ms >= turn / 4) break;
    }
    counts[name] = Math.max(1, Math.ceil((count * turn) / ms));
  }
  const ns = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of round & 1 ? names.toReversed() : names) {
      const ms = await contenders[name](counts[name]);
      ns[name].push((ms * 1e6) / (counts[name] * logits));
    }
  }
  const ratios = ns.ours.map((ours, round) => ns.loops[round] / ours);
  return { ns: Object.fromEntries(names.map((name) => [name, median(ns[name])])), ratio: median(ratios) };
}

/** Time all cells with this runtime's own clock: for each its `id`, and what `timeCell` gives. */
export async function timeAll(api, limits) {
  const results = [];
  for (const cell of PORTABLE_CELLS) {
    const contenders = openCell(api, cell);
    const timed = Object.fromEntries(
      Object.entries(contenders).map(([name, calls]) => [
        name,
        (count) => {
          const start = performance.now();
          calls(count);
          return performance.now() - start;
        },
      ]),
    );
    results.push({ id: cell.id, ...(await timeCell(cell, timed, limits)) });
  }
  return results;
}

const geometricMean = (values) => Math.exp(values.reduce((sum, x) => sum + Math.log(x), 0) / values.length);

/** Geometric means of ns and ratios over the cells of each mode, and the least ratio of all cells with where it is. */
export function summary(results) {
  const of = (mode) => {
    const cells = results.filter(({ id }) => id.endsWith(`/${mode}`));
    return { ns: geometricMean(cells.map(({ ns }) => ns.ours)), ratio: geometricMean(cells.map(({ ratio }) => ratio)) };
  };
  const weakest = results.reduce((a, b) => (b.ratio < a.ratio ? b : a));
  return { forward: of('forward'), valueAndGrad: of('value+grad'), least: weakest.ratio, weakest: weakest.id };
}
