export { configure, core, coreAndEntropies, negatives } from './focal';
export { widenHalf } from './half';
export { label } from './labels';
export { exponentialsSquares, outcomes, ranks, tally, tallyOthers, within } from './metrics';
export { trueMargins } from './margin-one-vs-rest';
export { exponentials, factors, gradients, largest, margins } from './softmax';
export { accumulate, clear, limb, rounded } from './exact-sum';
export { open, put, scale, unfold, weigh } from './tile';
export {
  BINS, BRIER, BRIER_TOTAL, CONFIDENCE, CROSS_ENTROPY, LABELS, LOGITS, LOSS, NEGATIVE, PLANES, POSITIVE, PREDICTED,
  RANK, RANK_TIED, SAMPLES, SLOPE, TALLY, TALLY_BINS, TALLY_CLASSES, TILE, TOTAL, TRUE, UPSTREAM, WIDE,
} from './scratch';
