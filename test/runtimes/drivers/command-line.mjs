/** Node, Deno and Bun: a program run from the command line. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { lastLine, run } from './process.mjs';

const installed = (path) => {
  const file = fileURLToPath(new URL(`../node_modules/${path}`, import.meta.url));
  return existsSync(file) ? file : undefined;
};

const node = (major) => ({
  name: `Node ${major}`,
  command: installed(`node${major}/bin/node`),
  args: [],
  scenarios: { import: 'import.mjs', require: 'require.cjs', 'worker threads': 'threads.mjs', 'entries, copies': 'entries.mjs' },
});

const hosts = [
  node(20),
  node(22),
  node(24),
  node(26),
  {
    name: 'Deno',
    command: installed('.bin/deno'),
    args: ['run', '--quiet', '--cached-only', '--node-modules-dir=manual', '--allow-read', '--allow-env'],
    env: { DENO_NO_UPDATE_CHECK: '1' },
    scenarios: { import: 'import.mjs', 'worker threads': 'threads.mjs', 'entries, copies': 'entries.mjs' },
    example: { args: ['examples/deno/main.ts'] },
  },
  {
    name: 'Bun',
    command: installed('.bin/bun'),
    args: ['run', '--no-install'],
    scenarios: { import: 'import.mjs', require: 'require.cjs', 'worker threads': 'threads.mjs', 'entries, copies': 'entries.mjs' },
    example: { args: ['examples/bun/main.ts'] },
  },
];

/** @returns {import('../run.mjs').Host[]} */
export function commandLineHosts({ sandbox }) {
  return hosts.map(({ name, command, args, env = {}, scenarios }) => ({
    name,
    missing: command ? undefined : 'its npm package is not installed on this platform',
    version: async () => /\d+\.\d+\.\d+/.exec(await run(command, ['--version'], { env }))[0],
    scenarios: Object.entries(scenarios).map(([scenario, program]) => ({
      name: scenario,
      backend: 'simd',
      corpus: program === 'import.mjs' ? 'full' : 'short',
      run: async () => lastLine(await run(command, [...args, program], { cwd: sandbox, env })),
    })),
  }));
}
