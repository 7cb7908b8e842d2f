import { outOfRange, wrongType } from './errors.ts';
import type { Kernels } from './kernels.ts';
import type { Input } from './tensors.ts';

/**
 * Copy targets [from, from + n) to the backend and check them. Returns how many are not ignored; throws for the first
 * that is neither a class nor ignored, so nothing must have been given out before every target has been through here.
 */
export function loadLabels(kernels: Kernels, input: Input, from: number, n: number, ignoreIndex: number): number {
  const { targets, classes } = input;
  const buffer = kernels.memory.buffer;
  const kind = Object.prototype.toString.call(targets);
  const wide = kind === '[object BigInt64Array]';
  if (wide) {
    new BigInt64Array(buffer, kernels.WIDE, n).set((targets as BigInt64Array).subarray(from, from + n));
  } else if (/ (Uint32|BigUint64)?Array\]/.test(kind)) {
    // a plain array may hold anything, and unsigned labels past the range of int32 must not wrap round into it
    const labels = new Int32Array(buffer, kernels.LABELS, n);
    for (let i = 0; i < n; i++) {
      const value: unknown = targets[from + i];
      const y = typeof value === 'bigint' && !Array.isArray(targets) ? Number(value) : value;
      if (typeof y !== 'number') throw wrongType(`targets[${from + i}]`, 'a number', y);
      if ((y | 0) !== y) throw badLabel(from + i, value, classes, ignoreIndex);
      labels[i] = y;
    }
  } else {
    new Int32Array(buffer, kernels.LABELS, n).set((targets as Int32Array).subarray(from, from + n));
  }
  const valid = kernels.label(n, wide, classes, ignoreIndex);
  if (valid < 0) {
    const i = from - 1 - valid;
    throw badLabel(i, (targets as Int32Array)[i], classes, ignoreIndex);
  }
  return valid;
}

function badLabel(i: number, value: unknown, classes: number, ignoreIndex: number): RangeError {
  const shown = typeof value === 'bigint' ? `${value}` : value;
  return outOfRange(`targets[${i}]`, `an integer in [0, ${classes}) or ignoreIndex ${ignoreIndex}`, shown);
}
