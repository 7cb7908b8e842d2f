/** The losses, and what evaluation metrics need beside them: the binary of the meter. */
export { TARGETS } from './dense/scratch';
export { targets } from './dense/targets';
export { add as accumulate, limb } from './math/exact-sum';
export { flush } from './meter/sigmoid';
export { begin, cells, decide, finish, review, scan, sum, tally } from './meter/stages';
export { BINS, CELLS, LOGIT_THRESHOLDS, TALLY } from './meter/scratch';
export { topK } from './meter/softmax';
export { PARAMS } from './params';
export { choose, close, gradient, labels, open, others } from './stages';
export { convert } from './tile/convert';
export { CLASS_WEIGHTS, COLUMNS, LABELS, LOGIT_WEIGHTS, SAMPLE_WEIGHTS, TILE, UPSTREAM } from './tile/scratch';
