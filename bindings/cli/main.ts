#!/usr/bin/env node
/** The `focal-simd` command: bundled into dist/cli.js. */
import { CommanderError } from 'commander';
import { calibrate } from './calibrate.ts';
import { compare } from './compare.ts';
import { asInput, EXIT } from './errors.ts';
import { evaluate } from './evaluate.ts';
import { grammar } from './grammar.ts';
import { map } from './map.ts';
import { merge } from './merge.ts';
import { discardUnfinished, print } from './outputs.ts';
import { page } from './page.ts';
import { errorLine } from './printable.ts';
import { stopProgress } from './terminal.ts';

/** Wanted for errors of the arguments themselves, too. */
const debug = process.argv.includes('--debug');

/** Tell what went wrong, a line for each error. */
function tell(error: unknown): number {
  if (error instanceof AggregateError) return error.errors.map(tell).reduce((most, code) => Math.max(most, code));
  // commander has written its line; --help and --version come this way too, with 0
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.input;
  const input = asInput('the system', error);
  const message =
    input?.message ??
    `a fault of focal-simd, not of yours: ${error}; please report it with the command line and what --debug prints`;
  process.stderr.write(`focal-simd: ${errorLine(message)}\n`);
  if (debug && error instanceof Error) process.stderr.write(`${error.stack}\n${error.cause ?? ''}\n`);
  return input ? EXIT.input : EXIT.fault;
}

function leave(code: number): never {
  stopProgress();
  discardUnfinished();
  process.exit(code);
}

process.on('SIGINT', () => leave(EXIT.interrupted));
process.on('SIGTERM', () => leave(128 + 15));
process.on('uncaughtException', (error) => leave(tell(error)));
// whoever prints is told by its own callback, and where stderr is gone nobody can be told
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

/** The command's exit code is what its action gives. */
const ending =
  <A extends unknown[]>(action: (...args: A) => Promise<number>) =>
  async (...args: A): Promise<void> => {
    process.exitCode = await action(...args);
  };

const actions = {
  evaluate: ending(evaluate),
  compare: ending(compare),
  merge: ending(merge),
  map: ending(map),
  calibrate: ending(calibrate),
  page: ending(page),
};
const printed: Promise<void>[] = [];
try {
  await grammar(actions, (text) => printed.push(print(text))).parseAsync();
} catch (error) {
  process.exitCode = tell(error);
}
try {
  await Promise.all(printed);
} catch (error) {
  process.exitCode = tell(error);
}
