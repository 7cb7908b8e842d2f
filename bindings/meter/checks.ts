import { fromUnits, sumInUnits } from '../backend/limbs.ts';
import { isIndex } from '../input/checks.ts';
import { outOfRange, wrongType } from '../input/errors.ts';
import { CELLS } from './cells.ts';
import { MOST_RANGES, type Range } from './coverage.ts';
import type { CurveCounts } from './curve-counts.ts';
import { byLoss, type Hard, isLossBits } from './hardest.ts';
import type { State } from './state.ts';
import { checkWords, INFINITE, NAN } from './words.ts';

/**
 * What holds of every state, whatever was counted. Both formats are checked here after they have been read: a state
 * that passes has counts that some data could give.
 *
 * @throws RangeError naming what does not hold
 */
export function checkState(state: State): void {
  const { config, layout, words, at, coverage, curves } = state;
  const { classes, variant } = config;
  const softmax = variant === 'softmax';
  const word = (i: number): number => words[i] as number;
  const expect: Expect = (holds, i, expected) => {
    if (!holds) throw outOfRange(`state.words[${i}]`, expected, words[i]);
  };
  /** An exact sum of `n` values. */
  const sum = (i: number, n: number): void => {
    const special = word(i + INFINITE) + word(i + NAN);
    expect(special <= n, i + INFINITE, `at most ${n} values that are infinite or NaN`);
    const nothing = special === n;
    for (let j = i; nothing && j < i + INFINITE; j++) expect(word(j) === 0, j, '0, as there are no finite values');
  };
  checkWords('state.words', layout, words);

  const samples = word(at.totals.samples);
  const { ignored, all } = ignoredLogits(state, samples, expect);
  const decisions = softmax ? samples : samples * classes - all;
  sum(at.totals.crossEntropy, samples);
  sum(at.totals.brier, samples);
  // of class indices, which all older states are of, Σ (p − t)² is at most 2; shares may be of any size
  const most = softmax ? (config.arithmetic === 1 ? 2 * samples : Infinity) : decisions;
  const brier = fromUnits(sumInUnits(words, at.totals.brier));
  if (brier > most * (1 + 2 ** -20)) throw outOfRange('state.words: Brier scores', `a sum of at most ${most}`, brier);
  if (at.squares.rows > 0)
    for (const i of [at.squares.loss, at.squares.crossEntropy, at.squares.brier]) sum(i, samples);

  let support = 0;
  let right = 0;
  let predicted = 0;
  for (let c = 0, row = 0; c < classes; c++, row += at.classes.stride) {
    const [s, r, p] = [at.classes.support + row, at.classes.right + row, at.classes.predicted + row];
    expect(word(r) <= Math.min(word(s), word(p)), r, 'no more than predicted and than there are');
    const counted = samples - ignored(c);
    expect(Math.max(word(s), word(p)) <= counted, s, `at most ${counted} samples and predictions`);
    expect(word(s) + word(p) - word(r) <= counted, s, `${counted} samples of the class, predicted so, or neither`);
    sum(at.classes.loss + row, softmax ? word(s) : counted);
    support += word(s);
    right += word(r);
    predicted += word(p);
  }
  if (softmax) {
    expect(support === samples, at.classes.support, `counts of the classes that add up to ${samples} samples`);
    expect(predicted === samples, at.classes.predicted, `predictions that add up to ${samples} samples`);
  }

  if (at.decisions.rows > 0) {
    const wrong = support + predicted - 2 * right;
    const { subset, wrongSquares } = at.decisions;
    expect(word(subset) <= samples && samples - word(subset) <= wrong, subset, `samples that fit ${wrong} errors`);
    const squares = BigInt(word(wrongSquares)) + (BigInt(word(wrongSquares + 1)) << 32n);
    const most = BigInt(wrong) * BigInt(classes);
    expect(squares >= BigInt(wrong) && squares <= most, wrongSquares, `squares of ${wrong} errors`);
  }

  for (const [i, k] of config.topK.entries()) {
    const hits = at.topK.hits + i;
    const least = i > 0 ? word(hits - 1) : right;
    const most = k === 1 ? right : samples;
    expect(word(hits) >= (k >= classes ? samples : least) && word(hits) <= most, hits, `hits in [${least}, ${most}]`);
  }

  let binned = 0;
  let hits = 0;
  for (let b = 0, row = 0; b < config.bins; b++, row += at.bins.stride) {
    const count = word(at.bins.count + row);
    expect(word(at.bins.hits + row) <= count, at.bins.hits + row, `at most ${count} hits`);
    const [low, high] = [word(at.bins.confidence + row), word(at.bins.confidence + row + 1)];
    expect(high < count || (high === count && low === 0), at.bins.confidence + row + 1, `at most ${count}`);
    binned += count;
    hits += word(at.bins.hits + row);
  }
  expect(binned <= decisions, at.bins.count, `bins of at most ${decisions}`);
  expect(hits <= (softmax ? right : support), at.bins.hits, `at most ${softmax ? right : support} hits in the bins`);

  if (at.confusion.rows > 0) checkConfusion(state, expect);
  if (curves) for (let c = 0; c < classes; c++) checkCurve(state, curves, c, samples - ignored(c));
  if (coverage) checkCoverage(coverage.ranges, samples + word(at.totals.ignored));
}

type Expect = (holds: boolean, i: number, expected: string) => void;

/** Of each class and of all together, the logits that are ignored of samples that count. */
function ignoredLogits({ words, at, config, ignoring }: State, samples: number, expect: Expect) {
  const { samples: first, rows } = at.ignoredLogits;
  const ignored = (c: number): number => (rows > 0 ? (words[first + c] as number) : 0);
  let all = 0;
  for (let c = 0; c < rows; c++) {
    expect(ignored(c) <= samples, first + c, `at most ${samples} ignored logits`);
    all += ignored(c);
  }
  // a sample counts while it has a logit left
  expect(
    !ignoring || (all > 0 && all <= samples * (config.classes - 1)),
    first,
    `ignored logits of ${samples} samples`,
  );
  return { ignored, all };
}

function checkConfusion({ words, at, config }: State, expect: Expect): void {
  const { classes } = config;
  const cell = (target: number, prediction: number) => at.confusion.samples + target * classes + prediction;
  for (let c = 0, row = 0; c < classes; c++, row += at.classes.stride) {
    let samples = 0;
    let predictions = 0;
    for (let other = 0; other < classes; other++) {
      samples += words[cell(c, other)] as number;
      predictions += words[cell(other, c)] as number;
    }
    expect(samples === words[at.classes.support + row], cell(c, 0), `a row of the samples of class ${c}`);
    expect(predictions === words[at.classes.predicted + row], cell(0, c), `a column of the predictions of class ${c}`);
    expect(words[cell(c, c)] === words[at.classes.right + row], cell(c, c), `the right predictions of class ${c}`);
  }
}

function checkCurve({ words, at }: State, curves: CurveCounts, c: number, samples: number): void {
  const support = words[at.classes.support + c * at.classes.stride] as number;
  let [negatives, positives] = [0, 0];
  for (const [, n, p] of curves.cells(c)) {
    negatives += n;
    positives += p;
  }
  if (positives > support || negatives > samples - support) {
    throw outOfRange(`state.curves[${c}]`, `at most ${support} samples and ${samples - support} others`, 'more');
  }
}

export function checkCoverage(ranges: readonly Range[], size: number): void {
  if (ranges.length > MOST_RANGES) throw outOfRange('state.coverage', `at most ${MOST_RANGES} ranges`, ranges.length);
  let covered = 0;
  for (const [i, [from, to]] of ranges.entries()) {
    const least = i === 0 ? 0 : (ranges[i - 1] as Range)[1] + 1;
    if (!(from >= least && to > from && Number.isSafeInteger(to))) {
      throw outOfRange(`state.coverage[${i}]`, 'a range past the one before it', `[${from}, ${to})`);
    }
    covered += to - from;
  }
  if (covered !== size) throw outOfRange('state.coverage', `${size} samples, as many as were counted`, covered);
}

/** The list of the hardest samples, as it was read. */
export function checkHardest(hardest: readonly Hard[], { config, words, at, coverage }: State): void {
  const expected = Math.min(config.hardest, words[at.totals.samples] as number);
  if (hardest.length !== expected) throw outOfRange('state.hardest', `${expected} samples`, hardest.length);
  for (const [i, [index, target, prediction, bits]] of hardest.entries()) {
    const name = `state.hardest[${i}]`;
    const known = target === null || (config.variant === 'sigmoid' && (target | 0) === target);
    const isClass = (c: unknown) => Number.isInteger(c) && (c as number) >= 0 && (c as number) < config.classes;
    if (!(known || isClass(target)) || !isClass(prediction)) {
      throw outOfRange(name, `classes below ${config.classes}`, `[${target}, ${prediction}]`);
    }
    if (!isLossBits(bits)) throw outOfRange(name, 'the bits of a loss', bits);
    const counted = coverage?.ranges.some(([from, to]) => index >= from && index < to) ?? true;
    if (!isIndex(index) || !counted) throw outOfRange(name, 'the index of a sample', index);
  }
  if (hardest.some((sample, i) => i > 0 && byLoss(hardest[i - 1] as Hard, sample) > 0)) {
    throw outOfRange('state.hardest', 'samples by loss and index', 'another order');
  }
}

/** Of one class, cell by cell, as read: ascending, none of them empty. */
export function checkCell(name: string, cell: number, before: number, negatives: number, positives: number): void {
  if (!(isIndex(cell) && cell > before && cell < CELLS)) {
    throw outOfRange(name, `a cell in [${before + 1}, ${CELLS})`, cell);
  }
  if (!(isIndex(negatives) && isIndex(positives) && negatives + positives > 0)) {
    throw outOfRange(name, 'counts that are not both 0', `${negatives} and ${positives}`);
  }
}

/** An array, as JSON has it. */
export function array(name: string, value: unknown): unknown[] {
  if (!Array.isArray(value)) throw wrongType(name, 'an array', value);
  return value;
}
