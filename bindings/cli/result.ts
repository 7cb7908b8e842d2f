/** What a command gives in the end: state, page, and JSON or text on stdout. */
import type { AnyLoss, Meter } from '../meter/meter.ts';
import { describe, type Fact, type Labels } from '../report/format.ts';
import { asInput, EXIT } from './errors.ts';
import type { OutputOptions } from './grammar.ts';
import { readTexts } from './lines.ts';
import { deliver, type Output } from './outputs.ts';
import { printable, printableJson } from './printable.ts';
import { formatSummary } from './summary.ts';

export interface Run {
  readonly files: readonly string[];
  readonly backend?: string;
  readonly seconds?: number;
  /** Time within the library, neither reading files nor compiling the kernels; null where there is too little to tell. */
  readonly nsPerLogit?: number | null;
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

/** Give the results. */
export async function give(
  meter: Meter<AnyLoss>,
  names: readonly string[] | null,
  options: OutputOptions,
  outputs: ReadonlyMap<string, Output>,
  run: Run,
): Promise<number> {
  const metrics = meter.compute();
  const indices = (metrics.hardest ?? []).map(({ index }) => index);
  const texts = options.text === undefined ? null : await readTexts(options.text, indices);
  const labels: Labels = { names, texts };
  const state = meter.toJSON();
  const facts: Fact[] = [['files', run.files.join('  ')], ...describe(state.config, metrics), ...timing(run)];

  const { config } = state;
  const page = outputs.get('--report');
  await deliver([
    () => outputs.get('--state')?.write(`${JSON.stringify(state)}\n`),
    async () => {
      if (!page) return;
      // its libraries take longer to load than most evaluations take
      const { renderReport } = await import('../entries/report.ts');
      const about: Fact[] = [['files', run.files.join('  ')], ...timing(run)];
      await page.write(renderReport(state, { names, texts, facts: about }));
    },
    () =>
      print(options.json ? `${printableJson({ ...run, config, metrics })}\n` : formatSummary(facts, metrics, labels)),
  ]);
  return EXIT.done;
}

function timing({ seconds, nsPerLogit, backend }: Run): Fact[] {
  if (seconds === undefined) return [];
  const rate = typeof nsPerLogit === 'number' ? `, ${nsPerLogit.toFixed(2)} ns per logit` : '';
  return [['time', `${seconds.toFixed(3)} s${rate}, ${backend}`]];
}
