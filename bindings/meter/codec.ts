import { arrayKind, isShared } from '../input/arrays.ts';
import { object } from '../input/checks.ts';
import { outOfRange, wrongType } from '../input/errors.ts';
import { viewOf } from '../input/tensors.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { array, checkCell, checkHardest, checkState } from './checks.ts';
import { type MeterConfig, newer, readConfig } from './config.ts';
import { CurveCounts } from './curve-counts.ts';
import { type Hard, readHard } from './hardest.ts';
import { layoutOf } from './layout.ts';
import { type Parts, State } from './state.ts';
import { decodeVersion1, readVersion1 } from './version1.ts';

/**
 * The two forms of a state. Version 2:
 *
 * JSON: `{ format, version, config, words, hardest, curves, coverage, checksum }`. `words` as layout.ts has them;
 * `hardest` as `[index, target or null, prediction, bits of the float32 loss]`; `curves` null, or for each class
 * `[cell, negatives, positives, cell, …]`; `coverage` null or `[[from, to], …]`; `checksum` the CRC-32 that the bytes
 * end with.
 *
 * Bytes: "FSMT"; the version; the length of the configuration and the configuration as JSON in UTF-8; the words; the
 * number of hardest samples and of each the index, the target (0: null, else 1 + 2t, or −2t where it is below 0), the
 * prediction and the bits of the loss; with curves, for each class the number of its cells and of each the distance to
 * the one before (the first: to −1), negatives and positives; with coverage the number of ranges, of each how far it
 * begins past the end of the one before and its length; CRC-32. Numbers and words are written as bytes.ts says.
 *
 * Version 3 is the same with the words of ignored logits, of samples of which some are ignored and not all; states of
 * no such sample are of version 2.
 */
const VERSION = 2;
const IGNORING = 3;
const versionOf = ({ ignoring }: State): number => (ignoring ? IGNORING : VERSION);
export const FORMAT = 'focal-simd/meter';
const MAGIC = [0x46, 0x53, 0x4d, 0x54];

/** What `toJSON` gives: plain data that JSON holds exactly. */
export interface MeterState {
  readonly format: typeof FORMAT;
  readonly version: number;
  readonly config: MeterConfig;
  readonly words: readonly number[];
  readonly hardest: readonly Hard[];
  readonly curves: readonly (readonly number[])[] | null;
  readonly coverage: readonly (readonly [from: number, to: number])[] | null;
  readonly checksum: number;
}

/** The state of a meter, or what it consists of, once all of it has been read and checked. */
function checked(config: MeterConfig, parts: Parts): State {
  const state = new State(config, parts);
  checkState(state);
  checkHardest(parts.hardest, state);
  return state;
}

export function toJSON(state: State): MeterState {
  const { config, words, hardest, curves, coverage } = state;
  return {
    format: FORMAT,
    version: versionOf(state),
    config: plainCopy(config),
    words: Array.from(words),
    hardest: hardest.samples.map((sample) => [...sample] as const),
    curves: curves && Array.from({ length: curves.classes }, (_, c) => [...curves.cells(c)].flat()),
    coverage: coverage ? coverage.ranges.map(([from, to]) => [from, to] as const) : null,
    checksum: write(state).checksum(),
  };
}

/** A configuration is plain data: what JSON makes of it is itself. */
const plainCopy = (config: MeterConfig): MeterConfig => JSON.parse(JSON.stringify(config));

/** The state that `toJSON` gave, of this version or an older one. */
export function fromJSON(value: unknown): State {
  const all = object('state', value);
  const { format, version, config: given, words, hardest, curves, coverage, checksum } = all;
  if (format !== FORMAT)
    throw outOfRange('state.format', `'${FORMAT}' (what toJSON() gives and --state writes)`, format);
  if (version === 1) return readVersion1(all, checked);
  checkVersion('state.version', version);
  const config = readConfig(given);
  const { length } = layoutOf(config, version === IGNORING);
  const list = array('state.words', words);
  if (list.length !== length) throw outOfRange('state.words', `${length} words`, list.length);
  const state = checked(config, {
    words: Float64Array.from(list, (word) => (typeof word === 'number' ? word : NaN)),
    hardest: array('state.hardest', hardest).map((sample, i) => readHard(`state.hardest[${i}]`, sample)),
    curves:
      optional('state.curves', config.curves, curves) && readCurves(config.classes, array('state.curves', curves)),
    coverage:
      optional('state.coverage', config.coverage, coverage) &&
      array('state.coverage', coverage).map((range, i) => readRange(`state.coverage[${i}]`, range)),
  });
  checkVersion('state.version', version, state);
  const expected = write(state).checksum();
  if (checksum !== expected) throw outOfRange('state.checksum', `${expected}, the CRC-32 of the rest`, checksum);
  return state;
}

/** @param state what was read, once it is known */
function checkVersion(name: string, version: unknown, state?: State): void {
  if (state && versionOf(state) !== version) throw outOfRange(name, `${versionOf(state)}`, version);
  if (version === VERSION || version === IGNORING) return;
  const later = Number.isInteger(version) && (version as number) > IGNORING;
  throw outOfRange(name, `1 to ${IGNORING}`, later ? newer(version) : version);
}

/** null where an option is off, and nothing else may be there. */
function optional(name: string, on: boolean, value: unknown): true | null {
  if (on) return true;
  if (value !== null) throw outOfRange(name, 'null, as the option is off', value);
  return null;
}

export function readRange(name: string, value: unknown): readonly [number, number] {
  const [from, to] = Array.isArray(value) && value.length === 2 ? value : [];
  if (typeof from !== 'number' || typeof to !== 'number') throw wrongType(name, '[from, to]', value);
  return [from, to];
}

function readCurves(classes: number, lists: unknown[]): CurveCounts {
  if (lists.length !== classes) throw outOfRange('state.curves', `${classes} classes`, lists.length);
  const curves = new CurveCounts(classes);
  for (const [c, list] of lists.entries()) {
    const name = `state.curves[${c}]`;
    const flat = array(name, list) as number[];
    if (flat.length % 3 !== 0) throw outOfRange(name, 'three numbers a cell', flat.length);
    for (let i = 0, before = -1; i < flat.length; i += 3) {
      const [cell, negatives, positives] = flat.slice(i, i + 3) as [number, number, number];
      checkCell(name, cell, before, negatives, positives);
      curves.add(c, cell, negatives, positives);
      before = cell;
    }
  }
  return curves;
}

export const toBytes = (state: State): Uint8Array<ArrayBuffer> => write(state).sealed();

function write(state: State): ByteWriter {
  const { config, words, hardest, curves, coverage } = state;
  const out = new ByteWriter();
  out.raw([...MAGIC, versionOf(state)]);
  const text = new TextEncoder().encode(JSON.stringify(config));
  out.varint(text.length);
  out.raw(text);
  out.words(words);
  out.varint(hardest.samples.length);
  for (const [index, target, prediction, bits] of hardest.samples) {
    out.varint(index);
    out.label(target);
    out.varint(prediction);
    out.varint(bits);
  }
  for (let c = 0; curves && c < curves.classes; c++) {
    const cells = [...curves.cells(c)];
    out.varint(cells.length);
    let before = -1;
    for (const [cell, negatives, positives] of cells) {
      for (const x of [cell - before, negatives, positives]) out.varint(x);
      before = cell;
    }
  }
  if (coverage) out.ranges(coverage.ranges);
  return out;
}

/** The state that `toBytes` gave, of this version or an older one. */
export function fromBytes(value: unknown): State {
  if (arrayKind(value) !== 'Uint8Array') throw wrongType('bytes', 'Uint8Array', value);
  const view = viewOf('bytes', value) as Uint8Array;
  const bytes = isShared(view) ? view.slice() : view;
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) throw outOfRange('bytes', 'the state of a meter', 'something else');
  const start = MAGIC.length + 1;
  const version = bytes[MAGIC.length];
  const inside = new ByteReader(bytes, start);
  if (version === 1) return decodeVersion1(inside, checked);
  checkVersion('bytes: version', version);
  const config = readConfig(inside.json());
  const words = inside.words(layoutOf(config, version === IGNORING).length);
  const hardest = Array.from({ length: inside.count(4) }, (): Hard => {
    return [inside.varint(), inside.label(), inside.varint(), inside.varint()];
  });
  const state = checked(config, {
    words,
    hardest,
    curves: config.curves ? decodeCurves(inside, config.classes) : null,
    coverage: config.coverage ? inside.ranges() : null,
  });
  inside.done();
  checkVersion('bytes: version', version, state);
  return state;
}

function decodeCurves(inside: ByteReader, classes: number): CurveCounts {
  if (classes > inside.left) throw inside.broken();
  const curves = new CurveCounts(classes);
  for (let c = 0; c < classes; c++) {
    for (let left = inside.count(3), before = -1; left > 0; left--) {
      const cell = before + inside.varint();
      const [negatives, positives] = [inside.varint(), inside.varint()];
      checkCell(`state.curves[${c}]`, cell, before, negatives, positives);
      curves.add(c, cell, negatives, positives);
      before = cell;
    }
  }
  return curves;
}
