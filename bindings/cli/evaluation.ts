/** What the command gives of an evaluation. */
import { judgeReport } from '../compare/judge.ts';
import type { AnyLoss, Meter } from '../meter/meter.ts';
import { describe, type Fact, type Labels } from '../report/format.ts';
import { refusing } from './errors.ts';
import type { ComputeOptions, GateOptions, OutputOptions } from './grammar.ts';
import { textsIn } from './lines.ts';
import { more, page, type Run } from './made.ts';
import type { Result } from './result.ts';
import { formatSummary } from './summary.ts';

/** Confidence of the intervals unless told. */
const CONFIDENCE = 0.95;

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
    page: () => page(state, { ...labels, judgement, confidence }, options, run),
    judgement,
  };
}
