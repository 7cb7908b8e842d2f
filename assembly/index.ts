export { configure, core } from './focal';
export { widenHalf } from './half';
export { label } from './labels';
export { margins } from './margin';
export { negatives, negativesGrad, trueMargins } from './sigmoid';
export { begin, exponentials, factors, gradients, largest } from './softmax';
export { accumulate, clear, rounded } from './exact-sum';
export { open, put, scale, unfold, weigh } from './tile';
export {
  FACTOR, LABELS, LOGITS, LOSS, MARGIN, MARGIN_LOW, MAX, NEGATIVE, PLANES, POSITIVE, SAMPLES, SLOPE, SUM, TILE, TOTAL, TRUE,
  UPSTREAM, WEIGHT, WIDE,
} from './scratch';
