/**
 * Everything. scripts/pieces.mjs cuts it into the binaries of the entries; where bytes may not be compiled it is
 * shipped whole, as a file. Each of the three has a mark, NAME_END, where the data ends that was declared until then.
 */
export * from './losses';
export * from './meter';
export * from './pairs';
