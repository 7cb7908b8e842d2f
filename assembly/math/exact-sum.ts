/**
 * Exact, order-independent sums of float32 values ≥ 0: a fixed-point superaccumulator (after Neal, "Fast exact
 * summation using small and large superaccumulators", 2015), which the bindings round once at the end
 * (bindings/backend/limbs.ts).
 *
 *     accumulator: i64 limb[12], limb j in units of 2^(32·j − 149); then i32 how many values were +∞, and how many NaN
 *
 * Values in [2^−52, 128], and zeros, take a fast path: adding 1.5·2^20 in float64 leaves a multiple of 2^−32 in the
 * high sum, what is left over is added to the low sum, and both stay exact for a block, after which they move to the
 * limbs. Four values that lie near one another are added up first, which float64 does without rounding. A group of 16
 * with values down to 2^−92 has what is left over split once more; any other value outside sends its group to the limbs
 * directly.
 */

import { SUM_LIMBS } from '../../bindings/backend/constants';
import { SUMS } from '../tile/scratch';

const LIMBS: i32 = SUM_LIMBS;
const ACCUMULATOR_BYTES: i32 = 8 * LIMBS + 8;
const SPECIAL: usize = 8 * LIMBS;

/** The address of a sum. */
// @ts-ignore: decorator
@inline
function at(sum: i32): usize {
  return SUMS + usize(sum * ACCUMULATOR_BYTES);
}

/** 1.5·2^20: its last bit is 2^−32, and sums below 2^19 leave its exponent alone. */
export const ANCHOR: f64 = 1572864;
const FAST_LOWEST: u32 = 0x25800000; // 2^−52
const FAST_HIGHEST: u32 = 0x43000000; // 128
/** 1.5·2^−20, for what the high sum leaves over of groups with smaller values: its last bit is 2^−72. */
const SECOND_ANCHOR: f64 = 1.430511474609375e-6;
const SECOND_LOWEST: u32 = 0x11800000; // 2^−92
/** Where the exponents of four float32 differ by at most 27, their sum has 53 bits. */
const NEAR: u32 = 27 << 23;

/** Add a float64 that is a multiple of 2^−149, or ∞ or NaN. */
function deposit(accumulator: usize, value: f64): void {
  const bits = reinterpret<u64>(value);
  const exponent = i32((bits >> 52) & 0x7ff);
  if (exponent == 0) return; // zero: a float64 this small cannot arise from float32 values
  if (exponent == 0x7ff) {
    const at = accumulator + SPECIAL + (value == value ? 0 : 4);
    store<i32>(at, load<i32>(at) + 1);
    return;
  }
  // value = m·2^(exponent − 1075); m has trailing zeros wherever that is below 2^−149
  let m = (bits & 0xfffffffffffff) | 0x10000000000000;
  let at = exponent - 1075 + 149;
  if (at < 0) {
    m >>= u64(-at);
    at = 0;
  }
  const to = accumulator + (usize(at >> 5) << 3);
  const shift = u64(at & 31);
  const sign: i64 = i64(bits) < 0 ? -1 : 1;
  const high = i64(m >> (32 - shift));
  store<i64>(to, load<i64>(to) + sign * i64((m << shift) & 0xffffffff));
  store<i64>(to + 8, load<i64>(to + 8) + sign * (high & 0xffffffff));
  store<i64>(to + 16, load<i64>(to + 16) + sign * (high >> 32));
}

/** Carry, so that every limb but the last lies in [0, 2^32): the one form a given sum has. */
function carry(accumulator: usize): void {
  let over: i64 = 0;
  for (let j: usize = 0; j < usize(LIMBS - 1) << 3; j += 8) {
    const limb = load<i64>(accumulator + j) + over;
    over = limb >> 32;
    store<i64>(accumulator + j, limb & 0xffffffff);
  }
  const last = accumulator + (usize(LIMBS - 1) << 3);
  store<i64>(last, load<i64>(last) + over);
}

export function clear(sum: i32): void {
  memory.fill(at(sum), 0, ACCUMULATOR_BYTES);
}

// @ts-ignore: decorator
@inline
export function lower(v: v128): v128 {
  return f64x2.promote_low_f32x4(v);
}

// @ts-ignore: decorator
@inline
export function upper(v: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 0, 1));
}

/** Values the fast path may add before its sums are emptied: 2^11 a lane keep the low sum within 53 bits. */
const BLOCK: usize = 4 * 8192;

/** Add a float64 ≥ 0 that is a multiple of 2^−149; it is carried with what comes after it. */
export function addWide(sum: i32, value: f64): void {
  deposit(at(sum), value);
}

/** Add the two lanes of v, ≥ 0 and multiples of 2^−149; they are carried with what comes after them. */
export function addLanes(sum: i32, v: v128): void {
  depositLanes(at(sum), v);
}

/** Add n float32 values ≥ 0, ∞ or NaN. */
export function add(sum: i32, values: usize, n: i32): void {
  const accumulator = at(sum);
  const end = values + (usize(n) << 2);
  const end16 = values + (usize(n & ~15) << 2);
  while (values < end16) {
    const stop = min(values + BLOCK, end16);
    fast(accumulator, values, stop);
    values = stop;
  }
  for (; values < end; values += 4) deposit(accumulator, f64(load<f32>(values)));
  carry(accumulator);
}

function fast(accumulator: usize, from: usize, stop: usize): void {
  const anchor = f64x2.splat(ANCHOR);
  const one = i32x4.splat(1);
  const second = f64x2.splat(SECOND_ANCHOR);
  const lowest = i32x4.splat(FAST_LOWEST - 1);
  const secondLowest = i32x4.splat(SECOND_LOWEST - 1);
  const highest = i32x4.splat(FAST_HIGHEST);
  const near = i32x4.splat(NEAR);
  let h0 = anchor;
  let h1 = anchor;
  let m0 = second;
  let m1 = second;
  let l0 = f64x2.splat(0);
  let l1 = l0;
  let s0 = l0;
  let s1 = l0;
  for (; from < stop; from += 64) {
    const v0 = v128.load(from);
    const v1 = v128.load(from, 16);
    const v2 = v128.load(from, 32);
    const v3 = v128.load(from, 48);
    // zero wraps round to the largest integer, so that it does not count as small
    const least = i32x4.min_u(
      i32x4.min_u(i32x4.sub(v0, one), i32x4.sub(v1, one)),
      i32x4.min_u(i32x4.sub(v2, one), i32x4.sub(v3, one)),
    );
    const most = i32x4.max_u(i32x4.max_u(v0, v1), i32x4.max_u(v2, v3));
    const notSmall = i32x4.ge_u(least, lowest);
    const notLarge = i32x4.le_u(most, highest);
    if (i32x4.bitmask(v128.and(v128.and(notSmall, notLarge), i32x4.le_u(i32x4.sub(most, least), near))) == 15) {
      const a = f64x2.add(f64x2.add(lower(v0), lower(v1)), f64x2.add(lower(v2), lower(v3)));
      const b = f64x2.add(f64x2.add(upper(v0), upper(v1)), f64x2.add(upper(v2), upper(v3)));
      const t0 = f64x2.add(h0, a);
      const t1 = f64x2.add(h1, b);
      l0 = f64x2.add(l0, f64x2.sub(a, f64x2.sub(t0, h0)));
      l1 = f64x2.add(l1, f64x2.sub(b, f64x2.sub(t1, h1)));
      h0 = t0;
      h1 = t1;
      continue;
    }
    if (i32x4.bitmask(v128.and(i32x4.ge_u(least, secondLowest), notLarge)) != 15) {
      for (let j: usize = 0; j < 64; j += 4) deposit(accumulator, f64(load<f32>(from + j)));
      continue;
    }
    // a loop each, as a condition within takes half as long again in some engines
    if (i32x4.bitmask(notSmall) != 15) {
      for (let j: usize = 0; j < 64; j += 16) {
        const v = v128.load(from + j);
        const a = lower(v);
        const b = upper(v);
        const t0 = f64x2.add(h0, a);
        const t1 = f64x2.add(h1, b);
        const r0 = f64x2.sub(a, f64x2.sub(t0, h0));
        const r1 = f64x2.sub(b, f64x2.sub(t1, h1));
        h0 = t0;
        h1 = t1;
        const u0 = f64x2.add(m0, r0);
        const u1 = f64x2.add(m1, r1);
        s0 = f64x2.add(s0, f64x2.sub(r0, f64x2.sub(u0, m0)));
        s1 = f64x2.add(s1, f64x2.sub(r1, f64x2.sub(u1, m1)));
        m0 = u0;
        m1 = u1;
      }
      continue;
    }
    for (let j: usize = 0; j < 64; j += 16) {
      const v = v128.load(from + j);
      const a = lower(v);
      const b = upper(v);
      const t0 = f64x2.add(h0, a);
      const t1 = f64x2.add(h1, b);
      l0 = f64x2.add(l0, f64x2.sub(a, f64x2.sub(t0, h0)));
      l1 = f64x2.add(l1, f64x2.sub(b, f64x2.sub(t1, h1)));
      h0 = t0;
      h1 = t1;
    }
  }
  depositLanes(accumulator, f64x2.sub(h0, anchor));
  depositLanes(accumulator, f64x2.sub(h1, anchor));
  depositLanes(accumulator, f64x2.sub(m0, second));
  depositLanes(accumulator, f64x2.sub(m1, second));
  depositLanes(accumulator, s0);
  depositLanes(accumulator, s1);
  depositLanes(accumulator, l0);
  depositLanes(accumulator, l1);
}

function depositLanes(accumulator: usize, v: v128): void {
  deposit(accumulator, f64x2.extract_lane(v, 0));
  deposit(accumulator, f64x2.extract_lane(v, 1));
}

/** Limb j as carried; for SUM_INFINITE and SUM_NAN how many values were that. */
export function limb(sum: i32, j: i32): f64 {
  const limbs = at(sum);
  if (j >= LIMBS) return f64(load<i32>(limbs + SPECIAL + (usize(j - LIMBS) << 2)));
  return f64(load<i64>(limbs + (usize(j) << 3)));
}
