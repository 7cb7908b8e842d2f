import { bounded, nearest, reduced, scaledBinary } from '../math/exp';
import { log } from '../math/log';
import { INFINITE, lanes, ONE, ZERO } from '../math/numbers';

/** b^(whole + fraction) for b in (0, 1]. At `fraction` is the fraction times log₂e. */
export function power(b: v128, whole: i32, fraction: usize): v128 {
  let value = lanes(ONE);
  let base = b;
  for (let bits = whole; bits; bits >>= 1) {
    if (bits & 1) value = f32x4.mul(value, base);
    base = f32x4.mul(base, base);
  }
  if (load<f32>(fraction) == 0) return value;
  const u = bounded(f32x4.mul(log(b), lanes(fraction)));
  const t = nearest(u);
  return f32x4.mul(value, scaledBinary(reduced(u, t), t));
}

/** w · power · ce. Where ce is infinite, its limit: 0 if the weight is 0, else infinite. */
export function product(w: v128, power: v128, entropy: v128): v128 {
  const finite = f32x4.mul(f32x4.mul(w, power), entropy);
  const loss = v128.bitselect(entropy, finite, f32x4.eq(entropy, lanes(INFINITE)));
  return v128.andnot(loss, v128.and(f32x4.eq(w, lanes(ZERO)), f32x4.eq(entropy, entropy)));
}
