/** Everything: the losses, and what evaluation metrics need beside them. */
export * from './losses';
export { oneVersusRestAndEntropies } from './focal';
export { sampleEntropies } from './softmax/softmax';
export { clear, limb } from './math/exact-sum';
export { largestAndPlace, outcomes, squaresAndRanks, tally, within } from './meter/softmax';
export {
  countSteps, gatherLosses, gatherSamples, settlePairs, settleSamples, tallyOneVersusRest,
  turnSigmoids,
} from './meter/sigmoid';
export { CROSS_ENTROPY, ENTROPIES } from './tile/scratch';
export {
  BINS, BRIER, BRIER_TOTAL, CONFIDENCE, HISTOGRAM, HISTOGRAM_CELLS, PREDICTED, RANK, RANK_TIED, SAMPLE_LOSSES, STEP, TALLY,
  TALLY_BINS, TALLY_BYTES, TALLY_CLASSES,
} from './meter/scratch';
