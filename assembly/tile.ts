/**
 * The tile: where its logits lie, and what every pass does to it first and last.
 *
 * A tile holds `images` × `positions` samples and a chunk of the classes, [first, first + classes). The logit of class c
 * of sample (b, d) stands at source + 4·(b·imageStride + c·classStride + d): rows [N, C] are images of one position.
 * Kernels that run across samples want planes, class c of sample i at PLANES + 4·(c·stride + i); those that run along the
 * classes want rows, which images of few positions are not: `open` rearranges the tile as its form asks, `unfold` brings back
 * what has been made of it.
 */
import { LABELS, LOGIT_WEIGHT, OFFSET, PLANES, POSITIVE, TILE, TRUE, WEIGHT } from './scratch';

const NEGATIVE_INFINITY: u32 = 0xff800000;
const SIGN_BIT: u32 = 0x80000000;

/** Forms of a tile, beside that in which it came (bindings/core/plan.ts): planes at PLANES, or rows there. */
const AS_PLANES: i32 = 1;
const AS_ROWS: i32 = 2;

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
 * From one plane to the next, or one row: whole groups of 16, an odd number of them, so that the same place in many of them
 * does not fall on the same few cache lines. The bindings reckon with the same (plan.ts).
 */
// @ts-ignore: decorator
@inline
function padded(n: i32): i32 {
  return ((n + 15) & ~15) | 16;
}

/** Take up the tile at `source` and note where the logit of each sample's class stands: OFFSET. */
export function open(
  source: usize, imageCount: i32, positionCount: i32, classCount: i32,
  imageStride: i32, classStride: i32, firstClass: i32, form: i32,
): void {
  samples = imageCount * positionCount;
  classes = classCount;
  first = firstClass;
  planar = form == AS_PLANES;
  base = form ? PLANES : source;
  stride = classStride;
  pitch = imageStride;
  images = imageCount;
  positions = positionCount;
  if (planar) {
    stride = padded(samples);
    pitch = samples;
    images = 1;
    positions = samples;
    if (source != PLANES) {
      if (positionCount == 1) transpose(source, imageStride, PLANES, stride, samples, classes);
      else copyRuns(source, classStride, imageStride, PLANES, stride, positionCount, classes, imageCount, positionCount);
    }
  } else if (form == AS_ROWS) {
    stride = 1;
    pitch = padded(classes);
    images = samples;
    positions = 1;
    for (let b = 0, i = 0; b < imageCount; b++, i += positionCount) {
      transpose(
        source + (usize(b * imageStride) << 2), classStride, PLANES + (usize(i * pitch) << 2), pitch, classes, positionCount,
      );
    }
  }
  pair = planar && first == 0 && classes == 2;
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

/**
 * A matrix turned over, four by four: `rows` rows of `columns`, `pitch` apart, to `columns` rows that are `toPitch` apart. What
 * spills past the end of a row that is written is written over by the next, as their last columns come first; up to three rows
 * past the last are read and written, too.
 */
function transpose(from: usize, pitch: i32, to: usize, toPitch: i32, rows: i32, columns: i32): void {
  const row = usize(pitch) << 2;
  const toRow = usize(toPitch) << 2;
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

/**
 * n × m runs of `run` logits from one layout to another, given the steps of each. Copied four lanes at a time: what spills past
 * a run is written over by the next, so that they have to go in the order in which they are to lie.
 */
function copyRuns(
  from: usize, step: i32, inner: i32, to: usize, toStep: i32, toInner: i32, n: i32, m: i32, run: i32,
): void {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < m; j++) {
      const source = from + (usize(i * step + j * inner) << 2);
      const at = to + (usize(i * toStep + j * toInner) << 2);
      for (let d: usize = 0; d < usize(run) << 2; d += 16) v128.store(at + d, v128.load(source + d));
    }
  }
}

/** Bring what stands at `from` in the form of the open tile back to the layout it came from; where it is then. */
export function unfold(from: usize, imageCount: i32, positionCount: i32, imageStride: i32, classStride: i32): usize {
  const to = from == TILE ? PLANES : TILE;
  if (!planar) {
    for (let b = 0, i = 0; b < imageCount; b++, i += positionCount) {
      transpose(
        from + (usize(i * pitch) << 2), pitch, to + (usize(b * imageStride) << 2), classStride, positionCount, classes,
      );
    }
  } else if (positionCount == 1) {
    transpose(from, stride, to, imageStride, classes, samples);
  } else {
    copyRuns(from, positionCount, stride, to, imageStride, classStride, imageCount, classes, positionCount);
  }
  return to;
}
