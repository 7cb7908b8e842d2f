/** What the losses need: the binary of the default entry. */
export { configure, core, oneVersusRest } from './focal';
export { widenHalf } from './half';
export { label } from './labels';
export { exponentials, factors, gaps, gradients, largest } from './softmax';
export { accumulate, clear, rounded } from './exact-sum';
export { leaveOut, open, put, scale, turn, turnBack, unfold } from './tile';
export {
  LABELS, LOGITS, LOGIT_WEIGHT, LOSS, PLANES, POSITIVE, SAMPLES, TILE, TOTAL, TRUE, UPSTREAM, WIDE,
} from './scratch';
