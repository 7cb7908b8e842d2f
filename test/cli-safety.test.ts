/** What the command writes, prints and ends with, whatever it is given. */
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test, vi } from 'vitest';
import { unfinishedName } from '../bindings/cli/outputs.ts';
import { cli, type Result, workplace } from './command.ts';

vi.setConfig({ testTimeout: 60_000 });

const { folder, at, run, shell, sabotaged, json, write } = workplace();
const posix = process.platform !== 'win32';

const CLASSES = 5;
const SAMPLES = 37;
const z = Float32Array.from({ length: SAMPLES * CLASSES }, (_, i) => 4 * Math.sin(i * i + 1));
const y = Int32Array.from({ length: SAMPLES }, (_, i) => (i * 7 + (i >> 2)) % CLASSES);
write('z.npy', z, [SAMPLES, CLASSES]);
write('y.npy', y);
writeFileSync(at('names.txt'), 'zero\none\ntwo\nthree\nfour\n');
writeFileSync(at('texts.txt'), 'text\n'.repeat(SAMPLES));
writeFileSync(at('alpha.txt'), '1 2 3 4 5');
mkdirSync(at('folder'));
linkSync(at('z.npy'), at('hard.npy'));
if (posix) symlinkSync('y.npy', at('soft.npy'));
if (posix) symlinkSync('nowhere', at('dangling'));
await json('evaluate', 'z.npy', 'y.npy', '--state', 'state.json');
await json('evaluate', 'z.npy', 'y.npy', '--state', 'second.json', '--first-index', SAMPLES);

const evaluate = (...args: (string | number)[]) => ['evaluate', 'z.npy', 'y.npy', ...args];
const lines = (text: string) => text.trim().split('\n').length;

/** One line on stderr, nothing on stdout, exit code 2. */
function refused({ code, out, err }: Result, message: RegExp | string) {
  expect(err).toMatch(message);
  expect({ code, out, lines: lines(err) }).toEqual({ code: 2, out: '', lines: 1 });
}

test('what killed runs left beside an output is removed, and nothing else', async () => {
  mkdirSync(at('left'));
  const { pid: dead } = spawnSync(process.execPath, ['-e', '0']);
  const old = new Date(Date.now() - 3_600_000);
  const names = {
    gone: unfinishedName(dead),
    'of a process that runs': unfinishedName(),
    'younger than the run': unfinishedName(dead),
    'of another machine': unfinishedName(dead).replace(/-[0-9a-f]{8}-/, '-00000000-'),
    'of no process': `.focal-simd-${'0'.repeat(16)}.tmp`,
    another: 'mine.tmp',
  };
  for (const [what, name] of Object.entries(names)) {
    writeFileSync(at(`left/${name}`), what);
    if (!what.startsWith('younger')) utimesSync(at(`left/${name}`), old, old);
    else utimesSync(at(`left/${name}`), old, new Date(Date.now() + 3_600_000));
  }
  await run(...evaluate('--state', 'left/state.json'));
  const { gone, ...kept } = names;
  expect(readdirSync(at('left')).sort()).toEqual([...Object.values(kept), 'state.json'].sort());
  rmSync(at('left'), { recursive: true });
});

describe('outputs', () => {
  const reads = 'would overwrite .*, which is read';
  const table: [string, (string | number)[], RegExp][] = [
    ['over the logits', evaluate('--report', 'z.npy'), new RegExp(`z\\.npy: --report ${reads}`)],
    ['over the targets', evaluate('--state', './folder/../y.npy'), new RegExp(`--state ${reads}`)],
    ['over a hard link of the logits', evaluate('--state', 'hard.npy'), new RegExp(`hard\\.npy: --state ${reads}`)],
    ['over the names', evaluate('--names', 'names.txt', '--state', 'names.txt'), new RegExp(reads)],
    ['over the texts', evaluate('--text', 'texts.txt', '--report', 'texts.txt'), new RegExp(reads)],
    ['over the weights', evaluate('--alpha', 'alpha.txt', '--state', 'alpha.txt'), new RegExp(reads)],
    ['over a merged state', ['merge', 'second.json', 'state.json', '--state', 'state.json'], new RegExp(reads)],
    [
      'both the same',
      evaluate('--state', 'both', '--report', './both'),
      /--report would overwrite the file of --state/,
    ],
    ['a folder', evaluate('--state', 'folder'), /folder: --state expected a file, got a folder/],
    ['a name like a folder', evaluate('--report', 'new/'), /new\/: --report expected a file, got a folder/],
    ['no name', evaluate('--state', ''), /--state expected the name of a file, got none/],
    ['no such folder', evaluate('--report', 'none/page.html'), /none\/page\.html: no such file or folder/],
    ['within a file', evaluate('--state', 'z.npy/state'), /z\.npy\/state: a part of the path is not a folder/],
    ['two to stdout', evaluate('--state', '-', '--report', '-'), /--state - and --report - print to the same standard/],
    ['JSON beside a file to stdout', evaluate('--state', '-', '--json'), /--json and --state - print to the same/],
    ['a name for JSON', evaluate('--json', '-'), /too many arguments.* got 3; --json takes no file, it prints to/],
    ['a name too long', evaluate('--state', 'x'.repeat(300)), /the name is too long/],
    ...((posix
      ? [
          ['over a link to the targets', evaluate('--report', 'soft.npy'), new RegExp(reads)],
          ['a link to nothing', evaluate('--state', 'dangling'), /dangling: is a link to nothing/],
          ['a device', evaluate('--state', '/dev/full'), /\/dev\/full: --state expected a regular file/],
          ['a place nobody may write to', evaluate('--state', '/proc/state'), /\/proc\/state: /],
        ]
      : []) as typeof table),
  ];
  test.concurrent.each(table)('refused before the work: %s', async (_, args, message) => {
    refused(await run(...args), message);
  });

  test('nothing is changed by a refusal, nor left behind', async () => {
    await Promise.all(table.map(([, args]) => run(...args)));
    expect(readFileSync(at('z.npy')).subarray(0, 6).toString('latin1')).toBe('\x93NUMPY');
    expect(readFileSync(at('texts.txt'), 'utf8')).toBe('text\n'.repeat(SAMPLES));
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect(existsSync(at('both'))).toBe(false);
  });

  test('- is standard output, in the place of the summary', async () => {
    const state = readFileSync(at('state.json'), 'utf8');
    expect(await run(...evaluate('--state', '-'))).toEqual({ code: 0, out: state, err: '' });
    const page = (await run(...evaluate('--report', '-'))).out;
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).toMatch(/<\/html>\n$/);
    expect((await shell('focal-simd evaluate z.npy y.npy --state - | focal-simd merge - --state -')).out).toBe(state);
    const largest = (i: number) =>
      z.subarray(i * CLASSES, (i + 1) * CLASSES).reduce((c, x, d, row) => (x > row[c]! ? d : c), 0);
    write(
      'said.npy',
      y.map((other, i) => (i % 3 === 0 ? other : largest(i))),
    );
    await json('calibrate', 'z.npy', 'said.npy', '--apply', 'cool.npy');
    const cool = await run('calibrate', 'z.npy', 'said.npy', '--apply', '-');
    expect(cool).toEqual({ code: 0, out: readFileSync(at('cool.npy'), 'utf8'), err: '' });
    expect(existsSync(at('-'))).toBe(false);
  });

  test.skipIf(!posix)('a link stays a link, and a file keeps who may read it', async () => {
    writeFileSync(at('real.json'), 'old');
    chmodSync(at('real.json'), 0o640);
    symlinkSync('real.json', at('link.json'));
    await json(...evaluate('--state', 'link.json'));
    expect(readFileSync(at('real.json'), 'utf8')).toBe(readFileSync(at('state.json'), 'utf8'));
    expect(statSync(at('real.json')).mode & 0o777).toBe(0o640);
  });

  test('the summary is printed though an output fails', async () => {
    // the folder goes away during the work
    mkdirSync(at('passing'));
    const script = `
      const { now } = performance;
      performance.now = () => {
        require('node:fs').rmSync(${JSON.stringify(at('passing'))}, { recursive: true, force: true });
        return now.call(performance);
      };`;
    const early = `import { createRequire } from 'node:module'; const require = createRequire('/');${script}`;
    const states = ['--state', 'passing/state.json', '--report', 'kept.html'];
    const { code, out, err } = await sabotaged(early, ...evaluate(...states));
    expect(err).toBe('focal-simd: passing/state.json: no such file or folder\n');
    expect({ code, summary: out.includes('cross-entropy') }).toEqual({ code: 2, summary: true });
    expect(readFileSync(at('kept.html'), 'utf8')).toContain('</html>');
  });

  test('kill −9 leaves a whole state, the older or the newer', async () => {
    const script = fileURLToPath(new URL('kill.mjs', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [script, '10']);
    expect(stdout).toMatch(/^10 kills: /);
  });
});

describe('states of shards', () => {
  test('go together whatever else was asked for', async () => {
    await json(...evaluate('--report', 'one.html', '--state', 'a.json'));
    expect(readFileSync(at('a.json'), 'utf8')).toBe(readFileSync(at('state.json'), 'utf8'));
    const { metrics } = await json('merge', 'a.json', 'second.json', '--report', 'merged.html');
    expect(metrics.samples).toBe(2 * SAMPLES);
    for (const page of ['one.html', 'merged.html'])
      expect(readFileSync(at(page), 'utf8')).toContain('Confusion matrix');
  });

  test('samples that are missing between others are told', async () => {
    await json(...evaluate('--first-index', 100, '--state', 'later.json'));
    const { code, err } = await run('merge', 'state.json', 'later.json');
    expect({ code, err }).toEqual({ code: 0, err: 'focal-simd: warning: 63 samples are missing: [37, 100)\n' });
  });

  test.each([
    ['--confusion', true],
    ['--no-confusion', false],
  ])('%s', async (option, expected) => {
    const { config, metrics } = await json(...evaluate(option));
    expect([config.confusion, 'confusion' in metrics]).toEqual([expected, expected]);
  });

  test('one given twice is refused, and of nothing there may be any number', async () => {
    writeFileSync(at('copy.json'), readFileSync(at('state.json')));
    refused(await run('merge', 'state.json', 'state.json'), /state\.json: .*\[0, 37\) again/);
    refused(await run('merge', 'second.json', 'state.json', 'copy.json'), /copy\.json: .*\[0, 37\) again/);
    const v1 = JSON.parse(readFileSync(new URL('states/v1.json', import.meta.url), 'utf8'));
    for (const name of ['v1.json', 'v1-copy.json']) writeFileSync(at(name), JSON.stringify(v1[1].json));
    refused(await run('merge', 'v1.json', 'v1-copy.json'), /v1-copy\.json: the same state as v1\.json: .*twice/);
    const none = [write('none-z.npy', new Float32Array(0), [0, CLASSES]), write('none-y.npy', new Int8Array(0), [0])];
    for (const state of ['n1.json', 'n2.json']) await json('evaluate', ...none, '--state', state);
    expect((await json('merge', 'n1.json', 'n2.json', 'state.json')).metrics.samples).toBe(SAMPLES);
  });
});

describe('lines', () => {
  const texts = (ends: string) => Array.from(y, (_, i) => `text ${i}${ends}`).join('');
  test.each([
    ['\\n', '\n'],
    ['\\r\\n', '\r\n'],
    ['\\n, with \\r, U+2028, U+0085, form feeds within', '\r\u2028\u0085\f\v…\n'],
  ])('of texts end at %s', async (_, ends) => {
    writeFileSync(at('lines.txt'), texts(ends));
    const { metrics } = await json(...evaluate('--hardest', 3));
    const { out } = await run(...evaluate('--text', 'lines.txt', '--hardest', 3));
    for (const { index } of metrics.hardest)
      expect(out).toMatch(new RegExp(`^ {4}text ${index}(\\\\u000d\\\\u2028.*)?$`, 'm'));
  });

  test('without an end at the last one, with a byte order mark, longer than a block', async () => {
    const long = Array.from(y, (_, i) => `${i} ${'ä'.repeat(9_000 + i)}`);
    writeFileSync(at('long.txt'), `\ufeff${long.join('\n')}`);
    const { metrics } = await json(...evaluate('--hardest', SAMPLES));
    const { out } = await run(...evaluate('--text', 'long.txt', '--hardest', SAMPLES));
    for (const { index } of metrics.hardest) expect(out).toContain(`\n    ${index} ääää`);
  });

  test('are counted', async () => {
    const shards = ['merge', 'state.json', 'second.json'];
    const of = (count: number) => {
      writeFileSync(at(`${count}.txt`), 'a\n'.repeat(count));
      return ['--text', `${count}.txt`];
    };
    refused(await run(...evaluate(...of(36))), /36\.txt: expected 37 lines, one for each sample, got 36/);
    refused(await run(...evaluate(...of(38))), /38\.txt: expected 37 lines, one for each sample, got 38/);
    refused(await run(...shards, ...of(73)), /73\.txt: expected 74 lines, one for each sample, got 73/);
    refused(await run(...shards, ...of(75)), /75\.txt: expected 74 lines, one for each sample, got 75/);
    refused(await run(...evaluate('--first-index', 5, ...of(41))), /41\.txt: expected at least 42 lines.* got 41/);
    await json(...shards, ...of(74));
    await json(...evaluate('--first-index', 0, ...of(74)));
    await json(...evaluate('--first-index', 37, ...of(74)));
  });

  const words = ['null', 'eins', 'zwei', 'drei', 'vier'];
  test.each([
    ['lines', 'n.txt', words.join('\n')],
    ['lines with \\r\\n and a blank one', 'n.txt', `${words.join('\r\n')}\r\n\r\n`],
    ['a byte order mark', 'n.txt', `\ufeff${words.join('\n')}\n`],
    ['a JSON array', 'n.json', JSON.stringify(words)],
    ['a JSON array by another name', 'n.labels', JSON.stringify(words, null, 1)],
    ['a config.json', 'config.json', JSON.stringify({ architectures: ['x'], id2label: { ...words }, label2id: {} })],
  ])('of names: %s', async (_, file, text) => {
    writeFileSync(at(file), text);
    const { out } = await run(...evaluate('--names', file));
    for (const name of words) expect(out).toMatch(new RegExp(`^ {2}${name} `, 'm'));
  });

  test('of names may begin with a bracket', async () => {
    writeFileSync(at('brackets.txt'), '[\n]\n{\n}\n(\n');
    expect((await run(...evaluate('--names', 'brackets.txt'))).out).toMatch(/^ {2}\{ +\d/m);
  });

  test.each([
    ['too few', 'n.txt', 'a\nb\n', /expected 5 names, got 2/],
    ['too many', 'n.txt', 'a\n'.repeat(6), /expected 5 names, got 6/],
    ['none', 'n.txt', '', /got 0/],
    ['broken JSON', 'n.json', '["a",', /n\.json: .*JSON/],
    ['other JSON', 'n.json', '{"a": 1}', /expected a JSON array of names, or an object with id2label/],
    ['numbers', 'n.json', '[1, 2, 3, 4, 5]', /expected a JSON array of names/],
    ['gaps in id2label', 'n.json', '{"id2label": {"0": "a", "2": "b"}}', /expected a JSON array of names/],
  ])('of names, refused: %s', async (_, file, text, message) => {
    writeFileSync(at(file), text);
    refused(await run(...evaluate('--names', file)), message);
  });
});

describe('foreign text', () => {
  const evil = '\x1b[2J\x1b]0;title\x07\u009b31m\u202egnp\u2066\r\x00\u200b';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  const acting = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b]/;

  test('is only shown', async () => {
    writeFileSync(at('evil.txt'), Array.from('abcde', (c) => `${c}${evil}\n`).join(''));
    writeFileSync(at('evil-texts.txt'), `${evil}\n`.repeat(SAMPLES));
    const args = evaluate('--names', 'evil.txt', '--text', 'evil-texts.txt');
    const { code, out } = await run(...args);
    expect(code).toBe(0);
    expect(out).not.toMatch(acting);
    expect(out).toContain('  a\\u001b[2J\\u001b]0;title\\u0… ');
    // Persian and families of emoji need their joiners
    writeFileSync(at('joined.txt'), 'می\u200cخواهم\n👩\u200d👧\nc\nd\ne\n');
    expect((await run(...evaluate('--names', 'joined.txt'))).out).toContain('می\u200cخواهم');
  });

  test.skipIf(!posix)('of file names', async () => {
    const name = `z${evil.replace('\x00', '')}.npy`;
    writeFileSync(at(name), readFileSync(at('z.npy')));
    const text = await run('evaluate', name, 'y.npy');
    expect(text.out).not.toMatch(acting);
    const { out } = await run('evaluate', name, 'y.npy', '--json');
    expect(out).not.toMatch(acting);
    expect(JSON.parse(out).files[0]).toBe(name);
    unlinkSync(at(name));
  });

  const header = Buffer.from(readFileSync(at('z.npy')).toString('latin1').replace('fortran', '\x1b[2J..'), 'latin1');
  writeFileSync(at('header.npy'), header);
  writeFileSync(at('state-evil.json'), JSON.stringify({ format: `${evil}${'x'.repeat(5000)}` }));
  writeFileSync(at('alpha-evil.txt'), `${evil}\n1,2`);
  test.each([
    ['a file name', ['evaluate', `none${evil.replace('\x00', '')}\n.npy`, 'y.npy']],
    ['an argument', [`${evil.replace('\x00', '')}\nx`]],
    ['an option', evaluate(`--x${evil.replace('\x00', '')}`)],
    ['a header', ['evaluate', 'header.npy', 'y.npy']],
    ['a state', ['merge', 'state-evil.json']],
    ['weights', evaluate('--alpha', 'alpha-evil.txt')],
    ['a long line', evaluate('--loss', 'x'.repeat(100_000))],
  ])('in errors: %s', async (_, args) => {
    const result = await run(...args);
    refused(result, /^focal-simd: /);
    expect(result.err.trim()).not.toMatch(acting);
    expect(result.err.length).toBeLessThan(450);
  });
});

describe.skipIf(!posix)('what is no regular file', () => {
  execFileSync('mkfifo', [at('fifo')]);
  test.concurrent.each([
    ['a FIFO as logits', ['evaluate', 'fifo', 'y.npy']],
    ['a FIFO as targets', ['evaluate', 'z.npy', 'fifo']],
    ['a FIFO as names', evaluate('--names', 'fifo')],
    ['a FIFO as texts', evaluate('--text', 'fifo')],
    ['a FIFO as weights', evaluate('--alpha', 'fifo')],
    ['a FIFO as a state', ['merge', 'fifo']],
    ['a FIFO as an output', evaluate('--state', 'fifo')],
    ['/dev/zero as logits', ['evaluate', '/dev/zero', 'y.npy']],
    ['/dev/zero as names', evaluate('--names', '/dev/zero')],
    ['/dev/zero as texts', evaluate('--text', '/dev/zero')],
    ['/dev/zero as a state', ['merge', '/dev/zero']],
    ['a folder as names', evaluate('--names', 'folder')],
    ['a folder as a state', ['merge', 'folder']],
  ])('%s', async (_, args) => {
    refused(
      await run(...args),
      /: (not a regular file|is a folder|--state expected a regular file, got something else)/,
    );
  });

  test.each([
    ['a full disk', 'focal-simd evaluate z.npy y.npy > /dev/full', 'standard output: no space left on the device'],
    ['a full disk for help', 'focal-simd evaluate --help > /dev/full', 'standard output: no space left on the device'],
    [
      'a reader that has gone',
      '{ sleep 0.2; focal-simd evaluate z.npy y.npy --json; echo $? > code; } | true; sleep 2; exit $(cat code)',
      'standard output: the reader of the pipe has closed it',
    ],
  ])('on stdout: %s', async (_, line, message) => {
    expect(await shell(line)).toEqual({ code: 2, out: '', err: `focal-simd: ${message}\n` });
  });

  test('stderr that is full changes no exit code', async () => {
    expect((await shell('focal-simd evaluate none.npy y.npy 2> /dev/full')).code).toBe(2);
  });
});

describe('how it ends', () => {
  const boom = 'performance.now = () => { throw new TypeError("x is\\nno function") };';
  test('a fault of its own: one line, exit code 70', async () => {
    const { code, out, err } = await sabotaged(boom, ...evaluate());
    expect(err).toMatch(/^focal-simd: a fault of focal-simd, not of yours: TypeError: x is no function; please report/);
    expect({ code, out, lines: lines(err) }).toEqual({ code: 70, out: '', lines: 1 });
    const debug = await sabotaged(boom, ...evaluate('--debug'));
    expect(debug.err).toMatch(/\n {4}at .*cli\.js/);
    expect(debug.code).toBe(70);
  });

  // as soon as somebody listens
  const late = 'setInterval(() => { if (process.listenerCount("uncaughtException")) throw new Error("late"); }, 1)';
  test('a fault outside all that is awaited', async () => {
    const { code, err } = await sabotaged(late, ...evaluate());
    expect({ code, lines: lines(err) }).toEqual({ code: 70, lines: 1 });
  });

  const terminal = (columns: number) => `
    process.stderr.isTTY = true;
    process.stderr.columns = ${columns};
    `;
  test('an error in the middle, on a terminal, ends the process', async () => {
    const later = `let calls = 0; const { now } = performance;
      performance.now = () => { if (++calls > 9) throw new Error("middle"); return now.call(performance); };`;
    const { code, err } = await sabotaged(terminal(80) + later, ...evaluate('--chunk', 60));
    expect({ code, told: err.includes('Error: middle') }).toEqual({ code: 70, told: true });
  });

  test.each([80, 60, 40, 20])('the bar fits into %i columns', async (columns) => {
    const { code, err } = await sabotaged(terminal(columns), ...evaluate('--chunk', 20));
    expect(code).toBe(0);
    const drawn = err
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what moves the cursor
      .replace(/\x1b\[[\d;?]*[A-Za-z]/g, '\n')
      .split(/[\r\n]+/)
      .filter((line) => line.includes('%'));
    expect(drawn.length).toBeGreaterThan(0);
    for (const line of drawn) {
      expect(line.length).toBeLessThan(columns);
      if (columns >= 40) expect(line).toMatch(/[█░]{10,}.* %.*left/);
    }
  });

  test.skipIf(!posix)('Ctrl-C: exit code 130, nothing left behind', async () => {
    const rows = 400_000;
    write('big.npy', new Float32Array(rows * CLASSES), [rows, CLASSES]);
    write('big-y.npy', new Uint8Array(rows));
    const early =
      'const { now } = performance; performance.now = () => (process.stdout.write("."), now.call(performance));';
    const args = ['evaluate', 'big.npy', 'big-y.npy', '--chunk', '20', '--state', 'never.json'];
    const command = ['--import', `data:text/javascript,${encodeURIComponent(early)}`, cli, ...args];
    const child = spawn(process.execPath, command, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
    await once(child.stdout!, 'data');
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([130, null]);
    expect(readdirSync(folder).filter((name) => /\.tmp$|^never/.test(name))).toEqual([]);
  });

  test('help and version: 0', async () => {
    for (const args of [['--help'], ['--version'], ['evaluate', '--help'], ['help', 'merge']]) {
      const { code, out, err } = await run(...args);
      expect({ code, err, something: out.length > 5 }).toEqual({ code: 0, err: '', something: true });
    }
  });
});

describe('numbers', () => {
  test('what is not defined is – wherever it stands', async () => {
    const nan = Float32Array.from(z, (x, i) => (i === 12 ? Number.NaN : x));
    const { out } = await run('evaluate', write('nan.npy', nan, [SAMPLES, CLASSES]), 'y.npy');
    expect(out).toContain('1 with loss NaN');
    for (const name of ['focal loss, mean', 'focal loss, sum', 'cross-entropy', 'Brier score', 'ECE', 'MCE']) {
      expect(out).toMatch(new RegExp(`^ {2}${name} +–$`, 'm'));
    }
  });

  test('the first C of C classes are no news', async () => {
    expect((await run(...evaluate())).out).not.toContain('top-5');
    const { out } = await run(...evaluate('--top-k', '2,5,7'));
    expect(out.match(/top-\d+/g)).toEqual(['top-2']);
  });

  test('the time of a small file says nothing of the speed', async () => {
    const { out } = await run(...evaluate());
    expect(out).toMatch(/^ {2}time +\d+\.\d{3} s, (simd|scalar)$/m);
    expect((await json(...evaluate())).nsPerLogit).toBeNull();
  });

  test('many bins and many of the hardest', async () => {
    const { code, out } = await run(...evaluate('--bins', 300_000, '--hardest', 300_000));
    expect({ code, lines: lines(out) < 200 }).toEqual({ code: 0, lines: true });
  });

  test.each([
    ['no samples of 10^12 classes', [0, 10 ** 12], [0], /memory/],
    ['no samples of 2^31 − 1 classes', [0, 2 ** 31 - 1], [0], /memory|2\^31 words/],
  ])('%s', async (_, dims, targetDims, message) => {
    write('wide.npy', new Float32Array(0), dims);
    write('wide-y.npy', new Int8Array(0), targetDims);
    refused(await run('evaluate', 'wide.npy', 'wide-y.npy'), message);
  });

  const probabilities = Float32Array.from(z, (_, i) => [0.1, 0.2, 0.3, 0.25, 0.15][i % CLASSES]!);
  const cases: [string, string, Float32Array, RegExp | null][] = [
    ['softmax of logits', 'softmax', z, null],
    ['sigmoid of logits', 'sigmoid', z, null],
    [
      'softmax of probabilities',
      'softmax',
      probabilities,
      /warning: .*first 37 rows are not negative and sum to 1.*--input probabilities/,
    ],
    [
      'sigmoid of probabilities',
      'sigmoid',
      probabilities,
      /warning: .*first 37 rows are all between 0 and 1.*--input probabilities/,
    ],
    ['rows that do not sum to 1', 'softmax', probabilities.map((p) => p * 0.99), null],
    ['one row that is not', 'softmax', probabilities.map((p, i) => (i === 180 ? -p : p)), null],
    ['one decision that is not', 'sigmoid', probabilities.map((p, i) => (i === 180 ? 1 + p : p)), null],
  ];
  test.each(cases)('probabilities in the place of logits are told once: %s', async (_, loss, data, message) => {
    write('looks.npy', data, [SAMPLES, CLASSES]);
    const { code, err } = await run('evaluate', 'looks.npy', 'y.npy', '--loss', loss, '--chunk', 80);
    expect(code).toBe(0);
    if (message) expect(err).toMatch(message);
    expect(err === '' ? 0 : lines(err)).toBe(message ? 1 : 0);
  });
});
