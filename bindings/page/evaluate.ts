/** Files evaluated piece by piece: the metrics of a model, those of its slices, and the model against another one. */
import { Looks } from '../cli/looks.ts';
import { FocalComparison } from '../entries/compare.ts';
import { backend } from '../entries/index.ts';
import { FocalMeter } from '../entries/meter.ts';
import { SlicedMeter } from '../entries/slices.ts';
import { compareDatasets, createComparison, type Pair } from '../files/compare.ts';
import type { Chunk, Dataset } from '../files/dataset.ts';
import { FileError } from '../files/errors.ts';
import { inFile } from '../files/evaluate.ts';
import { createMeter, createSlices, type LossSpec } from '../files/shard.ts';
import type { AnyLoss } from '../meter/meter.ts';
import type { Slices } from '../meter/slices.ts';
import { CONFIDENCE, type Metrics } from '../report/format.ts';
import { type GroupReader, groupsOf } from './groups.ts';
import {
  CONFUSION_CLASSES,
  eachOf,
  hasTargets,
  inputOf,
  logitsOf,
  lossOf,
  meterOf,
  open,
  openBoth,
  textsFor,
  type Work,
} from './job.ts';
import { LossCounts } from './losses.ts';
import { PairCounts } from './pairs.ts';
import type { Answer, Compared, Evaluated, Job, Part, Result } from './protocol.ts';
import { breathe, withRows } from './rows.ts';
import { groupsReports, meterIn } from './states.ts';

/** Progress is told so often, in milliseconds. */
const TICK = 50;

type Tell = (message: Answer) => void;

export async function evaluate(job: Work, signal: AbortSignal, tell: Tell): Promise<Result> {
  const start = performance.now();
  const labelled = hasTargets(job);
  const two = logitsOf(job, 'baseline') !== null;
  const progress = new Progress(job, two && labelled ? 2 : 1, tell);
  const dataset = labelled || !two ? await open(job, signal) : null;
  const pair = two ? await openBoth(job, signal) : null;
  try {
    const spec = await lossOf(job, dataset ?? pair!.candidate, signal);
    const evaluated = dataset && (await evaluateOne(job, dataset, spec, progress, signal));
    progress.next();
    const compared = pair && (await compare(job, spec, pair, progress, signal));
    const shown = [...(evaluated?.metrics.hardest ?? []), ...(compared?.report.quality?.hardest ?? [])];
    return {
      evaluated,
      compared,
      names: (dataset ?? pair!.candidate).names,
      texts: await textsFor(job, [...new Set(shown.map(({ index }) => index))], signal),
      seconds: (performance.now() - start) / 1000,
      bytes: progress.bytes,
      backend: backend(),
    };
  } finally {
    await dataset?.close();
    await pair?.close();
  }
}

/** Tells how far it is. */
class Progress {
  /** Of the files of logits together. */
  readonly bytes: number;
  readonly #tell: Tell;
  readonly #passes: number;
  #pass = 0;
  #told = 0;

  constructor(job: Work, passes: number, tell: Tell) {
    const files = new Set((['logits', 'baseline'] as const).flatMap((side) => logitsOf(job, side)?.part.file ?? []));
    this.bytes = [...files].reduce((sum, file) => sum + job.files[file]!.size, 0);
    this.#passes = passes;
    this.#tell = tell;
  }

  /** After a chunk; a message that asks to stop can only come between two tasks. */
  async at({ first, samples }: Chunk, total: number | null): Promise<void> {
    const now = performance.now();
    if (now - this.#told <= TICK) return;
    this.#told = now;
    const share = total ? (this.#pass + (first + samples) / total) / this.#passes : null;
    this.#tell({ type: 'progress', done: first + samples, share, bytes: share === null ? 0 : this.bytes * share });
    await breathe();
  }

  next(): void {
    this.#pass = Math.min(this.#passes - 1, this.#pass + 1);
  }

  /** A dataset whose chunks tell how far they are. */
  through(dataset: Dataset, total: number | null): Dataset {
    const at = (chunk: Chunk) => this.at(chunk, total);
    const { samples, splittable, classes, itemsize, names, files } = dataset;
    return {
      ...{ samples, splittable, classes, itemsize, names, files },
      async *chunks(...range) {
        for await (const chunk of dataset.chunks(...range)) {
          yield chunk;
          await at(chunk);
        }
      },
      labels: (...range) => dataset.labels(...range),
      close: () => dataset.close(),
    };
  }
}

async function evaluateOne(
  job: Work,
  dataset: Dataset,
  spec: LossSpec,
  progress: Progress,
  signal: AbortSignal,
): Promise<Evaluated> {
  const { classes, samples: total } = dataset;
  const { loss, confusion, ignoreIndex, input } = job.choices;
  if (total !== null) checkCounts(job, total);
  const groups = await groupsOf(job, dataset, signal);
  const most = groups ? CONFUSION_CLASSES.groups : CONFUSION_CLASSES.all;
  const given = { loss: spec, meter: meterOf(job.choices, classes, most) };
  const slices = groups && createSlices(SlicedMeter, given, classes, undefined);
  const counted = slices ? null : createMeter(FocalMeter, given, classes);
  const each = eachOf(spec);
  const losses = new LossCounts();
  const many = loss === 'softmax' && confusion && classes > most;
  const pairs = many ? new PairCounts(classes, ignoreIndex) : null;
  const looks = new Looks({ loss, input: input === 'logProbabilities' ? 'log-probabilities' : input });
  let seen = 0;
  try {
    for await (const chunk of dataset.chunks(0, undefined, { signal })) {
      signal.throwIfAborted();
      seen += chunk.samples;
      await count(dataset, chunk, async () => {
        if (slices) await slice(job, slices, groups, chunk);
        else counted?.update(chunk.logits, chunk.targets, { firstIndex: chunk.first });
      });
      losses.add(each.forward(chunk.logits, chunk.targets));
      looks.see(chunk.logits);
      pairs?.add(chunk);
      await progress.at(chunk, total);
    }
  } finally {
    await groups?.close();
  }
  if (total === null) checkCounts(job, seen);
  const meter = slices?.total() ?? counted!;
  // states beside files of samples are other shards
  for (const part of statesOf(job)) meter.merge(await meterIn(part.name, job.files[part.file]!));
  const metrics = meter.compute({ confidence: CONFIDENCE }) as Metrics;
  const hard = metrics.hardest ?? [];
  return {
    state: slices?.toJSON() ?? meter.toJSON(),
    total: meter.toJSON(),
    metrics,
    losses: losses.counts,
    hardest: total === null ? hard : await withRows(dataset, hard, ignoreIndex, signal),
    pairs: pairs?.top(metrics) ?? [],
    groups: slices && groupsReports(slices),
    probable: input === 'logits' && looks.warning !== null,
  };
}

/** There is a text and a group for each sample, no more and no fewer: another number is that of other samples. */
function checkCounts(job: Work, samples: number): void {
  for (const [role, what] of [
    ['texts', 'lines'],
    ['groups', 'groups'],
  ] as const) {
    const part = inputOf(job, role)?.part;
    if (!part) continue;
    const found = part.shape.reduce((product, d) => product * d, 1);
    if (found !== samples) {
      throw new FileError(part.name, `expected ${samples} ${what}, one for each sample, got ${found}`);
    }
  }
}

export const statesOf = ({ parts, roles }: Job | Work): Part[] => parts.filter(({ id }) => roles[id] === 'state');

/** What the library says of one value of a chunk is said of the file. */
async function count(dataset: Dataset, chunk: Chunk, work: () => Promise<void> | void): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw inFile(error, dataset, chunk);
  }
}

async function slice(job: Work, slices: Slices<AnyLoss>, groups: GroupReader, chunk: Chunk): Promise<void> {
  const of = await groups.of(chunk);
  try {
    slices.update(chunk.logits, chunk.targets, { groups: of, firstIndex: chunk.first });
  } catch (error) {
    const file = inputOf(job, 'groups')?.part.name ?? job.choices.group;
    throw new FileError(file, (error as Error).message, { cause: error });
  }
}

/** The model against another one, on the same samples: with the options of the command. */
async function compare(
  job: Work,
  spec: LossSpec,
  pair: Pair,
  progress: Progress,
  signal: AbortSignal,
): Promise<Compared> {
  const { classes, samples: total } = pair.baseline;
  const flips = job.choices.loss === 'softmax' ? { flips: classes <= CONFUSION_CLASSES.all } : {};
  const comparison = { ...meterOf({ ...job.choices, confusion: false }, classes), ...flips };
  const both = createComparison(FocalComparison, { loss: spec, comparison }, classes);
  const baseline = progress.through(pair.baseline, total);
  await compareDatasets({ ...pair, baseline }, both, { signal });
  return { state: both.toJSON(), report: both.compute({ confidence: CONFIDENCE }) };
}
