/** What a column holds: numbers, texts, lists of numbers, or anything else. */
export type ColumnKind = 'number' | 'text' | 'list' | 'other';

/** A column of a table. */
export interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
}

/** Some rows, one after another. */
export interface Batch {
  readonly first: number;
  readonly rows: number;
  /** The values of the i-th of the columns that were asked for. */
  column(i: number): ArrayLike<unknown>;
}

/** A file with one row a sample. */
export interface Table {
  readonly name: string;
  /** null where only reading to the end can tell. */
  readonly rows: number | null;
  readonly columns: readonly Column[];
  /**
   * Rows from one index to another (Infinity: the end).
   *
   * @param rows about how many at a time
   */
  batches(
    columns: readonly string[],
    from: number,
    to: number,
    rows: number,
    signal?: AbortSignal,
  ): AsyncGenerator<Batch>;
  close(): Promise<void>;
}

/** The kind of a column by some of its values; null, undefined and '' say nothing. */
export function kindOf(values: readonly unknown[]): ColumnKind {
  const present = values.filter((value) => value !== null && value !== undefined && value !== '');
  const every = (is: (value: unknown) => boolean) => present.length > 0 && present.every(is);
  if (every(Array.isArray)) return 'list';
  if (every((value) => toNumber(value) !== undefined)) return 'number';
  return every((value) => typeof value === 'string' || typeof value === 'boolean') ? 'text' : 'other';
}

const WORDS: Record<string, number> = { nan: NaN, inf: Infinity, infinity: Infinity };

/** A cell as a number: NaN for one that is empty, undefined for one that holds something else. */
export function toNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (value === null || value === undefined || value === '') return NaN;
  if (typeof value !== 'string') return undefined;
  const number = Number(value);
  if (!Number.isNaN(number)) return value.trim() === '' ? NaN : number;
  const [, sign, word = ''] = /^\s*([-+]?)([a-z]+)\s*$/i.exec(value) ?? [];
  const known = WORDS[word.toLowerCase()];
  return known === undefined ? undefined : sign === '-' ? -known : known;
}
