// Does the loss help where classes are rare? Trains one model with each loss on four years of Seattle's weather, and
// checks every curve against the same loss differentiated by TensorFlow.js.
import * as api from 'focal-simd';
import { customLoss } from 'focal-simd/tfjs';
import { difference, methods, score, split, tf, train } from './experiment.mjs';
import { CLASSES, counts, FEATURES } from './weather.mjs';

const FOLDS = 4;
const STEPS = 200;
const start = performance.now();
const line = (name, cells) => console.log(name.padEnd(29) + cells.map((cell) => String(cell).padStart(9)).join(''));

console.log(`Seattle's weather, 2012–2015: ${counts.reduce((a, b) => a + b)} days from vega-datasets, classes
${CLASSES.map((name, c) => `${name} ${counts[c]}`).join(', ')}.
Softmax regression on ${FEATURES.join(', ')}:
${STEPS} steps of Adam over the whole training part, seeded. tfjs-core ${tf.version_core} ('${tf.getBackend()}'), focal-simd ('${api.backend()}').
${FOLDS}-fold cross-validation, each class dealt out in the order of its dates: every day is predicted once, by a model
that was trained and standardised without it.
`);
line('', ['accuracy', 'macro', 'macro', ...CLASSES.map(() => 'recall'), 'final']);
line('loss', ['', 'recall', 'F1', ...CLASSES, 'loss']);

const folds = Array.from({ length: FOLDS }, (_, fold) => split(fold, FOLDS));
const labels = folds.flatMap(({ test }) => [...test.y]);
const perFold = folds.map(({ rates }) => methods(api, rates));
let apart = 0;
perFold[0].forEach(({ name, autodiff }, m) => {
  const runs = folds.map((days, fold) => train(customLoss(tf, perFold[fold][m].loss), days, STEPS));
  const { accuracy, macroRecall, macroF1, recall } = score(
    runs.flatMap(({ predicted }) => [...predicted]),
    labels,
  );
  const finalLoss = runs.reduce((sum, { curve }) => sum + curve.at(-1), 0) / FOLDS;
  const shares = [accuracy, macroRecall, macroF1, ...recall].map((value) => value.toFixed(3));
  line(name, [...shares, finalLoss.toFixed(5)]);
  apart = Math.max(apart, difference(runs[0].curve, train(autodiff, folds[0], STEPS).curve));
});
console.log(`
Final losses of different rows are different quantities and do not compare.
Each loss was also written in tfjs operations and trained by autodiff (first fold): over all ${STEPS} steps the loss curves
differ by at most ${apart.toExponential(1)} (relative).  ${((performance.now() - start) / 1000).toFixed(0)} s`);
