import type { Kernels } from '../backend/kernels.ts';
import { kind, outOfRange, wrongType } from './errors.ts';
import type { Input } from './tensors.ts';

/** No class and, as an ignore index, refused by the options: what a 64-bit target outside int32 becomes. */
const OUTSIDE = -(2 ** 31);

/**
 * Copy targets [from, from + n) to the backend and check them. Returns how many are not ignored; throws for the first
 * that is neither a class nor ignored, so nothing must have been given out before every target has been through here.
 */
export function loadLabels(kernels: Kernels, input: Input, from: number, n: number, ignoreIndex: number): number {
  const { targets, classes } = input;
  const { buffer } = kernels.memory;
  const type = kind(targets);
  const bad = (i: number): RangeError =>
    outOfRange(`targets[${i}]`, `an integer in [0, ${classes}) or ignoreIndex ${ignoreIndex}`, `${targets[i]}`);
  const labels = new Int32Array(buffer, kernels.LABELS, n);
  if (/^(Uint32|BigUint64)?Array/.test(type)) {
    // a plain array may hold anything, and unsigned labels past the range of int32 must not wrap round into it
    for (let i = 0; i < n; i++) {
      const value: unknown = targets[from + i];
      const y = type === 'BigUint64Array' ? Number(value) : value;
      if (typeof y !== 'number') throw wrongType(`targets[${from + i}]`, 'a number', y);
      if ((y | 0) !== y) throw bad(from + i);
      labels[i] = y;
    }
  } else if (type === 'BigInt64Array') {
    const { buffer: own, byteOffset } = targets as BigInt64Array;
    const halves = new Int32Array(own, byteOffset + 8 * from, 2 * n);
    for (let i = 0; i < n; i++) {
      const low = halves[2 * i] as number;
      labels[i] = halves[2 * i + 1] === low >> 31 ? low : OUTSIDE;
    }
  } else {
    labels.set((targets as Int32Array).subarray(from, from + n));
  }
  const valid = kernels.label(n, classes, ignoreIndex);
  if (valid < 0) throw bad(from - 1 - valid);
  return valid;
}
