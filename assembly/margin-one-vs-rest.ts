/** The margin of the true class of one-vs-rest is its logit. */
import { MARGIN, MARGIN_LOW, TRUE } from './scratch';

export function trueMargins(n: i32): void {
  memory.copy(MARGIN, TRUE, usize(n) << 2);
  memory.fill(MARGIN_LOW, 0, usize(n) << 2);
}
