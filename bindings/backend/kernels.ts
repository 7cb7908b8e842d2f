/**
 * What a backend is: one block of memory and the stages over it. The WebAssembly module exports exactly this
 * (assembly/); the scalar twin (scalar/) implements it over a plain ArrayBuffer. Names in capitals are addresses in
 * bytes; sizes, forms and the places of parameters are told in constants.ts.
 *
 * A call writes PARAMS and says `begin`. Then, for each tile of samples (losses/stages.ts conducts):
 *
 *     labels                                      targets in LABELS → classes, −1 where ignored
 *     softmax:
 *       (open [choose] scan sum close)            once, where the tile holds all classes; else chunk by chunk, one stage
 *                                                 a round:
 *       [(open choose close)…] (open scan close)… (open sum close)…
 *       finish                                    losses of the samples
 *       [others, or (open sum others close)…]     and what the classes that are not the largest add to them
 *       gradient, or (open [sum] gradient close)… of the logits
 *     sigmoid:
 *       (open [cells] sum [gradient] [tally] close)… losses of the logits, chunk by chunk
 *       finish
 *     metrics, softmax:
 *       decide                                    predictions; how many are wrong
 *       review(true) scan and sum review(false)   if any: with the predicted class in the place of the true one; a tile
 *                                                 with all classes is still there, and open `again`: scan sum close
 *       topK… [cells] tally
 *
 * With a number for each logit as the target (PARAM_TARGETS) the class of the largest logit takes the place of the true
 * one, which is what `choose` does, and `others` sees to the rest, from the exponentials that `sum` keeps of a tile: in
 * chunks it makes them again. Such numbers are loaded and checked by `targets` before each `open`.
 *
 * `open` takes up a tile of logits in TILE or in the caller's memory, [image][class][position] with the strides given:
 * it masks the true class (softmax) or negates its logit (sigmoid), and `close` undoes that. Between the two the memory
 * must not be touched. What stages leave for one another lies in blocks that no other stage writes; tables and sums
 * stay until `begin` or the bindings clear them. Comparisons have tiles of two sides by turns: they write other places
 * into PARAMS and say `begin` again (losses/stages.ts, `goOn`).
 */
export interface Kernels {
  readonly memory: { readonly buffer: ArrayBuffer; grow?(pages: number): number };
  /** float64[PARAM_COUNT] */
  readonly PARAMS: number;
  /** Targets, then the class of each sample: i32[SAMPLES]. */
  readonly LABELS: number;
  /** What multiplies the gradient of each sample, and its losses: f32[SAMPLES] each. */
  readonly UPSTREAM: number;
  readonly SAMPLE_WEIGHTS: number;
  /**
   * Weight of each class of the chunk when it is the true one: f32[LOGITS]; sigmoid with numbers as targets: laid out
   * as the tile.
   */
  readonly CLASS_WEIGHTS: number;
  /** Sigmoid: weight of each logit when its class is not the true one, laid out as the tile: f32[LOGITS]. */
  readonly LOGIT_WEIGHTS: number;
  /** Where tiles are loaded, and their targets, laid out as they: f32[LOGITS] each. */
  readonly TILE: number;
  readonly TARGETS: number;
  /**
   * Comparisons: where rows are loaded instead, never to be read in place, and what becomes of PARAM_KEEP and
   * PARAM_PLANES.
   */
  readonly ROWS?: number;
  readonly KEEP?: number;
  readonly PLANES?: number;

  /** Make float32, or logits, of n numbers at the address `at`, in place; nothing past them is written. */
  convert(at: number, n: number, from: number): void;
  /** Check n targets in LABELS; how many are not ignored, or −1 − i where target i is neither a class nor ignored. */
  labels(n: number, classes: number, ignoreIndex: number): number;
  /**
   * Check n numbers at the address `at`, float32 or BYTES, where there is room for as many float32 and 16 more; how
   * many are ignored, or −1 − i where number i is no target.
   */
  targets(at: number, n: number, from: number): number;
  /** Read PARAMS and clear the first SUM_COUNT sums; those behind them are cleared by `clear`. */
  begin(): void;
  open(
    source: number,
    images: number,
    positions: number,
    classes: number,
    imageStride: number,
    classStride: number,
    firstClass: number,
    form: number,
  ): void;
  choose(): void;
  scan(): void;
  /**
   * Softmax with a gradient: the address of what is kept for it. Sigmoid: of the losses. Both are laid out as the tile.
   */
  sum(): number;
  close(): void;
  /**
   * The address of the samples' losses, f32[SAMPLES], 0 where ignored (sigmoid: with metrics alone, summed over
   * classes).
   */
  finish(): number;
  others(): void;
  /**
   * The address of the gradient, laid out as the tile came. Where the tile has been loaded again (`reloaded`) it is
   * what `sum` had kept or, with a number for each logit, the logits.
   */
  gradient(reloaded: boolean): number;
  /** Add n float32 values ≥ 0 to an exact sum. */
  accumulate(sum: number, values: number, n: number): void;
  limb(sum: number, j: number): number;
}

/** What evaluation metrics need beside the loss; asked for by PARAM_RANKS. */
export interface MeterKernels extends Kernels {
  /** Columns of what each sample comes to, see COLUMN_BYTES. */
  readonly COLUMNS: number;
  /**
   * Sigmoid: what a logit must be above for the decision to be for its class, laid out as the tile: f32[LOGITS / 2].
   */
  readonly LOGIT_THRESHOLDS: number;
  /** Counts of classes and of bins, see TALLY_BYTES and BIN_BYTES; 0: there are none. */
  readonly TALLY: number;
  readonly BINS: number;
  /** Comparisons: how far these are from their own places, and what becomes of PARAM_SUMS. */
  readonly COUNTS?: number;
  readonly SUMS?: number;

  /** Curves: the cell of each logit of the tile, see CELL_PAGE_BITS, −1 for none: i32[LOGITS]. */
  readonly CELLS: number;

  /** How many predictions are wrong; the column of confidences is filled when there is none, else by `review`. */
  decide(): number;
  /**
   * Between on and off, samples have their prediction for a label. With `again` the tile that was closed is open anew.
   */
  review(on: boolean, again: boolean): void;
  /** How many samples have fewer than k classes before their own; those whose prediction is open are not among them. */
  topK(k: number): number;
  /**
   * Fill CELLS, [image][class][position]; softmax: from the margins of a tile with all classes, which in planes are
   * [class][sample]. Returns how many samples the kernels had to pass over, which are in no cell.
   */
  cells(): number;
  /**
   * Softmax: add up what the COLUMNS of losses, cross-entropies and Brier scores hold.
   *
   * Count the tile in TALLY and BINS, which take 4096 samples before they must be cleared. Softmax: how many samples
   * were passed over, those that are open or lost more than TALLY_LARGEST. Sigmoid: TILE becomes the probability of
   * each logit, its sign bit set where the decision is for the class; how many losses above TALLY_LARGEST, or NaN, were
   * left out. −1: nothing was counted.
   *
   * With PARAM_GROUPS each sample is counted in the block that COLUMN_GROUP tells, and added up there (sigmoid:
   * `finish` does that). Blocks lie wherever in the memory, and take 8191 samples each before they must be cleared.
   */
  tally(): number;
  /** Move what is pending to BINS, however many other calls came after the one that counted it. */
  flush(): void;
}

/** What comparisons need beside the meters (assembly/pairs.ts). */
export interface PairKernels extends Pick<MeterKernels, 'memory' | 'TILE' | 'convert' | 'limb'> {
  /**
   * Where the candidate's rows are loaded, and columns of what is known of each pair; assembly/compare/scratch.ts
   * tells.
   */
  readonly PAIRS: number;
  /**
   * Sigmoid, of a super-row, as are the next: what a logit must be above, +∞ in a vector behind it: f32[LOGITS + 4].
   */
  readonly PAIR_THRESHOLDS: number;
  /** How often both sides decide for the class; softmax: agree on it: i32[LOGITS]. */
  readonly DECIDED: number;
  /**
   * Sigmoid: how often the baseline alone decides for the class, and times 2^16 the candidate; softmax: the samples on
   * which they do not agree: i32[LOGITS].
   */
  readonly CHANGED: number;
  /**
   * Softmax: where exponentials of the baseline are kept by PARAM_KEEP, and 4·LOGITS on those of the candidate.
   * Sigmoid: of the baseline e^−|z|; there is room for both sides, too.
   */
  readonly KEPT: number;
  /**
   * For either side, softmax the candidate first: to be called when the stages of n samples, of which the first is
   * sample `first`, have gone by, with PARAM_KEEP: fill their columns of what the meter has found. Returns how many are
   * ignored.
   */
  hold(side: number, first: number, n: number): number;
  /**
   * Compare n rows, which are those of the samples from `first` on. They are where `hold` found them or, unless they
   * are `held`, those of the baseline in TILE and those of the candidate in PAIRS.
   *
   * Softmax: counts in DECIDED and returns how many there are in CHANGED: samples that are open or ignored, too, and
   * the latter count for nothing. Sigmoid, of super-rows of `length` logits, the rows of some samples, with −∞ behind
   * those of the last: counts in DECIDED and CHANGED, lists in the column PAIR_OWN the samples of whose own class the
   * sides decide differently, ~number where the candidate decides for it, and returns how many these are.
   */
  pairs(sigmoid: boolean, held: boolean, first: number, n: number, classes: number, length: number): number;
  /**
   * Add the columns of n samples to the sums SUM_DIVERGENCE and SUM_DIFFERENCE and, with `quality`, to SUM_ROSE and on,
   * and put the largest number of each column from PAIR_DIVERGENCE on to PAIR_MOST. Sigmoid with `quality`: returns Σ
   * (how many more decisions of a sample the candidate has right)².
   */
  settle(n: number, quality: boolean): number;
  clear(sum: number): void;
}
