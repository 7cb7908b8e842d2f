export type { Logits, Targets, Tensor } from '../input/tensors.ts';
export type { FocalMeterConstructor } from './api.ts';
export type { MeterState } from './codec.ts';
export type { MeterConfig, SigmoidMeterOptions, SoftmaxMeterOptions, Threshold } from './config.ts';
export type { AnyLoss, Meter as FocalMeter, MeterOptions, Report, UpdateOptions } from './meter.ts';
export type { Criterion, OperatingPoint } from './operating.ts';
export type {
  Bin,
  ComputeOptions,
  HardSample,
  Intervals,
  Metric,
  Scores,
  SelectivePoint,
  SigmoidClass,
  SigmoidReport,
  SoftmaxClass,
  SoftmaxReport,
} from './report.ts';
export type { Groups, SlicedOptions, SlicedReport } from './slices.ts';
export type { SlicedState } from './slices-codec.ts';
