/** What comparisons need beside the losses: a binary that imports theirs, as few need it. */
export { hold, pairs, settle } from './compare/pairs';
export { CHANGED, DECIDED, KEPT, PAIR_THRESHOLDS, PAIRS } from './compare/scratch';
export { clear } from './math/exact-sum';

export const PAIRS_END: usize = memory.data(16, 16);
