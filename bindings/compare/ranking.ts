/** NaN is the largest of all. */
const isAbove = (a: number, b: number): boolean => a > b || (Number.isNaN(a) && !Number.isNaN(b));

/** The class with the largest logit, as a meter predicts: of equals the lowest index. */
export function prediction(row: Float64Array): number {
  let best = 0;
  for (let c = 1; c < row.length; c++) if (isAbove(row[c] as number, row[best] as number)) best = c;
  return best;
}

/** How many classes come before class y: with a larger logit, or the same at a lower index. */
export function rank(row: Float64Array, y: number): number {
  const z = row[y] as number;
  let before = 0;
  for (let c = 0; c < row.length; c++) {
    const v = row[c] as number;
    if (isAbove(v, z) || (c < y && !isAbove(z, v))) before++;
  }
  return before;
}
