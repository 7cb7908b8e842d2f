/** The page's other thread: looks into files, evaluates them piece by piece, and reads rows again. */

import { FileError, inspect } from '../files/api.ts';
import type { Source } from '../files/source.ts';
import type { Chosen } from '../report/crossing.tsx';
import type { Sample } from '../report/sections.tsx';
import { evaluate, statesOf } from './evaluate.ts';
import { eachOf, inputOf, lossOf, open, textsFor, type Work } from './job.ts';
import { countLines } from './lines.ts';
import type { Answer, Part, Request } from './protocol.ts';
import { Reader } from './reader.ts';
import { samplesOf, type Wanted } from './rows.ts';
import { merged, stateIn } from './states.ts';

const OF_A_CELL = 20;

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
        const states = statesOf(job);
        const alone = !inputOf(job, 'logits') && states.length > 0;
        return { type: 'result', result: await (alone ? merged(job, states, signal) : evaluate(job, signal, answer)) };
      });
    } else {
      const { target, prediction } = data;
      const given = job;
      if (!given) return;
      run(async (signal) => {
        const samples = await cellOf(given, { target, prediction }, signal);
        const texts = await textsFor(
          given,
          samples.map(({ index }) => index),
          signal,
        );
        return { type: 'samples', target, prediction, samples, texts };
      });
    }
  };
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
        await stateIn(blob);
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

/** The samples of a cell of the confusion matrix that have the largest losses. */
async function cellOf(job: Work, cell: Chosen, signal: AbortSignal): Promise<Sample[]> {
  const dataset = await open(job, signal);
  try {
    const each = eachOf(await lossOf(job, dataset, signal));
    const one = (row: Float32Array) => ({ data: row, dims: [1, row.length] });
    const lossAt = (row: Float32Array, targets: Wanted) =>
      each.forward(one(row), typeof targets === 'number' ? [targets] : { data: targets, dims: [1, row.length] })[0]!;
    return await samplesOf(dataset, cell, OF_A_CELL, lossAt, signal);
  } finally {
    await dataset.close();
  }
}
