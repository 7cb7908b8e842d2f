/** Files by path and by all processors, in Node, Deno and Bun: `import { evaluateFiles } from 'focal-simd/node'`. */
import type { PairFiles } from '../files/compare.ts';
import {
  type CalibrateFilesOptions,
  type CalibrateFilesResult,
  type CompareFilesOptions,
  type CompareFilesResult,
  defineCalibrateFiles,
  defineCompareFiles,
  defineFiles,
  type FilesOptions,
  type FilesResult,
} from '../files/node/pool.ts';
import { defineMap, defineMerge, type Lines, type MapOptions } from '../files/node/shards.ts';
import { resolve } from '../files/node/source.ts';
import type { Files } from '../files/open.ts';
import { defineShard, type ShardOptions, type ShardResult } from '../files/shard.ts';
import type { AnyLoss, Meter } from '../meter/meter.ts';
import { FocalMeter } from './meter.ts';
import { SlicedMeter } from './slices.ts';

export type * from '../files/api.ts';
export type { ComparisonSpec, PairArrays, PairFiles, PairTable, PairTables } from '../files/compare.ts';
export { FileError } from '../files/errors.ts';
export { inspect, openArray, openDataset, openPath, stdin } from '../files/node/api.ts';
export type {
  CalibrateFilesOptions,
  CalibrateFilesResult,
  CompareFilesOptions,
  CompareFilesResult,
  FilesOptions,
  FilesResult,
  Lines,
  MapOptions,
};

const evaluate = defineShard(FocalMeter, resolve);
const program = new URL('./worker.js', import.meta.url);
const scalar = () => import('./scalar.ts');
const meters = { auto: async () => ({ FocalMeter, SlicedMeter }), scalar };
const byThreads = defineFiles(meters, program);
const calibrateByThreads = defineCalibrateFiles(meters, program);
const compareByThreads = defineCompareFiles(
  // not loaded by who only evaluates
  {
    auto: async () => (await import('./compare.ts')).FocalComparison,
    scalar: async () => (await scalar()).FocalComparison,
  },
  program,
);
const map = defineMap(evaluate);
const merge = defineMerge(FocalMeter);

/** `evaluateShard` of `focal-simd/files`, for paths and `-` (stdin), too. */
export function evaluateShard(files: Files, options: ShardOptions): Promise<ShardResult> {
  return evaluate(files, options);
}

/**
 * Evaluate a classifier on the samples of files, on all processors: the state is the same, byte for byte, as that of
 * one.
 *
 * @param files `{ logits, targets }` or `{ table, target, scores }`, each file a path or a URL, or with one thread `-`
 *   for stdin or whatever `evaluateShard` takes
 * @param options those of `evaluateShard`, and `jobs`: worker threads, default the processors there are, 1 for small
 *   inputs and for what can only be read from its beginning (CSV, JSONL, compressed .npz files); `groups`, the column
 *   of a table or the group of each sample, for `slices`, and `maxGroups`
 * @returns the meter, to be computed or merged with those of other shards
 * @throws as `evaluateShard`; of several faults the one of the first sample. Error when a worker dies, naming the
 *   samples
 * @example
 * const { meter } = await evaluateFiles({ logits: 'z.npy', targets: 'y.npy' }, { loss: { name: 'softmax' } });
 */
export function evaluateFiles(files: Files, options: FilesOptions): Promise<FilesResult> {
  return byThreads(files, options);
}

/**
 * Compare two classifiers on the same samples, on all processors: the state is the same, byte for byte, as that of one.
 *
 * @param files `{ baseline, candidate, targets }`, without targets for how far the two agree alone, or
 *   `{ table, target, baseline, candidate }` with the columns of either side's scores, or a table of each:
 *   `{ baseline, candidate, target, scores, candidateScores }`; each file as for `evaluateFiles`
 * @param options `loss` and the others of `evaluateFiles`, and in the place of `meter` `comparison`: the options of
 *   `FocalComparison`, without `classes` those of the files
 * @returns the comparison, to be computed, judged or merged with those of other shards
 * @throws as `evaluateFiles`; FileError where the two do not go together
 * @example
 * const files = { baseline: 'fp32.npy', candidate: 'int8.npy', targets: 'y.npy' };
 * const { comparison } = await compareFiles(files, { loss: { name: 'softmax' } });
 * const tables = { baseline: 'fp32.csv', candidate: 'int8.parquet', target: 'label', scores: 'p_*' };
 * const { comparison: same } = await compareFiles(tables, { loss: { name: 'softmax' } });
 */
export function compareFiles(files: PairFiles, options: CompareFilesOptions): Promise<CompareFilesResult> {
  return compareByThreads(files, options);
}

/**
 * Fit the temperature of files' logits, on all processors: the same bits as by one, and as `fitTemperature` of
 * `focal-simd/calibrate`, whose options it takes, too.
 *
 * @param files as for `evaluateFiles`; they are read once a pass
 * @param options `loss` ('softmax' or 'sigmoid'), `holdout`, `ignoreIndex`, `bins` and `input` as for `fitTemperature`;
 *   `classAxis`: 1 or −1 for the last, default 1; the others as for `evaluateFiles`; `onProgress` is called in each
 *   pass
 * @throws as `evaluateFiles`
 * @example
 * const { temperature } = await calibrateFiles({ logits: 'z.npy', targets: 'y.npy' });
 */
export function calibrateFiles(files: Files, options?: CalibrateFilesOptions): Promise<CalibrateFilesResult> {
  return calibrateByThreads(files, options);
}

/**
 * Evaluate shards: one in a line, one state a line out. The states keep their coverage, so a shard that is merged twice
 * is refused.
 *
 * @param lines JSON objects `{"logits": …, "targets": …, "firstIndex": …}` or `{"table": …, "target": …, "scores": …,
 *   "firstIndex": …}`; files are paths or URLs; `firstIndex` is the index of the shard's first sample among all
 *   (default 0)
 * @param options `loss` and `meter` as for `evaluateShard`
 * @returns the states as JSON, one a shard, in the order of the lines
 * @throws as `evaluateShard`, with the number of the line
 */
export function mapShards(lines: Lines, options: MapOptions): AsyncGenerator<string> {
  return map(lines, options);
}

/**
 * Merge states, one a line, in any order.
 *
 * @param lines what `mapShards`, `focal-simd map` or `evaluate --state` wrote
 * @returns the meter of all; states of different losses or options, or with samples that another has counted, are
 *   refused
 * @throws TypeError or RangeError with the number of the line; RangeError where there is none
 */
export function mergeStates(lines: Lines): Promise<Meter<AnyLoss>> {
  return merge(lines);
}
