import { LIMBS } from '../backend/limbs.ts';
import { object } from '../input/checks.ts';
import { outOfRange } from '../input/errors.ts';
import type { ByteReader } from './bytes.ts';
import { array } from './checks.ts';
import { type MeterConfig, readConfig } from './config.ts';
import { type Hard, readHard } from './hardest.ts';
import { layoutOf } from './layout.ts';
import type { Parts, State } from './state.ts';
import { INFINITE, NAN } from './words.ts';

/**
 * States of version 1, as arithmetic 1: they can be merged with one another and computed. Their histograms at equal
 * thresholds say nothing about curves in the logit, and are left out.
 *
 * Words: samples, ignored, losses that were NaN, losses that were +∞; the sums of the cross-entropies and Brier scores,
 * each followed by 0, or 1 when +∞ was among the values, or 2 when NaN was; then top-k, bins, classes (three counts, a
 * sum and its flag) and the confusion matrix (softmax) or two histograms a class (sigmoid).
 *
 * JSON: `{ format, version, config, words, hardest }`. Bytes: the length of the configuration and the configuration,
 * each word, the number of hardest samples and the four numbers of each, as varints.
 */
type Checked = (config: MeterConfig, parts: Parts) => State;

const SUM_WORDS = LIMBS + 1;
/** Options of later versions, off. */
const LATER = { arithmetic: 1, curves: false, coverage: false, bootstrap: 0, seed: 0, threshold: 0 };

/** The configuration of version 1, and how many words go with it. */
function readConfig1(value: unknown): { config: MeterConfig; thresholds: number; length: number } {
  const { thresholds, ...rest } = object('state.config', value);
  if (!(Number.isInteger(thresholds) && (thresholds as number) >= 0)) {
    throw outOfRange('state.config.thresholds', 'an integer ≥ 0', thresholds);
  }
  const since = { gammaNegative: rest.gamma, clip: 0, background: null, labelSmoothing: 0 };
  const config = readConfig({ ...rest, ...since, ...LATER });
  const { classes, topK, bins, confusion } = config;
  const table = confusion ? classes * classes : 2 * classes * (thresholds as number);
  const length = 4 + 2 * SUM_WORDS + topK.length + 4 * bins + classes * (3 + SUM_WORDS) + table;
  return { config, thresholds: thresholds as number, length };
}

function upgrade(
  config: MeterConfig,
  old: ArrayLike<number>,
  thresholds: number,
  hardest: Hard[],
  make: Checked,
): State {
  const { at, length } = layoutOf(config);
  const words = new Float64Array(length);
  let read = 0;
  const next = (): number => old[read++] as number;
  /** A sum, by its flag as if one value had been +∞ or NaN. */
  const sum = (to: number): void => {
    for (let j = 0; j < LIMBS; j++) words[to + j] = next();
    const flag = next();
    if (flag > 2) throw outOfRange(`state.words[${read - 1}]`, '0, 1 or 2', flag);
    if (flag > 0) words[to + (flag === 1 ? INFINITE : NAN)] = 1;
  };
  words[at.totals.samples] = next();
  words[at.totals.ignored] = next();
  const nan = next();
  const infinite = next();
  sum(at.totals.crossEntropy);
  sum(at.totals.brier);
  for (let k = 0; k < config.topK.length; k++) words[at.topK.hits + k] = next();
  for (let i = 0; i < 4 * config.bins; i++) words[at.bins.count + i] = next();
  for (let c = 0, row = 0; c < config.classes; c++, row += at.classes.stride) {
    words[at.classes.support + row] = next();
    words[at.classes.right + row] = next();
    words[at.classes.predicted + row] = next();
    sum(at.classes.loss + row);
  }
  for (let i = 0; i < at.confusion.rows; i++) words[at.confusion.samples + i] = next();
  distribute(words, config, NAN, nan);
  distribute(words, config, INFINITE, infinite);
  if (thresholds > 0 && old.length - read !== 2 * config.classes * thresholds) {
    throw outOfRange('state.words', 'histograms of the thresholds', old.length - read);
  }
  return make(config, { words, hardest, curves: null, coverage: null });
}

/**
 * Spread the number of losses that were NaN or +∞, which version 1 only has over all classes, over the classes whose
 * flag is up, at least one each and no more than there can be. A flag for NaN hides one for +∞.
 */
function distribute(words: Float64Array, config: MeterConfig, which: number, total: number): void {
  const { at } = layoutOf(config);
  let left = total;
  for (let c = 0; c < config.classes; c++) left -= words[at.classes.loss + c * at.classes.stride + which] as number;
  for (let c = 0, row = 0; c < config.classes && left > 0; c++, row += at.classes.stride) {
    const sum = at.classes.loss + row;
    const [infinite, nan] = [words[sum + INFINITE] as number, words[sum + NAN] as number];
    if ((which === NAN ? nan : infinite + nan) === 0) continue;
    const most = words[config.variant === 'softmax' ? at.classes.support + row : at.totals.samples] as number;
    const more = Math.min(left, most - infinite - nan);
    (words[sum + which] as number) += more;
    left -= more;
  }
  if (left !== 0) throw outOfRange('state.words', `${total} losses that are NaN or infinite`, total - left);
}

export function readVersion1({ config: given, words, hardest }: Record<string, unknown>, make: Checked): State {
  const { config, thresholds, length } = readConfig1(given);
  const list = array('state.words', words);
  if (list.length !== length) throw outOfRange('state.words', `${length} words`, list.length);
  const numbers = list.map((word) => (typeof word === 'number' ? word : NaN));
  const samples = array('state.hardest', hardest).map((sample, i) => readHard(`state.hardest[${i}]`, sample));
  return upgrade(config, numbers, thresholds, samples, make);
}

export function decodeVersion1(inside: ByteReader, make: Checked): State {
  const { config, thresholds, length } = readConfig1(inside.json());
  // a word takes at least a byte
  if (length > inside.left) throw inside.broken();
  const words = Array.from({ length }, () => inside.varint());
  const hardest = Array.from({ length: inside.count(4) }, (): Hard => {
    return [inside.varint(), inside.varint(), inside.varint(), inside.varint()];
  });
  inside.done();
  return upgrade(config, words, thresholds, hardest, make);
}
