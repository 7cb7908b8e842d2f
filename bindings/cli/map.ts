/** `focal-simd map`: one shard a line in, one state a line out, for Spark, Hadoop, GNU parallel and whatever else has pipes. */
import { createInterface } from 'node:readline';
import type { Chunk } from '../files/dataset.ts';
import { evaluateDataset } from '../files/evaluate.ts';
import { mapLines } from '../files/node/shards.ts';
import type { Files } from '../files/open.ts';
import type { AnyLoss, Meter } from '../meter/meter.ts';
import { InputError, refused } from './errors.ts';
import type { MapOptions } from './grammar.ts';
import { libraryOf, lossSpec, makeLoss, makeMeter, makeSlices, refuseForeign } from './model.ts';
import { print } from './outputs.ts';
import { openGroups, openSamples } from './samples.ts';

/** The groups of a chunk, of those of the shard. */
const ofChunk =
  (names: readonly string[]) =>
  ({ first, samples }: Chunk) =>
    names.slice(first, first + samples);

/** What of a line are files. */
const FILES = ['logits', 'targets', 'table'];

export async function map(options: MapOptions): Promise<number> {
  refuseForeign(options);
  const { alpha, target, scores, format, groupBy, chunk: bytes } = options;
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
    const names = await openGroups(files, { ...(groupBy !== undefined && { groupBy }), firstIndex });
    const dataset = await openSamples(files, options, typeof names === 'string' ? [names] : []);
    try {
      if (names === null) {
        const meter = makeMeter(api, loss, options, dataset.classes);
        await evaluateDataset(dataset, meter, { firstIndex, bytes });
        return meter;
      }
      const slices = makeSlices(api, loss, options, dataset.classes);
      const groups = typeof names === 'string' ? names : ofChunk(names);
      const into = slices as unknown as Pick<Meter<AnyLoss>, 'update'>;
      await evaluateDataset(dataset, into, { firstIndex, bytes, groups });
      return slices;
    } finally {
      await dataset.close();
    }
  });
  await refused('stdin', async () => {
    for await (const state of states) await print(`${state}\n`);
  });
  return 0;
}
