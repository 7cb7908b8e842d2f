/** What the losses need: the binary of the default entry. */
export { add as accumulate, limb } from './math/exact-sum';
export { widen } from './math/half';
export { PARAMS } from './params';
export { begin, close, finish, gradient, open, scan, sum } from './stages';
export { labels } from './tile/labels';
export { CLASS_WEIGHTS, LABELS, LOGIT_WEIGHTS, TILE, UPSTREAM } from './tile/scratch';
