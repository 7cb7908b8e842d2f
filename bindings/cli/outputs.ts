/** What the command writes: files, whole or not at all and never over what it reads, or one of them to standard output. */
import { createHash, randomBytes } from 'node:crypto';
import { constants, readlinkSync, rmSync } from 'node:fs';
import { access, type FileHandle, lstat, open, readdir, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { asInput, InputError, opening } from './errors.ts';

/** As the name of a file: standard output. */
const STDOUT = '-';

/** The parts of files that are being written; whoever ends the process early removes them. */
const unfinished = new Set<string>();

export function discardUnfinished(): void {
  for (const path of unfinished) rmSync(path, { force: true });
}

/** Where a process number means a process: a machine, and on Linux a namespace of it, as containers have their own. */
function where(): string {
  let namespace = '';
  try {
    namespace = readlinkSync('/proc/self/ns/pid');
  } catch {}
  return createHash('sha256').update(`${hostname()}\n${namespace}`).digest('hex').slice(0, 8);
}

/** A name for what is being written: it tells who writes it, so that it can be told from what somebody left behind. */
export const unfinishedName = (pid = process.pid): string =>
  `.focal-simd-${where()}-${pid}-${randomBytes(8).toString('hex')}.tmp`;

/** Whether a process is known to run no more. */
function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** Remove what processes left in a folder that were ended while they wrote, by `kill -9` or a power failure: they are gone, and it is older than this one. */
async function removeLeft(folder: string): Promise<void> {
  const here = where();
  const started = Date.now() - 1000 * process.uptime();
  for (const name of await readdir(folder).catch(() => [])) {
    const [, place, pid] = /^\.focal-simd-([0-9a-f]{8})-(\d+)-[0-9a-f]{16}\.tmp$/.exec(name) ?? [];
    if (place !== here || !isGone(Number(pid))) continue;
    const path = join(folder, name);
    const left = await lstat(path).catch(() => null);
    // what may not be removed stays, and is no fault of this run
    if (left?.isFile() && left.mtimeMs < started) await rm(path, { force: true }).catch(() => {});
  }
}

/** Something a path leads to: two paths with the same identity are the same file. */
const identity = ({ dev, ino }: { dev: bigint; ino: bigint }): string => `${dev}:${ino}`;

async function present<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Print; whoever reads may have gone, as `head` does, or the disk be full. */
export function print(text: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error) reject(asInput('standard output', error) ?? error);
      else resolve();
    });
  });
}

/** Where something goes that an option asks for. */
export interface Output {
  /** The option that asks for it. */
  readonly option: string;
  /** As the user wrote it. */
  readonly name: string;
  /** Two outputs with the same identity would overwrite each other. */
  readonly identity: string;
  write(content: string | AsyncIterable<Uint8Array>): Promise<void>;
}

/** Standard output, in the place of the text. */
const printed = (option: string): Output => ({
  option,
  name: STDOUT,
  identity: STDOUT,
  async write(content) {
    if (typeof content === 'string') await print(content);
    else for await (const piece of content) await print(piece);
  },
});

class FileOutput implements Output {
  readonly option: string;
  readonly name: string;
  /** Where it really goes: a link stays, what it leads to is replaced. */
  readonly #path: string;
  readonly #mode: number | undefined;
  readonly identity: string;

  private constructor(option: string, name: string, path: string, mode: number | undefined, identity: string) {
    this.option = option;
    this.name = name;
    this.#path = path;
    this.#mode = mode;
    this.identity = identity;
  }

  /** @throws InputError when there is no writing there */
  static async at(option: string, name: string): Promise<FileOutput> {
    if (name === '') throw new InputError(`${option} expected the name of a file, got none`);
    return opening(name, async () => {
      const link = await present(lstat(name));
      if (link?.isSymbolicLink() && !(await present(stat(name)))) {
        throw new InputError(`${name}: is a link to nothing`);
      }
      const found = await present(stat(name, { bigint: true }));
      if (found?.isDirectory() || /[/\\]$/.test(name))
        throw new InputError(`${name}: ${option} expected a file, got a folder`);
      if (found && !found.isFile())
        throw new InputError(`${name}: ${option} expected a regular file, got something else`);
      // one may be allowed to replace a file that one may not write
      if (found) await access(name, constants.W_OK);
      const path = found ? await realpath(name) : join(await realpath(dirname(name)), basename(name));
      const folder = await stat(dirname(path), { bigint: true });
      const one = found ? identity(found) : `${identity(folder)}/${basename(path)}`;
      const output = new FileOutput(option, name, path, found ? Number(found.mode) & 0o777 : undefined, one);
      const { file, temporary } = await output.#open();
      await file.close();
      await rm(temporary);
      unfinished.delete(temporary);
      await removeLeft(dirname(path));
      return output;
    });
  }

  /** Write the whole file, then put it in its place. */
  async write(content: string | AsyncIterable<Uint8Array>): Promise<void> {
    await opening(this.name, async () => {
      const { file, temporary } = await this.#open();
      try {
        try {
          await writeFile(file, content);
          if (this.#mode !== undefined) await file.chmod(this.#mode);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(temporary, this.#path);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      } finally {
        unfinished.delete(temporary);
      }
      await syncFolder(dirname(this.#path));
    });
  }

  async #open(): Promise<{ file: FileHandle; temporary: string }> {
    const temporary = join(dirname(this.#path), unfinishedName());
    unfinished.add(temporary);
    return { file: await open(temporary, 'wx'), temporary };
  }
}

/** So that the new name outlives a power failure; not every system opens a folder. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path);
    await folder.sync().finally(() => folder.close());
  } catch {}
}

/** What was asked for, each ready to be written. */
export interface Outputs {
  get(option: string): Output | undefined;
  /** Whether one of them goes to standard output, in the place of the text. */
  readonly printed: boolean;
}

/**
 * Before hours of work: can the files be written that it is for, each to a place of its own, and none over what is read?
 *
 * @param asked names by the option that asks for them
 * @param inputs the files that are read; those that are not there are told by who reads them
 * @param printing which options ask for something to be printed in the place of the text
 */
export async function prepareOutputs(
  asked: Readonly<Record<string, string | undefined>>,
  inputs: readonly (string | undefined)[],
  { json, markdown }: { json?: true; markdown?: true } = {},
): Promise<Outputs> {
  const flags = [...(json ? ['--json'] : []), ...(markdown ? ['--markdown'] : [])];
  const found = new Map<string, Output>();
  for (const [option, name] of Object.entries(asked)) {
    if (name === STDOUT) found.set(option, printed(option));
    else if (name !== undefined) found.set(option, await FileOutput.at(option, name));
  }
  const outputs = [...found.values()];
  const toStdout = [...flags, ...outputs.filter(({ name }) => name === STDOUT).map(({ option }) => `${option} -`)];
  if (toStdout.length > 1) throw new InputError(`${toStdout.join(' and ')} print to the same standard output`);

  const taken = new Map<string, string>();
  for (const input of outputs.length === 0 ? [] : inputs) {
    const there = input === undefined ? null : await stat(input, { bigint: true }).catch(() => null);
    if (there) taken.set(identity(there), `${input}, which is read`);
  }
  for (const { option, name, identity } of outputs) {
    const other = taken.get(identity);
    if (other !== undefined) throw new InputError(`${name}: ${option} would overwrite ${other}`);
    taken.set(identity, `the file of ${option}`);
  }
  return { get: (option) => found.get(option), printed: toStdout.length > flags.length };
}

/**
 * Give everything that is to be given, one after another: a full disk does not take the summary with it.
 *
 * @throws in the end, what went wrong with any of them
 */
export async function deliver(parts: readonly (() => Promise<void> | undefined)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const part of parts) {
    try {
      await part();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 1) throw new AggregateError(failures);
  if (failures.length === 1) throw failures[0];
}
