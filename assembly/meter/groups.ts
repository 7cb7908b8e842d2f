/**
 * Counts and sums of groups: each has a block of its own (GROUP_* in constants.ts), and each sample of a tile is
 * counted in that of its group. So samples of many groups go by together, and a group costs no more than its samples
 * do.
 *
 * A sum has a float64 for each sixteen exponents of a float32. Its values are multiples of one unit and below 2^39 of
 * it, so that 2^14 of them are added exactly, whatever their size.
 */
import {
  GROUP_BINS, GROUP_EXTREMES, GROUP_LARGE, GROUP_PREDICTED, GROUP_ROW_BYTES, GROUP_SAMPLES, GROUP_SLOT_BYTES,
  GROUP_SUMS, GROUP_SUPPORT, SUM_BRIER, SUM_BRIER_SQUARES, SUM_ENTROPY_SQUARES, SUM_LOSS, SUM_LOSS_SQUARES,
} from '../../bindings/backend/constants';
import { upper } from '../softmax/margin';
import { sigmoid } from '../stages';
import { APART } from '../tile/block';
import { CROSS_ENTROPY, LABELS, LOSS, PLANES, SUM, TILE } from '../tile/scratch';
import { classes, first, positions, samples } from '../tile/tile';
import { BRIER, CONFIDENCE, GROUP, PASSED_OVER, PREDICTED, RANK, WRONG } from './scratch';
import { addTwo, ANCHOR, ANCHOR2, ANCHOR3, binsOf, COUNT, HIGHEST, units } from './softmax';

const INFINITE: u32 = 0x7f800000;
/** 2^−50: of twice as many samples as TALLY takes, values in two parts have one bit less. */
const LEAST: u32 = 0x26800000;
/** 1.5·2^154: adding it leaves a multiple of 2^102. */
const LARGE_ANCHOR: f64 = 3.4253944624943037e46;

/** The first block, and bytes from one to the next. */
let blocks: usize = 0;
let stride: usize = 0;
let bins: i32 = 0;
/** Ranks that are told apart. */
let ranks: i32 = 0;
/**
 * Where a block has ranks or hits, classes, and what comes behind their rows; bytes from one field of the classes to
 * the next.
 */
let ranksAt: usize = 0;
let hitsAt: usize = 0;
let classesAt: usize = 0;
let restAt: usize = 0;
let step: usize = 0;

/** Read where blocks are, and how they are laid out. */
export function layGroups(at: usize, bytes: usize, binCount: i32, rankCount: i32, classCount: i32): void {
  blocks = at;
  stride = bytes;
  bins = binCount;
  ranks = rankCount;
  ranksAt = usize(GROUP_BINS + ((bins + 1) << 3));
  hitsAt = usize(GROUP_BINS + ((bins + 1) << 4));
  classesAt = (sigmoid ? hitsAt + (usize(bins + 1) << 2) : ranksAt + (usize(ranks + 1) << 2)) + 15 & ~15;
  restAt = classesAt + usize(classCount * GROUP_ROW_BYTES);
  step = usize((classCount + 3) & ~3) << 3;
}

/** Turn the number of each sample's block into its address. */
export function findBlocks(): void {
  const at = i32x4.splat(i32(blocks));
  const bytes = i32x4.splat(i32(stride));
  for (let i: usize = 0; i < usize(samples) << 2; i += 16) {
    v128.store(i, i32x4.add(i32x4.mul(v128.load(i, GROUP), bytes), at), GROUP);
  }
}

/** The block of the sample at byte `i`. */
// @ts-ignore: decorator
@inline
function blockOf(i: usize): usize {
  return usize(load<u32>(i, GROUP));
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

/** Add a finite value to a sum. */
// @ts-ignore: decorator
@inline
function addFinite(block: usize, sum: i32, v: f32): void {
  addFloat(block + usize(reinterpret<u32>(v) >>> 27) * GROUP_SLOT_BYTES + GROUP_SUMS + (sum << 3), f64(v));
}

/** Add any value to a sum. */
function addAny(block: usize, sum: i32, v: f32): void {
  const bits = reinterpret<u32>(v) & i32.MAX_VALUE;
  if (bits < INFINITE) addFinite(block, sum, v);
  else addOne(block + GROUP_EXTREMES + (usize(sum) << 3) + (bits > INFINITE ? 4 : 0));
}

/** Add the numbers of the sample at byte `i` and their squares. */
// @ts-ignore: decorator
@inline
function addSample(block: usize, i: usize): void {
  const entropy = load<f32>(i, CROSS_ENTROPY);
  const brier = load<f32>(i, BRIER);
  const loss = load<f32>(i, LOSS);
  const entropies: f32 = entropy * entropy;
  const briers: f32 = brier * brier;
  const losses: f32 = loss * loss;
  const most = max(reinterpret<u32>(entropies), max(reinterpret<u32>(briers), reinterpret<u32>(losses)));
  if (most >= INFINITE) return addExtremes(block, i);
  addFinite(block, SUM_LOSS, entropy);
  addFinite(block, SUM_BRIER, brier);
  addFinite(block, SUM_LOSS_SQUARES, losses);
  addFinite(block, SUM_ENTROPY_SQUARES, entropies);
  addFinite(block, SUM_BRIER_SQUARES, briers);
}

/** The same where one of them is past float32, or NaN. */
function addExtremes(block: usize, i: usize): void {
  let entropy = load<f32>(i, CROSS_ENTROPY);
  const sum = load<f64>(SUM + (i << 1));
  if (sigmoid && entropy == Infinity && sum < Infinity) {
    const high = sum + LARGE_ANCHOR - LARGE_ANCHOR;
    addFloat(block + GROUP_LARGE, high);
    addFloat(block + GROUP_LARGE + 8, sum - high);
    entropy = 0;
  }
  const brier = load<f32>(i, BRIER);
  const loss = load<f32>(i, LOSS);
  addAny(block, SUM_LOSS, entropy);
  addAny(block, SUM_BRIER, brier);
  addAny(block, SUM_LOSS_SQUARES, loss * loss);
  addAny(block, SUM_ENTROPY_SQUARES, entropy * entropy);
  addAny(block, SUM_BRIER_SQUARES, brier * brier);
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

/**
 * Softmax: count and add up the tile. Samples without a prediction (NaN), or with a loss above 128, are added up alone:
 * their numbers go to PASSED_OVER, and how many they are is returned.
 */
export function countSamplesByGroup(): i32 {
  let over = PASSED_OVER;
  const all = usize(samples) << 2;
  for (let i: usize = 0; i < all; i += 4) {
    const block = blockOf(i);
    const y = load<i32>(i, LABELS);
    addMember(block + GROUP_SAMPLES, y < 0);
    if (y < 0) continue;
    addSample(block, i);
    const predicted = load<i32>(i, PREDICTED);
    const loss = load<f32>(i, LOSS);
    if (predicted >= 0) addOne(block + ranksAt + (usize(min(load<i32>(i, RANK), ranks)) << 2));
    if (predicted < 0 || reinterpret<u32>(loss) > HIGHEST) {
      store<i32>(over, i32(i >> 2));
      over += 4;
      continue;
    }
    const hit = predicted == y;
    const row = block + classesAt + usize(y * GROUP_ROW_BYTES);
    const rest = block + restAt + (usize(y) << 4);
    addLoss(loss, row, row + 8, rest, 8);
    addMember(row + GROUP_SUPPORT, hit);
    addOne(block + classesAt + usize(predicted * GROUP_ROW_BYTES) + GROUP_PREDICTED);
    const unit = unitsOf(load<f32>(i, CONFIDENCE));
    const one = i64(unit) + (i64(1) << 36) + (i64(hit) << 49);
    addLong(block + GROUP_BINS + (binOf(unit) << 3), one);
  }
  return i32(over - PASSED_OVER) >> 2;
}

/** What a sample adds to GROUP_SAMPLES and GROUP_IGNORED, and nothing for GROUP_WRONG, which is behind them. */
const ONE_SAMPLE: usize = memory.data<i64>([1, 0], 16);

/** One-vs-rest: add up the samples of the tile, all of whose classes have gone by. */
export function addSamplesByGroup(): void {
  const all = usize(samples) << 2;
  for (let i: usize = 0; i < all; i += 4) {
    const block = blockOf(i);
    if (load<i32>(i, LABELS) < 0) {
      addMember(block + GROUP_SAMPLES, true);
      continue;
    }
    addSample(block, i);
    const wrong = i64(load<i32>(i, WRONG));
    const term = i64x2.replace_lane(v128.load(ONE_SAMPLE), 1, wrong * wrong + (i64(wrong == 0) << 40));
    v128.store(block, i64x2.add(v128.load(block), term));
  }
}

/** Count a probability in units of 2^−23. */
// @ts-ignore: decorator
@inline
function addToBin(at: usize, unit: u32): void {
  addLong(at, i64(unit) + (i64(1) << 43));
}

/** Logits that are looked at together: one out of the ordinary slows down these alone. */
const BLOCK: usize = 4 * 256;
/** Of a block of probabilities: their units, and the byte of each one's word among those of the bins. */
const UNITS: usize = memory.data(4 * 256 + APART, 16);
const PLACE: usize = memory.data(4 * 256 + APART, 16);
const WORD_OF_LANE: usize = memory.data<i32>([0, 8, 0, 8], 16);

/** UNITS and PLACE of what begins at byte `at` of the tile. Returns whether all losses go in two parts. */
function prepare(at: usize, bytes: usize): bool {
  const one = i32x4.splat(1);
  const lane = v128.load(WORD_OF_LANE);
  let least = i32x4.splat(-1);
  let most = i32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) {
    const u = units(v128.load(at + i, TILE));
    v128.store(i, u, UNITS);
    v128.store(i, v128.or(i32x4.shl(binsOf(u), 4), lane), PLACE);
    // minus 1, zero becomes the largest integer, and so does not count as too small
    const v = v128.load(at + i, PLANES);
    least = i32x4.min_u(least, i32x4.sub(v, one));
    most = i32x4.max_u(most, v);
  }
  return i32x4.all_true(
    v128.and(i32x4.ge_u(least, i32x4.splat(LEAST - 1)), i32x4.le_u(most, i32x4.splat(HIGHEST))),
  );
}

/** Count the probabilities of a sample in bins, from byte `from` of the block to `end`. */
// @ts-ignore: decorator
@inline
function countBins(words: usize, from: usize, end: usize): void {
  for (; from + 8 <= end; from += 8) {
    addToBin(words + usize(load<u32>(from, PLACE)), load<u32>(from, UNITS));
    addToBin(words + usize(load<u32>(from, PLACE + 4)), load<u32>(from, UNITS + 4));
  }
  if (from < end) addToBin(words + usize(load<u32>(from, PLACE)), load<u32>(from, UNITS));
}

/** Add losses in two parts, and decisions, of a sample from byte `at` of the tile on. */
// @ts-ignore: decorator
@inline
function countPlain(to: usize, predictions: usize, at: usize, bytes: usize, step: usize, anchor: v128): void {
  // past the last class other samples' numbers go where no class is
  for (const end = at + bytes; at < end; at += 16, to += 32, predictions += 16) {
    const p = v128.load(at, TILE);
    const v = v128.load(at, PLANES);
    v128.store(predictions, i32x4.add(v128.load(predictions), i32x4.shr_u(p, 31)));
    const a = f64x2.promote_low_f32x4(v);
    const b = upper(v);
    const highA = f64x2.sub(f64x2.add(a, anchor), anchor);
    const highB = f64x2.sub(f64x2.add(b, anchor), anchor);
    addTwo(to, highA);
    addTwo(to + step, f64x2.sub(a, highA));
    if (end - at <= 8) return;
    addTwo(to + 16, highB);
    addTwo(to + step + 16, f64x2.sub(b, highB));
  }
}

/** The same of any losses. Returns how many are above 128. */
function countAny(to: usize, predictions: usize, at: usize, bytes: usize): i32 {
  for (let i: usize = 0; i < bytes; i += 4) {
    store<i32>(predictions + i, load<i32>(predictions + i) + i32(load<u32>(at + i, TILE) >>> 31));
  }
  return addLosses(at, bytes, 4, to);
}

/** Count the rows of the tile. Returns how many losses are above 128. */
function countRows(): i32 {
  const bytes = usize(classes) << 2;
  const some = min(bytes, BLOCK);
  const rows = (BLOCK / some) << 2;
  const anchor = f64x2.splat(ANCHOR);
  const along = step;
  const own = classesAt + (usize(first) << 3);
  const predicted = classesAt + 5 * step + (usize(first) << 2);
  const all = usize(samples) << 2;
  let left = 0;
  let at: usize = 0;
  for (let i: usize = 0; i < all;) {
    const end = min(i + rows, all);
    const plain = prepare(at, ((end - i) >> 2) * some);
    for (let from: usize = 0; i < end; i += 4, at += bytes, from += some) {
      if (load<i32>(i, LABELS) < 0) continue;
      const block = blockOf(i);
      countBins(block + GROUP_BINS, from, from + some);
      if (plain) countPlain(block + own, block + predicted, at, some, along, anchor);
      else left += countAny(block + own, block + predicted, at, some);
      // long rows piece by piece
      for (let c = some; c < bytes; c += BLOCK) {
        const piece = min(bytes - c, BLOCK);
        const common = prepare(at + c, piece);
        countBins(block + GROUP_BINS, 0, piece);
        if (common) countPlain(block + own + (c << 1), block + predicted + c, at + c, piece, along, anchor);
        else left += countAny(block + own + (c << 1), block + predicted + c, at + c, piece);
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
  let predictions = block + classesAt + 5 * step + (usize(first) << 2);
  let to = at;
  for (let c = 0; c < classes; c++, to += along, predictions += 4) {
    const p = load<f32>(to, TILE);
    store<i32>(predictions, load<i32>(predictions) + i32(reinterpret<u32>(p) >>> 31));
    const unit = unitsOf(f32.abs(p));
    addToBin(block + GROUP_BINS + (binOf(unit) << 4) + (usize(c & 1) << 3), unit);
  }
  return addLosses(at, usize(classes) << 2, along, block + classesAt + (usize(first) << 3));
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
  addMember(block + classesAt + 4 * step + (usize(load<u32>(i, LABELS)) << 3), right);
  addOne(block + hitsAt + (binOf(unitsOf(p)) << 2));
}

/**
 * One-vs-rest: count what `restoreTrueDecisions` did not. Decisions must have no NaN. Losses above 128 are left out;
 * returns how many there are.
 */
export function countDecisionsByGroup(): i32 {
  v128.store(COUNT, i32x4.splat(bins));
  return positions == 1 ? countRows() : countImages();
}
