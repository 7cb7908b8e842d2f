import { outOfRange } from '../input/errors.ts';
import { checkCoverage } from '../meter/checks.ts';
import type { State } from '../meter/state.ts';
import { checkWords, INFINITE, NAN } from '../meter/words.ts';
import type { Pairs } from './pairs.ts';
import { byRise, isRise, type Rise } from './rises.ts';

const MOST_BITS = 0x7f800000;

/**
 * What holds of every comparison, whatever was counted.
 *
 * @throws RangeError naming what does not hold
 */
export function checkPairs(
  { meter, config, words, layout, at, largest, rises, coverage }: Pairs,
  meters: readonly [State, State],
): void {
  const word = (i: number): number => words[i] as number;
  const expect = (holds: boolean, i: number, expected: string): void => {
    if (!holds) throw outOfRange(`state.words[${i}]`, expected, words[i]);
  };
  checkWords('state.words', layout, words);
  const samples = word(at.totals.samples);
  const labelled = meters.map((state) => state.words[state.at.totals.samples] as number) as [number, number];
  if (labelled[0] !== labelled[1]) {
    throw outOfRange('state.candidate', `${labelled[0]} samples as the baseline`, labelled[1]);
  }
  expect(samples >= labelled[0], at.totals.samples, `at least ${labelled[0]} samples, as the meters`);
  const { baselineNotFinite, candidateNotFinite, neitherFinite, divergence, difference } = at.totals;
  const finite = samples - word(baselineNotFinite) - word(candidateNotFinite) - word(neitherFinite);
  expect(finite >= 0, neitherFinite, `at most ${samples} samples that are not finite`);
  for (const sum of [divergence, difference]) {
    expect(word(sum + INFINITE) + word(sum + NAN) <= finite, sum + INFINITE, `at most ${finite} samples`);
  }

  const softmax = meter.variant === 'softmax';
  let [first, second] = [0, 0];
  for (let c = 0; c < meter.classes; c++) {
    const row = c * at.predictions.stride;
    const [a, b, both] = [at.predictions.baseline + row, at.predictions.candidate + row, at.predictions.both + row];
    expect(word(both) <= Math.min(word(a), word(b)), both, 'no more than either side predicts');
    expect(Math.max(word(a), word(b)) <= samples, a, `at most ${samples} predictions`);
    first += word(a);
    second += word(b);
    const support = meters[0].words[meters[0].at.classes.support + c * meters[0].at.classes.stride] as number;
    const { lost, won, stride } = at.classes;
    expect(
      word(lost + c * stride) + word(won + c * stride) <= support,
      lost + c * stride,
      `at most ${support} samples`,
    );
  }
  if (softmax) {
    expect(first === samples && second === samples, at.predictions.baseline, `${samples} predictions of either side`);
  }
  if (config.flips) {
    for (let c = 0; c < meter.classes; c++) {
      let sum = 0;
      for (let d = 0; d < meter.classes; d++) sum += word(at.flips.samples + c * meter.classes + d);
      const row = at.predictions.baseline + c * at.predictions.stride;
      expect(sum === word(row), at.flips.samples + c * meter.classes, `a row of ${word(row)} samples`);
    }
  }
  for (const name of ['loss', 'crossEntropy', 'brier'] as const) {
    for (const sum of [at[name].rose, at[name].fell, at[name].squares]) {
      expect(word(sum + INFINITE) + word(sum + NAN) <= labelled[0], sum + INFINITE, `at most ${labelled[0]} samples`);
    }
  }
  for (const [i, [bits, index]] of largest.entries()) {
    const none = index === -1 && bits === 0;
    const some = Number.isSafeInteger(index) && index >= 0 && Number.isInteger(bits) && bits >= 0 && bits <= MOST_BITS;
    if (!(finite === 0 ? none : some)) throw outOfRange(`state.largest[${i}]`, '[bits, index]', `[${bits}, ${index}]`);
  }
  checkHardest(rises.samples, config.hardest, meter.classes);
  if (coverage) checkCoverage(coverage.ranges, samples + word(at.totals.ignored));
}

function checkHardest(hardest: readonly Rise[], most: number, classes: number): void {
  if (hardest.length > most) throw outOfRange('state.hardest', `at most ${most} samples`, hardest.length);
  for (const [i, sample] of hardest.entries()) {
    const name = `state.hardest[${i}]`;
    const [index, target, before, after] = sample;
    const isClass = (c: number) => Number.isInteger(c) && c >= 0 && c < classes;
    if (!Number.isSafeInteger(index) || index < 0) throw outOfRange(name, 'the index of a sample', index);
    if ((target !== null && !Number.isSafeInteger(target)) || !isClass(before) || !isClass(after)) {
      throw outOfRange(name, `classes below ${classes}`, `[${target}, ${before}, ${after}]`);
    }
    if (!isRise(sample)) throw outOfRange(name, 'a loss that rose', 'another');
    if (i > 0 && byRise(hardest[i - 1] as Rise, sample) > 0) {
      throw outOfRange('state.hardest', 'samples by their rise and index', 'another order');
    }
  }
}
