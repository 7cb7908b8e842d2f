/** What evaluation metrics need beside the losses: a binary that imports theirs. */
export { flush } from './meter/sigmoid';
export { begin, cells, decide, finish, review, scan, sum, tally } from './meter/stages';
export { BINS, CELLS, LOGIT_THRESHOLDS, TALLY } from './meter/scratch';
export { topK } from './meter/softmax';
export { COLUMNS } from './tile/scratch';

export const METER_END: usize = memory.data(16, 16);
