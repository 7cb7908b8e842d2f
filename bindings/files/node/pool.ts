/** Evaluation by worker threads, each with kernels and file handles of its own, over ranges of the files. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { common, number, oneOf } from '../../input/checks.ts';
import { outOfRange, wrongType } from '../../input/errors.ts';
import type { FocalMeterConstructor } from '../../meter/api.ts';
import type { AnyLoss, Meter } from '../../meter/meter.ts';
import type { Dataset } from '../dataset.ts';
import { FileError } from '../errors.ts';
import { evaluateDataset } from '../evaluate.ts';
import { type Files, openDataset } from '../open.ts';
import { createMeter, readerOptions, type ShardOptions, type ShardResult } from '../shard.ts';
import { resolve } from './source.ts';

/** Options of `evaluateFiles`. */
export interface FilesOptions extends Omit<ShardOptions, 'resolve'> {
  /** Worker threads. Default: the processors there are; 1 for small inputs and for what can only be read from its beginning. */
  jobs?: number | undefined;
  /** Kernels that answer: `'scalar'` for the twin without WebAssembly. Default `'auto'`. */
  backend?: 'auto' | 'scalar';
}

/** What `evaluateFiles` gives. */
export interface FilesResult extends ShardResult {
  /** How many threads evaluated. */
  readonly jobs: number;
  /** Milliseconds within the library, reading left out, of all threads together. */
  readonly computing: number;
}

/** What a worker is told. */
export interface Task {
  readonly files: Files;
  readonly options: Pick<FilesOptions, 'loss' | 'meter' | 'names' | 'firstIndex' | 'bytes' | 'backend'>;
  readonly samples: number;
  readonly share: number;
  /** The next share to be taken, then of each worker the one that it works on. */
  readonly shares: Int32Array<SharedArrayBuffer>;
  readonly worker: number;
}

/** What a worker says: a share is done; everything is; or what was wrong in the share it works on. */
export type Answer =
  | { readonly done: number }
  | { readonly state: Uint8Array; readonly missing: number; readonly computing: number }
  | { readonly error: { name: string; message: string; file: string | null } };

/** Fewer logits than this are done before a worker has started. */
const SMALL = { arrays: 1 << 24, table: 1 << 20 };
const MOST_JOBS = 1024;
/** Of a thread, so that all end at about the same time. */
const SHARES = 16;
/** Samples of a share at least: what a chunk holds. */
const CHUNK = 1 << 20;

const OPTIONS = ['loss', 'meter', 'firstIndex', 'bytes', 'names', 'signal', 'onProgress', 'jobs', 'backend'];

/** Whether each file is told by a string, which a worker can open for itself. */
function isPlain(files: Files): boolean {
  return Object.values(files).every((input) => {
    const file = (input as { file?: unknown })?.file ?? input;
    return typeof file === 'string' || Array.isArray(file) || file === undefined;
  });
}

function jobsFor(files: Files, dataset: Dataset, given: number | undefined): number {
  const splittable = isPlain(files) && dataset.splittable && dataset.samples !== null;
  if (given !== undefined) {
    number('jobs', given, `an integer in [1, ${MOST_JOBS}]`, (x) => Number.isInteger(x) && x >= 1 && x <= MOST_JOBS);
    if (given > 1 && !isPlain(files)) throw outOfRange('jobs', '1 for files that are not told by paths or URLs', given);
    return splittable ? Math.min(given, Math.max(1, dataset.samples as number)) : 1;
  }
  const small = 'table' in files ? SMALL.table : SMALL.arrays;
  return splittable && (dataset.samples as number) * dataset.classes >= small ? availableParallelism() : 1;
}

/**
 * @param backends the meters by the name of the backend
 * @param program the script that a worker thread runs
 */
export function bindFiles(
  backends: { auto: FocalMeterConstructor; scalar: () => Promise<FocalMeterConstructor> },
  program: URL,
) {
  return async (files: Files, options: FilesOptions): Promise<FilesResult> => {
    if (options === undefined) throw wrongType('options', 'an object with loss', options);
    common('evaluateFiles', options, OPTIONS);
    const { names = null, signal, firstIndex = 0, bytes, onProgress, backend = 'auto' } = options;
    oneOf('backend', backend, ['auto', 'scalar']);
    signal?.throwIfAborted();
    const dataset = await openDataset(files, { ...readerOptions(options), names, resolve, signal });
    try {
      const FocalMeter = backend === 'auto' ? backends.auto : await backends.scalar();
      const meter = createMeter(FocalMeter, options, dataset.classes);
      const jobs = jobsFor(files, dataset, options.jobs);
      const counts =
        jobs === 1
          ? await evaluateDataset(dataset, meter, { firstIndex, bytes, signal, onProgress })
          : await evaluateByWorkers(program, files, options, dataset, jobs, (state) => {
              meter.merge(FocalMeter.fromBytes(state));
            });
      return { meter: meter as Meter<AnyLoss>, ...counts, names: dataset.names, jobs };
    } finally {
      await dataset.close();
    }
  };
}

async function evaluateByWorkers(
  program: URL,
  files: Files,
  { loss, meter, names, firstIndex, bytes = CHUNK, backend, signal, onProgress }: FilesOptions,
  dataset: Dataset,
  jobs: number,
  merge: (state: Uint8Array) => void,
): Promise<{ samples: number; missing: number; computing: number }> {
  const samples = dataset.samples as number;
  const least = Math.ceil(bytes / (4 * dataset.classes));
  const share = Math.max(1, Math.min(Math.ceil(samples / jobs), Math.max(least, Math.ceil(samples / (jobs * SHARES)))));
  const shares = new Int32Array(new SharedArrayBuffer(4 * (1 + jobs)));
  const options = {
    loss,
    ...(meter && { meter }),
    ...(names && { names }),
    ...(firstIndex !== undefined && { firstIndex }),
    ...(backend && { backend }),
    bytes,
  };
  const workers: Worker[] = [];
  const sum = { samples, missing: 0, computing: 0 };
  let done = 0;
  /** What went wrong, by the share in which it did. */
  const faults: { share: number; error: Error }[] = [];

  const run = (worker: number) =>
    new Promise<void>((end, reject) => {
      const task: Task = { files, options, samples, share, shares, worker };
      const thread = new Worker(program, { workerData: task });
      workers.push(thread);
      const fail = (error: Error) => {
        // no other share is begun
        Atomics.store(shares, 0, 0x40000000);
        faults.push({ share: shares[1 + worker] as number, error });
      };
      let ended = false;
      thread.on('message', (answer: Answer) => {
        if ('done' in answer) {
          done += answer.done;
          onProgress?.(done);
        } else {
          ended = true;
          if ('error' in answer) {
            fail(remade(answer.error));
          } else {
            merge(answer.state);
            sum.missing += answer.missing;
            sum.computing += answer.computing;
          }
        }
      });
      const died = (why: string, cause?: unknown) => {
        if (ended) return;
        ended = true;
        const first = (shares[1 + worker] as number) * share;
        const range = `samples ${first} to ${Math.min(samples, first + share) - 1}`;
        const what = `a worker died (${why}) while it evaluated ${range} of ${dataset.files.join(', ')}`;
        reject(new Error(what, { cause }));
      };
      thread.on('error', (error) => died((error as NodeJS.ErrnoException).code ?? error.message, error));
      thread.on('exit', (code) => {
        died(`exit code ${code}`);
        end();
      });
    });

  const stop = () => Promise.all(workers.map((worker) => worker.terminate()));
  const aborted = new Promise<never>((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  aborted.catch(() => {});
  try {
    await Promise.race([Promise.all(Array.from({ length: jobs }, (_, worker) => run(worker))), aborted]);
  } finally {
    await stop();
  }
  const [first] = faults.sort((a, b) => a.share - b.share);
  if (first) throw first.error;
  return sum;
}

/** An error that came out of a worker, of its class again. */
function remade({ name, message, file }: { name: string; message: string; file: string | null }): Error {
  if (file !== null) return new FileError(file, message.slice(message.indexOf(': ', file.length) + 2));
  return name === 'TypeError'
    ? new TypeError(message)
    : name === 'RangeError'
      ? new RangeError(message)
      : new Error(message);
}
