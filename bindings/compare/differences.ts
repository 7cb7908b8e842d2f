import { ExactSum } from '../backend/scalar/exact-sum.ts';
import { INFINITE, NAN } from '../meter/words.ts';

const sum = new ExactSum();

/** Add the values from `from` to `end`, all ≥ 0 or NaN, to the exact sum at `at` of the words, without carrying. */
export function addSum(words: Float64Array, at: number, values: Float32Array, from: number, end: number): void {
  sum.clear();
  sum.add(values, new Int32Array(values.buffer, values.byteOffset, values.length), from, end);
  let { units } = sum;
  for (let j = at; units > 0n; j++, units >>= 32n) words[j] = (words[j] as number) + Number(units & 0xffffffffn);
  if (sum.special === 0) return;
  for (let i = from; i < end; i++) {
    const value = values[i] as number;
    if (value === Infinity) words[at + INFINITE] = (words[at + INFINITE] as number) + 1;
    else if (Number.isNaN(value)) words[at + NAN] = (words[at + NAN] as number) + 1;
  }
}
