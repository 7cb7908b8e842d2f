/**
 * What a backend is: a scratch block in one ArrayBuffer and the passes over it. The WebAssembly module of the losses
 * exports exactly this (assembly/losses.ts); the scalar twin (scalar/kernels.ts) implements it over a plain ArrayBuffer. Addresses are
 * in bytes; what each block holds is told in assembly/tile/scratch.ts.
 */
export interface Kernels extends DenseKernels {
  readonly memory: { readonly buffer: ArrayBuffer; grow?(pages: number): number };
  readonly SAMPLES: number;
  readonly LOGITS: number;
  readonly LABELS: number;
  readonly LOSS: number;
  readonly UPSTREAM: number;
  readonly POSITIVE: number;
  readonly LOGIT_WEIGHT: number;
  readonly PLANES: number;
  readonly TILE: number;
  readonly TRUE: number;
  readonly TOTAL: number;
  /** Rows of up to this many classes are rearranged into planes before the softmax passes; 0: no layout ever is. */
  readonly FEW: number;

  /** `pairs`: two classes may go as one difference, which targets in the shape of the logits do not allow. */
  configure(gamma: number, smoothing: number, pairs: boolean): void;
  label(n: number, classes: number, ignoreIndex: number): number;
  widenHalf(to: number, n: number): void;
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
  leaveOut(): void;
  turn(): void;
  turnBack(to: number): void;
  put(to: number, values: number, flip: number): void;
  scale(to: number, factors: number): void;
  /** Rows that were turned into planes, from planes at `from`: the address where they are rows again. */
  unfold(from: number): number;

  largest(): void;
  /** With `keep`, the address of what is kept for the gradient. */
  exponentials(keep: boolean): number;
  sampleLosses(n: number, grad: boolean): void;
  /** The address of the gradient; `away`: what was kept has been elsewhere, and been loaded again. */
  gradients(away: boolean): number;

  oneVersusRest(at: number, to: number, slopes: number, n: number, up: number): void;

  accumulate(accumulator: number, values: number, n: number): void;
  /** The sum at TOTAL as the nearest float64. */
  rounded(): number;
}

/**
 * The passes for targets in the shape of the logits, which stand in DENSE beside the tile (assembly/dense). Of a softmax tile, in this
 * order: `largest` over all logits, `chooseLabels`; then what labels go through, with `weighLabels` after `leaveOut`, up to
 * `sampleLosses`; then `otherLosses` over every chunk of the classes, `addOtherLosses` once, `denseGradients` over every chunk.
 */
export interface DenseKernels {
  readonly DENSE: number;
  readonly LOGIT_POSITIVE: number;
  /** `ignored` is the target that leaves a logit out, NaN for none, and `most` the largest that there may be. */
  configureDense(
    gamma: number,
    gammaNegative: number,
    smoothing: number,
    clip: number,
    labelSmoothing: number,
    classes: number,
    ignored: number,
    most: number,
  ): void;
  widenBytes(to: number, n: number): void;
  /** Make logits of n numbers that come as `Input.scale` says. */
  toLogits(at: number, n: number, scale: number): void;
  /** How many of n targets are ignored; −1 − i when target i is none. */
  checkTargets(at: number, n: number): number;
  arrangeTargets(): void;
  oneVersusRestDense(at: number, to: number, slopes: number, n: number, up: number, ignoring: boolean): void;
  chooseLabels(): void;
  weighLabels(): void;
  otherLosses(): void;
  addOtherLosses(n: number): void;
  /** The address of the gradient. */
  denseGradients(): number;
}

/** What evaluation metrics need beside the loss (assembly/index.ts). */
export interface MeterKernels extends Kernels {
  readonly CROSS_ENTROPY: number;
  readonly RANK: number;
  readonly PASSED_OVER: number;
  readonly PREDICTED: number;
  readonly CONFIDENCE: number;
  readonly BRIER: number;
  readonly BRIER_TOTAL: number;
  readonly TALLY: number;
  readonly TALLY_BYTES: number;
  readonly BINS: number;
  /** Most classes and bins that `tally` takes; 0: it takes none. */
  readonly TALLY_CLASSES: number;
  readonly TALLY_BINS: number;
  clear(accumulator: number): void;
  limb(accumulator: number, j: number): number;
  largestAndPlace(): void;
  squaresAndRanks(limit: number): void;
  sampleEntropies(n: number): void;
  /** How many predictions are wrong, and to be reviewed. */
  outcomes(n: number): number;
  /** Between `true` and `false` another scan and sum that leave out the predicted classes. */
  review(n: number, on: boolean): void;
  confidences(n: number): void;
  within(n: number, k: number): number;
  tally(n: number, bins: number): number;
  // One-vs-rest: assembly/meter/sigmoid.ts.
  readonly HISTOGRAM: number;
  /** Most counters that the histograms of all classes take together. */
  readonly HISTOGRAM_CELLS: number;
  readonly STEP: number;
  readonly SAMPLE_LOSSES: number;
  readonly ENTROPIES: number;
  gatherLosses(to: number): void;
  gatherSamples(): boolean;
  settleSamples(n: number): void;
  decisions(): void;
  turnDecisions(bins: number): void;
  tallyOneVersusRest(bins: number, ignored: number): number;
  settlePairs(bins: number): void;
  countSteps(steps: number, ignored: number): void;
}

/** What comparisons need beside the meters (assembly/pairs.ts). */
export interface PairKernels
  extends Pick<
    MeterKernels,
    'memory' | 'SAMPLES' | 'LOGITS' | 'TILE' | 'PLANES' | 'TOTAL' | 'widenHalf' | 'accumulate' | 'clear' | 'limb'
  > {
  /** Ten blocks of PAIR_BYTES; assembly/compare/scratch.ts tells what they hold. */
  readonly PAIRS: number;
  readonly PAIR_BYTES: number;
  /** Compare n rows of the baseline in TILE with n of the candidate in PLANES; of softmax they are gone then. */
  pairs(sigmoid: boolean, n: number, classes: number): void;
  /** By how much n numbers of the candidate differ from those of the baseline. */
  differences(n: number): void;
}
