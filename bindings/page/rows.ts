/** Samples read once more from the files: their logits, and which were taken for what. */
import type { Chunk, Dataset } from '../files/api.ts';
import { fromHalf } from '../input/half.ts';
import { firstLogit } from '../input/tensors.ts';
import type { Sample } from '../report/sections.tsx';

/** The largest logit's class, as the kernels have it: of equals the lowest index, and NaN is the largest of all. */
export function predictionOf(row: ArrayLike<number>): number {
  let best = 0;
  for (let c = 0; c < row.length; c++) {
    if (Number.isNaN(row[c])) return c;
    if (row[c]! > row[best]!) best = c;
  }
  return best;
}

/** The logits of samples of a chunk [B, C] or [B, C, D1, …], one after another into the same row. */
export function rowsOf({ logits }: Chunk): { row: Float32Array; read: (sample: number) => void } {
  const [, classes, ...rest] = Array.from(logits.dims!) as [number, number, ...number[]];
  const positions = rest.reduce((product, d) => product * d, 1);
  const { data } = logits;
  const half = logits.type === 'float16';
  const row = new Float32Array(classes);
  const read = (sample: number) => {
    const from = firstLogit({ classes, positions }, sample);
    for (let c = 0; c < classes; c++) {
      const z = data[from + c * positions]!;
      row[c] = half ? fromHalf(z) : z;
    }
  };
  return { row, read };
}

/** Targets of one sample: its label, or a number for each class. */
export type Wanted = number | Float64Array;

function wantedOf({ targets, samples }: Chunk, sample: number): Wanted {
  const data = targets.data as ArrayLike<number | bigint>;
  const [, classes = 1, positions = 1] = Array.from(targets.dims!);
  if (data.length === samples) return Number(data[sample]);
  const from = firstLogit({ classes, positions }, sample);
  return Float64Array.from({ length: classes }, (_, c) => Number(data[from + c * positions]));
}

/** What a softmax meter takes for the target of a sample: of several the largest, of equals the lowest index. */
export function targetsOf(chunk: Chunk): (sample: number) => number {
  return (sample) => {
    const wanted = wantedOf(chunk, sample);
    return typeof wanted === 'number' ? wanted : wanted.indexOf(wanted.reduce((most, t) => Math.max(most, t)));
  };
}

/** Of targets in the shape of the logits, those of a sample that are not 0 nor ignored; undefined of labels. */
function membersOf(chunk: Chunk, sample: number, ignoreIndex: number): Sample['members'] {
  const wanted = wantedOf(chunk, sample);
  // of one class the label tells
  if (typeof wanted === 'number') return undefined;
  return Array.from(wanted, (t, c) => [c, t] as const).filter(([, t]) => t !== 0 && t !== ignoreIndex);
}

/** The samples with their logits, and their targets where these have the shape of the logits. */
export async function withRows(
  dataset: Dataset,
  samples: readonly Sample[],
  ignoreIndex: number,
  signal: AbortSignal,
): Promise<Sample[]> {
  const found: Sample[] = [];
  for (const sample of samples) {
    let more: Pick<Sample, 'logits' | 'members'> = {};
    for await (const chunk of dataset.chunks(sample.index, sample.index + 1, { signal })) {
      const { row, read } = rowsOf(chunk);
      read(sample.index - chunk.first);
      const members = membersOf(chunk, sample.index - chunk.first, ignoreIndex);
      more = { logits: Array.from(row), ...(members && { members }) };
    }
    found.push({ ...sample, ...more });
  }
  return found;
}

const byLoss = (a: Sample, b: Sample): number => {
  const [ours, theirs] = [a, b].map(({ loss }) => (Number.isNaN(loss) ? Infinity : loss!)) as [number, number];
  return theirs === ours ? a.index - b.index : theirs - ours;
};

/**
 * The samples of one class taken for another that have the largest losses: one more pass over the files.
 *
 * @param lossOf the loss of one sample by its logits and its targets
 */
export async function samplesOf(
  dataset: Dataset,
  { target, prediction }: { readonly target: number; readonly prediction: number },
  most: number,
  lossOf: (row: Float32Array, targets: Wanted) => number,
  signal: AbortSignal,
): Promise<Sample[]> {
  let kept: Sample[] = [];
  for await (const chunk of dataset.chunks(0, undefined, { signal })) {
    signal.throwIfAborted();
    const { row, read } = rowsOf(chunk);
    const targetOf = targetsOf(chunk);
    for (let i = 0; i < chunk.samples; i++) {
      if (targetOf(i) !== target) continue;
      read(i);
      if (predictionOf(row) !== prediction) continue;
      const loss = lossOf(row, wantedOf(chunk, i));
      kept.push({ index: chunk.first + i, target, prediction, loss, logits: Array.from(row) });
      if (kept.length > 4 * most) kept = kept.sort(byLoss).slice(0, most);
    }
    await breathe();
  }
  return kept.sort(byLoss).slice(0, most);
}

/** A message that asks to stop can only come between two tasks. */
export const breathe = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
