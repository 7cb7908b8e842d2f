/**
 * Bundles dist/*.js: the entries and the command. What several share stands in files of its own, so that a class is the
 * same whatever entry it comes from. Nothing is minified: names in consoles and stack traces are those of the sources,
 * and applications are minified by their own bundlers.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { build, transform } from 'esbuild';
import { EDGE, ENTRIES, SHARED } from './entries.mjs';

/** Files that are run, not imported. */
const PROGRAMS = {
  cli: 'bindings/cli/main.ts',
  worker: 'bindings/files/node/worker.ts',
};

const FILES = [...ENTRIES, ...SHARED];
const source = (name) => `bindings/entries/${name}.ts`;

/**
 * Entries are imported as files of dist/, each with kernels of its own. Under a condition an entry is the same source,
 * in which the kernels are not inlined but imported as a module, since bytes may not be compiled there; it has them
 * all, so that nothing is added to those of the losses. The entries that it imports are those of the same condition.
 */
const entries = {
  name: 'entries',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\?/ }, ({ path, resolveDir, kind }) => {
      if (kind !== 'entry-point') return { path, external: true };
      const [file, condition] = path.split('?');
      return { path: join(resolveDir, file), suffix: `?${condition}`, pluginData: condition };
    });
    onResolve({ filter: /^\./ }, ({ path, resolveDir, kind, pluginData: condition }) => {
      const file = join(resolveDir, path);
      const [folder, name] = [basename(dirname(file)), basename(file, '.ts')];
      const entry = folder === 'entries' && FILES.find((entry) => entry.name === name);
      if (entry && kind !== 'entry-point') {
        return { path: `./${entry.edge && condition ? `${name}.${condition}` : name}.js`, external: true };
      }
      if (folder === 'generated' && condition) {
        return { path: name === 'losses.wasm' ? condition : 'none', namespace: 'compiled' };
      }
    });
    onLoad({ filter: /entries.\w+\.ts$/ }, ({ path, pluginData }) => {
      return { contents: readFileSync(path, 'utf8'), loader: 'ts', pluginData };
    });
    onLoad({ filter: /./, namespace: 'compiled' }, ({ path: condition }) => ({
      contents:
        condition in EDGE
          ? `import module from '${EDGE[condition]}';\nexport default () => module;\n`
          : 'export default () => undefined;\n',
    }));
  },
};

const CONSTANTS = 'bindings/backend/constants.ts';

/** The constants that bindings and kernels share, by name, as text. */
export async function constantsOf(root) {
  const { code } = await transform(readFileSync(join(root, CONSTANTS), 'utf8'), { loader: 'ts' });
  const constants = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  return Object.fromEntries(Object.entries(constants).map(([name, value]) => [name, String(value)]));
}

/**
 * Constants are written as numbers: files of dist/ have them as variables, which the bundlers of applications do not
 * look into. So their imports are left out, and what they are is defined instead.
 */
export const numbers = {
  name: 'numbers',
  setup({ onLoad }) {
    const imports = /^import \{([^}]*)\} from '[^']*\/constants\.ts';$/gm;
    onLoad({ filter: /bindings.+\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      const lines = (found) => found.replace(/[^\n]/g, '');
      return { contents: text.replace(imports, lines), loader: 'ts' };
    });
  },
};

/** Modules of Node stay imports; CommonJS packages, which require them, get a `require` for that. */
const builtins = {
  name: 'builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?[a-z_/0-9]+$/ }, ({ path, kind, namespace }) => {
      const name = path.replace(/^node:/, '');
      if (name === 'require' && namespace === 'builtin') return { path: name, namespace };
      if (!isBuiltin(name)) return;
      return kind === 'require-call' ? { path: name, namespace: 'builtin' } : { path: `node:${name}`, external: true };
    });
    onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({
      contents:
        path === 'require'
          ? `import { createRequire } from 'node:module';\nexport const nodeRequire = createRequire(import.meta.url);\n`
          : `module.exports = require('require').nodeRequire('node:${path}');\n`,
    }));
  },
};

/** Whether a file consists of other people's code for the most part. */
function isForeign({ inputs, bytes }) {
  const foreign = Object.entries(inputs).filter(([path]) => path.includes('node_modules/'));
  return foreign.reduce((sum, [, { bytesInOutput }]) => sum + bytesInOutput, 0) > bytes / 2;
}

/** A file of dist/chunks that imports files of dist/. */
const oneFolderUp = (text, { imports }) =>
  imports
    .filter(({ path, external }) => external && path.startsWith('./'))
    .reduce((code, { path }) => code.replaceAll(`"${path}"`, `".${path}"`), text);

/** The import of a shared file before those of chunks. */
function sharedFirst(text, { imports }) {
  const shared = imports.find(({ path }) => SHARED.some(({ name }) => path.startsWith(`./${name}.`)));
  if (!shared) return text;
  const [line] = text.match(new RegExp(`^import [^;]* from "${shared.path}";\\n`, 'm'));
  return line + text.replace(line, '');
}

/**
 * Source maps leave out the binaries, which nobody reads as text, and name the sources as they lie in the repository.
 */
function tidyMap(map, lines) {
  const { sources, sourcesContent, mappings, ...rest } = JSON.parse(map);
  const contents = sourcesContent.map((text, i) => (sources[i].includes('generated/') ? null : text));
  return JSON.stringify({ ...rest, sources, sourcesContent: contents, mappings: ';'.repeat(lines) + mappings });
}

/**
 * @param {string} root folder of the package
 * @returns {Promise<import('esbuild').Metafile>} what is in the files
 */
export async function bundle(root) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const variants = ({ name, edge }) => [
    [name, source(name)],
    ...(edge ? Object.keys(EDGE).map((condition) => [`${name}.${condition}`, `./${source(name)}?${condition}`]) : []),
  ];
  const entryPoints = Object.fromEntries(FILES.flatMap(variants));
  const { metafile, outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: { ...entryPoints, ...PROGRAMS },
    outdir: 'dist',
    chunkNames: 'chunks/[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    target: ['es2022', 'node20'],
    sourcemap: 'external',
    plugins: [entries, numbers, builtins],
    external: ['./focal.wasm'],
    loader: { '.css': 'text' },
    define: { ...(await constantsOf(root)), VERSION: JSON.stringify(version) },
    metafile: true,
    write: false,
    logLevel: 'warning',
  });
  mkdirSync(join(root, 'dist/chunks'), { recursive: true });
  const texts = new Map(outputFiles.map(({ path, text }) => [path, text]));
  for (const [path, text] of texts) {
    if (path.endsWith('.map')) continue;
    const name = basename(path, '.js');
    const output = metafile.outputs[relative(root, path)];
    const code = basename(dirname(path)) === 'chunks' ? oneFolderUp(text, output) : sharedFirst(text, output);
    // JSR takes the declarations from here, as it knows no exports map
    const types = name in entryPoints ? `/* @ts-self-types="./types/entries/${name.split('.')[0]}.d.ts" */\n` : '';
    if (isForeign(output)) {
      // what an entry exports keeps its name
      const small = { minifyWhitespace: true, minifySyntax: true, minifyIdentifiers: types === '' };
      writeFileSync(path, types + (await transform(code, { ...small, format: 'esm', lineLimit: 200 })).code);
      continue;
    }
    writeFileSync(path, `${types}${code}//# sourceMappingURL=${name}.js.map\n`);
    writeFileSync(`${path}.map`, tidyMap(texts.get(`${path}.map`), types ? 1 : 0));
  }
  return metafile;
}
