/** NaN is the largest of all. */
const isAbove = (a: number, b: number): boolean => a > b || (Number.isNaN(a) && !Number.isNaN(b));

/** The class with the largest logit, as a meter predicts: of equals the lowest index. */
export function prediction(row: Float64Array): number {
  let best = 0;
  for (let c = 1; c < row.length; c++) if (isAbove(row[c] as number, row[best] as number)) best = c;
  return best;
}
