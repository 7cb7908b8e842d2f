/** Targets that are one number a logit, on their way to the tile. */
import { TRANSPOSED } from '../../bindings/backend/constants';
import { lanes } from '../math/exp';
import { TILE } from '../tile/scratch';
import { classes, first, form, images, imageStride, positions, samples, classStride, transpose } from '../tile/tile';
import { asymmetric, IGNORED, MOST } from './parameters';
import { SPREAD_LABELS, TARGETS } from './scratch';

/** Below it a target counts as 0: the smallest normal float32. */
const SMALLEST: f32 = 1.1754943508222875e-38;

/** Where the targets of the open tile are, laid out as its logits. */
export let targetsAt: usize = 0;

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

/**
 * Check n targets; returns how many are ignored, or −1 − i when target i is none. What is below every normal number
 * becomes 0.
 */
export function targets(at: usize, n: i32): i32 {
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

/** Of a tile that has been opened: make 1 of the class that is each sample's label, and 0 of the others. */
export function spreadLabels(): void {
  targetsAt = form == TRANSPOSED ? TILE : TARGETS;
  memory.fill(targetsAt, 0, usize((images - 1) * imageStride + classes * classStride) << 2);
  let i = SPREAD_LABELS;
  for (let b = 0; b < images; b++) {
    for (let d = 0; d < positions; d++, i += 4) {
      const c = load<i32>(i) - first;
      if (u32(c) < u32(classes)) store<f32>(targetsAt + (usize(b * imageStride + c * classStride + d) << 2), 1);
    }
  }
}

/** Lay TARGETS, which came with it, out as the tile that has been opened. */
export function placeTargets(): void {
  targetsAt = TARGETS;
  if (form != TRANSPOSED) return;
  // the rows of the tile have left their place
  targetsAt = TILE;
  transpose(TARGETS, classes, TILE, classStride, samples, classes);
}
