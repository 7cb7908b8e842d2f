import { arrayKind, isShared } from '../input/arrays.ts';
import { number, object } from '../input/checks.ts';
import { outOfRange, wrongType } from '../input/errors.ts';
import { viewOf } from '../input/tensors.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { array, checkCoverage } from './checks.ts';
import { fromBytes, fromJSON, type MeterState, readRange, toBytes, toJSON } from './codec.ts';
import { checkSame, checkVersion } from './config.ts';
import type { Range } from './coverage.ts';
import type { State } from './state.ts';

/** What SlicedMeter's toJSON gives. */
export interface SlicedState {
  readonly format: 'focal-simd/slices';
  readonly version: 1;
  readonly maxGroups: number;
  /** The state of a meter of no group, which has counted nothing. */
  readonly empty: MeterState;
  /** With the option `coverage`: of all groups together. */
  readonly coverage: readonly (readonly [from: number, to: number])[] | null;
  readonly groups: readonly (readonly [name: string, state: MeterState])[];
  /** CRC-32 of the rest, as bytes. */
  readonly checksum: number;
}

/**
 * The two forms of a sliced state, version 1. JSON: `{ format, version, maxGroups, empty, coverage, groups, checksum
 * }`, `empty` and the groups as states of meters, whose `coverage` is kept for all groups together, `checksum` the
 * CRC-32 that the bytes end with. Bytes: "FSSL", the version, `maxGroups`, 1 with coverage and else 0, the bytes of
 * `empty`, with coverage the ranges, the number of groups, and of each the name as JSON and the state, each of these
 * after its length; CRC-32.
 */
const MAGIC = [0x46, 0x53, 0x53, 0x4c];
const FORMAT = 'focal-simd/slices';
const VERSION = 1;

/** A sliced state, or what it consists of. */
export interface SlicedParts {
  readonly maxGroups: number;
  readonly empty: State;
  readonly coverage: readonly Range[] | null;
  readonly groups: readonly (readonly [name: string, state: State])[];
}

export function slicesToJSON(parts: SlicedParts): SlicedState {
  const { maxGroups, empty, coverage, groups } = parts;
  return {
    format: FORMAT,
    version: VERSION,
    maxGroups,
    empty: toJSON(empty),
    coverage: coverage?.map(([from, to]) => [from, to] as const) ?? null,
    groups: groups.map(([name, state]) => [name, toJSON(state)] as const),
    checksum: write(parts).checksum(),
  };
}

export function slicesFromJSON(value: unknown): SlicedParts {
  const { format, version, maxGroups, empty, coverage, groups, checksum } = object('state', value);
  if (format !== FORMAT) throw outOfRange('state.format', `'${FORMAT}'`, format);
  checkVersion('state.version', version, VERSION);
  const parts = checked({
    maxGroups: maxGroups as number,
    empty: fromJSON(empty),
    coverage:
      coverage === null
        ? null
        : array('state.coverage', coverage).map((range, i) => readRange(`state.coverage[${i}]`, range)),
    groups: array('state.groups', groups).map((group, i) => {
      const [name, state] = Array.isArray(group) && group.length === 2 ? group : [];
      if (typeof name !== 'string') throw wrongType(`state.groups[${i}]`, '[name, state]', group);
      return [name, fromJSON(state)] as const;
    }),
  });
  const expected = write(parts).checksum();
  if (checksum !== expected) throw outOfRange('state.checksum', `${expected}, the CRC-32 of the rest`, checksum);
  return parts;
}

export const slicesToBytes = (parts: SlicedParts): Uint8Array<ArrayBuffer> => write(parts).sealed();

function write({ maxGroups, empty, coverage, groups }: SlicedParts): ByteWriter {
  const out = new ByteWriter();
  const part = (bytes: Uint8Array): void => {
    out.varint(bytes.length);
    out.raw(bytes);
  };
  out.raw([...MAGIC, VERSION]);
  out.varint(maxGroups);
  out.raw([coverage ? 1 : 0]);
  part(toBytes(empty));
  if (coverage) out.ranges(coverage);
  out.varint(groups.length);
  for (const [name, state] of groups) {
    // as JSON, whose escapes hold any string
    part(new TextEncoder().encode(JSON.stringify(name)));
    part(toBytes(state));
  }
  return out;
}

export function slicesFromBytes(value: unknown): SlicedParts {
  if (arrayKind(value) !== 'Uint8Array') throw wrongType('bytes', 'Uint8Array', value);
  const view = viewOf('bytes', value) as Uint8Array;
  const bytes = isShared(view) ? view.slice() : view;
  const start = MAGIC.length + 1;
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) throw outOfRange('bytes', 'the state of a SlicedMeter', 'another');
  checkVersion('bytes: version', bytes[MAGIC.length], VERSION);
  const inside = new ByteReader(bytes, start);
  const part = (): Uint8Array => inside.raw(inside.count());
  const maxGroups = inside.varint();
  const covered = inside.byte();
  if (covered > 1) throw inside.broken();
  const empty = fromBytes(part());
  const coverage = covered === 1 ? inside.ranges() : null;
  const groups = Array.from({ length: inside.count(2) }, () => {
    const name = inside.json();
    if (typeof name !== 'string') throw inside.broken();
    return [name, fromBytes(part())] as const;
  });
  inside.done();
  return checked({ maxGroups, empty, coverage, groups });
}

/** Parts that data could have given. */
function checked(parts: SlicedParts): SlicedParts {
  const { maxGroups, empty, coverage, groups } = parts;
  number('state.maxGroups', maxGroups, 'a positive integer below 2^31', (x) => x > 0 && x < 2 ** 31 && x % 1 === 0);
  const counted = ({ words, at }: State): number =>
    (words[at.totals.samples] as number) + (words[at.totals.ignored] as number);
  if (empty.config.coverage) throw outOfRange('state.empty.config.coverage', 'false', true);
  if (counted(empty) > 0) throw outOfRange('state.empty', 'a meter that has counted nothing', counted(empty));
  for (const [, state] of groups) checkSame(empty.config, state.config);
  if (new Set(groups.map(([name]) => name)).size < groups.length) {
    throw outOfRange('state.groups', 'each group once', 'one twice');
  }
  if (groups.length > maxGroups) throw outOfRange('state.groups', `at most ${maxGroups}`, groups.length);
  const samples = groups.reduce((all, [, state]) => all + counted(state), 0);
  if (coverage) checkCoverage(coverage, samples);
  return parts;
}
