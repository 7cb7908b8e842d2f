/** Pure functions of statistics: intervals, tests, resampling. Each docstring names its source. */
export { type Auroc, delong } from './delong.ts';
export {
  type Interval,
  meanInterval,
  meanOf,
  normalInterval,
  type Power,
  pairedInterval,
  percentileInterval,
  power,
  ratioOf,
  replicateError,
  wilson,
} from './intervals.ts';
export { criticalValue, normalCdf, normalQuantile } from './normal.ts';
export { isHeldOut, poissonWeight, poissonWeights, THRESHOLDS } from './poisson.ts';
export { type Chosen, type PrecisionDifference, precisionDifference } from './predictive.ts';
export { bonferroni, holm, mcnemar } from './tests.ts';
