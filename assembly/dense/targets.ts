/** A target for each logit, on its way into the tile. */
import { BYTES, TRANSPOSED } from '../../bindings/backend/constants';
import { lanes, maskOf, ONE } from '../math/numbers';
import { CLASS_WEIGHTS, TILE } from '../tile/scratch';
import { classes, classStride, first, form, images, imageStride, planar, positions, samples, transpose } from '../tile/tile';
import { asymmetric, IGNORED, MOST, plain, SMOOTH_ADDED, SMOOTH_KEPT } from './parameters';
import { SPREAD_LABELS, TARGETS } from './scratch';

/** The smallest normal float32. A smaller target counts as 0. */
const SMALLEST: f32 = 1.1754943508222875e-38;
const SMALLEST_BITS: i32 = 0x00800000;

/** Where the targets of the open tile are, laid out as its logits. */
export let targetsAt: usize = 0;
/** Whether the targets are bytes, 0 or 1; else they are float32. */
export let hard: bool = false;

/** Whether n bytes are all 0 or 1. Writes 64 zeros behind them. */
function allHard(at: usize, n: i32): bool {
  memory.fill(at + n, 0, 64);
  let all = i32x4.splat(0);
  for (const end = at + n; at < end; at += 32) all = v128.or(all, v128.or(v128.load(at), v128.load(at, 16)));
  return !v128.any_true(v128.and(all, i8x16.splat(-2)));
}

/** Convert n bytes to float32 in their place, from the last to the first, as float32 take more room. */
function widen(at: usize, n: i32): void {
  for (let i = (n - 1) & ~3; i >= 0; i -= 4) {
    const t = i16x8.extend_low_i8x16_u(v128.load_zero<u32>(at + i));
    v128.store(at + (usize(i) << 2), f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(t)));
  }
}

/** If n float32 are all 0 or 1, convert them to bytes. Zeros are behind them. Returns whether they were. */
function narrowed(at: usize, n: i32): bool {
  const one = lanes(ONE);
  const bytes = usize(n) << 2;
  for (let i: usize = 0; i < bytes; i += 16) {
    const t = v128.load(at + i);
    if (v128.any_true(v128.xor(t, v128.and(f32x4.eq(t, one), one)))) return false;
  }
  for (let i: usize = 0; i < bytes; i += 64) {
    // 1 is 0x3f800000
    const low = i16x8.narrow_i32x4_s(i32x4.shr_u(v128.load(at + i), 29), i32x4.shr_u(v128.load(at + i, 16), 29));
    const high = i16x8.narrow_i32x4_s(i32x4.shr_u(v128.load(at + i, 32), 29), i32x4.shr_u(v128.load(at + i, 48), 29));
    v128.store(at + (i >> 2), i8x16.narrow_i16x8_s(low, high));
  }
  return true;
}

/**
 * Whether n float32 are all targets as they stand: in range, none of them ignored, none below the normal numbers but 0.
 * Zeros are behind them.
 */
function allInRange(at: usize, n: i32): bool {
  const ignored = load<f32>(IGNORED);
  if (asymmetric || (ignored >= 0 && ignored <= load<f32>(MOST))) return false;
  const bytes = usize(n) << 2;
  const one = i32x4.splat(1);
  let least = i32x4.splat(-1);
  let most = i32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 32) {
    const t = v128.load(at + i);
    const u = v128.load(at + i, 16);
    // compared as integers; minus 1, zero becomes the largest
    least = i32x4.min_u(least, i32x4.min_u(i32x4.sub(t, one), i32x4.sub(u, one)));
    most = i32x4.max_u(most, i32x4.max_u(t, u));
  }
  const normal = i32x4.ge_u(least, i32x4.splat(SMALLEST_BITS - 1));
  return i32x4.all_true(v128.and(normal, i32x4.le_u(most, lanes(MOST))));
}

/**
 * Check n targets at `at`, float32 or BYTES. Returns how many are ignored, or −1 − i if target i is out of range. Bytes
 * become float32, unless all of them may stay bytes (`hard`). A target below the normal numbers becomes 0.
 */
export function targets(at: usize, n: i32, kind: i32): i32 {
  const bytes = kind == BYTES;
  hard = plain && bytes && allHard(at, n);
  if (!hard) {
    if (bytes) widen(at, n);
    memory.fill(at + (usize(n) << 2), 0, 64);
    hard = plain && !bytes && narrowed(at, n);
  }
  if (hard || allInRange(at, n)) return 0;
  const most = load<f32>(MOST);
  let ignored = 0;
  for (let i = 0; i < n; i++, at += 4) {
    const t = load<f32>(at);
    if (t == load<f32>(IGNORED)) ignored++;
    else if (!(asymmetric ? t == 0 || t == most : t >= 0 && t <= most)) return -1 - i;
    else if (t < SMALLEST) store<f32>(at, 0);
  }
  return ignored;
}

/** Smooth n targets and multiply them by the weights at `alphas`, or with `across` all by the first of these. */
function weighRun(at: usize, n: i32, alphas: usize, across: bool): void {
  const kept = lanes(SMOOTH_KEPT);
  const added = lanes(SMOOTH_ADDED);
  for (let left = n << 2; left > 0; left -= 16, at += 16) {
    const t = v128.load(at);
    const alpha = across ? lanes(alphas) : v128.load(alphas);
    const w = f32x4.mul(f32x4.add(f32x4.mul(t, kept), added), alpha);
    v128.store(at, v128.bitselect(w, t, v128.load(maskOf(min(left, 16)))));
    if (!across) alphas += 16;
  }
}

/** Softmax: turn the targets of the open tile into weights: smoothed, times the weights of their classes. */
export function weighTargets(): void {
  let same = load<f32>(SMOOTH_ADDED) == 0;
  for (let c: usize = 0; same && c < usize(classes) << 2; c += 4) same = load<f32>(c, CLASS_WEIGHTS) == 1;
  if (same) return;
  for (let b = 0; b < images; b++) {
    const image = targetsAt + (usize(b * imageStride) << 2);
    if (!planar) weighRun(image, classes, CLASS_WEIGHTS, false);
    else for (let c = 0; c < classes; c++) weighRun(image + (usize(c * classStride) << 2), positions, CLASS_WEIGHTS + (usize(c) << 2), true);
  }
}

/** Turn the labels of the open tile into targets: 1 for the label of a sample, 0 for its other classes. */
export function spreadLabels(): void {
  hard = false;
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

/** Lay TARGETS out as the logits of the open tile. */
export function placeTargets(): void {
  targetsAt = TARGETS;
  if (form != TRANSPOSED) return;
  // the tile was transposed into PLANES, so TILE is free
  targetsAt = TILE;
  transpose(TARGETS, classes, TILE, classStride, samples, classes);
}
