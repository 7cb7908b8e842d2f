import type { Logits, Targets } from '../input/tensors.ts';
import type { InputScale } from '../losses/options.ts';
import type { Metric } from '../meter/report.ts';

/** Some of the samples, as for a loss's `forward`: class indices, or targets in the shape of the logits. */
export interface Batch {
  readonly logits: Logits;
  readonly targets: Targets;
  /** Index of the first sample among all, by which it is decided what is held out. Default: those that came before. */
  readonly firstIndex?: number;
}

/** Options of `fitTemperature`. */
export interface TemperatureOptions {
  /** Whether the classes exclude each other, or are decided one by one. Default 'softmax'. */
  loss?: 'softmax' | 'sigmoid';
  /**
   * Share of the samples that the fit does not see, and is measured on, in [0, 1). Which they are is a hash of a
   * sample's index. 0: nothing is held out, nothing measured. Default 0.2.
   */
  holdout?: number;
  /** Target that marks a sample to leave out; sigmoid, in targets of the logits' shape, a logit. Default −100. */
  ignoreIndex?: number;
  /** Bins of the calibration error. Default 15. */
  bins?: number;
  /** What the numbers given as logits are; others are made logits before they are divided. Default 'logits'. */
  input?: InputScale;
}

/** Means over the held-out samples (sigmoid: decisions), as `FocalMeter` computes them. */
export interface CalibrationScores {
  crossEntropy: Metric;
  brier: Metric;
  ece: Metric;
}

/** What `fitTemperature` gives. */
export interface Temperature {
  /** What to divide the logits by; null when no finite number is best. */
  temperature: number | null;
  /** Why there is none. */
  reason: string | null;
  /** Passes over the data, that of the measurement included. */
  passes: number;
  /** Samples that were fitted, and held out. */
  fitted: number;
  heldOut: number;
  /** On the held-out samples, with the logits as they are, and divided by the temperature. */
  before: CalibrationScores | null;
  after: CalibrationScores | null;
}
