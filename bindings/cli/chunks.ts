import type { Logits, Targets } from '../input/tensors.ts';
import { InputError } from './input-error.ts';
import type { NpyFile } from './npy.ts';

/** The shape of an evaluation: logits `[B, C, D1, …]` over targets `[B, D1, …]`, D1 × D2 × … taken as `positions`. */
export interface Shape {
  readonly batch: number;
  readonly classes: number;
  readonly positions: number;
}

/** @throws InputError when the two files do not go together */
export function readShape(logits: NpyFile, targets: NpyFile): Shape {
  if (logits.shape.length < 2) {
    throw new InputError(`${logits.path}: expected shape [B, C] or [B, C, D1, …], got [${logits.shape}]`);
  }
  const [batch, classes, ...rest] = logits.shape as [number, number, ...number[]];
  if (classes < 1) throw new InputError(`${logits.path}: expected at least one class, got shape [${logits.shape}]`);
  if (targets.shape.join() !== [batch, ...rest].join()) {
    const expected = `[${[batch, ...rest]}] to go with logits [${logits.shape}]`;
    throw new InputError(`${targets.path}: expected shape ${expected}, got [${targets.shape}]`);
  }
  return { batch, classes, positions: rest.reduce((product, d) => product * d, 1) };
}

/** Some samples, in the order of the targets file. */
export interface Chunk {
  /** Position of the first sample among all. */
  readonly first: number;
  readonly samples: number;
  readonly logits: Logits;
  readonly targets: Targets;
}

/** `batch` whole images (or rows), or `positions` of one that alone is longer than a chunk. */
interface Piece {
  readonly b: number;
  readonly batch: number;
  readonly p: number;
  readonly positions: number;
}

function* pieces({ batch, classes, positions }: Shape, limit: number): Generator<Piece> {
  const perChunk = Math.floor(limit / (classes * positions));
  if (perChunk >= 1) {
    for (let b = 0; b < batch; b += perChunk) yield { b, batch: Math.min(perChunk, batch - b), p: 0, positions };
    return;
  }
  const step = Math.max(1, Math.floor(limit / classes));
  for (let b = 0; b < batch; b++) {
    for (let p = 0; p < positions; p += step) yield { b, batch: 1, p, positions: Math.min(step, positions - p) };
  }
}

/**
 * The files piece by piece through two pairs of buffers: one is read into while the other is worked on. A chunk is valid
 * until the next one is asked for.
 *
 * @param bytes most bytes of logits in a buffer; a sample that is longer still comes whole
 */
export async function* chunks(logits: NpyFile, targets: NpyFile, shape: Shape, bytes: number): AsyncGenerator<Chunk> {
  const { batch, classes, positions } = shape;
  if (batch * positions === 0) return;
  const limit = Math.min(Math.max(classes, Math.floor(bytes / logits.itemsize)), batch * classes * positions);
  const buffers = [0, 1].map(() => ({
    logits: new ArrayBuffer(limit * logits.itemsize),
    targets: new ArrayBuffer(Math.ceil(limit / classes) * targets.itemsize),
  }));

  async function load(piece: Piece, into: (typeof buffers)[number]): Promise<Chunk> {
    const { b, p } = piece;
    const samples = piece.batch * piece.positions;
    const first = b * positions + p;
    if (piece.positions === positions) {
      await logits.read(into.logits, 0, b * classes * positions, samples * classes);
    } else {
      for (let c = 0; c < classes; c++) {
        const at = c * samples * logits.itemsize;
        await logits.read(into.logits, at, (b * classes + c) * positions + p, samples);
      }
    }
    await targets.read(into.targets, 0, first, samples);
    // float16 comes as its bits, which only the type tells from integers
    const type = logits.dtype === 'f2' ? 'float16' : 'float';
    const dims = [piece.batch, classes, piece.positions];
    const data = logits.view(into.logits, samples * classes) as Float32Array;
    const labels = targets.view(into.targets, samples) as Int32Array;
    return {
      first,
      samples,
      logits: { data, dims, type },
      targets: { data: labels, dims: [piece.batch, piece.positions] },
    };
  }

  let turn = 0;
  let ahead: Promise<Chunk> | null = null;
  for (const piece of pieces(shape, limit)) {
    const next = load(piece, buffers[turn++ % 2]!);
    // `next` stays unobserved while the consumer works on the chunk before; its rejection is seen when awaited below
    next.catch(() => {});
    if (ahead) yield await ahead;
    ahead = next;
  }
  if (ahead) yield await ahead;
}

const LABELS = 1 << 20;

/**
 * How often each class is the target, shape [C]: one pass over the targets alone, so that a bad label is told before hours
 * of work and by its index in the file.
 *
 * @throws InputError for a label that is neither a class nor `ignoreIndex`
 */
export async function countTargets(targets: NpyFile, classes: number, ignoreIndex: number): Promise<Float64Array> {
  const total = targets.size;
  const buffer = new ArrayBuffer(Math.min(LABELS, total) * targets.itemsize);
  const perClass = new Float64Array(classes);
  for (let first = 0; first < total; first += LABELS) {
    const count = Math.min(LABELS, total - first);
    await targets.read(buffer, 0, first, count);
    const labels = targets.view(buffer, count);
    for (let i = 0; i < count; i++) {
      const y = Number(labels[i]);
      if (y === ignoreIndex) continue;
      if (y >= 0 && y < classes) {
        perClass[y]!++;
      } else {
        const expected = `an integer in [0, ${classes}) or ignore index ${ignoreIndex}`;
        throw new InputError(`${targets.path}: targets[${first + i}] expected ${expected}, got ${labels[i]}`);
      }
    }
  }
  return perClass;
}
