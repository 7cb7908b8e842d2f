/** The page's other thread: looks into files, evaluates them piece by piece, and reads rows again. */

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
import { createMeter, type LossSpec, type MeterSpec } from '../files/shard.ts';
import type { Source } from '../files/source.ts';
import { fromHalf } from '../input/half.ts';
import { fromFrequencies } from '../losses/frequencies.ts';
import type { MeterState } from '../meter/codec.ts';
import type { AnyLoss, Meter } from '../meter/meter.ts';
import { CONFIDENCE, type Metrics } from '../report/format.ts';
import type { Sample } from '../report/sections.tsx';
import { countLines, linesOf, textsOf } from './lines.ts';
import { LossCounts } from './losses.ts';
import type { Answer, Job, Part, Request, Result, Role } from './protocol.ts';
import { Reader } from './reader.ts';

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
        const samples = await samplesOf(given, target, prediction, signal);
        const file = inputOf(given, 'texts');
        const indices = samples.map(({ index }) => index);
        const texts = file ? await textsOf(file.source, indices, signal) : null;
        return { type: 'samples', target, prediction, samples, texts };
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
  const { classAxis, ignoreIndex, text } = job.choices;
  const names = inputOf(job, 'names');
  const lines: string[] = [];
  if (names) for await (const line of linesOf(names.source, signal)) lines.push(line);
  const table = inputOf(job, role)?.part.kind === 'table';
  const columns = table && text !== '' ? [text] : [];
  const given = { classAxis, ignoreIndex, columns, signal, ...(names && { names: lines }) };
  return openDataset(filesOf(job, role), given);
}

/** The options of the loss that the controls say. */
async function lossOf({ choices }: Work, dataset: Dataset, signal: AbortSignal): Promise<LossSpec> {
  const { loss: name, gamma, alpha, smoothing, ignoreIndex } = choices;
  const common = { gamma, ignoreIndex, ...(await alphaOf(alpha, name, dataset, ignoreIndex, signal)) };
  // the loss checks what it is given
  return (name === 'softmax' ? { name, ...common } : { name, ...common, smoothing }) as LossSpec;
}

async function alphaOf(
  said: string,
  loss: LossSpec['name'],
  dataset: Dataset,
  ignoreIndex: number,
  signal: AbortSignal,
): Promise<{ alpha?: number | number[] }> {
  const text = said.trim();
  if (text === '') return {};
  if (text === 'auto') return { alpha: fromFrequencies(await countTargets(dataset, { ignoreIndex, signal }), loss) };
  const numbers = text
    .split(/[\s,;]+/)
    .filter((word) => word !== '')
    .map(Number);
  if (numbers.some(Number.isNaN)) throw new RangeError(`alpha expected auto or numbers, got ${text}`);
  return { alpha: loss === 'sigmoid' && numbers.length === 1 ? numbers[0]! : numbers };
}

type Each = SoftmaxFocalLoss<'none'> | SigmoidFocalLoss<'none'>;

/** The loss of each sample, or of each logit. */
function eachOf({ name, ...options }: LossSpec): Each {
  const Loss = (name === 'softmax' ? SoftmaxFocalLoss : SigmoidFocalLoss) as new (options: object) => Each;
  return new Loss({ ...options, reduction: 'none' });
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
  if (!inputOf(job, 'logits') && states.length > 0) return merged(job, states);
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
    const total = dataset.samples;
    const perSample = inputOf(job, 'logits')!.part;
    const files = job.files[perSample.file]!.size;
    let told = 0;
    let done = 0;
    const column = job.choices.text;
    const texts = new Texts();
    for await (const chunk of dataset.chunks(0, undefined, { signal })) {
      signal.throwIfAborted();
      update(meter, chunk, dataset);
      const found = each.forward(chunk.logits, chunk.targets);
      losses.add(found);
      if (chunk.columns[column]) texts.add(chunk.first, chunk.columns[column], found);
      done += chunk.samples;
      const now = performance.now();
      if (now - told > TICK) {
        told = now;
        const bytes = total ? (files * done) / total : 0;
        answer({ type: 'progress', done, total, bytes });
        // a message that asks to stop can only come between two tasks
        await breathe();
      }
    }
    const baseline = inputOf(job, 'baseline') ? await other(job, spec, signal) : null;
    for (const { part, blob } of statesIn(job, states)) meter.merge(await meterIn(part.name, blob));
    const metrics = meter.compute({ confidence: CONFIDENCE }) as Metrics;
    const hard = metrics.hardest ?? [];
    const textFile = inputOf(job, 'texts');
    const found = textFile
      ? await textsOf(
          textFile.source,
          hard.map(({ index }) => index),
          signal,
        )
      : texts.of(hard.map(({ index }) => index));
    return {
      state: meter.toJSON(),
      metrics,
      names: dataset.names,
      texts: found,
      losses: losses.counts,
      hardest: total === null ? hard : await withRows(dataset, hard),
      baseline,
      seconds: (performance.now() - start) / 1000,
      bytes: files,
      backend: backend(),
    };
  } finally {
    await dataset.close();
  }
}

const breathe = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

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

/** The texts of the samples with the largest losses: columns of a table pass by once. */
class Texts {
  #kept: { index: number; loss: number; text: string }[] = [];

  add(first: number, column: readonly unknown[], losses: Float32Array): void {
    const perSample = losses.length / column.length;
    for (const [i, text] of column.entries()) {
      let loss = 0;
      for (let c = 0; c < perSample; c++) loss += losses[i * perSample + c]!;
      this.#kept.push({ index: first + i, loss: Number.isFinite(loss) ? loss : Infinity, text: String(text ?? '') });
    }
    if (this.#kept.length > 4096) this.#cut();
  }

  #cut(): void {
    this.#kept = this.#kept.sort((a, b) => b.loss - a.loss || a.index - b.index).slice(0, 8 * HARDEST);
  }

  of(indices: readonly number[]): Map<number, string> | null {
    const texts = new Map(this.#kept.map(({ index, text }) => [index, text]));
    const found = indices.flatMap((index) => (texts.has(index) ? [[index, texts.get(index)!] as const] : []));
    return found.length > 0 ? new Map(found) : null;
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
async function merged(job: Work, states: readonly Part[]): Promise<Result> {
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
  const texts = inputOf(job, 'texts');
  return {
    state,
    metrics,
    names: names ? lines : null,
    texts: texts
      ? await textsOf(
          texts.source,
          hard.map(({ index }) => index),
        )
      : null,
    losses: null,
    hardest: hard,
    baseline: null,
    seconds: (performance.now() - start) / 1000,
    bytes: 0,
    backend: backend(),
  };
}

/** A sample's logits, from a chunk [B, C] or [B, C, D1, …]. */
function rowOf({ logits }: Chunk, sample: number, into: Float32Array | number[]): void {
  const [, classes, positions] = dimsOf(logits);
  const { data } = logits;
  const half = logits.type === 'float16';
  const from = Math.floor(sample / positions) * classes * positions + (sample % positions);
  for (let c = 0; c < classes; c++) {
    const z = data[from + c * positions]!;
    into[c] = half ? fromHalf(z) : z;
  }
}

function dimsOf({ dims }: Chunk['logits']): [batch: number, classes: number, positions: number] {
  const [batch, classes, ...rest] = Array.from(dims!);
  return [batch!, classes!, rest.reduce((product, d) => product * d, 1)];
}

/** The rows of these samples, read again. */
async function withRows(dataset: Dataset, samples: readonly Sample[]): Promise<Sample[]> {
  const most = 1000;
  if (dataset.classes > most) return [...samples];
  const found: Sample[] = [];
  for (const sample of samples) {
    let logits: number[] | undefined;
    for await (const chunk of dataset.chunks(sample.index, sample.index + 1)) {
      logits = [];
      rowOf(chunk, sample.index - chunk.first, logits);
    }
    found.push(logits ? { ...sample, logits } : sample);
  }
  return found;
}

/** The samples of one class taken for another that have the largest losses: one more pass over the files. */
async function samplesOf(job: Work, target: number, prediction: number, signal: AbortSignal): Promise<Sample[]> {
  const dataset = await open(job, 'logits', signal);
  try {
    const { classes } = dataset;
    const each = eachOf(await lossOf(job, dataset, signal));
    let kept: { index: number; loss: number; logits: number[] }[] = [];
    const row = new Float32Array(classes);
    for await (const chunk of dataset.chunks(0, undefined, { signal })) {
      const labels = chunk.targets.data as ArrayLike<number | bigint>;
      for (let i = 0; i < chunk.samples; i++) {
        if (Number(labels[i]) !== target) continue;
        rowOf(chunk, i, row);
        let best = 0;
        for (let c = 1; c < classes; c++) if (row[c]! > row[best]!) best = c;
        if (best !== prediction) continue;
        const [loss] = each.forward(row, [target]);
        kept.push({ index: chunk.first + i, loss: loss!, logits: Array.from(row) });
      }
      if (kept.length > OF_A_CELL) kept = kept.sort((a, b) => b.loss - a.loss || a.index - b.index).slice(0, OF_A_CELL);
      await breathe();
    }
    kept.sort((a, b) => b.loss - a.loss || a.index - b.index);
    return kept.map((sample) => ({ ...sample, target, prediction }));
  } finally {
    await dataset.close();
  }
}
