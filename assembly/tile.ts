/**
 * The tile: where its logits lie, and what every pass does to it first and last.
 *
 * A tile holds `images` × `positions` samples and a chunk of the classes, [first, first + classes). The logit of class c
 * of sample (b, d) stands at source + 4·(b·imageStride + c·classStride + d): rows [N, C] are images of one position.
 * Kernels that run across samples want planes, class c of sample i at PLANES + 4·(c·stride + i); `open` rearranges the
 * tile into them where `asPlanes` says so, `unfold` brings them back.
 */
import { LABELS, LOGIT_WEIGHT, OFFSET, PLANES, POSITIVE, TRUE, WEIGHT } from './scratch';

const NEGATIVE_INFINITY: u32 = 0xff800000;
const SIGN_BIT: u32 = 0x80000000;

export let base: usize = 0;
export let samples: i32 = 0;
export let classes: i32 = 0;
/** Logits from one class to the next, and from one image to the next. */
export let stride: i32 = 0;
export let pitch: i32 = 0;
export let planar: bool = false;
/** Two classes in planes: their margin is a difference, and nothing has to be left out. */
export let pair: bool = false;
/** First class of the chunk. */
export let first: i32 = 0;

export let images: i32 = 0;
export let positions: i32 = 0;

/**
 * From one plane to the next: whole groups of 16 samples, an odd number of them, so that the same sample of many planes
 * does not fall on the same few cache lines. The bindings reckon with the same (plan.ts).
 */
// @ts-ignore: decorator
@inline
function planeStride(n: i32): i32 {
  return ((n + 15) & ~15) | 16;
}

/** Take up the tile at `source` and note where the logit of each sample's class stands: OFFSET. */
export function open(
  source: usize, imageCount: i32, positionCount: i32, classCount: i32,
  imageStride: i32, classStride: i32, firstClass: i32, asPlanes: bool,
): void {
  samples = imageCount * positionCount;
  classes = classCount;
  first = firstClass;
  planar = asPlanes;
  if (asPlanes) {
    base = PLANES;
    stride = planeStride(samples);
    pitch = samples;
    images = 1;
    positions = samples;
    if (source != PLANES) {
      if (positionCount == 1) rowsToPlanes(source, imageStride);
      else segmentsToPlanes(source, imageCount, positionCount, imageStride, classStride);
    }
  } else {
    base = source;
    stride = classStride;
    pitch = imageStride;
    images = imageCount;
    positions = positionCount;
  }
  pair = asPlanes && first == 0 && classes == 2;
  if (pair) return;
  // rows are one image whose positions are a row apart
  const rows = positions == 1;
  const runs = rows ? 1 : images;
  const run = rows ? images : positions;
  const step = rows ? pitch : 1;
  const stride4 = i32x4.splat(stride);
  const first4 = i32x4.splat(first);
  const classes4 = i32x4.splat(classes);
  const along = i32x4.splat(4 * step);
  for (let b = 0; b < runs; b++) {
    let place = i32x4.add(i32x4.splat(b * pitch), i32x4.mul(i32x4.splat(step), i32x4(0, 1, 2, 3)));
    const from = usize(b * run) << 2;
    // lanes past the end of a run are written over by the next
    for (let i = from; i < from + (usize(run) << 2); i += 16) {
      const y = i32x4.sub(v128.load(i, LABELS), first4);
      const offset = i32x4.shl(i32x4.add(place, i32x4.mul(y, stride4)), 2);
      v128.store(i, v128.or(offset, i32x4.ge_u(y, classes4)), OFFSET);
      place = i32x4.add(place, along);
    }
  }
}

/**
 * Softmax: note the logit and the weight of each sample's class and write −∞ over that logit, which leaves the class out of
 * every maximum and every sum. Passed over, here and below: ignored samples, and samples whose class is not in this chunk.
 */
export function leaveOut(): void {
  if (pair) return;
  for (let i: usize = 0; i < usize(samples) << 2; i += 4) {
    const offset = load<i32>(i, OFFSET);
    if (offset < 0) continue;
    store<u32>(i, load<u32>(base + offset), TRUE);
    store<u32>(i, load<u32>(POSITIVE + (usize(load<i32>(i, LABELS) - first) << 2)), WEIGHT);
    store<u32>(base + offset, NEGATIVE_INFINITY);
  }
}

/**
 * One-vs-rest: turn the sign of the logit of each sample's class, which makes every logit a gap, and give it its weight;
 * the one it had is noted.
 */
export function turn(): void {
  for (let i: usize = 0; i < usize(samples) << 2; i += 4) {
    const offset = load<i32>(i, OFFSET);
    if (offset < 0) continue;
    store<u32>(base + offset, load<u32>(base + offset) ^ SIGN_BIT);
    store<u32>(i, load<u32>(LOGIT_WEIGHT + offset), TRUE);
    store<u32>(LOGIT_WEIGHT + offset, load<u32>(POSITIVE + (usize(load<i32>(i, LABELS) - first) << 2)));
  }
}

/** Undo `turn`: the weights, and the signs at `to` unless that is 0. */
export function turnBack(to: usize): void {
  for (let i: usize = 0; i < usize(samples) << 2; i += 4) {
    const offset = load<i32>(i, OFFSET);
    if (offset < 0) continue;
    store<u32>(LOGIT_WEIGHT + offset, load<u32>(i, TRUE));
    if (to) store<u32>(to + offset, load<u32>(to + offset) ^ SIGN_BIT);
  }
}

/** Write values[i], its sign turned where `flip` is the sign bit, over the logit of each sample's class in this chunk. */
export function put(to: usize, values: usize, flip: u32): void {
  for (let i: usize = 0; i < usize(samples) << 2; i += 4) {
    const offset = load<i32>(i, OFFSET);
    if (offset >= 0) store<u32>(to + offset, load<u32>(values + i) ^ flip);
  }
}

/** Multiply the logits of each sample by factors[i]; those of ignored samples become 0 whatever they were. */
export function scale(to: usize, factors: usize): void {
  for (let b = 0, i: usize = 0; b < images; b++, to += usize(pitch) << 2) {
    for (let d: usize = 0; d < usize(positions); d++, i += 4) {
      const ignored = load<i32>(i, LABELS) < 0;
      if (!factors && !ignored) continue;
      let at = to + (d << 2);
      for (let c = 0; c < classes; c++, at += usize(stride) << 2) {
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

/** Four rows by four classes at a time; up to three planes past the last are written, too. */
function rowsToPlanes(source: usize, rowStride: i32): void {
  const row = usize(rowStride) << 2;
  const plane = usize(stride) << 2;
  for (let r: usize = 0; r < usize(samples) << 2; r += 16) {
    const from = source + (r >> 2) * row;
    for (let c = 0; c < classes; c += 4) {
      const at = from + (usize(c) << 2);
      const a = v128.load(at);
      const b = v128.load(at + row);
      const d = v128.load(at + 2 * row);
      const e = v128.load(at + 3 * row);
      const ab0 = low(a, b);
      const de0 = low(d, e);
      const ab1 = high(a, b);
      const de1 = high(d, e);
      const to = PLANES + usize(c) * plane + r;
      v128.store(to, lowPair(ab0, de0));
      v128.store(to + plane, highPair(ab0, de0));
      v128.store(to + 2 * plane, lowPair(ab1, de1));
      v128.store(to + 3 * plane, highPair(ab1, de1));
    }
  }
}

/** Copied four lanes at a time: what spills past a segment is written over by the next. */
// @ts-ignore: decorator
@inline
function copySegment(to: usize, from: usize, bytes: usize): void {
  for (let d: usize = 0; d < bytes; d += 16) v128.store(to + d, v128.load(from + d));
}

function segmentsToPlanes(source: usize, imageCount: i32, positionCount: i32, imageStride: i32, classStride: i32): void {
  const segment = usize(positionCount) << 2;
  for (let c = 0; c < classes; c++) {
    let to = PLANES + (usize(c * stride) << 2);
    for (let b = 0; b < imageCount; b++, to += segment) {
      copySegment(to, source + (usize(b * imageStride + c * classStride) << 2), segment);
    }
  }
}

/** From the last classes to the first, so that what spills past a row is written over by the next. */
function planesToRows(to: usize, rowStride: i32): void {
  const row = usize(rowStride) << 2;
  const plane = usize(stride) << 2;
  for (let r: usize = 0; r < usize(samples) << 2; r += 16) {
    for (let c = (classes - 1) & ~3; c >= 0; c -= 4) {
      const from = PLANES + usize(c) * plane + r;
      const a = v128.load(from);
      const b = v128.load(from + plane);
      const d = v128.load(from + 2 * plane);
      const e = v128.load(from + 3 * plane);
      const ab0 = low(a, b);
      const de0 = low(d, e);
      const ab1 = high(a, b);
      const de1 = high(d, e);
      const at = to + (r >> 2) * row + (usize(c) << 2);
      v128.store(at, lowPair(ab0, de0));
      v128.store(at + row, highPair(ab0, de0));
      v128.store(at + 2 * row, lowPair(ab1, de1));
      v128.store(at + 3 * row, highPair(ab1, de1));
    }
  }
}

/** Bring planes back to the layout they came from. */
export function unfold(to: usize, imageCount: i32, positionCount: i32, imageStride: i32, classStride: i32): void {
  if (positionCount == 1) return planesToRows(to, imageStride);
  const segment = usize(positionCount) << 2;
  for (let b = 0, i = 0; b < imageCount; b++, i += positionCount) {
    for (let c = 0; c < classes; c++) {
      const at = to + (usize(b * imageStride + c * classStride) << 2);
      copySegment(at, PLANES + (usize(c * stride + i) << 2), segment);
    }
  }
}
