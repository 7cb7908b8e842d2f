/**
 * What evaluation metrics need beside the loss of one-vs-rest, from the losses, cross-entropies and sigmoids of a tile
 * (oneVersusRestAndEntropies), each in the layout [image][class][position]: sums of each sample, exact sums and counts of
 * each class, and counts of each bin and threshold.
 *
 * The logit of a true class was turned, so its sigmoid is 1 − p: the passes over all logits take every sigmoid for the
 * probability of a class that is not the true one, and `countTrue` then puts right what they made of the true classes.
 */
import { lanes, ONE } from './exp';
import { narrow } from './margin';
import { addTo, widen } from './margin-rows';
import { addLoss, ANCHOR, HIGHEST, isPlain, LOWEST } from './metrics';
import { BINS, HISTOGRAM, LABELS, OFFSET, SQUARES, STEP, SUM, TALLY, TALLY_BINS } from './scratch';
import { classes, first, images, positions, samples } from './tile';

/** Masks of four lanes: that of the first n stands n lanes before the zeros. */
const ONES_THEN_ZEROS: usize = memory.data<i32>([-1, -1, -1, -1, 0, 0, 0, 0], 16);

/** Add the values of each sample to the float64 at `to`. */
export function gatherLosses(losses: usize, to: usize): void {
  if (!first) memory.fill(to, 0, usize(samples) << 3);
  for (let b = 0; b < images; b++, to += usize(positions) << 3) {
    for (let c = 0; c < classes; c++) {
      for (let d: usize = 0; d < usize(positions); d++, losses += 4) {
        store<f64>(to + (d << 3), load<f64>(to + (d << 3)) + f64(load<f32>(losses)));
      }
    }
  }
}

/** Values of four classes, `step` bytes apart; those past the last class are read but masked. */
// @ts-ignore: decorator
@inline
function four(at: usize, step: usize): v128 {
  if (step == 4) return v128.load(at);
  return f32x4(load<f32>(at), load<f32>(at + step), load<f32>(at + 2 * step), load<f32>(at + 3 * step));
}

/**
 * Add the cross-entropies of each sample to SUM, and its Brier score, the squares of its sigmoids, to SQUARES: in float32
 * sums of 8 classes, between which every chunk of classes ends, so that no sum depends on the cut, nor on the layout.
 * Whether all are numbers: the passes below take no NaN.
 */
export function gatherSamples(entropies: usize, sigmoids: usize): bool {
  const step = usize(positions) << 2;
  const image = usize(classes) * step;
  let sound = true;
  let i: usize = 0;
  for (let b = 0; b < images; b++, entropies += image, sigmoids += image) {
    for (let d: usize = 0; d < step; d += 4, i += 8) {
      let total = f64x2.splat(0);
      let totalSquares = total;
      let s = f32x4.splat(0);
      let q = s;
      let at = d;
      for (let c = 0; c < classes;) {
        let v = four(entropies + at, step);
        let p = four(sigmoids + at, step);
        if (classes - c < 4) {
          const mask = v128.load(ONES_THEN_ZEROS + 16 - (usize(classes - c) << 2));
          v = v128.and(v, mask);
          p = v128.and(p, mask);
        }
        s = f32x4.add(s, v);
        q = f32x4.add(q, f32x4.mul(p, p));
        at += step << 2;
        c += 4;
        if (c & 7) continue;
        total = f64x2.add(total, widen(s));
        totalSquares = f64x2.add(totalSquares, widen(q));
        s = f32x4.splat(0);
        q = s;
      }
      addTo(SUM + i, f64x2.add(total, widen(s)));
      const score = addTo(SQUARES + i, f64x2.add(totalSquares, widen(q)));
      sound = sound && score == score;
    }
  }
  return sound;
}

/** n float64 as float32, 0 where the sample is ignored. */
function settle(n: i32, from: usize, to: usize): void {
  for (let i: usize = 0; i < usize(n) << 2; i += 16) {
    v128.store(to + i, v128.andnot(narrow(from + (i << 1)), i32x4.shr_s(v128.load(i, LABELS), 31)));
  }
}

/** SUM and SQUARES, all classes having gone by, as float32. */
export function settleSamples(n: i32, entropies: usize, scores: usize): void {
  settle(n, SUM, entropies);
  settle(n, SQUARES, scores);
}

/** Of a column: exact sums of the losses, high and low, of two pairs of lanes; how many sigmoids are above ½. */
const HIGH: usize = memory.data(32, 16);
const LOW: usize = memory.data(32, 16);
const ABOVE: usize = memory.data(16, 16);

/** HIGH, LOW and ABOVE of `count` vectors `step` bytes apart; false when a loss is not plain, and HIGH and LOW are void. */
function column(losses: usize, sigmoids: usize, step: usize, count: i32): bool {
  const anchor = f64x2.splat(ANCHOR);
  const one = i32x4.splat(1);
  const half = f32x4.splat(0.5);
  let least = i32x4.splat(-1);
  let most = i32x4.splat(0);
  let above = most;
  let h0 = anchor;
  let h1 = anchor;
  let l0 = f64x2.splat(0);
  let l1 = l0;
  for (let k = 0; k < count; k++, losses += step, sigmoids += step) {
    const v = v128.load(losses);
    // zero wraps round to the largest integer, so that it does not count as small
    least = i32x4.min_u(least, i32x4.sub(v, one));
    most = i32x4.max_u(most, v);
    above = i32x4.sub(above, f32x4.gt(v128.load(sigmoids), half));
    const a = f64x2.promote_low_f32x4(v);
    const b = f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 0, 1));
    const t0 = f64x2.add(h0, a);
    const t1 = f64x2.add(h1, b);
    l0 = f64x2.add(l0, f64x2.sub(a, f64x2.sub(t0, h0)));
    l1 = f64x2.add(l1, f64x2.sub(b, f64x2.sub(t1, h1)));
    h0 = t0;
    h1 = t1;
  }
  v128.store(ABOVE, above);
  v128.store(HIGH, f64x2.sub(h0, anchor));
  v128.store(HIGH, f64x2.sub(h1, anchor), 16);
  v128.store(LOW, l0);
  v128.store(LOW, l1, 16);
  return i32x4.all_true(
    v128.and(i32x4.ge_u(least, i32x4.splat(LOWEST - 1)), i32x4.le_u(most, i32x4.splat(HIGHEST))),
  );
}

// @ts-ignore: decorator
@inline
function rowOf(c: i32): usize {
  return TALLY + (usize(first + c) << 5);
}

/** Where the addresses of losses that are not plain go. */
let over: usize = 0;

function addOne(c: i32, at: usize): void {
  const bits = load<u32>(at);
  if (isPlain(bits)) return addLoss(rowOf(c), bits);
  store<u32>(over, u32(at));
  over += 4;
}

/** Count a column in; lane j belongs to class (c + j·along) mod classes. */
function countColumn(losses: usize, sigmoids: usize, step: usize, count: i32, c: i32, along: i32): void {
  const clean = column(losses, sigmoids, step, count);
  for (let j: usize = 0; j < 4; j++) {
    const row = rowOf(c);
    store<i32>(row, load<i32>(row, 24) + load<i32>(ABOVE + (j << 2)), 24);
    if (clean) {
      store<f64>(row, load<f64>(row) + load<f64>(HIGH + (j << 3)));
      store<f64>(row, load<f64>(row, 8) + load<f64>(LOW + (j << 3)), 8);
    } else {
      let at = losses + (j << 2);
      for (let k = 0; k < count; k++, at += step) addOne(c, at);
    }
    c += along;
    if (c == classes) c = 0;
  }
}

/** Losses and decisions of each class. Up to four rows past the last are written over with zeros. */
function countClasses(losses: usize, sigmoids: usize): void {
  if (positions == 1) {
    // the same lane of the same vector belongs to the same class every so many vectors
    const period = classes & 1 ? classes : classes & 2 ? classes >> 1 : classes >> 2;
    const step = usize(period) << 4;
    const bytes = usize(samples * classes) << 2;
    const count = (bytes + step - 1) / step;
    memory.fill(losses + bytes, 0, count * step - bytes);
    memory.fill(sigmoids + bytes, 0, count * step - bytes);
    for (let p = 0; p < period; p++) {
      const at = usize(p) << 4;
      countColumn(losses + at, sigmoids + at, step, i32(count), (p << 2) % classes, 1);
    }
  } else {
    let at: usize = 0;
    for (let b = 0; b < images; b++) {
      for (let c = 0; c < classes; c++) {
        countColumn(losses + at, sigmoids + at, 16, positions >> 2, c, 0);
        const end = at + (usize(positions) << 2);
        const row = rowOf(c);
        for (at += usize(positions & ~3) << 2; at < end; at += 4) {
          addOne(c, losses + at);
          store<i32>(row, load<i32>(row, 24) + i32(load<f32>(sigmoids + at) > 0.5), 24);
        }
      }
    }
  }
}

/**
 * 16 counters for each bin: samples in the bits from 40 on, the probabilities in units of 2^−23 below. 16, as one counter
 * would have to wait for itself.
 */
const BANKS: usize = memory.data(128 * TALLY_BINS, 16);
const ONE_SAMPLE: i64 = i64(1) << 40;

/** What a block of probabilities comes to: units of 2^−23, and the places of its counters in BANKS and HISTOGRAM. */
const BLOCK: usize = 4 * 256;
const UNITS: usize = memory.data(1024, 16);
const BANK: usize = memory.data(1024, 16);
const PLACE: usize = memory.data(1024, 16);

/** A probability in units of 2^−23, ties to even: the low bits of 1 + p. */
// @ts-ignore: decorator
@inline
function units(p: f32): u32 {
  return reinterpret<u32>(p + 1) - 0x3f800000;
}

// @ts-ignore: decorator
@inline
function uncount(bank: usize, place: usize, units: u32): void {
  store<i64>(bank, load<i64>(bank) - (ONE_SAMPLE | i64(units)));
  store<u16>(place, load<u16>(place) - 1);
}

/** Four lanes each of what a run has to do with, in memory, as V8 would make them anew for each vector. */
const CONSTANTS: usize = memory.data(16 * 7, 16);

function constants(place: usize, along: i32, around: i32, bins: i32, steps: i32): void {
  v128.store(CONSTANTS, i32x4.splat(bins));
  v128.store(CONSTANTS, i32x4.splat(bins - 1), 16);
  v128.store(CONSTANTS, i32x4.splat(steps), 32);
  v128.store(CONSTANTS, i32x4.splat(around), 48);
  v128.store(CONSTANTS, i32x4.splat((along << 2) % around), 64);
  v128.store(CONSTANTS, i32x4.splat(i32(place)), 80);
  v128.store(CONSTANTS, i32x4(0, along % around, (along << 1) % around, (3 * along) % around), 96);
}

/** Where the banks of a bin's 16 counters stand, for four vectors in turn. */
const OFFSETS: usize = memory.data<i32>([0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120], 16);

/**
 * Count the probabilities of a run in their bins and in the histograms of their classes: the one of the first begins at
 * `place`, that of the next `along` bytes on, and after `around` bytes comes the first class again.
 */
function countRun(
  sigmoids: usize, length: usize, place: usize, along: i32, around: i32, bins: i32, steps: i32,
): void {
  constants(place, along, around, bins, steps);
  const one = lanes(ONE);
  let places = v128.load(CONSTANTS, 96);
  for (let from: usize = 0; from < length; from += BLOCK) {
    const bytes = min(BLOCK, length - from);
    for (let i: usize = 0; i < bytes; i += 16) {
      const u = i32x4.sub(f32x4.add(v128.load(sigmoids + from + i), one), one);
      const bin = i32x4.min_u(i32x4.shr_u(i32x4.mul(u, v128.load(CONSTANTS)), 23), v128.load(CONSTANTS, 16));
      const step = i32x4.shr_u(i32x4.mul(u, v128.load(CONSTANTS, 32)), 23);
      v128.store(i, u, UNITS);
      v128.store(i, i32x4.add(v128.load(OFFSETS + (i & 48)), i32x4.shl(bin, 7)), BANK);
      v128.store(i, i32x4.add(i32x4.add(v128.load(CONSTANTS, 80), places), i32x4.shl(step, 1)), PLACE);
      const around4 = v128.load(CONSTANTS, 48);
      places = i32x4.add(places, v128.load(CONSTANTS, 64));
      places = i32x4.sub(places, v128.and(around4, i32x4.ge_s(places, around4)));
    }
    for (let i: usize = 0; i < bytes; i += 4) {
      const bank = usize(load<u32>(i, BANK));
      const at = usize(load<u32>(i, PLACE));
      store<i64>(bank + BANKS, load<i64>(bank + BANKS) + (ONE_SAMPLE | i64(load<u32>(i, UNITS))));
      store<u16>(at, load<u16>(at) + 1);
    }
  }
}

/** Put right what the passes made of the true classes. STEP becomes the step of each sample's own, −1 where it has none. */
function countTrue(sigmoids: usize, bins: u32, steps: u32): void {
  const histogram = (i32(steps) + 1) << 1;
  for (let i: usize = 0; i < usize(samples) << 2; i += 4) {
    const offset = load<i32>(i, OFFSET);
    store<i32>(i, -1, STEP);
    if (offset < 0) continue;
    const y = load<i32>(i, LABELS);
    const q = load<f32>(sigmoids + offset);
    const p: f32 = 1 - q;
    const row = rowOf(y - first);
    store<i32>(row, load<i32>(row, 16) + 1, 16);
    store<i32>(row, load<i32>(row, 20) + i32(p > 0.5), 20);
    store<i32>(row, load<i32>(row, 24) + i32(p > 0.5) - i32(q > 0.5), 24);
    const before = units(q);
    const after = units(p);
    const place = HISTOGRAM + usize(y * histogram);
    uncount(bankOf(before, bins), place + (usize((before * steps) >>> 23) << 1), before);
    const bank = bankOf(after, bins);
    store<i64>(bank, load<i64>(bank) + (ONE_SAMPLE | i64(after)));
    const bin = BINS + ((bank - BANKS) >> 3);
    store<i32>(bin, load<i32>(bin, 4) + 1, 4);
    store<u32>(i, (after * steps) >>> 23, STEP);
  }
}

// @ts-ignore: decorator
@inline
function bankOf(units: u32, bins: u32): usize {
  return BANKS + (usize(min<u32>((units * bins) >>> 23, bins - 1)) << 7);
}

/** Move BANKS to BINS, where confidences have units of 2^−32, without the zeros of ignored samples. */
function settleBins(bins: i32, ignored: i32): void {
  for (let b: usize = 0; b < usize(bins); b++) {
    const bin = BINS + (b << 4);
    let sum: i64 = 0;
    for (let j: usize = 0; j < 128; j += 8) sum += load<i64>(BANKS + (b << 7) + j);
    store<i32>(bin, load<i32>(bin) + i32(sum >> 40) - (b ? 0 : ignored * classes));
    store<i64>(bin, load<i64>(bin, 8) + ((sum & (ONE_SAMPLE - 1)) << 9), 8);
  }
  memory.fill(BANKS, 0, usize(bins) << 7);
}

/**
 * Count the tile in: TALLY and BINS as `tally` (metrics.ts) has them, HISTOGRAM u16[classes][steps + 1] the probabilities
 * of samples that are not of the class by ⌊p·steps⌋, STEP those of their own class. Probabilities are rounded to 2^−23.
 * Exact for 4096 samples after the tables were cleared. `sigmoids` have no NaN, and zeros, as `losses` have, for ignored
 * samples. Losses out of [2^−51, 128] are left out of TALLY: their addresses go to `overs`, their number is returned.
 */
export function tallyOneVersusRest(
  losses: usize, sigmoids: usize, bins: i32, steps: i32, ignored: i32, overs: usize,
): i32 {
  over = overs;
  const histogram = (steps + 1) << 1;
  const histograms = HISTOGRAM + usize(first * histogram);
  const all = classes * histogram;
  let at = sigmoids;
  if (positions == 1) {
    countRun(sigmoids, usize(samples * classes) << 2, histograms, histogram, all, bins, steps);
  } else {
    const run = usize(positions) << 2;
    for (let r = 0; r < images * classes; r++, at += run) {
      countRun(at, run, histograms + usize((r % classes) * histogram), 0, all, bins, steps);
    }
  }
  countTrue(sigmoids, bins, steps);
  settleBins(bins, ignored);
  for (let c = 0; c < classes; c++) {
    const zeros = histograms + usize(c * histogram);
    store<u16>(zeros, load<u16>(zeros) - u16(ignored));
  }
  countClasses(losses, sigmoids);
  return i32(over - overs) >> 2;
}
