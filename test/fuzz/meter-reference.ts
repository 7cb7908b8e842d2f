/** The metrics of a meter in float64, one sample at a time: what `compute` is held against. */
import assert from 'node:assert/strict';
import { indexOf } from '../layout.ts';
import type { Random } from '../random.ts';
import { type Problem, type Reference, reference } from '../reference.ts';
import { LARGEST } from '../tolerance.ts';

export interface Tallied {
  readonly bins: number;
  readonly topK: number[];
  // biome-ignore lint/suspicious/noExplicitAny: reports of both variants
  check(report: any): void;
}

/** A number as the report has it. */
const metric = (x: number): number | null => (Number.isFinite(x) ? x : null);

/** Whether a number is the expected one within an error; null is equal to nothing else. */
function near(name: string, got: number | null, want: number | null, error: number): void {
  const same = got === null || want === null ? got === want : Math.abs(got - want) <= error;
  if (!same) assert.fail(`${name} expected ${want}, got ${got}`);
}

/** The row of sample i. */
const rowOf = (problem: Problem, i: number): number[] =>
  Array.from({ length: problem.classes }, (_, c) => problem.logits[indexOf(problem, i, c)] as number);

/** How much sample i is of each class. */
const targetsOf = (problem: Problem, i: number): number[] =>
  Array.from({ length: problem.classes }, (_, c) =>
    problem.dense ? Math.fround(problem.targets[indexOf(problem, i, c)]!) : problem.targets[i] === c ? 1 : 0,
  );

/** numpy's order: NaN above all, of equals the lowest index. */
const above = (row: number[], a: number, b: number): boolean => {
  const [x, y] = [row[a] as number, row[b] as number];
  if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x);
  return x > y || (!(x < y) && a < b);
};

function softmax(row: number[]): number[] {
  const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
  const terms = row.map((z) => Math.exp(z - largest));
  const sum = terms.reduce((a, b) => a + b, 0);
  return terms.map((t) => t / sum);
}

const sigmoid = (z: number): number => (z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z)));

/** The errors of sums of float32 numbers, each of which is good to about 1e-6 of what may be large. */
const ERROR = 4e-6;

export function meterReference(problem: Problem, truth: Reference, random: Random): Tallied {
  const bins = [15, 15, 1, 4, 64][random.below(5)] as number;
  const topK = [...new Set([1 + random.below(problem.classes), 1 + random.below(problem.classes)])];
  const { losses } = reference({
    ...problem,
    ...{ gamma: 0, gammaNegative: 0, clip: 0, alpha: null, smoothing: 0, labelSmoothing: 0 },
  });
  // of a sample a softmax meter has it as a float32; the sums of a sigmoid meter's reach further
  const entropies = problem.loss === 'softmax' ? losses.map((x) => (x > LARGEST ? Infinity : x)) : losses;
  const variant = problem.loss === 'softmax' ? softmaxTally : sigmoidTally;
  const expected = variant(problem, bins, topK);
  const sigmoidDense = problem.dense && problem.loss === 'sigmoid';
  return {
    bins,
    topK,
    check(report) {
      const counted = truth.losses.filter((_, i) => !Number.isNaN(truth.margins[i]) || truth.losses[i] !== 0);
      const nan = truth.losses.filter(Number.isNaN).length;
      const samples = sigmoidDense ? samplesLeft(problem) : truth.valid;
      assert.equal(report.samples, samples, 'samples');
      assert.equal(report.ignored, problem.batch * problem.positions - samples, 'ignored');
      assert.equal(report.nan, nan, 'nan');
      assert.equal(report.infinite, truth.losses.filter((x) => x === Infinity).length, 'infinite');
      const decisions = problem.loss === 'softmax' ? samples : sigmoidDense ? truth.valid : samples * problem.classes;
      if (sigmoidDense) assert.equal(report.ignoredLogits, samples * problem.classes - decisions, 'ignored logits');
      const unit = (values: Float64Array) =>
        1e-5 * values.reduce((a, b) => a + (Number.isFinite(b) ? b * (1 + b / 8) : 0), 1e-30);
      const mean = (values: Float64Array) => values.reduce((a, b) => a + b, 0) / decisions;
      near(
        'loss.mean',
        report.loss.mean,
        metric(mean(truth.losses)),
        (unit(counted) * (1 + problem.gamma)) / decisions,
      );
      near('crossEntropy', report.crossEntropy, metric(mean(entropies)), unit(entropies) / decisions);
      expected(report);
    },
  };
}

/** How many samples have a logit that is not ignored. */
function samplesLeft(problem: Problem): number {
  const { batch, positions, ignoreIndex } = problem;
  const all = Array.from({ length: batch * positions }, (_, i) => targetsOf(problem, i));
  return all.filter((targets) => targets.some((t) => t !== ignoreIndex)).length;
}

// biome-ignore lint/suspicious/noExplicitAny: reports of both variants
type Check = (report: any) => void;

/** Calibration over bins, unless a confidence is so near to an edge that its bin is anybody's guess. */
function calibration(bins: number, confidences: number[], hits: boolean[]): Check {
  if (confidences.some((p) => Math.abs(p * bins - Math.round(p * bins)) < 1e-4 && p < 1 && p > 0)) return () => {};
  const cells = Array.from({ length: bins }, () => ({ count: 0, confidence: 0, hits: 0 }));
  confidences.forEach((p, i) => {
    const cell = cells[Math.min(bins - 1, Math.floor(p * bins))] as (typeof cells)[0];
    cell.count++;
    cell.confidence += p;
    cell.hits += hits[i] ? 1 : 0;
  });
  const gaps = cells.map(({ confidence, hits }) => Math.abs(confidence - hits));
  return (report) => {
    assert.deepEqual(
      report.bins.map((bin: { count: number }) => bin.count),
      cells.map(({ count }) => count),
      'bins',
    );
    const ece = metric(gaps.reduce((a, b) => a + b, 0) / confidences.length);
    near('ece', report.ece, report.nan > 0 ? null : ece, ERROR);
  };
}

function softmaxTally(problem: Problem, bins: number, topK: number[]): Check {
  const { classes } = problem;
  const confusion = Array.from({ length: classes }, () => new Array(classes).fill(0));
  const within = topK.map(() => 0);
  const confidences: number[] = [];
  const hits: boolean[] = [];
  let [brier, valid, right] = [0, 0, 0];
  for (let i = 0; i < problem.batch * problem.positions; i++) {
    const targets = targetsOf(problem, i);
    const y = problem.dense ? targets.reduce((best, t, c) => (t > targets[best]! ? c : best), 0) : problem.targets[i]!;
    if (!problem.dense && y === problem.ignoreIndex) continue;
    valid++;
    const row = rowOf(problem, i);
    const prediction = row.reduce((best, _, c) => (above(row, c, best) ? c : best), 0);
    const rank = row.reduce((count, _, c) => count + (above(row, c, y) ? 1 : 0), 0);
    topK.forEach((k, j) => {
      (within[j] as number) += rank < k ? 1 : 0;
    });
    confusion[y][prediction]++;
    if (prediction === y) right++;
    const p = softmax(row);
    brier += p.reduce((sum, q, c) => sum + (q - targets[c]!) ** 2, 0);
    if (p.some(Number.isNaN)) continue;
    confidences.push(p[prediction] as number);
    hits.push(prediction === y);
  }
  const checkBins = calibration(bins, confidences, hits);
  return (report) => {
    near('accuracy', report.accuracy, metric(right / valid), 1e-12);
    topK.forEach((k, j) => {
      const got = report.topK.find((entry: { k: number }) => entry.k === k)?.accuracy;
      // reports leave out what all samples are among
      if (k >= classes) assert.equal(got, undefined, `top ${k}`);
      else near(`top ${k}`, got, metric((within[j] as number) / valid), 1e-12);
    });
    if (report.confusion) assert.deepEqual(report.confusion, confusion, 'confusion');
    assert.deepEqual(
      report.perClass.map(({ support }: { support: number }) => support),
      confusion.map((row) => row.reduce((a, b) => a + b, 0)),
      'support',
    );
    near('brier', report.brier, metric(brier / valid), ERROR * (1 + Math.log(classes)) * Math.max(1, brier / valid));
    checkBins(report);
  };
}

function sigmoidTally(problem: Problem, bins: number): Check {
  const confidences: number[] = [];
  const members: boolean[] = [];
  let [brier, decisions, right] = [0, 0, 0];
  for (let i = 0; i < problem.batch * problem.positions; i++) {
    const targets = targetsOf(problem, i);
    if (!problem.dense && problem.targets[i] === problem.ignoreIndex) continue;
    rowOf(problem, i).forEach((z, c) => {
      if (problem.dense && targets[c] === problem.ignoreIndex) return;
      decisions++;
      const p = sigmoid(z);
      const member = targets[c]! >= 0.5;
      brier += (p - targets[c]!) ** 2;
      if (z > 0 === member) right++;
      if (Number.isNaN(p)) return;
      confidences.push(p);
      members.push(member);
    });
  }
  const checkBins = calibration(bins, confidences, members);
  return (report) => {
    near('accuracy', report.accuracy, metric(right / decisions), 1e-12);
    near('brier', report.brier, metric(brier / decisions), ERROR);
    checkBins(report);
  };
}
