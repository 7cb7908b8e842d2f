/** NaN is the largest of all. */
export const isAbove = (a: number, b: number): boolean => a > b || (Number.isNaN(a) && !Number.isNaN(b));

/** The class with the largest logit, as a meter predicts: of equals the lowest index, and none of those left out. */
export function prediction(row: ArrayLike<number>, isLeftOut: (c: number) => boolean = () => false): number {
  let best = -1;
  for (let c = 0; c < row.length; c++) {
    if (!isLeftOut(c) && (best < 0 || isAbove(row[c] as number, row[best] as number))) best = c;
  }
  return best;
}
