/** What the losses need: the binary of the default entry. */
export { configure, oneVersusRest } from './focal';
export { widenHalf } from './half';
export { label } from './labels';
export { exponentials, gradients, largest, sampleLosses } from './softmax';
export { accumulate } from './exact-sum';
export { leaveOut, open, put, scale, turn, turnBack, unfold } from './tile';
export {
  LABELS, LOGITS, LOGIT_WEIGHT, LOSS, PLANES, POSITIVE, SAMPLES, TILE, TOTAL, TRUE, UPSTREAM,
} from './scratch';
