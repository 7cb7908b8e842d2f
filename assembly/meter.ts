/** The losses, and what evaluation metrics need beside them: the binary of the meter. */
export { add as accumulate, limb } from './math/exact-sum';
export { widen } from './math/half';
export { flush } from './meter/sigmoid';
export { begin, decide, finish, review, scan, sum, tally } from './meter/stages';
export { BINS, BRIER, CONFIDENCE, PASSED_OVER, PREDICTED, RANK, TALLY, WRONG } from './meter/scratch';
export { topK } from './meter/softmax';
export { PARAMS } from './params';
export { close, gradient, open } from './stages';
export { labels } from './tile/labels';
export { CLASS_WEIGHTS, CROSS_ENTROPY, LABELS, LOGIT_WEIGHTS, LOSS, TILE, UPSTREAM } from './tile/scratch';
