/** What comparisons need beside the meters: a binary of its own, as few need it. */
export { differences, pairs } from './compare/pairs';
export { PAIR_BYTES, PAIRS } from './compare/scratch';
export { accumulate, clear, limb } from './math/exact-sum';
export { widenHalf } from './math/half';
export { LOGITS, PLANES, SAMPLES, TILE, TOTAL } from './tile/scratch';
