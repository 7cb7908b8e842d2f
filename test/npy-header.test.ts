import { describe, expect, test } from 'vitest';
import { readNpyHeader } from '../bindings/files/npy-header.ts';
import headers from './golden/npy-headers.json' with { type: 'json' };

const TYPES = /^([<>][fiu][48]|[<>][fiu]2|\|[iub]1)$/;

type Reading = [descr: string, fortran: boolean, shape: number[]] | null;

function file(header: string, version = 1): Uint8Array {
  const bytes = Buffer.alloc((version === 1 ? 10 : 12) + header.length);
  bytes.write('\x93NUMPY', 'latin1');
  bytes[6] = version;
  if (version === 1) bytes.writeUInt16LE(header.length, 8);
  else bytes.writeUInt32LE(header.length, 8);
  bytes.write(header, version === 1 ? 10 : 12, 'latin1');
  return bytes;
}

function reading(header: string): Reading {
  try {
    const { descr, fortran, shape } = readNpyHeader(file(header));
    return [descr, fortran, [...shape]];
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
    return null;
  }
}

describe('a .npy header', () => {
  test('is read as NumPy reads it, or refused', () => {
    const wrong = (headers as [string, Reading][]).filter(([text, numpys]) => {
      const ours = reading(text);
      // whether there is such a type is the reader's business
      return ours && TYPES.test(ours[0]) && JSON.stringify(ours) !== JSON.stringify(numpys);
    });
    expect(wrong).toEqual([]);
    // refusing everything would pass, too
    const [good, bad] = [headers.slice(0, 6), headers.slice(6, 31)] as [string, Reading][][];
    for (const [text, numpys] of good!) expect(reading(text)).toEqual(numpys);
    for (const [text] of bad!) expect(reading(text)).toBeNull();
  });

  const text = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }\n";
  test.each([1, 2, 3])('of version %i', (version) => {
    const bytes = file(text, version);
    expect(readNpyHeader(bytes)).toEqual({ descr: '<f4', fortran: false, shape: [3, 4], dataAt: bytes.length });
  });

  test.each([
    ['nothing', new Uint8Array(0), /not a \.npy file/],
    ['another file', Buffer.from('this is not an array of numbers'), /not a \.npy file/],
    ['another version', file(text, 4), /version 4\.0 is not known/],
    ['a header that is cut off', file(text).subarray(0, 40), /truncated within the header/],
    ['a header too long', file(text.padEnd(20_000)), /at most 10000 bytes, got 20000/],
    ['a structured dtype', file(text.replace("'<f4'", "[('a', '<f4')]")), /structured dtype/],
    ['a size past 2^53', file(text.replace('3, 4', `${10 ** 12}, ${10 ** 12}`)), /is not possible/],
    ['such a size of no elements', file(text.replace('3, 4', `0, ${'9'.repeat(30)}`)), /is not possible/],
  ])('refused: %s', (_, bytes, message) => {
    expect(() => readNpyHeader(bytes)).toThrow(message);
  });
});
