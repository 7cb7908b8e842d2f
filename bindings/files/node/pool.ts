/** Files worked on by worker threads, over ranges of their samples, or by this one alone. */
import { availableParallelism } from 'node:os';
import { type Ask, type CalibrationOptions, type Found, Pass, readCalibration } from '../../calibrate/pass.ts';
import { temperatureOf } from '../../calibrate/temperature.ts';
import type { Temperature, TemperatureOptions } from '../../calibrate/types.ts';
import type { FocalComparisonConstructor } from '../../compare/api.ts';
import type { Comparison } from '../../compare/comparison.ts';
import { common, number, oneOf } from '../../input/checks.ts';
import { outOfRange, wrongType } from '../../input/errors.ts';
import type { FocalMeterConstructor } from '../../meter/api.ts';
import { GroupNames } from '../../meter/group-names.ts';
import type { AnyLoss, Meter } from '../../meter/meter.ts';
import type { Groups, Slices } from '../../meter/slices.ts';
import type { SlicedMeterConstructor } from '../../meter/slices-api.ts';
import {
  areTabled,
  type ComparisonSpec,
  compareDatasets,
  createComparison,
  openPair,
  type PairFiles,
} from '../compare.ts';
import type { Dataset } from '../dataset.ts';
import { type Counts, checkHooks, type EvaluateOptions, evaluateDataset } from '../evaluate.ts';
import { type DatasetOptions, type Files, openDataset } from '../open.ts';
import { createMeter, createSlices, readerOptions, type ShardOptions, type ShardResult } from '../shard.ts';
import { resolve } from './source.ts';
import { type Work, withWorkers } from './workers.ts';

/** How work is shared out. */
export interface JobsOptions {
  /** Worker threads. Default: the processors there are; 1 for small inputs and for what can only be read from its beginning. */
  jobs?: number | undefined;
  /** Kernels that answer: `'scalar'` for the twin without WebAssembly. Default `'auto'`. */
  backend?: 'auto' | 'scalar';
}

/** Options of `evaluateFiles`. */
export interface FilesOptions extends Omit<ShardOptions, 'resolve'>, JobsOptions {
  /** A report for each group of samples: the column of a table that tells it, or the group of each sample, shape [N]. */
  groups?: string | Groups | undefined;
  /** Most groups that may occur. Default 1000. */
  maxGroups?: number | undefined;
}

/** What `evaluateFiles` gives. */
export interface FilesResult extends ShardResult {
  /** With `groups`: a meter each; `meter` is that of all samples. */
  readonly slices: Slices<AnyLoss> | null;
  /** How many threads evaluated. */
  readonly jobs: number;
  /** Milliseconds within the library, reading left out, of all threads together. */
  readonly computing: number;
}

/** Options of `compareFiles`. */
export interface CompareFilesOptions
  extends ComparisonSpec,
    Omit<FilesOptions, 'loss' | 'meter' | 'groups' | 'maxGroups'> {}

/** What `compareFiles` gives. */
export interface CompareFilesResult extends Omit<FilesResult, 'meter' | 'slices'> {
  readonly comparison: Comparison<AnyLoss>;
}

/** Options of `calibrateFiles`. */
export interface CalibrateFilesOptions
  extends TemperatureOptions,
    Omit<FilesOptions, 'loss' | 'meter' | 'groups' | 'maxGroups'>,
    Pick<DatasetOptions, 'classAxis'> {}

/** What `calibrateFiles` gives. */
export interface CalibrateFilesResult extends Temperature {
  /** How many threads worked. */
  readonly jobs: number;
}

/** What a worker is told to do. */
export type Task = { readonly plain: Plain } & (
  | {
      readonly kind: 'evaluate';
      readonly files: Files;
      readonly spec: Pick<FilesOptions, 'loss' | 'meter' | 'maxGroups'>;
      readonly groups: GroupColumn | GroupList | null;
    }
  | { readonly kind: 'compare'; readonly files: PairFiles; readonly spec: ComparisonSpec }
  | {
      readonly kind: 'calibrate';
      readonly files: Files;
      readonly spec: { readonly options: CalibrationOptions; readonly reading: Pick<DatasetOptions, 'classAxis'> };
    }
);

/** Options as plain data. */
export type Plain = Pick<FilesOptions, 'names' | 'firstIndex' | 'bytes' | 'backend'>;

/** What a worker has counted. */
export interface Counted {
  readonly state: Uint8Array;
  readonly missing: number;
  readonly computing: number;
}

/** Fewer logits than this are done before a worker has started. */
const SMALL = { arrays: 1 << 24, table: 1 << 20 };
const MOST_JOBS = 1024;
/** Bytes of logits at a time, unless told. */
const CHUNK = 1 << 20;

const OPTIONS = ['firstIndex', 'bytes', 'names', 'signal', 'onProgress', 'jobs', 'backend'];

/** The column that tells the groups. */
type GroupColumn = string;

/** The group of each sample in memory that threads share: a number each, and what the numbers are called. */
interface GroupList {
  readonly names: readonly string[];
  readonly ids: Int32Array<SharedArrayBuffer>;
}

function readGroups(groups: unknown): GroupColumn | GroupList | null {
  if (groups === undefined) return null;
  if (typeof groups === 'string') return groups;
  if (typeof groups !== 'object') {
    throw wrongType('groups', 'the name of a column or an array of strings or integers', groups);
  }
  // how many there may be is for the meters to say
  const names = new GroupNames(Infinity);
  const numbers = names.read(groups);
  const ids = new Int32Array(new SharedArrayBuffer(4 * numbers.length));
  ids.set(numbers);
  return { names: names.list, ids };
}

/** How the groups of a chunk are told. */
export function groupsOf(groups: GroupColumn | GroupList | null): EvaluateOptions['groups'] {
  if (groups === null || typeof groups === 'string') return groups ?? undefined;
  const { names, ids } = groups;
  return ({ first, samples }) => Array.from(ids.subarray(first, first + samples), (id) => names[id] as string);
}

/** The columns that are read beside. */
export const columnsOf = (groups: GroupColumn | GroupList | null): string[] =>
  typeof groups === 'string' ? [groups] : [];

/** The meters of a backend. */
export interface Meters {
  readonly FocalMeter: FocalMeterConstructor;
  readonly SlicedMeter: SlicedMeterConstructor;
}

/** Whether each file is told by a string, which a worker can open for itself. */
function isPlain(files: object): boolean {
  return Object.values(files).every((input) => {
    const file = (input as { file?: unknown })?.file ?? input;
    return typeof file === 'string' || Array.isArray(file) || file === undefined;
  });
}

/** The datasets that are read side by side. */
function jobsFor(files: object, sides: readonly Dataset[], given: number | undefined): number {
  const [{ samples, classes }] = sides as [Dataset];
  const splittable = isPlain(files) && sides.every((side) => side.splittable) && samples !== null;
  if (given !== undefined) {
    number('jobs', given, `an integer in [1, ${MOST_JOBS}]`, (x) => Number.isInteger(x) && x >= 1 && x <= MOST_JOBS);
    if (given > 1 && !isPlain(files)) throw outOfRange('jobs', '1 for files that are not told by paths or URLs', given);
    return splittable ? Math.min(given, Math.max(1, samples)) : 1;
  }
  const small = 'table' in files || areTabled(files as PairFiles) ? SMALL.table : SMALL.arrays;
  return splittable && samples * classes * sides.length >= small ? availableParallelism() : 1;
}

/** The options that are common to all, checked. */
function readOptions(name: string, given: unknown, known: readonly string[]): void {
  const options = common(name, given, [...OPTIONS, ...known]) as JobsOptions & EvaluateOptions;
  const { backend = 'auto', signal } = options;
  oneOf('backend', backend, ['auto', 'scalar']);
  checkHooks(options);
  signal?.throwIfAborted();
}

function plainOf({ names, firstIndex, bytes = CHUNK, backend }: Plain): Plain {
  return {
    bytes,
    ...(names && { names }),
    ...(firstIndex !== undefined && { firstIndex }),
    ...(backend && { backend }),
  };
}

/** How samples are counted, whatever by. */
type Counting = Omit<EvaluateOptions, 'groups'>;

/** The work that is shared out. */
function workOf(sides: readonly Dataset[], jobs: number, { bytes, signal, onProgress }: Counting): Work {
  const [{ samples, classes }] = sides as [Dataset];
  return {
    samples: samples as number,
    classes: classes * sides.length,
    files: [...new Set(sides.flatMap(({ files }) => files))],
    jobs,
    bytes: bytes ?? CHUNK,
    signal,
    onProgress,
  };
}

/** Count the samples of files into something: by one thread, or by many whose states are merged. */
async function count(
  program: URL,
  task: Task,
  { jobs, sides, options }: { jobs: number; sides: readonly Dataset[]; options: Counting },
  alone: (options: Counting) => Promise<Counts>,
  merge: (state: Uint8Array) => void,
): Promise<Counts> {
  if (jobs === 1) return alone(options);
  const work = workOf(sides, jobs, options);
  const sum = { samples: work.samples, missing: 0, computing: 0 };
  await withWorkers<Counted, void>(program, task, work, (round) =>
    round(null, ({ state, missing, computing }) => {
      merge(state);
      sum.missing += missing;
      sum.computing += computing;
    }),
  );
  return sum;
}

/** Something for each backend. */
export interface Backends<T> {
  readonly auto: () => Promise<T>;
  readonly scalar: () => Promise<T>;
}

/**
 * @param backends the meters by the name of the backend
 * @param program the script that a worker thread runs
 */
export function defineFiles(backends: Backends<Meters>, program: URL) {
  return async (files: Files, options: FilesOptions): Promise<FilesResult> => {
    if (options === undefined) throw wrongType('options', 'an object with loss', options);
    readOptions('evaluateFiles', options, ['loss', 'meter', 'groups', 'maxGroups']);
    const { names = null, signal, backend = 'auto', loss, meter: given, maxGroups } = options;
    const groups = readGroups(options.groups);
    const columns = columnsOf(groups);
    const dataset = await openDataset(files, { ...readerOptions(options), names, columns, resolve, signal });
    try {
      const { samples, classes } = dataset;
      if (groups !== null && typeof groups !== 'string' && samples !== null && groups.ids.length !== samples) {
        throw outOfRange('groups', `${samples}, one a sample`, groups.ids.length);
      }
      const { FocalMeter, SlicedMeter } = await backends[backend]();
      const slices = groups === null ? null : createSlices(SlicedMeter, options, classes, maxGroups);
      const meter: Meter<AnyLoss> = createMeter(FocalMeter, options, classes);
      const sides = [dataset];
      const jobs = jobsFor(files, sides, options.jobs);
      const spec = { loss, ...(given && { meter: given }), ...(maxGroups !== undefined && { maxGroups }) };
      const counts = await count(
        program,
        { kind: 'evaluate', files, spec, groups, plain: plainOf(options) },
        { jobs, sides, options },
        (read) => evaluateDataset(dataset, slices ?? meter, { ...read, groups: groupsOf(groups) }),
        (state) => (slices ? slices.merge(SlicedMeter.fromBytes(state)) : meter.merge(FocalMeter.fromBytes(state))),
      );
      return { meter: slices?.total() ?? meter, slices, ...counts, names: dataset.names, jobs };
    } finally {
      await dataset.close();
    }
  };
}

/** The same of comparisons. */
export function defineCompareFiles(backends: Backends<FocalComparisonConstructor>, program: URL) {
  return async (files: PairFiles, options: CompareFilesOptions): Promise<CompareFilesResult> => {
    if (options === undefined) throw wrongType('options', 'an object with loss', options);
    readOptions('compareFiles', options, ['loss', 'comparison']);
    const { names = null, signal, backend = 'auto', loss, comparison: given } = options;
    const pair = await openPair(files, { ...readerOptions(options), names, resolve, signal });
    try {
      const FocalComparison = await backends[backend]();
      const sides = [pair.baseline, pair.candidate];
      const comparison = createComparison(FocalComparison, options, pair.baseline.classes);
      const jobs = jobsFor(files, sides, options.jobs);
      const counts = await count(
        program,
        { kind: 'compare', files, spec: { loss, ...(given && { comparison: given }) }, plain: plainOf(options) },
        { jobs, sides, options },
        (read) => compareDatasets(pair, comparison, read),
        (state) => comparison.merge(FocalComparison.fromBytes(state)),
      );
      return { comparison, ...counts, names: pair.baseline.names, jobs };
    } finally {
      await pair.close();
    }
  };
}

/** Temperatures of files. */
export function defineCalibrateFiles(backends: Backends<Meters>, program: URL) {
  return async (files: Files, options: CalibrateFilesOptions = {}): Promise<CalibrateFilesResult> => {
    const known = ['loss', 'holdout', 'ignoreIndex', 'bins', 'input', 'classAxis'];
    readOptions('calibrateFiles', options, known);
    const { loss, holdout, ignoreIndex, bins, input, classAxis, names = null, signal, backend = 'auto' } = options;
    const fitting = readCalibration('calibrateFiles', { loss, holdout, ignoreIndex, bins, input });
    const reading = { ignoreIndex: fitting.ignoreIndex, ...(classAxis !== undefined && { classAxis }) };
    const dataset = await openDataset(files, { ...reading, names, resolve, signal });
    try {
      const { FocalMeter } = await backends[backend]();
      const jobs = jobsFor(files, [dataset], options.jobs);
      const temperatureBy = (pass: (ask: Ask, into: Pass) => Promise<unknown>) =>
        temperatureOf(async (ask) => {
          const into = new Pass(FocalMeter, fitting);
          await pass(ask, into);
          return into;
        });
      if (jobs === 1) {
        const found = await temperatureBy((ask, into) => evaluateDataset(dataset, into.asking(ask), options));
        return { ...found, jobs };
      }
      const task: Task = { kind: 'calibrate', files, spec: { options: fitting, reading }, plain: plainOf(options) };
      const found = await withWorkers<Found, Temperature>(program, task, workOf([dataset], jobs, options), (round) =>
        temperatureBy((ask, into) => round(ask, (part) => into.merge(part))),
      );
      return { ...found, jobs };
    } finally {
      await dataset.close();
    }
  };
}
