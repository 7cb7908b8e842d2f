/**
 * Counts and sums of groups: each has a block of its own (GROUP_* in constants.ts), and each sample of a tile is
 * counted in that of its group. So samples of many groups go by together, and a group costs no more than its samples
 * do.
 *
 * A value and its square are added to two float64 side by side, of which there are two for each eight exponents of the
 * value. What is added to one of them is a multiple of some unit and at most 2^39 of it, so that 2^14 of them are added
 * exactly, whatever their size.
 */
import {
  GROUP_BINS, GROUP_BRIERS, GROUP_ENTROPIES, GROUP_EXTREMES, GROUP_LARGE, GROUP_LOSSES, GROUP_PREDICTED, GROUP_RANKS,
  GROUP_SAMPLES, GROUP_SLOT_BYTES,
} from '../../bindings/backend/constants';
import { upper } from '../softmax/margin';
import { sigmoid } from '../stages';
import { APART } from '../tile/block';
import { CROSS_ENTROPY, LABELS, LOSS, PLANES, SUM, TILE } from '../tile/scratch';
import { classes, first, positions, samples } from '../tile/tile';
import { BRIER, CONFIDENCE, GROUP, PASSED_OVER, PREDICTED, RANK, WRONG } from './scratch';
import { addTwo, ANCHOR, ANCHOR2, ANCHOR3, binsOf, COUNT, HIGHEST, units } from './softmax';

const INFINITE: u32 = 0x7f800000;
/** 2^−50, as 2^−51 in TALLY: 8191 low parts of a loss must add up exactly, and TALLY takes half as many. */
const LEAST: u32 = 0x26800000;
/** 1.5·2^154: adding it leaves a multiple of 2^102. */
const LARGE_ANCHOR: f64 = 3.4253944624943037e46;

/** The first block, and bytes from one to the next. */
let blocks: usize = 0;
let stride: usize = 0;
let bins: i32 = 0;
/** Ranks that are told apart. */
let ranks: i32 = 0;
/** Softmax: where a block has the rows of classes, what is behind them, and the bytes of a row. */
let rowsAt: usize = 0;
let restAt: usize = 0;
let row: usize = 0;
/**
 * One-vs-rest: where it has hits, and of the classes predictions, members and losses; from one part of these to the
 * next.
 */
let hitsAt: usize = 0;
let predictedAt: usize = 0;
let membersAt: usize = 0;
let lossesAt: usize = 0;
let step: usize = 0;

/** Read where blocks are, and how they are laid out. */
export function layGroups(at: usize, bytes: usize, binCount: i32, rankCount: i32, classCount: i32): void {
  blocks = at;
  stride = bytes;
  bins = binCount;
  ranks = rankCount;
  const behind = usize(GROUP_BINS + 8 * bins + 23 & ~15);
  rowsAt = behind;
  row = usize(GROUP_RANKS + 2 * ranks + 17 & ~15);
  restAt = rowsAt + row * (classCount + 1);
  hitsAt = behind;
  predictedAt = hitsAt + usize(2 * bins + 17 & ~15);
  const all = usize((classCount + 3) & ~3);
  membersAt = predictedAt + 4 * all;
  lossesAt = membersAt + 4 * all;
  step = usize((classCount + 1) & ~1) << 3;
}

/** The block of the sample at byte `i`. */
// @ts-ignore: decorator
@inline
function blockOf(i: usize): usize {
  return usize(load<u32>(i, GROUP)) * stride + blocks;
}

// @ts-ignore: decorator
@inline
function addOne(at: usize): void {
  store<i32>(at, load<i32>(at) + 1);
}

// @ts-ignore: decorator
@inline
function addFloat(at: usize, x: f64): void {
  store<f64>(at, load<f64>(at) + x);
}

/** Where the sums of values of this size are, from those of the smallest on. */
// @ts-ignore: decorator
@inline
function slotOf(bits: u32): usize {
  return usize(bits >>> 26 & 31) * GROUP_SLOT_BYTES;
}

/** Whether the squares of the numbers of all samples are in the range of float32. */
function allFinite(): bool {
  let most = i32x4.splat(0);
  for (let i: usize = 0; i < usize(samples) << 2; i += 16) {
    const a = v128.load(i, CROSS_ENTROPY);
    const b = v128.load(i, BRIER);
    const c = v128.load(i, LOSS);
    most = i32x4.max_u(most, i32x4.max_u(f32x4.mul(a, a), i32x4.max_u(f32x4.mul(b, b), f32x4.mul(c, c))));
  }
  return i32x4.all_true(i32x4.lt_u(most, i32x4.splat(INFINITE)));
}

/** Add a number of the sample at byte `i` and its square, both finite. */
// @ts-ignore: decorator
@inline
function addWithSquare(sums: usize, i: usize, column: usize): void {
  const v = v128.load32_zero(column + i);
  const both = v128.shuffle<i32>(v, f32x4.mul(v, v), 0, 4, 2, 6);
  addTwo(sums + slotOf(load<u32>(column + i)), f64x2.promote_low_f32x4(both));
}

/** The same of any number; `extremes` are the counts of those that are not finite. */
function addAny(sums: usize, extremes: usize, v: f32): void {
  const square: f32 = v * v;
  const to = sums + slotOf(reinterpret<u32>(v));
  if (v < Infinity) addFloat(to, v);
  else addOne(extremes + (v == Infinity ? 0 : 4));
  if (square < Infinity) addFloat(to + 8, square);
  else addOne(extremes + (square == Infinity ? 8 : 12));
}

/** Add the numbers of the sample at byte `i` and their squares. */
// @ts-ignore: decorator
@inline
function addSample(block: usize, i: usize, finite: bool): void {
  if (!finite) return addAnySample(block, i);
  addWithSquare(block + GROUP_ENTROPIES, i, CROSS_ENTROPY);
  addWithSquare(block + GROUP_BRIERS, i, BRIER);
  addWithSquare(block + GROUP_LOSSES, i, LOSS);
}

function addAnySample(block: usize, i: usize): void {
  let entropy = load<f32>(i, CROSS_ENTROPY);
  const sum = load<f64>(SUM + (i << 1));
  if (sigmoid && entropy == Infinity && sum < Infinity) {
    const high = sum + LARGE_ANCHOR - LARGE_ANCHOR;
    addFloat(block + GROUP_LARGE, high);
    addFloat(block + GROUP_LARGE + 8, sum - high);
    entropy = 0;
  }
  addAny(block + GROUP_ENTROPIES, block + GROUP_EXTREMES, entropy);
  addAny(block + GROUP_BRIERS, block + GROUP_EXTREMES + GROUP_SLOT_BYTES, load<f32>(i, BRIER));
  addAny(block + GROUP_LOSSES, block + GROUP_EXTREMES + 2 * GROUP_SLOT_BYTES, load<f32>(i, LOSS));
}

/** Add a loss of at most 128 to its parts, the first two at `high` and `low`, the others from `rest` on. */
// @ts-ignore: decorator
@inline
function addLoss(v: f32, high: usize, low: usize, rest: usize, along: usize): void {
  const loss = f64(v);
  const part = loss + ANCHOR - ANCHOR;
  addFloat(high, part);
  if (reinterpret<u32>(v) - LEAST <= HIGHEST - LEAST) addFloat(low, loss - part);
  else addSmall(loss - part, low, rest, along);
}

/** What is left of a loss that is too small for two parts. */
function addSmall(rest: f64, low: usize, to: usize, along: usize): void {
  const second = rest + ANCHOR2 - ANCHOR2;
  rest -= second;
  const third = rest + ANCHOR3 - ANCHOR3;
  addFloat(low, second);
  addFloat(to, third);
  addFloat(to + along, rest - third);
}

// @ts-ignore: decorator
@inline
function addShort(at: usize): void {
  store<u16>(at, load<u16>(at) + 1);
}

/** Add to two i32: 1 to the first, and to the second if `right`. */
// @ts-ignore: decorator
@inline
function addMember(at: usize, right: bool): void {
  store<i64>(at, load<i64>(at) + 1 + (i64(right) << 32));
}

// @ts-ignore: decorator
@inline
function addLong(at: usize, x: i64): void {
  store<i64>(at, load<i64>(at) + x);
}

/** A probability in units of 2^−23. */
// @ts-ignore: decorator
@inline
function unitsOf(p: f32): u32 {
  return reinterpret<u32>(p + 1) - 0x3f800000;
}

// @ts-ignore: decorator
@inline
function binOf(unit: u32): usize {
  return usize((unit * bins) >>> 23);
}

/** Count a sample, whose true class comes behind so many others, in a row. */
// @ts-ignore: decorator
@inline
function addRank(row: usize, rank: i32): void {
  addShort(row + (usize(min(rank, ranks)) << 1) + GROUP_RANKS);
}

/**
 * Softmax: count and add up the tile. Samples without a prediction (NaN), or with a loss above 128, are added up alone:
 * their numbers go to PASSED_OVER, and how many they are is returned.
 */
export function countSamplesByGroup(classCount: i32): i32 {
  const finite = allFinite();
  let over = PASSED_OVER;
  const all = usize(samples) << 2;
  for (let i: usize = 0; i < all; i += 4) {
    const block = blockOf(i);
    const y = load<i32>(i, LABELS);
    addMember(block + GROUP_SAMPLES, y < 0);
    if (y < 0) continue;
    addSample(block, i, finite);
    const predicted = load<i32>(i, PREDICTED);
    const rank = load<i32>(i, RANK);
    const bits = load<u32>(i, LOSS);
    const rows = block + rowsAt;
    if (predicted < 0 || bits > HIGHEST) {
      if (predicted >= 0) addRank(rows + row * classCount, rank);
      store<i32>(over, i32(i >> 2));
      over += 4;
      continue;
    }
    const own = rows + row * y;
    const loss = f64(reinterpret<f32>(bits));
    const high = loss + ANCHOR - ANCHOR;
    const low = loss - high;
    // of a smaller one the first part is 0
    if (bits - LEAST <= HIGHEST - LEAST) addTwo(own, f64x2.replace_lane(f64x2.splat(high), 1, low));
    else addSmall(low, own + 8, block + restAt + (usize(y) << 4), 8);
    addRank(own, rank);
    addShort(rows + row * predicted + GROUP_PREDICTED);
    const unit = unitsOf(load<f32>(i, CONFIDENCE));
    const one = i64(unit) + (i64(1) << 36) + (i64(predicted == y) << 49);
    addLong(block + GROUP_BINS + (binOf(unit) << 3), one);
  }
  return i32(over - PASSED_OVER) >> 2;
}

/** What a sample adds to GROUP_SAMPLES and GROUP_IGNORED, and nothing for GROUP_WRONG, which is behind them. */
const ONE_SAMPLE: usize = memory.data<i64>([1, 0], 16);

/** One-vs-rest: add up the samples of the tile, all of whose classes have gone by. */
export function addSamplesByGroup(): void {
  const finite = allFinite();
  const all = usize(samples) << 2;
  for (let i: usize = 0; i < all; i += 4) {
    const block = blockOf(i);
    if (load<i32>(i, LABELS) < 0) {
      addMember(block + GROUP_SAMPLES, true);
      continue;
    }
    addSample(block, i, finite);
    const wrong = i64(load<i32>(i, WRONG));
    const term = i64x2.replace_lane(v128.load(ONE_SAMPLE), 1, wrong * wrong + (i64(wrong == 0) << 40));
    v128.store(block, i64x2.add(v128.load(block, GROUP_SAMPLES), term), GROUP_SAMPLES);
  }
}

/** What one probability adds to a bin beside its units. In memory, as an engine would make it anew for each. */
const ONE: usize = memory.data<i64>([1 << 43], 8);

/** Logits that are looked at together: one out of the ordinary slows down these alone. */
const BLOCK: usize = 4 * 256;
/** Of a block of probabilities: their units, and the byte of each one's word among those of the bins. */
const UNITS: usize = memory.data(4 * 256 + APART, 16);
const PLACE: usize = memory.data(4 * 256 + APART, 16);

/** UNITS and PLACE of what begins at byte `at` of the tile. Returns whether all losses go in two parts. */
function prepare(at: usize, bytes: usize): bool {
  const one = i32x4.splat(1);
  let least = i32x4.splat(-1);
  let most = i32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) {
    const u = units(v128.load(at + i, TILE));
    v128.store(i, u, UNITS);
    v128.store(i, i32x4.shl(binsOf(u), 3), PLACE);
    // minus 1, zero becomes the largest integer, and so does not count as too small
    const v = v128.load(at + i, PLANES);
    least = i32x4.min_u(least, i32x4.sub(v, one));
    most = i32x4.max_u(most, v);
  }
  return i32x4.all_true(
    v128.and(i32x4.ge_u(least, i32x4.splat(LEAST - 1)), i32x4.le_u(most, i32x4.splat(HIGHEST))),
  );
}

/** Count the probability at byte `from` of the block in its bin. */
// @ts-ignore: decorator
@inline
function countBin(words: usize, from: usize, one: i64): void {
  addLong(words + usize(load<u32>(from, PLACE)), i64(load<u32>(from, UNITS)) + one);
}

/** Add two losses, each in two parts. */
// @ts-ignore: decorator
@inline
function addTwoLosses(to: usize, losses: v128, step: usize, anchor: v128): void {
  const high = f64x2.sub(f64x2.add(losses, anchor), anchor);
  addTwo(to, high);
  addTwo(to + step, f64x2.sub(losses, high));
}

/**
 * Count probabilities, decisions, and losses in two parts: of classes from byte `c` on, from byte `at` of the tile and
 * `from` of BLOCK.
 */
// @ts-ignore: decorator
@inline
function countPlain(
  block: usize, c: usize, at: usize, from: usize, bytes: usize, step: usize, anchor: v128, one: i64,
): void {
  const words = block + GROUP_BINS;
  let predictions = block + predictedAt + c;
  let to = block + lossesAt + (c << 1);
  // past the last class other samples' numbers go where no class is
  for (const end = at + bytes; ; at += 16, from += 16, to += 32, predictions += 16) {
    const v = v128.load(at, PLANES);
    v128.store(predictions, i32x4.add(v128.load(predictions), i32x4.shr_u(v128.load(at, TILE), 31)));
    addTwoLosses(to, f64x2.promote_low_f32x4(v), step, anchor);
    countBin(words, from, one);
    const left = end - at;
    if (left == 4) return;
    countBin(words, from + 4, one);
    if (left == 8) return;
    addTwoLosses(to + 16, upper(v), step, anchor);
    countBin(words, from + 8, one);
    if (left == 12) return;
    countBin(words, from + 12, one);
    if (left == 16) return;
  }
}

/** The same of any losses. Returns how many are above 128. */
function countAny(block: usize, c: usize, at: usize, from: usize, bytes: usize): i32 {
  const predictions = block + predictedAt + c;
  const one = load<i64>(ONE);
  for (let i: usize = 0; i < bytes; i += 4) {
    store<i32>(predictions + i, load<i32>(predictions + i) + i32(load<u32>(at + i, TILE) >>> 31));
    countBin(block + GROUP_BINS, from + i, one);
  }
  return addLosses(at, bytes, 4, block + lossesAt + (c << 1));
}

/** Count the rows of the tile. Returns how many losses are above 128. */
function countRows(): i32 {
  const bytes = usize(classes) << 2;
  const some = min(bytes, BLOCK);
  const rows = (BLOCK / some) << 2;
  const anchor = f64x2.splat(ANCHOR);
  const one = load<i64>(ONE);
  const along = step;
  const before = usize(first) << 2;
  const all = usize(samples) << 2;
  let left = 0;
  let at: usize = 0;
  for (let i: usize = 0; i < all;) {
    const end = min(i + rows, all);
    const plain = prepare(at, ((end - i) >> 2) * some);
    for (let from: usize = 0; i < end; i += 4, at += bytes, from += some) {
      if (load<i32>(i, LABELS) < 0) continue;
      const block = blockOf(i);
      if (plain) countPlain(block, before, at, from, some, along, anchor, one);
      else left += countAny(block, before, at, from, some);
      // long rows piece by piece
      for (let c = some; c < bytes; c += BLOCK) {
        const piece = min(bytes - c, BLOCK);
        if (prepare(at + c, piece)) countPlain(block, before + c, at + c, 0, piece, along, anchor, one);
        else left += countAny(block, before + c, at + c, 0, piece);
      }
    }
  }
  return left;
}

/** Add losses of a sample, one by one, `along` bytes apart, to classes from `to` on. Returns how many are above 128. */
function addLosses(at: usize, bytes: usize, along: usize, to: usize): i32 {
  let left = 0;
  for (let i: usize = 0; i < bytes; i += 4, at += along, to += 8) {
    const v = load<f32>(at, PLANES);
    if (reinterpret<u32>(v) > HIGHEST) left++;
    else addLoss(v, to, to + step, to + 2 * step, step);
  }
  return left;
}

/** Count a sample of images, whose classes are `along` bytes apart. Returns how many losses are above 128. */
function countColumn(block: usize, at: usize, along: usize): i32 {
  let predictions = block + predictedAt + (usize(first) << 2);
  const one = load<i64>(ONE);
  let to = at;
  for (let c = 0; c < classes; c++, to += along, predictions += 4) {
    const p = load<f32>(to, TILE);
    store<i32>(predictions, load<i32>(predictions) + i32(reinterpret<u32>(p) >>> 31));
    const unit = unitsOf(f32.abs(p));
    addLong(block + GROUP_BINS + (binOf(unit) << 3), i64(unit) + one);
  }
  return addLosses(at, usize(classes) << 2, along, block + lossesAt + (usize(first) << 3));
}

/** Count the samples of images. Returns how many losses are above 128. */
function countImages(): i32 {
  let left = 0;
  for (let sample = 0; sample < samples; sample++) {
    const i = usize(sample) << 2;
    if (load<i32>(i, LABELS) < 0) continue;
    const d = sample % positions;
    left += countColumn(blockOf(i), usize((sample - d) * classes + d) << 2, usize(positions) << 2);
  }
  return left;
}

/** Count the sample at byte `i` in its own class, whose probability is p. */
// @ts-ignore: decorator
@inline
export function countTrue(i: usize, p: f32, right: bool): void {
  const block = blockOf(i);
  const member = block + membersAt + (usize(load<u32>(i, LABELS)) << 2);
  store<u32>(member, load<u32>(member) + 1 + (u32(right) << 16));
  addShort(block + hitsAt + (binOf(unitsOf(p)) << 1));
}

/**
 * One-vs-rest: count what `restoreTrueDecisions` did not. Decisions must have no NaN. Losses above 128 are left out;
 * returns how many there are.
 */
export function countDecisionsByGroup(): i32 {
  v128.store(COUNT, i32x4.splat(bins));
  return positions == 1 ? countRows() : countImages();
}
