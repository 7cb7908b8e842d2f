/**
 * npm run fuzz, npm run soak [-- OPTIONS of test/fuzz/main.ts]: calls drawn from a seed on every backend against a
 * float64 reference, then the command killed while it writes.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const [kills, ...options] = process.argv.slice(2);
await build({
  absWorkingDir: root,
  entryPoints: ['test/fuzz/main.ts'],
  outfile: 'build/fuzz.mjs',
  bundle: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
  sourcemap: 'inline',
  logLevel: 'warning',
});
const programs = [['--enable-source-maps', 'build/fuzz.mjs', ...options]];
if (!options.includes('--case') && existsSync(`${root}test/kill.mjs`)) programs.push(['test/kill.mjs', kills]);
for (const args of programs) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
