import { object } from '../input/checks.ts';
import { kind, outOfRange, wrongType } from '../input/errors.ts';
import type { FocalMeterConstructor } from '../meter/api.ts';
import { ByteReader, ByteWriter } from '../meter/bytes.ts';
import { array } from '../meter/checks.ts';
import { type MeterState, readRange } from '../meter/codec.ts';
import { checkSame, checkVersion } from '../meter/config.ts';
import { type AnyLoss, Meter } from '../meter/meter.ts';
import { checkPairs } from './checks.ts';
import { type Largest, Pairs, type Parts } from './pairs.ts';
import type { Rise } from './rises.ts';
import { readPairConfig, type Sides } from './sides.ts';

/**
 * The two forms of a comparison's state. Version 1:
 *
 * JSON: `{ format, version, config, baseline, candidate, words, largest, hardest, coverage, checksum }`. `config` is `{
 * hardest, flips }`; `baseline` and `candidate` are the states of the two meters; `words` as layout.ts has them;
 * `largest` is `[[bits, index], [bits, index]]` of the largest divergence and the largest |Δp|, index −1 where there is
 * none; `hardest` is a list of `[index, target or null, baseline's prediction, candidate's, bits of the baseline's
 * loss, of the candidate's]`; `coverage` as in a meter's; `checksum` the CRC-32 that the bytes end with.
 *
 * Bytes: "FSCP"; the version; the length of the configuration and the configuration as JSON in UTF-8; the length of the
 * bytes of either meter and these bytes; the words; the bits and index + 1 of both that are largest; the number of
 * hardest samples and of each the index, target (coded as in a meter's) and the other four; with coverage the ranges,
 * as in a meter's; CRC-32.
 */
export const VERSION = 1;
export const FORMAT = 'focal-simd/comparison';
const MAGIC = [0x46, 0x53, 0x43, 0x50];

/** What `toJSON` gives: plain data that JSON holds exactly. */
export interface ComparisonState {
  readonly format: typeof FORMAT;
  readonly version: number;
  readonly config: { readonly hardest: number; readonly flips: boolean };
  readonly baseline: MeterState;
  readonly candidate: MeterState;
  readonly words: readonly number[];
  readonly largest: readonly [Largest, Largest];
  readonly hardest: readonly Rise[];
  readonly coverage: readonly (readonly [from: number, to: number])[] | null;
  readonly checksum: number;
}

/** A comparison, once all it consists of has been read. */
function checked(
  config: unknown,
  [baseline, candidate]: readonly [Meter<AnyLoss>, Meter<AnyLoss>],
  read: (empty: Pairs) => Parts,
): Sides {
  const own = readPairConfig(object('state.config', config), 'state.config.');
  const states = [Meter.stateOf(baseline), Meter.stateOf(candidate)] as const;
  checkSame(states[0].config, states[1].config);
  const { divisor } = states[0].config;
  if (divisor !== undefined) throw outOfRange('state.baseline.config.divisor', 'none in a comparison', divisor);
  const pairs = new Pairs(states[0].config, own, read(new Pairs(states[0].config, own)));
  checkPairs(pairs, states);
  return { baseline, candidate, pairs };
}

export function toJSON(sides: Sides): ComparisonState {
  const { words, config, rises, largest, coverage } = sides.pairs;
  return {
    format: FORMAT,
    version: VERSION,
    config: { ...config },
    baseline: sides.baseline.toJSON(),
    candidate: sides.candidate.toJSON(),
    words: Array.from(words),
    largest: [[...largest[0]], [...largest[1]]],
    hardest: rises.samples.map((sample) => [...sample] as const),
    coverage: coverage?.ranges.map(([from, to]) => [from, to] as const) ?? null,
    checksum: write(sides).checksum(),
  };
}

/** The comparison that `toJSON` gave. */
export function fromJSON(value: unknown, FocalMeter: FocalMeterConstructor): Sides {
  const given = object('state', value);
  if (given.format !== FORMAT) throw outOfRange('state.format', `'${FORMAT}'`, given.format);
  checkVersion('state.version', given.version, VERSION);
  const meters = [
    FocalMeter.fromJSON(given.baseline as MeterState),
    FocalMeter.fromJSON(given.candidate as MeterState),
  ] as const;
  const sides = checked(given.config, meters, ({ layout, coverage }) => {
    const words = array('state.words', given.words);
    if (words.length !== layout.length) throw outOfRange('state.words', `${layout.length} words`, words.length);
    if (!coverage && given.coverage !== null) {
      throw outOfRange('state.coverage', 'null, as the option is off', given.coverage);
    }
    return {
      words: Float64Array.from(words, (word) => (typeof word === 'number' ? word : NaN)),
      largest: tuple('state.largest', given.largest, 2).map((one, i) =>
        numbers(`state.largest[${i}]`, one, 2),
      ) as unknown as [Largest, Largest],
      hardest: array('state.hardest', given.hardest).map((sample, i) => {
        const name = `state.hardest[${i}]`;
        const [index, target, ...rest] = tuple(name, sample, 6);
        const [at, ...said] = numbers(name, [index, ...rest], 5);
        return [at, target === null ? null : numbers(name, [target], 1)[0], ...said] as unknown as Rise;
      }),
      coverage: coverage
        ? array('state.coverage', given.coverage).map((range, i) => readRange(`state.coverage[${i}]`, range))
        : null,
    };
  });
  const expected = write(sides).checksum();
  if (given.checksum !== expected) {
    throw outOfRange('state.checksum', `${expected}, the CRC-32 of the rest`, given.checksum);
  }
  return sides;
}

function tuple(name: string, value: unknown, n: number): unknown[] {
  const list = array(name, value);
  if (list.length !== n) throw outOfRange(name, `${n} entries`, list.length);
  return list;
}

function numbers(name: string, value: unknown, n: number): number[] {
  return tuple(name, value, n).map((x) => {
    if (typeof x !== 'number') throw wrongType(name, 'numbers', x);
    return x;
  });
}

export const toBytes = (sides: Sides): Uint8Array<ArrayBuffer> => write(sides).sealed();

function write({ baseline, candidate, pairs }: Sides): ByteWriter {
  const { words, config, largest, rises, coverage } = pairs;
  const out = new ByteWriter();
  out.raw([...MAGIC, VERSION]);
  const text = new TextEncoder().encode(JSON.stringify(config));
  for (const part of [text, baseline.toBytes(), candidate.toBytes()]) {
    out.varint(part.length);
    out.raw(part);
  }
  out.words(words);
  for (const [bits, index] of largest) {
    out.varint(bits);
    out.varint(index + 1);
  }
  out.varint(rises.samples.length);
  for (const [index, target, ...said] of rises.samples) {
    out.varint(index);
    out.label(target);
    for (const x of said) out.varint(x);
  }
  if (coverage) out.ranges(coverage.ranges);
  return out;
}

/** Whether bytes begin as those of a comparison do. */
export const isComparison = (bytes: Uint8Array): boolean => MAGIC.every((byte, i) => bytes[i] === byte);

/** The comparison that `toBytes` gave. */
export function fromBytes(value: unknown, FocalMeter: FocalMeterConstructor): Sides {
  if (kind(value) !== 'Uint8Array') throw wrongType('bytes', 'Uint8Array', value);
  const bytes = value as Uint8Array;
  if (!isComparison(bytes)) throw outOfRange('bytes', 'the state of a comparison', 'something else');
  checkVersion('bytes: version', bytes[MAGIC.length], VERSION);
  const inside = new ByteReader(bytes, MAGIC.length + 1);
  const config = inside.json();
  const meters = [
    FocalMeter.fromBytes(inside.raw(inside.count())),
    FocalMeter.fromBytes(inside.raw(inside.count())),
  ] as const;
  const sides = checked(config, meters, ({ layout, coverage }) => {
    const words = inside.words(layout.length);
    const largest = [0, 1].map(() => [inside.varint(), inside.varint() - 1]) as unknown as [Largest, Largest];
    const hardest = Array.from({ length: inside.count(6) }, () => {
      const index = inside.varint();
      const target = inside.label();
      return [index, target, ...[0, 1, 2, 3].map(() => inside.varint())] as unknown as Rise;
    });
    return { words, largest, hardest, coverage: coverage && inside.ranges() };
  });
  inside.done();
  return sides;
}
