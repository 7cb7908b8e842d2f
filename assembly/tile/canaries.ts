/** Debug build only: the guards round the scratch blocks. */
import { guard } from './scratch';
import { denseGuard } from '../dense/scratch';
import { metricsGuard } from '../meter/scratch';
import { pairsGuard } from '../compare/scratch';

const PATTERN: u64 = 0x5afe5afe5afe5afe;

/** Whether a guard was written over since it was armed. */
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

/** Number of guards written over since `arm`. */
export function broken(): i32 {
  let count = 0;
  for (let i = 0; guard(i); i++) count += i32(isBroken(guard(i)));
  for (let i = 0; metricsGuard(i); i++) count += i32(isBroken(metricsGuard(i)));
  for (let i = 0; pairsGuard(i); i++) count += i32(isBroken(pairsGuard(i)));
  for (let i = 0; denseGuard(i); i++) count += i32(isBroken(denseGuard(i)));
  return count;
}
