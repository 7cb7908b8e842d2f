/** Files of logits and targets, in browsers and everywhere: `import { evaluateShard } from 'focal-simd/files'`. */
import type { Files } from '../files/open.ts';
import { defineShard, type ShardOptions, type ShardResult } from '../files/shard.ts';
import { FocalMeter } from './meter.ts';

export type * from '../files/api.ts';
export {
  countTargets,
  evaluateDataset,
  FileError,
  fromBlob,
  fromBytes,
  fromStream,
  fromURL,
  inspect,
  openArray,
  openDataset,
} from '../files/api.ts';

const evaluate = /* @__PURE__ */ defineShard(FocalMeter);

/**
 * Evaluate a classifier on the samples of files, read piece by piece: they may be larger than memory.
 *
 * @param files `{ logits, targets }` or `{ table, target, scores }`, each file a File, Blob, URL (read by range
 *   requests), bytes or source
 * @param options `loss`: `{ name: 'softmax' | 'sigmoid', … }` with the options of that loss; `meter`: options of
 *   `FocalMeter`, without `classes` those of the files; `firstIndex`: index of the first sample among those of all
 *   shards; `signal` ends it with its reason; `onProgress` is called with the number of samples that are done
 * @returns the meter, to be computed or merged with those of other shards
 * @throws FileError for what is wrong with a file, in one line that names it; TypeError or RangeError for an option
 * @example
 * const { meter } = await evaluateShard({ logits: fileA, targets: fileB }, { loss: { name: 'softmax', gamma: 2 } });
 * console.log(meter.compute().accuracy);
 */
export function evaluateShard(files: Files, options: ShardOptions): Promise<ShardResult> {
  return evaluate(files, options);
}
