/**
 * The focal core: margin → loss, and its slope for the gradient. Both losses pass through here.
 *
 *     t = e^−|x|    q = σ(−x)    ce = softplus(−x)    qs = q·(1 − s) + s/2
 *     loss  = w · qs^γ · ce
 *     slope = w · qs^γ · (q + γ · ce · p·(1 − s)·q/qs)          −∂loss/∂x; q/qs = 1 when s = 0
 *
 * γ is split once into an integer, done by squaring, and a fraction, done by one exponential; with s = 0 it is
 * e^(−fraction·softplus(x)), so no logarithm of a rounded probability is ever taken.
 */
import { exp, ONE } from './exp';
import { log, log1pFrom } from './log';
import { LABELS, LOSS, MARGIN, MARGIN_LOW, SLOPE, UPSTREAM, WEIGHT } from './scratch';

const ZERO: usize = memory.data<f32>([0.0, 0.0, 0.0, 0.0], 16);
const SIGN: usize = memory.data<u32>([0x80000000, 0x80000000, 0x80000000, 0x80000000], 16);
const LARGEST: usize = memory.data<f32>([3.4028234663852886e38, 3.4028234663852886e38, 3.4028234663852886e38, 3.4028234663852886e38], 16);

let gammaWhole: i32 = 2;
let gammaFraction: f32 = 0;
let gamma: f32 = 2;
let smooth: bool = false;
let slope: f32 = 1;
let floor: f32 = 0;

/** Set γ ≥ 0 and the smoothing s ≥ 0 of the calls that follow. */
export function configure(g: f64, smoothing: f64): void {
  const whole = Math.min(Math.floor(g), 1073741824);
  gammaWhole = i32(whole);
  gammaFraction = f32(g - whole);
  gamma = f32(g);
  smooth = smoothing > 0;
  slope = f32(1 - smoothing);
  floor = f32(smoothing / 2);
}

/** e^−|x|: the one quantity everything else is made of. */
// @ts-ignore: decorator
@inline
function decay(x: v128, low: v128): v128 {
  const sign = v128.load(SIGN);
  // the leftover takes the sign that |x| gives it
  return exp(v128.or(x, sign), v128.xor(low, v128.andnot(sign, x)));
}

/** base^whole(γ) · acc: multiplied from the smallest power on, so that nothing underflows before the result does. */
// @ts-ignore: decorator
@inline
function timesWholePower(acc: v128, base: v128): v128 {
  if (gammaWhole == 2) return f32x4.mul(f32x4.mul(acc, base), base);
  let power = base;
  for (let n = gammaWhole; n; n >>= 1) {
    if (n & 1) acc = f32x4.mul(acc, power);
    power = f32x4.mul(power, power);
  }
  return acc;
}

/**
 * Loss of four margins x + low with weight w; the slope times `up` goes to `slopes` unless that is 0.
 * Relative error ≤ 2e-6 · max(1, |x|/8) · max(1, (1 + γ)/3) wherever the loss is a normal float32.
 */
// @ts-ignore: decorator
@inline
export function focal(x: v128, low: v128, w: v128, up: v128, slopes: usize): v128 {
  const one = v128.load(ONE);
  const t = decay(x, low);
  const t1 = f32x4.add(one, t);
  const t2 = f32x4.add(one, t1);
  const r = f32x4.div(one, f32x4.mul(t1, t2));
  const inverse = f32x4.mul(r, t2); // 1/(1 + t)
  const rest = log1pFrom(f32x4.mul(t, f32x4.mul(r, t1)));
  const zero = v128.load(ZERO);
  const negative = i32x4.shr_s(x, 31);
  const ce = f32x4.add(rest, f32x4.pmax(f32x4.neg(x), zero));
  // t ≤ 1, so the larger of t and (1 where x < 0, else 0) is the numerator of q
  const q = f32x4.mul(f32x4.pmax(t, v128.and(negative, one)), inverse);
  let base = q;
  if (smooth) base = f32x4.add(f32x4.mul(q, f32x4.splat(slope)), f32x4.splat(floor));
  let factor = one;
  if (gammaFraction != 0) {
    const logBase = smooth ? log(base) : f32x4.neg(f32x4.add(rest, f32x4.pmax(x, zero)));
    factor = exp(f32x4.mul(f32x4.splat(gammaFraction), logBase), zero);
  }
  const wf = f32x4.mul(w, factor);
  if (slopes) {
    const p = f32x4.mul(f32x4.pmax(t, v128.andnot(one, negative)), inverse);
    // ce may be infinite where p is 0; their product tends to 0
    let turn = f32x4.mul(f32x4.splat(gamma), f32x4.mul(f32x4.pmin(ce, v128.load(LARGEST)), p));
    if (smooth) turn = f32x4.mul(turn, f32x4.div(f32x4.mul(q, f32x4.splat(slope)), base));
    v128.store(slopes, timesWholePower(f32x4.mul(f32x4.mul(wf, up), f32x4.add(q, turn)), base));
  }
  return timesWholePower(f32x4.mul(wf, ce), base);
}

/** MARGIN, MARGIN_LOW, WEIGHT, LABELS → LOSS, and with `grad` SLOPE, for samples [0, n) and the rest of the last group. */
export function core(n: i32, grad: bool): void {
  for (let i: usize = 0; i < usize(n) << 2; i += 16) {
    const valid = v128.not(i32x4.shr_s(v128.load(LABELS + i), 31));
    const loss = focal(
      v128.load(MARGIN + i),
      v128.load(MARGIN_LOW + i),
      v128.load(WEIGHT + i),
      v128.load(UPSTREAM + i),
      grad ? SLOPE + i : 0,
    );
    v128.store(LOSS + i, v128.and(loss, valid));
    if (grad) v128.store(SLOPE + i, v128.and(v128.load(SLOPE + i), valid));
  }
}
