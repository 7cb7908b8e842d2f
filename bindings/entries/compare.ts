/** One classifier against another: `import { FocalComparison } from 'focal-simd/compare'`. */

import compile from '../backend/generated/pairs.wasm.ts';
import { lazily } from '../backend/provide.ts';
import { scalarPairKernels } from '../backend/scalar/pairs.ts';
import { defineComparison } from '../compare/api.ts';
import type { Comparison } from '../compare/comparison.ts';
import type { AnyLoss } from '../meter/meter.ts';
import { lossesAnd } from './kernels.ts';
import { FocalMeter } from './meter.ts';

export { judge, judgeReport } from '../compare/judge.ts';
export { parseLimits } from '../compare/limits.ts';
export { markdown } from '../compare/markdown.ts';
export type * from '../compare/types.ts';
export const FocalComparison = defineComparison(FocalMeter, lazily(lossesAnd(compile), scalarPairKernels));
export type FocalComparison<L extends AnyLoss = AnyLoss> = Comparison<L>;
