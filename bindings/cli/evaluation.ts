/** What the command gives of an evaluation. */
import { judgeReport } from '../compare/judge.ts';
import type { AnyLoss, Meter } from '../meter/meter.ts';
import { describe, type Fact, type Labels, plain } from '../report/format.ts';
import { refusing } from './errors.ts';
import type { ComputeOptions, GateOptions, OutputOptions } from './grammar.ts';
import { textsIn } from './lines.ts';
import type { Result } from './result.ts';
import { formatSummary } from './summary.ts';

/** Confidence of the intervals unless told. */
const CONFIDENCE = 0.95;

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

export async function evaluation(
  meter: Meter<AnyLoss>,
  names: readonly string[] | null,
  options: OutputOptions & GateOptions & ComputeOptions,
  run: Run,
  textsOf = textsIn(options.text),
): Promise<Result> {
  const { confidence = CONFIDENCE, normalize } = options;
  const metrics = refusing('options', () => meter.compute({ confidence, ...(normalize && { normalize }) }));
  const indices = (metrics.hardest ?? []).map(({ index }) => index);
  const texts = await textsOf(indices);
  const labels: Labels = { names, texts };
  const state = meter.toJSON();
  const { config } = state;
  const facts: Fact[] = [['files', run.files.join('  ')], ...describe(config, metrics), ...more(run)];
  const { min, max } = options;
  const gated = min !== undefined || max !== undefined;
  const judgement = gated
    ? judgeReport(metrics, { ...(min && { min }), ...(max && { max }) }, names ? { names } : {})
    : null;
  return {
    state,
    json: { ...run, config, metrics, ...(judgement && { limits: judgement }) },
    text: formatSummary(facts, metrics, labels, judgement),
    // its libraries take longer to load than most evaluations take
    page: async () => {
      const { renderReport } = await import('../entries/report.ts');
      const about: Fact[] = [['files', run.files.join('  ')], ...more(run)];
      return renderReport(state, {
        names,
        texts,
        facts: about,
        command: commandLine(),
        confidence,
        ...titles(options),
      });
    },
    judgement,
  };
}

function more({ seconds, nsPerLogit, backend, unlabelled, jobs = 1 }: Run): Fact[] {
  const facts: Fact[] = unlabelled ? [['labels', `none of ${plain(unlabelled)} samples, which are ignored`]] : [];
  if (seconds === undefined) return facts;
  const rate = typeof nsPerLogit === 'number' ? `, ${nsPerLogit.toFixed(2)} ns per logit` : '';
  return [...facts, ['time', `${seconds.toFixed(3)} s${rate}, ${backend}${jobs > 1 ? `, ${jobs} jobs` : ''}`]];
}

const titles = ({ title, model }: OutputOptions) => ({
  ...(title !== undefined && { title }),
  ...(model !== undefined && { model }),
});

/** How to get the same numbers again, for a shell. */
function commandLine(): string {
  const quoted = (word: string) => (/^[\w./:=,%+@-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
  return ['focal-simd', ...process.argv.slice(2).map(quoted)].join(' ');
}
