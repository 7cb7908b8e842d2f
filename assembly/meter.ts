/** The losses, and what evaluation metrics need beside them: the binary of the meter. */
export * from './losses';
export { sampleEntropies } from './softmax/softmax';
export { clear, limb } from './math/exact-sum';
export { confidences, largestAndPlace, outcomes, review, squaresAndRanks, tally, within } from './meter/softmax';
export {
  countSteps, decisions, gatherLosses, gatherSamples, settlePairs, settleSamples, tallyOneVersusRest, turnDecisions,
} from './meter/sigmoid';
export { CROSS_ENTROPY, ENTROPIES } from './tile/scratch';
export {
  BINS, BRIER, BRIER_TOTAL, CONFIDENCE, HISTOGRAM, HISTOGRAM_CELLS, PASSED_OVER, PREDICTED, RANK, SAMPLE_LOSSES, STEP, TALLY,
  TALLY_BINS, TALLY_BYTES, TALLY_CLASSES,
} from './meter/scratch';
