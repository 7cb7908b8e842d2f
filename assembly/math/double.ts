/**
 * e^x and ln x of float64, two lanes, for margins: so close to bindings/losses/portable.ts that few cells are left
 * open.
 */

const TABLE: usize = memory.data<f64>([
  1.4426950408889634, // log₂e
  0.6931471803691238, // ln 2 in two parts, the first with 21 zeros at its end
  1.9082149292705877e-10,
  6755399441056767.0, // 1.5·2^52 + 1023
  1.0,
  -708.0,
  1.4142135623730951,
  0.5,
  // 1/j! from j = 13 down to 2
  1.6059043836821613e-10, 2.08767569878681e-9, 2.505210838544172e-8, 2.755731922398589e-7, 2.7557319223985893e-6,
  2.48015873015873e-5, 1.984126984126984e-4, 1.3888888888888889e-3, 8.333333333333333e-3, 4.1666666666666664e-2,
  1.6666666666666666e-1, 0.5,
  // 1/k from k = 23 down to 1, the odd ones
  4.3478260869565216e-2, 4.7619047619047616e-2, 5.2631578947368418e-2, 5.8823529411764705e-2, 6.6666666666666666e-2,
  7.6923076923076927e-2, 9.0909090909090912e-2, 1.1111111111111110e-1, 1.4285714285714285e-1, 0.2, 3.3333333333333331e-1, 1.0,
], 8);
const LOG2E: usize = TABLE;
const LN2_HIGH: usize = TABLE + 8;
const LN2_LOW: usize = TABLE + 16;
const MAGIC: usize = TABLE + 24;
const ONE: usize = TABLE + 32;
const LOWEST: usize = TABLE + 40;
const ROOT2: usize = TABLE + 48;
const HALF: usize = TABLE + 56;
const FACTORIALS: usize = TABLE + 64;
const ODD: usize = FACTORIALS + 8 * 12;

// @ts-ignore: decorator
@inline
function both(at: usize): v128 {
  return v128.load64_splat(at);
}

/** e^x for x ≤ 0; 0 below −708. */
export function exp64(x: v128): v128 {
  const t = f64x2.add(f64x2.mul(x, both(LOG2E)), both(MAGIC));
  const k = f64x2.sub(t, both(MAGIC));
  const r = f64x2.sub(f64x2.sub(x, f64x2.mul(k, both(LN2_HIGH))), f64x2.mul(k, both(LN2_LOW)));
  let sum = both(FACTORIALS);
  for (let at = FACTORIALS + 8; at < ODD; at += 8) sum = f64x2.add(f64x2.mul(sum, r), both(at));
  sum = f64x2.add(f64x2.mul(f64x2.mul(sum, r), r), f64x2.add(r, both(ONE)));
  return v128.and(f64x2.mul(sum, i64x2.shl(t, 52)), f64x2.ge(x, both(LOWEST)));
}

/** ln x for a normal x > 0. */
export function ln64(x: v128): v128 {
  const one = both(ONE);
  const mantissa = v128.or(v128.and(x, i64x2.splat(0xfffffffffffff)), one);
  const large = f64x2.gt(mantissa, both(ROOT2));
  const m = v128.bitselect(f64x2.mul(mantissa, both(HALF)), mantissa, large);
  const bits = i64x2.sub(i64x2.sub(i64x2.shr_u(x, 52), i64x2.splat(1023)), large);
  const e = f64x2.convert_low_i32x4_s(v128.shuffle<i32>(bits, bits, 0, 2, 0, 2));
  const s = f64x2.div(f64x2.sub(m, one), f64x2.add(m, one));
  const w = f64x2.mul(s, s);
  let series = both(ODD);
  for (let at = ODD + 8; at < ODD + 8 * 12; at += 8) series = f64x2.add(f64x2.mul(series, w), both(at));
  const fraction = f64x2.mul(f64x2.add(s, s), series);
  return f64x2.add(f64x2.mul(e, both(LN2_HIGH)), f64x2.add(fraction, f64x2.mul(e, both(LN2_LOW))));
}
