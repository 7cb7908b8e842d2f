/** Two sets of logits of the same samples, read side by side into a comparison. */
import type { FocalComparisonConstructor } from '../compare/api.ts';
import type { Comparison, ComparisonOptions } from '../compare/comparison.ts';
import { counted } from '../input/errors.ts';
import type { Tensor } from '../input/tensors.ts';
import type { AnyLoss } from '../meter/meter.ts';
import type { Chunk, Dataset, LabelData } from './dataset.ts';
import { FileError, quoted } from './errors.ts';
import { type Counts, type EvaluateOptions, inFile } from './evaluate.ts';
import {
  checkKeys,
  type DatasetOptions,
  type Files,
  type Input,
  inspect,
  openArray,
  openBeside,
  openDataset,
} from './open.ts';
import { relaid } from './relaid.ts';
import { type ClassesByFiles, type LossSpec, lossOf } from './shard.ts';
import { matches, NO_TARGETS } from './table-dataset.ts';

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

/**
 * A table of each model, with the same samples in the same order. Their formats may differ, and the order of their
 * columns.
 */
export interface PairTables {
  readonly baseline: Input;
  readonly candidate: Input;
  /**
   * Column of the labels, as for `evaluateShard`, of the baseline; where the candidate has it, too, it must hold the
   * same ones. Left out, only how far the two agree is told.
   */
  readonly target?: string | undefined;
  /** Columns of the scores, as for `evaluateShard`. */
  readonly scores?: string | readonly string[] | undefined;
  /** Those of the candidate. Default: `scores`. */
  readonly candidateScores?: string | readonly string[] | undefined;
}

/** Files of two models on the same samples. */
export type PairFiles = PairArrays | PairTable | PairTables;

/** Whether the files are a table of each. */
const areTables = (files: PairFiles): files is PairTables =>
  !('table' in files) && ['target', 'scores', 'candidateScores'].some((key) => key in files);

/** Whether what is read are columns of tables. */
export const areTabled = (files: PairFiles): files is PairTable | PairTables => 'table' in files || areTables(files);

/** Both sides as datasets of the same samples. */
export interface Pair {
  readonly baseline: Dataset;
  readonly candidate: Dataset;
  /** Whether the targets are any. */
  readonly labelled: boolean;
  /** Whether the candidate has targets of its own, which have to be the same. */
  readonly twice: boolean;
  /** The target that stands for none. */
  readonly ignoreIndex: number;
  close(): Promise<void>;
}

/** The files of one side, as those of an evaluation. */
async function sideOf(files: PairFiles, side: 'baseline' | 'candidate', options: DatasetOptions): Promise<Files> {
  if ('table' in files) {
    const { table, target = NO_TARGETS } = files;
    return { table, target, scores: files[side] } as Files;
  }
  if (areTables(files)) {
    const { target, scores, candidateScores = scores } = files;
    const table = files[side];
    const labels = side === 'baseline' || (await hasColumn(table, target, options)) ? target : undefined;
    return { table, target: labels ?? NO_TARGETS, scores: side === 'baseline' ? scores : candidateScores } as Files;
  }
  return { logits: files[side], targets: files.targets ?? (await noTargets(files[side], options)) };
}

async function hasColumn(table: Input, column: unknown, options: DatasetOptions): Promise<boolean> {
  if (typeof column !== 'string') return false;
  const { columns } = await inspect(table, options);
  return columns?.some(({ name }) => matches(column, name)) ?? false;
}

/**
 * Open the files of two models.
 *
 * @throws FileError when they are not what they should be or do not go together; TypeError or RangeError for an option
 */
export async function openPair(files: PairFiles, options: DatasetOptions = {}): Promise<Pair> {
  const expected =
    'an object { baseline, candidate, targets }, { table, target, baseline, candidate } or ' +
    '{ baseline, candidate, target, scores, candidateScores }';
  checkKeys('files', files, expected, [
    [['baseline', 'candidate'], ['targets']],
    [['table', 'baseline', 'candidate'], ['target']],
    [
      ['baseline', 'candidate'],
      ['target', 'scores', 'candidateScores'],
    ],
  ]);
  const { ignoreIndex = -100 } = options;
  const tabled = areTabled(files);
  const labelled = (tabled ? files.target : files.targets) !== undefined;
  const baseline = await openDataset(await sideOf(files, 'baseline', options), options);
  try {
    const side = await sideOf(files, 'candidate', options);
    const names = tabled ? baseline.names : options.names;
    const candidate = await openBeside(side, { ...options, names: names ?? null }, baseline).catch(async (error) => {
      // the targets fit the baseline: where they do not fit the candidate, it is that which differs
      if (tabled || !labelled || !(error instanceof FileError) || error.passing) throw error;
      const alone = { logits: files.candidate, targets: await noTargets(files.candidate, options) };
      const bare = await openBeside(alone, options, baseline);
      await bare.close();
      throw goTogether(bare, baseline) ? error : unlike(bare, baseline);
    });
    const close = async () => {
      await Promise.all([baseline.close(), candidate.close()]);
    };
    const twice = areTables(files) && 'table' in side && typeof side.target === 'string';
    if (goTogether(candidate, baseline)) return { baseline, candidate, labelled, twice, ignoreIndex, close };
    await candidate.close();
    throw unlike(candidate, baseline);
  } catch (error) {
    await baseline.close();
    throw error;
  }
}

type Size = Pick<Dataset, 'samples' | 'classes'>;

/** How many samples a text has only reading it to the end tells. */
const goTogether = (a: Size, b: Size): boolean =>
  a.classes === b.classes && (a.samples === b.samples || a.samples === null || b.samples === null);

const unlike = ({ files: [file], ...candidate }: Size & Pick<Dataset, 'files'>, baseline: Size): FileError =>
  new FileError(file as string, `expected ${sizeOf(baseline)} as the baseline, got ${sizeOf(candidate)}`);

const sizeOf = ({ samples, classes }: Size): string =>
  `${samples === null ? '' : `${counted(samples, 'sample')} of `}${counted(classes, 'class')}`;

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

/** Some consecutive samples of a tensor with `classes` numbers each, as rows. */
function rowsOf<T extends Tensor<Chunk['logits']['data'] | LabelData>>(
  tensor: T,
  classes: number,
  at: number,
  samples: number,
): T {
  const data = tensor.data as Float32Array;
  const dims = tensor.dims as readonly number[];
  const rows = relaid(data, classes, dims.at(-1) as number, 1);
  const shape = dims.length === 3 ? [samples, classes, 1] : [samples, 1];
  return { ...tensor, data: rows.subarray(at * classes, (at + samples) * classes), dims: shape };
}

/** The samples of one side, as many at a time as both have read. */
class Side {
  readonly #chunks: AsyncGenerator<Chunk>;
  #chunk: Chunk | null = null;
  #at = 0;

  constructor(chunks: AsyncGenerator<Chunk>) {
    this.#chunks = chunks;
  }

  /** How many samples there are without reading on; 0 at the end. */
  async ready(): Promise<number> {
    while (this.#chunk === null || this.#at === this.#chunk.samples) {
      const { value, done } = await this.#chunks.next();
      if (done) return 0;
      this.#chunk = value;
      this.#at = 0;
    }
    return this.#chunk.samples - this.#at;
  }

  /** Some of those that are ready. */
  take(samples: number): Chunk {
    const [chunk, at] = [this.#chunk as Chunk, this.#at];
    this.#at += samples;
    if (samples === chunk.samples) return chunk;
    const { logits, targets } = chunk;
    const classes = logits.dims?.[1] as number;
    return {
      ...chunk,
      first: chunk.first + at,
      samples,
      // told once for all of the chunk
      missing: at === 0 ? chunk.missing : 0,
      logits: rowsOf(logits, classes, at, samples),
      targets: rowsOf(targets, targets.dims?.length === 3 ? classes : 1, at, samples),
    };
  }

  /** How many samples there are to the end, which are read and dropped. */
  async rest(): Promise<number> {
    let sum = 0;
    for (let some = await this.ready(); some > 0; some = await this.ready()) {
      this.#at += some;
      sum += some;
    }
    return sum;
  }

  async close(): Promise<void> {
    await this.#chunks.return(undefined);
  }
}

/** @throws FileError where the labels of the same rows differ */
function checkSame({ baseline, candidate, ignoreIndex }: Pair, ours: Chunk, theirs: Chunk): void {
  const [a, b] = [ours.targets.data, theirs.targets.data] as unknown as [Float64Array, Float64Array];
  const i = a.findIndex((y, k) => y !== b[k]);
  if (i < 0) return;
  const perSample = a.length / ours.samples;
  const names = baseline.classes > 1 ? baseline.names : null;
  const named = (c: number) => (names?.[c] === undefined ? `${c}` : quoted(names[c]));
  const told = (y: number) => (y === ignoreIndex ? 'none' : perSample > 1 ? `${y}` : named(y));
  const where = perSample > 1 ? ` of class ${named(i % perSample)}` : '';
  const differ = `label${where} ${told(b[i]!)}, in ${baseline.files[0]} ${told(a[i]!)}`;
  throw new FileError(
    candidate.files[0] as string,
    `row ${ours.first + Math.floor(i / perSample)}: ${differ}: the rows must be the same samples in the same order`,
  );
}

/**
 * Count the samples of both sides, or some of them, into a comparison.
 *
 * @throws as `evaluateDataset`; FileError where one side has more samples, or other labels. The comparison keeps what
 *   was counted until then
 */
export async function compareDatasets(
  pair: Pair,
  comparison: Pick<Comparison<AnyLoss>, 'update'>,
  options: EvaluateOptions = {},
): Promise<Counts> {
  const { baseline, candidate, labelled, twice } = pair;
  const { firstIndex = 0, from = 0, to, bytes = CHUNK, signal, onProgress } = options;
  // as many logits at a time of either side, whatever their types
  const logits = Math.floor(bytes / Math.max(baseline.itemsize, candidate.itemsize));
  const side = (of: Dataset) => new Side(of.chunks(from, to, { bytes: logits * of.itemsize, signal }));
  const [ours, theirs] = [side(baseline), side(candidate)];
  const sum = { samples: 0, missing: 0, computing: 0 };
  try {
    for (;;) {
      // texts come in blocks of their own size
      const [a, b] = [await ours.ready(), await theirs.ready()];
      const samples = Math.min(a, b);
      if (samples === 0) {
        if (a === b) return sum;
        const sized = async (of: Dataset, rest: Promise<number>) => {
          const { classes, files } = of;
          return { classes, files, samples: from + sum.samples + (await rest) };
        };
        throw unlike(await sized(candidate, theirs.rest()), await sized(baseline, ours.rest()));
      }
      const [chunk, value] = [ours.take(samples), theirs.take(samples)];
      if (twice) checkSame(pair, chunk, value);
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
      sum.samples += samples;
      sum.missing += labelled ? chunk.missing : 0;
      onProgress?.(sum.samples);
    }
  } finally {
    await Promise.all([ours.close(), theirs.close()]);
  }
}
