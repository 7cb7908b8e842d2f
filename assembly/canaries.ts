/** Debug build only: the guards round the scratch blocks. */
import { guard } from './scratch';

const PATTERN: u64 = 0x5afe5afe5afe5afe;

export function arm(): void {
  for (let i = 0; guard(i); i++) {
    store<u64>(guard(i), PATTERN);
    store<u64>(guard(i), PATTERN, 8);
  }
}

/** Number of guards written over since `arm`. */
export function broken(): i32 {
  let count = 0;
  for (let i = 0; guard(i); i++) {
    if (load<u64>(guard(i)) != PATTERN || load<u64>(guard(i), 8) != PATTERN) count++;
  }
  return count;
}
