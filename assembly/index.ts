/** Everything: the losses, and what evaluation metrics need beside them. */
export * from './losses';
export { coreAndEntropies, oneVersusRestAndEntropies } from './focal';
export { limb } from './exact-sum';
export { exponentialsSquares, outcomes, ranks, tally, tallyOthers, within } from './metrics';
export {
  BINS, BRIER, BRIER_TOTAL, CONFIDENCE, CROSS_ENTROPY, PREDICTED, RANK, RANK_TIED, TALLY, TALLY_BINS, TALLY_CLASSES,
} from './scratch';
