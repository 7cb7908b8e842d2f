import type { PairBackend } from '../backend/backend.ts';
import { HALVES } from '../backend/constants.ts';
import { fromHalf } from '../input/half.ts';
import type { Input } from '../input/tensors.ts';

type Values = Input['targets'] | Input['logits'];

/** The numbers of samples [first, first + n), class by class side by side; of rows where they are. */
function rowsIn<V extends Values>(values: V, first: number, n: number, { classes, positions }: Input): V {
  if (positions === 1) return values.subarray(first * classes, (first + n) * classes) as V;
  const rows = new (values.constructor as new (length: number) => V)(n * classes);
  for (let i = first; i < first + n; ) {
    const [image, position] = [Math.floor(i / positions), i % positions];
    // as far as the image goes
    const run = Math.min(positions - position, first + n - i);
    for (let c = 0; c < classes; c++) {
      let from = (image * classes + c) * positions + position;
      let cell = (i - first) * classes + c;
      for (let k = 0; k < run; k++, from++, cell += classes) rows[cell] = values[from] as never;
    }
    i += run;
  }
  return rows;
}

/** Samples [first, first + n) as an input of rows. */
export function rowsOf(input: Input, first: number, n: number): Input {
  const { logits, targets, dense } = input;
  const own = dense ? rowsIn(targets, first, n, input) : (targets.subarray(first, first + n) as Input['targets']);
  return { ...input, logits: rowsIn(logits, first, n, input), targets: own, batch: n, positions: 1 };
}

/** The numbers given as logits of sample i of rows, rounded to float32: they have the logits' order. */
export function rowOf({ logits, half, classes }: Input, i: number): Float64Array {
  return Float64Array.from(logits.subarray(i * classes, (i + 1) * classes), half ? fromHalf : Math.fround);
}

/** Copy samples [first, first + n) of rows to `to` in a backend's memory, as logits in float32. */
export function copyRows({ kernels, f32 }: PairBackend, input: Input, first: number, n: number, to: number): void {
  const { logits, half, classes, scale } = input;
  const part = logits.subarray(first * classes, (first + n) * classes);
  if (half) {
    new Uint16Array(kernels.memory.buffer, to + 2 * part.length, part.length).set(part);
    kernels.convert(to, part.length, HALVES);
  } else f32.set(part, to >> 2);
  if (scale) kernels.convert(to, part.length, scale);
}
