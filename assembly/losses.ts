/**
 * What the losses need: the binary of the default entry. Four of its stages have a `_`, as meters have them, too.
 *
 * Data lies in memory in the order of imports. Constants come first, as code names them most and small addresses make
 * small code.
 */
import './math/numbers';
import './math/exp';
import './math/log';
import './dense/parameters';

export { TARGETS } from './dense/scratch';
export { targets } from './dense/targets';
export { add as accumulate, limb } from './math/exact-sum';
export { PARAMS } from './params';
export { begin as begin_, choose, close, finish as finish_, gradient, labels, open, others, scan as scan_, sum as sum_ } from './stages';
export { convert } from './tile/convert';
export { CLASS_WEIGHTS, LABELS, LOGIT_WEIGHTS, SAMPLE_WEIGHTS, TILE, UPSTREAM } from './tile/scratch';

export const LOSSES_END: usize = memory.data(16, 16);
