/** Debug build only: the guards round the scratch blocks, and between the planes of a tile. */
import { PLANE_GAP } from '../../bindings/backend/constants';
import { pairsGuard } from '../compare/scratch';
import { denseGuard } from '../dense/scratch';
import { metricsGuard } from '../meter/scratch';
import { guard, PLANES, TILE } from './scratch';
import { base, borrowed, classes, images, planar, samples, classStride } from './tile';

const PATTERN: u64 = 0x5afe5afe5afe5afe;

/** Whether a guard was overwritten since it was armed. */
function isBroken(at: usize): bool {
  return load<u64>(at) != PATTERN || load<u64>(at, 8) != PATTERN;
}

function armAt(at: usize): void {
  store<u64>(at, PATTERN);
  store<u64>(at, PATTERN, 8);
}

export function arm(): void {
  for (let i = 0; guard(i); i++) armAt(guard(i));
  for (let i = 0; metricsGuard(i); i++) armAt(metricsGuard(i));
  for (let i = 0; pairsGuard(i); i++) armAt(pairsGuard(i));
  for (let i = 0; denseGuard(i); i++) armAt(denseGuard(i));
}

/** Words found overwritten between planes. */
let between: i32 = 0;

/** Where groups of eight lanes end in a plane of the open tile, or 0 if its planes have no gap. */
function planeEnd(): i32 {
  const end = (samples + 7) & ~7;
  return planar && images == 1 && !borrowed && classStride >= end + PLANE_GAP ? end : 0;
}

/** Fill the gaps between the planes of the open tile, and of the exponentials that are kept for its gradient. */
export function armPlanes(): void {
  const end = planeEnd();
  for (let c = 0; end && c < classes; c++) {
    for (let i = usize(c * classStride + end) << 2; i < usize((c + 1) * classStride) << 2; i += 4) {
      store<u32>(TILE + i, u32(PATTERN));
      store<u32>(PLANES + i, u32(PATTERN));
    }
  }
}

/** Count the words of these gaps that were overwritten since. Rows have no gaps. */
export function checkPlanes(rows: bool): void {
  const end = planeEnd();
  for (let c = 0; end && c < classes; c++) {
    for (let i = usize(c * classStride + end) << 2; i < usize((c + 1) * classStride) << 2; i += 4) {
      between += i32(load<u32>(PLANES + i) != u32(PATTERN));
      if (!rows && base == TILE) between += i32(load<u32>(TILE + i) != u32(PATTERN));
    }
  }
}

/** Number of guards overwritten since `arm`. */
export function broken(): i32 {
  let count = between;
  for (let i = 0; guard(i); i++) count += i32(isBroken(guard(i)));
  for (let i = 0; metricsGuard(i); i++) count += i32(isBroken(metricsGuard(i)));
  for (let i = 0; pairsGuard(i); i++) count += i32(isBroken(pairsGuard(i)));
  for (let i = 0; denseGuard(i); i++) count += i32(isBroken(denseGuard(i)));
  return count;
}
