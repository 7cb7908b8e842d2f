import { CHUNK, type Chunk, type ChunkOptions, type Dataset, type LabelData, type Labels } from './dataset.ts';
import { FileError, quiet, quoted } from './errors.ts';
import { type Batch, type Column, type Table, toNumber } from './table.ts';

export interface TableDatasetOptions {
  /** Column of the label, or with one `*` columns of one number a class (multi-hot, soft). */
  readonly target: string | typeof NO_TARGETS;
  /** Columns of the scores, in the order of the classes: names, or patterns with one `*`. Default: all others of numbers. */
  readonly scores: string | readonly string[] | undefined;
  /** Columns to hand on beside. */
  readonly columns: readonly string[];
  readonly ignoreIndex: number;
  readonly names: readonly string[] | null;
  /** The table of another model, whose classes the scores are brought into the order of. */
  readonly like?: TableDataset | null;
}

/** Columns that hold one number a class, or one that holds lists of them. */
interface Scores {
  readonly columns: readonly string[];
  readonly list: boolean;
  /** What the classes are called; null where a list does not tell. */
  readonly names: readonly string[] | null;
  /** Whether each column was named by itself, so that their order is meant. */
  readonly chosen?: boolean;
}

/** In the place of a column of labels: there are none, and zeros stand for them, which nobody looks at. */
export const NO_TARGETS = Symbol('no targets');

/** About so many rows are read for their number of classes. */
const FEW = 16;

/** A table with one row a sample: a column of labels, one column or one entry of a list for each class. */
export class TableDataset implements Dataset {
  readonly samples: number | null;
  readonly splittable: boolean;
  readonly classes: number;
  readonly itemsize = 8;
  readonly names: readonly string[] | null;
  readonly files: readonly string[];
  readonly #table: Table;
  readonly #scores: Scores;
  readonly #target: Scores;
  readonly #columns: readonly string[];
  readonly #ignoreIndex: number;
  readonly #label: (value: unknown, sample: number) => number;

  private constructor(table: Table, scores: Scores, target: Scores, classes: number, options: TableDatasetOptions) {
    const names = options.names ?? scores.names;
    this.#table = table;
    this.#scores = scores;
    this.#target = target;
    this.#columns = options.columns;
    this.#ignoreIndex = options.ignoreIndex;
    this.samples = table.rows;
    this.splittable = table.rows !== null;
    this.classes = classes;
    this.names = names;
    this.files = [table.name];
    const where = ` (column ${quoted(String(options.target))})`;
    this.#label = labelReader(table.name, where, classes, names, options.names ? undefined : patternFor(names));
  }

  /** @throws FileError where the columns are not there or do not go together */
  static async open(table: Table, options: TableDatasetOptions, signal?: AbortSignal): Promise<TableDataset> {
    const { target, scores, columns } = options;
    for (const name of columns) columnNamed(table, name);
    const targets = targetsOf(table, target);
    const taken = new Set([...targets.columns, ...columns]);
    const found = scores === undefined ? allOthers(table, taken, target) : given(table, scores);
    const { like } = options;
    const logits = like
      ? alike(table, found, like.#scores, scores === undefined)
      : inOrderOf(table, found, options.names);
    const targeted = new Set(targets.columns);
    const both = logits.columns.find((name) => targeted.has(name));
    if (both !== undefined)
      throw new FileError(table.name, `column ${quoted(both)} is among the scores and the targets`);
    let classes = logits.columns.length;
    if (logits.list) {
      classes = 0;
      for await (const batch of table.batches(logits.columns, 0, FEW, FEW, signal)) {
        classes = (batch.column(0)[0] as ArrayLike<unknown>)?.length ?? 0;
        break;
      }
      if (classes === 0)
        throw new FileError(table.name, `logits[0] (column ${quoted(logits.columns[0]!)}) expected a list of scores`);
    }
    const dense = inOrder(table, targets, logits, classes);
    return new TableDataset(table, logits, dense, classes, options);
  }

  async *chunks(from = 0, to = this.samples ?? Infinity, options: ChunkOptions = {}): AsyncGenerator<Chunk> {
    const { bytes = CHUNK, signal } = options;
    const rows = Math.max(1, Math.floor(bytes / (this.itemsize * this.classes)));
    const [scores, targets] = [this.#scores.columns, this.#target.columns];
    const wanted = [...scores, ...targets, ...this.#columns];
    for await (const batch of this.#table.batches(wanted, from, to, rows, signal)) {
      const z = Array.from(scores, (_, i) => batch.column(i));
      const y = Array.from(targets, (_, i) => batch.column(scores.length + i));
      const others = Array.from(this.#columns, (_, i) => batch.column(scores.length + targets.length + i));
      // text comes in blocks of its own size
      for (let at = 0; at < batch.rows; at += rows) {
        signal?.throwIfAborted();
        const samples = Math.min(rows, batch.rows - at);
        const data = this.#numbers(this.#scores, z, batch, at, samples, 'logits');
        const columns = others.map((values, i) => [
          this.#columns[i]!,
          Array.from({ length: samples }, (_, k) => values[at + k]),
        ]);
        yield {
          ...this.#labels(y, batch, at, samples),
          logits: { data, dims: [samples, this.classes, 1], type: 'float' },
          columns: Object.fromEntries(columns),
        };
      }
    }
  }

  async *labels(from = 0, to = this.samples ?? Infinity, { signal }: ChunkOptions = {}): AsyncGenerator<Labels> {
    for await (const batch of this.#table.batches(this.#target.columns, from, to, 1 << 16, signal)) {
      const y = this.#target.columns.map((_, i) => batch.column(i));
      yield this.#labels(y, batch, 0, batch.rows);
    }
  }

  async close(): Promise<void> {
    await this.#table.close();
  }

  /** Rows of one number a class. */
  #numbers(
    { columns, list }: Scores,
    values: readonly ArrayLike<unknown>[],
    { first }: Batch,
    at: number,
    rows: number,
    what: string,
  ): Float64Array {
    const { classes } = this;
    const out = new Float64Array(rows * classes);
    const bad = (k: number, name: string, expected: string, value: unknown) =>
      new FileError(
        this.files[0]!,
        `${what}[${first + at + k}] (column ${quoted(name)}) expected ${expected}, got ${quiet(JSON.stringify(value) ?? 'nothing', 40)}`,
      );
    if (list) {
      for (let k = 0; k < rows; k++) {
        const row = values[0]![at + k] as ArrayLike<unknown> | null;
        if (row?.length !== classes) throw bad(k, columns[0]!, `a list of ${classes} numbers`, row);
        for (let c = 0; c < classes; c++) {
          const x = toNumber(row[c]);
          if (x === undefined) throw bad(k, columns[0]!, 'numbers', row[c]);
          out[k * classes + c] = x;
        }
      }
      return out;
    }
    for (let c = 0; c < classes; c++) {
      const column = values[c]!;
      for (let k = 0; k < rows; k++) {
        const x = toNumber(column[at + k]);
        if (x === undefined) throw bad(k, columns[c]!, 'a number', column[at + k]);
        out[k * classes + c] = x;
      }
    }
    return out;
  }

  #labels(values: readonly ArrayLike<unknown>[], batch: Batch, at: number, samples: number): Labels {
    const first = batch.first + at;
    const { classes } = this;
    if (this.#target.columns.length > 1 || this.#target.list) {
      const data = this.#numbers(this.#target, values, batch, at, samples, 'targets');
      for (let i = 0; i < data.length; i++) if (Number.isNaN(data[i])) data[i] = this.#ignoreIndex;
      return {
        first,
        samples,
        targets: { data: data as never as LabelData, dims: [samples, classes, 1], type: 'float64' },
        missing: 0,
      };
    }
    const data = new Float64Array(samples);
    let missing = 0;
    let whole = true;
    for (let k = 0; k < samples && values.length > 0; k++) {
      let y = this.#label(values[0]![at + k], first + k);
      if (Number.isNaN(y)) {
        missing++;
        y = this.#ignoreIndex;
      }
      data[k] = y;
      whole &&= (y | 0) === y;
    }
    const labels = (whole ? new Int32Array(data) : data) as LabelData;
    return {
      first,
      samples,
      targets: { data: labels, dims: [samples, 1], type: whole ? 'int32' : 'float64' },
      missing,
    };
  }
}

export function columnNamed(table: Table, name: string): Column {
  const found = table.columns.find((column) => column.name === name);
  if (found) return found;
  const names = table.columns.slice(0, 8).map((column) => quoted(column.name));
  const others = table.columns.length > 8 ? ` and ${table.columns.length - 8} more` : '';
  const several = name.includes(',') ? ' (several are a pattern, p_*, or named one by one)' : '';
  const columns = `its columns are ${names.join(', ')}${others}`;
  throw new FileError(table.name, `has no column ${quoted(name)}${several}; ${columns}`);
}

function targetsOf(table: Table, target: TableDatasetOptions['target']): Scores {
  if (target === NO_TARGETS) return { columns: [], list: false, names: null };
  return target.includes('*') ? matching(table, target) : oneColumn(columnNamed(table, target));
}

const oneColumn = ({ name, kind }: Column): Scores => ({ columns: [name], list: kind === 'list', names: null });

/** Whether a column is called so, or as a pattern with one `*` says. */
export function matches(pattern: string, name: string): boolean {
  const [before, after] = pattern.split('*') as [string, string?];
  if (after === undefined) return name === pattern;
  return name.startsWith(before) && name.endsWith(after) && name.length >= before.length + after.length;
}

/** The columns that a pattern with one `*` matches; what the `*` stands for is the class's name. */
function matching(table: Table, pattern: string): Scores {
  const [before, after, more] = pattern.split('*') as [string, string, string?];
  if (more !== undefined) throw new FileError(table.name, `a pattern has one *, ${quoted(pattern)} has more`);
  const found = table.columns.filter(({ name }) => matches(pattern, name));
  if (found.length === 0) throw new FileError(table.name, `has no column like ${quoted(pattern)}`);
  const columns = found.map(({ name }) => name);
  return { columns, list: false, names: columns.map((name) => name.slice(before.length, name.length - after.length)) };
}

function given(table: Table, scores: string | readonly string[]): Scores {
  const patterns = typeof scores === 'string' ? [scores] : scores;
  if (patterns.length === 1 && !patterns[0]!.includes('*')) {
    const column = columnNamed(table, patterns[0]!);
    if (column.kind === 'text') {
      throw new FileError(table.name, `column ${quoted(column.name)} expected scores, one number a class, got text`);
    }
    return { ...oneColumn(column), names: column.kind === 'list' ? null : [column.name], chosen: true };
  }
  const parts = patterns.map((pattern): Scores => {
    return pattern.includes('*')
      ? matching(table, pattern)
      : { ...oneColumn(columnNamed(table, pattern)), names: [pattern] };
  });
  const columns = parts.flatMap((part) => part.columns);
  if (new Set(columns).size < columns.length) {
    const twice = columns.find((name, i) => columns.indexOf(name) < i)!;
    throw new FileError(table.name, `column ${quoted(twice)} is among the scores twice`);
  }
  const chosen = !patterns.some((pattern) => pattern.includes('*'));
  return { columns, list: false, names: parts.flatMap((part) => part.names ?? []), chosen };
}

/** What pandas calls a column of the numbers of the rows, which it writes unasked. */
const ROW_NUMBERS = /^(|Unnamed: \d+|__index_level_\d+__)$/;

/** All columns of numbers but those that are something else; where there is none, the one column of lists. */
function allOthers(table: Table, taken: ReadonlySet<string>, target: TableDatasetOptions['target']): Scores {
  const free = table.columns.filter(({ name }) => !taken.has(name) && !ROW_NUMBERS.test(name));
  const numbers = free.filter(({ kind }) => kind === 'number').map(({ name }) => name);
  if (numbers.length > 0) return { columns: numbers, list: false, names: numbers };
  const lists = free.filter(({ kind }) => kind === 'list');
  if (lists.length === 1) return oneColumn(lists[0]!);
  const what = lists.length > 1 ? 'several columns of lists' : 'no columns of numbers';
  const beside = target === NO_TARGETS ? '' : ` beside ${quoted(target)}`;
  throw new FileError(table.name, `has ${what}${beside}: say which are the scores`);
}

/** Columns of scores in the order of another model's, by the names of their classes. */
function alike(table: Table, scores: Scores, { names, chosen }: Scores, guessed: boolean): Scores {
  const own = scores.names;
  const remedy = guessed ? ': say which are the scores' : '';
  if (!names || !own || names.join('\0') === own.join('\0')) return scores;
  const byName = new Map(own.map((name, i) => [name, scores.columns[i]!]));
  const known = new Set(names);
  // columns that were named one by one stand in the order that was given, whatever they are called
  if ((chosen || scores.chosen) && !own.some((name) => known.has(name))) return scores;
  const missing = names.find((name) => !byName.has(name));
  if (missing !== undefined)
    throw new FileError(table.name, `has no scores of the baseline's class ${quoted(missing)}${remedy}`);
  const more = own.find((name) => !known.has(name));
  if (more !== undefined) {
    throw new FileError(table.name, `has scores of class ${quoted(more)}, which the baseline has not${remedy}`);
  }
  const twice = own.find((name, i) => own.indexOf(name) < i);
  if (twice !== undefined) {
    throw new FileError(table.name, `has classes in another order than the baseline, several called ${quoted(twice)}`);
  }
  return { ...scores, columns: names.map((name) => byName.get(name)!), names };
}

/** Columns of scores in the order of names that were given, where these are their own. */
function inOrderOf(table: Table, scores: Scores, names: readonly string[] | null): Scores {
  if (!names || !scores.names || names.length !== scores.names.length) return scores;
  const byName = new Map(scores.names.map((name, i) => [name, scores.columns[i]!]));
  if (names.every((name) => byName.has(name)) && new Set(names).size === names.length) {
    return { ...scores, columns: names.map((name) => byName.get(name)!), names };
  }
  const other = names.findIndex((name, i) => byName.has(name) && scores.names![i] !== name);
  if (other < 0) return scores;
  const column = quoted(byName.get(names[other]!)!);
  throw new FileError(
    table.name,
    `names put class ${quoted(names[other]!)} where ${quoted(scores.columns[other]!)} is, not ${column}: give the names that the columns have`,
  );
}

/** Columns of targets in the order of the scores, where both have names. */
function inOrder(table: Table, targets: Scores, scores: Scores, classes: number): Scores {
  if (!targets.names || (targets.columns.length === 1 && classes === 1)) return targets;
  if (targets.columns.length !== classes) {
    throw new FileError(table.name, `has ${targets.columns.length} columns of targets for ${classes} of scores`);
  }
  if (!scores.names) return targets;
  const byName = new Map(targets.names.map((name, i) => [name, targets.columns[i]!]));
  const missing = scores.names.find((name) => !byName.has(name));
  if (missing !== undefined) throw new FileError(table.name, `has no column of targets for class ${quoted(missing)}`);
  return { ...targets, columns: scores.names.map((name) => byName.get(name)!) };
}

/** Of a label that is a part of a column's name: the pattern of the columns whose classes are called so. */
function patternFor(names: readonly string[] | null): (label: string) => string {
  return (label) => {
    const own = label === '' ? undefined : names?.find((name) => name.startsWith(label) || name.endsWith(label));
    const pattern = own?.startsWith(label) ? `*${own.slice(label.length)}` : own && `${own.slice(0, -label.length)}*`;
    return pattern === undefined
      ? ''
      : `; with scores ${quoted(pattern)} (--scores) the class of column ${quoted(own!)} is ${quoted(label)}`;
  };
}

/**
 * How the label of a sample is read: NaN for none. Where the names of the classes are numbers themselves, a label is one of
 * these names; else a whole number is the index of a class, and a text its name. true and false are 1 and 0. Of one class a number
 * says whether a sample is of it, and its name that it is.
 */
export function labelReader(
  file: string,
  where: string,
  classes: number,
  names: readonly string[] | null,
  hint: (label: string) => string = () => '',
): (value: unknown, sample: number) => number {
  const byName = new Map((names ?? []).map((name, i) => [name, i]));
  const shared = new Set(names?.filter((name, i) => byName.get(name) !== i));
  const numbered = names !== null && names.length > 1 && names.every((name) => /^-?\d+$/.test(name));
  const bad = (value: unknown, sample: number) => {
    const some = names?.slice(0, 5).map(quoted).join(', ');
    const others = names && names.length > 5 ? ', …' : '';
    const oneOf = numbered || (typeof value === 'string' && names);
    const several = oneOf ? `one of ${some}${others}` : 'a whole number';
    const expected = classes > 1 ? several : `0 or 1${names ? ` (${some} stands for 1)` : ''}`;
    const got = typeof value === 'string' ? quoted(value) : quiet(String(value), 40);
    const more = typeof value === 'string' ? hint(value.trim()) : '';
    return new FileError(file, `targets[${sample}]${where} expected ${expected}, got ${got}${more}`);
  };
  return (value, sample) => {
    if (value === null || value === undefined) return NaN;
    let given = value;
    if (typeof value === 'string') {
      const text = value.trim();
      const named = byName.get(value) ?? byName.get(text);
      if (named !== undefined && shared.has(names![named]!)) {
        throw new FileError(
          file,
          `targets[${sample}]${where} is ${quoted(text)}, as several classes are called: give their indices`,
        );
      }
      if (named !== undefined && classes > 1) return named;
      if (text === '') return NaN;
      if (/^(true|false)$/i.test(text)) given = text.length === 4;
      // of one class its name says that a sample is of it, a number whether it is
      else if (named !== undefined && toNumber(text) === undefined) return 1;
    }
    const number = typeof given === 'boolean' ? Number(given) : toNumber(given);
    if (number === undefined) throw bad(value, sample);
    if (Number.isNaN(number)) return NaN;
    if (classes === 1) return number;
    if (!Number.isInteger(number)) throw bad(value, sample);
    if (!numbered) return number;
    const named = byName.get(String(number));
    // what marks a sample to leave out, or the background, is no class
    if (named === undefined && number >= 0) throw bad(value, sample);
    return named ?? number;
  };
}
