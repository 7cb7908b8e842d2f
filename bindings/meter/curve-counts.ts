import { CELL_PAGE_BITS } from '../backend/constants.ts';
import { outOfRange } from '../input/errors.ts';
import { CELLS } from './cells.ts';

/** Cells that are allocated together. */
const PAGE = 1 << CELL_PAGE_BITS;
/** Pages of a class. */
const PAGES = Math.ceil(CELLS / PAGE);

/** Negatives and positives of a cell that has any. */
export type Cell = readonly [cell: number, negatives: number, positives: number];

/** Of each class: how many of its samples (positives) and of all others (negatives) fell in each cell of the logit. */
export class CurveCounts {
  readonly classes: number;
  /** Of each class that has counts: where each of its pages begins, 0 where it has none. */
  readonly #tables: (Int32Array | undefined)[];
  /** Pages: the negatives of so many cells, then their positives. The first is nobody's. */
  #counts = new Float64Array(2 * PAGE);
  #used = 2 * PAGE;

  constructor(classes: number) {
    this.classes = classes;
    this.#tables = Array.from({ length: classes }, () => undefined);
  }

  /**
   * Count what the kernels found of each logit of a tile.
   *
   * @param keys what stands in CELLS, [image][class][position]; below 0: nothing
   */
  count(keys: Int32Array, images: number, positions: number, classes: number, firstClass: number): void {
    let counts = this.#counts;
    for (let c = 0; c < classes; c++) {
      const table = this.#table(firstClass + c);
      for (let b = 0; b < images; b++) {
        let at = (b * classes + c) * positions;
        for (const end = at + positions; at < end; at++) {
          const key = keys[at] as number;
          if (key < 0) continue;
          let page = table[key >> (CELL_PAGE_BITS + 1)] as number;
          if (page === 0) {
            page = this.#page(table, key >> (CELL_PAGE_BITS + 1));
            counts = this.#counts;
          }
          const slot = page + (key & (2 * PAGE - 1));
          (counts[slot] as number) += 1;
        }
      }
    }
  }

  /** Count what the kernels found of one sample, whose first key is at `at`, those of its classes `step` apart. */
  countSample(keys: Int32Array, at: number, step: number, classes: number, firstClass: number): void {
    for (let c = firstClass; c < firstClass + classes; c++, at += step) {
      const key = keys[at] as number;
      if (key < 0) continue;
      const table = this.#table(c);
      const page = table[key >> (CELL_PAGE_BITS + 1)] || this.#page(table, key >> (CELL_PAGE_BITS + 1));
      const slot = page + (key & (2 * PAGE - 1));
      (this.#counts[slot] as number) += 1;
    }
  }

  /** Add counts of a cell. */
  add(c: number, cell: number, negatives: number, positives: number): void {
    const table = this.#table(c);
    const page = table[cell >> CELL_PAGE_BITS] || this.#page(table, cell >> CELL_PAGE_BITS);
    const slot = page + (cell & (PAGE - 1));
    (this.#counts[slot] as number) += negatives;
    (this.#counts[slot + PAGE] as number) += positives;
  }

  /** The cells of class c that have counts, from the lowest logit up. */
  *cells(c: number): Generator<Cell> {
    const table = this.#tables[c];
    if (!table) return;
    for (let p = 0; p < PAGES; p++) {
      const page = table[p] as number;
      if (page === 0) continue;
      for (let slot = 0; slot < PAGE; slot++) {
        const negatives = this.#counts[page + slot] as number;
        const positives = this.#counts[page + slot + PAGE] as number;
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

  #table(c: number): Int32Array {
    let table = this.#tables[c];
    if (!table) {
      table = new Int32Array(PAGES);
      this.#tables[c] = table;
    }
    return table;
  }

  /** A new page. */
  #page(table: Int32Array, p: number): number {
    if (this.#used === this.#counts.length) {
      const more = new Float64Array(2 * this.#counts.length);
      more.set(this.#counts);
      this.#counts = more;
    }
    const page = this.#used;
    this.#used += 2 * PAGE;
    table[p] = page;
    return page;
  }
}
