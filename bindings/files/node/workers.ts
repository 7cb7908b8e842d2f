/** A pool of worker threads over shares of the samples, each with kernels and file handles of its own. */
import { Worker } from 'node:worker_threads';
import { FileError } from '../errors.ts';

/** What all workers are told at their start, beside what they are to do. */
export interface Shares {
  readonly samples: number;
  /** Samples in a share. */
  readonly share: number;
  /** The next share to be taken, then of each worker the one that it works on. */
  readonly shares: Int32Array<SharedArrayBuffer>;
  readonly worker: number;
}

/** What a worker says: a share is done; the round is, with its result; or what was wrong in the share it works on. */
export type Answer =
  | { readonly done: number }
  | { readonly result: unknown }
  | { readonly error: { name: string; message: string; file: string | null } };

/** What is to be done, and by how many. */
export interface Work {
  readonly samples: number;
  readonly classes: number;
  /** The files, to be named where a worker dies. */
  readonly files: readonly string[];
  readonly jobs: number;
  /** Bytes of logits that are read at a time. */
  readonly bytes: number;
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of samples that are done of a round. */
  readonly onProgress?: ((samples: number) => void) | undefined;
}

/**
 * Have all samples worked on once.
 *
 * @param message goes to each worker
 * @param take is given what each worker has found
 */
export type Round<R> = (message: unknown, take: (result: R) => void) => Promise<void>;

/** Of a thread, so that all end at about the same time. */
const SHARES = 16;
/** No share has this index. */
const NONE = 0x40000000;

function shareOf({ samples, classes, jobs, bytes }: Work): number {
  // what is read at a time
  const least = Math.ceil(bytes / (4 * classes));
  return Math.max(1, Math.min(Math.ceil(samples / jobs), Math.max(least, Math.ceil(samples / (jobs * SHARES)))));
}

/**
 * Start workers, use them, and end them whatever happens.
 *
 * @param program what each of them runs
 * @param task what they are told at their start
 * @param use gets the function that runs a round
 * @throws of several faults in a round that of the first share; Error when a worker dies, naming the samples
 */
export async function withWorkers<R, T>(
  program: URL,
  task: object,
  work: Work,
  use: (round: Round<R>) => Promise<T>,
): Promise<T> {
  const { samples, jobs, signal, onProgress } = work;
  const share = shareOf(work);
  const shares = new Int32Array(new SharedArrayBuffer(4 * (1 + jobs)));
  let fail!: (reason: unknown) => void;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => {});
  const abort = () => fail(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });

  let answered: (answer: Answer, worker: number) => void = () => {};
  const workers = Array.from({ length: jobs }, (_, worker) => {
    const own: Shares = { samples, share, shares, worker };
    const thread = new Worker(program, { workerData: { ...task, ...own } });
    const died = (why: string, cause?: unknown) => {
      const first = (shares[1 + worker] as number) * share;
      const range = `samples ${first} to ${Math.min(samples, first + share) - 1}`;
      fail(new Error(`a worker died (${why}) while it worked on ${range} of ${work.files.join(', ')}`, { cause }));
    };
    thread.on('message', (answer: Answer) => answered(answer, worker));
    thread.on('error', (error) => died((error as NodeJS.ErrnoException).code ?? error.message, error));
    thread.on('exit', (code) => died(`exit code ${code}`));
    return thread;
  });

  const round: Round<R> = async (message, take) => {
    let done = 0;
    const faults: { share: number; error: Error }[] = [];
    Atomics.store(shares, 0, 0);
    const all = new Promise<void>((end) => {
      let left = jobs;
      answered = (answer, worker) => {
        if ('done' in answer) {
          done += answer.done;
          try {
            onProgress?.(done);
          } catch (error) {
            fail(error);
          }
          return;
        }
        const fault = (error: Error) => {
          // no other share is begun
          Atomics.store(shares, 0, NONE);
          faults.push({ share: shares[1 + worker] as number, error });
        };
        if ('error' in answer) {
          fault(remade(answer.error));
        } else {
          try {
            take(answer.result as R);
          } catch (error) {
            fault(error as Error);
          }
        }
        if (--left === 0) end();
      };
    });
    for (const worker of workers) worker.postMessage(message);
    await Promise.race([all, failed]);
    const [first] = faults.sort((a, b) => a.share - b.share);
    if (first) throw first.error;
  };

  try {
    return await use(round);
  } finally {
    signal?.removeEventListener('abort', abort);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
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
