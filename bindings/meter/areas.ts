import type { Interval } from '../statistics/index.ts';
import type { Cell } from './curve-counts.ts';

/** Pieces that the positives of a cell are taken in, at most: enough for 1e-5 of a cell's share. */
const PIECES = 64;

/** Areas under the curves of one class; null where there are no samples of the class, or, for ROC, no others. */
export interface Areas {
  readonly auroc: number | null;
  readonly averagePrecision: number | null;
}

/** Visit the cells from the highest down, with how many positives and negatives lie above each. */
function descend(
  cells: readonly Cell[],
  visit: (p: number, n: number, tp: number, fp: number) => void,
): [number, number] {
  let tp = 0;
  let fp = 0;
  for (let k = cells.length - 1; k >= 0; k--) {
    const [, n, p] = cells[k] as Cell;
    visit(p, n, tp, fp);
    tp += p;
    fp += n;
  }
  return [tp, fp];
}

/**
 * Areas under the ROC curve and, as a step function like scikit-learn's, under the precision-recall curve, with the
 * positives and negatives of a cell taken as evenly spread over it.
 *
 * @param cells from the lowest logit up
 */
export function areas(cells: readonly Cell[]): Areas {
  let area = 0;
  let steps = 0;
  const [positives, negatives] = descend(cells, (p, n, tp, fp) => {
    area += n * (tp + p / 2);
    const pieces = Math.min(p, PIECES);
    for (let j = 0; j < pieces; j++) {
      // of the cell's positives the ith, before which half of its share of the negatives has come
      const i = ((j + 0.5) * p) / pieces + 0.5;
      steps += ((p / pieces) * (tp + i)) / (tp + i + fp + (n * (i - 0.5)) / p);
    }
  });
  return {
    auroc: positives > 0 && negatives > 0 ? area / positives / negatives : null,
    averagePrecision: positives > 0 ? steps / positives : null,
  };
}

/** Terms that the lower bound of a cell's average precision has, at most. */
const TERMS = 4096;
/**
 * More than all roundings of the sums below come to: each of at most TERMS + cells terms, each term of a few roundings.
 */
const SLACK = 1e-11;

/**
 * What the areas are at least and at most, whatever the logits within each cell are. This is a theorem about the cells:
 * the order of a cell's positives and negatives is all that is open.
 *
 * ROC: pairs of one cell count between 0 and 1. Precision-recall: of p positives and n negatives under which tp and fp
 * lie, at best the positives come first and together, p·(tp + p)/(tp + p + fp); at worst the negatives come first and
 * then one positive after the other, Σ_i (tp + i)/(tp + i + fp + n). More than `TERMS` are taken in groups, each by its
 * first term, which is its smallest. Rounded outward.
 *
 * @param cells from the lowest logit up
 */
export function bounds(cells: readonly Cell[]): {
  aurocBounds: Interval | null;
  averagePrecisionBounds: Interval | null;
} {
  // pairs are counted exactly
  let certain = 0n;
  let open = 0n;
  let [least, most] = [0, 0];
  const [positives, negatives] = descend(cells, (p, n, tp, fp) => {
    certain += BigInt(n) * BigInt(tp);
    open += BigInt(n) * BigInt(p);
    if (p === 0) return;
    most += (p * (tp + p)) / (tp + p + fp);
    const group = Math.ceil(p / TERMS);
    let sum = 0;
    for (let i = 1; i <= p; i += group) {
      sum += (Math.min(group, p - i + 1) * (tp + i)) / (tp + i + fp + n);
    }
    least += sum;
  });
  const outward = (low: number, high: number): Interval => [
    Math.max(0, low * (1 - SLACK)),
    Math.min(1, high * (1 + SLACK)),
  ];
  const pairs = positives * negatives;
  return {
    aurocBounds: pairs > 0 ? outward(Number(certain) / pairs, Number(certain + open) / pairs) : null,
    averagePrecisionBounds: positives > 0 ? outward(least / positives, most / positives) : null,
  };
}
