import { exp, ln } from '../losses/portable.ts';

/**
 * The margin of each class of a sample against all others, x_c = z_c − ln Σ_{j≠c} e^{z_j}, whose sigmoid is the class's
 * probability: the same bits in every runtime, and equal for equal logits.
 *
 * @param logits of one sample, by class
 * @param margins where they go, as float32; NaN throughout where softmax is undefined
 */
export function marginsOf(logits: Float32Array, margins: Float32Array): void {
  const classes = logits.length;
  let top = 0;
  for (let c = 1; c < classes; c++) if ((logits[c] as number) > (logits[top] as number)) top = c;
  const most = logits[top] as number;
  if (logits.some(Number.isNaN) || Math.abs(most) === Infinity) {
    margins.fill(NaN);
    return;
  }
  if (classes === 1) {
    margins.fill(Infinity);
    return;
  }
  // the largest without the top one; from it the others are measured where they are far below the top
  let second = -Infinity;
  for (let c = 0; c < classes; c++) if (c !== top) second = Math.max(second, logits[c] as number);
  const known = second > -Infinity;
  let others = 0;
  for (let c = 0; known && c < classes; c++) if (c !== top) others += exp((logits[c] as number) - second);
  const ofTop = known ? most - second - ln(others) : Infinity;
  const rest = known ? exp(second - most) * others : 0;
  for (let c = 0; c < classes; c++) {
    const z = logits[c] as number;
    // the others of another class are the top one and the rest without it: never below 1, so nothing cancels
    margins[c] = z === most ? ofTop : z - most - ln(1 + Math.max(0, rest - exp(z - most)));
  }
}
