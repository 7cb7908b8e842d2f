import { FileError } from '../files/errors.ts';
import { openDataset } from '../files/node/api.ts';
import type { Files, OpenOptions } from '../files/open.ts';
import { number } from '../input/checks.ts';
import { outOfRange, wrongType } from '../input/errors.ts';

/** Files of some samples among all: `firstIndex` is the index of the first, `samples` how many they are. */
export type Shard = Files & { readonly firstIndex: number; readonly samples: number };

/** What is to be evaluated: shards that have every sample once. */
export interface Manifest {
  readonly shards: readonly Shard[];
}

/** What a shard is called in messages: its files, as they were given. */
export function nameOf(shard: Files): string {
  const inputs = 'table' in shard ? [shard.table] : [shard.logits, shard.targets];
  return inputs.map((input) => String((input as { file?: unknown }).file ?? input)).join(', ');
}

/**
 * The manifest of files that follow each other, whose numbers of samples are looked up in them.
 *
 * @param files one entry a shard, in the order of the samples; paths or URLs that every worker can read
 * @throws FileError where a file does not tell without being read to its end (CSV, JSONL): write its `samples` down
 *   then
 */
export async function manifestOf(
  files: readonly Files[],
  options: OpenOptions & { classAxis?: 1 | -1 } = {},
): Promise<Manifest> {
  const shards: Shard[] = [];
  let firstIndex = 0;
  for (const one of files) {
    const dataset = await openDataset(one, options);
    const { samples } = dataset;
    await dataset.close();
    if (samples === null)
      throw new FileError(nameOf(one), 'does not tell how many rows it has: give the shard its samples');
    shards.push({ ...one, firstIndex, samples });
    firstIndex += samples;
  }
  return { shards };
}

/** @throws RangeError, naming the shard, unless the shards have every index from 0 to the last once */
export function checkManifest(manifest: Manifest): Shard[] {
  if (!Array.isArray(manifest?.shards)) throw wrongType('manifest', 'an object { shards: […] }', manifest);
  if (manifest.shards.length === 0) throw outOfRange('manifest.shards', 'at least one shard', 'none');
  const isCount = (x: number) => Number.isSafeInteger(x) && x >= 0;
  for (const [i, shard] of manifest.shards.entries()) {
    number(`manifest.shards[${i}].firstIndex`, shard.firstIndex, 'an integer ≥ 0', isCount);
    number(`manifest.shards[${i}].samples`, shard.samples, 'an integer ≥ 0', isCount);
  }
  const shards = [...manifest.shards].sort((a, b) => a.firstIndex - b.firstIndex || a.samples - b.samples);
  let next = 0;
  let before: Shard | null = null;
  for (const shard of shards) {
    if (shard.firstIndex < next) {
      const what = `shards of different samples; ${nameOf(shard)} begins at ${shard.firstIndex}`;
      throw outOfRange('manifest', what, `${nameOf(before as Shard)} up to ${next - 1}`);
    }
    if (shard.firstIndex > next) {
      const hole = `none of samples ${next} to ${shard.firstIndex - 1}, before ${nameOf(shard)}`;
      throw outOfRange('manifest', 'shards that have every sample', hole);
    }
    next += shard.samples;
    before = shard;
  }
  return shards;
}
