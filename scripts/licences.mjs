/** The licences of what is bundled: they ask to go along. Taken from what is really in the files. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What may be bundled; another licence needs a look first. */
const ALLOWED = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'CC0-1.0', 'ISC', 'MIT', 'Unlicense'];

const folderOf = (file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
const manifest = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

/** Folders of the packages that one depends on, found as Node finds them: in the nearest node_modules on the way up. */
function dependencies(root, folder) {
  const find = (name, from) => {
    const place = join(from, 'node_modules', name);
    if (existsSync(join(root, place, 'package.json'))) return [place];
    return from === '' ? [] : find(name, from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/'))));
  };
  return Object.keys(manifest(join(root, folder)).dependencies ?? {}).flatMap((name) => find(name, folder));
}

/**
 * Folders of the packages in the bundles. A library that is published as a bundle holds others, which the bundler does
 * not see: what it depends on and yet never imports is counted as held, with all that depends on in turn.
 */
export function bundledPackages(root, { inputs, outputs }) {
  const used = Object.values(outputs).flatMap((output) => Object.entries(output.inputs));
  const found = new Set(used.flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 && folderOf(file)) || []));
  const imported = new Set(Object.keys(inputs).map(folderOf));
  const hold = (folder) => {
    for (const dependency of dependencies(root, folder)) {
      if (imported.has(dependency) || found.has(dependency)) continue;
      found.add(dependency);
      hold(dependency);
    }
  };
  for (const folder of [...found]) hold(folder);
  return [...found].sort();
}

/**
 * @param {string} root folder of the package
 * @param {import('esbuild').Metafile} metafile what the bundler says that is in the files
 * @returns the file that goes along
 * @throws Error for a licence that nobody has looked at
 */
export function notices(root, metafile) {
  const list = bundledPackages(root, metafile).map((folder) => {
    const { name, version, license } = manifest(join(root, folder));
    if (!ALLOWED.includes(license)) throw new Error(`${name} ${version} is bundled, and its licence is ${license}`);
    const file = readdirSync(join(root, folder)).find((entry) => /^licen[cs]e/i.test(entry));
    // some packages name their licence and bring no text
    const text = file ? `\n\n${readFileSync(join(root, folder, file), 'utf8').trim()}` : '';
    return `${name} ${version} (${license})${text}\n`;
  });
  return [...new Set(list)].sort().join(`\n${'-'.repeat(80)}\n\n`);
}
