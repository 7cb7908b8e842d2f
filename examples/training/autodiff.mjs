// The two losses written in tfjs operations, for tfjs to differentiate: what the fused gradient is held against.
import { tf } from './tfjs.mjs';

/** mean of α[y] · (1 − p_y)^γ · −log p_y */
export function softmaxFocalLoss({ gamma, alpha = null }) {
  return (labels, logits) => {
    const oneHot = tf.oneHot(labels, logits.shape[1]);
    const crossEntropy = tf.neg(tf.sum(tf.mul(oneHot, tf.logSoftmax(logits)), 1));
    // tfjs differentiates x^0 to 0 · x^−1, NaN as soon as one p_y rounds to 1
    const modulation = gamma === 0 ? 1 : tf.pow(tf.sub(1, tf.exp(tf.neg(crossEntropy))), gamma);
    const weights = alpha ? tf.gather(tf.tensor1d(alpha), labels) : 1;
    return tf.mean(tf.mul(weights, tf.mul(modulation, crossEntropy)));
  };
}

/** mean over all logits of α_t · (1 − p̃_t)^γ · BCE, p̃ = p·(1 − s) + s/2 */
export function sigmoidFocalLoss({ gamma, alpha, smoothing = 1e-3 }) {
  return (labels, logits) => {
    const target = tf.oneHot(labels, logits.shape[1]);
    const other = tf.sub(1, target);
    // log(1 + e^z) − t·z
    const crossEntropy = tf.sub(tf.softplus(logits), tf.mul(target, logits));
    const smooth = tf.add(tf.mul(tf.sigmoid(logits), 1 - smoothing), smoothing / 2);
    const pt = tf.add(tf.mul(smooth, target), tf.mul(tf.sub(1, smooth), other));
    const weight = typeof alpha === 'number' ? tf.scalar(alpha) : tf.tensor1d(alpha);
    const weights = tf.add(tf.mul(weight, target), tf.mul(tf.sub(1, weight), other));
    return tf.mean(tf.mul(weights, tf.mul(tf.pow(tf.sub(1, pt), gamma), crossEntropy)));
  };
}
