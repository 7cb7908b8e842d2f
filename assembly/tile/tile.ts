/**
 * The tile: where its logits are in memory, and what each pass does to it first and last.
 *
 * A tile holds `images` × `positions` samples and a chunk of the classes, [first, first + classes). The logit of class
 * c of sample (b, d) is at base + 4·(b·imageStride + c·classStride + d). Rows [N, C] are images of one position.
 *
 * Vectors run along the classes in rows of many classes (form ROWS). In every other form the tile is `planar`: vectors
 * run across the samples. Rows of few classes are transposed into planes for that, as one image of all samples, and
 * `toRows` transposes them back.
 *
 * Kernels process groups of eight lanes. The last group of a row, or of the positions of an image, writes up to seven
 * lanes too far. Harmless: those lanes are written later. In rows and in arrays of samples they belong to the next
 * image, so images go from first to last. In planes they belong to the first positions of the next class, so positions
 * go from last to first.
 */
import { PARAM_PLANES, PLANE_GAP, PLANE_GROUP, ROWS, TRANSPOSED } from '../../bindings/backend/constants';
import { param } from '../params';
import { CLASS_WEIGHTS, LABELS, LOGIT_WEIGHTS, OFFSET, OWN_WEIGHT, PLANES, TILE, TRUE, WEIGHT } from './scratch';

const NEGATIVE_INFINITY: u32 = 0xff800000;
const SIGN_BIT: u32 = 0x80000000;

export let base: usize = 0;
export let form: i32 = 0;
/** Whether the logits are read in the caller's own memory. `close` then puts back what `open` changed there. */
export let borrowed: bool = false;
export let samples: i32 = 0;
export let classes: i32 = 0;
/** Logits from one class to the next, and from one image to the next. */
export let classStride: i32 = 0;
export let imageStride: i32 = 0;
export let planar: bool = false;
/** Whether the tile takes the short way of two classes: their margin is a difference, and no logit is masked. */
export let pair: bool = false;
/** Whether that way is allowed. */
let pairs: bool = true;
/** First class of the chunk. */
export let first: i32 = 0;

export let images: i32 = 0;
export let positions: i32 = 0;

/**
 * Labels of an earlier pass over the same tile, or 0. A sample whose label is the same as then is passed over: `review`
 * (meter/softmax.ts) has its result already.
 */
let known: usize = 0;

/** From now on, pass over samples whose labels equal those at `labels`; 0 ends that. */
export function passOver(labels: usize): void {
  known = labels;
}

/** Whether a pass may skip the group of samples at byte `i`: eight samples of planes, one of rows. */
// @ts-ignore: decorator
@inline
export function passedOver(i: usize): bool {
  if (!known) return false;
  if (!planar) return load<i32>(i, LABELS) == load<i32>(known + i);
  // a group that reaches past its image writes into the next, which must then be written, too
  if (images > 1 && positions & 7) return false;
  const same = i32x4.eq(v128.load(i, LABELS), v128.load(known + i));
  return i32x4.all_true(v128.and(same, i32x4.eq(v128.load(i, LABELS + 16), v128.load(known + i, 16))));
}

/** Logits from one plane of n samples to the next: the rule of bindings/losses/plan.ts. */
// @ts-ignore: decorator
@inline
function planeStride(n: i32): i32 {
  return ((n + PLANE_GAP + 2 * PLANE_GROUP - 2) & -PLANE_GROUP) | PLANE_GROUP;
}

/** First byte of the last group of an image's positions, `group` positions to a group. */
// @ts-ignore: decorator
@inline
export function last(group: i32): i32 {
  return ((positions - 1) & -group) << 2;
}

export function allowPairs(allowed: bool): void {
  pairs = allowed;
}

/** Begin a tile at `source`. */
export function place(
  source: usize, imageCount: i32, positionCount: i32, classCount: i32,
  givenImageStride: i32, givenClassStride: i32, firstClass: i32, givenForm: i32,
): void {
  samples = imageCount * positionCount;
  classes = classCount;
  first = firstClass;
  form = givenForm;
  planar = form != ROWS;
  base = source;
  classStride = givenClassStride;
  imageStride = givenImageStride;
  images = imageCount;
  positions = positionCount;
  // images without a gap between them are one image
  if (planar && (positionCount == 1 || givenImageStride == positionCount)) {
    images = 1;
    positions = samples;
    if (form == TRANSPOSED) {
      base = usize(param(PARAM_PLANES)) || PLANES;
      classStride = planeStride(samples);
      transpose(source, givenImageStride, base, classStride, samples, classes);
    }
  }
  borrowed = base == source && base != TILE && base != PLANES;
  pair = pairs && planar && first == 0 && classes == 2;
  locate();
}

/**
 * Write to OFFSET, for each sample, the offset of its true logit from `base` in bytes, or a negative number where the
 * sample is ignored or its class is not in this chunk.
 */
export function locate(): void {
  if (pair) return;
  // rows are one image whose positions are a row apart
  const rows = positions == 1;
  const runs = rows ? 1 : images;
  const run = rows ? images : positions;
  const step = rows ? imageStride : 1;
  const classStride4 = i32x4.splat(classStride);
  const first4 = i32x4.splat(first);
  const classes4 = i32x4.splat(classes);
  const along = i32x4.splat(4 * step);
  const image = i32x4.splat(imageStride);
  let begin = i32x4.mul(i32x4.splat(step), i32x4(0, 1, 2, 3));
  for (let b = 0; b < runs; b++, begin = i32x4.add(begin, image)) {
    let place = begin;
    const from = usize(b * run) << 2;
    // the last group writes too far, into the next run, which is written later
    for (let i = from; i < from + (usize(run) << 2); i += 16) {
      const y = i32x4.sub(v128.load(i, LABELS), first4);
      const offset = i32x4.shl(i32x4.add(place, i32x4.mul(y, classStride4)), 2);
      v128.store(i, v128.or(offset, i32x4.ge_u(y, classes4)), OFFSET);
      place = i32x4.add(place, along);
    }
  }
}

/**
 * Softmax: copy each sample's true logit to TRUE and its class weight to WEIGHT, then write −∞ over the logit, which
 * leaves the true class out of every maximum and every sum. Here and below, samples with a negative OFFSET are skipped.
 */
export function maskTrueClass(): void {
  if (pair) return;
  for (let i: usize = 0; i < usize(samples) << 2; i += 4) {
    const offset = load<i32>(i, OFFSET);
    if (offset < 0) continue;
    store<u32>(i, load<u32>(base + offset), TRUE);
    store<u32>(i, load<u32>(CLASS_WEIGHTS + (usize(load<i32>(i, LABELS) - first) << 2)), WEIGHT);
    store<u32>(base + offset, NEGATIVE_INFINITY);
  }
}

/** Undo `maskTrueClass`. */
export function unmaskTrueClass(): void {
  putTrue(base, TRUE, 0);
}

/**
 * One-vs-rest: negate each sample's true logit, so that the loss of every logit is the same function of it, and put the
 * weight of the true class in its place in LOGIT_WEIGHTS.
 */
export function negateTrueLogits(): void {
  for (let i: usize = 0; i < usize(samples) << 2; i += 4) {
    const offset = load<i32>(i, OFFSET);
    if (offset < 0) continue;
    store<u32>(base + offset, load<u32>(base + offset) ^ SIGN_BIT);
    store<u32>(i, load<u32>(LOGIT_WEIGHTS + offset), OWN_WEIGHT);
    store<u32>(LOGIT_WEIGHTS + offset, load<u32>(CLASS_WEIGHTS + (usize(load<i32>(i, LABELS) - first) << 2)));
  }
}

/** Undo `negateTrueLogits` in the logits or the gradient at `to`. */
export function restoreTrueLogits(to: usize): void {
  for (let i: usize = 0; i < usize(samples) << 2; i += 4) {
    const offset = load<i32>(i, OFFSET);
    if (offset >= 0) store<u32>(to + offset, load<u32>(to + offset) ^ SIGN_BIT);
  }
}

/** Undo `negateTrueLogits` in LOGIT_WEIGHTS. */
export function restoreWeights(): void {
  for (let i: usize = 0; i < usize(samples) << 2; i += 4) {
    const offset = load<i32>(i, OFFSET);
    if (offset >= 0) store<u32>(LOGIT_WEIGHTS + offset, load<u32>(i, OWN_WEIGHT));
  }
}

/** Write values[i] ^ flip in the place of each sample's true logit. `flip` is 0, or the sign bit. */
export function putTrue(to: usize, values: usize, flip: u32): void {
  if (pair) return;
  for (let i: usize = 0; i < usize(samples) << 2; i += 4) {
    const offset = load<i32>(i, OFFSET);
    if (offset >= 0) store<u32>(to + offset, load<u32>(values + i) ^ flip);
  }
}

/** Multiply the logits of each sample by factors[i] unless `factors` is 0. Those of ignored samples become 0. */
export function scale(to: usize, factors: usize): void {
  for (let b = 0, i: usize = 0; b < images; b++, to += usize(imageStride) << 2) {
    for (let d: usize = 0; d < usize(positions); d++, i += 4) {
      const ignored = load<i32>(i, LABELS) < 0;
      if (!factors && !ignored) continue;
      let at = to + (d << 2);
      for (let c = 0; c < classes; c++, at += usize(classStride) << 2) {
        store<f32>(at, ignored ? 0 : load<f32>(at) * load<f32>(factors + i));
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function low(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 0, 4, 1, 5);
}

// @ts-ignore: decorator
@inline
function high(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 2, 6, 3, 7);
}

// @ts-ignore: decorator
@inline
function lowPair(a: v128, b: v128): v128 {
  return v128.shuffle<f64>(a, b, 0, 2);
}

// @ts-ignore: decorator
@inline
function highPair(a: v128, b: v128): v128 {
  return v128.shuffle<f64>(a, b, 1, 3);
}

/**
 * Transpose a matrix in blocks of four by four: `rows` rows of `columns`, `rowStride` apart, become `columns` rows that
 * are `toRowStride` apart. The last block of a written row reaches up to three lanes past its end. Harmless: they
 * belong to the next row, whose first block is written later, because blocks go from the last to the first. Up to three
 * rows past the last are read and written, too.
 */
export function transpose(from: usize, rowStride: i32, to: usize, toRowStride: i32, rows: i32, columns: i32): void {
  const row = usize(rowStride) << 2;
  const toRow = usize(toRowStride) << 2;
  for (let k: usize = 0; k < usize(columns) << 2; k += 16, to += toRow << 2) {
    for (let r = (rows - 1) & ~3; r >= 0; r -= 4) {
      const source = from + usize(r) * row + k;
      const a = v128.load(source);
      const b = v128.load(source + row);
      const d = v128.load(source + 2 * row);
      const e = v128.load(source + 3 * row);
      const ab0 = low(a, b);
      const de0 = low(d, e);
      const ab1 = high(a, b);
      const de1 = high(d, e);
      const at = to + (usize(r) << 2);
      v128.store(at, lowPair(ab0, de0));
      v128.store(at + toRow, highPair(ab0, de0));
      v128.store(at + 2 * toRow, lowPair(ab1, de1));
      v128.store(at + 3 * toRow, highPair(ab1, de1));
    }
  }
}

/** Transpose the planes at `from` back into rows; returns the address of the rows. */
export function toRows(from: usize): usize {
  transpose(from, classStride, TILE, classes, classes, samples);
  return TILE;
}
