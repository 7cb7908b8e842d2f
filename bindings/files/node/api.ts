/** The readers with paths in the place of URLs alone. */
import * as files from '../open.ts';
import { resolve } from './source.ts';

export { openPath, stdin } from './source.ts';

/** `openArray` of `focal-simd/files`, for paths, too. */
export const openArray: typeof files.openArray = (input, name, options) =>
  files.openArray(input, name, { resolve, ...options });

/** `openDataset` of `focal-simd/files`, for paths, too. */
export const openDataset: typeof files.openDataset = (input, options) =>
  files.openDataset(input, { resolve, ...options });

/** `inspect` of `focal-simd/files`, for paths, too. */
export const inspect: typeof files.inspect = (input, options) => files.inspect(input, { resolve, ...options });
