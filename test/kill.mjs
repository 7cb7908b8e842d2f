/**
 * Ends the command by kill −9 at random moments while it writes a state over an older one: the file must be a whole one each
 * time, the older or the newer. What a kill leaves unfinished beside it the next run removes.
 *
 *   node test/kill.mjs [times = 50] [seed]
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const times = Number(process.argv[2] ?? 50);
let seed = Number(process.argv[3] ?? 1);
const random = () => {
  seed = (seed * 1103515245 + 12345) % 2 ** 31;
  return seed / 2 ** 31;
};

const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'focal-simd-kill-'));
const at = (name) => join(folder, name);

// a state of 2 MB, so that writing takes a while
const CLASSES = 1000;
const SAMPLES = 8;
function npy(name, descr, shape, data) {
  const text = `${`{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`.padEnd(117)}\n`;
  const head = Buffer.alloc(10);
  head.write('\x93NUMPY\x01', 'latin1');
  head.writeUInt16LE(text.length, 8);
  writeFileSync(at(name), Buffer.concat([head, Buffer.from(text), new Uint8Array(data.buffer)]));
}
npy(
  'z.npy',
  '<f4',
  `${SAMPLES}, ${CLASSES}`,
  Float32Array.from({ length: SAMPLES * CLASSES }, (_, i) => Math.sin(i)),
);
npy(
  'y.npy',
  '<i4',
  `${SAMPLES},`,
  Int32Array.from({ length: SAMPLES }, (_, i) => i),
);

const command = (gamma) => [cli, 'evaluate', at('z.npy'), at('y.npy'), '--state', at('state.json'), '--gamma', gamma];
function state(gamma) {
  execFileSync(process.execPath, command(gamma), { stdio: 'ignore' });
  return readFileSync(at('state.json'), 'utf8');
}
const start = performance.now();
const newer = state(3);
const duration = performance.now() - start;
const older = state(2);

const unfinished = () => readdirSync(folder).filter((name) => name.endsWith('.tmp'));
const begun = (name) => (statSync(at(name), { throwIfNoEntry: false })?.size ?? 0) > 0;

/** Wait until something of the new file has been written, or the process has ended. */
async function writing(child, left) {
  while (child.exitCode === null && !unfinished().some((name) => !left.includes(name) && begun(name))) await pause(1);
}

const found = { older: 0, newer: 0, unfinished: 0 };
for (let i = 0; i < times; i++) {
  writeFileSync(at('state.json'), older);
  const left = unfinished();
  const child = spawn(process.execPath, command(3), { stdio: 'ignore' });
  const ended = once(child, 'exit');
  // at any time, or about when it writes
  if (i % 2 === 0) await pause(random() * 1.5 * duration);
  else await Promise.race([writing(child, left), ended]).then(() => pause(random() * 20));
  child.kill('SIGKILL');
  await ended;
  const text = readFileSync(at('state.json'), 'utf8');
  if (text !== older && text !== newer) {
    console.error(`kill ${i + 1}: ${at('state.json')} is neither the older state nor the newer one`);
    process.exit(1);
  }
  found[text === older ? 'older' : 'newer']++;
  found.unfinished += unfinished().filter((name) => !left.includes(name)).length;
}
state(2);
if (unfinished().length > 0) {
  console.error(`${unfinished().join(', ')} stayed in ${folder}`);
  process.exit(1);
}
rmSync(folder, { recursive: true });
console.log(
  `${times} kills: ${found.older} left the older state, ${found.newer} the newer one, all of them whole; ` +
    `${found.unfinished} left an unfinished file beside it, which a next run has removed`,
);
