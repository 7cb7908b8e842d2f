/**
 * Functions that engines compute differently in the last bits, from operations that IEEE 754 rounds in one way alone:
 * the same bits in every runtime.
 */
const BITS = new DataView(new ArrayBuffer(8));

/** ln x for a normal x > 0, by the series of atanh; relative error about 1e−16. */
export function ln(x: number): number {
  BITS.setFloat64(0, x);
  const high = BITS.getUint32(0);
  let e = ((high >> 20) & 0x7ff) - 1023;
  BITS.setUint32(0, (high & 0xfffff) | 0x3ff00000);
  let m = BITS.getFloat64(0);
  if (m > Math.SQRT2) {
    m /= 2;
    e++;
  }
  const s = (m - 1) / (m + 1);
  const w = s * s;
  let series = 0;
  for (let k = 23; k > 0; k -= 2) series = series * w + 1 / k;
  return e * LN2_HIGH + (2 * s * series + e * LN2_LOW);
}

/** ln p, −∞ of 0, NaN of what is no probability. */
export const lnOrNothing = (p: number): number => (p > 0 ? ln(p) : p === 0 ? -Infinity : NaN);

/** ln 2 in two parts, the first with 21 zeros at its end, so that e·LN2_HIGH is exact. */
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

/** e^x for x ≤ 709; 0 below −708. By Taylor's series. */
export function exp(x: number): number {
  if (x < -708) return 0;
  const k = Math.floor(x * Math.LOG2E + 0.5);
  const r = x - k * LN2_HIGH - k * LN2_LOW;
  let sum = 1;
  for (let j = 14; j > 0; j--) sum = 1 + (sum * r) / j;
  BITS.setUint32(0, (k + 1023) << 20);
  BITS.setUint32(4, 0);
  return sum * BITS.getFloat64(0);
}

/** ln(p / (1 − p)) for p in (0, 1). */
export const logit = (p: number): number => ln(p) - ln(1 - p);

/** 1 / (1 + e^−x). */
export function sigmoid(x: number): number {
  const t = exp(-Math.min(Math.abs(x), 708));
  return (x >= 0 ? 1 : t) / (1 + t);
}
