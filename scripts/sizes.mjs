/**
 * What applications weigh that a bundler has minified, and why. `npm run sizes` prints it, `npm run sizes -- --write`
 * puts it into docs/benchmark.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { constantsOf, numbers } from './bundle.mjs';
import { BUDGETS } from './entries.mjs';

/** An application's bundle: its bytes when gzipped, and what is in it. */
async function bundled(source, resolveDir, options = {}) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: source, resolveDir },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    metafile: true,
    logLevel: 'error',
    ...options,
  });
  const [{ inputs }] = Object.values(metafile.outputs);
  return { bytes: gzipSync(outputFiles[0].contents, { level: 9 }).length, inputs };
}

/**
 * @param {string} root folder of the built package, which finds itself by its own name
 * @returns {Promise<{ name: string, bytes: number, most: number, goal: number }[]>}
 */
export const sizes = (root) =>
  Promise.all(
    BUDGETS.map(async ({ name, source, bytes: most, goal }) => {
      const { bytes } = await bundled(source, root);
      return { name, bytes, most, goal };
    }),
  );

/**
 * What the bundles consist of: name, files below bindings/, and, of what could do without, `optional`. A file is of the
 * first part that names it.
 */
const PARTS = [
  ['kernels of the losses', /^backend\/generated\/losses/],
  ['kernels of the meter', /^backend\/generated\/meter/],
  ['their decoder and instances', /^(entries|backend\/(backend|once|printable|provide|wasm)\.)/],
  ['scalar twin of the losses', /^backend\/scalar\/(kernels|dense|exact-sum)/, 'optional'],
  ['scalar twin of the meter', /^backend\/scalar/, 'optional'],
  ['`alloc`', /^backend\/alloc/, 'optional'],
  ['`classWeights`, `effectiveWeights`', /^losses\/weights/, 'optional'],
  ['messages of errors', /^input\/errors/],
  ['inputs, how they are read and checked', /^input/],
  ['losses: options', /^losses\/options/],
  ['curves', /^(meter\/(areas|cells|curve-counts|margins|operating)|losses\/portable)\./, 'optional'],
  ['losses: passes over tiles', /^(losses|backend\/limbs)/],
  ['meters: options', /^meter\/config/],
  ['meters: soft and multi-hot targets', /^meter\/truth/, 'optional'],
  ['`hardest`', /^meter\/(hardest|logits-of|ranking)/, 'optional'],
  ['`coverage`', /^meter\/coverage/, 'optional'],
  ['`bootstrap`', /^(meter\/bootstrap|statistics\/poisson)/, 'optional'],
  ['intervals', /^statistics/, 'optional'],
  ['metrics and reports', /^meter\/(metrics|report)/],
  ['states of version 1', /^meter\/version1/, 'optional'],
  ['states as JSON and bytes', /^meter\/(codec|bytes|crc32)/, 'optional'],
  ['states, how they are checked', /^meter\/checks/, 'optional'],
  ['meters: counting', /^meter/],
].map(([name, files, optional]) => ({ name, files, optional: optional !== undefined }));

const BINDINGS = /^bindings\//;
const partOf = (path) => PARTS.find(({ files }) => files.test(path.replace(BINDINGS, '')));

/** The imports of a compiled file, and the names they bring. */
function importsOf(text) {
  const found = [...text.matchAll(/^import (.*?) from ".*?";$/gms)];
  const names = found.flatMap(([, list]) => list.match(/\w+(?=\s*(,|\}|$))/g));
  return { statements: found.map(([statement]) => statement), names };
}

/** Leaves parts out: what their files export does nothing. What they import stays. */
const without = (root, left) => ({
  name: 'without',
  setup({ onResolve, onLoad }) {
    const isLeft = (path) => !path.includes('/entries/') && left.includes(partOf(relative(root, path)));
    onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
      const file = join(resolveDir, path);
      if (isLeft(file)) return { path: file, sideEffects: true };
    });
    onLoad({ filter: /bindings.+\.ts$/ }, async ({ path }) => {
      if (!isLeft(path)) return;
      const { outputFiles, metafile } = await build({
        entryPoints: [path],
        format: 'esm',
        outdir: root,
        plugins: [numbers],
        write: false,
        metafile: true,
      });
      const { statements, names } = importsOf(outputFiles[0].text);
      const [{ exports }] = Object.values(metafile.outputs);
      const nothing = (name) => {
        if (names.includes(name)) return `export { ${name} };`;
        return `export ${name === 'default' ? 'default function' : `function ${name}`}() {}`;
      };
      return { contents: [...statements, `globalThis.kept = [${names}];`, ...exports.map(nothing)].join('\n') };
    });
  },
});

/** The package's own sources in the place of dist/, the kernels first, as there. */
const FIRST = `import 'focal-simd/kernels';\n`;
const sources = (root) => ({
  name: 'sources',
  setup({ onResolve }) {
    onResolve({ filter: /^focal-simd/ }, ({ path }) => {
      const [, name = 'index'] = path.split('/');
      return { path: join(root, `bindings/entries/${name}.ts`), sideEffects: name === 'kernels' };
    });
  },
});

/** By how much a bundle of the sources is smaller without parts. */
async function parts(root) {
  const define = await constantsOf(root);
  const bytesWithout = (source, left) => {
    return bundled(FIRST + source, root, {
      define,
      target: 'es2022',
      plugins: [sources(root), without(root, left), numbers],
    });
  };
  const columns = [];
  for (const { name, source, goal } of BUDGETS) {
    const { bytes: all, inputs } = await bytesWithout(source, []);
    const there = new Set();
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      if (bytesInOutput === 0 || path === '<stdin>') continue;
      const part = partOf(path);
      if (!part) throw new Error(`scripts/sizes.mjs does not tell of which part ${path} is`);
      there.add(part);
    }
    const bytes = new Map();
    for (const part of there) bytes.set(part, all - (await bytesWithout(source, [part])).bytes);
    // what would have to leave, the largest first
    const left = [];
    let small = all;
    for (const part of [...there].filter(({ optional }) => optional).sort((a, b) => bytes.get(b) - bytes.get(a))) {
      if (small <= goal) break;
      left.push(part);
      small = (await bytesWithout(source, left)).bytes;
    }
    columns.push({ name, goal, bytes, left, small });
  }
  return columns;
}

const shown = (n) => n.toLocaleString('en-US');
const table = (rows) => rows.map((row) => `| ${row.join(' | ')} |`).join('\n');

/** What `npm run sizes` prints. */
export async function report(root) {
  const totals = await sizes(root);
  const columns = await parts(root);
  const align = ['---', ...columns.map(() => '---:')];
  const part = ({ name, files, optional }) => [
    optional ? `${name} *` : name,
    ...columns.map(({ bytes }) => {
      const own = [...bytes.keys()].find((one) => one.files === files);
      return own ? shown(bytes.get(own)) : '';
    }),
  ];
  const leaving = columns.map(({ name, goal, left, small }) => {
    const names = small > goal ? 'all parts with a *' : left.map((one) => one.name).join(', ');
    return `- ${shown(goal)} (${name}): without ${names} it is ${shown(small)}`;
  });
  return [
    table([
      ['bytes, minified and gzipped', ...totals.map(({ name }) => name)],
      align,
      ['all', ...totals.map(({ bytes }) => `**${shown(bytes)}**`)],
      ['goal', ...totals.map(({ goal }) => shown(goal))],
      ...PARTS.map(part),
    ]),
    `Losses and meters could do without parts with a *. What of them would have to leave, the largest first:\n\n${leaving.join('\n')}`,
  ].join('\n\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const text = await report(root);
  console.log(text);
  if (process.argv.includes('--write')) {
    const BEGIN = '<!-- sizes: made by scripts/sizes.mjs -->\n';
    const END = '<!-- end of sizes -->\n';
    const path = join(root, 'docs/benchmark.md');
    const [before, rest] = readFileSync(path, 'utf8').split(BEGIN);
    writeFileSync(path, `${before}${BEGIN}\n${text}\n\n${END}${rest.split(END)[1]}`);
  }
}
