/** What a command gives in the end: state, page, and JSON or text on stdout. */
import type { Judgement } from '../compare/judge.ts';
import { EXIT } from './errors.ts';
import { deliver, type Outputs, print } from './outputs.ts';
import { printableJson } from './printable.ts';

export interface Result {
  /** What --state writes. */
  readonly state: object;
  readonly json: object;
  /** A Markdown summary or the text for a terminal. */
  readonly text: string;
  /** What --report writes. */
  readonly page: () => Promise<string>;
  readonly judgement: Judgement | null;
}

/** Give the result, and the exit code that goes with its limits. */
export async function give(
  { state, json, text, page, judgement }: Result,
  options: { json?: true },
  outputs: Outputs,
): Promise<number> {
  const report = outputs.get('--report');
  await deliver([
    () => outputs.get('--state')?.write(`${JSON.stringify(state)}\n`),
    () => report && page().then((html) => report.write(html)),
    () => (outputs.printed ? undefined : print(options.json ? `${printableJson(json)}\n` : text)),
  ]);
  return judgement?.exitCode ?? EXIT.done;
}
