/**
 * What evaluation metrics need beside the loss, from the same tile: `exponentialsSquares` in the place of `exponentials`,
 * then `ranks`, over every chunk of the classes; `outcomes` once after `core`. −∞ stands over the true class, so it never
 * counts as one of the others.
 */
import { configure, core } from './focal';
import { narrow } from './margin';
import { planesSumSquares } from './margin-planes';
import { rowsSumSquares } from './margin-rows';
import {
  BRIER, CONFIDENCE, FOCAL, LABELS, LOSS, MAX, PLANES, PREDICTED, RANK, RANK_TIED, SLOPE, SQUARES, SUM, TRUE, UPSTREAM, WEIGHT,
} from './scratch';
import { base, classes, first, pair, pitch, planar, samples, stride } from './tile';

export function exponentialsSquares(): void {
  if (pair) return;
  if (planar) planesSumSquares();
  else rowsSumSquares();
}

/** Add to RANK and RANK_TIED; PREDICTED becomes the first class whose logit is MAX, −1 where none is. */
export function ranks(): void {
  if (!first) {
    const bytes = usize((samples + 15) & ~15) << 2;
    memory.fill(RANK, 0, bytes);
    memory.fill(RANK_TIED, 0, bytes);
    memory.fill(PREDICTED, 0xff, bytes);
  }
  if (pair) pairRanks();
  else if (planar) planesRanks();
  else rowsRanks();
}

/** Two classes leave out none: what `open` and the sums would have left is made up for here. */
function pairRanks(): void {
  const one = f64x2.splat(1);
  for (let i: usize = 0; i < usize(samples) << 2; i += 16) {
    const y = v128.load(LABELS + i);
    const a = v128.load(PLANES + i);
    const b = v128.load(PLANES + (usize(stride) << 2) + i);
    const second = i32x4.eq(y, i32x4.splat(1));
    const z = v128.bitselect(b, a, second);
    const m = v128.bitselect(a, b, second);
    v128.store(TRUE + i, z);
    v128.store(MAX + i, m);
    for (let j: usize = 0; j < 32; j += 16) {
      v128.store(SUM + (i << 1) + j, one);
      v128.store(SQUARES + (i << 1) + j, one);
    }
    const above = f32x4.gt(m, z);
    v128.store(RANK + i, i32x4.neg(above));
    v128.store(RANK_TIED + i, i32x4.neg(f32x4.ge(m, z)));
    v128.store(PREDICTED + i, v128.or(v128.xor(y, i32x4.splat(1)), v128.not(above)));
  }
}

function planesRanks(): void {
  const step = usize(stride) << 2;
  for (let i: usize = 0; i < usize(samples) << 2; i += 16) {
    const z = v128.load(TRUE + i);
    const m = v128.load(MAX + i);
    const before = v128.load(PREDICTED + i);
    let above = v128.load(RANK + i);
    let tied = v128.load(RANK_TIED + i);
    let best = before;
    let at = PLANES + i + usize(classes) * step;
    // from the last class to the first, so that the first with the largest logit stays
    for (let c = first + classes - 1; c >= first; c--) {
      at -= step;
      const v = v128.load(at);
      above = i32x4.sub(above, f32x4.gt(v, z));
      tied = i32x4.sub(tied, f32x4.ge(v, z));
      best = v128.bitselect(i32x4.splat(c), best, f32x4.eq(v, m));
    }
    v128.store(RANK + i, above);
    v128.store(RANK_TIED + i, tied);
    v128.store(PREDICTED + i, v128.bitselect(best, before, i32x4.shr_s(before, 31)));
  }
}

// @ts-ignore: decorator
@inline
function sumLanes(v: v128): i32 {
  return i32x4.extract_lane(v, 0) + i32x4.extract_lane(v, 1) + i32x4.extract_lane(v, 2) + i32x4.extract_lane(v, 3);
}

/** Rows whose true class has the largest logit are passed over: their rank is 0 and `outcomes` knows the rest. */
function rowsRanks(): void {
  const end4 = usize(classes & ~3) << 2;
  const end = usize(classes) << 2;
  for (let i: usize = 0; i < usize(samples) << 2; i += 4) {
    const z = load<f32>(TRUE + i);
    const m = load<f32>(MAX + i);
    if (z > m) continue;
    const row = base + i * usize(pitch);
    const zs = f32x4.splat(z);
    let above = i32x4.splat(0);
    let tied = above;
    let c: usize = 0;
    for (; c < end4; c += 16) {
      const v = v128.load(row + c);
      above = i32x4.sub(above, f32x4.gt(v, zs));
      tied = i32x4.sub(tied, f32x4.ge(v, zs));
    }
    let a = sumLanes(above);
    let t = sumLanes(tied);
    for (; c < end; c += 4) {
      const v = load<f32>(row + c);
      a += i32(v > z);
      t += i32(v >= z);
    }
    store<i32>(RANK + i, load<i32>(RANK + i) + a);
    store<i32>(RANK_TIED + i, load<i32>(RANK_TIED + i) + t);
    if (load<i32>(PREDICTED + i) >= 0) continue;
    const ms = f32x4.splat(m);
    for (c = 0; c < end4; c += 16) {
      if (v128.any_true(f32x4.eq(v128.load(row + c), ms))) break;
    }
    for (; c < end; c += 4) {
      if (load<f32>(row + c) == m) {
        store<i32>(PREDICTED + i, first + i32(c >> 2));
        break;
      }
    }
  }
}

/** LOSS becomes the cross-entropy and SLOPE 1 − p_y. γ and the smoothing must be configured anew afterwards. */
export function plain(n: i32): void {
  const one = f32x4.splat(1);
  for (let i: usize = 0; i < usize(n) << 2; i += 16) {
    v128.store(WEIGHT + i, one);
    v128.store(UPSTREAM + i, one);
  }
  configure(0, 0);
  core(n, true);
}

/** After `core`: LOSS moves to FOCAL, `plain`, then CONFIDENCE, BRIER and PREDICTED. */
export function outcomes(n: i32): void {
  const bytes = usize((n + 15) & ~15) << 2;
  const one = f32x4.splat(1);
  memory.copy(FOCAL, LOSS, bytes);
  plain(n);
  for (let i: usize = 0; i < bytes; i += 16) {
    const y = v128.load(LABELS + i);
    const z = v128.load(TRUE + i);
    const s = narrow(SUM + (i << 1));
    const q = v128.load(SLOPE + i);
    const hit = f32x4.gt(z, v128.load(MAX + i));
    const known = v128.or(hit, i32x4.eq(v128.load(RANK + i), v128.load(RANK_TIED + i)));
    const sound = v128.and(v128.and(known, f32x4.eq(s, s)), f32x4.eq(z, z));
    v128.store(PREDICTED + i, v128.or(v128.bitselect(y, v128.load(PREDICTED + i), hit), v128.not(sound)));
    v128.store(CONFIDENCE + i, v128.bitselect(f32x4.sub(one, q), f32x4.div(q, s), hit));
    // where no other class is possible there is nothing to square
    const spread = v128.and(f32x4.div(narrow(SQUARES + (i << 1)), f32x4.mul(s, s)), f32x4.ne(s, f32x4.splat(0)));
    const brier = f32x4.mul(f32x4.mul(q, q), f32x4.add(one, spread));
    v128.store(BRIER + i, v128.andnot(brier, i32x4.shr_s(y, 31)));
  }
}
