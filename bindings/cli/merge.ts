/** `focal-simd merge`. */
import { createHash } from 'node:crypto';
import { FocalMeter } from '../entries/meter.ts';
import type { AnyLoss, Meter } from '../meter/meter.ts';
import { InputError, refusing, warn } from './errors.ts';
import type { OutputOptions } from './grammar.ts';
import { checkNames, checkTexts, eachLine, readNames, readText } from './lines.ts';
import { prepareOutputs } from './outputs.ts';
import { give } from './result.ts';

/** Longer lines are no states that this process could hold. */
const LONGEST_STATE = 2 ** 29 - 25;

export async function merge(paths: string[], options: OutputOptions): Promise<number> {
  const { state, report, names: namesPath, text } = options;
  const outputs = await prepareOutputs({ '--state': state, '--report': report }, [...paths, namesPath, text]);
  const all = new Merged();
  for (const path of paths) {
    if (path !== '-') all.add(path, await readText(path));
    else await eachLine(path, (line, i) => all.add(`stdin, line ${i + 1}`, line.toString('utf8')), LONGEST_STATE);
  }
  const { meter } = all;
  if (!meter) throw new InputError('stdin: expected a state a line, got none');
  const { config } = meter.toJSON();
  const names = namesPath === undefined ? null : await readNames(namesPath);
  if (names) checkNames(namesPath!, names, config.classes);
  const { samples, ignored, missing = [] } = meter.compute();
  const gaps = missing.reduce((sum, [from, to]) => sum + to - from, 0);
  if (text !== undefined) {
    // where shards are missing there may be more of them after the last
    await checkTexts(text, { samples: samples + ignored + gaps, atLeast: gaps > 0 });
  }
  if (gaps > 0) {
    const ranges = missing.slice(0, 5).map(([from, to]) => `[${from}, ${to})`);
    warn(`${gaps} samples are missing: ${ranges.join(', ')}${missing.length > 5 ? ', …' : ''}`);
  }
  return give(meter, names, options, outputs, { files: paths });
}

/** States, merged as they come. */
class Merged {
  meter: Meter<AnyLoss> | null = null;
  readonly #seen = new Map<string, string>();

  add(name: string, json: string): void {
    const one = refusing(name, () => FocalMeter.fromJSON(JSON.parse(json)));
    refuseAgain(this.#seen, name, one);
    const all: Meter<AnyLoss> = this.meter ?? one;
    if (all !== one) refusing(name, () => all.merge(one));
    this.meter = all;
  }
}

/**
 * States know which samples they have counted, but those of earlier versions. Of these, two of which not even a loss differs
 * are one shard given twice; only of nothing there may be any number.
 */
function refuseAgain(seen: Map<string, string>, path: string, meter: Meter<AnyLoss>): void {
  const { samples, ignored, missing } = meter.compute();
  if (samples + ignored === 0 || missing) return;
  const digest = createHash('sha256').update(meter.toBytes()).digest('hex');
  const other = seen.get(digest);
  if (other !== undefined) throw new InputError(`${path}: the same state as ${other}: its samples would count twice`);
  seen.set(digest, path);
}
