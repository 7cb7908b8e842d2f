/**
 * npm run test:runtimes [-- [--only NAME] [--rounds N] [--speed] [TARBALL]]
 *
 * Packs the package (or takes a tarball), installs that into an empty folder and runs it in every runtime: the same
 * corpus must give the digest of digest.json everywhere. `--only` keeps to the runtimes whose name contains NAME, and leaves out
 * the checks of the package and the examples. `--rounds` says how often the short benchmark times each of its cells in each
 * runtime (3; 0: not at all), and `--speed` runs nothing else. The tables go to build/runtimes.md and build/speed.md and, with all
 * numbers, to build/runtimes.json.
 */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { summary } from '../../bench/portable.mjs';
import { bundleAll } from './bundle.mjs';
import { browserHosts } from './drivers/browsers.mjs';
import { commandLineHosts } from './drivers/command-line.mjs';
import { edgeHosts } from './drivers/edge-vm.mjs';
import { run } from './drivers/process.mjs';
import { workerdHosts } from './drivers/workerd.mjs';
import { exampleChecks } from './examples.mjs';
import { packageChecks } from './package-checks.mjs';
import { pageChecks } from './page.mjs';

/**
 * @typedef {object} Report - what a runtime answers
 * @property {'simd' | 'scalar'} backend
 * @property {string} sha256
 * @property {number} calls
 * @property {number[]} sample
 * @property {number} importMs
 * @property {number} firstMs
 *
 * @typedef {object} Scenario
 * @property {string} name
 * @property {'simd' | 'scalar'} backend - the backend it must report
 * @property {'full' | 'short'} corpus
 * @property {() => Promise<Report>} run
 *
 * @typedef {object} Host - a runtime
 * @property {string} name
 * @property {string} [missing] - why it cannot run on this machine
 * @property {() => Promise<string>} version - called once, before the scenarios
 * @property {Scenario[]} scenarios
 * @property {(rounds: number) => Promise<object[]>} [speed] - the short benchmark, cell by cell
 * @property {() => Promise<void>} [close]
 */

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.join(here, '../..');
const { values: flags, positionals } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    speed: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const inCi = process.env.CI === 'true';

const COLUMNS = { runtime: 15, version: 16, scenario: 40, backend: 7, digest: 12, import: 9, 'first call': 10 };
const line = (cells) =>
  Object.values(COLUMNS)
    .map((width, i) => String(cells[i] ?? '').padEnd(width))
    .join('  ')
    .trimEnd();
const milliseconds = (value) => (value === undefined ? '' : `${value.toFixed(1)} ms`);

/** Packs the package; returns the tarball's path. */
async function pack(folder) {
  const [{ filename }] = JSON.parse(
    await run('npm', ['pack', '--json', '--silent', '--pack-destination', folder], { cwd: root }),
  );
  return path.join(folder, filename);
}

/** An empty folder with the tarball installed and the programs beside it. */
async function install(tarball, folder) {
  const sandbox = path.join(folder, 'sandbox');
  await mkdir(sandbox);
  await writeFile(
    path.join(sandbox, 'package.json'),
    JSON.stringify({ name: 'sandbox', private: true, type: 'module' }),
  );
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], { cwd: sandbox });
  await cp(path.join(here, 'programs'), sandbox, { recursive: true });
  await cp(path.join(root, 'examples'), path.join(sandbox, 'examples'), { recursive: true });
  await build({
    entryPoints: { suite: path.join(here, 'suite.mjs'), speed: path.join(root, 'bench/portable.mjs') },
    outdir: sandbox,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'error',
  });
  return sandbox;
}

const results = { date: new Date().toISOString(), rows: [], speed: [], checks: [], skipped: [] };
let failures = 0;
const digests = JSON.parse(await readFile(path.join(here, 'digest.json'), 'utf8'));
let reference;

/** Throws unless the report is what the scenario promises. */
function judge({ backend, corpus }, { sha256, calls, comparisons = null, sample, ...report }) {
  if (report.backend !== backend) throw new Error(`backend() is '${report.backend}', expected '${backend}'`);
  if (backend === 'simd') {
    reference ??= sample;
    const expected = digests[corpus];
    if (sha256 !== expected.sha256)
      throw new Error(`digest of ${calls} calls is ${sha256}, expected ${expected.sha256}`);
    if (comparisons !== null && comparisons !== expected.comparisons)
      throw new Error(`digest of comparisons is ${comparisons}, expected ${expected.comparisons}`);
  }
  const wrong = sample.findIndex(
    (value, i) => !(Math.abs(value - reference[i]) <= 1e-5 * Math.abs(reference[i]) + 1e-9),
  );
  if (wrong >= 0) throw new Error(`sample[${wrong}] is ${sample[wrong]}, expected ${reference[wrong]}`);
}

async function runHost(host) {
  if (host.missing) {
    results.skipped.push({ runtime: host.name, reason: host.missing });
    if (inCi) failures++;
    console.log(line([host.name, '', `${inCi ? 'FAILED' : 'skipped'}: ${host.missing}`]));
    return;
  }
  let version = '?';
  try {
    if (flags.speed) version = await host.version();
    for (const scenario of flags.speed ? [] : host.scenarios) {
      const row = { runtime: host.name, scenario: scenario.name, corpus: scenario.corpus };
      try {
        if (version === '?') version = await host.version();
        const report = await scenario.run();
        Object.assign(row, { version, ...report, sample: undefined });
        judge(scenario, report);
      } catch (error) {
        row.error = error.message;
        failures++;
      }
      results.rows.push(row);
      const { backend, sha256, importMs, firstMs, error } = row;
      const times = [importMs, firstMs].map(milliseconds);
      console.log(line([host.name, version, scenario.name, backend, sha256?.slice(0, 12), ...times]));
      if (error) console.log(`  FAILED: ${error}`);
    }
    await runSpeed(host, version);
  } finally {
    await host.close?.();
  }
}

/** The short benchmark: it fails where a result is wrong, not where it is slow. */
async function runSpeed({ name, speed }, version) {
  const rounds = Number(flags.rounds);
  if (!speed || rounds === 0) return;
  const result = { runtime: name, version };
  results.speed.push(result);
  try {
    const cells = await speed(rounds);
    Object.assign(result, summary(cells), { cells });
    const { forward, valueAndGrad, least, weakest } = result;
    const of = ({ ns, ratio }) => `${ns.toFixed(2)} ns a logit, ${ratio.toFixed(1)}×`;
    console.log(`  forward ${of(forward)}; with gradient ${of(valueAndGrad)}; least ${least.toFixed(1)}×, ${weakest}`);
  } catch (error) {
    result.error = error.message;
    failures++;
    console.log(`  FAILED: ${error.message}`);
  }
}

async function runCheck({ name, check }) {
  try {
    const detail = await check();
    results.checks.push({ name, detail });
    console.log(`ok      ${name}${detail ? `: ${detail}` : ''}`);
  } catch (error) {
    failures++;
    results.checks.push({ name, error: error.message });
    console.log(`FAILED  ${name}: ${error.message}`);
  }
}

/** One line a runtime: the scenario over the whole corpus, and the names of the others. */
function markdown() {
  const lines = [
    '| runtime | version | backend | digest | import | first call | also |',
    '| --- | --- | --- | --- | --- | --- | --- |',
  ];
  for (const runtime of new Set(results.rows.map((row) => row.runtime))) {
    const rows = results.rows.filter((row) => row.runtime === runtime);
    const [{ version, backend, sha256, importMs, firstMs }] = rows;
    const also = rows.slice(1).map(({ scenario, backend, error }) => {
      if (error) return `${scenario}: failed`;
      return backend === 'scalar' ? `${scenario}: scalar` : scenario;
    });
    const times = [importMs, firstMs].map(milliseconds);
    lines.push(
      `| ${[runtime, version, backend, `\`${sha256?.slice(0, 8)}\``, ...times, also.join('; ')].join(' | ')} |`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** What the short benchmark gave, one line a runtime. */
function speedTable() {
  const of = ({ ns, ratio }) => [ns.toFixed(2), `${ratio.toFixed(1)}×`];
  const rows = results.speed.map(({ runtime, version, forward, valueAndGrad, least, weakest, error }) =>
    error
      ? [runtime, version, 'failed']
      : [runtime, version, ...of(forward), ...of(valueAndGrad), `${least.toFixed(1)}× ${weakest}`],
  );
  const head = ['runtime', 'version', 'forward', '× loops', 'with gradient', '× loops', 'weakest cell'];
  const rule = ['---', '---', '---:', '---:', '---:', '---:', '---'];
  return [head, rule, ...rows].map((row) => `| ${row.join(' | ')} |\n`).join('');
}

const folder = await mkdtemp(path.join(tmpdir(), 'focal-simd-runtimes-'));
try {
  const tarball = positionals[0] ? path.resolve(positionals[0]) : await pack(folder);
  const sandbox = await install(tarball, folder);
  const installed = (await readdir(path.join(sandbox, 'node_modules'))).filter((name) => !name.startsWith('.'));
  if (installed.join() !== 'focal-simd') throw new Error(`installed beside the package: ${installed.join(', ')}`);
  const { resolve } = createRequire(path.join(sandbox, 'package.json'));
  const [entry, meter] = ['focal-simd', 'focal-simd/meter'].map((name) => `/${path.relative(sandbox, resolve(name))}`);
  const context = { root, sandbox, tarball, entry, meter, bundles: await bundleAll(sandbox) };

  console.log(line(Object.keys(COLUMNS)));
  const hosts = [
    ...commandLineHosts(context),
    ...workerdHosts(context),
    ...edgeHosts(context),
    ...(await browserHosts(context)),
  ];
  for (const host of hosts.filter(({ name }) => name.includes(flags.only ?? ''))) await runHost(host);
  console.log();
  const all = flags.only === undefined && !flags.speed;
  const checks = all ? [...packageChecks(context), ...exampleChecks(context), ...pageChecks(context)] : [];
  for (const check of checks) await runCheck(check);
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
await mkdir(path.join(root, 'build'), { recursive: true });
await writeFile(path.join(root, 'build/runtimes.json'), `${JSON.stringify({ ...results, digests }, null, 2)}\n`);
await writeFile(path.join(root, 'build/runtimes.md'), markdown());
await writeFile(path.join(root, 'build/speed.md'), speedTable());

const passed =
  results.rows.length + results.speed.length + results.checks.length + (inCi ? results.skipped.length : 0) - failures;
const skipped = inCi ? 0 : results.skipped.length;
console.log(`\n${passed} passed, ${failures} failed${skipped ? `, ${skipped} skipped` : ''}`);
process.exitCode = failures ? 1 : 0;
