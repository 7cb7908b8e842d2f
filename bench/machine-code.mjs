/**
 * npm run bench:code – what V8 makes of the kernels: the instructions of every innermost loop that computes with
 * vectors, by kind. A loop takes 4 logits for each vector it stores (pairs of float64: 2), but for the first pass of
 * the exponentials, which stores two for 4 logits, and the second, which stores none and has 13 float operations for 4.
 *
 * Compiles the kernels with their names kept and asks V8 for its optimised code (x86-64; other processors print
 * nothing). Below, where gcc and objdump are there, the same of the C code at 128 bits: per function the sizes of its
 * loops, which gcc unrolls and specialises, with their float operations: a vector of four costs softmax 18 of them and
 * one-vs-rest 38 to 40, 44 to 47 with the gradient.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'focal-simd-code-'));
const node = (...args) => execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 });

node(
  'node_modules/assemblyscript/bin/asc.js',
  'assembly/index.ts',
  '--target',
  'release',
  '--debug',
  '-o',
  join(scratch, 'raw.wasm'),
);
const features = ['simd', 'bulk-memory', 'mutable-globals', 'sign-ext', 'nontrapping-float-to-int'];
node(
  'node_modules/binaryen/bin/wasm-opt',
  join(scratch, 'raw.wasm'),
  '-o',
  join(scratch, 'named.wasm'),
  '-O4',
  '-g',
  '--converge',
  ...features.map((feature) => `--enable-${feature}`),
);
const program = join(scratch, 'compile.mjs');
writeFileSync(
  program,
  `new WebAssembly.Module((await import('node:fs')).readFileSync('${join(scratch, 'named.wasm')}'));`,
);
const listing = node('--no-liftoff', '--no-wasm-lazy-compilation', '--print-wasm-code', program);

/** One instruction: offset in the function, text, target offset of a jump. */
function read(line) {
  const [, offset, text] = /^0x[0-9a-f]+\s+([0-9a-f]+)\s+[0-9a-f]+\s+(.+)$/.exec(line) ?? [];
  if (!text) return null;
  const target = /^j\w+ .*<\+0x([0-9a-f]+)>/.exec(text)?.[1];
  return { at: Number.parseInt(offset, 16), text, target: target && Number.parseInt(target, 16) };
}

const kindOf = (text) =>
  /^v(mov\w+|broadcast\w+) xmm\d+,.*\[/.test(text)
    ? 'load'
    : /^vmov\w+ \[/.test(text)
      ? 'store'
      : /^v\w+p[sd] /.test(text)
        ? 'float'
        : /^v/.test(text)
          ? 'integer'
          : 'scalar';

/** The innermost of the loops that `code` has: a jump back whose body holds no other. */
function* innermost(code) {
  const jumps = code.filter(({ at, target }) => target !== undefined && target < at);
  for (const { at, target } of jumps) {
    if (jumps.some((other) => other.at < at && other.target >= target)) continue;
    yield code.filter((instruction) => instruction.at >= target && instruction.at <= at);
  }
}

const KINDS = ['float', 'integer', 'load', 'store', 'scalar'];
console.log(`${'kernel'.padEnd(40)}${['all', ...KINDS].map((kind) => kind.padStart(9)).join('')}`);
for (const part of listing.split('--- WebAssembly code ---')) {
  const name = /^name: assembly\/(.+)$/m.exec(part)?.[1];
  const code = part.split('\n').map(read).filter(Boolean);
  for (const body of innermost(code)) {
    const counts = Object.fromEntries(KINDS.map((kind) => [kind, 0]));
    for (const { text } of body) counts[kindOf(text)]++;
    if (counts.float < 2) continue;
    console.log(`${name.padEnd(40)}${[body.length, ...Object.values(counts)].map((n) => `${n}`.padStart(9)).join('')}`);
  }
}

try {
  const binary = join(scratch, 'limit');
  execFileSync('gcc', ['-O3', '-msse4.1', '-o', binary, join(root, 'bench/peers/limit.c'), '-lm']);
  const text = execFileSync('objdump', ['-d', '--no-show-raw-insn', binary], { encoding: 'utf8', maxBuffer: 2 ** 28 });
  console.log('\nC -msse4.1: instructions of a loop (float operations)');
  for (const part of text.split(/\n(?=[0-9a-f]+ <)/)) {
    const name = /<((?:softmax|sigmoid)_(?:value|grad))>:/.exec(part)?.[1];
    if (!name) continue;
    const code = [...part.matchAll(/^ +([0-9a-f]+):\s+(\S.*)$/gm)].map(([, at, line]) => {
      const target = /^j\w+\s+([0-9a-f]+)/.exec(line)?.[1];
      return { at: Number.parseInt(at, 16), text: line, target: target && Number.parseInt(target, 16) };
    });
    const loops = [...innermost(code)]
      .map((body) => [body.length, body.filter((i) => /^(mul|add|sub|div|max|min)ps/.test(i.text)).length])
      .filter(([, floats]) => floats >= 18)
      .sort(([a], [b]) => a - b);
    console.log(name.padEnd(16), [...new Set(loops.map(([all, floats]) => `${all} (${floats})`))].join(', '));
  }
} catch (error) {
  console.log(`\nno C code: ${String(error.message).split('\n')[0]}`);
}
