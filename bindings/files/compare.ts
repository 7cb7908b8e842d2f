/** Two sets of logits of the same samples, read side by side into a comparison. */
import type { FocalComparisonConstructor } from '../compare/api.ts';
import type { Comparison, ComparisonOptions } from '../compare/comparison.ts';
import { counted } from '../input/errors.ts';
import type { AnyLoss } from '../meter/meter.ts';
import type { Chunk, Dataset } from './dataset.ts';
import { FileError } from './errors.ts';
import { type Counts, type EvaluateOptions, inFile } from './evaluate.ts';
import { checkKeys, type DatasetOptions, type Files, type Input, openArray, openDataset } from './open.ts';
import { relaid } from './relaid.ts';
import { type ClassesByFiles, type LossSpec, lossOf } from './shard.ts';
import { NO_TARGETS } from './table-dataset.ts';

/** Files of both sides' logits and, where there are any, of the targets, as for `evaluateShard`. */
export interface PairArrays {
  readonly baseline: Input;
  readonly candidate: Input;
  /** Left out, only how far the two agree is told. */
  readonly targets?: Input | undefined;
}

/** A table with the scores of both sides in columns. */
export interface PairTable {
  readonly table: Input;
  /** Column of the labels, as for `evaluateShard`. Left out, only how far the two agree is told. */
  readonly target?: string | undefined;
  /** Columns of the scores of either side: names, patterns such as `a_*`, or one column of lists. */
  readonly baseline: string | readonly string[];
  readonly candidate: string | readonly string[];
}

/** Files of two models on the same samples. */
export type PairFiles = PairArrays | PairTable;

/** Both sides as datasets of the same samples. */
export interface Pair {
  readonly baseline: Dataset;
  readonly candidate: Dataset;
  /** Whether the targets are any. */
  readonly labelled: boolean;
  close(): Promise<void>;
}

/** The files of one side, as those of an evaluation. */
async function sideOf(files: PairFiles, side: 'baseline' | 'candidate', options: DatasetOptions): Promise<Files> {
  if ('table' in files) {
    const { table, target = NO_TARGETS } = files;
    return { table, target, scores: files[side] } as Files;
  }
  return { logits: files[side], targets: files.targets ?? (await noTargets(files[side], options)) };
}

/** Columns of a table go together by the names of their classes, not by where they stand. */
async function openCandidate(files: Files, options: DatasetOptions, baseline: Dataset): Promise<Dataset> {
  const candidate = await openDataset(files, options);
  const [names, others] = [baseline.names, candidate.names];
  const same = !names || !others || names.length !== others.length || names.every((name, i) => name === others[i]);
  if (!('table' in files) || same) return candidate;
  await candidate.close();
  return openDataset(files, { ...options, names });
}

/**
 * Open the files of two models.
 *
 * @throws FileError when they are not what they should be or do not go together; TypeError or RangeError for an option
 */
export async function openPair(files: PairFiles, options: DatasetOptions = {}): Promise<Pair> {
  checkKeys('files', files, 'an object { baseline, candidate, targets } or { table, target, baseline, candidate }', [
    [['baseline', 'candidate'], ['targets']],
    [['table', 'baseline', 'candidate'], ['target']],
  ]);
  const labelled = ('table' in files ? files.target : files.targets) !== undefined;
  const baseline = await openDataset(await sideOf(files, 'baseline', options), options);
  try {
    const opened = openCandidate(await sideOf(files, 'candidate', options), options, baseline);
    const candidate = await opened.catch(async (error) => {
      // the targets fit the baseline: where they do not fit the candidate, it is that which differs
      if ('table' in files || !labelled || !(error instanceof FileError) || error.passing) throw error;
      const alone = { logits: files.candidate, targets: await noTargets(files.candidate, options) };
      const bare = await openDataset(alone, options);
      await bare.close();
      throw sizeOf(bare) === sizeOf(baseline) ? error : unlike(bare, baseline);
    });
    const close = async () => {
      await Promise.all([baseline.close(), candidate.close()]);
    };
    if (sizeOf(candidate) === sizeOf(baseline)) return { baseline, candidate, labelled, close };
    await candidate.close();
    throw unlike(candidate, baseline);
  } catch (error) {
    await baseline.close();
    throw error;
  }
}

const unlike = (candidate: Dataset, baseline: Dataset): FileError =>
  new FileError(candidate.files[0] as string, `expected ${sizeOf(baseline)} as the baseline, got ${sizeOf(candidate)}`);

const sizeOf = ({ samples, classes }: Dataset): string =>
  `${samples === null ? 'any number of samples' : counted(samples, 'sample')} of ${counted(classes, 'class')}`;

/** Targets that are not there: zeros of the shape that goes with the logits, which nobody looks at. */
async function noTargets(logits: Input, options: DatasetOptions): Promise<Input> {
  const array = await openArray(logits, 'logits', options);
  const { shape, name } = array;
  await array.close();
  const dims = options.classAxis === -1 ? shape.slice(0, -1) : shape.filter((_, axis) => axis !== 1);
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${dims.map((d) => `${d},`).join(' ')}), }`;
  const header = new Uint8Array(10 + text.length);
  header.set(new TextEncoder().encode('?NUMPY\x01\0'));
  header[0] = 0x93;
  new DataView(header.buffer).setUint16(8, text.length, true);
  header.set(new TextEncoder().encode(text), 10);
  return {
    name,
    size: header.length + dims.reduce((product, d) => product * d, 1),
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      if (offset < header.length) bytes.set(header.subarray(offset, Math.min(header.length, offset + length)));
      return bytes;
    },
  };
}

/** What to compare by. */
export interface ComparisonSpec {
  loss: LossSpec;
  /** The options of `FocalComparison`; `classes` may be left out, then the files tell. Default: its defaults. */
  comparison?: ClassesByFiles<ComparisonOptions<AnyLoss>>;
}

/**
 * The comparison of a specification.
 *
 * @param classes of the files
 * @throws TypeError or RangeError for an option of the wrong type or value, or an unknown one
 */
export function createComparison(
  FocalComparison: FocalComparisonConstructor,
  { loss, comparison = {} }: ComparisonSpec,
  classes: number,
): Comparison<AnyLoss> {
  return new FocalComparison<AnyLoss>(lossOf(loss), { classes, ...comparison } as ComparisonOptions<AnyLoss>);
}

/** The default of `bytes`. */
const CHUNK = 1 << 22;

/**
 * Count the samples of both sides, or some of them, into a comparison.
 *
 * @throws as `evaluateDataset`; FileError when the two come in different pieces. The comparison keeps what was counted until then
 */
export async function compareDatasets(
  { baseline, candidate, labelled }: Pair,
  comparison: Pick<Comparison<AnyLoss>, 'update'>,
  options: EvaluateOptions = {},
): Promise<Counts> {
  const { firstIndex = 0, from = 0, to, bytes = CHUNK, signal, onProgress } = options;
  // as many logits at a time of either side, whatever their types
  const logits = Math.floor(bytes / Math.max(baseline.itemsize, candidate.itemsize));
  const chunks = (side: Dataset) => side.chunks(from, to, { bytes: logits * side.itemsize, signal });
  const candidates = chunks(candidate);
  const sum = { samples: 0, missing: 0, computing: 0 };
  try {
    for await (const chunk of chunks(baseline)) {
      const { value } = (await candidates.next()) as { value?: Chunk };
      if (value?.first !== chunk.first || value.samples !== chunk.samples) {
        throw new FileError(
          candidate.files[0] as string,
          'lies in another order than the baseline: save both as numpy.ascontiguousarray(logits)',
        );
      }
      const start = performance.now();
      try {
        const targets = labelled ? chunk.targets : undefined;
        // rows in Fortran order come as planes
        const dims = chunk.logits.dims as readonly [number, number, number];
        const positions = value.logits.dims?.[2] as number;
        const other = { ...value.logits, data: relaid(value.logits.data, dims[1], positions, dims[2]), dims };
        comparison.update(chunk.logits, other, targets, { firstIndex: firstIndex + chunk.first });
      } catch (error) {
        throw inFile(error, baseline, chunk);
      }
      sum.computing += performance.now() - start;
      sum.samples += chunk.samples;
      sum.missing += labelled ? chunk.missing : 0;
      onProgress?.(sum.samples);
    }
  } finally {
    await candidates.return(undefined);
  }
  return sum;
}
