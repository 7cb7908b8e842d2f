/**
 * Peers in processes of their own: the C limit and PyTorch. Both speak one protocol on their standard input (told in
 * limit.c) and time themselves, so that pipes and start-up are in no number.
 */
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** One process, asked one line at a time. */
class Child {
  #process;
  #lines;

  constructor(command, args) {
    this.#process = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    // A program that is not there ends the lines at once, and that is how it is noticed.
    this.#process.on('error', () => {});
    this.#process.stdin.on('error', () => {});
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  async ask(line) {
    this.#process.stdin.write(`${line}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`${this.#process.spawnfile} ended at: ${line}`);
    return JSON.parse(value);
  }

  end() {
    this.#process.stdin.end();
  }
}

function peer(name, version, modes, child, dir) {
  return {
    name,
    version,
    modes,
    async open({ loss, mode, data }) {
      const { batch, classes, positions, logits, targets } = data;
      const file = join(dir, 'cell.bin');
      const gradFile = join(dir, 'grad.bin');
      const grad = mode === 'value+grad';
      writeFileSync(
        file,
        Buffer.concat([logits, targets].map((a) => Buffer.from(a.buffer, a.byteOffset, a.byteLength))),
      );
      await child.ask(`load ${file} ${batch} ${classes} ${positions}`);
      return {
        async check() {
          const { value } = await child.ask(`check ${loss}${grad ? ` ${gradFile}` : ''}`);
          return { value, grad: grad ? new Float32Array(readFileSync(gradFile).buffer) : null };
        },
        async run() {
          const { ns } = await child.ask(`time ${loss} ${grad ? 1 : 0} 1`);
          return { overriddenDuration: ns[0] / 1e6 };
        },
        close() {},
      };
    },
    close: () => child.end(),
  };
}

/** The same algorithm in C: at 128 bits, or at 256 bits with fused multiply-add where the processor has it. */
export function loadLimit(wide, dir) {
  const flags = wide ? ['-mavx2', '-mfma'] : ['-msse4.1'];
  const version = execFileSync('gcc', ['-dumpfullversion'], { encoding: 'utf8' }).trim();
  if (wide && !/\bavx2\b.*\bfma\b|\bfma\b.*\bavx2\b/.test(readFileSync('/proc/cpuinfo', 'utf8'))) {
    throw new Error('this processor has no AVX2 with FMA');
  }
  const binary = join(dir, wide ? 'limit-avx2' : 'limit-sse4.1');
  execFileSync('gcc', ['-O3', ...flags, '-o', binary, here('limit.c'), '-lm']);
  return peer(`C ${flags.join(' ')}`, `gcc ${version}`, ['forward', 'value+grad'], new Child(binary, []), dir);
}

/** PyTorch eager on one thread; the interpreter is python3, or what PYTHON names. */
export async function loadTorch(dir) {
  const child = new Child(process.env.PYTHON ?? 'python3', [here('eager.py')]);
  const { version, absent } = await child.ask('version');
  if (absent) throw new Error(absent);
  return peer('PyTorch eager', version, ['forward', 'value+grad'], child, dir);
}
