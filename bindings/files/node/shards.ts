/** Shards and states by the line, for whatever has pipes: Spark, Hadoop, GNU parallel. */
import { outOfRange, wrongType } from '../../input/errors.ts';
import type { FocalMeterConstructor } from '../../meter/api.ts';
import type { AnyLoss, Meter } from '../../meter/meter.ts';
import { quoted } from '../errors.ts';
import type { Files } from '../open.ts';
import type { ShardOptions, ShardResult } from '../shard.ts';

/** Lines of text, such as `node:readline` gives of stdin. */
export type Lines = Iterable<string> | AsyncIterable<string>;

/** Options of `mapShards`. */
export type MapOptions = Pick<ShardOptions, 'loss' | 'meter' | 'names' | 'bytes' | 'signal'>;

const KEYS = ['logits', 'targets', 'table', 'target', 'scores', 'firstIndex'];

/** A line as an object; what is wrong with it is said with its number. */
function parse(line: string, number: number): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new RangeError(`line ${number} expected JSON, got ${quoted(line)}`, { cause });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new TypeError(`line ${number} expected an object, got ${quoted(line)}`);
}

/** Run `use`; what is refused is said with the number of the line. */
async function onLine<T>(number: number, use: () => T | Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    const Same = error instanceof TypeError ? TypeError : RangeError;
    throw new Same(`line ${number}: ${error.message}`, { cause: error });
  }
}

/** Lines that have something on them, with their numbers from 1 on. */
async function* numbered(lines: Lines): AsyncGenerator<[number, string]> {
  let number = 0;
  for await (const line of lines) {
    number++;
    if (line.trim() !== '') yield [number, line];
  }
}

/**
 * The state of each shard, one a line.
 *
 * @param evaluate gives the meter of the files, whose first sample has this index
 */
export async function* mapLines(
  lines: Lines,
  evaluate: (files: Files, firstIndex: number) => Promise<{ toJSON(): object }>,
): AsyncGenerator<string> {
  for await (const [number, line] of numbered(lines)) {
    const { firstIndex = 0, ...files } = parse(line, number);
    const state = await onLine(number, async () => {
      const unknown = Object.keys(files).find((key) => !KEYS.includes(key));
      if (unknown !== undefined) throw outOfRange('a shard', `only ${KEYS.join(', ')}`, JSON.stringify(unknown));
      return (await evaluate(files as unknown as Files, firstIndex as number)).toJSON();
    });
    yield JSON.stringify(state);
  }
}

export function defineMap(evaluate: (files: Files, options: ShardOptions) => Promise<ShardResult>) {
  return (lines: Lines, options: MapOptions): AsyncGenerator<string> => {
    if (typeof options !== 'object' || options === null) throw wrongType('options', 'an object with loss', options);
    const meter = { ...options.meter, coverage: true };
    return mapLines(
      lines,
      async (files, firstIndex) => (await evaluate(files, { ...options, meter, firstIndex })).meter,
    );
  };
}

export function defineMerge(FocalMeter: FocalMeterConstructor) {
  return async (lines: Lines): Promise<Meter<AnyLoss>> => {
    let all: Meter<AnyLoss> | null = null;
    for await (const [number, line] of numbered(lines)) {
      const state = parse(line, number);
      await onLine(number, () => {
        const meter = FocalMeter.fromJSON(state as never);
        if (all) all.merge(meter);
        else all = meter;
      });
    }
    if (!all) throw outOfRange('states', 'at least one line', 'none');
    return all;
  };
}
