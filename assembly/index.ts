export { configure, core, coreAndEntropies, negatives } from './focal';
export { widenHalf } from './half';
export { label } from './labels';
export { exponentialsSquares, outcomes, ranks, tally, tallyOthers, within } from './metrics';
export { trueMargins } from './margin-one-vs-rest';
export { exponentials, factors, gradients, largest, margins } from './softmax';
export { accumulate, clear, limb, rounded } from './exact-sum';
export { open, put, scale, unfold, weigh } from './tile';
export {
  BINS, BRIER, BRIER_TOTAL, CONFIDENCE, CROSS_ENTROPY, FACTOR, LABELS, LOGITS, LOSS, MARGIN, MARGIN_LOW, MAX, NEGATIVE, PLANES,
  POSITIVE, PREDICTED, RANK, RANK_TIED, SAMPLES, SLOPE, SUM, TILE, TOTAL, TRUE,
  TALLY, TALLY_BINS, TALLY_CLASSES, UPSTREAM, WEIGHT, WIDE,
} from './scratch';
