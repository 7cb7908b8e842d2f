/** docs/command.md says what the command does: every option is there, and its examples run. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { EXIT } from '../bindings/cli/errors.ts';
import { workplace } from './command.ts';

vi.setConfig({ testTimeout: 60_000 });

const text = readFileSync(new URL('../docs/command.md', import.meta.url), 'utf8');
/** The part of the document under a command's title. */
const part = (command: string) => text.split(/^## /m).find((one) => one.startsWith(`${command}\n`)) ?? '';
const options = (from: string) => new Set(from.match(/--[a-z][a-z-]*/g));

const { at, run, shell, write } = workplace();
const help = (await run('--help')).out;
const commands = Array.from(help.split('Commands:')[1]!.matchAll(/^ {2}([a-z]+) /gm), ([, name]) => name!).filter(
  (name) => name !== 'help',
);

describe('docs/command.md', () => {
  test('knows all commands', () => {
    expect(commands.length).toBeGreaterThan(1);
    for (const command of commands) expect(part(command)).not.toBe('');
  });

  test.each(commands)('%s: the options of --help and no others', async (command) => {
    const rows = part(command)
      .split('\n')
      .filter((line) => line.startsWith('| `--'));
    const listed = new Set(rows.map((row) => /--[a-z-]+/.exec(row)![0]));
    const { out } = await run(command, '--help');
    const offered = new Set(Array.from(out.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm), ([, option]) => option!));
    expect([...listed].sort()).toEqual([...offered].sort());
    // what the text between the tables speaks of exists, too
    for (const option of options(part(command)))
      expect([...offered, '--state', '--first-index', '--min']).toContain(option);
  });

  test('the exit codes', () => {
    const table = text.split('## Exit codes')[1]!.split('\n## ')[0]!;
    const codes = Array.from(table.matchAll(/^\| (\d+) /gm), ([, code]) => Number(code));
    expect(codes).toEqual(Object.values(EXIT));
    for (const code of codes) expect(help).toContain(`${code} `);
  });

  const [samples, classes] = [40, 4];
  // right more often than not
  const z = Float32Array.from({ length: samples * classes }, (_, i) => {
    return 3 * Math.sin(i * i + 1) + (i % classes === Math.floor(i / classes) % classes ? 3 : 0);
  });
  const y = Int32Array.from({ length: samples }, (_, i) => i % classes);
  write('logits.npy', z, [samples, classes]);
  write('targets.npy', y);
  for (const shard of [0, 1]) {
    write(`shard${shard}.npy`, z.slice(shard * 20 * classes, (shard + 1) * 20 * classes), [20, classes]);
    write(`targets${shard}.npy`, y.slice(shard * 20, (shard + 1) * 20));
  }
  const [ours, theirs] = [Array.from(z), Array.from(z, (x, i) => x + Math.cos(i))];
  write('candidate.npy', Float32Array.from(theirs), [samples, classes]);
  const row = (data: number[], i: number) => data.slice(i * classes, (i + 1) * classes);
  const heads = (prefix: string) => ['a', 'b', 'c', 'd'].map((name) => `${prefix}_${name}`);
  const csv = (...columns: [string[], number[]][]) =>
    [
      ['label', ...columns.flatMap(([names]) => names)],
      ...Array.from(y, (c, i) => ['abcd'[c], ...columns.flatMap(([, data]) => row(data, i))]),
    ]
      .map((line) => `${line.join(',')}\n`)
      .join('');
  const shares = ours.map((x, i) => {
    const sum = row(ours, Math.floor(i / classes)).reduce((total, other) => total + Math.exp(other), 0);
    return Math.exp(x) / sum;
  });
  writeFileSync(at('predictions.csv'), csv([heads('p'), shares]));
  writeFileSync(at('both.csv'), csv([heads('a'), ours], [heads('b'), theirs]));
  writeFileSync(at('old.csv'), csv([heads('p'), ours]));
  const records = Array.from(y, (c, i) => ({
    label: 'abcd'[c],
    ...Object.fromEntries(heads('p').map((name, k) => [name, row(theirs, i)[k]])),
  }));
  writeFileSync(at('new.jsonl'), records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  writeFileSync(at('names.txt'), 'a\nb\nc\nd\n');
  writeFileSync(at('texts.txt'), 'text\n'.repeat(samples));
  writeFileSync(at('groups.txt'), 'de\nfr\n'.repeat(samples / 2));

  const blocks = Array.from(text.matchAll(/```sh\n(.*?)```/gs), ([, block]) => block!);
  test.each(blocks)('the examples run: %s', async (block) => {
    for (const line of block.trim().split('\n')) {
      const { code, err } = await shell(line);
      expect({ line, code, err }).toEqual({ line, code: 0, err: '' });
    }
  });
});
