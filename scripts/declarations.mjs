/** The type declarations, one tree for all entries: a class in two files would be two types to TypeScript. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * JSR finds `./x.d.ts` only by that name, and TypeScript takes that name only in imports of types, so all become that.
 *
 * @param {string} declarations as tsc emits them
 */
function typesOnly(declarations) {
  return declarations
    .replace(/^import (?:type )?\{(.*)\} from/gm, (_, names) => `import type {${names.replace(/\btype /g, '')}} from`)
    .replace(/^export \{ (\w+) \} from ('.*');/gm, 'export declare const $1: typeof import($2).$1;')
    .replace(/((?:from |import\()(['"])\..*?)\.tsx?\2/g, '$1.d.ts$2');
}

/** @param {string} root folder of the package */
export function buildDeclarations(root) {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '--project', join(root, 'bindings/tsconfig.json')], { stdio: 'inherit' });
  const types = join(root, 'dist/types');
  for (const name of readdirSync(types, { recursive: true })) {
    const file = join(types, name);
    if (name.endsWith('.d.ts')) writeFileSync(file, typesOnly(readFileSync(file, 'utf8')));
  }
}
