/**
 * Evaluation of many shards by many machines over BullMQ. Shards are leaves of a tree of jobs, every other job merges
 * the states of its children, and the result of the root is the state of all. The engine does everything that is not
 * counting: distribution, retries, locks. A job may run more than once; as a state knows which samples it has seen, and
 * only one result of a job enters its parent, every sample is counted once.
 */

import { FileError } from '../files/errors.ts';
import type { Files } from '../files/open.ts';
import { type EvaluationSpec, readerOptions, type ShardOptions, type ShardResult } from '../files/shard.ts';
import { common, number } from '../input/checks.ts';
import { outOfRange, wrongType } from '../input/errors.ts';
import type { FocalMeterConstructor } from '../meter/api.ts';
import type { AnyLoss, Meter } from '../meter/meter.ts';
import { checkManifest, type Manifest, nameOf, type Shard } from './manifest.ts';
import { digestOf, fetchState, keep, type StateOptions, type StateRef } from './storage.ts';

/** What is used of a job of BullMQ. */
export interface JobLike {
  readonly name: string;
  readonly id?: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: as BullMQ has it
  data: any;
  readonly failedReason?: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: as BullMQ has it
  getChildrenValues(): Promise<Record<string, any>>;
  // biome-ignore lint/suspicious/noExplicitAny: as BullMQ has it
  waitUntilFinished(queueEvents: any, ttl?: number): Promise<any>;
}

/** What is used of a tree of jobs. */
export interface NodeLike {
  readonly job: JobLike;
  /** Jobs that are no longer there leave a gap. */
  readonly children?: (NodeLike | undefined)[];
}

/** What is used of a `FlowProducer` of BullMQ. */
export interface FlowProducerLike {
  // biome-ignore lint/suspicious/noExplicitAny: as BullMQ has it
  add(flow: any): Promise<NodeLike>;
  getFlow(options: { queueName: string; id: string; depth?: number; maxChildren?: number }): Promise<NodeLike>;
}

/** What `addEvaluation` evaluates, and how. */
export interface EvaluationOptions extends EvaluationSpec {
  /** How many states one job merges, at least 2. Default 32. */
  fanIn?: number;
  /** Name of the queues: shards are in `NAME-shards`, merges in `NAME-merges`. Default `'focal-simd'`. */
  queue?: string;
  /**
   * How often a shard is tried where the way to its files fails; what is wrong in a file is not tried again. Default 3.
   */
  attempts?: number;
  /**
   * Of two evaluations of the same shards with the same options, what tells them apart. Default: nothing, they are one.
   */
  id?: string;
}

/** An evaluation under way: a tree of jobs. */
export interface Evaluation {
  /** The root of the tree. */
  readonly root: JobLike;
  /**
   * Wait for the result.
   *
   * @param queueEvents a `QueueEvents` of the queue of merges
   * @param options `storage` of the processors, where they have one; `timeout` in milliseconds
   * @throws Error with the reason of the job that failed first: a file and what is wrong with it
   */
  // biome-ignore lint/suspicious/noExplicitAny: as BullMQ has it
  finished(queueEvents: any, options?: StateOptions & { timeout?: number }): Promise<Meter<AnyLoss>>;
}

interface ShardData extends EvaluationSpec {
  readonly shard: Shard;
}

interface MergeData {
  /** What the merged state has to cover; only of the root. */
  readonly samples?: number;
}

/** What a job hands on. */
export type Result = StateRef & { readonly samples: number; readonly missing: number };

/**
 * Options for the `Worker`s of BullMQ: a job whose worker died is begun anew so many times. BullMQ's default of 1 fails
 * an evaluation on the second machine that goes away.
 */
export const WORKER_OPTIONS = { maxStalledCount: 20 } as const;

const OPTIONS = ['loss', 'meter', 'fanIn', 'queue', 'attempts', 'id'];

/** A fault that no other try will mend; the engine knows it by its name. */
function final(error: unknown): unknown {
  const known = error instanceof TypeError || error instanceof RangeError;
  if (!known || (error instanceof FileError && error.passing)) return error;
  const failure = new Error(error.message, { cause: error });
  failure.name = 'UnrecoverableError';
  return failure;
}

async function orFinally<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw final(error);
  }
}

export function defineQueue(
  FocalMeter: FocalMeterConstructor,
  evaluate: (files: Files, options: ShardOptions) => Promise<ShardResult>,
) {
  async function addEvaluation(
    flowProducer: FlowProducerLike,
    manifest: Manifest,
    options: EvaluationOptions,
  ): Promise<Evaluation> {
    if (typeof flowProducer?.add !== 'function')
      throw wrongType('flowProducer', 'a FlowProducer of bullmq', flowProducer);
    if (options === undefined) throw wrongType('options', 'an object with loss', options);
    common('addEvaluation', options, OPTIONS);
    const { loss, meter, fanIn = 32, queue = 'focal-simd', attempts = 3, id = '' } = options;
    number('fanIn', fanIn, 'an integer ≥ 2', (x) => Number.isInteger(x) && x >= 2);
    number('attempts', attempts, 'an integer ≥ 1', (x) => Number.isInteger(x) && x >= 1);
    readerOptions(options);
    const shards = checkManifest(manifest);
    // the states of the queue always know which samples they have seen
    const spec: EvaluationSpec = { loss, meter: { ...meter, coverage: true } };
    // another loss, another option, another file is another job: else the result of a job of old would come back
    const digest = digestOf(JSON.stringify([1, id, spec, fanIn, shards])).slice(0, 24);
    const queues = { shards: `${queue}-shards`, merges: `${queue}-merges` };
    const shared = {
      attempts,
      backoff: { type: 'exponential', delay: 1000 },
      // its result lies with its parent by then
      removeOnComplete: true,
      // on every level but the root, else the root would wait for ever for a shard that failed
      failParentOnFailure: true,
    };
    let level: object[] = shards.map((shard, i) => ({
      name: 'shard',
      queueName: queues.shards,
      data: { ...spec, shard } satisfies ShardData,
      opts: { ...shared, jobId: `${digest}-shard-${i}` },
    }));
    for (let depth = 0; level.length > fanIn; depth++) {
      const groups = Array.from({ length: Math.ceil(level.length / fanIn) }, (_, g) =>
        level.slice(g * fanIn, (g + 1) * fanIn),
      );
      level = groups.map((children, g) => ({
        name: 'merge',
        queueName: queues.merges,
        data: {} satisfies MergeData,
        opts: { ...shared, jobId: `${digest}-merge-${depth}-${g}` },
        children,
      }));
    }
    const rootId = `${digest}-root`;
    const samples = shards.reduce((sum, shard) => sum + shard.samples, 0);
    const { job: root } = await flowProducer.add({
      name: 'root',
      queueName: queues.merges,
      data: { samples } satisfies MergeData,
      opts: { attempts, backoff: shared.backoff, jobId: rootId },
      children: level,
    });
    return {
      root,
      async finished(queueEvents, { timeout, ...stateOptions } = {}) {
        try {
          const result = (await root.waitUntilFinished(queueEvents, timeout)) as Result;
          return FocalMeter.fromBytes(await fetchState(result, stateOptions));
        } catch (error) {
          const { message } = error as Error;
          if (!IS_CHILD.test(message)) throw error;
          const depth = 2 + Math.ceil(Math.log(shards.length) / Math.log(fanIn));
          const tree = await flowProducer.getFlow({ queueName: queues.merges, id: rootId, depth, maxChildren: fanIn });
          throw new Error(reasonIn(tree) ?? message, { cause: error });
        }
      },
    };
  }

  function shardProcessor(options: StateOptions = {}) {
    return (job: JobLike, _token?: string, signal?: AbortSignal): Promise<Result> =>
      orFinally(async () => {
        const { shard, ...spec } = job.data as ShardData;
        const { firstIndex, samples: expected, ...files } = shard;
        // a chunk is a millisecond's work, so that the lock is renewed in time
        const { meter, samples, missing } = await evaluate(files as Files, {
          ...spec,
          firstIndex,
          bytes: 1 << 20,
          ...(signal && { signal }),
        });
        if (samples !== expected) {
          throw new FileError(nameOf(files as Files), `has ${samples} samples, the manifest says ${expected}`);
        }
        return { ...(await keep(meter.toBytes(), options)), samples, missing };
      });
  }

  function mergeProcessor(options: StateOptions = {}) {
    return (job: JobLike): Promise<Result> =>
      orFinally(async () => {
        const { samples: expected } = job.data as MergeData;
        const results = Object.values(await job.getChildrenValues()) as Result[];
        const [first, ...others] = results;
        if (!first) throw outOfRange('merge', 'at least one state', 'none');
        const meter = FocalMeter.fromBytes(await fetchState(first, options));
        for (const other of others) meter.merge(FocalMeter.fromBytes(await fetchState(other, options)));
        if (expected !== undefined) checkCoverage(meter, expected);
        const sum = (key: 'samples' | 'missing') => results.reduce((total, result) => total + result[key], 0);
        return { ...(await keep(meter.toBytes(), options)), samples: sum('samples'), missing: sum('missing') };
      });
  }

  return { addEvaluation, shardProcessor, mergeProcessor };
}

/** How the engine says that a job failed because of another one. */
const IS_CHILD = /^child \S+ failed$/;

/** Why the first job of a tree failed that did so for a reason of its own. */
function reasonIn(node: NodeLike | undefined): string | null {
  if (!node) return null;
  const { job, children = [] } = node;
  const { failedReason } = job;
  if (failedReason && !IS_CHILD.test(failedReason)) return failedReason;
  for (const child of children) {
    const reason = reasonIn(child);
    if (reason !== null) return reason;
  }
  return null;
}

/** @throws RangeError unless all samples were counted */
function checkCoverage(meter: Meter<AnyLoss>, samples: number): void {
  const ranges = meter.toJSON().coverage ?? [];
  const holes: string[] = [];
  let next = 0;
  for (const [from, to] of [...ranges, [samples, samples] as const]) {
    if (from > next) holes.push(`${next} to ${from - 1}`);
    next = to;
  }
  if (holes.length > 0)
    throw outOfRange('the root', `all ${samples} samples`, `none of ${holes.slice(0, 5).join(', ')}`);
}
