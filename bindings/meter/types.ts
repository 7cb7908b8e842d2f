export type { Logits, Targets, Tensor } from '../input/tensors.ts';
export type { FocalMeterConstructor } from './api.ts';
export type { MeterState } from './codec.ts';
export type { MeterConfig, SigmoidMeterOptions, SoftmaxMeterOptions } from './config.ts';
export type { AnyLoss, Meter as FocalMeter, MeterOptions, Report, UpdateOptions } from './meter.ts';
export type {
  Bin,
  HardSample,
  Metric,
  Scores,
  SigmoidClass,
  SigmoidReport,
  SoftmaxClass,
  SoftmaxReport,
} from './report.ts';
