/** What is written without a second thought: one array and one pass a step, planes transposed to rows first. */

const SMOOTHING = 1e-3;
const ALPHA = 0.25;

function toRows({ batch, classes, positions, logits }) {
  if (positions === 1) return logits;
  const rows = new Float32Array(logits.length);
  for (let b = 0; b < batch; b++) {
    for (let d = 0; d < positions; d++) {
      for (let c = 0; c < classes; c++) {
        rows[(b * positions + d) * classes + c] = logits[(b * classes + c) * positions + d];
      }
    }
  }
  return rows;
}

const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;

function softmax(data, gamma) {
  const rows = toRows(data);
  const { classes, targets } = data;
  const logProbabilities = new Float32Array(rows.length);
  for (let n = 0; n < targets.length; n++) {
    const row = rows.subarray(n * classes, (n + 1) * classes);
    const max = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const logSum = Math.log(row.reduce((sum, z) => sum + Math.exp(z - max), 0));
    for (let c = 0; c < classes; c++) logProbabilities[n * classes + c] = row[c] - max - logSum;
  }
  const ce = new Float32Array(targets.length).map((_, n) => -logProbabilities[n * classes + targets[n]]);
  const p = ce.map((x) => Math.exp(-x));
  return mean(p.map((x, n) => (1 - x) ** gamma * ce[n]));
}

function sigmoid(data, gamma) {
  const rows = toRows(data);
  const { classes, targets } = data;
  const hot = new Float32Array(rows.length);
  targets.forEach((y, n) => {
    hot[n * classes + y] = 1;
  });
  const ce = rows.map((z, i) => Math.max(z, 0) - z * hot[i] + Math.log1p(Math.exp(-Math.abs(z))));
  const p = rows.map((z) => 1 / (1 + Math.exp(-z)));
  const smooth = p.map((x) => x * (1 - SMOOTHING) + SMOOTHING / 2);
  const truth = smooth.map((x, i) => (hot[i] ? x : 1 - x));
  const focal = truth.map((x, i) => (1 - x) ** gamma * ce[i]);
  return mean(focal.map((x, i) => (hot[i] ? ALPHA : 1 - ALPHA) * x));
}

export const naive = {
  name: 'naive JS',
  version: null,
  modes: ['forward'],
  open({ loss, gamma, data }) {
    const run = loss === 'softmax' ? () => softmax(data, gamma) : () => sigmoid(data, gamma);
    return { check: () => ({ value: run() }), run, close() {} };
  },
};
