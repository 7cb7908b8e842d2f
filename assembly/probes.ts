/** Debug build only: the elementary functions one by one, so that the tests can sweep them. n is a multiple of 4. */
import { binary, exp, nearest, reduced, restored, scaledBinary } from './math/exp';
import { log, log1pFrom } from './math/log';

/** e^d in the two passes of the margin stage. */
export function probeExpFast(from: usize, to: usize, n: i32): void {
  for (let i: usize = 0; i < usize(n) << 2; i += 16) {
    const u = binary(v128.load(from + i));
    const t = nearest(u);
    v128.store(to + i, scaledBinary(reduced(u, t), t));
  }
}

export function probeExp(from: usize, to: usize, n: i32): void {
  for (let i: usize = 0; i < usize(n) << 2; i += 16) v128.store(to + i, exp(v128.load(from + i)));
}

/** e^(z − m) as gradients keep it, m the second of two arrays. */
export function probeRestored(from: usize, maxima: usize, to: usize, n: i32): void {
  for (let i: usize = 0; i < usize(n) << 2; i += 16) {
    const z = v128.load(from + i);
    const m = v128.load(maxima + i);
    v128.store(to + i, restored(z, m));
  }
}

export function probeLog(from: usize, to: usize, n: i32): void {
  for (let i: usize = 0; i < usize(n) << 2; i += 16) v128.store(to + i, log(v128.load(from + i)));
}

/** ln(1 + t), with the quotient as the focal core makes it up to rounding. */
export function probeLog1p(from: usize, to: usize, n: i32): void {
  for (let i: usize = 0; i < usize(n) << 2; i += 16) {
    const t = v128.load(from + i);
    v128.store(to + i, log1pFrom(f32x4.div(t, f32x4.add(f32x4.splat(2), t))));
  }
}
