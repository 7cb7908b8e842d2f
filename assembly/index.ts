/** Everything: the losses, and what evaluation metrics need beside them. */
export * from './losses';
export { coreAndEntropies, oneVersusRestAndEntropies } from './focal';
export { limb } from './exact-sum';
export { exponentialsSquares, outcomes, ranks, tally, within } from './metrics';
export { gatherLosses, gatherSamples, settleSamples, tallyOneVersusRest } from './metrics-one-vs-rest';
export {
  BINS, BRIER, BRIER_TOTAL, CONFIDENCE, CROSS_ENTROPY, HISTOGRAM, HISTOGRAM_CELLS, PREDICTED, RANK, RANK_TIED, STEP, TALLY,
  TALLY_BINS, TALLY_CLASSES,
} from './scratch';
