import type { MeterConfig } from '../meter/config.ts';
import { arrange, type Layout, type Section } from '../meter/words.ts';

/** What a comparison needs to know beside what its two meters do. Part of the state. */
export interface PairConfig {
  /** How many of the samples whose loss rose most to keep. */
  readonly hardest: number;
  /** Whether to keep the table of predictions, classes² counts. */
  readonly flips: boolean;
}

/** Exact sums of the differences candidate − baseline, d > 0 and −d > 0 apart, and of their squares, all as float32. */
const DIFFERENCES = { rose: 'sum', fell: 'sum', squares: 'sum' } as const;
/** Of those that both are right or wrong about: what only the baseline, and only the candidate, was right about. */
const OUTCOMES = { lost: 'count', won: 'count' } as const;

const section = <F extends Section['fields']>(rows: number, fields: F): Section<F> => ({ rows, fields });

/** The sections of what is counted of pairs. The two meters count each side by itself. */
function sectionsOf({ variant, classes, topK }: MeterConfig, { flips }: PairConfig) {
  const sigmoid = variant === 'sigmoid' ? 1 : 0;
  return {
    /** All samples compared, with targets or without; sums over those that are finite on both sides. */
    totals: section(1, {
      samples: 'count',
      ignored: 'count',
      baselineNotFinite: 'count',
      candidateNotFinite: 'count',
      neitherFinite: 'count',
      divergence: 'sum',
      difference: 'sum',
    }),
    /**
     * How often each side predicts the class (sigmoid: decides for it), and how often both do so of the same sample.
     */
    predictions: section(classes, { baseline: 'count', candidate: 'count', both: 'count' }),
    /** Softmax: [baseline's prediction][candidate's]. */
    flips: section(flips ? classes * classes : 0, { samples: 'count' }),
    loss: section(1, DIFFERENCES),
    crossEntropy: section(1, DIFFERENCES),
    brier: section(1, DIFFERENCES),
    topK: section(topK.length, OUTCOMES),
    /** Softmax: the class's samples. Sigmoid: its positives. */
    classes: section(classes, OUTCOMES),
    /** Sigmoid: what is decided rightly of the samples that are not of the class. */
    negatives: section(sigmoid * classes, OUTCOMES),
    /** Sigmoid: Σ (how many more decisions of a sample the candidate has right)². */
    decisions: section(sigmoid, { squares: 'wide' }),
  };
}

export type PairLayout = Layout<ReturnType<typeof sectionsOf>>;

export const layoutOf = (config: MeterConfig, pairs: PairConfig): PairLayout => arrange(sectionsOf(config, pairs));
