import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { inspect, openArray, openDataset, openPath } from '../bindings/files/node/api.ts';

const path = (name: string) => fileURLToPath(new URL(`files/${name}`, import.meta.url));
const expected = JSON.parse(readFileSync(path('expected.json'), 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'focal-simd-files-'));
const at = (name: string) => join(folder, name);

test('files by path', async () => {
  const dataset = await openDataset({ logits: path('rows.npy'), targets: path('y-int64.npy') });
  const z: number[] = [];
  for await (const { logits } of dataset.chunks(0, undefined, { bytes: 100 })) z.push(...(logits.data as Float32Array));
  expect(z).toEqual(expected.z);
  await dataset.close();
  // a URL of a file is its path
  const array = await openArray(pathToFileURL(path('y-big.npy')));
  expect([...(await array.read(3, 4))]).toEqual(expected.y.slice(3, 7));
  await array.close();
  expect((await inspect(path('planes.npy'))).arrays).toEqual([{ member: null, dtype: 'float32', shape: [2, 3, 2, 2] }]);
});

test.each([
  ['missing', () => at('none.npy'), /none\.npy: no such file or folder/],
  ['a folder', () => folder, /: not a regular file/],
  ['a path through a file', () => join(path('rows.npy'), 'x'), /: no such file or folder/],
  ['a pipe', () => (spawnSync('mkfifo', [at('pipe')]), at('pipe')), /pipe: not a regular file/],
  ['a device without end', () => '/dev/zero', /zero: not a regular file/],
])('%s', async (_, make, message) => {
  await expect(openPath(make())).rejects.toThrow(message);
});

test('a URL of a file that is elsewhere', async () => {
  await expect(openArray('file://elsewhere/y.npy')).rejects.toThrow(/^file:\/\/elsewhere\/y\.npy: /);
});

test('a file that becomes shorter while it is read', async () => {
  writeFileSync(at('short'), 'abcdef');
  const source = await openPath(at('short'));
  writeFileSync(at('short'), 'ab');
  await expect(source.read(0, 6)).rejects.toThrow(/short: truncated while it was being read/);
  await source.close!();
});
