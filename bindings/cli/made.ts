/** How a result was made, and its page. */
import type { ReportOptions } from '../entries/report.ts';
import { type Fact, plain } from '../report/format.ts';
import type { OutputOptions } from './grammar.ts';

export interface Run {
  readonly files: readonly string[];
  readonly backend?: string;
  readonly seconds?: number;
  /** Time within the library, neither reading files nor compiling the kernels; null where there is too little to tell. */
  readonly nsPerLogit?: number | null;
  readonly jobs?: number;
  /** Samples without a label in the files: they count as ignored. */
  readonly unlabelled?: number;
}

/** Facts of a run beside its files. */
export function more({ seconds, nsPerLogit, backend, unlabelled, jobs = 1 }: Run): Fact[] {
  const facts: Fact[] = unlabelled ? [['labels', `none of ${plain(unlabelled)} samples, which are ignored`]] : [];
  if (seconds === undefined) return facts;
  const rate = typeof nsPerLogit === 'number' ? `, ${nsPerLogit.toFixed(2)} ns per logit` : '';
  return [...facts, ['time', `${seconds.toFixed(3)} s${rate}, ${backend}${jobs > 1 ? `, ${jobs} jobs` : ''}`]];
}

/** The page of a state. */
export async function page(
  state: Parameters<typeof import('../entries/report.ts').renderReport>[0],
  shown: Pick<ReportOptions, 'names' | 'texts' | 'judgement' | 'confidence' | 'worstBy'>,
  { title, model }: OutputOptions,
  run: Run,
): Promise<string> {
  // its libraries take longer to load than most evaluations take
  const { renderReport } = await import('../entries/report.ts');
  return renderReport(state, {
    ...shown,
    facts: [['files', run.files.join('  ')], ...more(run)],
    command: commandLine(),
    ...(title !== undefined && { title }),
    ...(model !== undefined && { model }),
  });
}

/** How to get the same numbers again, for a shell. */
function commandLine(): string {
  const quoted = (word: string) => (/^[\w./:=,%+@-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
  return ['focal-simd', ...process.argv.slice(2).map(quoted)].join(' ');
}
