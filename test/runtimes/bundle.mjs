/** The package as a web application ships it: bundled and minified for the browser by three bundlers. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { rollup } from '@rollup/wasm-node';
import { build as esbuild, transform } from 'esbuild';
import { build as vite } from 'vite';
import { BUDGETS } from '../../scripts/entries.mjs';

const bundlers = {
  esbuild: (input, outfile) =>
    esbuild({
      entryPoints: [input],
      outfile,
      bundle: true,
      format: 'esm',
      minify: true,
      platform: 'browser',
      logLevel: 'error',
    }),
  async Vite(input, outfile) {
    await vite({
      root: path.dirname(input),
      configFile: false,
      logLevel: 'error',
      build: {
        outDir: path.dirname(outfile),
        emptyOutDir: false,
        modulePreload: false,
        rolldownOptions: {
          input,
          preserveEntrySignatures: 'strict',
          output: { entryFileNames: path.basename(outfile) },
        },
      },
    });
  },
  async Rollup(input, outfile) {
    const bundle = await rollup({ input, plugins: [nodeResolve({ browser: true })] });
    const { output } = await bundle.generate({ format: 'es' });
    await bundle.close();
    // Rollup leaves minifying to others.
    await writeFile(outfile, (await transform(output[0].code, { minify: true, format: 'esm' })).code);
  },
};

/**
 * Bundles each application with each bundler into the sandbox.
 *
 * @returns {Promise<Record<string, Record<string, string>>>} by bundler and application: paths from the sandbox's root
 */
export async function bundleAll(sandbox) {
  const bundles = {};
  await mkdir(path.join(sandbox, 'bundles'));
  for (const { name: application, source } of BUDGETS) {
    const id = application.replaceAll(' ', '-');
    const input = path.join(sandbox, `${id}.mjs`);
    await writeFile(input, source);
    for (const [name, bundle] of Object.entries(bundlers)) {
      const file = `/bundles/${name}-${id}.js`;
      await bundle(input, path.join(sandbox, file));
      bundles[name] = { ...bundles[name], [application]: file };
    }
  }
  return bundles;
}

export const gzipSize = async (file) => gzipSync(await readFile(file), { level: 9 }).length;
