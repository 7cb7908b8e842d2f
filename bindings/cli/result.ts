/** What a command gives in the end: state, page, and JSON or text on stdout. */
import type { Judgement } from '../compare/judge.ts';
import { asInput, EXIT } from './errors.ts';
import { deliver, type Output } from './outputs.ts';
import { printableJson } from './printable.ts';

export interface Result {
  /** What --state writes. */
  readonly state: object;
  readonly json: object;
  /** A Markdown summary or the text for a terminal. */
  readonly text: string;
  /** What --report writes; null where there is no page. */
  readonly page: (() => Promise<string>) | null;
  readonly judgement: Judgement | null;
}

/** Print; whoever reads may have gone, as `head` does, or the disk be full. */
export function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error) reject(asInput('standard output', error) ?? error);
      else resolve();
    });
  });
}

/** Give the result, and the exit code that goes with its limits. */
export async function give(
  { state, json, text, page, judgement }: Result,
  options: { json?: true },
  outputs: ReadonlyMap<string, Output>,
): Promise<number> {
  const report = outputs.get('--report');
  await deliver([
    () => outputs.get('--state')?.write(`${JSON.stringify(state)}\n`),
    () => report && page?.().then((html) => report.write(html)),
    () => print(options.json ? `${printableJson(json)}\n` : text),
  ]);
  return judgement?.exitCode ?? EXIT.done;
}
