/** `focal-simd merge`. */

import { createHash } from 'node:crypto';
import { type ComparisonState, FocalComparison } from '../entries/compare.ts';
import { FocalMeter, type MeterState } from '../entries/meter.ts';
import { SlicedMeter, type SlicedState } from '../entries/slices.ts';
import { counted } from '../input/errors.ts';
import type { AnyLoss, Meter } from '../meter/meter.ts';
import type { Slices } from '../meter/slices.ts';
import { comparison } from './comparison.ts';
import { InputError, refusing, warn } from './errors.ts';
import { evaluation } from './evaluation.ts';
import type { MergeOptions } from './grammar.ts';
import { checkNames, checkTexts, eachLine, readNames, readText } from './lines.ts';
import { prepareOutputs } from './outputs.ts';
import { give } from './result.ts';
import { STDIN } from './samples.ts';

/** Longer lines are no states that this process could hold. */
const LONGEST_STATE = 2 ** 29 - 25;

type Mergeable = Meter<AnyLoss> | Slices<AnyLoss> | FocalComparison;

/** What tells of all samples: of groups that of all. */
const totalOf = (one: Mergeable): Meter<AnyLoss> | FocalComparison =>
  one instanceof SlicedMeter ? one.total() : (one as Meter<AnyLoss> | FocalComparison);

export async function merge(paths: string[], options: MergeOptions): Promise<number> {
  const { state, report, names: namesPath, text } = options;
  const outputs = await prepareOutputs({ '--state': state, '--report': report }, [...paths, namesPath, text], options);
  const states = new Merged();
  for (const path of paths) {
    if (path !== STDIN) states.add(path, await readText(path));
    else await eachLine(path, (line, i) => states.add(`stdin, line ${i + 1}`, line.toString('utf8')), LONGEST_STATE);
  }
  const { all } = states;
  if (!all) throw new InputError('stdin: expected a state a line, got none');
  const compared = all instanceof FocalComparison;
  refuseOther(compared, options);
  const total = totalOf(all);
  const { config } = compared ? all.toJSON().baseline : (total as Meter<AnyLoss>).toJSON();
  const names = namesPath === undefined ? null : await readNames(namesPath);
  if (names) checkNames(namesPath!, names, config.classes);
  const { samples, ignored, missing = [] } = total.compute();
  const gaps = missing.reduce((sum, [from, to]) => sum + to - from, 0);
  if (text !== undefined) {
    // where shards are missing there may be more of them after the last
    await checkTexts(text, { samples: samples + ignored + gaps, atLeast: gaps > 0 });
  }
  if (gaps > 0) {
    const ranges = missing.slice(0, 5).map(([from, to]) => `[${from}, ${to})`);
    warn(
      `${counted(gaps, 'sample')} ${gaps === 1 ? 'is' : 'are'} missing: ${ranges.join(', ')}${missing.length > 5 ? ', …' : ''}`,
    );
  }
  const run = { files: paths };
  const result = compared ? comparison(all, names, options, run) : evaluation(all, names, options, run);
  return give(await result, options, outputs);
}

/** Options that only one kind of state has an answer to. */
function refuseOther(compared: boolean, options: MergeOptions): void {
  const others = compared
    ? (['min', 'max', 'normalize', 'worstBy'] as const)
    : (['maxDrop', 'decide', 'allowNan', 'markdown'] as const);
  const flags = {
    min: '--min',
    max: '--max',
    normalize: '--normalize',
    worstBy: '--worst-by',
    maxDrop: '--max-drop',
    decide: '--decide',
    allowNan: '--allow-nan',
    markdown: '--markdown',
  };
  const given = others.find((key) => options[key] !== undefined);
  if (given)
    throw new InputError(`${flags[given]} goes with states of ${compared ? 'evaluations' : 'comparisons'} alone`);
}

/** States, merged as they come. */
class Merged {
  all: Mergeable | null = null;
  readonly #seen = new Map<string, string>();

  add(name: string, json: string): void {
    const one = refusing(name, () => stateOf(parsed(json)));
    refuseAgain(this.#seen, name, one);
    const { all } = this;
    if (!all) this.all = one;
    else if (all instanceof FocalComparison && one instanceof FocalComparison) refusing(name, () => all.merge(one));
    else if (all instanceof FocalMeter && one instanceof FocalMeter) refusing(name, () => all.merge(one));
    else if (all instanceof SlicedMeter && one instanceof SlicedMeter) refusing(name, () => all.merge(one));
    else throw new InputError(`${name}: states of evaluations, of groups and of comparisons do not go together`);
  }
}

function parsed(json: string): { format?: unknown } {
  try {
    return JSON.parse(json);
  } catch (cause) {
    const found = json.trim() === '' ? 'empty' : (cause as Error).message;
    throw new SyntaxError(`expected a state, the JSON that --state writes: ${found}`, { cause });
  }
}

function stateOf(json: { format?: unknown }): Mergeable {
  if (json?.format === 'focal-simd/comparison') return FocalComparison.fromJSON(json as ComparisonState);
  if (json?.format === 'focal-simd/slices') return SlicedMeter.fromJSON(json as SlicedState);
  return FocalMeter.fromJSON(json as MeterState);
}

/**
 * States know which samples they have counted, but those of earlier versions. Of these, two of which not even a loss differs
 * are one shard given twice; only of nothing there may be any number.
 */
function refuseAgain(seen: Map<string, string>, path: string, meter: Mergeable): void {
  const { samples, ignored, missing } = totalOf(meter).compute();
  if (samples + ignored === 0 || missing) return;
  const digest = createHash('sha256').update(meter.toBytes()).digest('hex');
  const other = seen.get(digest);
  if (other !== undefined) throw new InputError(`${path}: the same state as ${other}: its samples would count twice`);
  seen.set(digest, path);
}
