/** What the losses need: the binary of the default entry. */
export { configure, oneVersusRest } from './focal';
export { widenHalf } from './math/half';
export { label } from './tile/labels';
export { exponentials, gradients, largest, sampleLosses } from './softmax/softmax';
export { accumulate } from './math/exact-sum';
export { leaveOut, open, put, scale, turn, turnBack, unfold } from './tile/tile';
export {
  LABELS, LOGITS, LOGIT_WEIGHT, LOSS, PLANES, POSITIVE, SAMPLES, TILE, TOTAL, TRUE, UPSTREAM,
} from './tile/scratch';
export { configureDense } from './dense/parameters';
export { DENSE, LOGIT_POSITIVE } from './dense/scratch';
export { oneVersusRestDense } from './dense/sigmoid';
export { addOtherLosses, chooseLabels, denseGradients, otherLosses, weighLabels } from './dense/softmax';
export { arrangeTargets, checkTargets, widenBytes } from './dense/targets';
export { toLogits } from './dense/scale';
