import type { Kernels } from '../backend/kernels.ts';
import { outOfRange } from './errors.ts';
import type { Input } from './tensors.ts';

/** No class and, as an ignore index, refused by the options: what a target outside int32 becomes. */
const OUTSIDE = -(2 ** 31);

/** Copy targets [from, from + n) to `labels`; what no int32 can hold must not wrap round into it. */
function copyLabels(targets: Input['targets'], from: number, labels: Int32Array): void {
  const n = labels.length;
  if (targets instanceof BigInt64Array) {
    const halves = new Int32Array(targets.buffer, targets.byteOffset + 8 * from, 2 * n);
    for (let i = 0; i < n; i++) {
      const low = halves[2 * i] as number;
      labels[i] = halves[2 * i + 1] === low >> 31 ? low : OUTSIDE;
    }
  } else if (targets instanceof BigUint64Array) {
    for (let i = 0; i < n; i++) {
      const y = targets[from + i] as bigint;
      labels[i] = y < 2n ** 31n ? Number(y) : OUTSIDE;
    }
  } else if (targets instanceof Uint32Array || targets instanceof Float32Array || targets instanceof Float64Array) {
    for (let i = 0; i < n; i++) {
      const y = targets[from + i] as number;
      labels[i] = (y | 0) === y ? y : OUTSIDE;
    }
  } else {
    labels.set(targets.subarray(from, from + n));
  }
}

/**
 * Copy targets [from, from + n) to the backend and check them. Returns how many are not ignored; throws for the first
 * that is neither a class nor ignored, so nothing must have been given out before every target has been through here.
 */
export function loadLabels(kernels: Kernels, input: Input, from: number, n: number, ignoreIndex: number): number {
  const { targets, classes } = input;
  copyLabels(targets, from, new Int32Array(kernels.memory.buffer, kernels.LABELS, n));
  const valid = kernels.labels(n, classes, ignoreIndex);
  if (valid >= 0) return valid;
  const i = from - 1 - valid;
  throw outOfRange(`targets[${i}]`, `an integer in [0, ${classes}) or ignoreIndex ${ignoreIndex}`, `${targets[i]}`);
}
