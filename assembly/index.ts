export { configure, core, negatives } from './focal';
export { widenHalf } from './half';
export { label } from './labels';
export { trueMargins } from './sigmoid';
export { exponentials, factors, gradients, largest, margins } from './softmax';
export { accumulate, clear, rounded } from './exact-sum';
export { open, put, scale, unfold, weigh } from './tile';
export {
  FACTOR, LABELS, LOGITS, LOSS, MARGIN, MARGIN_LOW, MAX, NEGATIVE, PLANES, POSITIVE, SAMPLES, SLOPE, SUM, TILE, TOTAL, TRUE,
  UPSTREAM, WEIGHT, WIDE,
} from './scratch';
