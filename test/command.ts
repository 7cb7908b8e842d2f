/** Running the command as a user does, in a folder of its own. */
import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dump } from 'npyjs';
import { expect } from 'vitest';

export const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url));

export interface Result {
  code: number | string;
  out: string;
  err: string;
}

type Word = string | number;

export function workplace() {
  const folder = mkdtempSync(join(tmpdir(), 'focal-simd-'));
  const at = (name: string) => join(folder, name);

  /** Its exit code, or the signal that ended it. */
  const execute = (file: string, args: string[]): Promise<Result> =>
    new Promise((resolve) => {
      execFile(file, args, { cwd: folder, timeout: 50_000, maxBuffer: 1 << 26 }, (error, out, err) => {
        resolve({ code: error ? ((error.code ?? error.signal) as number | string) : 0, out, err });
      });
    });
  const run = (...args: Word[]) => execute(process.execPath, [cli, ...args.map(String)]);
  /** `focal-simd` in the line stands for the command. */
  const shell = (line: string) => {
    return execute('/bin/sh', ['-c', line.replaceAll('focal-simd', `'${process.execPath}' '${cli}'`)]);
  };
  /** The command after `script` has run in its process, for a fault that no input brings about. */
  const sabotaged = (script: string, ...args: Word[]) => {
    const early = `data:text/javascript,${encodeURIComponent(script)}`;
    return execute(process.execPath, ['--import', early, cli, ...args.map(String)]);
  };

  // biome-ignore lint/suspicious/noExplicitAny: JSON
  async function json(...args: Word[]): Promise<any> {
    const { code, out, err } = await run(...args, '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    return JSON.parse(out);
  }

  const write = (name: string, ...npy: Parameters<typeof dump>): string => {
    writeFileSync(at(name), Buffer.from(dump(...npy)));
    return name;
  };
  return { folder, at, run, shell, sabotaged, json, write };
}
