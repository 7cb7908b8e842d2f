/**
 * The baseline: what a careful programmer writes by hand in JavaScript. One pass where one is enough, nothing allocated
 * in a loop, exponentials kept for the gradient, γ = 2 without a power, planes gone through class by class as they lie.
 * Sums are in float64, as numbers are; labels are not checked, nothing is ignored, and there are no weights but α = ¼.
 */

const SMOOTHING = 1e-3;
const ALPHA = 0.25;

const power = (x, gamma) => (gamma === 2 ? x * x : x ** gamma);

/** Loss of a sample, and what its gradient is a multiple of, from the cross-entropy of its own class. */
const focal = { loss: 0, slope: 0 };
function softmaxFocal(ce, gamma) {
  const p = Math.exp(-ce);
  const q = 1 - p;
  const w = power(q, gamma);
  focal.loss = w * ce;
  // −∂loss/∂z_y = q^γ · (q + γ · p · ce), over q: the gradient of another class c is that times p_c
  focal.slope = w * (1 + (q > 0 ? (gamma * p * ce) / q : 0));
}

function softmaxRows({ classes, logits, targets }, gamma, grad) {
  const n = targets.length;
  let total = 0;
  for (let i = 0, start = 0; i < n; i++, start += classes) {
    const end = start + classes;
    let largest = logits[start];
    for (let j = start + 1; j < end; j++) if (logits[j] > largest) largest = logits[j];
    let sum = 0;
    const own = start + targets[i];
    if (grad === null) {
      for (let j = start; j < end; j++) sum += Math.exp(logits[j] - largest);
      softmaxFocal(Math.log(sum) + largest - logits[own], gamma);
    } else {
      for (let j = start; j < end; j++) {
        const e = Math.exp(logits[j] - largest);
        grad[j] = e;
        sum += e;
      }
      softmaxFocal(Math.log(sum) + largest - logits[own], gamma);
      const scale = focal.slope / (sum * n);
      for (let j = start; j < end; j++) grad[j] *= scale;
      grad[own] -= focal.slope / n;
    }
    total += focal.loss;
  }
  return total / n;
}

let largest = new Float64Array(0);
let sums = new Float64Array(0);

function softmaxPlanes({ batch, classes, positions, logits, targets }, gamma, grad) {
  if (largest.length < positions) {
    largest = new Float64Array(positions);
    sums = new Float64Array(positions);
  }
  const n = targets.length;
  let total = 0;
  for (let b = 0; b < batch; b++) {
    const image = b * classes * positions;
    for (let d = 0; d < positions; d++) {
      largest[d] = logits[image + d];
      sums[d] = 0;
    }
    for (let c = 1, at = image + positions; c < classes; c++) {
      for (let d = 0; d < positions; d++, at++) if (logits[at] > largest[d]) largest[d] = logits[at];
    }
    for (let c = 0, at = image; c < classes; c++) {
      if (grad === null) for (let d = 0; d < positions; d++, at++) sums[d] += Math.exp(logits[at] - largest[d]);
      else {
        for (let d = 0; d < positions; d++, at++) {
          const e = Math.exp(logits[at] - largest[d]);
          grad[at] = e;
          sums[d] += e;
        }
      }
    }
    for (let d = 0; d < positions; d++) {
      const y = targets[b * positions + d];
      softmaxFocal(Math.log(sums[d]) + largest[d] - logits[image + y * positions + d], gamma);
      total += focal.loss;
      sums[d] = focal.slope / (sums[d] * n);
      largest[d] = focal.slope / n;
    }
    if (grad === null) continue;
    for (let c = 0, at = image; c < classes; c++) {
      for (let d = 0; d < positions; d++, at++) grad[at] *= sums[d];
    }
    for (let d = 0; d < positions; d++) grad[image + targets[b * positions + d] * positions + d] -= largest[d];
  }
  return total / n;
}

/** One-vs-rest, one logit after another as they lie. */
function sigmoid({ batch, classes, positions, logits, targets }, gamma, grad) {
  const n = logits.length;
  let total = 0;
  for (let b = 0, at = 0; b < batch; b++) {
    for (let c = 0; c < classes; c++) {
      for (let d = 0, i = b * positions; d < positions; d++, at++, i++) {
        const own = targets[i] === c;
        // the logit as if its class were not the true one
        const x = own ? -logits[at] : logits[at];
        const e = Math.exp(x < 0 ? x : -x);
        const ce = (x > 0 ? x : 0) + Math.log(1 + e);
        const q = (x > 0 ? 1 : e) / (1 + e);
        const smooth = q * (1 - SMOOTHING) + SMOOTHING / 2;
        const alpha = own ? ALPHA : 1 - ALPHA;
        const w = power(smooth, gamma);
        total += alpha * w * ce;
        if (grad === null) continue;
        const slope = alpha * w * (q + (gamma * ce * (1 - q) * q * (1 - SMOOTHING)) / smooth);
        grad[at] = (own ? -slope : slope) / n;
      }
    }
  }
  return total / n;
}

/**
 * The mean loss, and its gradient where an array for it is given.
 *
 * @param {'softmax' | 'sigmoid'} loss
 * @param data as data.mjs makes it
 * @param {number} gamma
 * @param {Float32Array | null} grad
 */
export function scalarLoops(loss, data, gamma, grad) {
  if (loss === 'sigmoid') return sigmoid(data, gamma, grad);
  return data.positions === 1 ? softmaxRows(data, gamma, grad) : softmaxPlanes(data, gamma, grad);
}
