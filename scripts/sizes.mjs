/** What applications weigh that a bundler has minified. */
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { BUDGETS } from './entries.mjs';

/**
 * @param {string} root folder of the built package, which finds itself by its own name
 * @returns {Promise<{ name: string, bytes: number, most: number }[]>}
 */
export const sizes = (root) =>
  Promise.all(
    BUDGETS.map(async ({ name, source, bytes: most }) => {
      const { outputFiles } = await build({
        stdin: { contents: source, resolveDir: root },
        bundle: true,
        minify: true,
        format: 'esm',
        platform: 'browser',
        write: false,
        logLevel: 'error',
      });
      return { name, bytes: gzipSync(outputFiles[0].contents, { level: 9 }).length, most };
    }),
  );
