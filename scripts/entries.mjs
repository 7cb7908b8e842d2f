/**
 * Every entry of the package, one a line. A new one needs its file in bindings/entries/, its line here, and one run of
 * `node scripts/entries.mjs`, which writes the exports of package.json and jsr.json. Bundles, types, the tests of what
 * was built and the checks of sizes and licences take them from here.
 *
 * @typedef {object} Entry
 * @property {string} name file in bindings/entries/ and in dist/, and subpath of the package; 'index' is the package
 *   itself
 * @property {boolean} [edge] it has kernels: where bytes may not be compiled it imports focal.wasm as a module instead
 * @property {boolean} [node] it may use the modules of Node, which Deno and Bun have too
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @type {Entry[]} */
export const ENTRIES = [
  { name: 'index', edge: true },
  { name: 'meter', edge: true },
  { name: 'slices', edge: true },
  { name: 'scalar' },
  { name: 'module' },
  { name: 'tfjs' },
  { name: 'report' },
  { name: 'calibrate', edge: true },
  { name: 'files', edge: true },
  { name: 'compare', edge: true },
  { name: 'node', node: true },
  { name: 'bullmq', node: true },
];

/**
 * Files of dist/ that entries share, made as they are, but no entries. Who imports one imports it first: so a bundler
 * puts the texts of all kernels side by side and the code behind them, and gzip finds in one what it has seen in the
 * other.
 *
 * @type {Entry[]}
 */
export const SHARED = [{ name: 'kernels', edge: true }];

/**
 * Export conditions under which a bundler or runtime gives a compiled module for an import, and how it is asked for.
 */
export const EDGE = { 'edge-light': './focal.wasm?module', workerd: './focal.wasm' };

/**
 * What an application may weigh, in bytes: bundled and minified for a browser, gzipped. `goal` is what it was to weigh.
 */
export const BUDGETS = [
  {
    name: 'losses',
    source: `export { SoftmaxFocalLoss, SigmoidFocalLoss } from 'focal-simd';`,
    bytes: 23_100,
    goal: 16_000,
  },
  { name: 'default', source: `export * from 'focal-simd';`, bytes: 24_150, goal: 20_000 },
  {
    name: 'with the meter',
    source: `export * from 'focal-simd'; export * from 'focal-simd/meter';`,
    bytes: 58_800,
    goal: 40_000,
  },
];

const subpath = (name) => (name === 'index' ? '.' : `./${name}`);

/** `exports` of package.json. */
export function packageExports() {
  const conditions = ({ name, edge }) => ({
    types: `./dist/types/entries/${name}.d.ts`,
    ...(edge &&
      Object.fromEntries(Object.keys(EDGE).map((condition) => [condition, `./dist/${name}.${condition}.js`]))),
    default: `./dist/${name}.js`,
  });
  return {
    ...Object.fromEntries(ENTRIES.map((entry) => [subpath(entry.name), conditions(entry)])),
    './focal.wasm': './dist/focal.wasm',
    './package.json': './package.json',
  };
}

/** `exports` of jsr.json, which knows no conditions. */
export const jsrExports = () => Object.fromEntries(ENTRIES.map(({ name }) => [subpath(name), `./dist/${name}.js`]));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL('..', import.meta.url));
  for (const [file, exports] of [
    ['package.json', packageExports()],
    ['jsr.json', jsrExports()],
  ]) {
    const path = join(root, file);
    writeFileSync(path, `${JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), exports }, null, 2)}\n`);
  }
}
