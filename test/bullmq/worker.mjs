// A machine of the tests: works on both queues, and says on stdout what it begins and ends, one JSON object a line.
// node worker.mjs SOCKET HOLD FOLDER: every shard is held for so many milliseconds; large states go to the folder.
import { writeSync } from 'node:fs';
import { Worker } from 'bullmq';
import { folderStorage, mergeProcessor, shardProcessor, workerOptions } from '../../dist/bullmq.js';

const [socket, hold, folder] = process.argv.slice(2);
const say = (what) => writeSync(1, `${JSON.stringify({ ...what, rss: process.memoryUsage.rss() })}\n`);
const options = {
  connection: { path: socket, maxRetriesPerRequest: null },
  ...workerOptions,
  lockDuration: 2000,
  stalledInterval: 1000,
};
const states = folder ? { storage: folderStorage(folder), inlineLimit: 100 } : {};

const watched = (process_) => async (job, token, signal) => {
  say({ begin: job.id, name: job.name });
  if (job.name === 'shard') await new Promise((resolve) => setTimeout(resolve, Number(hold)));
  const result = await process_(job, token, signal);
  say({ end: job.id, inline: 'state' in result });
  return result;
};
for (const worker of [
  new Worker('focal-simd-shards', watched(shardProcessor(states)), options),
  new Worker('focal-simd-merges', watched(mergeProcessor(states)), options),
]) {
  worker.on('error', (error) => say({ error: error.message }));
  worker.on('failed', (job, error) => say({ failed: job?.id, error: error.message }));
}
say({ ready: true });
