/** Area under the ROC curve and its standard error. */
export interface Auroc {
  auroc: number;
  /** null with fewer than two positives or negatives. */
  standardError: number | null;
}

/**
 * Area under the ROC curve from counts by score, and its standard error after DeLong, DeLong and Clarke-Pearson,
 * "Comparing the areas under two or more correlated receiver operating characteristic curves" (1988), by the group sums
 * of Sun and Xu, "Fast implementation of DeLong's algorithm" (2014). The scores of a group count as equal: of a tie
 * half.
 *
 * @param positives how many positives each group has, groups from the lowest score to the highest
 * @param negatives the same of the negatives
 * @returns null without positives or negatives
 */
export function delong(positives: ArrayLike<number>, negatives: ArrayLike<number>): Auroc | null {
  const size = positives.length;
  let p = 0;
  let n = 0;
  for (let g = 0; g < size; g++) {
    p += positives[g] as number;
    n += negatives[g] as number;
  }
  if (p === 0 || n === 0) return null;
  /** Visit each group: its counts, and the share of the other kind that it beats. */
  const each = (visit: (positive: number, beaten: number, negative: number, beating: number) => void): void => {
    let below = 0;
    let above = p;
    for (let g = 0; g < size; g++) {
      const [a, b] = [positives[g] as number, negatives[g] as number];
      above -= a;
      visit(a, (below + b / 2) / n, b, (above + a / 2) / p);
      below += b;
    }
  };
  let auroc = 0;
  each((a, beaten) => {
    auroc += a * beaten;
  });
  auroc /= p;
  if (p < 2 || n < 2) return { auroc, standardError: null };
  let ofPositives = 0;
  let ofNegatives = 0;
  each((a, beaten, b, beating) => {
    ofPositives += a * (beaten - auroc) ** 2;
    ofNegatives += b * (beating - auroc) ** 2;
  });
  return { auroc, standardError: Math.sqrt(ofPositives / (p - 1) / p + ofNegatives / (n - 1) / n) };
}
