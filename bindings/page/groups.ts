/** Which group each sample is of: an array, lines of a text, or a column of the table. */
import { type Chunk, type Dataset, openArray } from '../files/api.ts';
import { groupsIn } from '../files/evaluate.ts';
import type { StoredArray } from '../files/stored-array.ts';
import type { Groups } from '../meter/slices.ts';
import { inputOf, type Work } from './job.ts';
import { linesOf } from './lines.ts';

/** Gives the groups of a chunk's samples; chunks come one after another. */
export interface GroupReader {
  of(chunk: Chunk): Promise<Groups>;
  close(): Promise<void>;
}

const nothing = async () => {};

/** @returns null where there are none */
export async function groupsOf(job: Work, dataset: Dataset, signal: AbortSignal): Promise<GroupReader | null> {
  const { group } = job.choices;
  if (inputOf(job, 'logits')?.part.kind === 'table') {
    if (group === '') return null;
    return { of: async (chunk) => groupsIn(dataset, chunk, group), close: nothing };
  }
  const given = inputOf(job, 'groups');
  if (!given) return null;
  if (given.part.kind !== 'lines') {
    const array = await openArray(given.input, 'groups', { signal, strings: true });
    return ofArray(await array.inCOrder(signal), signal);
  }
  const lines = linesOf(given.source, signal);
  const of = async ({ samples }: Chunk) => {
    const groups: string[] = [];
    for (let i = 0; i < samples; i++) groups.push((await lines.next()).value ?? '');
    return groups;
  };
  return { of, close: nothing };
}

function ofArray(array: StoredArray, signal: AbortSignal): GroupReader {
  const of = async ({ first, samples }: Chunk): Promise<Groups> => {
    const bytes = await array.bytes(first, samples, signal);
    return array.values(bytes);
  };
  return { of, close: () => array.close() };
}
