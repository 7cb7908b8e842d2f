import type { Cell } from './curve-counts.ts';

/** Pieces that the positives of a cell are taken in, at most: enough for 1e-5 of a cell's share. */
const PIECES = 64;

/** Areas under the curves of one class; null where there are no samples of the class, or, for ROC, no others. */
export interface Areas {
  readonly auroc: number | null;
  readonly averagePrecision: number | null;
}

/**
 * Areas under the ROC curve and, as a step function like scikit-learn's, under the precision-recall curve, with the positives
 * and negatives of a cell taken as evenly spread over it.
 *
 * @param cells from the lowest logit up
 */
export function areas(cells: readonly Cell[]): Areas {
  let truePositives = 0;
  let falsePositives = 0;
  let area = 0;
  let steps = 0;
  for (let k = cells.length - 1; k >= 0; k--) {
    const [, n, p] = cells[k] as Cell;
    area += n * (truePositives + p / 2);
    const pieces = Math.min(p, PIECES);
    for (let j = 0; j < pieces; j++) {
      // of the cell's positives the ith, before which half of its share of the negatives has come
      const i = ((j + 0.5) * p) / pieces + 0.5;
      const above = truePositives + i;
      steps += ((p / pieces) * above) / (above + falsePositives + (n * (i - 0.5)) / p);
    }
    truePositives += p;
    falsePositives += n;
  }
  return {
    auroc: truePositives > 0 && falsePositives > 0 ? area / truePositives / falsePositives : null,
    averagePrecision: truePositives > 0 ? steps / truePositives : null,
  };
}
