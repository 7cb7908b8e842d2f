import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A place for states that are too large for the queue, where every worker can write and read: a bucket, a shared
 * folder.
 */
export interface Storage {
  put(key: string, bytes: Uint8Array): Promise<void>;
  get(key: string): Promise<Uint8Array>;
}

/** A folder that all workers share. */
export function folderStorage(folder: string): Storage {
  return {
    async put(key, bytes) {
      await mkdir(folder, { recursive: true });
      // a worker that dies in the middle leaves no half of a state behind
      const partial = join(folder, `${key}.${process.pid}.partial`);
      await writeFile(partial, bytes);
      await rename(partial, join(folder, key));
    },
    get: (key) => readFile(join(folder, key)),
  };
}

/** A state as a job hands it on: the bytes, or where they lie. */
export type StateRef = { readonly state: string } | { readonly key: string; readonly bytes: number };

export const digestOf = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** Where states are kept between jobs. */
export interface StateOptions {
  /** Where states that are larger than `inlineLimit` go. Default: they stay in the jobs, whatever their size. */
  storage?: Storage;
  /** Most bytes of a state within a job; the queue holds each state twice. Default 262,144. */
  inlineLimit?: number;
}

export async function keep(bytes: Uint8Array, { storage, inlineLimit = 1 << 18 }: StateOptions): Promise<StateRef> {
  if (!storage || bytes.length <= inlineLimit) return { state: Buffer.from(bytes).toString('base64') };
  const key = `focal-state-${digestOf(bytes)}`;
  await storage.put(key, bytes);
  return { key, bytes: bytes.length };
}

/** @throws Error where the storage has something else, or nothing */
export async function fetchState(ref: StateRef, { storage }: StateOptions): Promise<Uint8Array> {
  if ('state' in ref) return new Uint8Array(Buffer.from(ref.state, 'base64'));
  if (!storage) throw new RangeError(`storage expected the one that has state ${ref.key}, got none`);
  const bytes = await storage.get(ref.key);
  if (`focal-state-${digestOf(bytes)}` !== ref.key)
    throw new RangeError(`storage: what lies at ${ref.key} is not that state`);
  return new Uint8Array(bytes);
}
