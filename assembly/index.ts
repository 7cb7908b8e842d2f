/** Everything: the binary that is shipped as a file, for where bytes may not be compiled. */
export * from './meter';
export { differences, pairs } from './compare/pairs';
export { PAIRS } from './compare/scratch';
export { clear } from './math/exact-sum';
