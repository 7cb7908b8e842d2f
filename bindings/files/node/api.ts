/** The readers with paths in the place of URLs alone. */
import * as files from '../open.ts';
import { resolve } from './source.ts';

export { openPath, stdin } from './source.ts';

// properties, since a bundler renames a variable that has the name of another one, and a function's name with it
const readers = {
  openArray: ((input, name, options) =>
    files.openArray(input, name, { resolve, ...options })) as typeof files.openArray,
  openDataset: ((input, options) => files.openDataset(input, { resolve, ...options })) as typeof files.openDataset,
  readColumn: ((input, column, rows, options) =>
    files.readColumn(input, column, rows, { resolve, ...options })) as typeof files.readColumn,
  inspect: ((input, options) => files.inspect(input, { resolve, ...options })) as typeof files.inspect,
};

/** `openArray` of `focal-simd/files`, for paths and `-` (stdin), too. */
export const openArray = readers.openArray;

/** `openDataset` of `focal-simd/files`, for paths and `-` (stdin), too. */
export const openDataset = readers.openDataset;

/** `readColumn` for paths, too. */
export const readColumn = readers.readColumn;

/** `inspect` of `focal-simd/files`, for paths and `-` (stdin), too. */
export const inspect = readers.inspect;
