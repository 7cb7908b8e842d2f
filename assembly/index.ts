/** Everything: the losses, and what evaluation metrics need beside them. */
export * from './losses';
export { oneVersusRestAndEntropies } from './focal';
export { sampleEntropies } from './softmax';
export { clear, limb } from './exact-sum';
export { largestAndPlace, outcomes, squaresAndRanks, tally, within } from './metrics';
export {
  countSteps, gatherLosses, gatherSamples, settlePairs, settleSamples, tallyOneVersusRest,
  turnSigmoids,
} from './metrics-one-vs-rest';
export { CROSS_ENTROPY, ENTROPIES } from './scratch';
export {
  BINS, BRIER, BRIER_TOTAL, CONFIDENCE, HISTOGRAM, HISTOGRAM_CELLS, PREDICTED, RANK, RANK_TIED, SAMPLE_LOSSES, STEP, TALLY,
  TALLY_BINS, TALLY_BYTES, TALLY_CLASSES,
} from './scratch-metrics';
