/**
 * Evaluation by many machines over BullMQ, which the caller brings:
 * `import { addEvaluation } from 'focal-simd/bullmq'`.
 */
import type { AnyLoss, Meter } from '../meter/meter.ts';
import {
  defineQueue,
  type Evaluation,
  type EvaluationOptions,
  type FlowProducerLike,
  type JobLike,
  type Result,
} from '../queue/bullmq.ts';
import type { Manifest } from '../queue/manifest.ts';
import type { StateOptions } from '../queue/storage.ts';
import { FocalMeter } from './meter.ts';
import { evaluateShard } from './node.ts';

export type { EvaluationSpec, LossSpec, MeterSpec } from '../files/shard.ts';
export { WORKER_OPTIONS as workerOptions } from '../queue/bullmq.ts';
export { manifestOf, type Shard } from '../queue/manifest.ts';
export { folderStorage, type StateRef, type Storage } from '../queue/storage.ts';
export type {
  AnyLoss,
  Evaluation,
  EvaluationOptions,
  FlowProducerLike,
  JobLike,
  Manifest,
  Meter,
  Result,
  StateOptions,
};

const queue = defineQueue(FocalMeter, evaluateShard);

/**
 * Put an evaluation into the queues: one job a shard, jobs that merge the states of up to `fanIn` others, and a root
 * whose result is the state of all. Workers of `shardProcessor` and `mergeProcessor` do them.
 *
 * @param flowProducer a `FlowProducer` of bullmq
 * @param manifest the shards, which must have every sample once; files are paths or URLs that every worker can read
 * @param options `loss` and `meter` as for `evaluateShard`; `fanIn`, `queue`, `attempts`, `id`
 * @returns the root job, and `finished(queueEvents)`, which gives the meter
 * @throws RangeError, naming the shard, where samples are in two shards or in none; TypeError or RangeError for an
 *   option
 * @example
 * const { finished } = await addEvaluation(new FlowProducer({ connection }), manifest, { loss: { name: 'softmax' } });
 * const meter = await finished(new QueueEvents('focal-simd-merges', { connection }));
 */
export function addEvaluation(
  flowProducer: FlowProducerLike,
  manifest: Manifest,
  options: EvaluationOptions,
): Promise<Evaluation> {
  return queue.addEvaluation(flowProducer, manifest, options);
}

/**
 * What a worker of the queue of shards runs. What is wrong in a file or an option fails the evaluation at once; where
 * the way to a file fails, the shard is tried again.
 *
 * @param options `storage` and `inlineLimit`: where states go that are too large for the queue
 * @example
 * new Worker('focal-simd-shards', shardProcessor(), { connection, ...workerOptions });
 */
export function shardProcessor(
  options?: StateOptions,
): (job: JobLike, token?: string, signal?: AbortSignal) => Promise<Result> {
  return queue.shardProcessor(options);
}

/**
 * What a worker of the queue of merges runs. States of other options, or with samples that another has counted, are
 * refused; the root requires all samples of the manifest.
 *
 * @param options as for `shardProcessor`
 * @example
 * new Worker('focal-simd-merges', mergeProcessor(), { connection, ...workerOptions });
 */
export function mergeProcessor(options?: StateOptions): (job: JobLike) => Promise<Result> {
  return queue.mergeProcessor(options);
}
