export { configure, core, negatives } from './focal';
export { widenHalf } from './half';
export { label } from './labels';
export { exponentialsSquares, outcomes, plain, ranks } from './metrics';
export { trueMargins } from './sigmoid';
export { exponentials, factors, gradients, largest, margins } from './softmax';
export { accumulate, clear, limb, rounded } from './exact-sum';
export { open, put, scale, unfold, weigh } from './tile';
export {
  BRIER, BRIER_TOTAL, CONFIDENCE, FACTOR, FOCAL, LABELS, LOGITS, LOSS, MARGIN, MARGIN_LOW, MAX, NEGATIVE, PLANES,
  POSITIVE, PREDICTED, RANK, SAMPLES, SLOPE, SUM, TILE, TOTAL, TRUE,
  UPSTREAM, WEIGHT, WIDE,
} from './scratch';
