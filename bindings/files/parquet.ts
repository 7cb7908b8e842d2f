/** Parquet, by hyparquet. Row groups are read in parts, and of those a few columns at a time, so that the memory stays flat. */
import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
  parquetSchema,
  type SchemaTree,
} from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { FileError, quoted, within } from './errors.ts';
import type { Source } from './source.ts';
import type { Batch, Column, ColumnKind, Table } from './table.ts';

/** A page is a megabyte as a rule; what claims to be this much larger is not decompressed. */
const MOST_PAGE = 1 << 28;
const MOST_ROWS_IN_GROUP = 1 << 28;
/** Columns read at a time. */
const TOGETHER = 8;

const guarded = Object.fromEntries(
  Object.entries(compressors).map(([codec, decompress]) => [
    codec,
    (input: Uint8Array, length: number): Uint8Array => {
      if (!(length >= 0 && length <= MOST_PAGE)) throw new Error(`a page of ${length} bytes is too large`);
      return decompress(input, length);
    },
  ]),
);

/** @throws FileError for anything that is not a whole Parquet file */
export async function openParquet(source: Source, signal?: AbortSignal): Promise<Table> {
  const { name, size } = source;
  if (source.sequential)
    throw new FileError(name, 'a Parquet file can not be read from a pipe, as its directory is at its end');
  const bufferOf = (signal?: AbortSignal): AsyncBuffer => ({
    byteLength: size,
    async slice(start, end = size) {
      if (!(start >= 0 && start <= end && end <= size))
        throw new FileError(name, `truncated, bytes ${start} to ${end} are needed of ${size}`);
      const bytes = await source.read(start, end - start, signal);
      return bytes.buffer.byteLength === bytes.length
        ? (bytes.buffer as ArrayBuffer)
        : (bytes.slice().buffer as ArrayBuffer);
    },
  });
  const metadata = await within(name, 'Parquet', () => parquetMetadataAsync(bufferOf(signal)));
  const columns = await within(name, 'Parquet', () => parquetSchema(metadata).children.map((child) => columnOf(child)));
  const rows = checkGroups(name, size, metadata);

  async function* batches(
    wanted: readonly string[],
    from: number,
    to: number,
    most: number,
    signal?: AbortSignal,
  ): AsyncGenerator<Batch> {
    const file = bufferOf(signal);
    let start = 0;
    for (const group of metadata.row_groups) {
      const end = start + Number(group.num_rows);
      for (let first = Math.max(start, from); first < Math.min(end, to); first += most) {
        const count = Math.min(most, end - first, to - first);
        const values = await within(name, 'Parquet', () => readColumns(file, metadata, wanted, first, count, signal));
        yield { first, rows: count, column: (i) => values[i]! };
      }
      start = end;
    }
  }

  return { name, rows, columns, batches, close: async () => source.close?.() };
}

/** The rows of all groups; what the directory says is held to the file before anything is read by it. */
function checkGroups(name: string, size: number, metadata: FileMetaData): number {
  let rows = 0;
  for (const { num_rows, columns } of metadata.row_groups) {
    const count = Number(num_rows);
    if (!(count >= 0 && count <= MOST_ROWS_IN_GROUP))
      throw new FileError(name, `a row group of ${count} rows is too large`);
    rows += count;
    for (const { meta_data: data, file_path: elsewhere } of columns) {
      if (!data || elsewhere) throw new FileError(name, 'its columns lie in other files');
      const at = Number(data.dictionary_page_offset || data.data_page_offset);
      const end = at + Number(data.total_compressed_size);
      if (!(at >= 4 && at <= end && end <= size)) {
        throw new FileError(
          name,
          `truncated, column ${quoted(data.path_in_schema.join('.'))} needs bytes up to ${end} of ${size}`,
        );
      }
    }
  }
  if (rows !== Number(metadata.num_rows))
    throw new FileError(name, `its row groups have ${rows} rows of ${metadata.num_rows}`);
  return rows;
}

const NUMBERS = ['FLOAT', 'DOUBLE', 'INT32', 'INT64'];

function columnOf({ element, children }: SchemaTree): Column {
  const { name, type, converted_type: converted, logical_type: logical } = element;
  let kind: ColumnKind = 'other';
  const inner = children[0]?.children[0] ?? children[0];
  if (children.length === 1 && inner) kind = columnOf(inner).kind === 'number' ? 'list' : 'other';
  else if (element.repetition_type === 'REPEATED') kind = 'list';
  else if (logical?.type === 'FLOAT16') kind = 'number';
  else if (type && NUMBERS.includes(type)) kind = !converted || /INT/.test(converted) ? 'number' : 'other';
  else if (type === 'BYTE_ARRAY' || type === 'BOOLEAN') kind = 'text';
  return { name, kind };
}

/** Some rows of some columns. */
async function readColumns(
  file: AsyncBuffer,
  metadata: FileMetaData,
  names: readonly string[],
  first: number,
  count: number,
  signal?: AbortSignal,
): Promise<ArrayLike<unknown>[]> {
  const found = new Map<string, { values: ArrayLike<unknown>; filled: number }>();
  for (let i = 0; i < names.length; i += TOGETHER) {
    signal?.throwIfAborted();
    const columns = names.slice(i, i + TOGETHER);
    await parquetRead({
      file,
      metadata,
      columns,
      rowStart: first,
      rowEnd: first + count,
      useOffsetIndex: true,
      compressors: guarded,
      onChunk({ columnName, columnData, rowStart }) {
        // pages begin before and end after the rows
        const from = Math.max(first, rowStart);
        const to = Math.min(first + count, rowStart + columnData.length);
        if (from >= to) return;
        const part = columnData.slice(from - rowStart, to - rowStart);
        const known = found.get(columnName);
        if (!known && part.length === count) {
          found.set(columnName, { values: part, filled: count });
          return;
        }
        const into = known ?? { values: new Array(count), filled: 0 };
        const target = into.values as unknown[];
        for (let k = 0; k < part.length; k++) target[from - first + k] = part[k];
        into.filled += part.length;
        found.set(columnName, into);
      },
    });
  }
  return names.map((column) => {
    const { values, filled } = found.get(column) ?? { values: [], filled: 0 };
    if (filled !== count) throw new Error(`column ${quoted(column)} has ${filled} of ${count} rows from ${first} on`);
    return values;
  });
}
