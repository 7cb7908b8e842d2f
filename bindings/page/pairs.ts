/** Wrong predictions by pair of classes, where a matrix of all pairs would be too large. */
import type { Chunk } from '../files/api.ts';
import type { Metrics, Pair } from '../report/format.ts';
import { predictionOf, rowsOf, targetsOf } from './rows.ts';

/**
 * Pairs that are counted, at most: memory stays flat, and a pair that comes up so late is none of the most frequent.
 */
const MOST = 1_000_000;
/** Pairs that are shown. */
const SHOWN = 100;

export class PairCounts {
  readonly #classes: number;
  readonly #ignoreIndex: number;
  readonly #counts = new Map<number, number>();
  /** How often each class is predicted. */
  readonly #predicted: Float64Array;

  constructor(classes: number, ignoreIndex: number) {
    this.#classes = classes;
    this.#ignoreIndex = ignoreIndex;
    this.#predicted = new Float64Array(classes);
  }

  add(chunk: Chunk): void {
    const targetOf = targetsOf(chunk);
    const { row, read } = rowsOf(chunk);
    for (let i = 0; i < chunk.samples; i++) {
      const target = targetOf(i);
      if (target === this.#ignoreIndex) continue;
      read(i);
      const prediction = predictionOf(row);
      this.#predicted[prediction]!++;
      if (prediction === target) continue;
      const pair = target * this.#classes + prediction;
      const count = this.#counts.get(pair) ?? 0;
      if (count > 0 || this.#counts.size < MOST) this.#counts.set(pair, count + 1);
    }
  }

  /** The most frequent ones. */
  top({ perClass }: Metrics): Pair[] {
    return [...this.#counts]
      .sort(([a, n], [b, m]) => m - n || a - b)
      .slice(0, SHOWN)
      .map(([pair, count]) => {
        const row = Math.floor(pair / this.#classes);
        const column = pair % this.#classes;
        const [share, ofColumn] = [count / perClass[row]!.support, count / this.#predicted[column]!];
        return { row, column, count, share, ofColumn };
      });
  }
}
