import { CHUNK, type Chunk, type ChunkOptions, type Dataset, type LabelData, type Labels } from './dataset.ts';
import { isFloat } from './dtypes.ts';
import { FileError } from './errors.ts';
import { relaid } from './relaid.ts';
import { product, type StoredArray } from './stored-array.ts';
import { labelReader } from './table-dataset.ts';

/** An array as `[batch, classes, positions]` in C order; one target a sample is `[batch, 1, positions]`. */
interface Layout {
  readonly batch: number;
  readonly classes: number;
  readonly positions: number;
}

/** `batch` whole images (or rows) from image `b` on, or `positions` of that one from `p` on. */
interface Piece extends Layout {
  readonly b: number;
  readonly p: number;
}

/** Which pieces a range of samples comes in, of at most `limit` logits each unless one sample is longer. */
function* pieces({ classes, positions }: Layout, from: number, to: number, limit: number): Generator<Piece> {
  const images = Math.floor(limit / (classes * positions));
  const step = Math.max(1, Math.floor(limit / classes));
  for (let i = from; i < to; ) {
    const b = Math.floor(i / positions);
    const p = i - b * positions;
    const whole = p === 0 ? Math.min(images, Math.floor((to - i) / positions)) : 0;
    const piece =
      whole > 0
        ? { b, batch: whole, classes, p, positions }
        : { b, batch: 1, classes, p, positions: Math.min(step, positions - p, to - i) };
    yield piece;
    i += piece.batch * piece.positions;
  }
}

/** So many samples in another layout: rows and planes that lie the other way round than the piece's, or the piece. */
function sameSamples(first: number, samples: number, layout: Layout, piece: Piece): Piece {
  const { classes, positions } = layout;
  if (positions === 1) return { b: first, p: 0, batch: samples, positions, classes };
  if (layout.batch === 1) return { b: 0, p: first, batch: 1, positions: samples, classes };
  return { ...piece, classes };
}

/** How many reads of a piece are under way at a time: enough to hide the way to a server. */
const READS = 16;

/** The bytes of a piece of an array, in the array's order. */
async function bytesOf(
  array: StoredArray,
  whole: Layout,
  piece: Piece,
  into: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const { b, p, batch, positions } = piece;
  const { classes } = whole;
  const first = b * classes * whole.positions + p;
  if (positions === whole.positions || classes === 1) {
    const count = batch * classes * positions;
    return array.bytes(first, count, signal, into.subarray(0, count * array.itemsize));
  }
  const run = positions * array.itemsize;
  const read = async (c: number) => {
    const own = into.subarray(c * run, (c + 1) * run);
    const found = await array.bytes(first + c * whole.positions, positions, signal, own);
    if (found.buffer !== own.buffer || found.byteOffset !== own.byteOffset) own.set(found);
  };
  for (let c = 0; c < classes; c += READS) {
    await Promise.all(Array.from({ length: Math.min(READS, classes - c) }, (_, k) => read(c + k)));
  }
  return into.subarray(0, classes * run);
}

const LABELS = 1 << 20;

/** Logits and targets in arrays, of .npy and other files. */
export class ArrayDataset implements Dataset {
  readonly samples: number;
  readonly splittable: boolean;
  readonly classes: number;
  readonly itemsize: number;
  readonly names: readonly string[] | null;
  readonly files: readonly string[];
  readonly #logits: StoredArray;
  readonly #targets: StoredArray;
  readonly #layout: Layout;
  readonly #targetLayout: Layout;
  readonly #ignoreIndex: number;
  readonly #label: (value: unknown, sample: number) => number;

  private constructor(
    [logits, layout]: readonly [StoredArray, Layout],
    [targets, targetLayout]: readonly [StoredArray, Layout],
    { ignoreIndex, names }: ArrayDatasetOptions,
  ) {
    this.#logits = logits;
    this.#layout = layout;
    this.#targets = targets;
    this.#targetLayout = targetLayout;
    this.#ignoreIndex = ignoreIndex;
    this.samples = layout.batch * layout.positions;
    this.splittable = !logits.sequential && !targets.sequential;
    this.classes = layout.classes;
    this.itemsize = logits.itemsize;
    this.names = names;
    this.files = [logits.name, targets.name];
    this.#label = labelReader(targets.name, '', layout.classes, names);
  }

  /** @throws FileError when the two arrays do not go together */
  static async open(logits: StoredArray, targets: StoredArray, options: ArrayDatasetOptions): Promise<ArrayDataset> {
    const last = options.classAxis === -1;
    const { shape } = logits;
    checkTypes(logits, targets);
    if (shape.length === 0) throw new FileError(logits.name, 'expected shape [B, C] or [B, C, D1, …], got []');
    // one logit a sample may come without an axis of classes
    const dims = shape.length === 1 ? [shape[0]!, 1] : shape;
    const classes = last ? dims.at(-1)! : dims[1]!;
    if (classes < 1) throw new FileError(logits.name, `expected at least one class, got shape [${shape}]`);
    const sampleDims = last ? dims.slice(0, -1) : [dims[0]!, ...dims.slice(2)];
    const layout = last
      ? { batch: product(sampleDims), classes, positions: 1 }
      : { batch: dims[0]!, classes, positions: product(dims.slice(2)) };

    const dense = targets.shape.join() === dims.join() && classes > 1 && !targets.strings;
    const single = [sampleDims, last ? [...sampleDims, 1] : [dims[0]!, 1, ...dims.slice(2)], [...sampleDims, 1]];
    if (!dense && !single.some((one) => one.join() === targets.shape.join())) {
      throw new FileError(targets.name, unfitting(shape, sampleDims, targets.shape, last));
    }
    if (targets.strings && !options.names) {
      const line = 'numpy.save(file, numpy.unique(array, return_inverse=True)[1])';
      throw new FileError(
        targets.name,
        `strings as labels need the names of the classes (--names), in the order of the logits; or save numbers: ${line}`,
      );
    }
    const targetLayout = dense ? layout : { ...layout, classes: 1 };
    return new ArrayDataset(await placed(logits, layout), await placed(targets, targetLayout), options);
  }

  async *chunks(from = 0, to = this.samples, { bytes = CHUNK, signal }: ChunkOptions = {}): AsyncGenerator<Chunk> {
    const logits = this.#logits;
    const layout = this.#layout;
    const { classes, positions } = layout;
    if (to <= from) return;
    // of a stream no image can be read in parts, as its classes lie one after another
    const least = logits.sequential || this.#targets.sequential ? classes * positions : classes;
    const limit = Math.min(Math.max(least, Math.floor(bytes / logits.itemsize)), (to - from) * classes);
    const perSample = this.#targetLayout.classes * this.#targets.itemsize;
    const buffers = [0, 1].map(() => ({
      logits: new Uint8Array(limit * logits.itemsize),
      targets: new Uint8Array(Math.ceil(limit / classes) * perSample),
    }));

    let turn = 0;
    const load = async (piece: Piece): Promise<Chunk> => {
      signal?.throwIfAborted();
      const into = buffers[turn++ % 2]!;
      const [found, labels] = await Promise.all([
        bytesOf(logits, layout, piece, into.logits, signal),
        this.#labels(piece, into.targets, signal),
      ]);
      // float16 comes as its bits, which only the type tells from integers
      const type = logits.dtype === 'float16' ? 'float16' : 'float';
      const dims = [piece.batch, classes, piece.positions];
      return { ...labels, logits: { data: logits.decode(found) as Float32Array, dims, type }, columns: {} };
    };

    // `ahead` stays unobserved while the consumer works on the chunk before; its rejection is seen when awaited
    let ahead: Promise<Chunk> | null = null;
    try {
      for (const piece of pieces(layout, from, to, limit)) {
        const next = load(piece);
        next.catch(() => {});
        const ready = ahead;
        ahead = next;
        if (ready) yield await ready;
      }
      const last = ahead;
      ahead = null;
      if (last) yield await last;
    } finally {
      // nothing is read any more when the caller goes on to close the files
      await ahead?.catch(() => {});
    }
  }

  async *labels(from = 0, to = this.samples, { signal }: ChunkOptions = {}): AsyncGenerator<Labels> {
    const { classes } = this.#targetLayout;
    const limit = Math.min(Math.max(classes, LABELS), (to - from) * classes);
    if (to <= from) return;
    const into = new Uint8Array(limit * this.#targets.itemsize);
    for (const piece of pieces(this.#targetLayout, from, to, limit)) {
      signal?.throwIfAborted();
      yield await this.#labels(piece, into, signal, this.#targetLayout);
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#logits.close(), this.#targets.close()]);
  }

  /** @param piece of the logits, or of the targets themselves */
  async #labels(piece: Piece, into: Uint8Array, signal?: AbortSignal, of = this.#layout): Promise<Labels> {
    const array = this.#targets;
    const layout = this.#targetLayout;
    const { classes } = layout;
    const dense = classes > 1;
    const { batch, positions } = piece;
    const first = piece.b * of.positions + piece.p;
    const own = sameSamples(first, batch * positions, layout, piece);
    const bytes = await bytesOf(array, layout, own, into, signal);
    const found =
      array.strings?.(bytes) ?? relaid(array.decode(bytes), classes, own.positions, dense ? positions : own.positions);
    // with one class a float is how much of it there is, else it stands for an index
    const floats = isFloat(array.dtype) && !dense && this.classes > 1;
    const indices = floats || array.strings !== null;
    const { data, missing } = array.strings
      ? this.#named(found as string[], first)
      : floats
        ? this.#wholeNumbers(found as Float32Array, first)
        : { data: dense ? this.#noNaN(found) : found, missing: 0 };
    return {
      first,
      samples: batch * positions,
      targets: {
        data: data as LabelData,
        dims: dense ? [batch, classes, positions] : [batch, positions],
        type: array.dtype === 'float16' && !indices ? 'float16' : array.dtype,
      },
      missing,
    };
  }

  /** One number a logit: NaN stands for none, as where labels are missing. */
  #noNaN(found: ArrayLike<unknown>): ArrayLike<unknown> {
    if (!(found instanceof Float32Array || found instanceof Float64Array)) return found;
    return found.some(Number.isNaN) ? found.map((t) => (Number.isNaN(t) ? this.#ignoreIndex : t)) : found;
  }

  /** Class indices that were saved as names of the classes; an empty one stands for none. */
  #named(found: readonly string[], first: number): { data: Int32Array; missing: number } {
    let missing = 0;
    const data = Int32Array.from(found, (name, i) => {
      const y = this.#label(name, first + i);
      if (!Number.isNaN(y)) return y;
      missing++;
      return this.#ignoreIndex;
    });
    return { data, missing };
  }

  /** Class indices that were saved as floats, as pandas does where labels are missing: those are NaN. */
  #wholeNumbers(found: ArrayLike<number>, first: number): { data: Int32Array; missing: number } {
    const data = new Int32Array(found.length);
    let missing = 0;
    for (let i = 0; i < found.length; i++) {
      const value = found[i]!;
      data[i] = value;
      if (data[i] === value) continue;
      if (!Number.isNaN(value)) {
        const expected = 'an integer, as floats may hold class indices but nothing between them';
        throw new FileError(this.#targets.name, `targets[${first + i}] expected ${expected}, got ${value}`);
      }
      missing++;
      data[i] = this.#ignoreIndex;
    }
    return { data, missing };
  }
}

export interface ArrayDatasetOptions {
  readonly classAxis: 1 | -1;
  readonly ignoreIndex: number;
  readonly names: readonly string[] | null;
}

function checkTypes(logits: StoredArray, targets: StoredArray): void {
  if (!isFloat(logits.dtype)) {
    const line = "numpy.save(file, logits.astype('float32'))";
    throw new FileError(
      logits.name,
      `dtype expected float16, bfloat16, float32 or float64, got ${logits.dtype}: ${line}`,
    );
  }
  if (targets.dtype === 'float16') {
    const line = "numpy.save(file, targets.astype('float32'))";
    throw new FileError(targets.name, `dtype expected integers, bool, float32 or float64, got float16: ${line}`);
  }
}

/** An array with its layout; one in Fortran order is either rows that lie as planes, or is brought into C order. */
async function placed(array: StoredArray, layout: Layout): Promise<[StoredArray, Layout]> {
  if (!array.fortran) return [array, layout];
  // one of the two axes has the classes then
  const rows = layout.positions === 1 && layout.classes > 1 && array.shape.filter((d) => d !== 1).length === 2;
  if (rows && !array.sequential) return [array, { batch: 1, classes: layout.classes, positions: layout.batch }];
  return [await array.inCOrder(), layout];
}

function unfitting(
  logits: readonly number[],
  samples: readonly number[],
  targets: readonly number[],
  last: boolean,
): string {
  const expected = `expected shape [${samples}] to go with logits [${logits}]`;
  const got = `${expected}, got [${targets}]`;
  const other = last ? [logits[0], ...logits.slice(2)] : logits.slice(0, -1);
  if (logits.length > 2 && other.join() === targets.join()) {
    return `${got}, which fits class axis ${last ? 1 : '−1 (the classes last)'}: say so with ${last ? 'classAxis: 1' : 'classAxis: -1, --class-axis last'}`;
  }
  const single = targets.length === logits.length && targets.slice(0, -1).join() === samples.join();
  return single ? `${got}; one-hot rows of another number of classes? numpy.save(file, targets.argmax(-1))` : got;
}
