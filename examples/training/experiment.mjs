// What is compared, and how a model is trained and scored.
import { sigmoidFocalLoss, softmaxFocalLoss } from './autodiff.mjs';
import { tf } from './tfjs.mjs';
import { CLASSES, FEATURES } from './weather.mjs';

export { tf } from './tfjs.mjs';
export { split } from './weather.mjs';

/**
 * The losses: ours, and the same by autodiff.
 *
 * @param api focal-simd
 * @param rates share of each class in the training part
 */
export function methods({ SoftmaxFocalLoss, SigmoidFocalLoss, classWeights }, rates) {
  const softmax = (name, options) => ({
    name,
    loss: new SoftmaxFocalLoss(options),
    autodiff: softmaxFocalLoss(options),
  });
  const sigmoid = (name, options) => ({
    name,
    loss: new SigmoidFocalLoss(options),
    autodiff: sigmoidFocalLoss(options),
  });
  return [
    softmax('cross-entropy (γ = 0)', { gamma: 0 }),
    softmax('focal (γ = 2)', { gamma: 2 }),
    softmax('focal + class weights, β = ½', { gamma: 2, alpha: classWeights(rates, 0.5) }),
    softmax('focal + class weights, β = 1', { gamma: 2, alpha: classWeights(rates) }),
    sigmoid('sigmoid focal, α = ¼', { gamma: 2, alpha: 0.25 }),
    sigmoid('sigmoid focal, α = 1 − rate', { gamma: 2, alpha: rates.map((rate) => 1 - rate) }),
  ];
}

/**
 * Softmax regression by `steps` steps of Adam over the whole training part, from small seeded weights. (From zeros, class
 * weights make the gradient of the bias exactly 0, and Adam's first step would be rounding errors divided by themselves.)
 *
 * @param lossFunction `(labels, logits) => tf.Scalar`
 * @returns `{ curve, predicted }`: the loss before each step, and the class given to each day of the test part
 */
export function train(lossFunction, { train: part, test }, steps) {
  return tf.tidy(() => {
    const x = tf.tensor2d(part.x, [part.n, FEATURES.length]);
    const labels = tf.tensor1d(part.y, 'int32');
    const weights = tf.variable(tf.randomNormal([FEATURES.length, CLASSES.length], 0, 0.1, 'float32', 1));
    const bias = tf.variable(tf.zeros([CLASSES.length]));
    const model = (features) => tf.add(tf.matMul(features, weights), bias);
    const optimizer = tf.train.adam(0.05);
    const curve = Float32Array.from({ length: steps }, () => {
      const cost = optimizer.minimize(() => lossFunction(labels, model(x)), true, [weights, bias]);
      const [value] = cost.dataSync();
      cost.dispose();
      return value;
    });
    const predicted = tf.argMax(model(tf.tensor2d(test.x, [test.n, FEATURES.length])), 1).dataSync();
    optimizer.dispose();
    return { curve, predicted };
  });
}

/** Largest |a − b| / |b|. */
export function difference(a, b) {
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i]) / Math.abs(b[i])), 0);
}

/** Accuracy, recall of each class, and the means over the classes of recall and of F1. */
export function score(predicted, labels) {
  const count = (keep) => CLASSES.map((_, c) => labels.reduce((n, label, i) => n + keep(c, label, predicted[i]), 0));
  const support = count((c, label) => label === c);
  const given = count((c, _, prediction) => prediction === c);
  const hits = count((c, label, prediction) => label === c && prediction === c);
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const recall = hits.map((n, c) => n / support[c]);
  return {
    accuracy: hits.reduce((sum, n) => sum + n) / labels.length,
    recall,
    macroRecall: mean(recall),
    macroF1: mean(hits.map((n, c) => (2 * n) / (support[c] + given[c]))),
  };
}
