/** Targets in the shape of the logits, on their way into DENSE. */
import { lanes } from '../math/exp';
import { TILE } from '../tile/scratch';
import { classes, samples, stride, transpose } from '../tile/tile';
import { asymmetric, IGNORED, MOST } from './parameters';
import { DENSE } from './scratch';

/** Below it a target counts as 0: the smallest normal float32. */
const SMALLEST: f32 = 1.1754943508222875e-38;

/** Widen n unsigned bytes in place: they lie at the end of the n·4 bytes at `to`, and nothing behind these is written. */
export function widenBytes(to: usize, n: i32): void {
  let from = to + 3 * usize(n);
  const end = to + (usize(n) << 2);
  for (const end4 = to + (usize(n & ~3) << 2); to < end4; from += 4, to += 16) {
    const bytes = i16x8.extend_low_i8x16_u(v128.load_zero<u32>(from));
    v128.store(to, f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(bytes)));
  }
  for (; to < end; from++, to += 4) store<f32>(to, f32(load<u8>(from)));
}

/** Whether t is a target, as −1 or 0. */
// @ts-ignore: decorator
@inline
function good(t: v128): v128 {
  const zero = f32x4.splat(0);
  const most = lanes(MOST);
  const inside = asymmetric
    ? v128.or(f32x4.eq(t, zero), f32x4.eq(t, most))
    : v128.and(f32x4.ge(t, zero), f32x4.le(t, most));
  return v128.or(inside, f32x4.eq(t, lanes(IGNORED)));
}

/** Check n targets; returns how many are ignored, or −1 − i when target i is none. What is below every normal number becomes 0. */
export function checkTargets(at: usize, n: i32): i32 {
  let ignored = i32x4.splat(0);
  const from = at;
  const end = at + (usize(n & ~3) << 2);
  for (; at < end; at += 16) {
    const t = v128.load(at);
    if (!i32x4.all_true(good(t))) break;
    ignored = i32x4.add(ignored, f32x4.eq(t, lanes(IGNORED)));
    v128.store(at, v128.and(t, f32x4.ge(f32x4.abs(t), f32x4.splat(SMALLEST))));
  }
  let count = -(i32x4.extract_lane(ignored, 0) + i32x4.extract_lane(ignored, 1) +
    i32x4.extract_lane(ignored, 2) + i32x4.extract_lane(ignored, 3));
  for (const last = from + (usize(n) << 2); at < last; at += 4) {
    const t = load<f32>(at);
    if (!i32x4.extract_lane(good(f32x4.splat(t)), 0)) return -1 - (i32(at - from) >> 2);
    if (t == load<f32>(IGNORED)) count++;
    else if (t < SMALLEST) store<f32>(at, 0);
  }
  return count;
}

/** Rows of targets that stand in TILE, to planes in DENSE, as `open` did with the logits. */
export function arrangeTargets(): void {
  transpose(TILE, classes, DENSE, stride, samples, classes);
}
