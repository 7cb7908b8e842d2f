/** Child processes: run to the end, or keep one running and end it. */
import { spawn } from 'node:child_process';

/** Runs a command to its end; resolves to its stdout, rejects with what it printed. */
export function run(command, args, { cwd, env, timeout = 300_000 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout,
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${command} ${args.join(' ')}: ${signal ?? `exit code ${code}`}\n${stdout}${stderr}`));
    });
  });
}

/** The JSON on the last line a program printed. */
export const lastLine = (stdout) => JSON.parse(stdout.trim().split('\n').at(-1));

export const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/**
 * Starts a server and waits until `ready` maps what it printed so far to a value; without `ready`, only until the
 * process runs.
 */
export function start(command, args, ready, { cwd, env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const closed = new Promise((done) => child.once('close', done));
    const stop = async () => {
      child.kill('SIGKILL');
      await closed;
    };
    let printed = '';
    const read = (chunk) => {
      printed += chunk;
      const value = ready?.(printed);
      if (value !== undefined) resolve({ value, stop });
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('error', reject);
    if (!ready) child.once('spawn', () => resolve({ stop }));
    closed.then((code) => reject(new Error(`${command} ended with exit code ${code}\n${printed}`)));
  });
}
