/**
 * The data set that the page carries: Seattle's weather (vega-datasets, measured by NOAA), each day predicted by a
 * softmax regression that was trained without it, once with the focal loss and class weights, once with cross-entropy.
 * As files: logits and targets in .npy, names and texts in .txt.
 */
import { CLASSES, FEATURES, split } from '../examples/training/weather.mjs';

const FOLDS = 4;
const STEPS = 200;
const RATE = 0.05;

/** Adam over the whole training part; gives the logits of the test part. */
function train(loss, { train: part, test }) {
  const [features, classes] = [FEATURES.length, CLASSES.length];
  const weights = Float64Array.from({ length: (features + 1) * classes }, (_, i) => 0.1 * Math.sin(i + 1));
  const first = new Float64Array(weights.length);
  const second = new Float64Array(weights.length);
  const apply = ({ n, x }) => {
    const logits = new Float32Array(n * classes);
    for (let i = 0; i < n; i++) {
      for (let c = 0; c < classes; c++) {
        let z = weights[features * classes + c];
        for (let j = 0; j < features; j++) z += x[i * features + j] * weights[j * classes + c];
        logits[i * classes + c] = z;
      }
    }
    return logits;
  };
  for (let step = 1; step <= STEPS; step++) {
    const { grad } = loss.valueAndGrad(apply(part), part.y);
    const slopes = new Float64Array(weights.length);
    for (let i = 0; i < part.n; i++) {
      for (let c = 0; c < classes; c++) {
        const g = grad[i * classes + c];
        slopes[features * classes + c] += g;
        for (let j = 0; j < features; j++) slopes[j * classes + c] += g * part.x[i * features + j];
      }
    }
    for (let k = 0; k < weights.length; k++) {
      first[k] += 0.1 * (slopes[k] - first[k]);
      second[k] += 0.001 * (slopes[k] ** 2 - second[k]);
      const mean = first[k] / (1 - 0.9 ** step);
      weights[k] -= (RATE * mean) / (Math.sqrt(second[k] / (1 - 0.999 ** step)) + 1e-8);
    }
  }
  return apply(test);
}

/** A .npy file, version 1.0. */
function npy(descr, shape, array) {
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const header = `${dict.padEnd(64 * Math.ceil((dict.length + 11) / 64) - 11)}\n`;
  const start = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length & 255, header.length >> 8]);
  return Buffer.concat([start, Buffer.from(header, 'latin1'), Buffer.from(array.buffer)]);
}

/**
 * @param {object} api focal-simd
 * @returns {Record<string, Buffer>} files by name
 */
export function sample({ SoftmaxFocalLoss, classWeights }) {
  const folds = Array.from({ length: FOLDS }, (_, fold) => split(fold, FOLDS));
  const days = folds.flatMap(({ test }) =>
    Array.from({ length: test.n }, (_, i) => ({ y: test.y[i], text: test.texts[i] })),
  );
  const logitsOf = (lossOf) => {
    const parts = folds.map((days) => train(lossOf(days.rates), days));
    return Float32Array.from(parts.flatMap((part) => Array.from(part)));
  };
  const shape = [days.length, CLASSES.length];
  const focal = logitsOf((rates) => new SoftmaxFocalLoss({ alpha: classWeights(rates, 0.5) }));
  const plain = logitsOf(() => new SoftmaxFocalLoss({ gamma: 0 }));
  const targets = Uint8Array.from(days, ({ y }) => y);
  return {
    'focal.npy': npy('<f4', shape, focal),
    'baseline.npy': npy('<f4', shape, plain),
    'targets.npy': npy('|u1', [days.length], targets),
    'names.txt': Buffer.from(`${CLASSES.join('\n')}\n`),
    'texts.txt': Buffer.from(days.map(({ text }) => `${text}\n`).join('')),
  };
}
