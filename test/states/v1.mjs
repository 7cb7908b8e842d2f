/**
 * States of format version 1: v1.json. Made once, by the build of focal-simd before version 2 (`node test/states/v1.mjs` there);
 * kept so that every later version is known to read them.
 */
import { writeFileSync } from 'node:fs';
import { SigmoidFocalLoss, SoftmaxFocalLoss } from '../../dist/index.js';
import { FocalMeter } from '../../dist/meter.js';

const softmax = new SoftmaxFocalLoss({ gamma: 1.5, alpha: [1, 2, 0.5] });
const sigmoid = new SigmoidFocalLoss({ ignoreIndex: 255 });
const CASES = {
  'softmax, nothing counted': [new SoftmaxFocalLoss(), { classes: 3 }, 0],
  softmax: [new SoftmaxFocalLoss(), { classes: 3 }, 400],
  'softmax, top-k, confusion, hardest': [
    softmax,
    { classes: 3, topK: [1, 2, 3], bins: 5, confusion: true, hardest: 4 },
    400,
  ],
  'softmax, NaN and infinite losses': [softmax, { classes: 3, confusion: true, hardest: 6 }, 50, true],
  sigmoid: [sigmoid, { classes: 3 }, 400],
  'sigmoid, thresholds, hardest': [sigmoid, { classes: 3, bins: 4, thresholds: 9, hardest: 4 }, 400],
  'sigmoid, NaN and infinite losses': [
    new SigmoidFocalLoss({ alpha: [0.3, 0.4, 0.5], smoothing: 0, gamma: 0 }),
    { classes: 3, thresholds: 5, hardest: 6 },
    50,
    true,
  ],
};

let seed = 1;
const uniform = () => {
  seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
  return seed / 2 ** 32;
};

const states = Object.entries(CASES).map(([name, [loss, options, n, odd = false]]) => {
  const ignoreIndex = loss === sigmoid ? 255 : -100;
  const targets = Array.from({ length: n }, (_, i) => (i % 17 === 5 ? ignoreIndex : Math.floor(uniform() * 3)));
  const logits = Float32Array.from({ length: 3 * n }, (_, i) => {
    if (odd && i % 13 === 7) return [NaN, Infinity, -Infinity][i % 3];
    return (uniform() + uniform() + uniform() - 1.5) * 4 + (targets[Math.floor(i / 3)] === i % 3 ? 1.5 : 0);
  });
  const meter = new FocalMeter(loss, options);
  meter.update(logits, targets);
  const bytes = Buffer.from(meter.toBytes()).toString('base64');
  return { name, json: meter.toJSON(), bytes, report: meter.compute() };
});
writeFileSync(new URL('v1.json', import.meta.url), `${JSON.stringify(states)}\n`);
