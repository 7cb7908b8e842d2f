/**
 * LABELS: the class of each sample, −1 where it is ignored, and −1 in the lanes that fill up the last group of 16.
 */
import { LABELS } from './scratch';

/** How many samples of the tile are ignored, and whether any is. */
export let ignored: i32 = 0;
export let ignoring: bool = false;

/**
 * Check the n targets written to LABELS.
 * Returns the number of valid samples, or −1 − i when target i is neither a class in [0, classes) nor ignored.
 */
export function checkLabels(n: i32, classes: i32, ignoreIndex: i32): i32 {
  // the lanes that fill the last vector count as ignored
  v128.store(LABELS + (usize(n) << 2), i32x4.splat(ignoreIndex));
  const ignore = i32x4.splat(ignoreIndex);
  const most = i32x4.splat(classes - 1);
  let count = i32x4.splat(0);
  for (let i = 0; i < n; i += 4) {
    const at = LABELS + (usize(i) << 2);
    const y = v128.load(at);
    const left = i32x4.eq(y, ignore);
    const good = i32x4.bitmask(v128.or(left, i32x4.eq(i32x4.min_u(y, most), y)));
    if (good != 15) return -1 - i - ctz(~good);
    count = i32x4.sub(count, left);
    v128.store(at, v128.or(y, left));
  }
  memory.fill(LABELS + (usize(n) << 2), 0xff, 64);
  count = i32x4.add(count, v128.shuffle<i32>(count, count, 2, 3, 0, 1));
  ignored = i32x4.extract_lane(count, 0) + i32x4.extract_lane(count, 1) - (-n & 3);
  ignoring = ignored > 0;
  return n - ignored;
}
