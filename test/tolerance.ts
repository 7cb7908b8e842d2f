import assert from 'node:assert/strict';
import type { Problem } from './reference.ts';

/** Relative error allowed at margins near 0: of a loss, and of a gradient. */
export const LOSS_UNIT = 2e-6;
export const GRAD_UNIT = 4e-6;
/** Below the smallest normal float32 only the absolute error counts; above the largest, infinity will do. */
const SMALLEST_NORMAL = 2 ** -126;
export const LARGEST = 2 ** 128 - 2 ** 104;

/** The stated bound of the relative error at margin x. One-vs-rest sees one logit at a time, so it has no ln C. */
export function bound(unit: number, problem: Problem, x: number): number {
  const classes = problem.loss === 'softmax' ? problem.classes : 1;
  const gamma = Math.max(problem.gamma, problem.gammaNegative ?? 0);
  return unit * Math.max(1, (Math.abs(x) + Math.log(classes)) / 8) * Math.max(1, (1 + gamma) / 3);
}

/** How much of what is allowed the error uses up: over 1 is wrong. */
export function used(got: number, want: number, relative: number, absolute = 0): number {
  if (Object.is(got, want) || got === want) return 0;
  if (!Number.isFinite(got) || !Number.isFinite(want))
    return Math.abs(want) > LARGEST && got === want * Infinity ? 0 : Infinity;
  const allowed = Math.abs(want) < SMALLEST_NORMAL ? SMALLEST_NORMAL : relative * Math.abs(want);
  return Math.abs(got - want) / (allowed + absolute);
}

/** The largest part of the allowed error that any element uses up. Throws where that is more than all of it. */
export function expectAll(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  relative: (i: number) => number,
  describe: (i: number) => string = () => '',
  absolute: (i: number) => number = () => 0,
): number {
  assert.equal(got.length, want.length);
  let worst = 0;
  let at = -1;
  for (let i = 0; i < want.length; i++) {
    const part = used(got[i] as number, want[i] as number, relative(i), absolute(i));
    if (part > worst) {
      worst = part;
      at = i;
    }
  }
  if (worst > 1) {
    assert.fail(
      `[${at}] ${describe(at)} expected ${want[at]}, got ${got[at]}: ${worst.toPrecision(3)} × the allowed error`,
    );
  }
  return worst;
}

/** Relative error allowed of a sum of values ≥ 0 whose own errors are bounded; values below float32 add absolutely. */
export function boundOfSum(values: ArrayLike<number>, relative: (i: number) => number): number {
  let allowed = 0;
  let total = 0;
  for (let i = 0; i < values.length; i++) {
    const value = Math.abs(values[i] as number);
    if (!(value < Infinity)) continue;
    allowed += value < SMALLEST_NORMAL ? SMALLEST_NORMAL : relative(i) * value;
    total += value;
  }
  return total > 0 ? allowed / total : 0;
}

/** The same numbers, NaN and the sign of 0 included; `toEqual`, but for arrays of any length at once. */
export function expectSame(got: ArrayLike<number>, want: ArrayLike<number>): void {
  assert.equal(got.length, want.length);
  for (let i = 0; i < want.length; i++) {
    if (!Object.is(got[i], want[i])) assert.fail(`[${i}] expected ${want[i]}, got ${got[i]}`);
  }
}
