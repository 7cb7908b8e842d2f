export type { FocalComparisonConstructor } from './api.ts';
export type { ComparisonState } from './codec.ts';
export type { Comparison as FocalComparison, ComparisonOptions } from './comparison.ts';
export type {
  ClassFidelity,
  ClassQuality,
  ComparisonReport,
  ComputeOptions,
  Delta,
  FidelityReport,
  QualityReport,
  RisenSample,
  ShareDelta,
  TestedDelta,
} from './fields.ts';
export type { Judgement, JudgeOptions, LimitResult, Verdict } from './judge.ts';
export type { LimitKind, Limits } from './limits.ts';
export type { MarkdownOptions } from './markdown.ts';
export type { Largest } from './pairs.ts';
export type { Rise } from './rises.ts';
