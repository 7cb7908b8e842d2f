/** Node, Deno and Bun: programs run from the command line. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { lastLine, median, run } from './process.mjs';

const STARTS = 9;

/** A program of an npm package, or the machine's own where that package is for another platform. */
export function program(packaged, name) {
  const own = process.env.PATH?.split(path.delimiter).map((folder) => path.join(folder, name));
  return [fileURLToPath(new URL(`../node_modules/${packaged}`, import.meta.url)), ...(own ?? [])].find(existsSync);
}

const IMPORT = { name: 'import', program: 'import.mjs', corpus: 'full' };
const REQUIRE = { name: 'require', program: 'require.cjs' };
const THREADS = { name: 'worker threads', program: 'threads.mjs' };
const FILES = { name: 'files on worker threads', program: 'files.mjs' };
const ENTRIES = { name: 'entries, interleaved copies', program: 'entries.mjs' };
/** What V8's own flags make of this machine: an older one, and one that refuses. */
const MACHINES = [
  { name: 'CPU without AVX and FMA', program: 'require.cjs', flags: ['--no-enable-avx', '--no-enable-fma3'] },
  { name: 'CPU without SSE4.1', program: 'require.cjs', flags: ['--no-enable-sse4-1'], backend: 'scalar' },
  { name: 'no WebAssembly', program: 'require.cjs', flags: ['--jitless'], backend: 'scalar' },
];

const node = (major, ...more) => ({
  name: `Node ${major}`,
  command: program(`node${major}/bin/node`, `node${major}`),
  args: [],
  scenarios: [IMPORT, REQUIRE, THREADS, FILES, ENTRIES, ...more],
});

/** How each is started; `command` is undefined where its package is not installed. */
export const commandLines = [
  node(20),
  node(22),
  node(24),
  node(26, ...(process.arch === 'x64' ? MACHINES : [])),
  {
    name: 'Deno',
    command: program('@deno/linux-x64-glibc/deno', 'deno'),
    args: ['run', '--quiet', '--cached-only', '--node-modules-dir=manual', '--allow-read', '--allow-env'],
    env: { DENO_NO_UPDATE_CHECK: '1' },
    scenarios: [IMPORT, THREADS, { ...FILES, more: ['--allow-write=.'] }, ENTRIES],
  },
  {
    name: 'Bun',
    command: program('@oven/bun-linux-x64/bin/bun', 'bun'),
    args: ['run', '--no-install'],
    scenarios: [IMPORT, REQUIRE, THREADS, FILES, ENTRIES],
  },
];

/** @returns {import('../run.mjs').Host[]} */
export function commandLineHosts({ sandbox }) {
  return commandLines.map(({ name, command, args, env, scenarios }) => ({
    name,
    missing: command ? undefined : 'not on this machine, and its npm package is for another platform',
    version: async () => /\d+\.\d+\.\d+/.exec(await run(command, ['--version'], { env }))[0],
    speed: async (rounds) =>
      lastLine(await run(command, [...args, 'speed.mjs', String(rounds)], { cwd: sandbox, env })),
    scenarios: scenarios.map(({ name, program, corpus = 'short', backend = 'simd', flags = [], more = [] }) => ({
      name,
      backend,
      corpus,
      async run() {
        const start = async (...given) =>
          lastLine(await run(command, [...flags, ...args, ...more, program, ...given], { cwd: sandbox, env }));
        const report = await start();
        if (program !== IMPORT.program) return report;
        // Where the times are what is asked for, the median of some fresh processes.
        const times = [];
        for (let i = 0; i < STARTS; i++) times.push(await start('0'));
        return {
          ...report,
          importMs: median(times.map((t) => t.importMs)),
          firstMs: median(times.map((t) => t.firstMs)),
        };
      },
    })),
  }));
}
