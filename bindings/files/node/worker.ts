/** What a worker thread runs: in each round it takes shares of the samples until none is left, then gives what it found. */
import { parentPort, workerData } from 'node:worker_threads';
import { type Ask, Pass } from '../../calibrate/pass.ts';
import * as meters from '../../entries/meter.ts';
import * as slices from '../../entries/slices.ts';
import { compareDatasets, createComparison, openPair } from '../compare.ts';
import { FileError } from '../errors.ts';
import { type Counts, evaluateDataset } from '../evaluate.ts';
import { openDataset } from '../open.ts';
import { createMeter, createSlices, readerOptions } from '../shard.ts';
import { type Counted, columnsOf, groupsOf, type Task } from './pool.ts';
import { resolve } from './source.ts';
import type { Answer, Shares } from './workers.ts';

/** One kind of work. */
interface Job {
  /** Work on samples [from, to). */
  share(range: { from: number; to: number }, message: unknown): Promise<Counts>;
  /** What was found in a round. */
  result(counts: Omit<Counts, 'samples'>): { result: unknown; transfer: ArrayBuffer[] };
}

const counted = (state: Uint8Array<ArrayBuffer>, counts: Omit<Counts, 'samples'>) => {
  const result: Counted = { state, ...counts };
  return { result, transfer: [state.buffer] };
};

async function begin(task: Task): Promise<Job> {
  const { names = null, bytes, firstIndex = 0, backend } = task.plain;
  const scalar = backend === 'scalar' ? await import('../../entries/scalar.ts') : null;
  const { FocalMeter, SlicedMeter } = scalar ?? { ...meters, ...slices };
  if (task.kind === 'calibrate') {
    const { options, reading } = task.spec;
    const dataset = await openDataset(task.files, { ...reading, ignoreIndex: options.ignoreIndex, names, resolve });
    let pass = new Pass(FocalMeter, options);
    return {
      share: (range, ask) => evaluateDataset(dataset, pass.asking(ask as Ask), { ...range, firstIndex, bytes }),
      result: () => {
        const result = pass.found();
        pass = new Pass(FocalMeter, options);
        return { result, transfer: [] };
      },
    };
  }
  const reading = { ...readerOptions(task.spec), names, resolve };
  if (task.kind === 'compare') {
    const { FocalComparison } = scalar ?? (await import('../../entries/compare.ts'));
    const pair = await openPair(task.files, reading);
    const comparison = createComparison(FocalComparison, task.spec, pair.baseline.classes);
    return {
      share: (range) => compareDatasets(pair, comparison, { ...range, firstIndex, bytes }),
      result: (counts) => counted(comparison.toBytes(), counts),
    };
  }
  const { groups, spec } = task;
  const dataset = await openDataset(task.files, { ...reading, columns: columnsOf(groups) });
  const { classes } = dataset;
  const meter =
    groups === null ? createMeter(FocalMeter, spec, classes) : createSlices(SlicedMeter, spec, classes, spec.maxGroups);
  return {
    share: (range) => evaluateDataset(dataset, meter, { ...range, firstIndex, bytes, groups: groupsOf(groups) }),
    result: (counts) => counted(meter.toBytes(), counts),
  };
}

const answer = (message: Answer, transfer: ArrayBuffer[] = []) => parentPort?.postMessage(message, transfer);
const { samples, share, shares, worker, ...task } = workerData as Shares & Task;
const job = begin(task as Task);
// told in the first round
job.catch(() => {});

async function round(message: unknown): Promise<void> {
  const { share: work, result } = await job;
  let [missing, computing] = [0, 0];
  for (;;) {
    const next = Atomics.add(shares, 0, 1);
    const from = next * share;
    if (from >= samples) break;
    Atomics.store(shares, 1 + worker, next);
    const counts = await work({ from, to: Math.min(samples, from + share) }, message);
    missing += counts.missing;
    computing += counts.computing;
    answer({ done: counts.samples });
  }
  const { transfer, ...found } = result({ missing, computing });
  answer(found, transfer);
}

parentPort?.on('message', (message) => {
  round(message).catch((error: Error) => {
    const { name, message } = error;
    answer({ error: { name, message, file: error instanceof FileError ? error.file : null } });
  });
});
