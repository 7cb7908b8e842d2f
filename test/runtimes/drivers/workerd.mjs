/** Cloudflare's workerd, serving bundles as its deployment tool makes them: JavaScript in one file, .wasm beside it. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { PORTABLE_CELLS, timeCell } from '../../../bench/portable.mjs';
import { program } from './command-line.mjs';
import { median, run, start } from './process.mjs';

const WORKERD = program('@cloudflare/workerd-linux-64/bin/workerd', 'workerd');
/** Either side of 2025-06-01, from when workerd compiles bytes while a module loads. */
const DATES = { before: '2025-05-01', after: '2026-01-01' };
const COLD_STARTS = 7;

/**
 * Bundles `entry` into a folder of its own with a workerd configuration, and returns that folder.
 *
 * @param objects class of Durable Objects by the name of its binding; their storage lies in the folder
 * @param variables texts that the worker finds in its environment
 */
export async function bundleWorker(
  entry,
  folder,
  { date, conditions = ['workerd', 'worker'], define = {}, objects = {}, variables = {} },
) {
  await build({
    entryPoints: { worker: entry },
    outdir: folder,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    conditions,
    define,
    loader: { '.wasm': 'copy' },
    logLevel: 'error',
  });
  const binaries = (await readdir(folder)).filter((name) => name.endsWith('.wasm'));
  const modules = [
    '(name = "worker.js", esModule = embed "worker.js")',
    ...binaries.map((name) => `(name = "${name}", wasm = embed "${name}")`),
  ];
  const bindings = [
    ...Object.entries(objects).map(([name, type]) => `(name = "${name}", durableObjectNamespace = "${type}")`),
    ...Object.entries(variables).map(([name, text]) => `(name = "${name}", text = "${text}")`),
  ];
  const namespaces = Object.values(objects).map(
    (type) => `(className = "${type}", uniqueKey = "${type}", enableSql = true)`,
  );
  const storage = namespaces.length
    ? `, durableObjectNamespaces = [${namespaces.join(', ')}], durableObjectStorage = (localDisk = "storage")`
    : '';
  const services = [
    `(name = "main", worker = (modules = [${modules.join(', ')}], compatibilityDate = "${date}", bindings = [${bindings.join(', ')}]${storage}))`,
  ];
  if (storage) {
    await mkdir(path.join(folder, 'storage'), { recursive: true });
    services.push(`(name = "storage", disk = (path = "${path.join(folder, 'storage')}", writable = true))`);
  }
  await writeFile(
    path.join(folder, 'config.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [${services.join(', ')}],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]
);
`,
  );
  return folder;
}

/** Serves a bundled worker on a free port of the loopback address. */
export async function serve(folder) {
  const { value, ...server } = await start(
    WORKERD,
    ['serve', '--control-fd=1', 'config.capnp'],
    (printed) => /"listen".*"port":(\d+)/.exec(printed)?.[1],
    { cwd: folder },
  );
  return { url: `http://127.0.0.1:${value}`, ...server };
}

async function withServer(folder, use) {
  const server = await serve(folder);
  try {
    return await use(server);
  } finally {
    await server.stop();
  }
}

async function json(response) {
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text}`);
  return JSON.parse(text);
}

/**
 * Import and first call on a cold start, beyond those of a worker without the package: the module is evaluated before
 * the server listens, the call is made in the first request. Its clock stands still while code runs, so only the
 * outside can time it; the two workers take turns so that both meet the same machine.
 */
async function coldStart(folder, empty) {
  const time = async (which) => {
    const begin = performance.now();
    return withServer(which, async ({ url }) => {
      const listening = performance.now();
      await json(await fetch(`${url}/first`));
      return [listening - begin, performance.now() - listening];
    });
  };
  const differences = [];
  await time(empty);
  await time(folder);
  for (let i = 0; i < COLD_STARTS; i++) {
    const [start, call] = await time(folder);
    const [emptyStart, emptyCall] = await time(empty);
    differences.push([start - emptyStart, call - emptyCall]);
  }
  return {
    importMs: median(differences.map(([first]) => first)),
    firstMs: median(differences.map(([, second]) => second)),
  };
}

/** The short benchmark, timed from outside. */
async function speed(sandbox, rounds) {
  const folder = path.join(sandbox, 'workerd-speed');
  await bundleWorker(path.join(sandbox, 'speed-worker.mjs'), folder, { date: DATES.after });
  return withServer(folder, async ({ url }) => {
    const timed = (cell, contender) => async (count) => {
      const begin = performance.now();
      await json(await fetch(`${url}/?${new URLSearchParams({ cell, contender, count })}`));
      return performance.now() - begin;
    };
    const results = [];
    for (const cell of PORTABLE_CELLS) {
      const contenders = { ours: timed(cell.id, 'ours'), loops: timed(cell.id, 'loops') };
      results.push({ id: cell.id, ...(await timeCell(cell, contenders, { rounds })) });
    }
    return results;
  });
}

export function workerdHosts({ sandbox }) {
  let empty;
  const scenario = (name, backend, corpus, { date, scope, conditions }) => ({
    name,
    backend,
    corpus,
    async run() {
      const folder = await bundleWorker(
        path.join(sandbox, 'worker.mjs'),
        path.join(sandbox, `workerd-${name.replace(/\W+/g, '-')}`),
        {
          date,
          conditions,
          define: { MODULE_SCOPE: String(scope === 'module'), SHORT_CORPUS: String(corpus === 'short') },
        },
      );
      empty ??= bundleWorker(path.join(sandbox, 'empty-worker.mjs'), path.join(sandbox, 'workerd-empty'), { date });
      const report = await withServer(folder, async ({ url }) => json(await fetch(url)));
      return { ...report, ...(await coldStart(folder, await empty)) };
    },
  });
  const inlined = ['worker'];
  return [
    {
      name: 'workerd',
      missing: WORKERD ? undefined : 'not on this machine, and its npm package is for another platform',
      version: async () => /\d{4}-\d\d-\d\d/.exec(await run(WORKERD, ['--version']))[0],
      speed: (rounds) => speed(sandbox, rounds),
      scenarios: [
        scenario(`handler, ${DATES.before}`, 'simd', 'full', { date: DATES.before, scope: 'handler' }),
        scenario(`module scope, ${DATES.before}`, 'simd', 'short', { date: DATES.before, scope: 'module' }),
        scenario(`handler, ${DATES.after}`, 'simd', 'short', { date: DATES.after, scope: 'handler' }),
        scenario(`module scope, ${DATES.after}`, 'simd', 'short', { date: DATES.after, scope: 'module' }),
        // A bundler that does not know the condition picks the inlined binary, which workerd lets compile or not.
        scenario(`inlined binary, module scope, ${DATES.after}`, 'simd', 'short', {
          date: DATES.after,
          scope: 'module',
          conditions: inlined,
        }),
        scenario(`inlined binary, handler, ${DATES.before}`, 'scalar', 'short', {
          date: DATES.before,
          scope: 'handler',
          conditions: inlined,
        }),
      ],
    },
  ];
}
