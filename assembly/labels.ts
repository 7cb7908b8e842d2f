/**
 * Targets → LABELS: the class of each sample, −1 where ignored, and −1 in the lanes that fill the last group of 16.
 */
import { LABELS } from './scratch';

/**
 * Check the n targets written to LABELS.
 * Returns the number of valid samples, or −1 − i when target i is neither a class in [0, classes) nor ignored.
 */
export function label(n: i32, classes: i32, ignoreIndex: i32): i32 {
  // the lanes that fill the last vector count as ignored
  v128.store(LABELS + (usize(n) << 2), i32x4.splat(ignoreIndex));
  const ignore = i32x4.splat(ignoreIndex);
  const limit = i32x4.splat(classes);
  let valid = i32x4.splat(0);
  for (let i = 0; i < n; i += 4) {
    const at = LABELS + (usize(i) << 2);
    const y = v128.load(at);
    const ignored = i32x4.eq(y, ignore);
    const good = v128.or(ignored, i32x4.lt_u(y, limit));
    if (!i32x4.all_true(good)) return -1 - i - ctz(~i32x4.bitmask(good));
    valid = i32x4.add(valid, ignored);
    v128.store(at, v128.or(y, ignored));
  }
  memory.fill(LABELS + (usize(n) << 2), 0xff, 64);
  valid = i32x4.add(valid, v128.shuffle<i32>(valid, valid, 2, 3, 0, 1));
  return ((n + 3) & ~3) + i32x4.extract_lane(valid, 0) + i32x4.extract_lane(valid, 1);
}
