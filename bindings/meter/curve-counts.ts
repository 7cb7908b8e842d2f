import { outOfRange } from '../input/errors.ts';
import { cellOfBits } from './cells.ts';

/** Cells that are allocated together. */
const PAGE_BITS = 6;
const PAGE = 1 << PAGE_BITS;

/** Negatives and positives of a cell that has any. */
export type Cell = readonly [cell: number, negatives: number, positives: number];

/** Where the logits of a tile are. */
interface TileOfLogits {
  readonly source: number;
  readonly images: number;
  readonly positions: number;
  readonly classes: number;
  readonly firstClass: number;
  readonly imageStride: number;
  readonly classStride: number;
}

/** Of each class: how many of its samples (positives) and of all others (negatives) fell in each cell of the logit. */
export class CurveCounts {
  /** Pages of a class: the negatives of so many cells, then their positives. */
  readonly #pages: (Float64Array | undefined)[][];

  constructor(classes: number) {
    this.#pages = Array.from({ length: classes }, () => []);
  }

  get classes(): number {
    return this.#pages.length;
  }

  /**
   * Count the logits of a tile: float32 that stand in `i32` from `source` (bytes) on, with strides in logits. NaN is in no cell.
   *
   * @param labels where the classes of the tile's samples stand in `i32`, below 0 where ignored
   */
  count(i32: Int32Array, labels: number, tile: TileOfLogits): void {
    const { source, images, positions, classes, firstClass, imageStride, classStride } = tile;
    for (let c = 0; c < classes; c++) {
      const pages = this.#pages[firstClass + c] as (Float64Array | undefined)[];
      for (let b = 0; b < images; b++) {
        const at = (source >> 2) + b * imageStride + c * classStride;
        const label = labels + b * positions;
        for (let d = 0; d < positions; d++) {
          const y = i32[label + d] as number;
          const z = i32[at + d] as number;
          if (y < 0 || (z & 0x7fffffff) > 0x7f800000) continue;
          const cell = cellOfBits(z);
          const page = pages[cell >> PAGE_BITS] ?? this.#page(pages, cell);
          const slot = (cell & (PAGE - 1)) + (y === firstClass + c ? PAGE : 0);
          page[slot] = (page[slot] as number) + 1;
        }
      }
    }
  }

  /** Add counts of a cell. */
  add(c: number, cell: number, negatives: number, positives: number): void {
    const pages = this.#pages[c] as (Float64Array | undefined)[];
    const page = pages[cell >> PAGE_BITS] ?? this.#page(pages, cell);
    const slot = cell & (PAGE - 1);
    page[slot] = (page[slot] as number) + negatives;
    page[slot + PAGE] = (page[slot + PAGE] as number) + positives;
  }

  /** The cells of class c that have counts, from the lowest logit up. */
  *cells(c: number): Generator<Cell> {
    const pages = this.#pages[c] as (Float64Array | undefined)[];
    for (let p = 0; p < pages.length; p++) {
      const page = pages[p];
      if (!page) continue;
      for (let slot = 0; slot < PAGE; slot++) {
        const negatives = page[slot] as number;
        const positives = page[slot + PAGE] as number;
        if (negatives !== 0 || positives !== 0) yield [p * PAGE + slot, negatives, positives];
      }
    }
  }

  /**
   * Both together (sign 1), or this one without the other (sign −1), as new counts.
   *
   * @throws RangeError when a count would fall below 0
   */
  combined(other: CurveCounts, sign: 1 | -1): CurveCounts {
    const both = new CurveCounts(this.classes);
    for (let c = 0; c < this.classes; c++) {
      for (const [cell, negatives, positives] of this.cells(c)) both.add(c, cell, negatives, positives);
      for (const [cell, negatives, positives] of other.cells(c)) both.add(c, cell, sign * negatives, sign * positives);
      if (sign > 0) continue;
      for (const [, negatives, positives] of both.cells(c)) {
        if (negatives < 0 || positives < 0) {
          throw outOfRange('other', 'a part of what this one has counted', 'something else');
        }
      }
    }
    return both;
  }

  #page(pages: (Float64Array | undefined)[], cell: number): Float64Array {
    const page = new Float64Array(2 * PAGE);
    // no holes: an array with holes is a dictionary to the engine
    while (pages.length <= cell >> PAGE_BITS) pages.push(undefined);
    pages[cell >> PAGE_BITS] = page;
    return page;
  }
}
