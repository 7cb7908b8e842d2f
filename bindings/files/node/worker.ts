/** What a worker thread of `evaluateFiles` runs: takes shares of the samples until none is left, then gives its state. */
import { parentPort, workerData } from 'node:worker_threads';
import { FocalMeter } from '../../entries/meter.ts';
import { FileError } from '../errors.ts';
import { evaluateDataset } from '../evaluate.ts';
import { openDataset } from '../open.ts';
import { createMeter, readerOptions } from '../shard.ts';
import type { Answer, Task } from './pool.ts';
import { resolve } from './source.ts';

const answer = (message: Answer, transfer: ArrayBuffer[] = []) => parentPort?.postMessage(message, transfer);

async function work({ files, options, samples, share, shares, worker }: Task): Promise<void> {
  const { firstIndex = 0, bytes, names = null, backend } = options;
  const Meter = backend === 'scalar' ? (await import('../../entries/scalar.ts')).FocalMeter : FocalMeter;
  const dataset = await openDataset(files, { ...readerOptions(options), names, resolve });
  const meter = createMeter(Meter, options, dataset.classes);
  let [missing, computing] = [0, 0];
  for (;;) {
    const next = Atomics.add(shares, 0, 1);
    const from = next * share;
    if (from >= samples) break;
    Atomics.store(shares, 1 + worker, next);
    const counts = await evaluateDataset(dataset, meter, {
      firstIndex,
      from,
      to: Math.min(samples, from + share),
      bytes,
    });
    missing += counts.missing;
    computing += counts.computing;
    answer({ done: counts.samples });
  }
  await dataset.close();
  const state = meter.toBytes();
  answer({ state, missing, computing }, [state.buffer]);
}

try {
  await work(workerData as Task);
} catch (error) {
  const { name, message } = error as Error;
  answer({ error: { name, message, file: error instanceof FileError ? error.file : null } });
}
