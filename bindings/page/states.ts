/** States that were dropped: of evaluations and of comparisons, merged. */
import type { ComparisonState } from '../compare/codec.ts';
import type { Comparison } from '../compare/comparison.ts';
import { FocalComparison } from '../entries/compare.ts';
import { backend } from '../entries/index.ts';
import { FocalMeter } from '../entries/meter.ts';
import { SlicedMeter } from '../entries/slices.ts';
import { FileError } from '../files/api.ts';
import type { Source } from '../files/source.ts';
import type { MeterState } from '../meter/codec.ts';
import type { AnyLoss, Meter } from '../meter/meter.ts';
import type { Slices } from '../meter/slices.ts';
import type { SlicedState } from '../meter/slices-codec.ts';
import { CONFIDENCE, type Metrics } from '../report/format.ts';
import type { GroupsReport } from '../report/groups.tsx';
import { inputOf, namesOf, textsFor, type Work } from './job.ts';
import type { Compared, Evaluated, Part, Result } from './protocol.ts';

/** Of one kind each. */
type Stated = Meter<AnyLoss> | Slices<AnyLoss> | Comparison<AnyLoss>;

/** What a file of a state holds. */
export async function stateIn(file: Source): Promise<Stated> {
  let state: unknown;
  try {
    state = JSON.parse(new TextDecoder().decode(await file.read(0, file.size)));
  } catch {
    throw new RangeError('not a state: expected JSON as --state of focal-simd writes it');
  }
  const { format } = Object(state) as { format?: unknown };
  if (format === 'focal-simd/comparison') return FocalComparison.fromJSON(state as ComparisonState);
  if (format === 'focal-simd/slices') return SlicedMeter.fromJSON(state as SlicedState);
  return FocalMeter.fromJSON(state as MeterState);
}

async function named<T>(name: string, work: () => Promise<T> | T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new FileError(name, (error as Error).message, { cause: error });
  }
}

/** The meter in a file, for files of samples to be merged with. */
export function meterIn(name: string, file: Source): Promise<Meter<AnyLoss>> {
  return named(name, async () => {
    const stated = await stateIn(file);
    if (stated instanceof FocalMeter) return stated;
    throw new RangeError('expected the state of an evaluation without groups, as files of samples are evaluated, too');
  });
}

/** Several shards together. */
export async function merged(job: Work, states: readonly Part[], signal: AbortSignal): Promise<Result> {
  const start = performance.now();
  let whole: Stated | null = null;
  for (const { name, file } of states) {
    whole = await named(name, async () => {
      const one = await stateIn(job.files[file]!);
      if (whole === null) return one;
      if (whole.constructor !== one.constructor) {
        throw new RangeError('states of evaluations, of groups and of comparisons do not go together');
      }
      whole.merge(one as never);
      return whole;
    });
  }
  const evaluated = whole instanceof FocalComparison ? null : evaluatedOf(whole as Meter<AnyLoss> | Slices<AnyLoss>);
  const compared = whole instanceof FocalComparison ? comparedOf(whole) : null;
  const { classes } = evaluated?.total.config ?? compared!.state.baseline.config;
  const names = await namesOf(job, signal);
  if (names && names.length !== classes) {
    throw new FileError(inputOf(job, 'names')!.part.name, `expected ${classes} lines, got ${names.length}`);
  }
  const hard = evaluated?.hardest ?? compared?.report.quality?.hardest ?? [];
  const indices = hard.map(({ index }) => index);
  return {
    evaluated,
    compared,
    names,
    texts: await textsFor(job, indices, signal),
    seconds: (performance.now() - start) / 1000,
    bytes: 0,
    backend: backend(),
  };
}

function evaluatedOf(whole: Meter<AnyLoss> | Slices<AnyLoss>): Evaluated {
  const slices = whole instanceof SlicedMeter ? whole : null;
  const meter = slices ? slices.total() : (whole as Meter<AnyLoss>);
  const metrics = meter.compute({ confidence: CONFIDENCE }) as Metrics;
  return {
    state: whole.toJSON(),
    total: meter.toJSON(),
    metrics,
    losses: null,
    hardest: metrics.hardest ?? [],
    pairs: [],
    groups: slices && groupsReports(slices),
    probable: false,
  };
}

const comparedOf = (both: Comparison<AnyLoss>): Compared => ({
  state: both.toJSON(),
  report: both.compute({ confidence: CONFIDENCE }),
});

/** Metrics that groups are ordered by: those whose intervals the counts give. */
const METRICS = ['accuracy', 'loss', 'crossEntropy', 'brier'];

/** The groups by each of these, without their reports, which nobody looks at. */
export const groupsReports = (slices: Slices<AnyLoss>): GroupsReport[] =>
  METRICS.map((metric) => {
    const { groups: _, ...worst } = slices.compute({ metric, confidence: CONFIDENCE });
    return worst;
  });
