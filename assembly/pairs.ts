/** What comparisons need beside the meters: a binary of its own, as few need it. */
export { differences, pairs } from './compare/pairs';
export { PAIRS } from './compare/scratch';
export { add as accumulate, clear, limb } from './math/exact-sum';
export { convert } from './tile/convert';
export { TILE } from './tile/scratch';
