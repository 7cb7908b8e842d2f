/** CSV and TSV with a header line (RFC 4180), by d3-dsv. */
import { type DSV, dsvFormat } from 'd3-dsv';
import { FileError, quoted } from './errors.ts';
import { type Cut, type Head, pieces, readHead } from './lines.ts';
import type { Source } from './source.ts';
import { type Batch, type Column, kindOf, type Table } from './table.ts';

/** Rows by which the kinds of the columns are told. */
const LOOKED_AT = 1000;

/** A line end between two quotes belongs to the text. */
const atRows: Cut = (text) => {
  if (!text.includes('"')) return text.lastIndexOf('\n') + 1;
  let end = 0;
  let inside = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 34) inside = !inside;
    else if (code === 10 && !inside) end = i + 1;
  }
  return end;
};

/** @throws FileError for anything that has no header line */
export async function openCsv(source: Source, delimiter: string | null, signal?: AbortSignal): Promise<Table> {
  const { name } = source;
  const head = await readHead(source, signal);
  const rows = rowsOf(source, head, delimiter, signal);
  const begin: string[][] = [];
  for await (const some of rows) {
    for (const row of some.slice(0, LOOKED_AT)) begin.push(row);
    if (begin.length > 1) break;
  }
  const [header, ...sample] = begin;
  if (!header) throw new FileError(name, 'is empty, a header line with the names of the columns is expected');
  if (new Set(header).size < header.length) {
    const twice = header.find((column, i) => header.indexOf(column) < i)!;
    throw new FileError(name, `has two columns named ${quoted(twice)}`);
  }
  const at = new Map(header.map((column, i) => [column, i]));
  const columns: Column[] = header.map((column, i) => ({ name: column, kind: kindOf(sample.map((row) => row[i])) }));

  async function* batches(
    names: readonly string[],
    from: number,
    to: number,
    _: number,
    signal?: AbortSignal,
  ): AsyncGenerator<Batch> {
    const indices = names.map((column) => at.get(column)!);
    // the header line is row −1
    let next = -1;
    for await (const all of rowsOf(source, head, delimiter, signal)) {
      for (const [i, row] of all.entries()) {
        if (row.length !== header!.length) {
          const hint = row.at(-1)!.includes('\n') ? '; is a quote missing?' : '';
          throw new FileError(name, `row ${next + i} has ${row.length} fields, the header ${header!.length}${hint}`);
        }
      }
      const first = Math.max(next, from, 0);
      const some = all.slice(first - next, Math.max(0, to - next));
      next += all.length;
      if (some.length > 0) yield { first, rows: some.length, column: (i) => some.map((row) => row[indices[i]!]) };
      if (next >= to) return;
    }
  }

  return { name, rows: null, columns, batches, close: async () => source.close?.() };
}

/** All rows, the header line among them; lines with nothing on them are none. */
async function* rowsOf(
  source: Source,
  head: Head,
  delimiter: string | null,
  signal?: AbortSignal,
): AsyncGenerator<string[][]> {
  let format: DSV | null = null;
  for await (const piece of pieces(source, atRows, signal, head)) {
    // told once, by the header line
    format ??= dsvFormat(delimiter ?? delimiterOf(piece.slice(0, piece.indexOf('\n') + 1) || piece));
    const rows = format.parseRows(piece).filter(({ length, 0: only }) => length > 1 || only !== '');
    if (rows.length > 0) yield rows;
  }
}

/** What a header line has most of. */
function delimiterOf(header: string): string {
  const count = (delimiter: string) => header.replaceAll(/"[^"]*"/g, '').split(delimiter).length;
  return [',', ';', '\t', '|'].reduce((best, one) => (count(one) > count(best) ? one : best));
}
