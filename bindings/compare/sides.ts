import { number } from '../input/checks.ts';
import { wrongType } from '../input/errors.ts';
import type { AnyLoss, Meter } from '../meter/meter.ts';
import type { PairConfig } from './layout.ts';
import type { Pairs } from './pairs.ts';

/** What a comparison has counted: each side by itself, and the pairs. */
export interface Sides {
  readonly baseline: Meter<AnyLoss>;
  readonly candidate: Meter<AnyLoss>;
  readonly pairs: Pairs;
}

/** The own options, checked. */
export function readPairConfig({ hardest, flips }: Record<string, unknown>, name = ''): PairConfig {
  if (typeof flips !== 'boolean') throw wrongType(`${name}flips`, 'a boolean', flips);
  const most = number(`${name}hardest`, hardest, 'an integer in [0, 2^31)', (x) => {
    return Number.isInteger(x) && x >= 0 && x < 2 ** 31;
  });
  return { hardest: most, flips };
}
