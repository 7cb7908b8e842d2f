// Bundles the command with all it uses into dist/cli.js, and the page of --report, which loads only for that, into
// dist/report.js.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

/** @param {string} root folder of the package */
export async function buildCommand(root) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { cli: 'bindings/cli/main.ts', report: 'bindings/cli/report.ts' },
    outdir: 'dist',
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: ['./report.js'],
    loader: { '.css': 'text' },
    define: { VERSION: JSON.stringify(version) },
    // commander and cli-progress are CommonJS and require node's own modules
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    metafile: true,
    logLevel: 'warning',
  });
  writeFileSync(join(root, 'dist/THIRD-PARTY-LICENSES.txt'), licences(root, Object.keys(metafile.inputs)));
}

/** The licences of the packages that the files belong to: they ask to go along. */
function licences(root, files) {
  const folder = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/;
  const packages = new Set(files.flatMap((file) => folder.exec(file)?.[0] ?? []));
  const notices = [...packages].sort().map((path) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'));
    const file = readdirSync(join(root, path)).find((entry) => /^licen[cs]e/i.test(entry));
    // some packages name their licence and bring no text
    const text = file ? `\n\n${readFileSync(join(root, path, file), 'utf8').trim()}` : '';
    return `${name} ${version} (${license})${text}\n`;
  });
  return notices.join(`\n${'-'.repeat(80)}\n\n`);
}
