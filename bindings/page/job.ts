/** What was asked for, with its files as sources: which file is what, and the options as the library takes them. */
import { SigmoidFocalLoss, SoftmaxFocalLoss } from '../entries/index.ts';
import { countTargets, type Dataset, type DatasetOptions, type Files, type Input, openDataset } from '../files/api.ts';
import { openPair, type Pair, type PairFiles } from '../files/compare.ts';
import { readColumn } from '../files/open.ts';
import type { LossSpec, MeterSpec } from '../files/shard.ts';
import type { Source } from '../files/source.ts';
import { matches } from '../files/table-dataset.ts';
import { fromFrequencies } from '../losses/frequencies.ts';
import { lossOptions, patternsOf, scoresOf } from './command.ts';
import { linesOf, textsOf } from './lines.ts';
import type { Job, Part, Result, Role } from './protocol.ts';

/** A job with its files as sources. */
export interface Work extends Omit<Job, 'files'> {
  readonly files: readonly Source[];
}

/** The input with a role. */
export function inputOf(
  { files, parts, roles }: Work,
  role: Role,
): { part: Part; source: Source; input: Input } | null {
  const part = parts.find(({ id }) => roles[id] === role);
  if (!part) return null;
  const file = files[part.file]!;
  return { part, source: file, input: part.member === null ? file : { file, member: part.member } };
}

export type Side = 'logits' | 'baseline';

/** The part that holds the logits of a model: one table may hold those of both. */
export function logitsOf(job: Work, side: Side): ReturnType<typeof inputOf> {
  const own = inputOf(job, 'logits');
  if (side === 'logits') return own;
  const both = own?.part.kind === 'table' && job.choices.baseline.trim() !== '';
  return inputOf(job, 'baseline') ?? (both ? own : null);
}

/** Whether there are targets of the model. */
export function hasTargets(job: Work): boolean {
  const { part } = inputOf(job, 'logits') ?? {};
  if (part?.kind !== 'table') return inputOf(job, 'targets') !== null;
  const { target } = job.choices;
  // of two tables the baseline's alone may have them
  const elsewhere = inputOf(job, 'baseline') !== null && !part.columns?.some(({ name }) => matches(target, name));
  return target !== '' && !elsewhere;
}

/** The files of the model, as the readers take them. */
function filesOf(job: Work): Files {
  const logits = logitsOf(job, 'logits');
  if (!logits) throw new RangeError('logits expected a file, got none: choose which array holds them');
  if (logits.part.kind === 'table') {
    const { target, scores } = job.choices;
    const patterns = inputOf(job, 'baseline') ? scoresOf(job.choices).candidateScores : patternsOf(scores);
    return { table: logits.input, target, ...(patterns.length > 0 && { scores: patterns }) };
  }
  const targets = inputOf(job, 'targets');
  if (!targets) throw new RangeError('targets expected a file, got none: choose which array holds them');
  return { logits: logits.input, targets: targets.input };
}

/** The files of both models. */
function pairFiles(job: Work): PairFiles {
  const [candidate, baseline] = [logitsOf(job, 'logits')!, logitsOf(job, 'baseline')!];
  if (candidate.part.kind === 'table') {
    const target = job.choices.target === '' ? undefined : job.choices.target;
    if (candidate.part !== baseline.part) {
      const { scores, candidateScores } = scoresOf(job.choices);
      const all = scores.length === 0 ? {} : { scores, candidateScores };
      return { baseline: baseline.input, candidate: candidate.input, target, ...all };
    }
    const [ours, theirs] = [patternsOf(job.choices.scores), patternsOf(job.choices.baseline)];
    if (ours.length === 0) throw new RangeError('columns of scores expected those of the first model, got none');
    return { table: candidate.input, target, candidate: ours, baseline: theirs };
  }
  return { candidate: candidate.input, baseline: baseline.input, targets: inputOf(job, 'targets')?.input };
}

/** Names of the classes, one a line. */
export async function namesOf(job: Work, signal?: AbortSignal): Promise<string[] | null> {
  const names = inputOf(job, 'names');
  if (!names) return null;
  const lines: string[] = [];
  for await (const line of linesOf(names.source, signal)) lines.push(line);
  return lines;
}

/** How the files are read. */
async function reading(job: Work, signal: AbortSignal): Promise<DatasetOptions> {
  const { classAxis, ignoreIndex } = job.choices;
  const names = await namesOf(job, signal);
  return { classAxis, ignoreIndex, signal, ...(names && { names }) };
}

export async function open(job: Work, signal: AbortSignal): Promise<Dataset> {
  const { group } = job.choices;
  const columns = inputOf(job, 'logits')?.part.kind === 'table' && group !== '' ? [group] : [];
  return openDataset(filesOf(job), { ...(await reading(job, signal)), columns });
}

export const openBoth = async (job: Work, signal: AbortSignal): Promise<Pair> =>
  openPair(pairFiles(job), await reading(job, signal));

/** The options of the loss that the controls say. */
export async function lossOf({ choices }: Work, dataset: Dataset, signal: AbortSignal): Promise<LossSpec> {
  const { loss: name, alpha } = choices;
  const options = lossOptions(choices);
  // the loss checks what it is given
  return { name, ...options, ...(await alphaOf(alpha, name, dataset, choices, signal)) } as LossSpec;
}

async function alphaOf(
  said: string,
  loss: LossSpec['name'],
  dataset: Dataset,
  { ignoreIndex, background }: Job['choices'],
  signal: AbortSignal,
): Promise<{ alpha?: number | number[] }> {
  const text = said.trim();
  if (text === '') return {};
  if (text === 'auto')
    return { alpha: fromFrequencies(await countTargets(dataset, { ignoreIndex, background, signal }), loss) };
  const numbers = text
    .split(/[\s,;]+/)
    .filter((word) => word !== '')
    .map(Number);
  if (numbers.some(Number.isNaN)) throw new RangeError(`alpha expected auto or numbers, got ${text}`);
  return { alpha: loss === 'sigmoid' && numbers.length === 1 ? numbers[0]! : numbers };
}

/** The loss of each sample, or of each logit, that is not ignored. */
export function eachOf({ name, ...options }: LossSpec): SoftmaxFocalLoss<'none'> | SigmoidFocalLoss<'none'> {
  const Loss = (name === 'softmax' ? SoftmaxFocalLoss : SigmoidFocalLoss) as new (
    options: object,
  ) => SoftmaxFocalLoss<'none'>;
  return new Loss({ ...options, reduction: 'none', ignored: 'drop' });
}

/** How many of the samples with the largest loss are kept: as many as the command keeps. */
export const HARDEST = 10;

/** Largest number of classes whose confusions are counted: the state has C² counts, with groups so many of each. */
export const CONFUSION_CLASSES = { all: 1000, groups: 100 };

/** The options of the meter: those of the command, so that the states are the same. */
export function meterOf(
  { loss, bins, confusion, curves }: Job['choices'],
  classes: number,
  most: number = CONFUSION_CLASSES.all,
): MeterSpec {
  const common = { bins, hardest: HARDEST, coverage: true, ...(curves && { curves }) };
  return loss === 'softmax' ? { ...common, confusion: confusion && classes <= most } : common;
}

/** The texts of samples: lines of a file, or a column of the table. */
export async function textsFor(job: Work, indices: readonly number[], signal: AbortSignal): Promise<Result['texts']> {
  const file = inputOf(job, 'texts');
  if (file) return textsOf(file.source, indices, signal);
  const table = inputOf(job, 'logits');
  const { text } = job.choices;
  if (table?.part.kind !== 'table' || text === '') return null;
  const values = await readColumn(table.input, text, indices, { signal });
  return new Map(Array.from(values, ([row, value]) => [row, value == null ? '' : String(value)]));
}
