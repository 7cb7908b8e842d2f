/** The page's other thread: looks into files, evaluates them piece by piece, and reads rows again. */

import { Looks } from '../cli/looks.ts';
import { backend, SigmoidFocalLoss, SoftmaxFocalLoss } from '../entries/index.ts';
import { FocalMeter } from '../entries/meter.ts';
import {
  type Chunk,
  countTargets,
  type Dataset,
  FileError,
  type Files,
  type Input,
  inspect,
  openDataset,
} from '../files/api.ts';
import { readColumn } from '../files/open.ts';
import { createMeter, type LossSpec, type MeterSpec } from '../files/shard.ts';
import type { Source } from '../files/source.ts';
import { fromFrequencies } from '../losses/frequencies.ts';
import type { MeterState } from '../meter/codec.ts';
import type { AnyLoss, Meter } from '../meter/meter.ts';
import { CONFIDENCE, type Metrics } from '../report/format.ts';
import type { Sample } from '../report/sections.tsx';
import { lossOptions } from './command.ts';
import { countLines, linesOf, textsOf } from './lines.ts';
import { LossCounts } from './losses.ts';
import { PairCounts } from './pairs.ts';
import type { Answer, Job, Part, Request, Result, Role } from './protocol.ts';
import { Reader } from './reader.ts';
import { breathe, samplesOf, withRows } from './rows.ts';

const HARDEST = 10;
const OF_A_CELL = 20;
/** Progress is told so often, in milliseconds. */
const TICK = 50;

/** What is used of a worker's global object. */
export interface Scope {
  postMessage(message: Answer): void;
  onmessage: ((event: MessageEvent<Request>) => void) | null;
}

export function serve(scope: Scope): void {
  const answer = (message: Answer) => scope.postMessage(message);
  const reader = new Reader(answer);
  let running = new AbortController();
  let job: Work | null = null;

  /** One thing at a time: what is asked for ends what is not done yet. */
  async function run(work: (signal: AbortSignal) => Promise<Answer>): Promise<void> {
    running.abort();
    const mine = new AbortController();
    running = mine;
    try {
      const message = await work(mine.signal);
      if (!mine.signal.aborted) answer(message);
    } catch (error) {
      if (mine.signal.aborted) return;
      answer({ type: 'error', message: explain(error) });
    }
  }

  scope.onmessage = ({ data }: MessageEvent<Request>) => {
    if (data.type === 'bytes') {
      reader.take(data.id, data.bytes);
    } else if (data.type === 'cancel') {
      running.abort();
      answer({ type: 'cancelled' });
    } else if (data.type === 'inspect') {
      run(async () => ({ type: 'parts', ...(await inspectAll(await reader.sourcesOf(data.files))) }));
    } else if (data.type === 'evaluate') {
      run(async (signal) => {
        job = { ...data, files: await reader.sourcesOf(data.files) };
        return { type: 'result', result: await evaluate(job, signal, answer) };
      });
    } else {
      const { target, prediction } = data;
      const given = job;
      if (!given) return;
      run(async (signal) => {
        const samples = await cellOf(given, { target, prediction }, signal);
        return { type: 'samples', target, prediction, samples, texts: await textsFor(given, samples, signal) };
      });
    }
  };
}

/** A job with its files as sources. */
interface Work extends Omit<Job, 'files'> {
  readonly files: readonly Source[];
}

/** A fault of the input is one line; one of ours says so. */
function explain(error: unknown): string {
  const { message, name } = error as Error;
  if (error instanceof FileError || name === 'RangeError' || name === 'TypeError') return message;
  return `${name}: ${message}`;
}

const isText = (name: string): boolean => /\.(txt|text|lst|names|labels)$/i.test(name);

async function inspectAll(files: readonly Source[]): Promise<{ parts: Part[]; errors: string[] }> {
  const parts: Part[] = [];
  const errors: string[] = [];
  for (const [file, blob] of files.entries()) {
    const add = (part: Omit<Part, 'id' | 'file'>) => parts.push({ id: `${file}:${part.member ?? ''}`, file, ...part });
    try {
      if (/\.json$/i.test(blob.name)) {
        FocalMeter.fromJSON(await stateIn(blob));
        add({ name: blob.name, member: null, kind: 'state', shape: [] });
        continue;
      }
      if (isText(blob.name)) {
        add({ name: blob.name, member: null, kind: 'lines', shape: [await countLines(blob)] });
        continue;
      }
      const { arrays, columns, rows } = await inspect(blob);
      for (const { member, dtype, shape } of arrays ?? []) {
        const kind = /^(f|bf)/.test(dtype) ? 'floats' : 'integers';
        add({ name: member === null ? blob.name : `${blob.name}:${member}`, member, kind, dtype, shape });
      }
      if (columns) add({ name: blob.name, member: null, kind: 'table', shape: rows === null ? [] : [rows], columns });
    } catch (error) {
      const message = explain(error);
      errors.push(message.startsWith(blob.name) ? message : `${blob.name}: ${message}`);
    }
  }
  return { parts, errors };
}

async function stateIn(file: Source): Promise<MeterState> {
  try {
    return JSON.parse(new TextDecoder().decode(await file.read(0, file.size)));
  } catch {
    throw new RangeError('not a state: expected JSON as focal-simd evaluate --state writes it');
  }
}

/** The input with a role. */
function inputOf({ files, parts, roles }: Work, role: Role): { part: Part; source: Source; input: Input } | null {
  const part = parts.find(({ id }) => roles[id] === role);
  if (!part) return null;
  const file = files[part.file]!;
  return { part, source: file, input: part.member === null ? file : { file, member: part.member } };
}

/** The files of one model, as the readers take them. */
function filesOf(job: Work, role: 'logits' | 'baseline'): Files {
  const logits = inputOf(job, role);
  if (!logits) throw new RangeError('logits expected a file, got none: choose which array holds them');
  if (logits.part.kind === 'table') {
    const { target, scores } = job.choices;
    const patterns = scores.split(',').flatMap((one) => one.trim() || []);
    return { table: logits.input, target, ...(patterns.length > 0 && { scores: patterns }) };
  }
  const targets = inputOf(job, 'targets');
  if (!targets) throw new RangeError('targets expected a file, got none: choose which array holds them');
  return { logits: logits.input, targets: targets.input };
}

async function open(job: Work, role: 'logits' | 'baseline', signal: AbortSignal): Promise<Dataset> {
  const { classAxis, ignoreIndex } = job.choices;
  const names = inputOf(job, 'names');
  const lines: string[] = [];
  if (names) for await (const line of linesOf(names.source, signal)) lines.push(line);
  const given = { classAxis, ignoreIndex, signal, ...(names && { names: lines }) };
  return openDataset(filesOf(job, role), given);
}

/** The options of the loss that the controls say. */
async function lossOf({ choices }: Work, dataset: Dataset, signal: AbortSignal): Promise<LossSpec> {
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

type Each = SoftmaxFocalLoss<'none'> | SigmoidFocalLoss<'none'>;

/** The loss of each sample, or of each logit, that is not ignored. */
function eachOf({ name, ...options }: LossSpec): Each {
  const Loss = (name === 'softmax' ? SoftmaxFocalLoss : SigmoidFocalLoss) as new (options: object) => Each;
  return new Loss({ ...options, reduction: 'none', ignored: 'drop' });
}

/** Largest number of classes whose confusions are counted: the state has C² counts. */
const CONFUSION_CLASSES = 1000;

/** The options of the meter: those of the command, so that the states are the same. */
export function meterOf({ loss, bins, confusion, curves }: Job['choices'], classes: number): MeterSpec {
  const common = { bins, hardest: HARDEST, coverage: true, ...(curves && { curves }) };
  return loss === 'softmax' ? { ...common, confusion: confusion && classes <= CONFUSION_CLASSES } : common;
}

async function evaluate(job: Work, signal: AbortSignal, answer: (message: Answer) => void): Promise<Result> {
  const start = performance.now();
  const states = job.parts.filter(({ id }) => job.roles[id] === 'state');
  if (!inputOf(job, 'logits') && states.length > 0) return merged(job, states, signal);
  const dataset = await open(job, 'logits', signal);
  try {
    const spec = await lossOf(job, dataset, signal);
    const meter = createMeter(
      FocalMeter,
      { loss: spec, meter: meterOf(job.choices, dataset.classes) },
      dataset.classes,
    );
    const each = eachOf(spec);
    const losses = new LossCounts();
    const { loss, confusion, ignoreIndex } = job.choices;
    const many = loss === 'softmax' && confusion && dataset.classes > CONFUSION_CLASSES;
    const pairs = many ? new PairCounts(dataset.classes, ignoreIndex) : null;
    const total = dataset.samples;
    const perSample = inputOf(job, 'logits')!.part;
    const files = job.files[perSample.file]!.size;
    let told = 0;
    let done = 0;
    const looks = new Looks({ loss: spec.name, input: job.choices.input === 'logits' ? 'logits' : 'probabilities' });
    for await (const chunk of dataset.chunks(0, undefined, { signal })) {
      signal.throwIfAborted();
      update(meter, chunk, dataset);
      losses.add(each.forward(chunk.logits, chunk.targets));
      looks.see(chunk.logits);
      pairs?.add(chunk);
      done += chunk.samples;
      const now = performance.now();
      if (now - told > TICK) {
        told = now;
        const bytes = total ? (files * done) / total : 0;
        answer({ type: 'progress', done, total, bytes });
        await breathe();
      }
    }
    const baseline = inputOf(job, 'baseline') ? await other(job, spec, signal) : null;
    for (const { part, blob } of statesIn(job, states)) meter.merge(await meterIn(part.name, blob));
    const metrics = meter.compute({ confidence: CONFIDENCE }) as Metrics;
    const hard = metrics.hardest ?? [];
    return {
      state: meter.toJSON(),
      metrics,
      names: dataset.names,
      texts: await textsFor(job, hard, signal),
      losses: losses.counts,
      hardest: total === null ? hard : await withRows(dataset, hard, signal),
      pairs: pairs?.top(metrics) ?? [],
      baseline,
      probable: looks.warning !== null,
      seconds: (performance.now() - start) / 1000,
      bytes: files,
      backend: backend(),
    };
  } finally {
    await dataset.close();
  }
}

function update(meter: Meter<AnyLoss>, chunk: Chunk, dataset: Dataset): void {
  try {
    meter.update(chunk.logits, chunk.targets, { firstIndex: chunk.first });
  } catch (error) {
    // what the library says of one value of a chunk is said of the file
    const [, index, rest] = /^targets\[(\d+)\](.*)$/s.exec((error as Error).message) ?? [];
    if (index === undefined) throw error;
    throw new FileError(dataset.files.at(-1)!, `targets[${chunk.first + Number(index)}]${rest}`, { cause: error });
  }
}

/** The texts of samples: lines of a file, or a column of the table. */
async function textsFor(job: Work, samples: readonly Sample[], signal: AbortSignal): Promise<Result['texts']> {
  const indices = samples.map(({ index }) => index);
  const file = inputOf(job, 'texts');
  if (file) return textsOf(file.source, indices, signal);
  const table = inputOf(job, 'logits');
  const { text } = job.choices;
  if (table?.part.kind !== 'table' || text === '') return null;
  const values = await readColumn(table.input, text, indices, { signal });
  return new Map(Array.from(values, ([row, value]) => [row, value == null ? '' : String(value)]));
}

/** The samples of a cell of the confusion matrix that have the largest losses. */
async function cellOf(
  job: Work,
  cell: { readonly target: number; readonly prediction: number },
  signal: AbortSignal,
): Promise<Sample[]> {
  const dataset = await open(job, 'logits', signal);
  try {
    const each = eachOf(await lossOf(job, dataset, signal));
    return await samplesOf(dataset, cell, OF_A_CELL, (row, target) => each.forward(row, [target])[0]!, signal);
  } finally {
    await dataset.close();
  }
}

/** The metrics of the second model. */
async function other(job: Work, spec: LossSpec, signal: AbortSignal): Promise<Metrics> {
  const dataset = await open(job, 'baseline', signal);
  try {
    const meter = createMeter(
      FocalMeter,
      { loss: spec, meter: meterOf(job.choices, dataset.classes) },
      dataset.classes,
    );
    for await (const chunk of dataset.chunks(0, undefined, { signal })) {
      update(meter, chunk, dataset);
      await breathe();
    }
    return meter.compute({ confidence: CONFIDENCE }) as Metrics;
  } finally {
    await dataset.close();
  }
}

const statesIn = (job: Work, states: readonly Part[]) => states.map((part) => ({ part, blob: job.files[part.file]! }));

async function meterIn(name: string, blob: Source): Promise<Meter<AnyLoss>> {
  try {
    return FocalMeter.fromJSON(await stateIn(blob));
  } catch (error) {
    throw new FileError(name, (error as Error).message, { cause: error });
  }
}

/** The report of several shards together. */
async function merged(job: Work, states: readonly Part[], signal: AbortSignal): Promise<Result> {
  const start = performance.now();
  const [first, ...others] = statesIn(job, states);
  const meter = await meterIn(first!.part.name, first!.blob);
  for (const { part, blob } of others) {
    const one = await meterIn(part.name, blob);
    try {
      meter.merge(one);
    } catch (error) {
      throw new FileError(part.name, (error as Error).message, { cause: error });
    }
  }
  const metrics = meter.compute({ confidence: CONFIDENCE }) as Metrics;
  const state: MeterState = meter.toJSON();
  const hard = metrics.hardest ?? [];
  const names = inputOf(job, 'names');
  const lines: string[] = [];
  if (names) for await (const line of linesOf(names.source)) lines.push(line);
  const { classes } = state.config;
  if (names && lines.length !== classes)
    throw new FileError(names.part.name, `expected ${classes} lines, got ${lines.length}`);
  return {
    state,
    metrics,
    names: names ? lines : null,
    texts: await textsFor(job, hard, signal),
    losses: null,
    hardest: hard,
    pairs: [],
    baseline: null,
    probable: false,
    seconds: (performance.now() - start) / 1000,
    bytes: 0,
    backend: backend(),
  };
}
