/**
 * Zip archives as far as .npz files need them: the directory at the end, members that are stored or deflated, read in
 * place and piece by piece (APPNOTE.TXT 6.3.10 of PKWARE, with the 64-bit fields that numpy always writes). The libraries
 * that do as much in a browser bring ten times the code, for writing, encryption and workers; inflating is fflate's.
 */
import { FileError, quiet } from './errors.ts';
import { fromStream, type Source, slice } from './source.ts';

export interface Member {
  readonly name: string;
  /** Its bytes: of a stored member in place, of a deflated one as a stream. */
  open(): Promise<Source>;
}

const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
/** Far more arrays than anyone saves, far less than would fill the memory. */
const MOST_MEMBERS = 100_000;
const MOST_DIRECTORY = 1 << 26;

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const uint64 = (view: DataView, at: number): number => Number(view.getBigUint64(at, true));

/** @throws FileError for anything that is not a whole archive */
export async function openZip(source: Source, signal?: AbortSignal): Promise<Member[]> {
  const { name, size } = source;
  if (source.sequential)
    throw new FileError(name, 'a .npz file can not be read from a pipe, as its directory is at its end');
  const bad = (what: string) => new FileError(name, `not a whole .npz file: ${what}`);
  const tailAt = Math.max(0, size - 22 - 65535);
  const tail = await source.read(tailAt, size - tailAt, signal);
  const view = viewOf(tail);
  let end = tail.length - 22;
  // a comment of any length may follow
  while (end >= 0 && !(view.getUint32(end, true) === END && view.getUint16(end + 20, true) === tail.length - end - 22))
    end--;
  if (end < 0) throw bad('its directory is missing');
  let [count, length, at] = [
    view.getUint16(end + 10, true),
    view.getUint32(end + 12, true),
    view.getUint32(end + 16, true),
  ];
  if (end >= 20 && view.getUint32(end - 20, true) === LOCATOR64) {
    const record = uint64(view, end - 12);
    if (record + 56 > size) throw bad('its directory is missing');
    const wide = viewOf(await source.read(record, 56, signal));
    if (wide.getUint32(0, true) !== END64) throw bad('its directory is missing');
    [count, length, at] = [uint64(wide, 32), uint64(wide, 40), uint64(wide, 48)];
  }
  if (at + length > size || count * 46 > length) throw bad('its directory does not fit into it');
  if (count > MOST_MEMBERS || length > MOST_DIRECTORY) throw bad(`${count} members are too many`);

  const directory = await source.read(at, length, signal);
  const entries = viewOf(directory);
  const members: Member[] = [];
  for (let p = 0, i = 0; i < count; i++) {
    if (p + 46 > length || entries.getUint32(p, true) !== ENTRY) throw bad('its directory is broken');
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((k) => entries.getUint16(p + k, true)) as [
      number,
      number,
      number,
    ];
    const next = p + 46 + nameLength + extraLength + commentLength;
    if (next > length) throw bad('its directory is broken');
    const entry = {
      flags: entries.getUint16(p + 8, true),
      method: entries.getUint16(p + 10, true),
      crc: entries.getUint32(p + 16, true),
      packed: entries.getUint32(p + 20, true),
      size: entries.getUint32(p + 24, true),
      at: entries.getUint32(p + 42, true),
    };
    const file = new TextDecoder().decode(directory.subarray(p + 46, p + 46 + nameLength));
    widen(entry, entries, p + 46 + nameLength, extraLength);
    members.push({ name: file, open: () => openMember(source, file, entry, signal) });
    p = next;
  }
  return members;
}

interface Entry {
  flags: number;
  method: number;
  crc: number;
  packed: number;
  size: number;
  at: number;
}

/** Sizes and offsets that do not fit 32 bits stand, in this order, in an extra field. */
function widen(entry: Entry, view: DataView, from: number, length: number): void {
  for (let p = from; p + 4 <= from + length; p += 4 + view.getUint16(p + 2, true)) {
    if (view.getUint16(p, true) !== 1) continue;
    let field = p + 4;
    for (const key of ['size', 'packed', 'at'] as const) {
      if (entry[key] !== 0xffffffff || field + 8 > from + length) continue;
      entry[key] = uint64(view, field);
      field += 8;
    }
  }
}

async function openMember(source: Source, member: string, entry: Entry, signal?: AbortSignal): Promise<Source> {
  const name = `${source.name}:${quiet(member.replace(/\.npy$/, ''))}`;
  const { flags, method, crc, packed, size, at } = entry;
  if (flags & 1) throw new FileError(name, 'is encrypted');
  if (method !== 0 && method !== 8)
    throw new FileError(name, `compression method ${method} is not known, save it by numpy.savez`);
  if (at + 30 > source.size) throw new FileError(name, 'truncated');
  const local = viewOf(await source.read(at, 30, signal));
  if (local.getUint32(0, true) !== LOCAL) throw new FileError(name, 'is not where the directory says');
  const start = at + 30 + local.getUint16(26, true) + local.getUint16(28, true);
  if (start + packed > source.size) throw new FileError(name, `truncated, its ${packed} bytes are not all there`);
  if (method === 0) {
    if (packed !== size) throw new FileError(name, `${packed} stored bytes can not be ${size}`);
    return slice(source, name, start, size);
  }
  return fromStream(name, () => inflated(slice(source, name, start, packed), { size, crc }), size);
}

const PIECE = 1 << 16;

/** Inflate piece by piece, so that the memory stays flat; a piece can become a thousand times as long, and no longer. */
async function* inflated(packed: Source, { size, crc }: { size: number; crc: number }): AsyncGenerator<Uint8Array> {
  const { Inflate } = await import('fflate');
  let ready: Uint8Array[] = [];
  const inflate = new Inflate((bytes) => ready.push(bytes));
  const sum = new Crc32();
  let total = 0;
  for (let at = 0; at < packed.size; at += PIECE) {
    const length = Math.min(PIECE, packed.size - at);
    // copied, as the inflater keeps what it has not used
    const piece = (await packed.read(at, length)).slice();
    try {
      inflate.push(piece, at + length === packed.size);
    } catch (error) {
      throw new FileError(packed.name, `can not be inflated: ${(error as Error).message}`, { cause: error });
    }
    for (const bytes of ready) {
      sum.add(bytes);
      total += bytes.length;
      if (total === size && sum.value !== crc) throw new FileError(packed.name, 'corrupt: its checksum does not fit');
      yield bytes;
    }
    ready = [];
  }
}

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let k = 0; k < 8; k++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  return crc;
});

class Crc32 {
  #crc = -1;

  add(bytes: Uint8Array): void {
    let crc = this.#crc;
    for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[i]!) & 255]!;
    this.#crc = crc;
  }

  get value(): number {
    return ~this.#crc >>> 0;
  }
}
