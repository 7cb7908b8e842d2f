/**
 * What the short passes over a block leave for one another, small enough for the first-level cache. This file comes
 * before the scratch blocks in memory (assembly/losses.ts).
 */

/** Values a block holds. */
export const BLOCK: i32 = 512;

/**
 * A few lines of the cache behind each array: were two arrays a multiple of 4096 bytes apart, processors would take a
 * load from one for a load of what was just stored to the other.
 */
export const APART: i32 = 576;

/**
 * An exponent in two parts, an integer and a reduced argument: of a block, or of 128 classes of eight samples. They
 * begin a page: so TILE, which comes later, keeps away from where in a page callers' arrays mostly begin, however many
 * constants there are.
 */
export const INTEGER: usize = memory.data(4 * 1024 + APART, 4096);
export const REDUCED: usize = memory.data(4 * 1024 + APART, 16);
/** e^−|gap| */
export const DECAY: usize = memory.data(4 * BLOCK + APART, 16);
export const SIGMOID: usize = memory.data(4 * BLOCK + APART, 16);
/** 1/(1 + t) = σ(|gap|), at least ½ */
export const LARGER: usize = memory.data(4 * BLOCK + APART, 16);
/** t/(2 + t), t = DECAY */
export const QUOTIENT: usize = memory.data(4 * BLOCK + APART, 16);
/** Weight times a power of b. */
export const POWER: usize = memory.data(4 * BLOCK + APART, 16);
/** q/b */
export const SHARE: usize = REDUCED;
