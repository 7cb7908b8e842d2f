export type { AnyLoss, Meter as FocalMeter, MeterOptions, Report, UpdateOptions } from './meter.ts';
export type { FocalMeterConstructor } from './meter-api.ts';
export type { MeterConfig, SigmoidMeterOptions, SoftmaxMeterOptions } from './meter-config.ts';
export type {
  Bin,
  HardSample,
  Metric,
  Scores,
  SigmoidClass,
  SigmoidReport,
  SoftmaxClass,
  SoftmaxReport,
} from './meter-report.ts';
export type { MeterState } from './meter-state.ts';
export type { Logits, Targets, Tensor } from './tensors.ts';
