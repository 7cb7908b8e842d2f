/** What the losses need: the binary of the default entry. */
export { TARGETS } from './dense/scratch';
export { targets } from './dense/targets';
export { add as accumulate, limb } from './math/exact-sum';
export { PARAMS } from './params';
export { begin, choose, close, finish, gradient, labels, open, others, scan, sum } from './stages';
export { convert } from './tile/convert';
export { CLASS_WEIGHTS, LABELS, LOGIT_WEIGHTS, SAMPLE_WEIGHTS, TILE, UPSTREAM } from './tile/scratch';
