export type { ResidentTensor } from '../backend/alloc.ts';
export type { Logits, Targets, Tensor } from '../input/tensors.ts';
export type {
  CallOptions,
  GradOptions,
  SigmoidLoss as SigmoidFocalLoss,
  SoftmaxLoss as SoftmaxFocalLoss,
  Value,
  ValueAndGrad,
} from './losses.ts';
export type { InputScale, Reduction, SigmoidFocalLossOptions, SoftmaxFocalLossOptions } from './options.ts';
export type { WeightsOptions } from './weights.ts';
