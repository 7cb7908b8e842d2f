import { fromUnits, sumInUnits } from '../../backend/limbs.ts';
import type { MeterConfig } from '../config.ts';
import type { Cell } from '../curve-counts.ts';
import type { State } from '../state.ts';
import { INFINITE, NAN } from '../words.ts';
import { type ExactSum, total } from './exact-sum.ts';

/** What metrics of a class are computed from: decisions for or against it. */
export interface Decisions {
  /** True and false positives and negatives. */
  readonly tp: number;
  readonly fp: number;
  readonly fn: number;
  readonly tn: number;
}

export interface ClassCounts extends Decisions {
  /** Samples of the class, decisions for it, all samples (sigmoid: those whose logit of it is not ignored). */
  readonly support: number;
  readonly predicted: number;
  readonly samples: number;
  /**
   * Whether it enters means: it has samples or decisions for it. In a replicate also where all samples had none of it.
   */
  readonly occurs: boolean;
  /** Its losses: of its samples (softmax), of all (sigmoid). */
  readonly loss: ExactSum | null;
  readonly losses: number;
  /** Counts by logit (softmax: by margin), lowest first; null without the option `curves`. */
  readonly cells: readonly Cell[] | null;
}

export interface BinCounts {
  readonly count: number;
  readonly hits: number;
  /** Sum of the confidences. */
  readonly confidence: number;
}

/** What metrics are computed from: the counts of a meter, or of one of its bootstrap replicates, which has no sums. */
export interface Counts {
  readonly variant: 'softmax' | 'sigmoid';
  readonly samples: number;
  /** Samples (softmax), their logits that are not ignored (sigmoid). */
  readonly decisions: number;
  readonly classes: readonly ClassCounts[];
  readonly bins: readonly BinCounts[];
  /** Sums over the samples, and of the squares; null where the state has none. */
  readonly sums: Readonly<
    Record<'loss' | 'crossEntropy' | 'brier', { sum: ExactSum; squares: ExactSum | null }>
  > | null;
  /** Sigmoid: samples decided rightly in every class, and Σ (wrong decisions of a sample)²; null where not counted. */
  readonly perSample: { readonly subset: number; readonly wrongSquares: bigint } | null;
  /** Where samples have more or fewer logits: what standard errors need to know of that. */
  readonly sizes: Sizes | null;
  /** What the sum of the losses is divided by, where it is not the number of them. */
  readonly divisor: Divisor | null;
}

export interface Divisor {
  readonly by: number;
  /**
   * What the mean's standard error needs to know of the terms of the divisor, a sample each: Σ of their squares, and of
   * their products with the losses. null where the divisor is a number; undefined where the counts do not tell.
   */
  readonly terms: { readonly squares: number; readonly products: number } | null | undefined;
}

/** Of samples of which k logits are ignored. */
export interface Sizes {
  /** Logits of a sample, ignored ones too. */
  readonly classes: number;
  /** Σ k, Σ k². */
  readonly ignored: number;
  readonly squares: number;
  /** Σ k times the wrong decisions of a sample, its loss and so on. */
  readonly wrong: number;
  readonly loss: number;
  readonly crossEntropy: number;
  readonly brier: number;
}

interface DecisionPlace {
  readonly support: number;
  readonly right: number;
  readonly predicted: number;
  readonly stride: number;
}

interface BinPlace {
  readonly count: number;
  readonly hits: number;
  readonly confidence: number;
  readonly stride: number;
}

function binsAt(words: Float64Array, place: BinPlace, first: number, n: number): BinCounts[] {
  return Array.from({ length: n }, (_, b) => {
    const row = (first + b) * place.stride;
    const sum = place.confidence + row;
    return {
      count: words[place.count + row] as number,
      hits: words[place.hits + row] as number,
      // the high limb in units of 1, the low one in units of 2^−32
      confidence: (words[sum + 1] as number) + (words[sum] as number) / 2 ** 32,
    };
  });
}

function classAt(words: Float64Array, place: DecisionPlace, row: number, samples: number) {
  const support = words[place.support + row * place.stride] as number;
  const predicted = words[place.predicted + row * place.stride] as number;
  const tp = words[place.right + row * place.stride] as number;
  return {
    support,
    predicted,
    samples,
    occurs: support + predicted > 0,
    tp,
    fp: predicted - tp,
    fn: support - tp,
    tn: samples - support - predicted + tp,
  };
}

export const sumAt = (words: Float64Array, at: number): ExactSum => ({
  units: sumInUnits(words, at),
  infinite: words[at + INFINITE] as number,
  nan: words[at + NAN] as number,
});

const added = (sums: readonly ExactSum[]): ExactSum => ({
  units: sums.reduce((all, { units }) => all + units, 0n),
  infinite: sums.reduce((all, { infinite }) => all + infinite, 0),
  nan: sums.reduce((all, { nan }) => all + nan, 0),
});

const wideAt = (words: Float64Array, at: number): bigint =>
  BigInt(words[at] as number) + (BigInt(words[at + 1] as number) << 32n);

export function countsOf(state: State): Counts {
  const { words, at, config, curves } = state;
  const { variant } = config;
  const samples = words[at.totals.samples] as number;
  const sizes = sizesOf(state);
  const classes = Array.from({ length: config.classes }, (_, c): ClassCounts => {
    const ignored = sizes ? (words[at.ignoredLogits.samples + c] as number) : 0;
    const counts = classAt(words, at.classes, c, samples - ignored);
    return {
      ...counts,
      loss: sumAt(words, at.classes.loss + c * at.classes.stride),
      losses: variant === 'softmax' ? counts.support : counts.samples,
      cells: curves ? [...curves.cells(c)] : null,
    };
  });
  const squares = (which: 'loss' | 'crossEntropy' | 'brier') =>
    at.squares.rows > 0 ? sumAt(words, at.squares[which]) : null;
  const { subset, wrongSquares, rows } = at.decisions;
  return {
    variant,
    samples,
    decisions: variant === 'softmax' ? samples : samples * config.classes - (sizes?.ignored ?? 0),
    classes,
    bins: binsAt(words, at.bins, 0, config.bins),
    sums: {
      loss: { sum: added(classes.map(({ loss }) => loss as ExactSum)), squares: squares('loss') },
      crossEntropy: { sum: sumAt(words, at.totals.crossEntropy), squares: squares('crossEntropy') },
      brier: { sum: sumAt(words, at.totals.brier), squares: squares('brier') },
    },
    perSample:
      rows > 0
        ? {
            subset: words[subset] as number,
            wrongSquares: wideAt(words, wrongSquares),
          }
        : null,
    sizes,
    divisor: divisorOf(config, classes),
  };
}

function divisorOf({ divisor, positive }: MeterConfig, classes: readonly ClassCounts[]): Divisor | null {
  if (divisor === undefined) return null;
  if (typeof divisor === 'number') return { by: divisor, terms: null };
  const samples = classes.reduce((all, { support }) => all + support, 0);
  if (divisor === 'positives') return { by: Math.max(1, samples), terms: undefined };
  const weight = (c: number): number => (typeof positive === 'number' ? positive : (positive[c] as number));
  // exact, as the loss adds them up: a float32 is a multiple of 2^−149
  const sum = classes.reduce((all, { support }, c) => all + BigInt(support) * BigInt(weight(c) * 2 ** 149), 0n);
  const over = (of: (one: ClassCounts, w: number) => number) =>
    classes.reduce((all, one, c) => all + of(one, weight(c)), 0);
  return {
    by: fromUnits(sum),
    terms: { squares: over(({ support }, w) => support * w * w), products: over(({ loss }, w) => w * total(loss!)) },
  };
}

/** null where all samples have as many logits. */
export function sizesOf({ words, at, config, ignoring }: State): Sizes | null {
  if (!ignoring) return null;
  const { samples, rows } = at.ignoredLogits;
  const products = at.ignoredProducts;
  const sum = (field: number): number => total(sumAt(words, field));
  return {
    classes: config.classes,
    ignored: words.subarray(samples, samples + rows).reduce((all, n) => all + n, 0),
    squares: Number(wideAt(words, products.squares)),
    wrong: Number(wideAt(words, products.wrong)),
    loss: sum(products.loss),
    crossEntropy: sum(products.crossEntropy),
    brier: sum(products.brier),
  };
}

/** The counts of replicate b of the bootstrap. */
export function replicateOf({ words, at, config, ignoring }: State, b: number): Counts {
  const { variant } = config;
  const samples = words[at.replicates.samples + b * at.replicates.stride] as number;
  const first = at.replicateIgnored.samples + b * config.classes;
  const ignored = ignoring ? words.subarray(first, first + config.classes) : null;
  return {
    variant,
    samples,
    decisions: variant === 'softmax' ? samples : samples * config.classes - (ignored?.reduce((a, n) => a + n, 0) ?? 0),
    classes: Array.from({ length: config.classes }, (_, c) => {
      const counts = classAt(words, at.replicateClasses, b * config.classes + c, samples - (ignored?.[c] ?? 0));
      const whole = classAt(words, at.classes, c, 0);
      // a class that is predicted but has no samples is 0 in a mean, also of replicates that left the predictions out:
      // these would else all be better than what they are replicates of
      const occurs = counts.occurs || (whole.occurs && whole.support === 0);
      return { ...counts, occurs, loss: null, losses: 0, cells: null };
    }),
    bins: binsAt(words, at.replicateBins, b * config.bins, config.bins),
    sums: null,
    perSample: null,
    sizes: null,
    divisor: null,
  };
}
