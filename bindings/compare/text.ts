/** Numbers as a reader wants them, in one place for verdicts and summaries. */

export const count = (n: number): string => n.toLocaleString('en-US');

/** A number with a minus as wide as a plus; what was rounded to 0 has none. */
export const minus = (text: string): string => text.replace(/^-(?=0[.0]*( |$))/, '').replace(/^-/, '−');

/** Four significant digits, without zeros at the end. */
export const significant = (x: number): string => minus(String(Number(x.toPrecision(4))));

/** Two digits after the point, or the first two that are not 0. */
const fixed = (x: number): string =>
  x !== 0 && Math.abs(x) < 0.1 ? significant(Number(x.toPrecision(2))) : minus(x.toFixed(2));

/** A share: 69.19 %; as many digits as it takes to tell it from 0 and from 100 %. */
export function percent(x: number): string {
  const rest = Math.min(Math.abs(x), Math.abs(1 - x));
  const digits = rest === 0 ? 2 : Math.min(8, Math.max(2, Math.ceil(-Math.log10(100 * rest))));
  return minus(`${Number((100 * x).toFixed(digits))} %`);
}

/** A difference of shares: 0.50 pp. */
export const points = (x: number): string => `${fixed(100 * x)} pp`;

/** The name of a difference, as it stands in tables: balancedAccuracy is balanced accuracy. */
export const spelt = (name: string): string =>
  SPELT[name] ?? name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replace(' f1', ' F1');

const SPELT: Readonly<Record<string, string>> = {
  ece: 'ECE',
  auroc: 'AUROC',
  brier: 'Brier score',
  crossEntropy: 'cross-entropy',
};

/** A p-value: two significant digits. */
export const probability = (p: number): string => (p === 1 ? '1' : String(Number(p.toPrecision(2))));
