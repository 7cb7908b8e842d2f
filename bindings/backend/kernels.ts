/**
 * What a backend is: one block of memory and the stages over it. The WebAssembly module exports exactly this (assembly/); the
 * scalar twin (scalar/) implements it over a plain ArrayBuffer. Names in capitals are addresses in bytes; sizes, forms and the
 * places of parameters are told in constants.ts.
 *
 * A call writes PARAMS and says `begin`. Then, for each tile of samples (losses/stages.ts conducts):
 *
 *     labels                                      targets in LABELS → classes, −1 where ignored
 *     softmax:
 *       (open scan sum close)                     once, where the tile holds all classes;
 *       (open scan close)… (open sum close)…      else chunk by chunk, twice
 *       finish                                    losses of the samples
 *       gradient, or (open gradient close)…       of the logits: from what `sum` kept, loaded again where in chunks
 *     sigmoid:
 *       (open sum [gradient] [tally] close)…      losses of the logits, chunk by chunk
 *       finish
 *     metrics, softmax:
 *       decide                                    predictions; how many are wrong
 *       review(true) scan and sum review(false)   if any: with the predicted class in the place of the true one
 *       topK… tally
 *
 * `open` takes up a tile of logits in TILE or in the caller's memory, [image][class][position] with the strides given: it masks the
 * true class (softmax) or negates its logit (sigmoid), and `close` undoes that. Between the two the memory must not be
 * touched. What stages leave for one another lies in blocks that no other stage writes; tables and sums stay until `begin`
 * or the bindings clear them.
 */
export interface Kernels {
  readonly memory: { readonly buffer: ArrayBuffer; grow?(pages: number): number };
  /** float64[PARAM_COUNT] */
  readonly PARAMS: number;
  /** Targets, then the class of each sample: i32[SAMPLES]. */
  readonly LABELS: number;
  /** What multiplies the gradient of each sample: f32[SAMPLES]. */
  readonly UPSTREAM: number;
  /** Weight of each class of the chunk when it is the true one: f32[LOGITS]. */
  readonly CLASS_WEIGHTS: number;
  /** Weight of each logit when its class is not the true one, laid out as the tile: f32[LOGITS]. */
  readonly LOGIT_WEIGHTS: number;
  /** Where tiles are loaded: f32[LOGITS]. */
  readonly TILE: number;

  /** Widen n float16 at the end of the 4·n bytes at `to`, in place; nothing past them is written. */
  widen(to: number, n: number): void;
  /** Check n targets in LABELS; how many are not ignored, or −1 − i where target i is neither a class nor ignored. */
  labels(n: number, classes: number, ignoreIndex: number): number;
  /** Read PARAMS and clear the sums. */
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
  scan(): void;
  /** Softmax with a gradient: the address of what is kept for it. Sigmoid: of the losses. Both are laid out as the tile. */
  sum(): number;
  close(): void;
  /** The address of the samples' losses, f32[SAMPLES], 0 where ignored (sigmoid: with metrics alone, summed over classes). */
  finish(): number;
  /** The address of the gradient, laid out as the tile came; `reloaded`: the tile is what `sum` had kept. */
  gradient(reloaded: boolean): number;
  /** Add n float32 values ≥ 0 to an exact sum. */
  accumulate(sum: number, values: number, n: number): void;
  limb(sum: number, j: number): number;
}

/** What evaluation metrics need beside the loss; asked for by PARAM_RANKS. */
export interface MeterKernels extends Kernels {
  /** What each sample comes to, f32[SAMPLES] each: loss, cross-entropy, Brier score; 0 where ignored. */
  readonly LOSS: number;
  readonly CROSS_ENTROPY: number;
  readonly BRIER: number;
  /** Softmax: classes that come before the true one, as far as is asked for: i32[SAMPLES]. */
  readonly RANK: number;
  /** Predicted class, −1 where NaN leaves it open and where ignored: i32[SAMPLES]. */
  readonly PREDICTED: number;
  /** Probability of the predicted class: f32[SAMPLES]. */
  readonly CONFIDENCE: number;
  /** Samples that `tally` passed over, by number: i32[SAMPLES]. */
  readonly PASSED_OVER: number;
  /** Sigmoid: wrong decisions of each sample: i32[SAMPLES]. */
  readonly WRONG: number;
  readonly TALLY: number;
  readonly BINS: number;

  decide(): number;
  review(on: boolean): void;
  /** How many samples have fewer than k classes before their own; those whose prediction is open are not among them. */
  topK(k: number): number;
  /**
   * Count the tile in TALLY and BINS, which take 4096 samples before they must be cleared. Softmax: how many samples were passed
   * over, those that are open or lost more than TALLY_LARGEST. Sigmoid: TILE becomes the probability of each logit, negative where
   * the logit is > 0; how many losses above TALLY_LARGEST, or NaN, were left out. −1: nothing was counted.
   */
  tally(): number;
  /** Move what is pending to BINS, whose number is that of the call that counted it. */
  flush(bins: number): void;
}

/** What comparisons need beside the meters (assembly/pairs.ts). */
export interface PairKernels extends Pick<MeterKernels, 'memory' | 'TILE' | 'widen' | 'accumulate' | 'limb'> {
  /** Where the candidate's rows are loaded: f32[LOGITS]. */
  readonly PLANES: number;
  /** Ten blocks of PAIR_BYTES; assembly/compare/scratch.ts tells what they hold. */
  readonly PAIRS: number;
  /** Compare n rows of the baseline in TILE with n of the candidate in PLANES; of softmax they are gone then. */
  pairs(sigmoid: boolean, n: number, classes: number): void;
  /** By how much n numbers of the candidate differ from those of the baseline. */
  differences(n: number): void;
  clear(sum: number): void;
}
