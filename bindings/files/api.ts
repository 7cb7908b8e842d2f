/** What `focal-simd/files` exports beside `evaluateShard`. */
export type { Chunk, ChunkOptions, Dataset, Labels } from './dataset.ts';
export type { Dtype, Elements } from './dtypes.ts';
export { FileError } from './errors.ts';
export { type Counts, countTargets, type EvaluateOptions, evaluateDataset } from './evaluate.ts';
export {
  type ArrayFiles,
  type DatasetOptions,
  type FileInfo,
  type FileInput,
  type Files,
  type Format,
  type Input,
  inspect,
  type OpenOptions,
  openArray,
  openDataset,
  type Resolve,
  type TableFile,
} from './open.ts';
export type { EvaluationSpec, LossSpec, MeterSpec, ShardOptions, ShardResult } from './shard.ts';
export { fromBlob, fromBytes, fromStream, fromURL, type Source, type URLOptions } from './source.ts';
export type { StoredArray } from './stored-array.ts';
export type { Column, ColumnKind } from './table.ts';
