/** Files of logits and targets, in browsers and everywhere: `import { evaluateShard } from 'focal-simd/files'`. */
import { bindShard } from '../files/shard.ts';
import { FocalMeter } from './meter.ts';

export * from '../files/api.ts';
export const evaluateShard = bindShard(FocalMeter);
