/**
 * What the bindings and the kernels must agree on, declared once: this file is TypeScript and AssemblyScript alike, and the
 * scalar twin reads it too. Numbers only.
 */

/** Samples that a tile can hold. */
export const SAMPLES = 4096;
/** Logits that a tile can hold. */
export const LOGITS = 65536;

/** Forms of a tile: rows, planes as they come, rows to be transposed into planes. */
export const ROWS = 0;
export const PLANES = 1;
export const TRANSPOSED = 2;
/** Rows of more classes than this stay rows; of fewer they are transposed, so that vectors run across samples. Measured. */
export const FEW = 32;

/** Classes that softmax takes a partial sum over, and one-vs-rest. Every chunk of classes but the last has whole blocks. */
export const SOFTMAX_BLOCK = 128;
export const SIGMOID_BLOCK = 8;

/** Whole groups of 16 and an odd number of them: the same place in many planes does not fall on the same few cache lines. */
export const PLANE_GROUP = 16;
/** Logits between two planes that no kernel writes to. */
export const PLANE_GAP = 8;

/** Places in PARAMS, a float64 each, which `begin` reads. */
export const PARAM_VARIANT = 0;
export const PARAM_GAMMA = 1;
export const PARAM_SMOOTHING = 2;
/** NO_GRADIENT, SAME_UPSTREAM: times PARAM_SCALE, or EACH_UPSTREAM: times UPSTREAM. Softmax reads UPSTREAM either way. */
export const PARAM_GRADIENT = 3;
export const PARAM_SCALE = 4;
/** Metrics: 0 where none are wanted, else how many ranks of the true class are told apart (sigmoid: 1). */
export const PARAM_RANKS = 5;
/** Metrics: classes and bins. */
export const PARAM_CLASSES = 6;
export const PARAM_BINS = 7;
export const PARAM_COUNT = 8;

export const SOFTMAX = 0;
export const SIGMOID = 1;

export const NO_GRADIENT = 0;
export const SAME_UPSTREAM = 1;
export const EACH_UPSTREAM = 2;

/** Exact sums by number: of the losses (metrics: of the cross-entropies), then what metrics add. */
export const SUM_LOSS = 0;
export const SUM_BRIER = 1;
export const SUM_LOSS_SQUARES = 2;
export const SUM_ENTROPY_SQUARES = 3;
export const SUM_BRIER_SQUARES = 4;
export const SUM_COUNT = 5;
/** Limbs of a sum: limb j in units of 2^(32·j − 149); then how many values were +∞, and how many NaN. */
export const SUM_LIMBS = 12;
export const SUM_INFINITE = 12;
export const SUM_NAN = 13;

/** Most classes and bins that the tables of `tally` hold. */
export const TALLY_CLASSES = 8192;
export const TALLY_BINS = 128;
/**
 * A class in TALLY, in bytes: four float64 that its losses add up to, the first of multiples of 2^−32; then i32: samples, those
 * predicted rightly, all predictions.
 */
export const TALLY_BYTES = 48;
export const TALLY_SUPPORT = 32;
export const TALLY_RIGHT = 36;
export const TALLY_PREDICTED = 40;
/** The largest loss in TALLY; larger ones are left to the bindings. */
export const TALLY_LARGEST = 128;
/** A bin in BINS, in bytes: i32 samples, i32 hits, then i64 the confidence in units of 2^−32. */
export const BIN_BYTES = 16;
export const BIN_HITS = 4;
export const BIN_CONFIDENCE = 8;

/** Bytes of a block of PAIRS: a number a sample, and room for a vector. */
export const PAIR_BYTES = 16448;
