import type { MeterConfig } from './config.ts';
import { arrange, type Layout, type Section } from './words.ts';

/**
 * What is counted of a bin of confidences: how many fell in it, how many of them were right, their sum in units of
 * 2^−32.
 */
const BIN = { count: 'count', hits: 'count', confidence: 'wide' } as const;
/** What is counted of a class: its samples, those of them that were predicted so, all predictions of it. */
const DECISIONS = { support: 'count', right: 'count', predicted: 'count' } as const;

const section = <F extends Section['fields']>(rows: number, fields: F): Section<F> => ({ rows, fields });

/** The sections of a meter's state. What a state of an older arithmetic lacks has no rows. */
function sectionsOf(config: MeterConfig, ignoring: boolean) {
  const { classes, bins, topK, confusion, bootstrap } = config;
  const one = config.arithmetic >= 2 ? 1 : 0;
  const sigmoid = config.variant === 'sigmoid' ? one : 0;
  const some = ignoring ? sigmoid : 0;
  return {
    /** `samples` without the ignored ones; sums of a sample's cross-entropy and Brier score. */
    totals: section(1, { samples: 'count', ignored: 'count', crossEntropy: 'sum', brier: 'sum' }),
    /** Sums of the squares of a sample's numbers, each rounded to float32; sigmoid: of their sums over the classes. */
    squares: section(one, { loss: 'sum', crossEntropy: 'sum', brier: 'sum' }),
    /** Sigmoid: samples whose every decision is right; Σ (wrong decisions of a sample)². */
    decisions: section(sigmoid, { subset: 'count', wrongSquares: 'wide' }),
    /** Samples whose class is among the k largest logits, for each k of the option. */
    topK: section(topK.length, { hits: 'count' }),
    bins: section(bins, BIN),
    /** With the sum of the losses of the class's samples; sigmoid: of the decisions on the class. */
    classes: section(classes, { ...DECISIONS, loss: 'sum' }),
    /** [target][prediction] */
    confusion: section(confusion ? classes * classes : 0, { samples: 'count' }),
    /** [replicate], [replicate][bin], [replicate][class] of the bootstrap; a sample counts as often as it was drawn. */
    replicates: section(bootstrap, { samples: 'count' }),
    replicateBins: section(bootstrap * bins, BIN),
    replicateClasses: section(bootstrap * classes, DECISIONS),
    /**
     * Of each class: samples whose logit of it is ignored, though others of theirs are not; the same of each replicate.
     */
    ignoredLogits: section(some * classes, { samples: 'count' }),
    replicateIgnored: section(some * bootstrap * classes, { samples: 'count' }),
    /**
     * Σ k² over samples of which k logits are ignored, Σ k · wrong decisions, and Σ k times a sample's numbers, each
     * product rounded to float32: what standard errors of means over logits need, as samples have more or fewer of
     * them.
     */
    ignoredProducts: section(some, { squares: 'wide', wrong: 'wide', loss: 'sum', crossEntropy: 'sum', brier: 'sum' }),
  };
}

export type MeterLayout = Layout<ReturnType<typeof sectionsOf>>;

/** Layouts of configurations, which many meters may share: those without ignored logits, and those with them. */
const layouts = [new WeakMap<MeterConfig, MeterLayout>(), new WeakMap<MeterConfig, MeterLayout>()] as const;

/** @param ignoring whether there are samples of which some logits, and not all, are ignored: their words come last */
export function layoutOf(config: MeterConfig, ignoring = false): MeterLayout {
  const known = layouts[ignoring ? 1 : 0];
  const layout = known.get(config) ?? arrange(sectionsOf(config, ignoring));
  known.set(config, layout);
  return layout;
}
