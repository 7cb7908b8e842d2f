export type { ResidentTensor } from './alloc.ts';
export type {
  GradOptions,
  SigmoidLoss as SigmoidFocalLoss,
  SoftmaxLoss as SoftmaxFocalLoss,
  Value,
  ValueAndGrad,
} from './losses.ts';
export type { Reduction, SigmoidFocalLossOptions, SoftmaxFocalLossOptions } from './options.ts';
export type { Logits, Targets, Tensor } from './tensors.ts';
