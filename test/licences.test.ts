import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
// @ts-expect-error the scripts are plain JavaScript, so that Node 20 runs them
import { bundledPackages, notices } from '../scripts/licences.mjs';

const root = mkdtempSync(join(tmpdir(), 'focal-simd-licences-'));
afterAll(() => rmSync(root, { recursive: true }));

function install(folder: string, dependencies: string[], license = 'MIT'): void {
  const path = join(root, folder);
  mkdirSync(path, { recursive: true });
  const name = folder.replace(/.*node_modules\//, '');
  const manifest = {
    name,
    version: '1.0.0',
    license,
    dependencies: Object.fromEntries(dependencies.map((d) => [d, '*'])),
  };
  writeFileSync(join(path, 'package.json'), JSON.stringify(manifest));
  if (license === 'MIT') writeFileSync(join(path, 'LICENSE'), `© ${folder}`);
}
install('node_modules/plain', ['shaken', '@scope/used', 'absent']);
install('node_modules/@scope/used', []);
install('node_modules/shaken', ['deep']);
install('node_modules/holder', ['held']);
install('node_modules/held', ['deep', 'plain']);
install('node_modules/deep', []);
install('node_modules/held/node_modules/deep', ['deeper']);
install('node_modules/deeper', [], 'ISC');
install('node_modules/odd', [], 'SSPL-1.0');

/** What the bundler says: files it has read, and the bytes it took of each. */
const metafile = (bytes: Record<string, number>) => ({
  inputs: bytes,
  outputs: {
    'dist/a.js': { inputs: Object.fromEntries(Object.entries(bytes).map(([k, n]) => [k, { bytesInOutput: n }])) },
  },
});
const plain = {
  'bindings/a.ts': 9,
  'node_modules/plain/a.js': 5,
  'node_modules/@scope/used/a.js': 1,
  'node_modules/shaken/a.js': 0,
};

test.each([
  ['own files alone', { 'bindings/a.ts': 9 }, []],
  ['what is imported and used', plain, ['node_modules/@scope/used', 'node_modules/plain']],
  [
    'what a library holds in its own bundle, and what that depends on',
    { 'node_modules/holder/bundle.js': 9, 'node_modules/plain/a.js': 0 },
    ['node_modules/deeper', 'node_modules/held', 'node_modules/held/node_modules/deep', 'node_modules/holder'],
  ],
])('%s', (_, bytes, packages) => {
  expect(bundledPackages(root, metafile(bytes))).toEqual(packages);
});

test('each package has its name, its version, its licence and, where it brings it, the text', () => {
  const text = notices(root, metafile({ 'node_modules/holder/bundle.js': 9, 'node_modules/deeper/a.js': 1 }));
  expect(text).toContain('holder 1.0.0 (MIT)\n\n© node_modules/holder\n');
  expect(text).toContain('held 1.0.0 (MIT)\n\n© node_modules/held\n');
  expect(text).toContain('deeper 1.0.0 (ISC)\n');
});

test('a licence that nobody has looked at stops the build', () => {
  expect(() => notices(root, metafile({ 'node_modules/odd/a.js': 1 }))).toThrow(
    'odd 1.0.0 is bundled, and its licence is SSPL-1.0',
  );
});

test('dist has the notices of what was built', () => {
  const built = (file: string) => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
  const { inputs } = JSON.parse(built('build/metafile.json'));
  const shipped = built('dist/THIRD-PARTY-LICENSES.txt');
  expect(shipped).toMatch(/^commander \d/m);
  // a library that is published as a bundle
  if (Object.keys(inputs).some((file) => file.includes('linkedom'))) {
    for (const name of ['css-what', 'css-select', 'nth-check', 'htmlparser2', 'domhandler', 'domutils', 'entities']) {
      expect(shipped).toMatch(new RegExp(`^${name} \\d`, 'm'));
    }
  }
});
