import type { MeterConfig } from './config.ts';
import { SigmoidTally } from './sigmoid-tally.ts';
import { SoftmaxTally } from './softmax-tally.ts';
import type { Tally } from './tally.ts';

/** What counts into the states of a configuration. */
export const tallyOf = (config: MeterConfig): Tally =>
  config.variant === 'softmax' ? new SoftmaxTally(config) : new SigmoidTally(config);
