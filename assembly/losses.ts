/** What the losses need: the binary of the default entry. */
export { configure, core, negatives } from './focal';
export { widenHalf } from './half';
export { label } from './labels';
export { trueMargins } from './margin-one-vs-rest';
export { exponentials, factors, gradients, largest, margins } from './softmax';
export { accumulate, clear, rounded } from './exact-sum';
export { open, put, scale, unfold, weigh } from './tile';
export {
  LABELS, LOGITS, LOSS, NEGATIVE, PLANES, POSITIVE, SAMPLES, SLOPE, TILE, TOTAL, TRUE, UPSTREAM, WIDE,
} from './scratch';
