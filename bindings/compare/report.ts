import { fromUnits, sumInUnits } from '../backend/limbs.ts';
import { common, number } from '../input/checks.ts';
import { fromBits } from '../meter/float-bits.ts';
import { Meter } from '../meter/meter.ts';
import { type Counts, replicateOf, type Sizes, sizesOf } from '../meter/metrics/counts.ts';
import { overLogits } from '../meter/metrics/estimate.ts';
import { averagesOf, tablesOf } from '../meter/metrics/evaluate.ts';
import { labelOf, type Metric, type SigmoidReport, type SoftmaxReport } from '../meter/report.ts';
import { INFINITE, NAN } from '../meter/words.ts';
import {
  criticalValue,
  holm,
  mcnemar,
  meanOf,
  normalInterval,
  pairedInterval,
  percentileInterval,
  replicateError,
  wilson,
} from '../statistics/index.ts';
import type {
  AnyReport,
  ClassFidelity,
  ClassQuality,
  ComparisonReport,
  ComputeOptions,
  Delta,
  FidelityReport,
  QualityReport,
  RisenSample,
  ShareDelta,
} from './fields.ts';
import type { Largest, Pairs } from './pairs.ts';
import { adjust, precisionOf } from './precision.ts';
import type { Sides } from './sides.ts';

const finite = (x: number): Metric => (Number.isFinite(x) ? x : null);
const ratio = (a: number, b: number): Metric => finite(a / b);
const minus = (a: Metric, b: Metric): Metric => (a === null || b === null ? null : a - b);

/** What is found in a state. */
export function report(sides: Sides, given: ComputeOptions): ComparisonReport {
  const options = common('compute', given, ['confidence']);
  const confidence = number('confidence', options.confidence ?? 0.95, 'a number in (0, 1)', (x) => x > 0 && x < 1);
  const { pairs } = sides;
  const { at, words, coverage, meter } = pairs;
  const z = criticalValue(confidence);
  const baseline = sides.baseline.compute();
  const fidelity = fidelityOf(pairs, sizesOf(Meter.stateOf(sides.baseline))?.ignored ?? 0, z);
  return {
    variant: meter.variant,
    confidence,
    samples: words[at.totals.samples] as number,
    ignored: words[at.totals.ignored] as number,
    ...(coverage ? { missing: coverage.missing() } : {}),
    fidelity,
    quality: baseline.samples === 0 ? null : new Quality(sides, confidence, baseline, fidelity).report(),
  };
}

/** @param ignored how many logits of the samples are ignored */
function fidelityOf({ at, words, meter, config, largest }: Pairs, ignored: number, z: number): FidelityReport {
  const word = (i: number): number => words[i] as number;
  const { classes, variant } = meter;
  const samples = word(at.totals.samples);
  const [baseline, candidate, both] = [
    at.totals.baselineNotFinite,
    at.totals.candidateNotFinite,
    at.totals.neitherFinite,
  ].map(word) as [number, number, number];
  const defined = samples - baseline - candidate - both;
  const mean = (sum: number): Metric =>
    word(sum + INFINITE) + word(sum + NAN) > 0 ? null : ratio(fromUnits(sumInUnits(words, sum)), defined);
  const most = ([bits, index]: Largest): { largest: Metric; at: number | null } =>
    index < 0 ? { largest: null, at: null } : { largest: finite(fromBits(bits)), at: index };

  const perClass = Array.from({ length: classes }, (_, c): ClassFidelity => {
    const row = c * at.predictions.stride;
    const [a, b, same] = [at.predictions.baseline, at.predictions.candidate, at.predictions.both].map((i) =>
      word(i + row),
    ) as [number, number, number];
    return { baseline: a, candidate: b, agreement: ratio(same, a), left: a - same, joined: b - same };
  });
  const moved = perClass.reduce((sum, { left, joined }) => sum + left + joined, 0);
  const softmax = variant === 'softmax';
  // a flip leaves one class and joins another; a decision that differs does one of the two
  const differing = softmax ? moved / 2 : moved;
  const flips = Array.from({ length: config.flips ? classes : 0 }, (_, c) => {
    const row = at.flips.samples + c * classes;
    return Array.from(words.subarray(row, row + classes));
  });
  return {
    samples,
    agreement: ratio(samples - differing / (softmax ? 1 : classes - ignored / samples), samples),
    agreementInterval: softmax ? wilson(samples - differing, samples, z) : null,
    kl: { mean: mean(at.totals.divergence), ...most(largest[0]), infinite: word(at.totals.divergence + INFINITE) },
    difference: { mean: mean(at.totals.difference), ...most(largest[1]) },
    nonFinite: { baseline, candidate, both },
    perClass,
    ...(config.flips ? { flips } : {}),
  };
}

/** The paired part, of which most functions need the same. */
class Quality {
  readonly #pairs: Pairs;
  readonly #confidence: number;
  readonly #z: number;
  readonly #baseline: AnyReport;
  readonly #candidate: AnyReport;
  readonly #samples: number;
  readonly #fidelity: FidelityReport;
  readonly #sizes: readonly (Sizes | null)[];
  /** Both sides' counts in each replicate of the bootstrap, which has drawn the same samples for both. */
  readonly #replicates: readonly (readonly [Counts, Counts])[];

  constructor({ pairs, baseline, candidate }: Sides, confidence: number, report: AnyReport, fidelity: FidelityReport) {
    this.#pairs = pairs;
    this.#fidelity = fidelity;
    this.#confidence = confidence;
    this.#z = criticalValue(confidence);
    this.#baseline = report;
    this.#candidate = candidate.compute();
    this.#samples = report.samples;
    const states = [Meter.stateOf(baseline), Meter.stateOf(candidate)] as const;
    this.#sizes = [sizesOf(states[0]), sizesOf(states[1])];
    this.#replicates = Array.from({ length: states[0].at.replicates.rows }, (_, b) => {
      return [replicateOf(states[0], b), replicateOf(states[1], b)] as const;
    });
  }

  report(): QualityReport {
    const { at, config, meter, rises } = this.#pairs;
    const [baseline, candidate] = [this.#baseline, this.#candidate];
    const softmax = meter.variant === 'softmax';
    const perClass = this.#classes();
    const adjusted = holm(perClass.map(({ p }) => p));
    for (const [c, p] of adjusted.entries()) (perClass[c] as ClassQuality).adjusted = p;
    const lost = softmax ? perClass.reduce((sum, entry) => sum + entry.lost, 0) : null;
    const won = softmax ? perClass.reduce((sum, entry) => sum + entry.won, 0) : null;
    // all samples are among the largest of all classes
    const topK = meter.topK.flatMap((k, i) => {
      if (k >= meter.classes) return [];
      const row = i * at.topK.stride;
      const accuracies = [baseline, candidate].map(
        (side) => (side as SoftmaxReport).topK.find((entry) => entry.k === k)?.accuracy ?? null,
      );
      return [{ k, ...this.#share(accuracies, this.#samples, at.topK.lost + row, at.topK.won + row) }];
    });
    const hardest = rises.samples.map((sample): RisenSample => {
      const [index, target, before, after, beforeBits, afterBits] = sample;
      const [was, is] = [fromBits(beforeBits), fromBits(afterBits)];
      return {
        index,
        target: labelOf(target, meter.classes),
        rise: finite(Math.fround(is - was)),
        baseline: { prediction: before, loss: finite(was) },
        candidate: { prediction: after, loss: finite(is) },
      };
    });
    return {
      baseline,
      candidate,
      deltas: this.#deltas(perClass, lost, won),
      topK,
      lost,
      won,
      p: lost === null || won === null ? null : mcnemar(lost, won),
      perClass,
      ...(config.hardest > 0 ? { hardest } : {}),
    };
  }

  #word(at: number): number {
    return this.#pairs.words[at] as number;
  }

  #deltas(perClass: readonly ClassQuality[], lost: number | null, won: number | null): Record<string, Delta> {
    const [a, b] = [this.#baseline, this.#candidate];
    const { overall, decisions } = tablesOf(a.variant, undefined);
    const metric = (name: string) => (counts: Counts) => overall[name]?.(counts).value ?? null;
    const average = (of: 'macro' | 'micro', name: string) => (counts: Counts) =>
      averagesOf(decisions, counts)[of][name] ?? null;
    const means = {
      loss: this.#mean('loss', a.loss.mean, b.loss.mean),
      crossEntropy: this.#mean('crossEntropy', a.crossEntropy, b.crossEntropy),
      brier: this.#mean('brier', a.brier, b.brier),
      // replicates of it are too biased for an interval
      ece: { ...this.#resampled(a.ece, b.ece, metric('ece')), interval: null },
      auroc: this.#plain(a.auroc, b.auroc),
      averagePrecision: this.#plain(a.averagePrecision, b.averagePrecision),
    };
    if (a.variant === 'softmax' && b.variant === 'softmax') {
      return {
        ...means,
        accuracy: this.#shareOf([a.accuracy, b.accuracy], this.#samples, lost as number, won as number),
        balancedAccuracy: this.#recall(a.balancedAccuracy, b.balancedAccuracy, perClass, metric('balancedAccuracy')),
        macroF1: this.#resampled(a.macroF1, b.macroF1, metric('macroF1')),
      };
    }
    const [c, d] = [a as SigmoidReport, b as SigmoidReport];
    return {
      ...means,
      accuracy: this.#decisions(c.accuracy, d.accuracy, perClass),
      macroRecall: this.#recall(c.macro.recall, d.macro.recall, perClass, average('macro', 'recall')),
      macroF1: this.#resampled(c.macro.f1, d.macro.f1, average('macro', 'f1')),
      microF1: this.#resampled(c.micro.f1, d.micro.f1, average('micro', 'f1')),
    };
  }

  #classes(): ClassQuality[] {
    const { at, meter } = this.#pairs;
    const softmax = meter.variant === 'softmax';
    const perClass = Array.from({ length: meter.classes }, (_, c): ClassQuality => {
      const [before, after] = [this.#baseline.perClass[c], this.#candidate.perClass[c]];
      const support = before?.support ?? 0;
      const row = c * at.classes.stride;
      const recalls = [before?.recall ?? null, after?.recall ?? null];
      const share = this.#share(recalls, support, at.classes.lost + row, at.classes.won + row);
      const recall = { ...share, p: support === 0 ? null : mcnemar(share.lost, share.won), adjusted: null };
      // one-vs-rest, a class's decisions are those on its samples and on all others
      const others = softmax ? null : c * at.negatives.stride;
      const lost = recall.lost + (others === null ? 0 : this.#word(at.negatives.lost + others));
      const won = recall.won + (others === null ? 0 : this.#word(at.negatives.won + others));
      const p = (softmax ? support : this.#samples) === 0 ? null : mcnemar(lost, won);
      const predictions = this.#fidelity.perClass[c] as ClassFidelity;
      const plain = this.#plain(before?.precision ?? null, after?.precision ?? null);
      const precision = { ...plain, n: predictions.candidate, p: null, adjusted: null };
      const known = precisionOf(predictions, { support, recall, precision }, this.#z);
      const { standardError = null, interval = null, p: test = null } = known ?? {};
      return {
        support,
        lost,
        won,
        p,
        adjusted: null,
        recall,
        precision: { ...precision, standardError, interval, p: test },
      };
    });
    adjust(perClass.map(({ recall }) => recall));
    adjust(perClass.map(({ precision }) => precision));
    return perClass;
  }

  /** A difference of which no interval is claimed. */
  #plain(baseline: Metric, candidate: Metric): Delta {
    const delta = minus(candidate, baseline);
    return { baseline, candidate, delta, n: this.#samples, standardError: null, interval: null };
  }

  /** A difference whose interval and standard error come from the bootstrap, if there is one. */
  #resampled(baseline: Metric, candidate: Metric, read: (counts: Counts) => Metric): Delta {
    const plain = this.#plain(baseline, candidate);
    if (plain.delta === null || this.#replicates.length === 0) return plain;
    const deltas = this.#replicates.map(([a, b]) => minus(read(b), read(a)));
    return {
      ...plain,
      standardError: replicateError(deltas),
      interval: percentileInterval(deltas, this.#confidence),
    };
  }

  #share(sides: readonly Metric[], n: number, lost: number, won: number): ShareDelta {
    return this.#shareOf(sides, n, this.#word(lost), this.#word(won));
  }

  /** A difference of shares of n samples. */
  #shareOf([baseline = null, candidate = null]: readonly Metric[], n: number, lost: number, won: number): ShareDelta {
    const d = (won - lost) / n;
    return {
      baseline,
      candidate,
      delta: ratio(won - lost, n),
      n,
      standardError: finite(Math.sqrt(((lost + won) / n - d * d) / (n - 1))),
      interval: pairedInterval(lost, won, n, this.#z),
      lost,
      won,
    };
  }

  /** A difference of means over the samples; sigmoid: over their decisions, of which each sample has one a class. */
  #mean(name: 'loss' | 'crossEntropy' | 'brier', baseline: Metric, candidate: Metric): Delta {
    const { at, words, meter } = this.#pairs;
    const { rose, fell, squares } = at[name];
    const special = [rose, fell, squares].some((i) => this.#word(i + INFINITE) + this.#word(i + NAN) > 0);
    const plain = this.#plain(baseline, candidate);
    if (special) return { ...plain, delta: null };
    const [up, down, squared] = [rose, fell, squares].map((sum) => sumInUnits(words, sum)) as [bigint, bigint, bigint];
    const overLogits = this.#overLogits(fromUnits(up - down), fromUnits(squared), name);
    if (overLogits) return this.#normal(plain, overLogits, 1);
    const known = meanOf(this.#samples, up - down, squared);
    return this.#normal(plain, known, meter.variant === 'softmax' ? 1 : meter.classes);
  }

  /** Sigmoid: of the decisions, from how many more a sample has right. */
  #decisions(baseline: Metric, candidate: Metric, perClass: readonly ClassQuality[]): Delta {
    const { at, words, meter } = this.#pairs;
    const more = perClass.reduce((sum, { lost, won }) => sum + won - lost, 0);
    const low = BigInt(words[at.decisions.squares] as number);
    const squares = low + (BigInt(words[at.decisions.squares + 1] as number) << 32n);
    const overLogits = this.#overLogits(more, Number(squares), 'wrong');
    if (overLogits) return this.#normal(this.#plain(baseline, candidate), overLogits, 1);
    const known = meanOf(this.#samples, BigInt(more) << 149n, squares << 149n);
    return this.#normal(this.#plain(baseline, candidate), known, meter.classes);
  }

  /** Where some logits are ignored: the mean difference of a logit, from sums over the samples; null where none are. */
  #overLogits(sum: number, squares: number, name: 'loss' | 'crossEntropy' | 'brier' | 'wrong') {
    const [before, after] = this.#sizes;
    if (!before || !after) return null;
    const ofIgnored = name === 'wrong' ? before.wrong - after.wrong : after[name] - before[name];
    return overLogits(this.#samples, before, sum, squares, ofIgnored);
  }

  #normal(plain: Delta, known: ReturnType<typeof meanOf>, perSample: number): Delta {
    if (!known) return plain;
    const delta = known.mean / perSample;
    const error = known.standardError / perSample;
    const interval = Number.isFinite(error) ? normalInterval(delta, error, this.#z) : null;
    return { ...plain, delta, standardError: finite(error), interval };
  }

  /** Of a mean of the classes' recalls, which are over different samples: their variances add up. */
  #recall(
    baseline: Metric,
    candidate: Metric,
    perClass: readonly ClassQuality[],
    read: (counts: Counts) => Metric,
  ): Delta {
    if (this.#replicates.length > 0) return this.#resampled(baseline, candidate, read);
    const plain = this.#plain(baseline, candidate);
    const present = perClass.filter(({ support }) => support > 0);
    let variance = 0;
    for (const { recall } of present) {
      // a class of one sample tells nothing of its spread
      if (recall.standardError === null) return plain;
      variance += recall.standardError ** 2;
    }
    if (plain.delta === null || present.length === 0) return plain;
    const error = Math.sqrt(variance) / present.length;
    return { ...plain, standardError: error, interval: normalInterval(plain.delta, error, this.#z) };
  }
}
