import type { Tensor } from '../input/tensors.ts';
import type { Elements } from './dtypes.ts';

/** What of a file goes into one call of `update` or `forward`. */
export interface Labels {
  /** Index of the first sample among those of the dataset. */
  readonly first: number;
  readonly samples: number;
  readonly targets: Tensor<LabelData>;
  /** How many of the samples have no label in the file; their target is the ignore index. */
  readonly missing: number;
}

/** Labels in memory: class indices, or for dense targets numbers in [0, 1]. */
export type LabelData = Exclude<Elements, Float32Array | Float64Array>;

/** Some samples one after another, in the order of the targets. Valid until the next chunk is asked for. */
export interface Chunk extends Labels {
  readonly logits: Tensor<Float32Array | Float64Array | Uint16Array>;
  /** The columns that were asked for beside, one value a sample. */
  readonly columns: Readonly<Record<string, readonly unknown[]>>;
}

/** How a dataset is read piece by piece. */
export interface ChunkOptions {
  /** Most bytes of logits at a time; a sample that is longer still comes whole. Default 4 MiB. */
  bytes?: number;
  signal?: AbortSignal | undefined;
}

/** Samples with logits and targets, whatever the files they come from. */
export interface Dataset {
  /** How many there are; null where only reading to the end can tell (CSV, JSONL). Those come as one range. */
  readonly samples: number | null;
  /** Whether ranges can be read by several readers at a time; not of streams, which have to be read from their beginning. */
  readonly splittable: boolean;
  readonly classes: number;
  /** Bytes of a logit as it is read, of which `bytes` of a chunk are so many. */
  readonly itemsize: number;
  /** Names of the classes, where the files have them or they were given. */
  readonly names: readonly string[] | null;
  /** The files, by name. */
  readonly files: readonly string[];
  /**
   * The samples from one index to another, piece by piece; the next piece is read while one is worked on.
   *
   * @param from default 0
   * @param to default: the end
   * @throws FileError for what is wrong with the files, the signal's reason when it is aborted
   */
  chunks(from?: number, to?: number, options?: ChunkOptions): AsyncGenerator<Chunk>;
  /** The same without the logits: a pass over the targets alone. */
  labels(from?: number, to?: number, options?: ChunkOptions): AsyncGenerator<Labels>;
  close(): Promise<void>;
}

/** Most bytes of a chunk unless told. */
export const CHUNK = 1 << 22;
