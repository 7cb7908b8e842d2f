/**
 * What the bindings and the kernels must agree on, declared once: this file is TypeScript and AssemblyScript alike, and
 * the scalar twin reads it too. Numbers only.
 */

/** Samples that a tile can hold. */
export const SAMPLES = 4096;
/** Logits that a tile can hold. */
export const LOGITS = 65536;

/** Forms of a tile: rows, planes as they come, rows to be transposed into planes. */
export const ROWS = 0;
export const PLANES = 1;
export const TRANSPOSED = 2;
/**
 * Rows of more classes than this stay rows; of fewer they are transposed, so that vectors run across samples. Measured.
 */
export const FEW = 32;

/** Classes that softmax takes a partial sum over. */
export const SOFTMAX_BLOCK = 128;
/**
 * Every chunk of classes but the last has whole groups of so many; of rows whole blocks, as a power of two of them
 * fits.
 */
export const CLASS_GROUP = 8;

/**
 * Whole groups of 16 and an odd number of them: the same place in many planes does not fall on the same few cache
 * lines.
 */
export const PLANE_GROUP = 16;
/** Logits between two planes that no kernel writes to. */
export const PLANE_GAP = 8;

/** What `convert` makes float32 of: float16, which lie at the end of the room they widen into … */
export const HALVES = 4;
/**
 * … or numbers that are no logits: probabilities, to ln p (softmax) or ln(p/(1 − p)) (sigmoid); logarithms ln p, to the
 * latter.
 */
export const PROBABILITIES = 1;
export const ODDS = 2;
export const LOG_PROBABILITIES = 3;
/** What `targets` takes beside float32: unsigned bytes. */
export const BYTES = 1;

/** Places in PARAMS, a float64 each, which `begin` reads. */
export const PARAM_VARIANT = 0;
export const PARAM_GAMMA = 1;
export const PARAM_SMOOTHING = 2;
/** LABELS_ALONE, LABELS_SPREAD or NUMBERS; what follows is of the latter two. */
export const PARAM_TARGETS = 3;
export const PARAM_LABEL_SMOOTHING = 4;
/** γ and clip of negatives (sigmoid). */
export const PARAM_GAMMA_NEGATIVE = 5;
export const PARAM_CLIP = 6;
/** The number that leaves a logit out, NaN for none, and the largest that a target may be. */
export const PARAM_IGNORED = 7;
export const PARAM_LARGEST = 8;
/** Whether SAMPLE_WEIGHTS multiply the losses. */
export const PARAM_WEIGHTED = 9;
/**
 * NO_GRADIENT, SAME_UPSTREAM: times PARAM_SCALE, or EACH_UPSTREAM: times UPSTREAM. Softmax reads UPSTREAM either way.
 */
export const PARAM_GRADIENT = 10;
export const PARAM_SCALE = 11;
/** Classes of the input, of which a tile may hold a chunk. */
export const PARAM_CLASSES = 12;
/** Metrics: 0 where none are wanted, else how many ranks of the true class are told apart (sigmoid: 1); bins. */
export const PARAM_RANKS = 13;
export const PARAM_BINS = 14;
/**
 * Comparisons: where softmax keeps its exponentials, and sigmoid e^−|z|; 0: nowhere. Those of planes are laid out as
 * the planes, each row is filled up with zeros to whole groups of 8.
 */
export const PARAM_KEEP = 15;
/** Comparisons: where rows are transposed into planes; 0: in the planes' own place. */
export const PARAM_PLANES = 16;
/** Comparisons: how far behind their own places BINS and TALLY are. */
export const PARAM_COUNTS = 17;
/** Sigmoid, a number a logit: whether all positives have one weight, and all negatives one, so that any will do. */
export const PARAM_UNIFORM = 18;
/**
 * Metrics: 0 where samples are counted and added up all together; LEFT_OPEN: they are not, and their columns are what
 * the bindings go by; else the address of the first block of counts, see COLUMN_GROUP and GROUP_SAMPLES, and the bytes
 * from one to the next.
 */
export const PARAM_GROUPS = 19;
export const PARAM_GROUP_BYTES = 20;
/** Comparisons: from which sum on those of metrics are, in the place of SUM_LOSS. */
export const PARAM_SUMS = 21;
export const PARAM_COUNT = 22;

export const SOFTMAX = 0;
export const SIGMOID = 1;

/**
 * A sample's target is its label; a number for each logit that `open` makes of the label; or one that lies in TARGETS.
 */
export const LABELS_ALONE = 0;
export const LABELS_SPREAD = 1;
export const NUMBERS = 2;

export const NO_GRADIENT = 0;
export const SAME_UPSTREAM = 1;
export const EACH_UPSTREAM = 2;

export const ALL_TOGETHER = 0;
export const LEFT_OPEN = -1;

/** Exact sums by number: of the losses (metrics: of the cross-entropies), then what metrics add. */
export const SUM_LOSS = 0;
export const SUM_BRIER = 1;
export const SUM_LOSS_SQUARES = 2;
export const SUM_ENTROPY_SQUARES = 3;
export const SUM_BRIER_SQUARES = 4;
export const SUM_COUNT = 5;
/**
 * What comparisons add to the sums: divergences, |Δp|, then of loss, cross-entropy and Brier score what rose, fell and
 * the squares.
 */
export const SUM_DIVERGENCE = 5;
export const SUM_DIFFERENCE = 6;
export const SUM_ROSE = 7;
/** And of the metrics of either side, as the first SUM_COUNT, the baseline's and then the candidate's. */
export const SUM_SIDES = 16;
export const SUM_END = 26;
/** Limbs of a sum: limb j in units of 2^(32·j − 149); then how many values were +∞, and how many NaN. */
export const SUM_LIMBS = 12;
export const SUM_INFINITE = 12;
export const SUM_NAN = 13;

/** Most classes and bins that the tables of `tally` hold. */
export const TALLY_CLASSES = 8192;
export const TALLY_BINS = 128;
/**
 * A class in TALLY, in bytes: four float64 that its losses add up to, the first of multiples of 2^−32; then i32:
 * samples, those predicted rightly, all predictions.
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

/**
 * The block of a group, in bytes, which takes 8191 samples before it must be cleared (one-vs-rest of more than 128
 * classes: 2^20 probabilities). It begins with 32 slots, each for values whose exponent, 8 bits, begins with the same
 * five: two float64 that cross-entropies and their squares add up to, two of Brier scores, two of losses; then come 16
 * bytes that some slots have something else in.
 */
export const GROUP_ENTROPIES = 0;
export const GROUP_BRIERS = 16;
export const GROUP_LOSSES = 32;
export const GROUP_SLOTS = 32;
export const GROUP_SLOT_BYTES = 64;
/**
 * At the end of slot 15, that of numbers around 1, whose cache line is needed anyway: i32 samples, and how many of them
 * are ignored; i64, sigmoid: Σ wrong² over the samples, and from bit 40 on how many of them have no wrong decision.
 */
export const GROUP_SAMPLES = 1008;
export const GROUP_IGNORED = 1012;
export const GROUP_WRONG = 1016;
/**
 * At the end of slots 28 to 30, of cross-entropies, Brier scores and losses four i32: how many values were +∞, how many
 * NaN, and the same of their squares. At that of slot 31, of cross-entropies past float32 two float64: multiples of
 * 2^102 and what is left.
 */
export const GROUP_EXTREMES = 1840;
export const GROUP_LARGE = 2032;
/**
 * Bins, an i64 each, of which the last has the confidence 1 alone: the sum of the confidences in units of 2^−23, and
 * their number, softmax in bits 36 to 48, sigmoid in bits 43 to 63. Softmax: in bits 49 to 63 the hits.
 */
export const GROUP_BINS = 2048;
/**
 * Then, from a multiple of 16 on, what TALLY_BYTES has of a class. Softmax, rows, filled up to a multiple of 16: the
 * first two float64; u16: how often the class is predicted, then of each rank that is told apart, and of all that are
 * larger, how many samples of the class have it. A row behind the last has the ranks alone of samples without a bin.
 * Then come the other two float64 of each class. Sigmoid: u16, filled up to a multiple of 16: the hits of each bin.
 * Then of all classes, filled up to whole fours: i32: how often each is predicted; two u16: how many samples it has,
 * and how many of them are predicted rightly. Then, filled up to an even number, each of the four float64 of all.
 */
export const GROUP_PREDICTED = 16;
export const GROUP_RANKS = 18;

/** Bytes of a block of a number a sample, with room for whole vectors. */
export const SAMPLE_BYTES = 4 * SAMPLES + 64;
/**
 * Columns in COLUMNS, each of so many bytes: a number a sample, room for a vector, and 16 bytes that nothing writes to.
 */
export const COLUMN_BYTES = SAMPLE_BYTES + 16;
/** What each sample comes to: loss, cross-entropy, Brier score: f32, 0 where ignored. */
export const COLUMN_LOSS = 0;
export const COLUMN_CROSS_ENTROPY = COLUMN_BYTES;
export const COLUMN_BRIER = 2 * COLUMN_BYTES;
/** Softmax: classes that come before the true one, as far as is asked for: i32. */
export const COLUMN_RANK = 3 * COLUMN_BYTES;
/** Softmax: predicted class, −1 where NaN leaves it open and where ignored: i32. */
export const COLUMN_PREDICTED = 4 * COLUMN_BYTES;
/** Softmax: probability of the predicted class: f32. */
export const COLUMN_CONFIDENCE = 5 * COLUMN_BYTES;
/** Samples that `tally` passed over, by number: i32. */
export const COLUMN_PASSED_OVER = 6 * COLUMN_BYTES;
/** Sigmoid: wrong decisions: i32. */
export const COLUMN_WRONG = 7 * COLUMN_BYTES;
/** Where samples are counted by group: the number of each sample's block, i32. */
export const COLUMN_GROUP = 8 * COLUMN_BYTES;
/** Sigmoid with LEFT_OPEN: what leaves float32 has −1 for its cross-entropy, and here either half of the float64. */
export const COLUMN_FAR = COLUMN_RANK;
export const COLUMN_COUNT = 9;

/**
 * The cells that curves are counted in (bindings/meter/cells.ts): bits of the float32 2^−64, 1, 128, 2^40 and ∞,
 * between which steps of the magnitude are of different kinds; bits of a float32 below the 32nd of an octave; first
 * steps of each kind; cells on either side of 0.
 */
export const CELL_SMALL = 0x1f800000;
export const CELL_ONE = 0x3f800000;
export const CELL_WIDE = 0x43000000;
export const CELL_LARGE = 0x53800000;
export const CELL_INFINITE = 0x7f800000;
export const CELL_SHIFT = 18;
export const CELL_FROM_SMALL = 1;
export const CELL_FROM_ONE = 2049;
export const CELL_FROM_WIDE = 6113;
export const CELL_FROM_LARGE = 7169;
export const CELL_SIDE = 7171;
/**
 * Cells that are counted together, a power of two. In CELLS one is page · 2 · PAGE + its place there, + PAGE for a
 * positive.
 */
export const CELL_PAGE_BITS = 6;

/**
 * From PAIRS, where the candidate's rows are loaded, to the columns of what is known of the pairs, each of
 * SAMPLE_BYTES.
 */
export const PAIR_COLUMNS = 4 * LOGITS + 64;
/** Columns of pairs, by number: of either side, the baseline's and then the candidate's; of both. */
export const PAIR_PREDICTED = 0;
export const PAIR_CONFIDENCE = 2;
export const PAIR_LOSS = 4;
export const PAIR_CROSS_ENTROPY = 6;
export const PAIR_BRIER = 8;
export const PAIR_RANK = 10;
export const PAIR_LABEL = 12;
export const PAIR_DIVERGENCE = 13;
export const PAIR_DIFFERENCE = 14;
export const PAIR_NOT_FINITE = 15;
export const PAIR_ROSE = 16;
/** Where differences of samples are not yet: see `pairs`. */
export const PAIR_OWN = PAIR_ROSE;
export const PAIR_COLUMN_COUNT = 19;
/**
 * Behind the columns: the largest number of PAIR_DIVERGENCE, of PAIR_DIFFERENCE and, as a float32, of PAIR_NOT_FINITE.
 */
export const PAIR_MOST = PAIR_COLUMN_COUNT;
/** Sigmoid, whose tiles are half as large: from KEPT to the BINS of the candidate, behind which is its TALLY. */
export const PAIR_COUNTS = 2 * LOGITS;
