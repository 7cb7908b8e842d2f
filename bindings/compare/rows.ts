import { HALVES } from '../backend/constants.ts';
import type { PairBackend } from '../backend/pairs.ts';
import { fromHalf } from '../input/half.ts';
import type { Input } from '../input/tensors.ts';

/** Copy the numbers given as logits of sample i, in the order of the classes, rounded to float32: they have the logits' order. */
export function copySample({ logits, half, classes, positions }: Input, i: number, row: Float64Array): void {
  const start = Math.floor(i / positions) * classes * positions + (i % positions);
  for (let c = 0; c < classes; c++) {
    const z = logits[start + c * positions] as number;
    row[c] = half ? fromHalf(z) : Math.fround(z);
  }
}

/** Copy samples [first, first + n) to `to` in a backend's memory, as rows of logits in float32. */
export function copyRows(backend: PairBackend, input: Input, first: number, n: number, to: number): void {
  copyNumbers(backend, input, first, n, to);
  if (input.scale) backend.kernels.convert(to, n * input.classes, input.scale);
}

function copyNumbers({ kernels, f32 }: PairBackend, input: Input, first: number, n: number, to: number): void {
  const { logits, half, classes, positions } = input;
  const at = to >> 2;
  if (positions === 1) {
    const part = logits.subarray(first * classes, (first + n) * classes);
    if (half) {
      new Uint16Array(kernels.memory.buffer, to + 2 * part.length, part.length).set(part);
      kernels.convert(to, part.length, HALVES);
    } else f32.set(part, at);
    return;
  }
  for (let i = first; i < first + n; ) {
    const [image, position] = [Math.floor(i / positions), i % positions];
    // as far as the image goes
    const run = Math.min(positions - position, first + n - i);
    for (let c = 0; c < classes; c++) {
      let from = (image * classes + c) * positions + position;
      let cell = at + (i - first) * classes + c;
      for (let k = 0; k < run; k++, from++, cell += classes) {
        const z = logits[from] as number;
        f32[cell] = half ? fromHalf(z) : z;
      }
    }
    i += run;
  }
}
