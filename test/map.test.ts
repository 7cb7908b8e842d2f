import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dump } from 'npyjs';
import { expect, test, vi } from 'vitest';

vi.setConfig({ testTimeout: 60_000 });

const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'focal-simd-map-'));
const fixture = (name: string) => fileURLToPath(new URL(`files/${name}`, import.meta.url));
const run = (args: string[], input = '') => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
    cwd: folder,
    input,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
};

const { z, y } = JSON.parse(readFileSync(fixture('expected.json'), 'utf8'));
const lines = [
  [0, 20],
  [20, 50],
].map(([from, to], i) => {
  writeFileSync(
    join(folder, `z${i}.npy`),
    new Uint8Array(dump(Float32Array.from(z.slice(3 * from!, 3 * to!)), [to! - from!, 3])),
  );
  writeFileSync(join(folder, `y${i}.npy`), new Uint8Array(dump(Int32Array.from(y.slice(from, to)))));
  return JSON.stringify({ logits: `z${i}.npy`, targets: `y${i}.npy`, firstIndex: from });
});

test.each([['softmax'], ['sigmoid']])('map and merge - give the state of one evaluation: %s', (loss) => {
  const whole = run(['evaluate', fixture('rows.npy'), fixture('y-int64.npy'), '--loss', loss, '--state', 'whole.json']);
  expect(whole).toMatchObject({ status: 0, stderr: '' });
  const { status, stdout, stderr } = run(['map', '--loss', loss], `${lines.join('\n')}\n`);
  expect({ status, stderr, count: stdout.trim().split('\n').length }).toEqual({ status: 0, stderr: '', count: 2 });
  const merged = run(['merge', '-', '--state', 'merged.json'], stdout.trim().split('\n').reverse().join('\n'));
  expect(merged).toMatchObject({ status: 0, stderr: '' });
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');
  expect(read('merged.json')).toBe(read('whole.json'));
});

test('map --group-by and merge - give the groups of one evaluation', () => {
  writeFileSync(join(folder, 'groups.txt'), Array.from({ length: 50 }, (_, i) => `g${i % 3}\n`).join(''));
  const group = ['--group-by', 'groups.txt'];
  const whole = run(['evaluate', fixture('rows.npy'), fixture('y-int64.npy'), ...group, '--state', 'sliced.json']);
  expect(whole).toMatchObject({ status: 0, stderr: '' });
  const { status, stdout, stderr } = run(['map', ...group], `${lines.join('\n')}\n`);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const merged = run(['merge', '-', '--state', 'merged-groups.json'], stdout);
  expect(merged).toMatchObject({ status: 0, stderr: '' });
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');
  expect(read('merged-groups.json')).toBe(read('sliced.json'));
  const table = JSON.stringify({ table: fixture('named.csv') });
  const column = run(['map', '--target', 'label', '--scores', 'p_*', '--group-by', 'label'], table);
  expect(column.status).toBe(0);
  expect(JSON.parse(column.stdout).groups.length).toBeGreaterThan(1);
  const none = run(['map', '--group-by', 'nothing'], lines[0]!);
  expect(none).toMatchObject({ status: 2, stderr: expect.stringMatching(/^focal-simd: .*nothing: no such file.*\n$/) });
});

test('columns of tables are said once for all lines', () => {
  const table = JSON.stringify({ table: fixture('named.csv') });
  const { status, stdout } = run(['map', '--target', 'label', '--scores', 'p_*'], table);
  expect(status).toBe(0);
  expect(JSON.parse(stdout).coverage).toEqual([[0, 50]]);
});

test.each([
  ['a line that is no JSON', [], `${lines[0]}\n{`, /line 2 expected JSON/],
  ['a file that is not there', [], '{"logits":"none.npy","targets":"y0.npy"}', /none\.npy: no such file/],
  ['weights of a shard', ['--alpha', 'auto'], lines[0]!, /--alpha auto would weigh every shard in its own way/],
])('%s: exit code 2 and one line', (_, args, input, message) => {
  const { status, stderr } = run(['map', ...args], input);
  expect(stderr).toMatch(message);
  expect({ status, count: stderr.trim().split('\n').length }).toEqual({ status: 2, count: 1 });
});
