/** What the command gives of an evaluation. */
import { judgeReport } from '../compare/judge.ts';
import type { AnyLoss, Meter } from '../meter/meter.ts';
import type { Slices } from '../meter/slices.ts';
import { describe, type Fact, type Labels } from '../report/format.ts';
import { InputError, refusing } from './errors.ts';
import type { ComputeOptions, GateOptions, OutputOptions } from './grammar.ts';
import { textsIn } from './lines.ts';
import { more, page, type Run } from './made.ts';
import type { Result } from './result.ts';
import { formatSummary } from './summary.ts';

/** Confidence of the intervals unless told. */
const CONFIDENCE = 0.95;

/** Whether a report for each group was asked for: of either backend. */
export const isSliced = (counted: object): counted is Slices<AnyLoss> => 'total' in counted;

export async function evaluation(
  counted: Meter<AnyLoss> | Slices<AnyLoss>,
  names: readonly string[] | null,
  options: OutputOptions & GateOptions & ComputeOptions,
  run: Run,
  textsOf = textsIn(options.text),
): Promise<Result> {
  const { confidence = CONFIDENCE, normalize, worstBy } = options;
  const slices = isSliced(counted) ? counted : null;
  const meter = slices ? slices.total() : (counted as Meter<AnyLoss>);
  if (worstBy !== undefined && !slices) throw new InputError('--worst-by goes with groups alone');
  const metrics = refusing('options', () => meter.compute({ confidence, ...(normalize && { normalize }) }));
  const groups =
    slices && refusing('--worst-by', () => slices.compute({ confidence, ...(worstBy && { metric: worstBy }) }));
  const indices = (metrics.hardest ?? []).map(({ index }) => index);
  const texts = await textsOf(indices);
  const labels: Labels = { names, texts };
  const state = slices ? slices.toJSON() : meter.toJSON();
  const { config } = meter.toJSON();
  const facts: Fact[] = [['files', run.files.join('  ')], ...describe(config, metrics), ...more(run)];
  const { min, max } = options;
  const gated = min !== undefined || max !== undefined;
  const judgement = gated
    ? judgeReport(metrics, { ...(min && { min }), ...(max && { max }) }, names ? { names } : {})
    : null;
  return {
    state,
    json: {
      schema: 'focal-simd/evaluation/1',
      ...run,
      config,
      metrics,
      ...(groups && { groups }),
      ...(judgement && { limits: judgement }),
    },
    text: formatSummary(facts, metrics, labels, judgement, groups),
    page: () => page(state, { ...labels, judgement, confidence, ...(worstBy && { worstBy }) }, options, run),
    judgement,
  };
}
