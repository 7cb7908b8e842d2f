import { outOfRange } from '../input/errors.ts';
import type { Range } from './coverage.ts';
import { crc32 } from './crc32.ts';

/**
 * Integers as bytes. A varint has 7 bits a byte, the lowest first, the top bit set in all bytes but the last. Words,
 * most of which are 0, come by eights: a byte whose bits tell which of them are not 0, the first one lowest, then these
 * as varints.
 */
export class ByteWriter {
  #bytes = new Uint8Array(1024);
  #length = 0;

  raw(bytes: ArrayLike<number>): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  varint(x: number): void {
    this.#room(8);
    let rest = x;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes[this.#length++] = 128 + (rest % 128);
    this.#bytes[this.#length++] = rest;
  }

  /** A label, or null for none: 0 for null, else 1 + 2t, or −2t where it is below 0. */
  label(t: number | null): void {
    this.varint(t === null ? 0 : t < 0 ? -2 * t : 2 * t + 1);
  }

  /** How many ranges, and of each how far it begins past the end of the one before, and its length. */
  ranges(ranges: readonly Range[]): void {
    this.varint(ranges.length);
    let end = 0;
    for (const [from, to] of ranges) {
      this.varint(from - end);
      this.varint(to - from);
      end = to;
    }
  }

  words(words: Float64Array): void {
    for (let i = 0; i < words.length; i += 8) {
      const eight = words.subarray(i, i + 8);
      this.#room(1);
      const mask = this.#length++;
      let bits = 0;
      for (const [k, word] of eight.entries()) {
        if (word === 0) continue;
        bits |= 1 << k;
        this.varint(word);
      }
      this.#bytes[mask] = bits;
    }
  }

  /** Everything so far, and its CRC-32 in 4 bytes, the lowest first. */
  sealed(): Uint8Array<ArrayBuffer> {
    const crc = this.checksum();
    this.raw([crc & 255, (crc >> 8) & 255, (crc >> 16) & 255, crc >>> 24]);
    return this.#bytes.slice(0, this.#length);
  }

  checksum(): number {
    return crc32(this.#bytes.subarray(0, this.#length));
  }

  #room(n: number): void {
    if (this.#length + n <= this.#bytes.length) return;
    const more = new Uint8Array(2 * (this.#length + n));
    more.set(this.#bytes);
    this.#bytes = more;
  }
}

/** Reads what a ByteWriter has written; whatever does not fit is a RangeError. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  /** @param bytes sealed, of which `start` have been read */
  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = bytes.length - 4;
    const end = this.#end;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (end < start || view.getUint32(end, true) !== crc32(bytes.subarray(0, end))) {
      throw outOfRange('bytes', 'a whole state with its checksum', 'a truncated or corrupt one');
    }
  }

  varint(): number {
    let x = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      if (scale > 2 ** 49) throw this.broken();
      x += (byte & 127) * scale;
      if (byte < 128) return x;
    }
  }

  /** A varint of how many things follow, of at least so many bytes each. */
  count(least = 1): number {
    const n = this.varint();
    if (n * least > this.left) throw this.broken();
    return n;
  }

  label(): number | null {
    const coded = this.varint();
    return coded === 0 ? null : coded % 2 === 1 ? (coded - 1) / 2 : -coded / 2;
  }

  ranges(): Range[] {
    let end = 0;
    return Array.from({ length: this.count(2) }, () => {
      const from = end + this.varint();
      end = from + this.varint();
      return [from, end] as const;
    });
  }

  byte(): number {
    if (this.#at >= this.#end) throw this.broken();
    return this.#bytes[this.#at++] as number;
  }

  raw(n: number): Uint8Array {
    if (n > this.left) throw this.broken();
    this.#at += n;
    return this.#bytes.subarray(this.#at - n, this.#at);
  }

  /** JSON in UTF-8, after its length. */
  json(): unknown {
    const text = this.raw(this.count());
    try {
      return JSON.parse(new TextDecoder().decode(text));
    } catch {
      throw this.broken();
    }
  }

  words(n: number): Float64Array {
    // eight words take at least a byte: nothing is allocated that the bytes do not pay for
    if (Math.ceil(n / 8) > this.left) throw this.broken();
    const words = new Float64Array(n);
    for (let i = 0; i < n; i += 8) {
      const mask = this.byte();
      for (let k = 0; k < 8; k++) {
        if (((mask >> k) & 1) === 0) continue;
        if (i + k >= n) throw this.broken();
        words[i + k] = this.varint();
      }
    }
    return words;
  }

  /** Bytes not yet read. */
  get left(): number {
    return this.#end - this.#at;
  }

  /** To be called at the end: nothing may be left. */
  done(): void {
    if (this.#at !== this.#end) throw this.broken();
  }

  broken(): RangeError {
    return outOfRange('bytes', 'a well-formed state', `something else at byte ${this.#at}`);
  }
}
