/** `focal-simd map`: one shard a line in, one state a line out, for Spark, Hadoop, GNU parallel and whatever else has pipes. */
import { createInterface } from 'node:readline';
import { evaluateDataset } from '../files/evaluate.ts';
import { mapLines } from '../files/node/shards.ts';
import type { Files } from '../files/open.ts';
import { InputError, refused } from './errors.ts';
import type { MapOptions } from './grammar.ts';
import { libraryOf, lossSpec, makeLoss, makeMeter, refuseForeign } from './model.ts';
import { print } from './outputs.ts';
import { openSamples } from './samples.ts';

/** What of a line are files. */
const FILES = ['logits', 'targets', 'table'];

export async function map(options: MapOptions): Promise<number> {
  refuseForeign(options);
  const { alpha, target, scores, format, chunk: bytes } = options;
  if (alpha === 'auto') throw new InputError('--alpha auto would weigh every shard in its own way: give the weights');
  const api = libraryOf({ backend: 'auto' });
  const loss = makeLoss(await lossSpec(options, null));
  const lines = createInterface({ input: process.stdin });
  const states = mapLines(lines, async (given, firstIndex) => {
    // what is the same in all shards may be said once
    const columns = 'table' in given ? { ...(target && { target }), ...(scores && { scores }) } : {};
    const inputs = Object.entries({ ...columns, ...given }).map(([key, input]) => {
      return [key, format && FILES.includes(key) && typeof input === 'string' ? { file: input, format } : input];
    });
    const files = Object.fromEntries(inputs) as Files;
    const dataset = await openSamples(files, options);
    try {
      const meter = makeMeter(api, loss, options, dataset.classes);
      await evaluateDataset(dataset, meter, { firstIndex, bytes });
      return meter;
    } finally {
      await dataset.close();
    }
  });
  await refused('stdin', async () => {
    for await (const state of states) await print(`${state}\n`);
  });
  return 0;
}
