/** The licences of what is bundled: they ask to go along. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @param {string} root folder of the package
 * @param {string[]} files that went into bundles, relative to it
 */
export function licences(root, files) {
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
