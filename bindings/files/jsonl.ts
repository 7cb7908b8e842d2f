/** JSON Lines: one object a line, whose keys are the columns. */
import { FileError, quoted } from './errors.ts';
import { atLines, pieces, readHead } from './lines.ts';
import type { Source } from './source.ts';
import { type Batch, type Column, kindOf, type Table } from './table.ts';

const LOOKED_AT = 1000;

type Row = Record<string, unknown>;
/** Texts, and what is a number for Python and no JSON. */
const NUMBERS = /"(?:[^"\\]|\\.)*"|NaN|-?Infinity/g;
/** JSON for them; null is read as NaN. */
const inJson: Record<string, string> = { NaN: 'null', Infinity: '1e999', '-Infinity': '-1e999' };

/** A value as JSON has it, or as Python's json.dumps writes it. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    const other = line.replace(NUMBERS, (part) => inJson[part] ?? part);
    if (other === line) throw error;
    return JSON.parse(other);
  }
}

const cell = (row: Row, name: string): unknown => (Object.hasOwn(row, name) ? row[name] : null);

/** @throws FileError for anything that does not begin with an object */
export async function openJsonl(source: Source, signal?: AbortSignal): Promise<Table> {
  const { name } = source;
  const head = await readHead(source, signal);

  async function* rowsOf(signal?: AbortSignal): AsyncGenerator<{ first: number; rows: Row[] }> {
    let first = 0;
    for await (const piece of pieces(source, atLines, signal, head)) {
      const rows: Row[] = [];
      for (const line of piece.split('\n')) {
        if (line.trim() !== '') rows.push(parse(line, first + rows.length));
      }
      yield { first, rows };
      first += rows.length;
    }
  }

  function parse(line: string, row: number): Row {
    let value: unknown;
    try {
      value = parsed(line);
    } catch (error) {
      throw new FileError(name, `row ${row} is no JSON: ${quoted(line.trim())}`, { cause: error });
    }
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Row;
    const hint = row === 0 && Array.isArray(value) ? "; of an array, jq -c '.[]' makes lines" : '';
    throw new FileError(name, `row ${row} expected an object, got ${quoted(line.trim())}${hint}`);
  }

  const begin = rowsOf(signal);
  const { value } = await begin.next();
  await begin.return(undefined);
  const sample: Row[] = (value?.rows ?? []).slice(0, LOOKED_AT);
  if (sample.length === 0) throw new FileError(name, 'is empty, one JSON object a line is expected');
  const names = new Set(sample.flatMap((row) => Object.keys(row)));
  const columns: Column[] = [...names].map((column) => ({
    name: column,
    kind: kindOf(sample.map((row) => cell(row, column))),
  }));

  async function* batches(
    wanted: readonly string[],
    from: number,
    to: number,
    _: number,
    signal?: AbortSignal,
  ): AsyncGenerator<Batch> {
    for await (const { first, rows } of rowsOf(signal)) {
      const start = Math.max(first, from);
      const some = rows.slice(start - first, Math.max(0, to - first));
      if (some.length > 0)
        yield { first: start, rows: some.length, column: (i) => some.map((row) => cell(row, wanted[i]!)) };
      if (first + rows.length >= to) return;
    }
  }

  return { name, rows: null, columns, batches, close: async () => source.close?.() };
}
