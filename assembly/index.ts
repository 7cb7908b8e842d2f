export { configure, core, coreAndEntropies, oneVersusRest, oneVersusRestAndEntropies } from './focal';
export { widenHalf } from './half';
export { label } from './labels';
export { outcomes, ranks, tally, tallyOthers, within } from './metrics';
export { exponentials, factors, gaps, gradients, largest } from './softmax';
export { accumulate, clear, limb, rounded } from './exact-sum';
export { leaveOut, open, put, scale, turn, turnBack, unfold } from './tile';
export {
  BINS, BRIER, BRIER_TOTAL, CONFIDENCE, CROSS_ENTROPY, LABELS, LOGITS, LOGIT_WEIGHT, LOSS, PLANES, POSITIVE, PREDICTED,
  RANK, RANK_TIED, SAMPLES, SLOPE, TALLY, TALLY_BINS, TALLY_CLASSES, TILE, TOTAL, TRUE, UPSTREAM, WIDE,
} from './scratch';
